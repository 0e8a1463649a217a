"""Another program writes the chart file: how long until the change is on the screen.

The app runs in a terminal; the file is rewritten with another outcome for the chart under the
cursor, as the peers do it (whole file, in place). The floor is the file event alone: the same
watcher with the same step, told of a rewrite of a file of the same size.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import watch

from bench import ptybench, stores
from bench.bench_cli import program
from bench.bench_screen import READY
from bench.measure import Figure, median, percentile
from store import records
from store.watch import STEP_MS

CHARTS = 200
WRITES, FULL_WRITES = 12, 40
LIMIT_MS = 150
NEW = "Seen at once"


def figures(*, full: bool) -> Iterator[Figure]:
    with stores.copied(CHARTS) as store:
        took = _seen(store, FULL_WRITES if full else WRITES)
        floor = _event(store.parent / "bare", (store / "charts.jsonl").read_bytes(), len(took))
    name = f"a foreign write until it is on screen, {CHARTS} charts"
    yield Figure(f"{name}, median", "ms", median(took), median(floor), limit=LIMIT_MS)
    yield Figure(f"{name}, p95", "ms", percentile(took, 0.95), percentile(floor, 0.95))


def _seen(store: Path, writes: int) -> list[float]:
    """Milliseconds from the end of each write until the new words are on the screen."""
    file = store / "charts.jsonl"
    took = []
    with ptybench.Terminal([*program(), "--store", str(store)]) as terminal:
        terminal.wait_for(READY, 30)
        terminal.settle(1.5)
        for number in range(writes):
            _rewrite(file, f"{NEW} {number}.")
            begun = time.monotonic()
            took.append(1000 * (terminal.wait_for(f"{NEW} {number}\\.", 20) - begun))
            terminal.settle(1.5)
    return took


def _rewrite(file: Path, outcome: str) -> None:
    lines = file.read_bytes().splitlines()
    wanted = b'"name":"%b_desired_outcome"' % stores.chart_id(0).encode()
    at = next(number for number, line in enumerate(lines) if wanted in line)
    record = records.loads(lines[at])
    lines[at] = records.dumps({**record, "observations": [outcome]})
    file.write_bytes(b"\n".join(lines) + b"\n")


def _event(folder: Path, data: bytes, writes: int) -> list[float]:
    """Milliseconds from the end of a write until watchfiles tells of it."""
    folder.mkdir()
    file = folder / "charts.jsonl"
    file.write_bytes(b"")
    took = []
    events = watch(folder, step=STEP_MS, debounce=STEP_MS, rust_timeout=100, yield_on_timeout=True)
    next(events)
    for _ in range(writes):
        file.write_bytes(data)
        begun = time.monotonic()
        while not next(events):
            pass
        took.append(1000 * (time.monotonic() - begun))
        time.sleep(0.1)
        next(events)
    return took
