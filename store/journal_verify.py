"""Full verification of a journal: every line of every generation, every damage named.

The quick pass (`journal_pass`) says up to where all is well, without parsing a line; only what
follows is read with care. Unlike reading, that goes on after damage: from a line whose own form is
whole it takes the hash the line states, so that one flipped bit gives one finding and the next one
is found too.

What is found, by code (errors unless said otherwise):

| code | means |
|---|---|
| `broken-line` | a line that is no journal line |
| `broken-chain` | a line that is not what was written there, or the one before it is missing, doubled or moved |
| `broken-transaction` | a line out of its transaction: one of its lines is missing or doubled |
| `torn-tail` | warning: a write that was cut off; it was never acknowledged |
| `broken-header` | the first line of a generation is not what was written |
| `missing-journal` | transactions were committed, and there is no file |
| `shortened-journal` | the last acknowledged commit is not in the file |
| `missing-generation` | an archived generation is gone |
| `changed-generation` | an archived generation does not end where the next one says |
| `damaged-archive` | a compressed generation cannot be read |
| `garbled-witness` | info: the witness is unreadable; the next commit renews it |
| `unreadable-journal` | the system, or a newer chartkeep's format, keeps it from being read |
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from store import journal_parts
from store.cold import FRAME, ColdFile
from store.errors import ChartkeepError, Damaged
from store.journal_next import ends_as_told
from store.journal_read import ReadFile, Scanner, line_number, pread, raw_lines
from store.model import Finding, Position
from store.records import BadJson, Parts, chain, decode_line

if TYPE_CHECKING:
    from store.journal_reader import JournalReader

MANY = 1000
"""Damaged lines named one by one in one generation; the rest is counted."""

_TAIL = 41

Told = Callable[[int], None]
"""Hears how many bytes more have been verified."""


def verify(journal: JournalReader, told: Told | None = None) -> Iterator[Finding]:
    """All that is wrong with a journal, its archived generations included; nothing is changed."""
    if journal.witness.read()[1]:
        path = str(journal.witness.path)
        yield Finding("info", "garbled-witness", "the witness is unreadable; the next commit renews it", path)
    try:
        witness, reader = journal.together()
    except Damaged as error:
        yield damage("missing-journal" if not journal.path.exists() else "broken-header", error, journal.path)
        yield from _archives_alone(journal, told)
        return
    except ChartkeepError as error:
        yield Finding("error", "unreadable-journal", str(error), str(journal.path))
        return
    if reader is None:
        return
    yield from _archives(journal, reader, told)
    end = yield from generation(reader, told)
    try:
        journal.check_witness(reader.fd, reader.header, witness, end)
    except Damaged as error:
        yield damage("shortened-journal", error, journal.path)


def ends(journal: JournalReader, found: dict[int, Position]) -> Iterator[Finding]:
    """What is wrong with how generations follow each other, where their lines were verified before.

    `found` says where each ended; one that is missing there is not compared.
    """
    try:
        witness, reader = journal.together()
        if reader is None:
            return
        if reader.header.generation in found:
            # A writer may have gone on since: what the witness says must only be there.
            upto = Position(reader.header.generation, reader.size, "")
            journal.check_witness(reader.fd, reader.header, witness, upto)
        while reader.header.previous is not None:
            number = reader.header.generation - 1
            path = journal.archived(number)
            if not path.exists():
                yield Finding("error", "missing-generation", f"generation {number} is gone", str(path))
                return
            if (end := found.get(number)) is not None:
                yield from _ended(reader, end, path)
            reader = journal.generation_file(number)
    except Damaged as error:
        code = "shortened-journal" if error.path == journal.path else "broken-header"
        yield damage(code, error, error.path or journal.path)
    except ChartkeepError as error:
        yield Finding("error", "unreadable-journal", str(error), str(journal.path))


def _ended(newer: ReadFile, end: Position, path: Path) -> Iterator[Finding]:
    """Whether the generation at `path`, which ends at `end`, does so where the next one says."""
    if not ends_as_told(newer, end):
        number = end.generation
        why = f"generation {number} does not end where generation {number + 1} says it does"
        yield Finding("error", "changed-generation", why, str(path), None, end.offset)


def damage(code: str, error: Damaged, path: Path) -> Finding:
    """An error that reading met, as a finding."""
    return Finding("error", code, str(error), str(path), error.line, error.offset)


def _archives(journal: JournalReader, newer: ReadFile, told: Told | None) -> Iterator[Finding]:
    """Verify earlier generations, newest first, against what the next one says of them."""
    number = newer.header.generation
    while newer.header.previous is not None:
        number -= 1
        found = yield from _archive(journal, number, told)
        if found is None:
            yield from _archives_alone(journal, told, number)
            return
        reader, end = found
        yield from _ended(newer, end, reader.path)
        newer = reader


def _archives_alone(
    journal: JournalReader, told: Told | None, before: int | None = None
) -> Iterator[Finding]:
    """Verify generations (those `before` one) of which no later one says how they end."""
    for number in sorted(journal.archived_generations(), reverse=True):
        if before is None or number < before:
            yield from _archive(journal, number, told)


def _archive(
    journal: JournalReader, number: int, told: Told | None
) -> Generator[Finding, None, tuple[ReadFile, Position] | None]:
    """Verify one archived generation; where it ends, None where it cannot be read."""
    path = journal.archived(number)
    if not path.exists():
        yield Finding("error", "missing-generation", f"generation {number} is gone", str(path))
        return None
    try:
        reader = ReadFile(path)
        return reader, (yield from generation(reader, told))
    except Damaged as error:
        if error.line:
            yield damage("broken-header", error, path)
        else:
            yield from _frames(path, error)
    except ChartkeepError as error:
        yield Finding("error", "unreadable-journal", str(error), str(path))
    return None


def _frames(path: Path, first: Damaged) -> Iterator[Finding]:
    """Every frame of a compressed generation that cannot be read; `first` where not even their table can."""
    try:
        cold = ColdFile(path)
    except Damaged:
        yield damage("damaged-archive", first, path)
        return
    for offset in range(0, cold.size, FRAME):
        try:
            cold.pread(1, offset)
        except Damaged as error:
            yield damage("damaged-archive", error, path)


def generation(reader: ReadFile, told: Told | None = None) -> Generator[Finding, None, Position]:
    """Verify one generation; returns where it ends. Raises StorageError, and Damaged for a cold file."""
    start = _passed(reader, told)
    error: Damaged | None = None
    for _ in range(2):  # a writer may have cut back a failed write between the two ways of reading
        scanner = Scanner(reader.fd, reader.path, start)
        try:
            for _ in scanner.transactions():
                pass
        except Damaged as found:
            error = found
            end = yield from _damages(reader, start)
            if end is not None:
                return end
        else:
            tail = scanner.tail
            if tail is not None and tail.size:
                why = f"{tail.size} bytes of a write that was cut off; the next commit moves them to recovery"
                yield Finding("warning", "torn-tail", why, str(reader.path), None, tail.position.offset)
            return scanner.position
    assert error is not None
    yield damage("broken-chain", error, reader.path)
    return scanner.position


def _passed(reader: ReadFile, told: Told | None) -> Position:
    """The end of the last transaction up to which the quick pass found nothing wrong."""
    header, before = reader.header, 0

    def read(size: int, offset: int) -> bytes:
        return pread(reader.fd, size, offset, reader.path)

    def tell(offset: int) -> None:
        nonlocal before
        if told is not None:
            told(offset - before)
        before = offset

    fd = reader.fd if isinstance(reader.fd, int) else None
    start = (header.end, header.hash, 0, 1, 1)
    end, _, _ = journal_parts.passed(read, fd, start, reader.size, tell)
    return Position(header.generation, *(end or start)[:2])


def _damages(reader: ReadFile, start: Position) -> Generator[Finding, None, Position | None]:
    """Every line after `start` that breaks the chain or its transaction; where the lines end.

    None where none does.
    """
    path, offset = str(reader.path), start.offset
    previous: str | None = start.hash
    at: tuple[int, int, int] | None = (0, 1, 1)
    first = line_number(reader.fd, offset, reader.path)
    count = 0
    for number, line in enumerate(raw_lines(reader.fd, offset, reader.path, None), first):
        found: tuple[str, str] | None = None
        try:
            parts = decode_line(line)
        except BadJson as error:
            found = "broken-line", f"no journal line: {error}"
            previous, at = None, None
        else:
            if previous is not None and parts.hash != chain(previous, line[:-_TAIL]):
                found = "broken-chain", _NOT_WRITTEN
            elif at is not None and not _follows(at, parts, offset):
                found = "broken-transaction", "out of its transaction"
            previous, at = parts.hash, (parts.start, parts.nth, parts.total)
        if found is not None:
            count += 1
            if count <= MANY:
                yield Finding("error", *found, path, number, offset)
        offset += len(line) + 1
    if count > MANY:
        yield Finding("error", "broken-chain", f"{count - MANY:,} more damaged lines", path)
    return Position(reader.header.generation, offset, previous or "") if count else None


_NOT_WRITTEN = "not what was written there, or a line before it is missing, doubled or moved"


def _follows(before: tuple[int, int, int], parts: Parts, offset: int) -> bool:
    """True where a line's place in its transaction fits the line before it."""
    start, nth, total = before
    if nth == total:
        return parts.nth == 1 and parts.start == offset
    return (parts.start, parts.nth, parts.total) == (start, nth + 1, total)
