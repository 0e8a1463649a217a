"""Many processes on one store: each acknowledged command once, no deadlock, no lock left, the index as a rebuild has it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from store.locks import Lock
from tests.faults.tally import tally
from tests.stores import Opener, live

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
EACH = 2000 if FULL else 15
KILLS = 12 if FULL else 2

CHILD = """
import sys
from store import charts, open_store
with open_store(sys.argv[1]) as store:
    for n in range(int(sys.argv[3])):
        store.run("default", charts.create_chart, f"{sys.argv[2]}-{n}", "r")
        print(f"{sys.argv[2]}-{n}", flush=True)
        if n % 50 == 5:
            store.sync()
            store.publish()
"""


@pytest.mark.timeout(1800 if FULL else 150)
def test_eight_processes_lose_nothing(folder: Path, opened: Opener, tmp_path: Path) -> None:
    store = opened()
    outputs: list[Path] = []

    def begin(who: str) -> subprocess.Popen[bytes]:
        outputs.append(tmp_path / who)
        words = [sys.executable, "-c", CHILD, str(folder), who, str(EACH)]
        with outputs[-1].open("wb") as out:
            return subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE)

    children = [begin(f"p{n}") for n in range(8)]
    deadline = time.monotonic() + (1500 if FULL else 100)
    for kill in range(KILLS):  # a victim is killed at work, and another process takes its place
        victim = children.pop(0)
        while outputs[kill].stat().st_size < 40 and victim.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(0.5 if FULL else 0.0)
        victim.kill()
        victim.communicate()
        children.append(begin(f"q{kill}"))
    for child in children:
        _, err = child.communicate(timeout=max(1.0, deadline - time.monotonic()))
        assert child.returncode == 0, err
    acknowledged = [line for path in outputs for line in path.read_text().splitlines(keepends=True)]
    names = {line.strip() for line in acknowledged if line.endswith("\n")}
    assert len(names) >= 8 * EACH
    store.catch_up()
    found = _outcomes(live(store))
    assert names <= set(found)
    assert set(found.values()) == {1}
    assert [item for item in store.verify() if item.severity == "error"] == []
    for path in store.layout.journals.rglob("*.lock"):
        Lock(path).acquire(0.5)
    with store.snapshot() as snap:
        before = (snap.counts(), snap.chart_ids("default"))
    store.rebuild()
    with store.snapshot() as snap:
        assert before == (snap.counts(), snap.chart_ids("default"))
    store.settle()
    assert store.layout.chart_file("default").read_bytes().count(b'"structural_tension_chart"') == len(found)
    tally("8 processes", transactions=len(names), killed=KILLS, lost=0, twice=0)


def _outcomes(state: dict[str, dict[str, list[str]]]) -> Counter[str]:
    return Counter(
        value["observations"][0] for key, value in state.items() if key.endswith("_desired_outcome")
    )
