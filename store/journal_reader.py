"""The reading side of a journal: where its chain ends, streaming, single lines, generations.

Nothing here takes a lock or writes. Where the chain ends is known from three places, each checked
against the file before it is believed: what this process saw last, a position someone stored
(`trust`), and the witness. Only without all three is the whole file scanned.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from store.cold import SUFFIX, cold_name
from store.errors import Damaged, StorageError
from store.journal_read import (
    Header,
    OffChain,
    ReadFile,
    Scanner,
    Source,
    Tail,
    Tx,
    damaged,
    ends_transaction,
    holds,
    line_number,
    pread,
)
from store.model import Finding, Position, Severity
from store.records import NO_HASH, record_of
from store.syscalls import failure
from store.witness import Witness

NOWHERE = Position(0, 0, NO_HASH)
"""The position of a journal that has no file yet; before every other."""

_MOST_OPEN = 16
"""Archived generations held open at a time."""


class JournalReader:
    """One journal file with its witness and archive, for reading; safe to share between threads."""

    def __init__(self, path: Path, context: str, family: str = "charts", *, recovery: Path) -> None:
        """Nothing is opened yet."""
        self.path = path
        self.context = context
        self.family = family
        self.recovery = recovery
        self.archive = path.parent / "archive"
        self.findings: list[Finding] = []
        self.witness = Witness(path.with_suffix(".witness"))
        self.carried = Witness(path.with_suffix(".carried"))
        """Where the lines end that the present generation carried over: a hint, like the witness."""
        self.suspect = False
        """Set once damage was seen: the whole file is verified before the next write."""
        self._mutex = threading.RLock()
        self._known: Position | None = None
        self._reader: ReadFile | None = None
        self._archived: dict[int, ReadFile] = {}
        self._seen: tuple[tuple[int, int], int, int] | None = None

    # -- where it ends -----------------------------------------------------------------------------

    def position(self) -> Position:
        """The end of the last whole transaction; `NOWHERE` without a file. A stat when nothing changed.

        Raises Damaged, TooNew, StorageError.
        """
        with self._mutex:
            witness, reader = self.together()
            if reader is None:
                return NOWHERE
            assert isinstance(reader.fd, int), "only archives are cold"
            found = os.fstat(reader.fd)
            seen = (reader.identity, found.st_size, found.st_mtime_ns)
            start = self.start_point(reader.fd, reader.header, witness)
            if seen != self._seen or start != self._known:
                tail = self.scan(reader.fd, start)
                self.check_witness(reader.fd, reader.header, witness, tail.position)
                start = tail.position
            self._known, self._seen = start, seen
            return start

    def holds(self, position: Position) -> bool:
        """True where `position` is on this journal's chain: reading may go on from there."""
        if position == NOWHERE:
            return True
        with self._mutex:
            reader = self.opened(self.witnessed())
        return reader is not None and ends_transaction(reader.fd, position, reader.header, self.path)

    def trust(self, position: Position) -> bool:
        """Take a stored position (the index's) as known, so that less is scanned; False if off the chain."""
        if position == NOWHERE or not self.holds(position):
            return False
        with self._mutex:
            known = self._known
            if known is None or known.generation != position.generation or known.offset < position.offset:
                self._known = position
        return True

    def witnessed(self) -> Position | None:
        found, garbled = self.witness.read()
        self._note_garbled(garbled)
        return found

    def _note_garbled(self, garbled: bool) -> None:
        if garbled:
            self.note("info", "garbled-witness", "the witness file is unreadable and was ignored")

    def together(self) -> tuple[Position | None, ReadFile | None]:
        """The witness and the journal opened, which belong together though both may be replaced meanwhile.

        Who replaces them removes the witness first: if it is the same before and after, so is the journal.
        Raises Damaged, TooNew, StorageError.
        """
        while True:
            witness, garbled, held = self.witness.read_held()
            self._note_garbled(garbled)
            try:
                reader = self.opened(witness)
            except Damaged:
                if self.witness.same(held):
                    raise
            else:
                if witness is None or self.witness.same(held):
                    return witness, reader

    def opened(self, witness: Position | None) -> ReadFile | None:
        """The journal opened for reading, whatever file its name leads to now; None without one."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            self._reader = None
            if witness is not None:
                raise Damaged(
                    f"{self.path} is missing, though transactions were committed to it (up to offset "
                    f"{witness.offset}). Put it back from a backup; nothing is written until then.",
                    path=self.path,
                ) from None
            return None
        except OSError as error:
            raise failure(error, "read", self.path) from error
        with self._mutex:
            if self._reader is None or self._reader.identity != (found.st_dev, found.st_ino):
                self._reader = ReadFile(self.path)
            return self._reader

    def start_point(self, fd: Source, header: Header, witness: Position | None) -> Position:
        """The furthest point known to be on the chain: ours, the witness's, or the header's end."""
        best = header.position
        if self.suspect:
            return best
        known = self._known
        if known is not None and known.generation == header.generation and holds(fd, known, self.path):
            best = known
        if (
            witness is not None
            and witness.offset > best.offset
            and ends_transaction(fd, witness, header, self.path)
        ):
            best = witness
        return best

    def scan(self, fd: Source, start: Position) -> Tail:
        """Verify what follows `start`, and say how it ends. Raises Damaged where it is damaged."""
        scanner = Scanner(fd, self.path, start)
        for _ in scanner.transactions():
            pass
        return scanner.tail or Tail(start, 0, None)

    def check_witness(self, fd: Source, header: Header, witness: Position | None, end: Position) -> None:
        """Raise Damaged where the last acknowledged commit is not in the file (invariant 5)."""
        if witness is None or witness.generation < header.generation:
            return
        if witness.generation == header.generation and witness.offset <= end.offset:
            if holds(fd, witness, self.path):
                return
            why = f"the commit acknowledged up to offset {witness.offset} is not in it"
        elif witness.generation > header.generation:
            why = f"it is generation {header.generation}, but commits were made to {witness.generation}"
        else:
            why = f"it was shortened: commits up to offset {witness.offset} were acknowledged"
        raise damaged(self.path, line_number(fd, end.offset, self.path), end.offset, why)

    # -- reading -----------------------------------------------------------------------------------

    def read(self, after: Position | None = None, *, upto: Position | None = None) -> Iterator[Tx]:
        """Transactions after a position, in order, in constant memory, the chain checked.

        An incomplete last transaction is ignored. The file opened at the start is read to its end
        even when a new generation takes its place meanwhile. Raises Damaged, OffChain, StorageError.
        """
        witness, reader = self.together()
        start = after if after is not None and after != NOWHERE else None
        if reader is None:
            if start is not None:
                raise OffChain(f"{self.path} does not exist any more; rebuild the index.")
            return
        header = reader.header
        if start is not None and not ends_transaction(reader.fd, start, header, self.path):
            raise OffChain(f"{self.path} has no transaction ending at {start}; rebuild the index.")
        scanner = Scanner(reader.fd, self.path, start or header.position, upto=upto.offset if upto else None)
        try:
            yield from scanner.transactions()
            if upto is None:
                self.check_witness(reader.fd, header, witness, scanner.position)
        except Damaged:
            self.suspect = True
            raise

    def read_generation(self, generation: int, after: Position | None = None) -> Iterator[Tx]:
        """The transactions of one generation, archived or current, after a position in it.

        Raises StorageError where it is gone, Damaged, OffChain.
        """
        reader = self.generation_file(generation)
        start = reader.header.position if after is None else after
        if after is not None and not ends_transaction(reader.fd, after, reader.header, reader.path):
            raise OffChain(f"{reader.path} has no transaction ending at {after}; rebuild the index.")
        yield from Scanner(reader.fd, reader.path, start).transactions()

    def read_on(self, after: Position) -> Iterator[Tx]:
        """Transactions after a position of any generation: the rest of its own, then the later ones whole.

        Raises OffChain where the position, or a generation, is not there any more; Damaged, StorageError.
        """
        while True:
            if not self._archived_since(after):
                try:
                    yield from self.read(after)
                    return
                except OffChain:
                    if not self._archived_since(after):  # else a generation began in between
                        raise
            try:
                for tx in self.read_generation(after.generation, after):
                    yield tx
                    after = tx.position
                after = self.generation_file(after.generation + 1).header.position
            except StorageError as error:
                raise OffChain(f"{error} Rebuild the index.") from None

    def gone_on(self, end: Position | None) -> Position | None:
        """`end`, up to which all was read; where that ends an archived generation, the start of the present one.

        The same point for every reader, also where a generation holds nothing. Raises StorageError, Damaged.
        """
        reader = self.opened(self.witnessed())
        present = reader.header.generation if reader is not None else 1
        if end is None:
            return reader.header.position if reader is not None and present > 1 else None
        while end.generation < present and self.generation_file(end.generation).size == end.offset:
            end = self.generation_file(end.generation + 1).header.position
        return end

    def end_of_carried(self) -> Position | None:
        """Where what is new begins in a generation that was begun with copies; None where that is not known."""
        found, _ = self.carried.read()
        return found if found is not None and self.holds(found) else None

    def _archived_since(self, position: Position) -> bool:
        """True where the generation of a position is not the present one any more."""
        reader = self.opened(self.witnessed())
        return reader is not None and reader.header.generation > position.generation

    def generations(self) -> list[int]:
        """The numbers of all generations there are, oldest first."""
        reader = self.opened(self.witnessed())
        return sorted(self.archived_generations() | ({reader.header.generation} if reader else set()))

    def archived_generations(self) -> set[int]:
        """The numbers of the generations in the archive."""
        found = set()
        for file in self.archive.glob(f"{self.family}.*.jsonl*"):
            number = file.name.removesuffix(SUFFIX)[len(self.family) + 1 : -6]
            if number.isdigit() and file.name.endswith((".jsonl", SUFFIX)):
                found.add(int(number))
        return found

    def line_bytes(self, generation: int, offset: int, length: int) -> bytes:
        """One line, its newline with it, or several that follow each other, of any generation.

        Raises StorageError where they are not there.
        """
        reader = self._reader
        if reader is None or reader.header.generation != generation:
            reader = self.generation_file(generation)
        line = pread(reader.fd, length, offset, reader.path)
        if len(line) != length or line[-1:] != b"\n" or line[:1] != b"{":
            raise StorageError(
                f"{reader.path} has no line at offset {offset}; the index is out of date: rebuild it.",
                path=reader.path,
            )
        return line

    def record_raw(self, generation: int, offset: int, length: int) -> bytes | None:
        """The record of one line as its own bytes; None for a delete."""
        return record_of(self.line_bytes(generation, offset, length))

    def generation_file(self, generation: int) -> ReadFile:
        """The file that holds `generation`, open. Raises StorageError where it is gone, Damaged."""
        with self._mutex:
            reader = self.opened(self.witnessed())
            if reader is not None and reader.header.generation == generation:
                return reader
            kept = self._archived.pop(generation, None)
            if kept is None or not _named(kept):  # frozen, or written anew, since it was opened
                kept = self._open_archived(generation)
            self._archived[generation] = kept
            if len(self._archived) > _MOST_OPEN:
                del self._archived[next(iter(self._archived))]
            return kept

    def _open_archived(self, generation: int) -> ReadFile:
        try:
            return ReadFile(self.archived(generation))
        except StorageError as error:
            if error.errno != errno.ENOENT:
                raise
            return ReadFile(self.archived(generation))  # frozen in between: it has its other name now

    def check(self) -> Iterator[Finding]:
        """Verify every line of every generation; nothing is changed, nothing raised for damage."""
        from store.journal_verify import verify

        for finding in verify(self):
            self.suspect = self.suspect or finding.severity == "error"
            yield finding

    def archived(self, generation: int) -> Path:
        """Where an earlier generation lies whole: the plain file, or where there is only that the cold one."""
        plain = self.plain_archive(generation)
        cold = cold_name(plain)
        return cold if not plain.exists() and cold.exists() else plain

    def plain_archive(self, generation: int) -> Path:
        """Where a generation is put when the next one begins."""
        return self.archive / f"{self.family}.{generation}.jsonl"

    def note(
        self,
        severity: Severity,
        code: str,
        message: str,
        offset: int | None = None,
        kept: str | None = None,
    ) -> None:
        """Add to `findings`, once."""
        found = Finding(severity, code, message, str(self.path), None, offset, kept)
        if found not in self.findings:
            self.findings.append(found)

    def close(self) -> None:
        """Let go of the open files; they are opened again when needed."""
        with self._mutex:
            self._reader = None
            self._archived.clear()


def _named(reader: ReadFile) -> bool:
    """True where the name still leads to the file held open."""
    try:
        found = os.stat(reader.path)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == reader.identity
