"""Deletion by criteria deletes what was named and still is, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from store import records, workflows
from store.errors import Refused, UsageError
from store.index.knowledge.queries import Snapshot
from store.knowledge import editing, writing
from store.knowledge.model import Filter
from store.model import Edit, Plan
from store.store import Store
from store.upkeep import compaction
from store.workflows.kinds_deletion import Deletion
from store.workflows.pointers import Pointers
from store.workflows.types import Batch


def put(store: Store, *values: dict[str, Any]) -> None:
    """Records as they are, in one transaction."""
    edits = [Edit("put", f"{value['type']}:{value['id']}", None, records.dumps(value)) for value in values]
    writing.write(store, "default", lambda _: Plan("knowledge.put", "Put", edits))
    store.library.sync("default")


def analogy(number: int, **members: Any) -> dict[str, Any]:
    return {"type": "analogy", "id": f"a{number}", "quality_score": number / 10, "tags": ["x"]} | members


def live(store: Store) -> list[str]:
    store.library.sync("default")
    return sorted(row.id for row in store.library.rows(Filter(kinds=("analogy", "frame"))))


@pytest.fixture
def full(store: Store) -> Store:
    put(store, *(analogy(number) for number in range(10)), {"type": "frame", "id": "a0", "name": "Motion"})
    return store


def submit(store: Store, **options: Any) -> Any:
    return workflows.submit(store, "default", "delete", options=options)


def test_what_meets_every_criterion_is_deleted_and_comes_back_with_a_rollback(full: Store) -> None:
    put(full, analogy(1, tags=["y"]))
    made = submit(full, below=0.3, tags=["x"])
    assert made.total == 2
    done = workflows.run(full, made.id)
    assert (done.state, done.written, done.rejected) == ("completed", 2, 0)
    assert live(full) == ["a0", "a1", "a3", "a4", "a5", "a6", "a7", "a8", "a9"]
    workflows.rollback(full, made.id)
    assert len(live(full)) == 11


@pytest.mark.parametrize("options", [{}, {"kinds": []}, {"tags": [], "words": None}])
def test_empty_criteria_are_refused_whoever_gives_them(full: Store, options: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Nothing was deleted"):
        submit(full, **options)
    assert len(live(full)) == 11
    assert full.library.workflows("default") == []


def test_the_audit_trail_is_not_deleted_by_criteria(full: Store) -> None:
    with pytest.raises(Refused, match="audit trail"):
        submit(full, kinds=["workflow"])
    with pytest.raises(UsageError):
        submit(full, below="much")


def test_a_kind_is_criterion_enough(full: Store) -> None:
    workflows.run(full, submit(full, kinds=["frames"]).id)
    assert live(full) == [f"a{number}" for number in range(10)]


def test_what_changed_since_is_looked_at_again_under_the_lock(full: Store) -> None:
    made = submit(full, below=0.5)
    put(full, analogy(1, quality_score=0.9), analogy(2, tags=["z"]), analogy(11, quality_score=0.0))
    writing.write(
        full, "default", lambda _: Plan("knowledge.delete", "Delete", [Edit("delete", "analogy:a3")])
    )
    done = workflows.run(full, made.id)
    assert (done.total, done.written, done.unchanged, done.rejected) == (5, 3, 1, 1)
    (refused,) = workflows.rejects(full, made.id)
    assert refused.code == "no-longer"
    assert "its quality is 0.9, not below 0.5" in refused.reason
    assert refused.line == 2
    assert set(live(full)) == {"a1", "a5", "a6", "a7", "a8", "a9", "a11", "a0"}  # a0 is the frame
    assert full.library.count(Filter(kinds=("frame",))) == 1


def test_criteria_are_checked_before_every_batch(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(full.settings, "workflows_batch", 2)
    made = submit(full, below=0.6)
    batches = Deletion.batches

    def interrupted(self: Deletion, run: Any) -> Iterator[Batch]:
        for number, batch in enumerate(batches(self, run)):
            yield batch
            if number == 0:  # the first is committed, the last is named already
                put(full, analogy(5, quality_score=1.0))

    monkeypatch.setattr(Deletion, "batches", interrupted)
    done = workflows.run(full, made.id)
    assert (done.written, done.rejected) == (5, 1)
    assert "a5" in live(full)


def test_a_dry_run_says_of_what_kinds_and_what_they_are_called(full: Store) -> None:
    put(full, {"type": "frame_instance", "id": "i", "frame": "Motion", "confidence": 0.1})
    foreseen = workflows.preview(full, "default", "delete", options={"below": 0.2})
    assert foreseen.deleted_kinds == {"analogy": 2}
    both = {"below": 0.2, "kinds": ["analogy", "frame_instance"]}
    foreseen = workflows.preview(full, "default", "delete", options=both)
    assert foreseen.deleted_kinds == {"analogy": 2, "frame_instance": 1}
    assert ("frame_instance:i", "Motion") in [example[1:] for example in foreseen.deleted_examples]


def test_a_dry_run_counts_shows_ten_and_writes_nothing(full: Store) -> None:
    put(full, *(analogy(number, quality_score=0.1) for number in range(20, 35)))
    before = full.journal("default", "knowledge").position()
    foreseen = workflows.preview(full, "default", "delete", options={"below": 0.2})
    assert foreseen.deleted == 17
    assert len(foreseen.deleted_examples) == 10
    assert foreseen.deleted_kinds == {"analogy": 17}
    assert full.journal("default", "knowledge").position() == before


def test_all_or_nothing(full: Store) -> None:
    made = workflows.submit(full, "default", "delete", options={"below": 0.5}, atomic=True)
    put(full, analogy(1, quality_score=0.9))
    object.__setattr__(full.settings, "workflows_batch", 2)
    done = workflows.run(full, made.id)
    assert done.state == "failed"
    assert len(live(full)) == 11
    other = workflows.submit(full, "default", "delete", options={"below": 0.5}, atomic=True)
    assert workflows.run(full, other.id).written == 4


def test_deleted_and_added_again_goes_on_with_the_next_version(full: Store) -> None:
    workflows.run(full, submit(full, kinds=["frame"]).id)
    put(full, {"type": "frame", "id": "a0", "name": "Motion"})
    assert [version.ver for version in full.library.history("default", "frame:a0")] == [3, 2, 1]


# -- what others point to --------------------------------------------------------------------------


def cluster(name: str, *keys: str) -> dict[str, Any]:
    return {"type": "cluster", "id": name, "name": name, "members": [{"key": key} for key in keys]}


def instance(name: str, frame: str, **members: Any) -> dict[str, Any]:
    return {"type": "frame_instance", "id": name, "frame": frame} | members


def frame(name: str, *above: str, **members: Any) -> dict[str, Any]:
    return {"type": "frame", "id": name, "name": name.upper(), "inherits_from": list(above)} | members


def keys(store: Store) -> set[str]:
    store.library.sync("default")
    kinds = ("analogy", "frame", "frame_instance", "cluster", "context")
    return {row.key for row in store.library.rows(Filter(kinds=kinds))}


def reasons(store: Store, workflow: str) -> dict[str, str]:
    found = {one.reason.split(" ", 1)[0]: one for one in workflows.rejects(store, workflow)}
    assert {one.code for one in found.values()} <= {"contract"}
    return {key: one.reason for key, one in found.items()}


def test_what_others_point_to_stays_unless_it_is_forced(full: Store) -> None:
    put(full, cluster("c", "analogy:a1", "analogy:a7"))
    foreseen = workflows.preview(full, "default", "delete", options={"below": 0.3})
    assert (foreseen.deleted, foreseen.rejected) == (2, 1)
    done = workflows.run(full, submit(full, below=0.3).id)
    assert (done.state, done.written, done.rejected) == ("completed", 2, 1)
    assert reasons(full, done.id) == {
        "analogy:a1": "analogy:a1 is to be deleted, and cluster:c would point at nothing"
    }
    assert keys(full) & {"analogy:a0", "analogy:a1", "analogy:a2"} == {"analogy:a1"}
    assert workflows.run(full, submit(full, below=0.3, force=True).id).written == 1
    with pytest.raises(UsageError, match="force"):
        submit(full, below=0.3, force="yes")


@pytest.mark.parametrize("word", ["motion", "MOTION", "frame:motion"])
def test_a_frame_is_pointed_to_by_key_id_and_name(store: Store, word: str) -> None:
    put(store, frame("motion"), instance("i", word), frame("other"))
    done = workflows.run(store, submit(store, kinds=["frame"]).id)
    assert set(reasons(store, done.id)) == {"frame:motion"}
    assert keys(store) == {"frame:motion", "frame_instance:i"}


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_what_points_from_within_the_same_deletion_does_not_count(store: Store, size: int) -> None:
    object.__setattr__(store.settings, "workflows_batch", size)
    put(store, frame("a"), frame("b", "a"), instance("i", "b"), cluster("c", "frame:a", "frame_instance:i"))
    options = {"kinds": ["frame", "frame_instance", "cluster"]}
    foreseen = workflows.preview(store, "default", "delete", options=options)
    assert (foreseen.deleted, foreseen.rejected) == (4, 0)
    done = workflows.run(store, submit(store, **options).id)
    assert (done.written, done.rejected) == (4, 0)


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_what_stays_keeps_what_it_points_to(store: Store, size: int) -> None:
    """Over any number of steps, in whatever order they come."""
    object.__setattr__(store.settings, "workflows_batch", size)
    put(store, frame("a"), frame("b", "a"), frame("d"), instance("i", "B"), cluster("c", "frame_instance:i"))
    options = {"kinds": ["frame", "frame_instance"]}
    foreseen = workflows.preview(store, "default", "delete", options=options)
    assert (foreseen.deleted, foreseen.rejected) == (1, 3)
    done = workflows.run(store, submit(store, **options).id)
    assert set(reasons(store, done.id)) == {"frame:a", "frame:b", "frame_instance:i"}
    assert keys(store) == {"frame:a", "frame:b", "frame_instance:i", "cluster:c"}


def test_one_that_is_not_meant_any_more_keeps_what_it_points_to(store: Store) -> None:
    put(store, frame("a", tags=["x"]), instance("i", "a", tags=["x"]))
    made = submit(store, tags=["x"])
    put(store, instance("i", "a", tags=["y"]))
    done = workflows.run(store, made.id)
    assert {one.code for one in workflows.rejects(store, done.id)} == {"no-longer", "contract"}
    assert keys(store) == {"frame:a", "frame_instance:i"}


def test_who_points_is_known_to_the_very_end_of_the_journal(
    full: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster made, changed or deleted between two batches counts as it is when the next one is written."""
    object.__setattr__(full.settings, "workflows_batch", 1)
    put(full, cluster("b", "analogy:a1"), cluster("c", "analogy:a2"))
    batches = Deletion.batches

    def meanwhile(self: Deletion, run: Any) -> Iterator[Batch]:
        for number, batch in enumerate(batches(self, run)):
            yield batch
            if number == 0:
                put(full, cluster("new", "analogy:a3"), cluster("b", "analogy:a9"))
                editing.delete(full, "default", "cluster:c")

    monkeypatch.setattr(Deletion, "batches", meanwhile)
    done = workflows.run(full, submit(full, below=0.5).id)
    assert set(reasons(full, done.id)) == {"analogy:a3"}
    assert done.written == 4


