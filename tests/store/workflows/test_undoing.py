"""A workflow is rolled back as if it had never been; old ones are cleaned away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from store import clock, workflows
from store.errors import Refused
from store.knowledge import writing
from store.model import Edit, Plan
from store.store import Store
from store.workflows import staging
from store.workflows.types import Batch, Run, WorkType
from tests.batches import analogy, batch, indexed, state, versions


@pytest.fixture(autouse=True)
def small_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several transactions for few items."""
    from store.workflows import undoing

    monkeypatch.setattr(undoing, "PART", 10)
    store._settings = replace(store.settings, workflows_batch=10)


def change(store: Store, *edits: Edit) -> None:
    writing.write(store, "default", lambda _: Plan("knowledge.put", "by hand", list(edits)))


def test_what_it_wrote_is_taken_back(store: Store) -> None:
    batch(store, [*map(analogy, range(5)), {"type": "concept", "id": "c", "name": "x"}], "before")
    change(store, Edit("delete", "analogy:a4"))
    before = state(store)
    batch(store, [analogy(n, note="new") for n in range(35)], "w", update=True)
    assert len(state(store)) == 36
    planned = workflows.survey(store, "w")
    assert (planned.deleted, planned.restored, planned.changed) == (31, 4, [])
    told: list[tuple[int, int]] = []
    done = workflows.rollback(store, "w", on_progress=lambda *counts: told.append(counts))
    assert done.state == "rolled back"
    assert told[-1] == (35, 35)
    assert state(store) == before
    assert indexed(store) == set(before)
    assert versions(store)["analogy:a0"] == 3, "the history stays"
    assert [step.state for step in workflows.steps(store, "w")] == [
        "pending",
        "processing",
        "completed",
        "completed",
        "rolled back",
    ]


def test_it_cannot_be_rolled_back_twice_or_gone_on_with(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    workflows.rollback(store, "w")
    for act in (workflows.rollback, workflows.resume, workflows.run, workflows.cancel):
        with pytest.raises(Refused, match="rolled back"):
            act(store, "w")  # type: ignore[operator]


def test_later_changes_are_never_overwritten(store: Store) -> None:
    batch(store, list(map(analogy, range(25))), "w")
    change(store, Edit("put", "analogy:a7", {"type": "analogy", "id": "a7", "mine": True}))
    change(store, Edit("delete", "analogy:a9"))
    before = state(store, own=True)
    with pytest.raises(workflows.RollbackRefused, match="analogy:a7") as refused:
        workflows.rollback(store, "w")
    assert refused.value.changed == ["analogy:a7"], "one that was deleted already stands as before"
    assert state(store, own=True) == before
    done = workflows.rollback(store, "w", skip_changed=True)
    assert set(state(store)) == {"analogy:a7"}
    assert "1 left as changed since" in done.note


def test_a_change_in_the_middle_stops_it_and_it_can_be_finished(store: Store) -> None:
    batch(store, list(map(analogy, range(25))), "w")

    def meddle(done: int, _total: int) -> None:
        if done < 12:
            change(store, Edit("put", "analogy:a15", {"type": "analogy", "id": "a15", "mine": True}))

    with pytest.raises(workflows.RollbackRefused, match="stopped there"):
        workflows.rollback(store, "w", on_progress=meddle)
    assert 0 < len(state(store)) < 25
    with pytest.raises(Refused, match="being rolled back"):
        workflows.resume(store, "w")
    with pytest.raises(Refused, match="being rolled back"):
        workflows.cancel(store, "w")
    workflows.rollback(store, "w", skip_changed=True)
    assert set(state(store)) == {"analogy:a15"}


def test_one_that_was_interrupted_or_failed_can_be_rolled_back(store: Store) -> None:
    workflows.submit(store, "default", "import", [b"{}"], id="w")
    assert workflows.rollback(store, "w").state == "rolled back"
    assert state(store) == {}


def test_a_key_that_a_workflow_wrote_twice_goes_back_to_what_was_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Twice(WorkType):
        """Writes one key again and again."""

        name = "twice"
        title = "Twice"

        def batches(self, run: Run):  # type: ignore[no-untyped-def]
            for number in range(run.cursor or 0, 3):
                yield Batch(number + 1, edits=[Edit("put", "concept:c", None, b'{"n":%d}' % number)])

    from store.workflows import types

    monkeypatch.setattr(types, "type_of", lambda _: Twice())
    monkeypatch.setattr("store.workflows.submitting.type_of", lambda _: Twice())
    monkeypatch.setattr("store.workflows.engine.type_of", lambda _: Twice())
    change(store, Edit("put", "concept:c", {"before": 1}))
    before = state(store)
    workflows.run(store, workflows.submit(store, "default", "twice", id="w").id)
    assert state(store)["concept:c"] == b'{"n":2}'
    workflows.rollback(store, "w")
    assert state(store) == before


def test_it_adds_nothing_where_a_later_import_added_the_same_again(store: Store) -> None:
    batch(store, [analogy(1)], "one")
    workflows.rollback(store, "one")
    batch(store, [analogy(1)], "two")
    assert set(state(store)) == {"analogy:a1"}
    assert versions(store)["analogy:a1"] == 3


def test_old_workflows_are_cleaned_away_and_their_ids_stay_used(store: Store) -> None:
    batch(store, [analogy(1), b"bad"], "old")
    clock.fix(clock.now() + timedelta(days=100))
    batch(store, [analogy(2)], "new")
    would = workflows.clean(store, dry_run=True)
    assert [one.id for one in would] == ["old"]
    assert staging.items_of(store.layout, "old").exists()
    assert [one.id for one in workflows.clean(store)] == ["old"]
    assert [one.id for one in workflows.listing(store)] == ["new"]
    assert not staging.folder_of(store.layout, "old").exists()
    assert staging.folder_of(store.layout, "new").exists()
    assert not any(key.startswith("validation:") for key in state(store, own=True))
    assert set(state(store)) == {"analogy:a1", "analogy:a2"}, "what they wrote stays"
    with pytest.raises(Refused, match="or was"):
        workflows.submit(store, "default", "import", [b"{}"], id="old")


def test_what_runs_or_waits_is_not_cleaned_away(store: Store) -> None:
    workflows.submit(store, "default", "import", [b"{}"], id="w")
    clock.fix(clock.now() + timedelta(days=1000))
    assert workflows.clean(store, 0) == []


def test_cleaning_at_once_takes_what_has_just_ended(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    assert [one.id for one in workflows.clean(store, 0)] == ["w"]
