"""Eight processes that commit at once, each durably, against a bare flock, append and fdatasync loop.

Twice: bare journal transactions, and whole commands (a step added to a chart that only this
process works on). Every transaction is looked for afterwards.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bench import stores
from bench.measure import Figure, median
from store.charts import add_step
from store.journal import Journal
from store.store import open_store

PROCESSES = 8
COMMITS = 100
ROUNDS = 3
PER_CHART = 8
"""Steps a process adds to one chart before it goes on to the next."""

PATIENCE = 60.0

Loop = Callable[[str, int, int, Any], None]


def figures(*, full: bool) -> Iterator[Figure]:
    rounds, commits = (7, 250) if full else (ROUNDS, COMMITS)
    rates: dict[str, list[float]] = {"bare": [], "journal": [], "commands": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name, stores.copied(1000) as store:
            folder = Path(name)
            rates["bare"].append(_rate(_bare, str(folder / "bare"), commits))
            rates["journal"].append(_rate(_journal, str(folder), commits))
            _all_there(stores.journal_in(folder), 0, commits)
            before = _count(stores.journal_of(store))
            rates["commands"].append(_rate(_commands, str(store), commits))
            _all_there(stores.journal_of(store), before, commits)
    floor = median(rates["bare"])
    for name in ("journal", "commands"):
        yield Figure(f"{PROCESSES} processes at once, {name}", "/s", median(rates[name]), floor, least=0.5)


def _rate(loop: Loop, place: str, commits: int) -> float:
    """Commits per second of processes that start together."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(PROCESSES + 1, timeout=PATIENCE)  # a worker that died must not hang the rest
    workers = [context.Process(target=loop, args=(place, n, commits, start)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    start.wait()
    begun = time.perf_counter()
    for worker in workers:
        worker.join()
    return PROCESSES * commits / (time.perf_counter() - begun)


def _bare(place: str, _: int, commits: int, start: Any) -> None:
    data = b"x" * 1500
    fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lock = os.open(place + ".lock", os.O_RDWR | os.O_CREAT)
    start.wait()
    for _ in range(commits):
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(fd, data)
        os.fdatasync(fd)
        fcntl.flock(lock, fcntl.LOCK_UN)


def _journal(place: str, _: int, commits: int, start: Any) -> None:
    journal = stores.journal_in(Path(place))
    drafts = list(islice(stores.drafts(1), 4))
    journal.position()
    start.wait()
    for _ in range(commits):
        stores.commit(journal, drafts)


def _commands(place: str, number: int, commits: int, start: Any) -> None:
    with open_store(place) as store:
        store.journal("default")
        start.wait()
        for turn in range(commits):
            chart = stores.chart_id(100 * number + turn // PER_CHART)
            store.run("default", add_step, chart, f"Step of turn {turn}")


def _count(journal: Journal) -> int:
    return sum(1 for _ in journal.read())


def _all_there(journal: Journal, before: int, commits: int) -> None:
    if (found := _count(journal) - before) != PROCESSES * commits:
        raise SystemExit(f"lost transactions: {found} of {PROCESSES * commits}")