def test_those_who_point_are_read_through_once(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(full.settings, "workflows_batch", 1)
    put(full, *(cluster(f"c{number}", f"analogy:a{number}") for number in range(5)))
    made = submit(full, below=0.9, kinds=["analogy"])
    taken: list[str] = []
    take = Pointers._take
    monkeypatch.setattr(
        Pointers, "_take", lambda self, key, ver, raw: (taken.append(key), take(self, key, ver, raw))[1]
    )
    done = workflows.run(full, made.id)
    assert (done.written, done.rejected) == (4, 5)
    assert sorted(taken) == [*(f"cluster:c{number}" for number in range(5)), "frame:a0"]


def test_what_points_goes_first(store: Store) -> None:
    """So that whatever stops the deletion leaves nothing that points at nothing."""
    object.__setattr__(store.settings, "workflows_batch", 1)
    put(
        store,
        frame("a", tags=["x"]),
        instance("i", "a", tags=["x"]),
        cluster("c", "frame:a") | {"tags": ["x"]},
    )
    done = workflows.run(store, submit(store, tags=["x"]).id)
    written = [one.version for one in store.library.written_by("default", done.id)]
    assert [one.key for one in written if one.op == "delete"] == ["cluster:c", "frame_instance:i", "frame:a"]


def test_compaction_between_two_batches_changes_nothing(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(full.settings, "workflows_batch", 1)
    put(full, cluster("c", "analogy:a3"))
    batches = Deletion.batches

    def meanwhile(self: Deletion, run: Any) -> Iterator[Batch]:
        for number, batch in enumerate(batches(self, run)):
            yield batch
            if number == 0:
                compaction.compact(full, "default", "knowledge")
                put(full, cluster("later", "analogy:a2"))

    monkeypatch.setattr(Deletion, "batches", meanwhile)
    done = workflows.run(full, submit(full, below=0.5).id)
    assert set(reasons(full, done.id)) == {"analogy:a2", "analogy:a3"}


def test_what_was_kept_once_keeps_what_it_points_to(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though what kept it is gone by the time that is looked at: it was passed over, and stays."""
    object.__setattr__(store.settings, "workflows_batch", 1)
    put(store, frame("a"), instance("i", "a"), cluster("c", "frame_instance:i"))
    batches = Deletion.batches

    def meanwhile(self: Deletion, run: Any) -> Iterator[Batch]:
        for number, batch in enumerate(batches(self, run)):
            yield batch
            if number == 0:
                editing.delete(store, "default", "cluster:c")

    monkeypatch.setattr(Deletion, "batches", meanwhile)
    done = workflows.run(store, submit(store, kinds=["frame", "frame_instance"]).id)
    assert set(reasons(store, done.id)) == {"frame:a", "frame_instance:i"}


def test_members_of_clusters_are_looked_up_together(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question for a batch: a question for each member made the import of clusters a hundred times slower."""
    asked: list[int] = []
    newest = Snapshot.newest
    monkeypatch.setattr(
        Snapshot,
        "newest",
        lambda self, context, wanted: (asked.append(len(wanted)), newest(self, context, wanted))[1],
    )
    made = [cluster(f"c{number}", *(f"analogy:a{n}" for n in range(number + 1))) for number in range(9)]
    lines = [records.dumps(value) for value in (*made, cluster("bad", "analogy:none"))]
    done = workflows.run(full, workflows.submit(full, "default", "import", lines).id)
    assert (done.written, done.rejected) == (9, 1)
    assert asked.count(1) < 10
    assert 10 in asked
