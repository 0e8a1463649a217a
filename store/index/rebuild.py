"""The whole index from the journals: bulk load into a new file, secondary indexes last.

One pass over each journal in constant memory. Rows are only ever appended; a record that was
superseded is found afterwards, since versions above 1 are noted in a temporary table.
"""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import Damaged
from store.index import carried, derive, rows, sqlite, sync
from store.index.conflicts import Conflicts
from store.index.extract import bind_key, extract
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Line, Tx

Progress = Callable[[int, int], None]
"""Called with (bytes read, bytes in all)."""

BATCH = 5_000
"""Lines held in memory between two writes."""

_EARLY = ("records_", "versions_", "relations_")
_MIDDLE = ("charts_id", "steps_")
"""Indexes by when they are made: as late as the statements that need them allow."""


def load_all(conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None = None) -> None:
    """Fill the empty tables of `conn` from `journals`, and commit. Wants an open transaction."""
    total = sum(size_of(journal) for journal in journals)
    next_id, begun = 1, 0
    with no_gc():
        for journal in journals:
            loader = Loader(conn, journal, next_id)
            loader.run(Told(progress, begun, total))
            next_id, begun = loader.next_id, begun + size_of(journal)
        _finish(conn)
        conn.execute("COMMIT")
    if progress is not None:
        progress(total, total)


class Told(NamedTuple):
    """Tells of one journal's progress as part of all."""

    progress: Progress | None
    base: int
    total: int

    def __call__(self, read: int) -> None:
        if self.progress is not None:
            self.progress(min(self.base + read, self.total), self.total)


def _finish(conn: sqlite3.Connection) -> None:
    sqlite.create_indexes(conn, _EARLY)
    conn.execute(
        "UPDATE records SET ord = (SELECT (v.generation << 40) | v.start FROM versions v WHERE v.ctx = records.ctx"
        " AND v.key = records.key ORDER BY v.ver, v.seq LIMIT 1) WHERE ver > 1 OR generation > 1"
    )
    contexts = [row[0] for row in conn.execute("SELECT id FROM contexts")]
    for ctx in contexts:
        derive.resolve_loose(conn, ctx)
        derive.derive_all(conn, ctx)
    sqlite.create_indexes(conn, _MIDDLE)
    for ctx in contexts:
        derive.hang_all(conn, ctx)
    sqlite.create_indexes(conn, but=_EARLY + _MIDDLE)
    for ctx in contexts:
        derive.link_all(conn, ctx)
    conn.execute("INSERT INTO texts (texts) VALUES ('rebuild')")


