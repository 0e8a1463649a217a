"""The upkeep runs what waits for it, and says what was interrupted."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from store import clock, workflows
from store.knowledge import writing
from store.model import Edit, Plan
from store.store import Store
from store.upkeep.maintenance import tasks
from store.workflows import claiming, tending
from store.workflows.record import Record, dump
from tests.batches import analogy, batch, state
from tests.stores import until


def submitted(store: Store, workflow_id: str, *, later: bool) -> None:
    items = [orjson.dumps(analogy(n)) for n in range(5)]
    workflows.submit(store, "default", "import", items, id=workflow_id, later=later)


def test_what_was_submitted_for_later_is_run_in_a_process_of_its_own(store: Store) -> None:
    submitted(store, "w", later=True)
    assert tasks.tend(store).did
    until(lambda: workflows.get(store, "w").state == "completed", seconds=60)
    assert len(state(store)) == 5
    assert not tasks.tend(store).did


def test_what_somebody_is_about_to_run_is_left_to_him_for_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.workflows import engine

    started: list[str] = []
    monkeypatch.setattr(engine, "start", lambda _, name: started.append(name))
    submitted(store, "w", later=False)
    tending.tend(store)
    assert started == []
    clock.fix(clock.now() + timedelta(minutes=5))
    with claiming.claimed(store, "w"):
        tending.tend(store)
    assert started == []
    tending.tend(store)
    assert started == ["w"]


def processing(store: Store, **more: object) -> None:
    record = Record("w", "import", "Lost", state="processing", submitted=clock.stamp(), **more)  # type: ignore[arg-type]
    edit = Edit("put", record.key, None, dump(record))
    writing.write(store, "default", lambda _: Plan("workflow.x", "x", [edit]), workflow="w")


def test_what_nobody_runs_is_marked_once_and_can_be_gone_on_with(store: Store) -> None:
    processing(store)
    assert tending.tend(store).lost == ["w"]
    assert tending.tend(store).lost == []
    assert [step.state for step in workflows.steps(store, "w")] == ["processing", "interrupted"]
    assert workflows.get(store, "w").shown == "interrupted"
    workflows.resume(store, "w", detach=False)
    assert workflows.run(store, "w").state == "completed"


def test_a_job_that_nobody_runs_has_failed(store: Store) -> None:
    processing(store, job=True)
    tending.tend(store)
    found = workflows.get(store, "w")
    assert (found.state, found.note) == ("failed", "cut short: its process ended without a word")


def test_what_runs_is_not_marked(store: Store) -> None:
    processing(store)
    with claiming.claimed(store, "w"):
        assert tending.tend(store) == ([], [])


def test_old_ones_are_removed_by_the_upkeep(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    assert not tasks.clean_wanted(store)
    clock.fix(clock.now() + timedelta(days=100))
    assert tasks.clean_wanted(store)
    assert tasks.clean(store).did
    assert workflows.listing(store) == []


def test_a_store_without_knowledge_is_left_alone(store: Store) -> None:
    assert tending.tend(store) == ([], [])
    assert not tasks.clean_wanted(store)
    assert not store.layout.knowledge_index.exists()
