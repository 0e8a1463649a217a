"""The lines of one generation of a journal in their order, each checked against the hash chain before it is given.

Hashing takes about as long as everything else that is done with a line. So of a large file, on a machine
that is not busy, another process (`journal_pass.main`, as verification starts it) hashes nearly all parts
ahead of this one, which meanwhile uses the lines, and hashes the rest itself. Nothing is given whose hash
was not found right, by the one or the other; memory is that of a block.

What `checked` gives ends at a point the caller knows to be the end of a transaction (the index's
position, the journal's own end), so that every transaction in it is whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from store import journal_pass
from store.journal_parts import PROGRAM, line_end, stated
from store.journal_read import damaged, line_number, pread
from store.model import Position

if TYPE_CHECKING:
    from store.errors import Damaged
    from store.journal_pass import Place
    from store.journal_read import ReadFile

BLOCK = journal_pass.BLOCK
PART = 2 << 20
"""Bytes of the parts that the processes take in turn, at least."""
MOST_PARTS = 60
OWN = 6
"""Of so many parts this process hashes one itself."""
BUSY = 0.5
"""Processes that may wait for a processor, on average of a minute, where another one is started."""
MANY = 4 * PART
"""Bytes from which a second process pays."""
_WHY = "the line is not what was written there, or a line before it is missing or doubled"


class Lines(NamedTuple):
    """Lines of a block, without their newlines."""

    offset: int
    """Where the first one starts."""
    lines: list[bytes]


def checked(reader: ReadFile, upto: Position, *, helped: bool = True) -> Iterator[Lines]:
    """All lines after the header up to `upto`, checked. Raises Damaged at the first that is not right.

    Without `helped` no second process is started.
    """
    header = reader.header
    if upto.offset <= header.end:
        return
    parts = _parts(reader, upto.offset) if helped else []
    first: Place = (header.end, header.hash, header.end, 1, 1)
    starts = [first, *parts]
    ends = [*(place[0] for place in parts), upto.offset]
    theirs = [number for number in range(1, len(starts)) if number % OWN]
    helper = _Helper(reader, [(starts[number], ends[number]) for number in theirs])
    try:
        place = first
        for number, start in enumerate(starts):
            if place != start:  # a line states a place that the one after it does not go on from
                raise _damage(reader, start[0], _WHY)
            reached = helper.reached() if number in theirs else None
            if reached is None:
                place = yield from _hashed(reader, start, ends[number])
            elif reached[0] != ends[number]:
                place = yield from _hashed(reader, start, ends[number])  # says which line it is
            else:
                place = reached
                yield from _plain(reader, start[0], ends[number])
        if place[1] != upto.hash or place[3] != place[4]:
            raise _damage(reader, place[0], "other lines end here than those that were known to")
    finally:
        helper.stop()


def end_of(reader: ReadFile) -> Position:
    """The end of an archived generation, by the words of its last line. Raises Damaged where that says none."""
    size = reader.size
    if size == reader.header.end:
        return reader.header.position
    place = stated(lambda size, at: pread(reader.fd, size, at, reader.path), size)
    if place is None or place[3] != place[4]:
        raise _damage(reader, size, "it does not end with a whole transaction")
    return Position(reader.header.generation, size, place[1])


def _hashed(reader: ReadFile, start: Place, upto: int) -> Generator[Lines, None, Place]:
    """The lines from `start` to `upto`, hashed on the way; the place after them."""
    place = start
    for block in _plain(reader, start[0], upto):
        _, place, fits = journal_pass.fit(block.lines, place)
        if not fits:
            raise _damage(reader, place[0], _WHY)
        yield block
    if place[0] != upto:
        raise _damage(reader, place[0], "the file ends, or a line runs on, where a transaction ended")
    return place


def _plain(reader: ReadFile, offset: int, upto: int) -> Iterator[Lines]:
    """The whole lines from `offset` that end at or before `upto`."""
    rest: list[bytes] = []
    start = offset
    while offset < upto:
        block = pread(reader.fd, min(BLOCK, upto - offset), offset, reader.path)
        if not block:
            return
        offset += len(block)
        rest.append(block)
        if b"\n" not in block:
            continue
        lines = (b"".join(rest) if len(rest) > 1 else block).split(b"\n")
        rest = [lines.pop()]
        yield Lines(start, lines)
        start = offset - len(rest[0])


def _parts(reader: ReadFile, upto: int) -> list[Place]:
    """Line ends that cut what there is into parts to be taken in turn; none where that does not pay."""
    begin = reader.header.end
    size = upto - begin
    if size < MANY or not isinstance(reader.fd, int) or not sys.executable or not _free():
        return []
    each = max(PART, size // MOST_PARTS)
    found: list[Place] = []
    for number in range(1, size // each):
        place = line_end(
            lambda size, at: pread(reader.fd, size, at, reader.path), begin + number * each, upto
        )
        if place is not None and (not found or place[0] > found[-1][0]):
            found.append(place)
    return found


def _free() -> bool:
    """Whether another process would find a processor: on a busy machine one would mostly wait for it."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    if cores < 2:
        return False
    try:
        return os.getloadavg()[0] < cores + BUSY
    except (OSError, AttributeError):
        return True


def _damage(reader: ReadFile, offset: int, why: str) -> Damaged:
    number = line_number(reader.fd, offset, reader.path)
    return damaged(reader.path, number, offset, why)


class _Helper:
    """The process that hashes parts of the file, and says of each how far it was right."""

    def __init__(self, reader: ReadFile, parts: list[tuple[Place, int]]) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if not parts or not isinstance(reader.fd, int):
            return
        words = [str(word) for start, upto in parts for word in (*start, upto)]
        with suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", PROGRAM, *words],
                stdin=reader.fd,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def reached(self) -> Place | None:
        """Where the lines of its next part ceased to be right: its end where all are. None: it cannot say."""
        if self._process is None or self._process.stdout is None:
            return None
        words = self._process.stdout.readline().decode("ascii", "replace").split()
        if len(words) != 12:
            self.stop()
            return None
        offset, digest, origin, nth, total = words[6:11]
        return int(offset), digest, int(origin), int(nth), int(total)

    def stop(self) -> None:
        """End it, whether or not it has said everything."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
