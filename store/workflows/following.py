"""The index follows a workflow while it writes: a thread takes in what was just committed, from memory.

What it cannot take in is no trouble of the workflow's: it is committed all the same, and whoever reads
next syncs the index and meets the trouble.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.journal import Tx
    from store.store import Store

MOST = 8
"""Transactions that may wait: with more the writer waits for the index, so that memory stays bounded."""


class Follower:
    """Keeps the index of one context close behind, within its block."""

    def __init__(self, store: Store, context: str) -> None:
        self._store = store
        self._context = context
        self._queue: queue.Queue[Tx | None] = queue.Queue(MOST)
        self._thread: threading.Thread | None = None
        self._failed = False

    def __enter__(self) -> Follower:
        return self

    def give(self, tx: Tx) -> None:
        """Have a transaction taken in; waits while too many are waiting."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="index of a workflow", daemon=True)
            self._thread.start()
        self._queue.put(tx)

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        with suppress(ChartkeepError):
            self._store.library.sync(self._context)

    def _follow(self) -> None:
        while True:
            known = self._next()
            if not self._failed and known:
                try:
                    self._store.library.sync(self._context, known)
                except Exception:  # noqa: BLE001 - the writer must never wait for a thread that is gone
                    self._failed = True
            if self._ended:
                return

    _ended = False

    def _next(self) -> list[Tx]:
        """What waits, at least one."""
        found: list[Tx] = []
        item = self._queue.get()
        while item is not None:
            found.append(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return found
        self._ended = True
        return found
