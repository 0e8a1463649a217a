"""A generation written anew, line by line: what erasing, retention and salvage share.

A journal line is a *body* (everything before its `,"_t":[`) and its place: where its transaction
starts, which of how many lines it is, and the hash that chains it. Whoever changes a generation
says what becomes of the bodies of one transaction at a time; the places are given here.

    chain = Chain(header, digest, generation)
    lines = rewrite(verified(reader), keeping(wanted), chain)
    durable.write_aside(path, blocks(header, lines))
    chain.position                                    # the end of what was written

1. What is read is checked against its own chain first (`verified`): damage is never chained anew
   and so made to look whole.
2. Bodies that are kept are kept byte for byte, but for the `tx` member: it stays on the first line
   of its transaction, whichever that is now.
3. A transaction none of whose lines is left is not there any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from store import records
from store.journal_read import ReadFile, damaged, line_number, raw_lines
from store.model import Position

BLOCK = 1 << 20
_TAIL = 41
"""Bytes of `,"_h":"<32 hex>"}` at the end of a line, without its newline."""
_PLACE = b',"_t":['
_META, _RECORD, _GONE = b',"tx":', b',"record":', b',"deleted_at":'


class Group(NamedTuple):
    """One transaction as it lies in its generation. `bodies` are its lines up to their `_t`."""

    generation: int
    offset: int
    end: int
    """The offset after its last line."""
    hash: str
    """Of its last line."""
    bodies: tuple[bytes, ...]

    @property
    def tx(self) -> str:
        """As `undoes` and the history name it."""
        return f"{self.generation}:{self.offset:x}"


Remake = Callable[[Group], Sequence[bytes]]
"""What becomes of one transaction: the bodies of its lines, none where it goes."""


class Chain:
    """The end of a generation that is being written."""

    __slots__ = ("generation", "hash", "offset")

    def __init__(self, header: bytes, digest: str, generation: int) -> None:
        self.generation = generation
        self.offset = len(header)
        self.hash = digest

    @property
    def position(self) -> Position:
        """Where the next transaction starts."""
        return Position(self.generation, self.offset, self.hash)

    def lines(self, bodies: Sequence[bytes]) -> list[bytes]:
        """The lines of a transaction of `bodies`, put at the end of the chain."""
        start, total = self.offset, len(bodies)
        last, made = self.hash.encode("ascii"), []
        for nth, body in enumerate(bodies, 1):
            placed = b'%b,"_t":["%x",%d,%d]' % (body, start, nth, total)
            last = blake2b(last + placed, digest_size=16).hexdigest().encode("ascii")
            line = b'%b,"_h":"%b"}\n' % (placed, last)
            made.append(line)
            self.offset += len(line)
        self.hash = last.decode("ascii")
        return made


def rewrite(
    groups: Iterable[Group],
    remake: Remake,
    chain: Chain,
    placed: Callable[[Group, Position, Position], None] | None = None,
) -> Iterator[bytes]:
    """The lines that `remake` leaves of each transaction, chained on at the end of `chain`.

    `placed(group, before, after)` is told where each transaction came to lie; where nothing is
    left of one, `before` and `after` are the same.
    """
    for group in groups:
        before = chain.position
        bodies = remake(group)
        lines = chain.lines(bodies) if bodies else ()
        if placed is not None:
            placed(group, before, chain.position)
        yield from lines


def verified(reader: ReadFile, upto: int | None = None) -> Iterator[Group]:
    """The transactions of a generation (up to the offset `upto`), the chain checked. Raises Damaged, StorageError."""
    offset, last = reader.header.end, reader.header.hash.encode("ascii")
    start, bodies = offset, list[bytes]()
    generation = reader.header.generation
    for line in raw_lines(reader.fd, offset, reader.path, upto):
        whole = line[:-_TAIL]
        last = blake2b(last + whole, digest_size=16).hexdigest().encode("ascii")
        body, mark, place = whole.rpartition(_PLACE)
        if line[-_TAIL:] != b',"_h":"%b"}' % last or not mark:
            raise damaged(reader.path, line_number(reader.fd, offset, reader.path), offset, "broken chain")
        total = int(place[place.rfind(b",") + 1 : -1])
        if place != b'"%x",%d,%d]' % (start, len(bodies) + 1, total):
            raise damaged(reader.path, line_number(reader.fd, offset, reader.path), offset, "out of place")
        bodies.append(body)
        offset += len(line) + 1
        if len(bodies) == total:
            yield Group(generation, start, offset, last.decode("ascii"), tuple(bodies))
            start, bodies = offset, []


def grouped(lines: Iterable[bytes], generation: int = 0) -> Iterator[Group]:
    """The transactions that loose lines belong to, by the `_t` they state; nothing is checked.

    For salvage: neighbours that state the same start are one transaction, complete or not.
    """
    where, start, end, digest, bodies = b"", 0, 0, "", list[bytes]()
    for line in lines:
        text = line.rstrip(b"\n")
        body, mark, place = text[:-_TAIL].rpartition(_PLACE)
        if not mark:
            raise ValueError("not a journal line")
        stated = place[: place.find(b",")]
        if stated != where and bodies:
            yield Group(generation, start, end, digest, tuple(bodies))
            bodies = []
        if not bodies:
            where, start = stated, int(stated.strip(b'"'), 16)
        bodies.append(body)
        end, digest = end + len(text) + 1, text[-34:-2].decode("ascii", "replace")
    if bodies:
        yield Group(generation, start, end, digest, tuple(bodies))


def keeping(keep: Callable[[bytes], bytes | None]) -> Remake:
    """A `remake` from a rule for single bodies: the body to keep, as it is or another, or None.

    The `tx` member goes over to the first line that is kept.
    """

    def remake(group: Group) -> list[bytes]:
        kept = [body for old in group.bodies if (body := keep(old)) is not None]
        if kept and kept[0] is not group.bodies[0]:
            kept[0] = with_meta(kept[0], raw_meta(group.bodies[0]))
        return kept

    return remake


def blocks(header: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a generation in pieces worth a system call each."""
    held, size = [header], len(header)
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


