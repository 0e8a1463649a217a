"""What a Snapshot answers, and the rules of charts it goes by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store import clock
from store.charts import create_chart
from store.index import Index
from store.model import Position, Progress, TxMeta
from store.store import init_store, open_store
from tests.store.index.conftest import Writer, chart, entity, relation


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    clock.fix(datetime(2026, 11, 21, 12, tzinfo=UTC))
    yield
    clock.fix(None)


def titles(snap: object, ids: object) -> list[str]:
    return [row.title for row in snap.rows(ids)]  # type: ignore[attr-defined]


def test_a_child_from_a_step_counts_through_its_step(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "Speak Spanish", "Find a teacher", "Practise"))
    writer.put(*chart("chart_2", "Teacher found", parentChart="chart_1", parentActionStep="chart_1_action_1"))
    writer.put(*chart("chart_3", "A trip", parentChart="chart_1"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        row = snap.chart("default", "chart_1")
        assert row is not None
        assert row.progress == Progress(0, 3)
        assert row.children == 3
        assert [step.child for step in snap.steps("default", "chart_1")] == ["chart_2", None]
        assert [child.chart_id for child in snap.child_charts("default", "chart_1")] == ["chart_3"]
        assert snap.children_of("default", "chart_1") == ["chart_2", "chart_3"]
        assert snap.subtree("default", "chart_1") == ["chart_1", "chart_2", "chart_3"]
        assert snap.trail("default", "chart_2") == [("chart_1", "Speak Spanish")]
    done = chart(
        "chart_2", "", parentChart="chart_1", parentActionStep="chart_1_action_1", completionStatus=True
    )
    writer.put(done[0])
    assert index.sync(writer.journal).charts >= {"chart_1", "chart_2"}
    with index.snapshot() as snap:
        row = snap.chart("default", "chart_1")
        assert row is not None
        assert row.progress == Progress(1, 3)
        assert [step.done for step in snap.steps("default", "chart_1")] == [True, False]


def test_a_dangling_parent_leaves_a_root_until_the_parent_comes(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_2", "Child", parentChart="chart_1"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.roots()) == ["Child"]
    writer.put(*chart("chart_1", "Parent"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.roots()) == ["Parent"]
    writer.delete("e:chart_1_chart", "e:chart_1_desired_outcome", "e:chart_1_current_reality")
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.roots()) == ["Child"]


def test_a_circle_of_parents_hangs_under_its_oldest_chart(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One", parentChart="chart_3"))
    writer.put(*chart("chart_2", "Two", parentChart="chart_1"))
    writer.put(*chart("chart_3", "Three", parentChart="chart_2"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.roots()) == ["One"]
        assert snap.subtree("default", "chart_1") == ["chart_1", "chart_2", "chart_3"]
    writer.put(chart("chart_3", "", parentChart=None)[0])
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.roots()) == ["Three"]
        assert snap.subtree("default", "chart_3") == ["chart_3", "chart_1", "chart_2"]


def test_parts_without_a_chart_id_are_found_by_relations(index: Index, writer: Writer) -> None:
    writer.put(
        entity("structural_tension_chart", "garden_chart", "Chart"),
        entity("desired_outcome", "wish", "A garden"),
        entity("action_step", "dig", "Dig"),
        relation("garden_chart", "contains", "wish"),
        relation("dig", "advances_toward", "wish"),
    )
    index.sync(writer.journal)
    with index.snapshot() as snap:
        row = snap.chart("default", "garden")
        assert row is not None
        assert row.title == "A garden"
        assert [step.name for step in snap.steps("default", "garden")] == ["dig"]
    writer.delete('r:["garden_chart","contains","wish"]')
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert snap.steps("default", "garden") == []


def test_roots_in_every_order(index: Index, writer: Writer) -> None:
    writer.put(
        *chart("chart_1", "banana", "s", dueDate="2026-12-31", createdAt="2026-01-01", updatedAt="2026-05-01")
    )
    writer.put(
        *chart("chart_2", "Apple", "s", createdAt="2026-03-01", updatedAt="2026-04-01", completionStatus=True)
    )
    writer.put(
        *chart("chart_3", "cherry", dueDate="2026-01-31", createdAt="2026-02-01", updatedAt="2026-06-01")
    )
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.roots()) == ["banana", "Apple", "cherry"]
        assert titles(snap, snap.roots(sort="due")) == ["cherry", "banana", "Apple"]
        assert titles(snap, snap.roots(sort="title")) == ["Apple", "banana", "cherry"]
        assert titles(snap, snap.roots(sort="created")) == ["Apple", "cherry", "banana"]
        assert titles(snap, snap.roots(sort="progress"))[-1] == "cherry"
        assert titles(snap, snap.roots(hide_done=True)) == ["banana", "cherry"]
        assert [row.title for row in snap.first_roots(2)] == ["banana", "Apple"]
        assert [row.chart_id for row in snap.overdue()] == ["chart_3"]
        assert snap.rows([snap.rowid("default", "chart_1"), 999])[1] is None  # type: ignore[list-item]
        info = snap.contexts()[0]
        assert (info.name, info.charts, info.complete, info.overdue) == ("default", 3, 1, 1)


def test_steps_stand_by_their_order_then_their_number(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "X", "one", "two", "three"))
    writer.put(entity("action_step", "chart_1_action_3", "three", chartId="chart_1", order=0.5))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert [step.title for step in snap.steps("default", "chart_1")] == ["three", "one", "two"]


def test_search_and_filter_follow_every_change(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "Happiness at work", "Running daily"))
    writer.put(*chart("chart_2", "A café in Zürich", "Rent a room (cheap)"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert titles(snap, snap.matching("happine wor")) == ["Happiness at work"]
        assert titles(snap, snap.matching("happiness run")) == ["Happiness at work"]
        assert titles(snap, snap.matching("cafe zuri")) == ["A café in Zürich"]
        assert titles(snap, snap.matching("(cheap)")) == ["A café in Zürich"]
        assert list(snap.matching("happiness rent")) == [] == list(snap.matching(" "))
        assert [hit.name for hit in snap.search("run")] == ["chart_1_action_1"]
        assert [hit.kind for hit in snap.search("room", order="rank")] == ["step"]
        assert snap.search("room", contexts=["nowhere"]) == []
        assert snap.search('"') == []
        assert snap.search("AND OR NOT ( *") == []
    writer.put(entity("action_step", "chart_1_action_1", "Swimming", "swam far", chartId="chart_1"))
    writer.delete("e:chart_2_desired_outcome")
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert snap.search("run") == []
        # Newest first: by the last change.
        assert [hit.text for hit in snap.search("far")] == [
            "swam far",
            "A café in Zürich is far",
            "Happiness at work is far",
        ]
        assert list(snap.matching("running")) == []
        assert len(snap.matching("swimming")) == 1


def test_versions_and_transactions(index: Index, writer: Writer) -> None:
    first = writer.put(*chart("chart_1", "One", "step"))
    between = writer.journal.position()
    second = writer.put(entity("action_step", "chart_1_action_1", "better", chartId="chart_1"))
    third = writer.delete("e:chart_1_action_1", by="bob@host")
    index.sync(writer.journal)
    with index.snapshot() as snap:
        key = "e:chart_1_action_1"
        assert [version.op for version in snap.versions("default", key)] == ["put", "put", "delete"]
        assert snap.record("default", key) is None
        last = snap.last_version("default", key)
        assert last is not None
        assert (last.ver, last.by, last.tx) == (3, "bob@host", third)
        at = snap.version_at("default", key, between)
        assert at is not None
        assert at.ver == 1
        assert snap.version_at("default", key, Position(0, 0, "")) is None
        assert [version.ver for version in snap.later_versions("default", key, 1)] == [2, 3]
        assert [row.tx for row in snap.transactions()] == [third, second, first]
        newest = snap.transactions(limit=1)
        assert [row.tx for row in snap.transactions(before_seq=newest[0].seq)] == [second, first]
        assert [row.tx for row in snap.transactions(by="bob@host")] == [third]
        assert snap.transaction("default", second) == snap.transactions()[1]
        assert snap.transaction("default", "nonsense") is None
        assert len(snap.tx_versions("default", first)) == 4
        assert [row.version.tx for row in snap.history("default", "chart_1", 2)] == [third, second]
        live = {version.key for version in snap.live_at("default", "2026-11-21T12:00:00.000000Z")}
        assert key not in live
        assert len(live) == 3
        assert snap.changed_since("default", between) == {key}


def test_undo_and_redo_are_told(index: Index, writer: Writer) -> None:
    done = writer.put(entity("person", "Ann", "a"))
    undo = writer.delete("e:Ann", meta=TxMeta("undo", "Undo", "s", undoes=done))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        row = snap.transaction("default", done)
        assert row is not None
        assert row.undone_by == undo
    redo = writer.put(entity("person", "Ann", "a"), meta=TxMeta("redo", "Redo", "s", redoes=undo))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        row = snap.transaction("default", done)
        assert row is not None
        assert row.undone_by is None
    again = writer.delete("e:Ann", meta=TxMeta("undo", "Undo", "s", undoes=redo))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        rows = {row.tx: row.undone_by for row in snap.transactions()}
        assert rows[redo] == again
        assert rows[done] == undo


def test_live_records_come_in_the_order_of_the_chart_file(index: Index, writer: Writer) -> None:
    writer.put(relation("a", "knows", "b"), {"type": "comment", "text": "# hi"}, entity("person", "a"))
    writer.put(entity("person", "b"), {"type": "odd", "id": "1"})
    writer.delete("e:a")
    writer.put(entity("person", "a", "is back"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        kinds = [(row.kind, row.key[:3]) for row in snap.live_records("default")]
    assert [kind for kind, _ in kinds] == ["entity", "entity", "relation", "other", "comment"]
    assert [key for _, key in kinds][:2] == ["e:a", "e:b"]


def test_contexts_stand_in_one_order_whichever_the_index_saw_first(tmp_path: Path) -> None:
    root = init_store(tmp_path / "project")
    with open_store(root) as store:
        for name in ("work", "health", "default"):
            store.contexts.ensure(name)
            store.run(name, create_chart, f"The {name} chart", "x")
            store.sync(name)

        def order() -> list[str]:
            with store.snapshot() as snap:
                assert len(snap.roots(limit=2)) == 2
                assert list(snap.matching("chart")) == list(snap.matching("cha")) == list(snap.roots())
                return titles(snap, snap.roots())

        assert order() == ["The default chart", "The health chart", "The work chart"]
        store.rebuild()
        assert order() == ["The default chart", "The health chart", "The work chart"]
