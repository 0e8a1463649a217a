"""Deletion, expansion, clusters and fields cut short at a system call: gone on with, all ends as if nothing had been.

Deleted is what was named and nothing else, whenever it happens; derived records are there once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from store import init_store, open_store, workflows
from store.errors import ChartkeepError, NotFound
from store.store import Store
from tests.batches import batch, state
from tests.faults.cutting import FULL, AtCall, Killed
from tests.faults.tally import tally
from tests.faults.test_workflows_crash import one_thread, small

__all__ = ["one_thread"]

STEP = 1 if FULL else 5
FRAMES = [
    {
        "type": "frame",
        "id": f"f{n}",
        "name": f"F{n}",
        "core_elements": [f"E{n}"],
        "inherits_from": [f"F{n - 1}"] if n else [],
    }
    for n in range(8)
]
ANALOGIES = [
    {
        "type": "analogy",
        "id": f"a{n}",
        "quality_score": n / 20,
        "frame_mappings": {f"F{n % 8}": "X"},
        "tags": ["t"],
    }
    for n in range(20)
]
CONCEPTS = [
    {
        "type": "concept",
        "id": f"c{topic}{n}",
        "name": f"{topic}{n}",
        "disambiguation": f"{topic} {topic} of {topic}",
    }
    for topic in ("sea", "sky", "music")
    for n in range(5)
]
CASES: dict[str, dict[str, Any]] = {
    "delete": {"below": 0.7, "tags": ["t"]},
    "expand": {},
    "clusters": {"clusters": 3},
    "fields": {},
}


def filled(folder: Path) -> Path:
    init_store(folder)
    with small(open_store(folder)) as store:
        batch(store, [*FRAMES, *ANALOGIES, *CONCEPTS], "first")
    return folder


def go_on(store: Store, kind: str) -> None:
    """Submit and run it, or go on where it is."""
    try:
        found = workflows.get(store, "w")
    except NotFound:
        workflows.submit(store, "default", kind, id="w", options=CASES[kind])
    else:
        if found.state == "completed":
            return
        workflows.resume(store, "w", detach=False)
    workflows.run(store, "w")


def said(store: Store) -> dict[str, Any]:
    """Every live record but for the moments that it tells of."""
    found = {}
    for key, raw in state(store).items():
        value = orjson.loads(raw)
        value.pop("created_at", None)
        if not key.startswith("workflow:"):
            found[key] = value
    return found


@pytest.mark.timeout(1800 if FULL else 110)
@pytest.mark.parametrize("kind", CASES)
def test_cut_short_at_any_call_it_goes_on_to_the_same_end(tmp_path: Path, kind: str) -> None:
    with small(open_store(filled(tmp_path / "whole" / ".coaia"))) as store:
        before = said(store)
        go_on(store, kind)
        expected = said(store)
        counts = workflows.get(store, "w")
    nth = cut = 0
    while True:
        nth += STEP
        folder = filled(tmp_path / f"s{nth}" / ".coaia")
        with pytest.MonkeyPatch.context() as patch:
            store = small(open_store(folder))
            fault = AtCall(patch, nth)
            try:
                go_on(store, kind)
            except (Killed, ChartkeepError):
                pass
            store.close()
        cut += fault.met
        with small(open_store(folder)) as store:
            store.library.sync()
            half = said(store)
            assert all(half[key] == before[key] for key in half.keys() & before.keys() if kind == "delete")
            assert before.keys() - half.keys() <= before.keys() - expected.keys(), (
                "nothing goes that was not named"
            )
            go_on(store, kind)
            done = workflows.get(store, "w")
            assert said(store) == expected
            assert (done.state, done.processed, done.rejected) == (
                "completed",
                counts.processed,
                counts.rejected,
            )
            assert done.written == counts.written
        if not fault.met:
            break
    tally(f"{kind} cut short", killed=cut)
