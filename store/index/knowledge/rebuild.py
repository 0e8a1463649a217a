"""The whole index of knowledge from the journals: the rows of sync into a new file, secondary indexes last.

The index of keys is made when the first line is met that is no first version; a journal that was only
ever added to is loaded without it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import Damaged
from store.index import carried, sqlite
from store.index.database import Progress
from store.index.knowledge import rows
from store.index.knowledge.applying import Applier
from store.index.knowledge.schema import KNOWLEDGE
from store.index.rebuild import Told, no_gc, size_of
from store.index.sync import context_id, store_position
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Line, Tx

_KEYS = ("items_key",)
_TOLD = 20_000
"""Lines between two words on how far it is."""


def load_all(conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None = None) -> None:
    """Fill the empty tables of `conn` from `journals`, and commit. Wants an open transaction."""
    with no_gc():
        try:
            _load(conn, journals, progress)
            _make_keys(conn)
        except sqlite3.IntegrityError:  # first versions of a key that was there: its lines must be looked up
            _clear(conn)
            _make_keys(conn)
            _load(conn, journals, progress)
        sqlite.create_indexes(conn, but=_KEYS, schema=KNOWLEDGE)
        conn.execute("COMMIT")
    if progress is not None:
        total = sum(map(size_of, journals))
        progress(total, total)


def _load(conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None) -> None:
    total, done = sum(map(size_of, journals)), 0
    for journal in journals:
        _load_one(conn, journal, Told(progress, done, total))
        done += size_of(journal)


def _load_one(conn: sqlite3.Connection, journal: Journal, progress: Told) -> None:
    """Read a journal to its end, or to where it is damaged: sync and verify tell of the rest."""
    ctx = context_id(conn, journal.context)
    loader = Loader(conn, ctx, rows.base(ctx))
    position: Position | None = None
    told = 0
    with suppress(Damaged):
        for tx in carried.transactions(journal, None):
            loader.apply(tx)
            position = tx.position
            if loader.lines - told >= _TOLD:
                told = loader.lines
                progress(tx.end)
        position = journal.gone_on(position)
    loader.finish()
    if position is not None:
        store_position(conn, journal.context, journal.family, position, loader.seq, loader.lines)


class Loader(Applier):
    """Makes the index of keys once it needs it."""

    def _look_up(self, queue: Iterable[tuple[Tx, Sequence[Line], bool]], sure: bool) -> None:
        if sure or any(
            line.ver > 1 or line.raw is None or carried.copied(tx) for tx, lines, _ in queue for line in lines
        ):
            _make_keys(self.conn)
            super()._look_up(queue, sure)


def _make_keys(conn: sqlite3.Connection) -> None:
    if conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'items_key'").fetchone() is None:
        sqlite.create_indexes(conn, _KEYS, schema=KNOWLEDGE)


def _clear(conn: sqlite3.Connection) -> None:
    """Empty what was loaded. The full text, which deletes nothing, is made anew."""
    for table in (
        "contexts",
        "positions",
        "names",
        "transactions",
        "items",
        "versions",
        "facets",
        "workflows",
    ):
        conn.execute(f"DELETE FROM {table}")
    conn.execute("DROP TABLE words")
    for statement in KNOWLEDGE.full_text:
        conn.execute(statement)
