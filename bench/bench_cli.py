"""How long headless commands take, as ratios to a floor measured in the same run.

The floor is `python -c "import sqlite3, orjson"`: what any program that reads a store has to
load. Floor and commands take turns, so that a busy machine weighs on all of them alike; medians
of wall time. Run: `python -m bench.bench_cli [--runs N] [--charts N]`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOOR = [sys.executable, "-c", "import sqlite3, orjson"]
LIMITS = {"--help": 3.0, "list": 5.0}
"""What each command may take, in times the floor."""


def chart_lines(count: int) -> Iterator[str]:
    """A chart file's lines: `count` charts of three steps each, one in five a child of the one before."""
    stamp = "2026-11-01T08:00:00.000Z"
    entities, relations = [], []
    for number in range(count):
        chart = f"chart_{1767399970000 + number}"
        dated = {"chartId": chart, "dueDate": "2027-03-01", "createdAt": stamp, "updatedAt": stamp}
        under = {"parentChart": f"chart_{1767399969999 + number}"} if number % 5 == 4 else {}
        parts = [
            (
                f"{chart}_chart",
                "structural_tension_chart",
                [f"Chart created on {stamp}"],
                {"level": len(under), **under},
            ),
            (
                f"{chart}_desired_outcome",
                "desired_outcome",
                [f"Outcome number {number} stands on its own"],
                {},
            ),
            (f"{chart}_current_reality", "current_reality", ["There are notes", "There is no draft"], {}),
        ]
        parts += [
            (
                f"{chart}_action_{step}",
                "action_step",
                [f"Step {step} of {number}"],
                {"completionStatus": step == 1},
            )
            for step in (1, 2, 3)
        ]
        for name, kind, texts, more in parts:
            entity = {"type": "entity", "name": name, "entityType": kind, "observations": texts}
            entities.append(json.dumps({**entity, "metadata": {**dated, **more}}))
            if kind != "structural_tension_chart":
                relation = {
                    "type": "relation",
                    "from": f"{chart}_chart",
                    "to": name,
                    "relationType": "contains",
                }
                relations.append(json.dumps(relation))
    yield from entities
    yield from relations


def make_store(folder: Path, charts: int) -> Path:
    """A store of that many charts, read once so that its journal and index are there."""
    store = folder / ".coaia"
    store.mkdir()
    (store / "charts.jsonl").write_text("\n".join(chart_lines(charts)) + "\n", encoding="utf-8")
    subprocess.run(
        [*program(), "--store", str(store), "sync"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT
    )
    return store


def program() -> list[str]:
    """The installed console script, else the module."""
    script = Path(sys.executable).with_name("chartkeep")
    return [str(script)] if script.exists() else [sys.executable, "-m", "store.cli"]


def surroundings() -> dict[str, str]:
    """As a person has them: compiled modules are kept, output is buffered, whatever this run was told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CHARTKEEP"))}
    return {**kept, "NO_COLOR": "1"}


def seconds(command: list[str]) -> float:
    environment = surroundings()
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment)
    return time.perf_counter() - started


def measure(runs: int, charts: int) -> list[tuple[str, float, float]]:
    """(command, median milliseconds, ratio to the floor); the floor itself comes first."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(make_store(Path(folder), charts))
        commands = {
            "floor": FLOOR,
            "--help": [*program(), "--help"],
            "list": [*program(), "--store", store, "list"],
            "list --json": [*program(), "--store", store, "list", "--json"],
            "show": [*program(), "--store", store, "show", "chart_1767399970003"],
            "search": [*program(), "--store", store, "search", "number", "500"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(runs + 1):
            for name, command in commands.items():
                took = seconds(command)
                if number:  # the first round warms the caches
                    times[name].append(took)
    floor = statistics.median(times["floor"])
    return [
        (name, 1000 * statistics.median(took), statistics.median(took) / floor)
        for name, took in times.items()
    ]


def main() -> int:
    """Print the table; the exit code is 1 where a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--charts", type=int, default=1000)
    options = parser.parse_args()
    missed = False
    print(f"headless commands, {options.charts:,} charts, median of {options.runs} runs")
    print(f"{'command':<14}{'ms':>8}{'x floor':>9}{'limit':>8}")
    for name, milliseconds, ratio in measure(options.runs, options.charts):
        limit = LIMITS.get(name)
        missed |= limit is not None and ratio > limit
        print(f"{name:<14}{milliseconds:>8.1f}{ratio:>9.2f}{f'{limit:g}' if limit else '':>8}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