# -- the parts of a body ---------------------------------------------------------------------------


def body_of(line: bytes) -> bytes:
    """A journal line up to its `_t`. Raises ValueError where it is none."""
    body, mark, _ = line.rpartition(_PLACE)
    if not mark:
        raise ValueError("not a journal line")
    return body


def head_of(body: bytes) -> dict[str, Any]:
    """The members before the record: op, key, ver, at, by, and `tx` on a first line. Raises BadJson."""
    text = body[: _head_end(body)] + b"}"
    try:
        head: dict[str, Any] = orjson.loads(text)  # in one go, as every line of a journal is asked
    except ValueError:
        head = records.loads(text)
    return head


def raw_of(body: bytes) -> bytes | None:
    """The record's own bytes; None for a delete."""
    found = body.find(_RECORD)
    return None if found < 0 else body[found + len(_RECORD) :]


def raw_meta(body: bytes) -> bytes | None:
    """The bytes of the `tx` member; None where there is none."""
    end = _head_end(body)
    found = body.find(_META, 0, end)
    return None if found < 0 else body[found + len(_META) : end]


def with_meta(body: bytes, meta: bytes | None) -> bytes:
    """The body with these bytes as its `tx` member, or without one."""
    end = _head_end(body)
    found = body.find(_META, 0, end)
    start = end if found < 0 else found
    told = b"" if meta is None else _META + meta
    return body[:start] + told + body[end:]


def _head_end(body: bytes) -> int:
    """Where the members before the record end: none of these marks can lie within a JSON string."""
    found = body.find(_RECORD)
    if found < 0:
        found = body.find(_GONE)
    return len(body) if found < 0 else found
