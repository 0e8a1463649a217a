"""The index follows a workflow while it writes, in a thread or, where there is much, in a process of its own.

What it cannot take in is no trouble of the workflow's: it is committed all the same, and whoever reads
next syncs the index and meets the trouble. A process of its own does not share the interpreter with the
workflow, which nearly doubles what two processors get done; starting it pays from some thousand items.
"""

from __future__ import annotations

import gc
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from store.errors import ChartkeepError
from store.knowledge.kinds import FAMILY
from store.workflows import feeding

if TYPE_CHECKING:
    from store.journal import Tx
    from store.store import Store

APART_FROM = 20_000
"""Items of a workflow from which the index follows in a process of its own."""
MOST_WAITING = 12
"""Transactions that may wait on either side: with more the writer waits, so that memory stays bounded."""
PATIENCE = 60.0
"""Seconds that a process which takes nothing in is waited for."""
Waiting = queue.Queue["Tx | None"]
"""Transactions in their order, and None behind the last."""


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
        self._queue: Waiting = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None

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
        failed = ended = False
        while not ended:
            known, ended = taken(self._queue)
            if not failed and known:
                try:
                    self._store.library.sync(self._context, known)
                except Exception:  # noqa: BLE001 - the writer must never wait for a thread that is gone
                    failed = True


def taken(waiting: Waiting) -> tuple[list[Tx], bool]:
    """What waits, at least one where any comes, and whether that was the last."""
    found: list[Tx] = []
    item = waiting.get()
    while item is not None:
        found.append(item)
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return found, False
    return found, True


class Apart:
    """A process that is handed what was committed, each record as the index sees it."""

    def __init__(self, store: Store, context: str) -> None:
        self._store = store
        self._context = context
        self._queue: Waiting = queue.Queue(MOST_WAITING)
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._send, name="index of a workflow", daemon=True)

    def __enter__(self) -> Self:
        place = self._store.layout.single or self._store.layout.root
        with suppress(OSError):  # without it the index is brought up to date at the end
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(place), self._context],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self._thread.start()
        return self

    def give(self, tx: Tx) -> None:
        """Hand a transaction over; waits while too many are waiting, but not for a process that hangs."""
        if self._process is None:
            return
        try:
            self._queue.put(tx, timeout=PATIENCE)
        except queue.Full:
            self._process.kill()
            self._queue.put(tx)  # the thread notices, and empties it

    def _send(self) -> None:
        assert self._process is not None
        out = self._process.stdin
        assert out is not None
        failed = False
        while (tx := self._queue.get()) is not None:
            if not failed:
                try:
                    out.write(feeding.packed(tx))
                    out.flush()
                except Exception:  # noqa: BLE001 - the writer must never wait for a thread that is gone
                    failed = True
        with suppress(OSError):
            out.close()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._end(self._process)
        with suppress(ChartkeepError):
            self._store.library.sync(self._context)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it has taken everything in; one that hangs is ended."""
        try:
            self._queue.put(None, timeout=PATIENCE)
            self._thread.join(PATIENCE)
            process.wait(PATIENCE)
        except (queue.Full, subprocess.TimeoutExpired):
            process.kill()
            if self._thread.is_alive():
                self._queue.put(None)
            process.wait()
        self._thread.join(PATIENCE)  # a daemon: nobody waits for it for ever


# -- the process's side ------------------------------------------------------------------------------


def main(words: list[str]) -> int:
    """Index what comes on standard input, until that ends, and then all there is: `PATH CONTEXT`."""
    from store import open_store

    place, context = words
    come: Waiting = queue.Queue(MOST_WAITING)

    def receive() -> None:
        try:
            for tx in feeding.frames(sys.stdin.buffer):
                come.put(tx)
        finally:
            come.put(None)

    threading.Thread(target=receive, daemon=True).start()
    gc.set_threshold(100_000)  # small values without cycles are all it makes
    with open_store(place, program="index") as store:
        ended = False
        while not ended:
            known, ended = taken(come)
            if known:
                with suppress(ChartkeepError):  # with those that follow it is tried again
                    store.library.index.take(store.journal(context, FAMILY), known)
        store.library.sync(context)
    return 0


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal it goes to the workflow too, which decides
    sys.exit(main(sys.argv[1:]))
