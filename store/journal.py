"""The journal of one context and family: the truth. Append-only JSON lines, chained by hash.

A transaction is one write under one lock, and is acknowledged when `fdatasync` has returned. The
sync comes after the lock is released, so that one flush serves many writers. What that asks for:

1. *Readers may see a transaction before it is durable.* It can still be cut back, so whoever
   stores a position stores its hash too and asks `holds` before going on from it.
2. *A failed write* is cut back under the lock at once, and the descriptor dropped.
3. *A failed sync* is never retried on its descriptor and never acknowledged as it stands. The lock
   is taken again and the file opened afresh. If our transaction is still the last it is cut back
   and the cut synced: nothing was committed. If others have appended after it, cutting would break
   their chain, so its bytes are written over themselves (the kernel may hold them as clean pages
   that never reached the disk) and synced on the fresh descriptor: it is durable now, or the
   outcome is unknown and the error says so.
4. *Another process must not acknowledge on top of bytes that are not on disk.* One that held its
   descriptor while the error happened is told by its own sync. One that opens the file afterwards
   is not, so whoever opens the file to append first rewrites in place everything after the
   witness, the last point known to be synced. Hence a successful sync covers the whole file.
5. *A process knows where the chain ends* only until someone else writes: under the lock it compares
   (device, inode) with the name, then the hash that ends where it believes the end to be.

A torn tail is moved to the recovery folder before the next write; damage is never appended to. A
writer verifies only what follows a known point of the chain; once reading or `check` has met damage
before that point, the whole file is verified again before anything is written.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from store import clock, journal_next, journal_repair, replacing
from store.carrying import Place
from store.durable import AppendFile, Lock, make_dirs, write_file
from store.errors import NotFound, StorageError
from store.journal_read import Header, Line, OffChain, Tx, read_header
from store.journal_reader import NOWHERE, JournalReader
from store.model import Position, TxMeta
from store.records import Draft, encode_header, encode_lines

__all__ = ["NOWHERE", "Draft", "Journal", "Line", "OffChain", "Tx", "Writer"]

_REWRITE_MOST = 1 << 20


class Writer:
    """Appends transactions while the journal's lock is held. Made by `Journal.writer`."""

    def __init__(self, journal: Journal, file: AppendFile, position: Position) -> None:
        self._journal = journal
        self._file = file
        self.start = position
        self.position = position
        self.ticket = 0
        self.failed: StorageError | None = None

    def append(
        self, drafts: Iterable[Draft], *, by: str, meta: TxMeta | None = None, at: str | None = None
    ) -> Tx:
        """Write one transaction, in one write. It is durable once the `with` block has ended.

        Raises ValueError for no drafts or a record that is not one line, StorageError where the
        disk refuses; then everything this writer wrote is cut back.
        """
        if self.failed is not None:
            raise self.failed
        drafts = list(drafts)
        if not drafts:
            raise ValueError("a transaction holds at least one record")
        at = at or clock.stamp()
        generation, offset, digest = self.position
        lines, digest = encode_lines(drafts, offset=offset, previous=digest, at=at, by=by, meta=meta)
        data = b"".join(lines)
        try:
            self.ticket = self._file.append(data)
        except StorageError as error:
            self.failed = error
            self.cut_back()
            raise
        made, here, new = [], offset, tuple.__new__  # which makes one in half the time of its constructor
        for (op, key, ver, raw), line in zip(drafts, lines, strict=True):
            length = len(line)
            made.append(new(Line, (generation, here, length, op, key, ver, at, by, raw)))
            here += length
        self.position = Position(generation, here, digest)
        return Tx(f"{generation}:{offset:x}", generation, offset, here, at, by, meta, tuple(made), digest)

    def cut_back(self) -> None:
        """Take back everything this writer wrote; the next one starts on a fresh descriptor."""
        self._journal.forget_file()
        self.position, self.ticket = self.start, 0
        try:
            AppendFile(self._file.path).truncate(self.start.offset)
        except StorageError as error:
            # A part of a transaction is no transaction: the next writer quarantines it.
            self._journal.note("warning", "not-cut-back", str(error), self.start.offset)


