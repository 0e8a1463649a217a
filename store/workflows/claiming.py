"""Who runs a workflow: its lock, one of the slots for workers, and its heartbeat.

Whoever runs a workflow holds `.workflows/<id>/run.lock`; the system drops it with the process, so a
workflow that says it is processing while nobody holds its lock was interrupted. `beat.json` beside it
is replaced twice a second and never synced: how far it is, how fast, and that it still lives.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, durable, records
from store.errors import Locked, Refused, StorageError
from store.locks import Lock, holder_of
from store.workflows.staging import folder_of

if TYPE_CHECKING:
    from store.layout import Layout
    from store.store import Store

BEAT_SECONDS = 0.5
SLOT_PAUSE = 0.1
_WINDOW = 10
"""Heartbeats over which the rate is measured."""


class Beat(NamedTuple):
    """What a heartbeat tells."""

    at: str
    pid: int
    host: str
    state: str
    """`waiting` for a slot, or `running`."""
    processed: int
    rejected: int
    total: int
    rate: float
    seconds_left: float | None


def lock_of(layout: Layout, workflow_id: str) -> Path:
    """The lock held by whoever runs a workflow."""
    return folder_of(layout, workflow_id) / "run.lock"


def runner(layout: Layout, workflow_id: str) -> str | None:
    """Who runs a workflow now, in words; None where nobody does."""
    return holder_of(lock_of(layout, workflow_id))


def beat(layout: Layout, workflow_id: str) -> Beat | None:
    """The last heartbeat; None where there is none that can be read."""
    try:
        found = records.loads((folder_of(layout, workflow_id) / "beat.json").read_bytes())
        return Beat(**found)
    except (OSError, TypeError, records.BadJson):
        return None


@contextmanager
def claimed(store: Store, workflow_id: str, timeout: float = 0.3) -> Iterator[None]:
    """Run the workflow within the block, and nobody else. Raises Refused naming who does, StorageError."""
    path = lock_of(store.layout, workflow_id)
    durable.make_dirs(path.parent)
    lock = Lock(path)
    try:
        lock.acquire(timeout, f"workflow {workflow_id}")
    except Locked:
        raise Refused(f"The workflow {workflow_id} is being run already, by {lock.holder()}.") from None
    try:
        yield
    finally:
        lock.release()
        lock.close()


@contextmanager
def slot(store: Store, waiting: Callable[[], None]) -> Iterator[None]:
    """One of the `workflows.workers` slots, within the block; `waiting` is called while there is none."""
    durable.make_dirs(store.layout.workflows)
    while (lock := _free(store)) is None:
        waiting()
        time.sleep(SLOT_PAUSE)
    try:
        yield
    finally:
        lock.release()
        lock.close()


def _free(store: Store) -> Lock | None:
    for number in range(store.settings.workflows_workers):
        lock = Lock(store.layout.workflows / f"slot-{number}.lock")
        with suppress(Locked):
            lock.acquire(0.0, "a worker")
            return lock
    return None


# -- what somebody asks of the runner ------------------------------------------------------------------


def hint(layout: Layout, workflow_id: str) -> Path:
    """Made by whoever pauses or cancels: between two transactions the runner looks only for this."""
    return folder_of(layout, workflow_id) / "stop"


def ask_to_stop(layout: Layout, workflow_id: str) -> None:
    """Have the runner look at the journal soon. It is a hint: what counts stands in the journal."""
    path = hint(layout, workflow_id)
    with suppress(StorageError):
        if path.parent.is_dir():
            durable.write_file(path, b"", sync=False)


def take_back(layout: Layout, workflow_id: str) -> None:
    """It goes on: the hint is gone."""
    with suppress(StorageError):
        durable.remove_file(hint(layout, workflow_id), sync=False)


def asked_to_stop(layout: Layout, workflow_id: str) -> bool:
    """Whether somebody did. One look at a folder."""
    return hint(layout, workflow_id).exists()


# -- the heartbeat -----------------------------------------------------------------------------------


class Heart:
    """Writes the heartbeat from a thread, within its block."""

    def __init__(self, layout: Layout, workflow_id: str) -> None:
        self._path = folder_of(layout, workflow_id) / "beat.json"
        self._told: dict[str, Any] = {"state": "waiting", "processed": 0, "rejected": 0, "total": 0}
        self._seen: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of {workflow_id}", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        with suppress(StorageError):
            durable.remove_file(self._path, sync=False)

    def tell(self, **told: Any) -> None:
        """What the next heartbeat says."""
        self._told = {**self._told, **told}

    @property
    def told(self) -> dict[str, Any]:
        """What the next heartbeat says."""
        return self._told

    def rate(self) -> tuple[float, float | None]:
        """Items a second at present, and seconds left where that can be said."""
        told, seen = self._told, list(self._seen)
        done = told["processed"]
        if len(seen) < 2 or seen[-1][0] <= seen[0][0]:
            return 0.0, None
        rate = max(0.0, (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0]))
        left = (told["total"] - done) / rate if rate > 0 and told["total"] >= done else None
        return round(rate, 1), None if left is None else round(left, 1)

    def _beat(self) -> None:
        while True:
            told = self._told
            self._seen.append((time.monotonic(), told["processed"]))
            rate, left = self.rate()
            text = records.dumps(
                {
                    "at": clock.stamp(),
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    **told,
                    "rate": rate,
                    "seconds_left": left,
                }
            )
            with suppress(StorageError):
                durable.write_file(self._path, text, sync=False)
            if self._end.wait(BEAT_SECONDS):
                return
