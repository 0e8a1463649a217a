"""`chartkeep maintain` with nothing to do: what it costs while it waits, once everything due is done.

CPU of the maintainer and of whatever it runs, and its resident memory. The floor is a bare Python
process that waits, with the index and the file watcher imported: what any such program would cost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench import stores
from bench.bench_cli import program
from bench.measure import Figure
from store.upkeep.maintenance import schedule
from store.upkeep.maintenance.tasks import TASKS

RECORDS, FULL_RECORDS = 100_000, 1_000_000
SECONDS = 20.0
SETTLED = 600.0
"""Seconds that the first round of all tasks, with a full backup and its drill, may take."""
CPU_LIMIT, MEMORY_LIMIT = 0.5, 100.0
WAITING = "import sqlite3, watchfiles, orjson, threading; print(flush=True); threading.Event().wait()"


def figures(*, full: bool) -> Iterator[Figure]:
    records = FULL_RECORDS if full else RECORDS
    bare = _bare()
    with stores.copied(records // stores.LINES_EACH) as store:
        cpu, memory = _idle([*program(), "--store", str(store), "maintain"], store)
    yield Figure(f"maintain idle, CPU, {records:,} records", "%", cpu, limit=CPU_LIMIT)
    yield Figure(f"maintain idle, memory, {records:,} records", "MiB", memory, bare, limit=MEMORY_LIMIT)


def _idle(command: list[str], store: Path) -> tuple[float, float]:
    """(percent of a CPU, MiB) while nothing is due."""
    environment = {**os.environ, "CHARTKEEP_BY": "bench"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    try:
        _settle(process, store)
        seen = psutil.Process(process.pid)
        begun, before = time.monotonic(), _spent(seen)
        time.sleep(SECONDS)
        share = 100 * (_spent(seen) - before) / (time.monotonic() - begun)
        return share, seen.memory_info().rss / (1 << 20)
    finally:
        process.terminate()
        process.wait(30)


def _settle(process: subprocess.Popen[bytes], store: Path) -> None:
    """Wait until every task was done once, and a moment longer."""
    path = store / ".journal" / schedule.STATE
    deadline = time.monotonic() + SETTLED
    light = {task.name for task in TASKS if task.wanted or not task.apart}  # not written down at once
    wanted = {task.name for task in TASKS} - light | {"backup", "drill"}
    while not wanted <= {name for name, past in schedule.load(path).items() if past.done}:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the upkeep of {store} did not settle: {schedule.load(path)}")
        time.sleep(0.5)
    time.sleep(3)


def _spent(process: psutil.Process) -> float:
    """CPU seconds so far, with those of children that have ended."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _bare() -> float:
    """MiB of a process that only waits."""
    process = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        return float(psutil.Process(process.pid).memory_info().rss / (1 << 20))
    finally:
        process.kill()
        process.wait()
