"""The next batch is made while the present one is being written: the disk's time is not waited for idly."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress

from store.workflows.types import Batch

_LOOK_SECONDS = 0.1


def ahead(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches, made by a thread that is one of them ahead. What it raises is raised here."""
    made: queue.Queue[Batch | BaseException | None] = queue.Queue(1)
    ended = threading.Event()

    def give(item: Batch | BaseException | None) -> None:
        while not ended.is_set():
            with suppress(queue.Full):
                made.put(item, timeout=_LOOK_SECONDS)
                return

    def work() -> None:
        try:
            for batch in batches:
                give(batch)
                if ended.is_set():
                    return
            give(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the batches are wanted
            give(error)

    thread = threading.Thread(target=work, name="batches of a workflow", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
        thread.join()
