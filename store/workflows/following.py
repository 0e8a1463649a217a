"""The index follows a workflow while it writes, in a thread or, where there is much, in a process of its own.

What it cannot take in is no trouble of the workflow's: it is committed all the same, and whoever reads
next syncs the index and meets the trouble. A process of its own does not share the interpreter with the
workflow, which nearly doubles what two processors get done; starting it pays from some thousand items.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from store.errors import ChartkeepError
from store.knowledge import writing
from store.knowledge.kinds import FAMILY

if TYPE_CHECKING:
    from store.journal import Tx
    from store.store import Store

APART_FROM = 20_000
"""Items of a workflow from which the index follows in a process of its own."""
MOST_WAITING = 8
"""Transactions that may wait for the thread."""
MOST_BEHIND = 16 << 20
"""Bytes that may be written and not indexed: with more the writer waits, so that memory stays bounded."""
LOOK_SECONDS = 0.02
_PATIENCE = 30.0
"""Seconds without any progress of the index after which it is not waited for any more."""


class Follower(Protocol):
    """Keeps the index of one context close behind, within its block."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def give(self, tx: Tx) -> None:
        """A transaction was committed; waits where the index is far behind."""


def follower(store: Store, context: str, items: int) -> Follower:
    """The follower for a workflow of so many items."""
    return Apart(store, context) if items >= APART_FROM else Beside(store, context)


class Beside:
    """A thread that takes in what was just committed, from memory."""

    def __init__(self, store: Store, context: str) -> None:
        self._store = store
        self._context = context
        self._queue: queue.Queue[Tx | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._failed = False
        self._ended = False

    def __enter__(self) -> Self:
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
        while not self._ended:
            known = self._next()
            if not self._failed and known:
                try:
                    self._store.library.sync(self._context, known)
                except Exception:  # noqa: BLE001 - the writer must never wait for a thread that is gone
                    self._failed = True

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


class Apart:
    """A process that reads what was committed from the journal."""

    def __init__(self, store: Store, context: str) -> None:
        self._store = store
        self._context = context
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        place = self._store.layout.single or self._store.layout.root
        with suppress(OSError):  # without it the index is brought up to date at the end
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(place), self._context],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return self

    def give(self, tx: Tx) -> None:  # noqa: ARG002 - it is read from the journal
        """Waits while the index is far behind; where it does not get on, this process brings it up to date."""
        if writing.behind(self._store, self._context) <= MOST_BEHIND:
            return
        position, since = None, time.monotonic()
        while self._running() and time.monotonic() - since < _PATIENCE:
            found = self._store.library.index.position(self._context, FAMILY)
            if found != position:
                position, since = found, time.monotonic()
            if writing.behind(self._store, self._context, found) <= MOST_BEHIND:
                return
            time.sleep(LOOK_SECONDS)
        with suppress(ChartkeepError):
            self._store.library.sync(self._context)

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
            process.wait()
        with suppress(ChartkeepError):
            self._store.library.sync(self._context)


# -- the process's side ------------------------------------------------------------------------------


def main(words: list[str]) -> int:
    """Sync the index of one context until standard input ends: `PATH CONTEXT`."""
    from store import open_store

    place, context = words
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    with open_store(place, program="index") as store:
        while not ended.is_set():
            before = store.library.index.position(context, FAMILY)
            with suppress(ChartkeepError):
                store.library.sync(context)
            if store.library.index.position(context, FAMILY) == before:
                ended.wait(LOOK_SECONDS)
        store.library.sync(context)
    return 0


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal it goes to the workflow too, which decides
    sys.exit(main(sys.argv[1:]))