class Journal(JournalReader):
    """One journal file with its lock, witness and archive; safe to share between threads."""

    def __init__(self, path: Path, context: str, family: str = "charts", *, recovery: Path) -> None:
        """Nothing is opened yet; the file is made by the first write."""
        super().__init__(path, context, family, recovery=recovery)
        self.lock = Lock(path.with_suffix(".lock"))
        self._file: AppendFile | None = None
        self._header: Header | None = None
        self._pid = os.getpid()

    @contextmanager
    def writer(self, timeout: float = 10.0, what: str = "", *, create: bool = True) -> Iterator[Writer]:
        """Take the lock, catch up with what others wrote, and append. Durable when the block has ended.

        An exception in the block takes back what it wrote. Without `create` a journal that is not
        there any more is not made anew. Raises Locked, ReadOnly, Damaged, StorageError, NotFound.
        """
        with self.locked(timeout, what, create=create):
            file, position = self.ready(create=create)
            writer = Writer(self, file, position)
            try:
                yield writer
            except BaseException:
                if writer.position != writer.start:
                    writer.cut_back()
                raise
            if writer.failed is not None:
                raise writer.failed
            self._known = writer.position
            witness = self._witness_held() if writer.ticket else 0
        if writer.ticket:
            self._confirm(file, writer, witness)

    def append_many(
        self, drafts: Iterable[Draft], chunk: int | None = None, *, by: str, meta: TxMeta | None = None
    ) -> list[Tx]:
        """Write many records, in one transaction or in one for every `chunk` records, each acknowledged."""
        rest = iter(drafts)
        done: list[Tx] = []
        while batch := list(islice(rest, chunk)):
            with self.writer() as writer:
                done.append(writer.append(batch, by=by, meta=meta))
        return done

    def start_generation(
        self,
        live: Iterable[bytes | Draft] | Callable[[Position], Iterable[bytes | Draft]],
        *,
        by: str = "chartkeep",
        timeout: float = 60.0,
    ) -> Position:
        """Archive this generation whole and go on with the live records; the new position.

        `live` is journal lines (kept as they are but for their place in the chain and what their
        transaction was) or drafts; as a function it is called under the lock with the position that it
        must be the state of. The lock is held all the while; `compact` holds it for a moment only.
        """
        with self.locked(timeout, "compaction"):
            file, position = self.ready()
            records = live(position) if callable(live) else live
            self._known = made = journal_next.start(self, file, position, records, by)
            return made

    def compact(self, start: Position, places: Iterable[Place], **options: Any) -> journal_next.Swapped:
        """Go on in a new generation with the lines at `places`, live as of `start`, while others write.

        See `journal_next.compact`; the caller holds `journal_next.exclusive`.
        """
        swapped = journal_next.compact(self, start, places, **options)
        self.trust(swapped.position)
        return swapped

    def forget_file(self, file: AppendFile | None = None) -> None:
        """Open the journal afresh at the next write; with `file`, only if that is the one in use."""
        if file is None or self._file is file:
            self._file = None

    def close(self) -> None:
        """Let go of the open files; they are opened again when needed."""
        super().close()
        self._file = None
        self.lock.close()

    @contextmanager
    def locked(self, timeout: float, what: str, *, create: bool = True) -> Iterator[None]:
        self._acquire(timeout, what, create=create)
        while replacing.begun(self.recovery.parent):  # whoever was replacing files has died
            self.lock.release()
            replacing.finish(self.recovery.parent, timeout)
            self._acquire(timeout, what, create=create)
        try:
            yield
        finally:
            self.lock.release()

    def _acquire(self, timeout: float, what: str, *, create: bool) -> None:
        try:
            try:
                self.lock.acquire(timeout, what)
            except StorageError as error:
                if error.errno != errno.ENOENT:
                    raise
                if not create:
                    raise self._gone() from None
                make_dirs(self.path.parent)
                self.lock.acquire(timeout, what)
        except StorageError as error:
            raise journal_repair.read_only(self.path, error) from error

    def _gone(self) -> NotFound:
        return NotFound(
            f"{self.path} is not there any more: “{self.context}” was renamed or archived meanwhile. "
            "Nothing was written; look at the list of contexts."
        )

    def ready(self, *, create: bool = True) -> tuple[AppendFile, Position]:
        """The file to append to and the end of its chain. Call under the lock."""
        witness = self.witnessed()
        if self._pid != os.getpid():  # forked: a shared descriptor would share sync errors too
            self._pid, self._file = os.getpid(), None
        file = self._file
        if file is not None and not file.stale():
            return file, self._catch_up(file, witness)
        self._file = None
        file = self._open_file(witness, create=create)
        self._header = read_header(file.fileno(), self.path)
        position = self._catch_up(file, witness)
        synced = witness.offset if witness and witness.generation == position.generation else 0
        if synced < position.offset:
            file.rewrite(max(synced, position.offset - _REWRITE_MOST))  # rule 4
        self._file = file
        return file, position

    def _open_file(self, witness: Position | None, *, create: bool) -> AppendFile:
        """The journal opened for appending; made first, with its header, where there is none."""
        try:
            if self.opened(witness) is None:
                if not create:
                    raise self._gone()
                header, _ = encode_header(
                    generation=1,
                    created=clock.stamp(),
                    context=self.context,
                    family=self.family,
                    previous=None,
                )
                write_file(self.path, header)
            return AppendFile(self.path)
        except StorageError as error:
            raise journal_repair.read_only(self.path, error) from error

    def _catch_up(self, file: AppendFile, witness: Position | None) -> Position:
        """Follow the chain to its end; what was torn off goes to the recovery folder. Raises Damaged."""
        fd, header = file.fileno(), self._header
        assert header is not None
        position = self.start_point(fd, header, witness)
        extra = file.end() - position.offset
        if extra:
            tail = self.scan(fd, position)
            position, extra = tail.position, tail.size
            self.suspect = False
        self.check_witness(fd, header, witness, position)
        if extra:
            journal_repair.quarantine(self, file, position, extra)
        return position

    def _witness_held(self) -> int:
        """The witness that belongs to the file just written: by the time it is moved there may be another."""
        try:
            return self.witness.hold()
        except StorageError as error:
            self.note("warning", "witness-not-written", str(error))
            return 0

    def _confirm(self, file: AppendFile, writer: Writer, witness: int) -> None:
        """Make what was written durable, or raise StorageError; then move the witness."""
        try:
            file.sync(writer.ticket)
        except StorageError as error:
            journal_repair.after_failed_sync(self, file, writer.start, writer.position, error)
        try:
            if witness:
                self.witness.advance(writer.position, witness)
        except StorageError as error:
            self.note("warning", "witness-not-written", str(error))
