"""Removing takes the whole subtree, says how many, and can be undone to the last byte."""

from __future__ import annotations

import pytest

from store import charts, records
from store.errors import NeedsConfirm, NotFound
from store.model import Edit, Plan
from tests.store.charts.memory import Memory


@pytest.fixture
def tree(view: Memory) -> dict[str, str]:
    top = view.chart(due="2026-12-21", steps=["One", "Two", "Three"])
    child = view.telescope(f"{top}_action_1", steps=["Inner"])
    grandchild = view.telescope(f"{child}_action_1", steps=["Innermost"])
    other = view.chart("Another")
    beat = f"{grandchild}_beat_1"
    view.add(
        {
            "type": "entity",
            "name": beat,
            "entityType": "narrative_beat",
            "observations": ["Act 1"],
            "metadata": {"chartId": grandchild},
        }
    )
    view.add({"type": "relation", "from": beat, "to": f"{grandchild}_chart", "relationType": "documents"})
    return {"top": top, "child": child, "grandchild": grandchild, "other": other}


def undo(view: Memory, before: dict[str, object], plan: Plan) -> None:
    edits = [Edit("put", edit.key, before[edit.key]) for edit in plan.edits]  # type: ignore[arg-type]
    view.apply(Plan("undo", "Undo", edits))


def test_a_chart_goes_with_all_below_it(view: Memory, tree: dict[str, str]) -> None:
    view.apply(charts.remove(view, tree["top"]))
    assert {key.split("_")[1] for key in view.state()} == {tree["other"].split("_")[1]}


def test_one_undo_brings_everything_back(view: Memory, tree: dict[str, str]) -> None:
    before = view.state()
    plan = view.apply(charts.remove(view, [tree["top"], tree["other"]]))
    assert view.state() == {}
    undo(view, before, plan)
    assert view.state() == before
    assert [records.dumps(record) for record in view.state().values()] == [
        records.dumps(before[key]) for key in view.state()
    ]


def test_a_step_goes_with_the_chart_it_telescoped_into(view: Memory, tree: dict[str, str]) -> None:
    view.apply(charts.remove(view, f"{tree['top']}_action_1"))
    assert list(view.chart_ids()) == [tree["top"], tree["other"]]
    assert view.titles(tree["top"]) == ["Two", "Three"]
    known = {key[2:] for key in view.state() if key.startswith("e:")}
    assert all(start in known and end in known for start, _, end in view.relations())


def test_a_removed_sub_chart_leaves_the_step_it_came_from(view: Memory, tree: dict[str, str]) -> None:
    view.apply(charts.remove(view, tree["child"]))
    assert view.titles(tree["top"]) == ["One", "Two", "Three"]
    assert view.view(tree["top"]).steps[0].child is None


def test_how_many_is_said_first(view: Memory, tree: dict[str, str]) -> None:
    assert str(charts.subtree_size(view, tree["top"])) == "3 charts and 5 steps"
    assert str(charts.subtree_size(view, f"{tree['top']}_action_1")) == "2 charts and 3 steps"
    assert str(charts.subtree_size(view, f"{tree['top']}_action_2")) == "1 step"
    size = charts.subtree_size(view, tree["top"])
    assert size.records == len(charts.remove(view, tree["top"]).edits)


def test_overlapping_choices_count_once(view: Memory, tree: dict[str, str]) -> None:
    both = [tree["child"], tree["top"], f"{tree['top']}_action_1"]
    assert charts.subtree_size(view, both) == charts.subtree_size(view, tree["top"])
    view.apply(charts.remove(view, both))
    assert list(view.chart_ids()) == [tree["other"]]


def test_unconfirmed_it_asks_with_the_number(view: Memory, tree: dict[str, str]) -> None:
    with pytest.raises(NeedsConfirm, match="removes 3 charts and 5 steps"):
        charts.remove(view, tree["top"], confirmed=False)
    charts.remove(view, f"{tree['top']}_action_2", confirmed=False)


def test_the_chart_that_stays_is_stamped(view: Memory, tree: dict[str, str], later: object) -> None:
    later()  # type: ignore[operator]
    view.apply(charts.remove(view, f"{tree['top']}_action_2"))
    assert view.meta(f"{tree['top']}_chart")["updatedAt"].startswith("2026-11-22")


def test_the_cursor_goes_to_the_next_row(view: Memory, tree: dict[str, str]) -> None:
    top = tree["top"]
    assert charts.remove(view, f"{top}_action_2").focus == f"{top}_action_3"
    assert charts.remove(view, f"{top}_action_3").focus == f"{top}_action_2"
    assert charts.remove(view, tree["child"]).focus == top


def test_what_is_not_there_is_named(view: Memory) -> None:
    with pytest.raises(NotFound, match="chart_9"):
        charts.remove(view, "chart_9")


def test_a_circle_of_parents_ends(view: Memory, tree: dict[str, str]) -> None:
    view.meta(f"{tree['top']}_chart")["parentChart"] = tree["grandchild"]
    assert charts.subtree_size(view, tree["top"]).charts == 3
    assert charts.roots(view) == [tree["top"], tree["other"]]
