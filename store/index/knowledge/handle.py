"""The index of knowledge as its users hold it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.index.database import Database, Progress
from store.index.knowledge import sync
from store.index.knowledge.applying import Memory
from store.index.knowledge.queries import Snapshot
from store.index.knowledge.schema import KNOWLEDGE
from store.index.sync import Synced
from store.knowledge.kinds import FAMILY
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Tx


class KnowledgeIndex(Database[Snapshot]):
    """The index of knowledge. `sync` takes transactions that were just written from memory."""

    schema = KNOWLEDGE
    family = FAMILY
    _remembers: sqlite3.Connection | None = None
    """The connection that `_memory` is good for."""
    _memory: Memory

    def _view(self, conn: sqlite3.Connection) -> Snapshot:
        return Snapshot(conn)

    def _follow(
        self, conn: sqlite3.Connection, journal: Journal, upto: Position | None, known: Sequence[Tx]
    ) -> Synced:
        if self._remembers is not conn:
            self._remembers, self._memory = conn, Memory()
        try:
            return sync.sync_context(conn, journal, upto, known, self._memory)
        except BaseException:
            self._undone()
            raise

    def _undone(self) -> None:
        self._remembers = None

    def _drop(self, conn: sqlite3.Connection, context: str) -> None:
        sync.forget_context(conn, context)

    def _load(self, conn: sqlite3.Connection, journals: Sequence[Journal], progress: Progress | None) -> None:
        from store.index.knowledge import rebuild

        rebuild.load_all(conn, journals, progress)

    def _loaded(self, snap: Snapshot, context: str) -> Synced:
        return Synced(*snap.loaded(context), set(), True)
