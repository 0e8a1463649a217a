"""Lines of a journal given their place in a new generation: ranges of bytes, the records never parsed.

A line's hash is checked against the line before it where it stood; then its place and hash are made anew.
Everything runs in constant memory, in one loop that is run once for every live line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING

from store import clock
from store.errors import Damaged
from store.journal_read import ReadFile, Source, damaged, line_number, pread
from store.model import Position
from store.records import Draft, dumps, encode_lines

if TYPE_CHECKING:
    from pathlib import Path

    from store.journal import Journal

Place = tuple[int, int, int]
"""(generation, offset, length) of a line."""

CARRIED = "carry"
"""The command in the `tx` of the line that says where the generation before ended."""

BLOCK = 1 << 20
_JUMP = 1 << 13
"""Bytes read at once where a line does not follow the one before: what belongs together was written together."""
_TAIL = 42
"""Bytes of `,"_h":"<32 hex>"}` and the newline."""
_BEFORE = 35
"""Bytes of `<32 hex>"}` and the newline, at the end of the line before."""


class Carrying:
    """Gives lines their place in a new chain, each a transaction of its own; in constant memory."""

    def __init__(self, journal: Journal, offset: int, digest: str) -> None:
        self.offset = offset
        self.hash = digest
        self.lines = 0
        self._journal = journal

    def chunks(
        self,
        header: bytes,
        places: Iterable[Place],
        told: Callable[[int], None] | None = None,
        *,
        checked: int = 0,
    ) -> Iterator[bytes]:
        """The bytes of the new generation, in blocks."""
        yield header
        for block in self.blocks(places, checked=checked):
            yield block
            if told is not None:
                told(self.lines)

    def given(self, header: bytes, live: Iterable[bytes | Draft], by: str) -> Iterator[bytes]:
        """The same for lines in hand, which the caller has checked, and new records."""
        block = [header]
        size = 0
        for item in live:
            line = self._carried(item) if isinstance(item, bytes) else self._made(item, by)
            block.append(line)
            self.offset += len(line)
            self.lines += 1
            size += len(line)
            if size > BLOCK:
                yield b"".join(block)
                block, size = [], 0
        yield b"".join(block)

    def blocks(self, places: Iterable[Place], *, checked: int = 0) -> Iterator[bytes]:
        """The lines at `places` with their new place and hash. Raises Damaged, StorageError.

        The lines of the generation `checked` are checked elsewhere (`line_check`).
        """
        window = _Window(self._journal)
        source, base, top, data = 0, 0, 0, b""
        made: list[bytes] = []
        offset, digest = self.offset, self.hash.encode("ascii")
        full = offset + BLOCK
        new = blake2b(digest_size=16).copy  # a copy is made faster than a fresh one
        for generation, start, length in places:  # once for every live line: no calls it can do without
            if generation != source or start - _BEFORE < base or start + length > top:
                window.move(generation, start - _BEFORE, start + length)
                source, base, top, data = generation, window.start, window.end, window.data
            low, end = start - base, start - base + length
            cut = end - _TAIL
            mark = data.rfind(b',"_t":["', low, cut)
            if mark < 0:
                raise window.damaged(start)
            if generation != checked:
                check = new()
                check.update(data[low - _BEFORE : low - 3] + data[low:cut])
                if data[end - _BEFORE : end - 3] != check.hexdigest().encode():
                    raise window.damaged(start)
            line = data[low:mark]
            # Only the first line of a transaction says what it was.
            if data.find(b'",1,', mark, cut) > 0 and line.find(b',"tx":{', 0, line.find(b',"record":')) > 0:
                line = _without_tx(line)
            place = b',"_t":["%x",1,1]' % offset
            check = new()
            check.update(b"".join((digest, line, place)))
            digest = check.hexdigest().encode()
            made += line, place, b',"_h":"', digest, b'"}\n'
            offset += len(line) + len(place) + _TAIL
            if offset > full:
                self.lines += len(made) // 5
                self.offset, self.hash, full = offset, digest.decode(), offset + BLOCK
                yield b"".join(made)
                made.clear()
        self.offset, self.hash, self.lines = offset, digest.decode(), self.lines + len(made) // 5
        yield b"".join(made)

    def sealing(self, place: Place, end: Position) -> bytes:
        """The last line to be carried over: it says where the generation before ended."""
        copy = Carrying(self._journal, self.offset, self.hash)
        line = b"".join(copy.blocks([place]))
        where = b',"tx":%b' % dumps({"cmd": CARRIED, "label": "", "session": "", "group": said(end)})
        at = line.find(b',"record":')
        at = line.find(b',"deleted_at":') if at < 0 else at
        sealed = self._carried(line[:at] + where + line[at:], seal=True)
        self.offset += len(sealed)
        self.lines += 1
        return sealed

    def _carried(self, line: bytes, *, seal: bool = False) -> bytes:
        """A line of the old generation: who, when, version and record stay as they are."""
        mark = line.rfind(b',"_t":[')
        if mark < 0:
            raise ValueError("not a journal line")
        head = line[:mark] if seal else _without_tx(line[:mark])
        body = b'%b,"_t":["%x",1,1]' % (head, self.offset)
        self.hash = blake2b(self.hash.encode("ascii") + body, digest_size=16).hexdigest()
        return b'%b,"_h":"%b"}\n' % (body, self.hash.encode("ascii"))

    def _made(self, draft: Draft, by: str) -> bytes:
        lines, self.hash = encode_lines(
            [draft], offset=self.offset, previous=self.hash, at=clock.stamp(), by=by, meta=None
        )
        return lines[0]


def _without_tx(head: bytes) -> bytes:
    """A line up to its `_t` without the `tx` member: what the transaction was stays in the archive."""
    record = head.find(b',"record":')
    found = head.find(b',"tx":{', 0, record if record >= 0 else len(head))
    if found < 0:  # within the record
        return head
    return head[:found] + head[record if record >= 0 else head.rfind(b',"deleted_at":') :]


class _Window:
    """A stretch of one generation in memory: longer while lines are asked for one after the other."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._source: Source = -1
        self._path = journal.path
        self._reader: ReadFile | None = None
        self._ahead = _JUMP
        self.generation = 0
        self.start = 0
        self.end = 0
        self.data = b""

    def move(self, generation: int, low: int, high: int) -> None:
        """Have the bytes from `low`, at least to `high`, in memory."""
        if generation != self.generation:
            reader = self._journal.generation_file(generation)
            self._source, self._path, self.generation = reader.fd, reader.path, generation
            self.start = self.end = low
            self._reader = reader  # which closes its descriptor with its last reference
        near = self.start <= low < self.end + BLOCK
        self._ahead = min(2 * self._ahead, BLOCK) if near else _JUMP
        self.data = pread(self._source, max(high - low, self._ahead), low, self._path)
        self.start, self.end = low, low + len(self.data)

    def damaged(self, start: int) -> Damaged:
        """What to raise for a line at `start` that is not what was written."""
        return not_written(self._source, start, self._path)


def not_written(source: Source, start: int, path: Path) -> Damaged:
    """What to raise for a line at `start` that is not what was written."""
    why = "the line is not what was written there, so it is not carried over"
    return damaged(path, line_number(source, start, path), start, why)


def said(end: Position) -> str:
    """A position as the line that tells of it writes it."""
    return f"{end.generation}:{end.offset}:{end.hash}"
