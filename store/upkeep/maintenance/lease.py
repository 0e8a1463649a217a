"""One lease per store: whoever holds it does the upkeep, everybody else waits or leaves it alone.

It is a lock on `.journal/.upkeep.lock`, held for as long as the upkeep runs. The operating system
drops it when its holder ends, however it ends, so there is nothing to time out and nothing to steal.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from store import clock, durable, locks
from store.errors import Locked

if TYPE_CHECKING:
    from store.layout import Layout
    from store.store import Store

NAME = ".upkeep.lock"
LOOK_SECONDS = 0.5
"""How often who waits looks whether the lease is free."""
_PROBE = 0.05
"""Somebody who only asks who holds it has it for a moment: not a reason to give up."""


def path_of(layout: Layout) -> Path:
    """The lock file."""
    return layout.journals / NAME


def holder(store: Store) -> str | None:
    """Who does the upkeep of this store now, in words; None where nobody does."""
    return locks.holder_of(path_of(store.layout))


class Lease:
    """The lease of one store, taken and given back."""

    def __init__(self, store: Store) -> None:
        self.path = path_of(store.layout)
        self._lock = locks.Lock(self.path)

    def take(self, stop: Event, wait: float | None = None, beat: Callable[[], None] = lambda: None) -> bool:
        """Wait for the lease, at most `wait` seconds (None: for ever); False where `stop` came first.

        `beat` is called now and then meanwhile. Raises Locked, which names the holder, StorageError.
        """
        durable.make_dirs(self.path.parent)
        deadline = None if wait is None else clock.monotonic() + wait
        while not stop.is_set():
            try:
                self._lock.acquire(_PROBE, "the upkeep")
                return True
            except Locked as error:
                if deadline is not None and clock.monotonic() >= deadline:
                    raise Locked(
                        f"The upkeep of this store is done by {self._lock.holder()}. Wait for it with --wait, "
                        "or end that program."
                    ) from error
            beat()
            stop.wait(LOOK_SECONDS)
        return False

    def give_back(self) -> None:
        """Let others have it."""
        self._lock.release()
        self._lock.close()
