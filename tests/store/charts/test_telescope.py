"""Telescoping: a step becomes a chart of its own, once."""

from __future__ import annotations

import pytest

from store import charts
from store.errors import NotFound
from tests.store.charts.memory import Memory


@pytest.fixture
def book(view: Memory) -> str:
    return view.chart(due="2026-12-21", steps=["Outline", "Draft", "Print"])


def test_the_new_chart_knows_its_parent_and_its_step(view: Memory, book: str) -> None:
    step = f"{book}_action_2"
    child = view.telescope(step, reality="Nothing written", steps=["Chapter 1", "Chapter 2"])
    seen = view.view(child)
    assert seen.outcome == "Draft"
    assert seen.reality == ("Nothing written",)
    assert [row.title for row in seen.steps] == ["Chapter 1", "Chapter 2"]
    assert seen.row.parent == book
    assert seen.row.parent_step == step
    assert seen.row.level == 1
    assert view.view(book).steps[1].child == child
    assert view.view(book).child_charts == ()


def test_the_level_is_the_parents_and_one_however_deep(view: Memory, book: str) -> None:
    chart = book
    for level in range(1, 5):
        chart = view.telescope(f"{chart}_action_1", steps=["Deeper"])
        assert view.meta(f"{chart}_chart")["level"] == level


def test_the_due_date_is_the_steps(view: Memory, book: str) -> None:
    step = view.view(book).steps[0]
    child = view.telescope(step.name)
    assert view.view(child).row.due == step.due
    assert view.meta(f"{child}_desired_outcome")["dueDate"] == step.due


def test_without_a_date_of_its_own_the_steps_chart_gives_it(view: Memory, book: str) -> None:
    step = view.step(book, "Someday", due="none")
    assert "dueDate" not in view.meta(step)
    assert view.view(view.telescope(step)).row.due == "2026-12-21"


def test_an_inherited_date_is_never_after_the_parents(view: Memory, book: str) -> None:
    view.meta(f"{book}_action_1")["dueDate"] = "2027-03-01T10:00:00.000Z"
    assert view.view(view.telescope(f"{book}_action_1")).row.due == "2026-12-21"


def test_a_second_telescope_of_a_step_opens_the_first(view: Memory, book: str) -> None:
    step = f"{book}_action_1"
    child = view.telescope(step)
    again = charts.telescope(view, step, steps=["More"])
    assert again.edits == []
    assert again.focus == child
    assert list(view.chart_ids()) == [book, child]


@pytest.mark.parametrize("link", ["relation", "member"])
def test_an_old_link_counts_as_telescoped(view: Memory, book: str, link: str) -> None:
    other = view.chart("Draft")
    step = f"{book}_action_2"
    if link == "member":
        view.meta(step)["telescopedToChartId"] = other
    else:
        view.add(
            {
                "type": "relation",
                "from": step,
                "to": f"{other}_desired_outcome",
                "relationType": "telescopes_into",
            }
        )
    assert charts.telescope(view, step).focus == other


def test_the_parents_chart_entity_is_stamped_and_the_step_stays(
    view: Memory, book: str, later: object
) -> None:
    before = view.state()
    later()  # type: ignore[operator]
    view.telescope(f"{book}_action_1")
    assert view.meta(f"{book}_chart")["updatedAt"] == "2026-11-22T12:00:00.123Z"
    assert view.state()[f"e:{book}_action_1"] == before[f"e:{book}_action_1"]


def test_a_step_that_is_not_there_is_named(view: Memory, book: str) -> None:
    with pytest.raises(NotFound, match=f"{book}_action_9"):
        charts.telescope(view, f"{book}_action_9")


def test_relations_are_those_the_peers_write(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1", steps=["Inner"])
    new = {ends for ends in view.relations() if child in ends[0]}
    assert new == {
        (f"{child}_chart", "contains", f"{child}_desired_outcome"),
        (f"{child}_chart", "contains", f"{child}_current_reality"),
        (f"{child}_chart", "contains", f"{child}_action_1"),
        (f"{child}_current_reality", "creates_tension_with", f"{child}_desired_outcome"),
        (f"{child}_action_1", "advances_toward", f"{child}_desired_outcome"),
        (f"{child}_desired_outcome", "advances_toward", f"{book}_desired_outcome"),
    }
