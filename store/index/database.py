"""A derived database as its users hold it: open, sync, rebuild, read.

Invariants:

1. Rows and position are written in one database transaction, so the index is always the state
   at some point of each journal.
2. Several processes may sync, rebuild and read at once. Sync reads the position again inside its
   transaction; a rebuild makes a new file, and the others go over to it at their next use.
3. A file that is damaged or of another schema version is put aside and made anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from store import durable
from store.errors import Damaged, StorageError
from store.index import schema, sqlite
from store.index.base import Reads
from store.index.sync import Synced
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Tx

Identity = tuple[int, int] | None
"""(device, inode) of the database file; None where there is none."""

T = TypeVar("T")
Snap = TypeVar("Snap", bound=Reads)
Progress = Callable[[int, int], None]

_LOCK_SECONDS = 300.0
_TRIES = 5
_MOST_IDLE = 8
_LOAD_ASIDE = 4 << 20
"""Bytes of journal from which an empty index is filled by a rebuild."""


class Database(Generic[Snap]):
    """One derived database of a store. Safe to share between threads.

    Readers get a connection each from a pool; writing goes through one, under a lock. What is in it,
    how it follows a journal and what a snapshot of it answers is said by the subclass.
    """

    schema: schema.Schema
    family: str
    """The family of journals it is read from."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = Path(path)
        self.readonly = readonly
        self._identity: Identity = None
        self.renewed: Callable[[], object] = lambda: None
        """Called before anybody reads in another file than before: its rows may be of journals written anew."""
        self._idle: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._writer_identity: Identity = None
        self._mutex = threading.RLock()
        self._writing = threading.RLock()
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Self:
        """The index at `path`, made if it is not there. Raises StorageError where that cannot be."""
        index = cls(path, readonly=readonly)
        index._release(*index._steady(index._borrow))
        return index

    # -- what the subclass says ---------------------------------------------------------------------

    def _view(self, conn: sqlite3.Connection) -> Snap:
        """A snapshot on a connection whose read transaction has begun."""
        raise NotImplementedError

    def _follow(
        self, conn: sqlite3.Connection, journal: Journal, upto: Position | None, known: Sequence[Tx]
    ) -> Synced:
        """Read what is new into the tables, within an open write transaction. Raises OffChain."""
        raise NotImplementedError

    def _undone(self) -> None:
        """Hear that what `_follow` wrote is rolled back."""

    def _drop(self, conn: sqlite3.Connection, context: str) -> None:
        """Remove every row of a context."""
        raise NotImplementedError

    def _load(self, conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None) -> None:
        """Fill the empty tables, make the secondary indexes, and commit."""
        raise NotImplementedError

    def _loaded(self, snap: Snap, context: str) -> Synced:
        """What a sync that filled an empty index has done."""
        raise NotImplementedError

    # -- connections -------------------------------------------------------------------------------

    def _borrow(self) -> tuple[sqlite3.Connection, Identity]:
        """An idle connection to the file the path leads to now, and which file that is."""
        with self._mutex:
            self._closed = False
            self._look()
            return (self._idle.pop() if self._idle else self._connect()), self._identity

    def _release(self, conn: sqlite3.Connection, identity: Identity) -> None:
        with suppress(sqlite3.Error):
            if conn.in_transaction:  # it has only read; what it noted in temporary tables stays
                conn.execute("COMMIT")
        with self._mutex:
            if self._closed or identity != self._identity or len(self._idle) >= _MOST_IDLE:
                conn.close()
            else:
                self._idle.append(conn)

    def _steady(self, work: Callable[[], T]) -> T:
        """`work`, again where it failed because another process put a new file in place meanwhile."""
        for _ in range(_TRIES):
            before = sqlite.identity(self.path)
            try:
                return work()
            except StorageError:
                if sqlite.identity(self.path) == before:
                    raise
        return work()

    def _look(self) -> None:
        """Let go of a file that was replaced or removed; make one where there is none."""
        found = sqlite.identity(self.path)
        if found is None and not self.readonly:
            self._install_empty()
            found = sqlite.identity(self.path)
        if found != self._identity:
            self._drop_idle()
            self._identity = found
            self.renewed()

    def _connect(self) -> sqlite3.Connection:
        for _ in range(3):
            try:
                return sqlite.connect(self.path, readonly=self.readonly, schema=self.schema)
            except sqlite.Broken as error:
                if self.readonly:
                    raise StorageError(
                        f"The index {self.path} cannot be read: {error}.", path=self.path
                    ) from None
                self._mend(self._identity)
        raise StorageError(
            f"The index {self.path} is damaged and could not be made anew. Delete {self.path.parent} and try again; "
            "no chart is lost by this.",
            path=self.path,
        )

    def _drop_idle(self) -> None:
        """Close the connections that nobody uses. The writer is another thread's business."""
        for conn in self._idle:
            conn.close()
        self._idle.clear()

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _install_empty(self) -> None:
        """An empty database. When two processes do so at once the later one's counts."""
        built, conn = sqlite.building(self.path.parent, self.schema)
        with sqlite.translated(self.path):
            sqlite.create_indexes(conn, schema=self.schema)
            conn.execute("COMMIT")
            conn.close()
        sqlite.install(built, self.path, clean=False)

    def _mend(self, broken: Identity) -> None:
        """Put a damaged file aside, unless another process has done so already."""
        with self._mutex:
            if sqlite.identity(self.path) == broken:
                self._drop_idle()
                sqlite.set_aside(self.path)
                self._install_empty()
            self._identity = sqlite.identity(self.path)

    @contextmanager
    def _rebuilding(self) -> Iterator[None]:
        durable.make_dirs(self.path.parent)
        lock = durable.Lock(self.path.with_suffix(".lock"))
        with lock.held(_LOCK_SECONDS, "rebuilding the index"):
            yield

    def _writable(self) -> sqlite3.Connection:
        """The connection that writes; for the holder of `_writing`."""
        with self._mutex:
            self._look()
            if self._writer_identity != self._identity:
                self._drop_writer()
            if self._writer is None:
                self._writer = self._connect()
                self._writer_identity = self._identity
            return self._writer

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[Snap]:
        """A consistent read: every query of one snapshot sees the same state. May be nested."""
        conn, identity, snap = self._steady(self._begin)
        try:
            with sqlite.translated(self.path):
                yield snap
        except sqlite.Broken as error:
            raise self._mended(identity, error) from None
        finally:
            self._release(conn, identity)

    def _begin(self) -> tuple[sqlite3.Connection, Identity, Snap]:
        """A connection in a read transaction that has begun."""
        conn, identity = self._borrow()
        try:
            with sqlite.translated(self.path):
                conn.execute("BEGIN")
                return conn, identity, self._view(conn)
        except sqlite.Broken as error:
            conn.close()
            raise self._mended(identity, error) from None
        except BaseException:
            conn.close()
            raise

    def _mended(self, identity: Identity, error: sqlite.Broken) -> StorageError:
        """What to tell after a file that turned out to be damaged was put aside."""
        self._mend(identity)
        return StorageError(
            f"The index {self.path} was damaged ({error}). It was put aside and is being made anew from the "
            "journals: try again. No chart is lost by this.",
            path=self.path,
        )

    def position(self, context: str, family: str | None = None) -> Position | None:
        """How far the index has read a journal; None if not at all."""
        with self.snapshot() as snap:
            return snap.position(context, family or self.family)

    @property
    def empty(self) -> bool:
        """True where no journal was ever read into it: a rebuild fills it fastest."""
        with self.snapshot() as snap:
            return snap.empty()

    # -- writing -----------------------------------------------------------------------------------

    def sync(self, journal: Journal, known: Sequence[Tx] = ()) -> Synced:
        """Read into the index what the journal has now beyond the stored position.

        `known` are transactions this process has just written: where they go on from the stored position,
        they are not read again.
        A position in an archived generation is gone on from. One that is not on the journal's chain
        (shortened, replaced) means the context is read anew. Raises StorageError.
        """
        with self._writing:
            try:
                return self._steady(lambda: self._sync(journal, known))
            except sqlite.Broken:
                self._mend(self._identity)
                return self._steady(lambda: self._sync(journal, known))

    def take(self, journal: Journal, known: Sequence[Tx]) -> Synced:
        """Read into the index what was just written, and nothing behind it: the journal's end is not looked for.

        Where the index stands elsewhere than before the first of `known`, it is read from the journal up to
        the last of them. Raises StorageError.
        """
        with self._writing:
            return self._steady(lambda: self._read_on(journal, known[-1].position, known))

    def _sync(self, journal: Journal, known: Sequence[Tx]) -> Synced:
        position = self.position(journal.context, journal.family)
        if position is None and _bytes(journal.path) > _LOAD_ASIDE and self.empty:
            return self._load_aside(journal)
        end = None
        with suppress(Damaged):  # met again below, and read up to there
            trusted = position is not None and journal.trust(position)
            known = known if trusted else ()
            end = journal.position()
            if trusted and end == position:
                return Synced(0, 0, set(), False)
        done = self._read_on(journal, end, known)
        while done.more:  # each part is a database transaction of its own
            part = self._read_on(journal, end, known)
            done = part._replace(
                transactions=done.transactions + part.transactions,
                lines=done.lines + part.lines,
                charts=done.charts | part.charts,
                reset=done.reset or part.reset,
            )
        return done

    def _read_on(self, journal: Journal, upto: Position | None, known: Sequence[Tx]) -> Synced:
        with sqlite.translated(self.path):
            conn = self._writable()
            if not sqlite.begin(conn, lambda: self._reaches(journal, upto)):
                return Synced(0, 0, set(), False)
            try:
                done = self._catch_up(conn, journal, upto, known)
                conn.execute("COMMIT")
            except BaseException:
                self._undone()
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise
        return done

    def _reaches(self, journal: Journal, upto: Position | None) -> bool:
        """Whether another process has meanwhile read the journal as far as is wanted."""
        found = self.position(journal.context, journal.family)
        return upto is not None and found is not None and found[:2] >= upto[:2]

    def _load_aside(self, journal: Journal) -> Synced:
        self.rebuild([journal])
        with self.snapshot() as snap:
            return self._loaded(snap, journal.context)

    def _catch_up(
        self, conn: sqlite3.Connection, journal: Journal, upto: Position | None, known: Sequence[Tx]
    ) -> Synced:
        from store.journal import OffChain

        try:
            return self._follow(conn, journal, upto, known)
        except OffChain:
            try:
                journal.position()
            except Damaged as error:  # what is known here of lines that are lost is needed to bring them back
                return Synced(0, 0, set(), False, error)
            self._drop(conn, journal.context)
            return self._follow(conn, journal, upto, ())._replace(reset=True)

    def rebuild(self, journals: Sequence[Journal], progress: Progress | None = None) -> None:
        """Make the index anew from `journals`, all there are. Readers keep the old one until it is done.

        `progress(done, total)` counts bytes. Raises StorageError, Locked.
        """
        with self._writing, self._rebuilding():
            built, conn = sqlite.building(self.path.parent, self.schema)
            try:
                with sqlite.translated(self.path):
                    self._load(conn, journals, progress)
                    conn.close()
            except BaseException:
                conn.close()
                sqlite.discard(built)
                raise
            with self._mutex:
                self._drop_idle()
                self._drop_writer()
                sqlite.install(built, self.path, clean=True)
                self._identity = sqlite.identity(self.path)

    def forget(self, context: str) -> None:
        """Remove a context that was renamed or deleted."""
        with self._writing:
            self._steady(lambda: self._forget(context))

    def _forget(self, context: str) -> None:
        with sqlite.translated(self.path):
            conn = self._writable()
            conn.execute("BEGIN IMMEDIATE")
            try:
                self._drop(conn, context)
                conn.execute("COMMIT")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise

    def checkpoint(self) -> None:
        """Move what is in the write-ahead log into the database file; for idle moments."""
        with self._writing, suppress(StorageError), sqlite.translated(self.path):
            self._writable().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the connections; a later use opens them again."""
        with self._writing, self._mutex:
            self._drop_idle()
            self._drop_writer()
            self._closed = True


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
