"""A mended journal written aside: exact bytes as they are, and what follows a gap chained anew.

1. Bytes before the first gap stay as they are, up to the last whole transaction before it.
2. Lines after it keep their transaction, its `tx` member, author and time; only their places are new.
   Transactions are named by their place, so `undoes` and `redoes` are made to follow.
3. What was lost is said by a transaction of its own at the end, in the same file: both or neither.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from store import clock, durable, records
from store.model import Position, TxMeta
from store.rechain import BLOCK, Chain, Group, grouped, raw_meta, rewrite, with_meta
from store.txmeta import meta_dict
from store.upkeep.recovery.mending import made_header

if TYPE_CHECKING:
    from pathlib import Path

    from store.journal import Journal
    from store.upkeep.recovery.lines import Read
    from store.upkeep.recovery.mending import Part
    from store.upkeep.recovery.salvaged import Piece

_NAMED = re.compile(rb'"(?:undoes|redoes)":"(\d+):([0-9a-f]+)"|"(\d+):([0-9a-f]+)/\d+"')

Meta = Callable[[int, int], TxMeta | None]
"""What the transaction that started at (generation, offset) said of itself, where its first line is lost."""


class Moved:
    """Where transactions lie now that lay elsewhere before."""

    def __init__(self) -> None:
        self._old: dict[int, array[int]] = {}
        self._new: dict[int, array[int]] = {}
        self._kept: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def begin(self, generation: int, kept: int) -> None:
        """A generation of which the first `kept` bytes stay as they are."""
        self._old[generation], self._new[generation] = array("q"), array("q")
        self._kept[generation] = self._ends[generation] = kept

    def note(self, generation: int, old: int, new: int, end: int) -> None:
        """A transaction that started at `old` starts at `new` and ends at `end`."""
        self._old[generation].append(old)
        self._new[generation].append(new)
        self._ends[generation] = end

    def start(self, generation: int, old: int) -> int:
        """Where the transaction that started at `old` starts now."""
        olds = self._old.get(generation, ())
        at = bisect_left(olds, old)
        return self._new[generation][at] if at < len(olds) and olds[at] == old else old

    def position(self, before: Position) -> Position:
        """The point that stands for what lay before `before`; its hash is no longer one of the chain's."""
        generation, old, _ = before
        if old <= self._kept.get(generation, old):
            return before
        olds = self._old[generation]
        at = bisect_left(olds, old)
        return before._replace(offset=self._new[generation][at] if at < len(olds) else self._ends[generation])