class Loader:
    """Appends the rows of one journal."""

    def __init__(self, conn: sqlite3.Connection, journal: Journal, next_id: int) -> None:
        self.conn = conn
        self.journal = journal
        self.next_id = next_id
        self.ctx = sync.context_id(conn, journal.context)
        self.conflicts = Conflicts(conn, self.ctx)
        self._seq = 0
        self._lines = 0
        self._again: list[tuple[str | bytes, int | None, int, int, int, int]] = []
        self._transactions: list[tuple[Any, ...]] = []
        self._versions: list[tuple[Any, ...]] = []
        self._records: list[tuple[Any, ...]] = []
        self._observations: list[tuple[int, str]] = []
        self._relations: list[tuple[Any, ...]] = []

    def run(self, progress: Told) -> None:
        """Read the journal to its end, or to where it is damaged."""
        self.conn.execute(_AGAIN)
        position: Position | None = None
        several = len(self.journal.generations()) > 1
        try:
            for tx in carried.transactions(self.journal, None):
                self._add(tx, several)
                position = tx.position
                if len(self._versions) >= BATCH:
                    self._flush()
                    progress(tx.end)
            position = self.journal.gone_on(position)
        except Damaged:
            # What lies before it is loaded; sync and verify tell of the rest.
            pass
        self._flush()
        self._drop_superseded(several)
        self.conn.execute("DROP TABLE again")
        if position is not None:
            sync.store_position(
                self.conn, self.journal.context, self.journal.family, position, self._seq, self._lines
            )

    def _add(self, tx: Tx, several: bool) -> None:
        self._seq = seq = rows.next_seq(self._seq, tx.at, self.ctx)
        self._transactions.append(rows.tx_row(tx, seq, self.ctx))
        self._lines += len(tx.lines)
        ctx, add = self.ctx, self._versions.append
        for n, line in enumerate(tx.lines):
            generation, start, size, _, name, ver, _, _, raw = line
            key = bind_key(name)
            add((seq, n, ctx, key, ver, 1 if raw is None else 0, generation, start, size))
            rid = self._record(key, line, raw) if raw is not None else None
            if several or ver > 1:
                self._again.append((key, rid, ver, generation, start, size))
        if not carried.copied(tx):
            self.conflicts.apply(tx, seq)

    def _record(self, key: str | bytes, line: Line, raw: bytes) -> int:
        rid = self.next_id
        self.next_id = rid + 1
        columns, texts, ends = extract(line.key, raw)
        order = line.generation << rows.ORD_SHIFT | line.offset
        self._records.append((rid, *rows.record_row(self.ctx, key, line, order, columns)))
        first = rid << 16
        if len(texts) == 1:
            self._observations.append((first, texts[0]))
        else:
            self._observations.extend((first + n, text) for n, text in enumerate(texts))
        if ends is not None:
            self._relations.append((rid, self.ctx, *ends))
        return rid

    def _flush(self) -> None:
        run = self.conn.executemany
        run(rows.INSERT_TX, self._transactions)
        run(rows.INSERT_VERSION, self._versions)
        run(_INSERT_RECORD, self._records)
        run("INSERT INTO observations VALUES (?, ?)", self._observations)
        run("INSERT INTO relations VALUES (?, ?, ?, ?, ?)", self._relations)
        run(_SEEN_AGAIN, self._again)
        for batch in (
            self._transactions,
            self._versions,
            self._records,
            self._observations,
            self._relations,
            self._again,
        ):
            batch.clear()

    def _drop_superseded(self, several: bool) -> None:
        """Only the last version of a key is a live record, and none where it was a deletion."""
        run = self.conn.execute
        if run("SELECT 1 FROM again LIMIT 1").fetchone() is None:
            return
        run(
            "CREATE TEMP TABLE stale AS SELECT r.id FROM records r JOIN again a ON a.key = r.key"
            " WHERE r.ctx = ? AND r.id IS NOT a.rid",
            (self.ctx,),
        )
        stale = self.conn.cursor().execute("SELECT id, id FROM stale")
        self.conn.executemany(
            "DELETE FROM observations WHERE id BETWEEN ? * 65536 AND ? * 65536 + 65535", stale
        )
        for table in ("relations", "records"):
            run(f"DELETE FROM {table} WHERE id IN (SELECT id FROM stale)")
        run("DROP TABLE stale")
        if several:
            self._drop_carried()

    def _drop_carried(self) -> None:
        """A new generation begins with copies of the live lines: those versions are known already."""
        run = self.conn.execute
        run(
            "UPDATE records SET generation = a.generation, start = a.start, size = a.size FROM again a"
            " WHERE records.id = a.rid AND a.generation > records.generation"
        )
        run("CREATE INDEX carried ON versions (ctx, key, ver, seq, n)")
        run(
            "DELETE FROM versions WHERE ctx = ? AND EXISTS (SELECT 1 FROM versions w WHERE w.ctx = versions.ctx"
            " AND w.key = versions.key AND w.ver = versions.ver AND w.seq < versions.seq)",
            (self.ctx,),
        )
        run("DROP INDEX carried")
        run("DELETE FROM transactions WHERE ctx = ? AND seq NOT IN (SELECT seq FROM versions)", (self.ctx,))


_AGAIN = (
    "CREATE TEMP TABLE again (key PRIMARY KEY, rid INTEGER, ver INTEGER, generation INTEGER, start INTEGER,"
    " size INTEGER) WITHOUT ROWID"
)
_SEEN_AGAIN = (
    # The record of a version is the one made when it was first met; its line is the newest copy.
    "INSERT INTO again VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
    " rid = CASE WHEN excluded.ver > ver THEN excluded.rid ELSE rid END, ver = excluded.ver,"
    " generation = excluded.generation, start = excluded.start, size = excluded.size WHERE excluded.ver >= ver"
)
_INSERT_RECORD = rows.INSERT_RECORD.replace("(ctx,", "(id, ctx,", 1).replace("VALUES (", "VALUES (?, ", 1)


def size_of(journal: Journal) -> int:
    """Bytes of the file: its whole transactions are counted while it is read."""
    try:
        return os.stat(journal.path).st_size
    except OSError:
        return 0


@contextmanager
def no_gc() -> Iterator[None]:
    """The collector would walk the batches over and over: a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
