"""kill -9 at any moment: what was acknowledged is there, whole; what was not, whole or not at all."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.stores import Opener, live

ROUNDS = 200 if os.environ.get("CHARTKEEP_FAULTS") == "full" else 25

CHILD = """
import sys
from store import charts, open_store
store = open_store(sys.argv[1])
store.start_background()
first = int(sys.argv[2])
for n in range(first, first + 100000):
    change = store.run("default", charts.create_chart, f"Book {n}", "r", steps=["a", "b", "c"])
    print(n, change.focus, flush=True)
"""


def test_acknowledged_commands_survive_kill_9(folder: Path, opened: Opener) -> None:
    dice = random.Random(7)
    acknowledged: dict[int, str] = {}
    first = 0
    for _ in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), str(first)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        line = child.stdout.readline()
        deadline = time.monotonic() + dice.random() * 0.08
        lines = [line]
        while time.monotonic() < deadline:
            lines.append(child.stdout.readline())
        child.kill()
        lines += child.stdout.readlines()
        child.wait()
        for said in lines:
            if said.endswith("\n"):
                number, name = said.split()
                acknowledged[int(number)] = name
        first = max(acknowledged) + 2
    store = opened()
    store.catch_up()
    state = live(store)
    assert len(acknowledged) >= ROUNDS
    for name in acknowledged.values():
        assert f"e:{name}_chart" in state
    charts_there = [key for key in state if key.endswith("_chart")]
    for key in charts_there:
        base = key.removesuffix("_chart")
        parts = ("_desired_outcome", "_current_reality", "_action_1", "_action_2", "_action_3")
        assert all(base + part in state for part in parts), "half a command"
    assert [item for item in store.verify() if item.severity == "error"] == []
    store.settle()
    assert store.layout.chart_file("default").read_bytes().count(b'"structural_tension_chart"') == len(
        charts_there
    )
