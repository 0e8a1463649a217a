"""The first look at a bare chart file: journal, index and published file are made from it.

The floor is what cannot be avoided: orjson parses every line, and the bytes are written and synced
once more. Memory is the whole process's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench import stores
from bench.measure import Bare, Figure, timed

LINES, FULL_LINES = 70_000, 700_000
_FIRST_LOOK = """
import resource, sys, time
from store.store import open_store
begun = time.perf_counter()
with open_store(sys.argv[1]) as store:
    store.catch_up()
    store.settle()
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def figures(*, full: bool) -> Iterator[Figure]:
    lines = FULL_LINES if full else LINES
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        store = Path(name) / ".coaia"
        store.mkdir()
        file = store / "charts.jsonl"
        stores.chart_file(file, lines // stores.LINES_EACH)

        def floor() -> None:
            bare = Bare(Path(name) / "bare")
            with file.open("rb") as source:
                while block := source.readlines(1 << 20):
                    for line in block:
                        orjson.loads(line)
                    bare.write(b"".join(block))

        least = timed(floor)
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_LOOK, str(store)],
            cwd=Path(__file__).resolve().parent.parent,
            check=True,
            capture_output=True,
            text=True,
        )
    took, memory = map(float, done.stdout.split())
    yield Figure(f"first look at a chart file of {lines:,} lines", "s", took, least)
    yield Figure("memory of that process", "MiB", memory)
