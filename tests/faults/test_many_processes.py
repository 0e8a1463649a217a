"""Many processes on one store: each acknowledged command once, no deadlock, the index as a rebuild has it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.stores import Opener, chart

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
EACH = 200 if FULL else 15

CHILD = """
import sys
from store import charts, open_store
with open_store(sys.argv[1]) as store:
    for n in range(int(sys.argv[4])):
        store.run("default", charts.add_fact, sys.argv[2], f"{sys.argv[3]}-{n}")
        print(f"{sys.argv[3]}-{n}", flush=True)
        if n % 5 == 0:
            store.sync()
            store.publish()
"""


def test_eight_processes_lose_nothing(folder: Path, opened: Opener) -> None:
    store = opened()
    name = chart(store)

    def begin(who: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", CHILD, str(folder), name, who, str(EACH)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    children = [begin(f"p{n}") for n in range(8)]
    said: list[str] = []
    for victim in children[:2]:
        assert victim.stdout is not None
        said += [victim.stdout.readline() for _ in range(3)]
        victim.kill()
    deadline = time.monotonic() + 60
    for child in children:
        out, err = child.communicate(timeout=max(1.0, deadline - time.monotonic()))
        assert child in children[:2] or child.returncode == 0, err
        said += [line for line in out.splitlines(keepends=True) if line.endswith("\n")]
    acknowledged = {line.strip() for line in said}
    assert len(acknowledged) >= 6 * EACH
    store.catch_up()
    facts = Counter(store.chart("default", name).reality)
    assert acknowledged <= set(facts)
    assert set(facts.values()) == {1}
    assert [item for item in store.verify() if item.severity == "error"] == []
    with store.snapshot() as snap:
        before = (snap.counts(), [row[:7] for row in snap.versions("default", f"e:{name}_current_reality")])
    store.rebuild()
    with store.snapshot() as snap:
        after = (snap.counts(), [row[:7] for row in snap.versions("default", f"e:{name}_current_reality")])
    assert before == after
    store.settle()
    assert store.layout.chart_file("default").read_bytes().count(b'"structural_tension_chart"') == 1
