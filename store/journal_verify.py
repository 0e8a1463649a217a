"""Full verification of a journal: every line of every generation, every damage named.

Unlike reading, it goes on after damage: from a line whose own form is whole it takes the hash the
line states, so that one flipped bit gives one finding and the next one is found too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, Damaged
from store.journal_read import Header, ReadFile, Scanner, raw_lines
from store.model import Finding, Position
from store.records import BadJson, Parts, chain, decode_line

if TYPE_CHECKING:
    from store.journal_reader import JournalReader

_TAIL = 41


def verify(journal: JournalReader) -> Iterator[Finding]:
    """All that is wrong with a journal, its archived generations included; nothing is changed."""
    witness, garbled = journal.witness.read()
    if garbled:
        path = str(journal.witness.path)
        yield Finding("info", "garbled-witness", "the witness is unreadable; the next commit renews it", path)
    try:
        reader = journal.opened(witness)
    except Damaged as error:
        yield _finding(
            "missing-journal" if not journal.path.exists() else "broken-header", error, journal.path
        )
        return
    except ChartkeepError as error:
        yield Finding("error", "unreadable-journal", str(error), str(journal.path))
        return
    if reader is None:
        return
    yield from _archives(journal, reader.header)
    end = yield from _chain(reader)
    try:
        journal.check_witness(reader.fd, reader.header, witness, end)
    except Damaged as error:
        yield _finding("shortened-journal", error, journal.path)


def _finding(code: str, error: Damaged, path: Path) -> Finding:
    return Finding("error", code, str(error), str(path), error.line, error.offset)


def _archives(journal: JournalReader, header: Header) -> Iterator[Finding]:
    """Verify earlier generations, newest first, against what the next one says of them."""
    previous, generation = header.previous, header.generation
    while previous is not None:
        generation -= 1
        path = journal.archived(generation)
        if not path.exists():
            if generation in journal.generations():
                continue
            yield Finding("error", "missing-generation", f"generation {generation} is gone", str(path))
            return
        try:
            reader = ReadFile(path)
        except Damaged as error:
            yield _finding("broken-header", error, path)
            return
        except ChartkeepError as error:
            yield Finding("error", "unreadable-journal", str(error), str(path))
            return
        end = yield from _chain(reader)
        if (end.offset, end.hash) != (previous.get("size"), previous.get("hash")):
            why = f"generation {generation} does not end where generation {generation + 1} says it does"
            yield Finding("error", "changed-generation", why, str(path), None, end.offset)
        previous = reader.header.previous


def _chain(reader: ReadFile) -> Generator[Finding, None, Position]:
    """Verify one generation; returns where it ends."""
    scanner = Scanner(reader.fd, reader.path, reader.header.position)
    try:
        for _ in scanner.transactions():
            pass
    except Damaged as error:
        before = scanner.position
        end = yield from _damages(reader)
        if end == before:
            yield _finding("broken-chain", error, reader.path)
        return end
    tail = scanner.tail
    if tail is not None and tail.size:
        why = f"{tail.size} bytes of a write that was cut off; the next commit moves them to recovery"
        yield Finding("warning", "torn-tail", why, str(reader.path), None, tail.position.offset)
    return scanner.position


def _damages(reader: ReadFile) -> Generator[Finding, None, Position]:
    """Every line that breaks the chain or its transaction; returns where the lines end."""
    path, offset = str(reader.path), reader.header.end
    previous: str | None = reader.header.hash
    at: tuple[int, int, int] | None = None
    for number, line in enumerate(raw_lines(reader.fd, offset, reader.path, None), 2):
        try:
            parts = decode_line(line)
        except BadJson as error:
            yield Finding("error", "broken-line", f"no journal line: {error}", path, number, offset)
            previous, at = None, None
        else:
            if previous is not None and parts.hash != chain(previous, line[:-_TAIL]):
                why = "not what was written there, or a line before it is missing, doubled or moved"
                yield Finding("error", "broken-chain", why, path, number, offset)
            elif at is not None and not _follows(at, parts, offset):
                yield Finding("error", "broken-transaction", "out of its transaction", path, number, offset)
            previous, at = parts.hash, (parts.start, parts.nth, parts.total)
        offset += len(line) + 1
    return Position(reader.header.generation, offset, previous or "")


def _follows(before: tuple[int, int, int], parts: Parts, offset: int) -> bool:
    """True where a line's place in its transaction fits the line before it."""
    start, nth, total = before
    if nth == total:
        return parts.nth == 1 and parts.start == offset
    return (parts.start, parts.nth, parts.total) == (start, nth + 1, total)