class Rewriting:
    """Writes the generations of one journal from the first that is not exact on."""

    def __init__(self, journal: Journal, meta: Meta) -> None:
        self._journal = journal
        self._meta = meta
        self.moved = Moved()
        self.end: Position | None = None
        """Where the generation written last ends."""

    def exact(self, part: Part) -> Path:
        """Write a generation of which nothing is missing; where it lies, aside."""
        found = part.found
        return durable.write_aside(part.home, bytes_of(found.exact, part.source.read, found.keep))

    def anew(self, part: Part, before: Position | None, last: Last | None = None) -> Path:
        """Write a generation whose lines are chained anew. `last` is the transaction to end it with."""
        return durable.write_aside(part.home, self._chunks(part, before, last))

    def _chunks(self, part: Part, before: Position | None, last: Last | None) -> Iterator[bytes]:
        found, read = part.found, part.source.read
        kept = part.found.header and self._same_header(part, before)
        if kept:
            tail = b""
            for block in bytes_of(found.exact, read, found.keep):
                yield block
                tail = (tail + block)[-64:]
            chain = Chain(b"", tail[-35:-3].decode("ascii"), part.number)
            chain.offset, skip = found.keep, found.keep
        else:
            header = self._new_header(part, before)
            yield header
            chain = Chain(header, header[-35:-3].decode("ascii"), part.number)
            skip = _first_line(found.exact, read) if found.header else 0
        self.moved.begin(part.number, skip if kept else 0)
        yield from _batched(self._lines(part, skip, chain))
        if last is not None:
            lines, digest = last(chain)
            yield b"".join(lines)
            self.end = Position(part.number, chain.offset + sum(map(len, lines)), digest)
        else:
            self.end = chain.position

    def _lines(self, part: Part, skip: int, chain: Chain) -> Iterator[bytes]:
        found, read = part.found, part.source.read
        lines = _once(lines_of([*_skipped(found.exact, skip), *found.after], read))

        def placed(group: Group, before: Position, after: Position) -> None:
            self.moved.note(part.number, group.offset, before.offset, after.offset)

        return rewrite(grouped(lines, part.number), self._remade, chain, placed)

    def _remade(self, group: Group) -> list[bytes]:
        bodies = list(group.bodies)
        told = raw_meta(bodies[0])
        if told is None:
            meta = self._meta(group.generation, group.offset)
            if meta is not None:
                told = records.dumps(meta_dict(meta))
        if told is not None:
            bodies[0] = with_meta(bodies[0], _NAMED.sub(self._renamed, told))
        return bodies

    def _renamed(self, match: re.Match[bytes]) -> bytes:
        """A transaction's name in `undoes`, `redoes` or the id of a conflict, as it is called now."""
        group = 1 if match[1] is not None else 3
        old = int(match[group + 1], 16)
        new = self.moved.start(int(match[group]), old)
        start, end = match.start(group + 1) - match.start(), match.end(group + 1) - match.start()
        return match[0][:start] + b"%x" % new + match[0][end:]

    def _same_header(self, part: Part, before: Position | None) -> bool:
        previous = (part.header or {}).get("previous")
        if before is None or not isinstance(previous, dict):
            return (previous is None) == (before is None)
        return (previous.get("size"), previous.get("hash")) == (before.offset, before.hash)

    def _new_header(self, part: Part, before: Position | None) -> bytes:
        if part.header is None or before is None:
            return made_header(self._journal, part, before, clock.stamp())
        told = {name: value for name, value in part.header.items() if name != "_h"}
        told["previous"] = {**(told.get("previous") or {}), "size": before.offset, "hash": before.hash}
        told["previous"].setdefault("file", f"archive/{self._journal.family}.{before.generation}.jsonl")
        body = records.dumps(told)[:-1]
        return b'%b,"_h":"%b"}\n' % (body, records.chain(records.NO_HASH, body).encode("ascii"))


Last = Callable[[Chain], tuple[list[bytes], str]]
"""The lines of the last transaction, put at the end of a chain, and their hash."""


def lines_of(pieces: Iterable[Piece], read: Read) -> Iterator[bytes]:
    """The lines of pieces, each with its newline."""
    for piece in pieces:
        rest = b""
        for block in _blocks(piece, read, piece.length):
            *lines, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in lines)


def _blocks(piece: Piece, read: Read, upto: int) -> Iterator[bytes]:
    if piece.data is not None:
        yield piece.data[:upto]
        return
    at, end = piece.offset, piece.offset + min(piece.length, upto)
    while at < end and (block := read(min(BLOCK, end - at), at)):
        yield block
        at += len(block)


def bytes_of(pieces: Iterable[Piece], read: Read, upto: int) -> Iterator[bytes]:
    """The first `upto` bytes of pieces."""
    for piece in pieces:
        if upto <= 0:
            return
        yield from _blocks(piece, read, upto)
        upto -= piece.length


def _skipped(pieces: Iterable[Piece], skip: int) -> Iterator[Piece]:
    """Pieces without their first `skip` bytes."""
    for piece in pieces:
        left = max(0, piece.length - skip)
        if left and skip and piece.data is not None:
            yield piece._replace(length=left, data=piece.data[skip:])
        elif left:
            yield piece._replace(offset=piece.offset + skip, length=left)
        skip = max(0, skip - piece.length)


def _first_line(pieces: list[Piece], read: Read) -> int:
    """Bytes of the header line."""
    return len(next(lines_of(pieces[:1], read), b""))


def _once(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without one that came right before: a block may be in the file twice."""
    recent: dict[bytes, None] = {}
    for line in lines:
        digest = line[-36:]
        if digest in recent:
            continue
        recent[digest] = None
        if len(recent) > 10_000:
            recent.pop(next(iter(recent)))
        yield line


def _batched(lines: Iterable[bytes]) -> Iterator[bytes]:
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
