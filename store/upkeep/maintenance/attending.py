"""The upkeep done by a program that people work with, wherever no `chartkeep maintain` does it.

A thread waits until the person has begun, takes the lease if it is free, and looks again each minute
if it is not. All but the lightest tasks run in processes of their own, so the screen stays quick.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.store import Store

AFTER = 30.0
"""Seconds after the start before the first look: opening, reading and typing come first."""
AGAIN_SECONDS = 60.0
"""Seconds between looks whether the lease is free by now."""
GRACE = 0.4
"""Seconds that a task has to stop when the person leaves."""
_JOIN = 5.0


class Attendant:
    """Started once per open store; `close` stops it, and what it is doing."""

    def __init__(self, store: Store, after: float = AFTER) -> None:
        self._store = store
        self._after = after
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="chartkeep-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Break off what is under way; it is due again when somebody takes over."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN)

    def _serve(self) -> None:
        wait = self._after
        while not self._stop.wait(wait):
            wait = AGAIN_SECONDS
            self._store.reload_settings()
            if self._store.settings.upkeep_in_ui:
                with suppress(ChartkeepError):  # held by another, or a file system that lets nobody have it
                    self._attend()

    def _attend(self) -> None:
        from store.upkeep.maintenance.lease import Lease
        from store.upkeep.maintenance.maintain import Maintainer

        lease = Lease(self._store)
        if not lease.take(self._stop, wait=0):
            return
        try:
            Maintainer(self._store, grace=GRACE).run(self._stop)
        finally:
            lease.give_back()
