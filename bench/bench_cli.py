"""Headless commands, beside `python -c "import sqlite3, orjson"`: what any reader of a store has to load.

Whole processes, start to end, in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import stores
from bench.measure import Figure, in_turns, median

ROOT = Path(__file__).resolve().parent.parent
FLOOR = [sys.executable, "-c", "import sqlite3, orjson"]
CHARTS = 1000
RUNS, FULL_RUNS = 15, 41
LIMITS = {"--help": 3.0, "list": 5.0}


def program() -> list[str]:
    """The installed console script, else the module."""
    script = Path(sys.executable).with_name("chartkeep")
    return [str(script)] if script.exists() else [sys.executable, "-m", "store.cli"]


def _surroundings() -> dict[str, str]:
    """As a person has them: compiled modules are kept, output is buffered, whatever this run was told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CHARTKEEP"))}
    return {**kept, "NO_COLOR": "1"}


def figures(*, full: bool) -> Iterator[Figure]:
    with stores.copied(CHARTS) as store:
        at = [*program(), "--store", str(store)]
        commands = {
            "floor": FLOOR,
            "--help": [*program(), "--help"],
            "list": [*at, "list"],
            "list --json": [*at, "list", "--json"],
            "show": [*at, "show", stores.chart_id(3)],
            "search": [*at, "search", "garden"],
        }
        works = {name: _run(command) for name, command in commands.items()}
        times = in_turns(FULL_RUNS if full else RUNS, works, warm=1)
    floor = 1e3 * median(times.pop("floor"))
    for name, took in times.items():
        yield Figure(
            f"chartkeep {name}, {CHARTS:,} charts", "ms", 1e3 * median(took), floor, most=LIMITS.get(name)
        )


def _run(command: list[str]) -> Callable[[], object]:
    environment = _surroundings()
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment)
