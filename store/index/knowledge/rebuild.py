"""The whole index of knowledge from the journals: the rows of sync into a new file, secondary indexes last.

A journal that was only ever added to is loaded without looking for a single key: its first versions are
taken at their word, and that no key had two of them is asked once at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import Damaged
from store.index import carried, sqlite
from store.index.database import Progress
from store.index.knowledge import keys, rows
from store.index.knowledge.applying import Applier
from store.index.knowledge.schema import KNOWLEDGE
from store.index.rebuild import Told, no_gc, size_of
from store.index.sync import context_id, store_position
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal

_TOLD = 20_000
"""Lines between two words on how far it is."""
_DOUBLED = (
    "SELECT 1 FROM keys k JOIN keys l ON l.hash = k.hash AND l.seq > k.seq JOIN items i ON i.seq = k.seq"
    " JOIN items j ON j.seq = l.seq AND j.ctx = i.ctx AND j.kind = i.kind AND j.id = i.id LIMIT 1"
)


def load_all(conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None = None) -> None:
    """Fill the empty tables of `conn` from `journals`, and commit. Wants an open transaction."""
    with no_gc():
        _load(conn, journals, progress, trusted=True)
        if conn.execute(_DOUBLED).fetchone() is not None:
            _clear(conn)
            _load(conn, journals, progress, trusted=False)
        sqlite.create_indexes(conn, schema=KNOWLEDGE)
        conn.execute("COMMIT")
    if progress is not None:
        total = sum(map(size_of, journals))
        progress(total, total)


def _load(
    conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None, *, trusted: bool
) -> None:
    total, done = sum(map(size_of, journals)), 0
    for journal in journals:
        _load_one(conn, journal, Told(progress, done, total), trusted)
        done += size_of(journal)


def _load_one(conn: sqlite3.Connection, journal: Journal, progress: Told, trusted: bool) -> None:
    """Read a journal to its end, or to where it is damaged: sync and verify tell of the rest."""
    ctx = context_id(conn, journal.context)
    applier = Applier(conn, ctx, rows.base(ctx))
    position: Position | None = None
    told = 0
    with suppress(Damaged):
        for tx in carried.transactions(journal, None):
            applier.apply(tx, trusted=trusted)
            position = tx.position
            if applier.lines - told >= _TOLD:
                told = applier.lines
                progress(tx.end)
        position = journal.gone_on(position)
    applier.finish()
    keys.enter(conn, ctx, applier.seq)
    if position is not None:
        store_position(conn, journal.context, journal.family, position, applier.seq, applier.lines)


def _clear(conn: sqlite3.Connection) -> None:
    """Empty what was loaded. The full text, which deletes nothing, is made anew."""
    for table in (*_LOADED, "contexts", "positions", "names"):
        conn.execute(f"DELETE FROM {table}")
    conn.execute("DROP TABLE words")
    for statement in KNOWLEDGE.full_text:
        conn.execute(statement)


_LOADED = ("transactions", "items", "versions", "facets", "keys", "workflows")
