"""The index of charts as its users hold it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.index import schema, sync
from store.index.database import Database, Progress
from store.index.queries import Snapshot
from store.index.sync import Synced
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Tx


class Index(Database[Snapshot]):
    """The index of charts."""

    schema = schema.CHARTS
    family = "charts"

    def _view(self, conn: sqlite3.Connection) -> Snapshot:
        return Snapshot(conn)

    def _follow(
        self, conn: sqlite3.Connection, journal: Journal, upto: Position | None, known: Sequence[Tx]
    ) -> Synced:
        assert not known, "records of charts are committed a few at a time: they are read back"
        return sync.sync_context(conn, journal, upto)

    def _drop(self, conn: sqlite3.Connection, context: str) -> None:
        sync.forget_context(conn, context)

    def _load(self, conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None) -> None:
        from store.index import rebuild

        rebuild.load_all(conn, journals, progress)

    def _loaded(self, snap: Snapshot, context: str) -> Synced:
        counts = snap.counts().get(context, {})
        charts = set(snap.chart_ids(context))
        return Synced(counts.get("transactions", 0), counts.get("versions", 0), charts, True)
