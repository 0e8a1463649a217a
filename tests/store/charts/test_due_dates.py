"""Moving due dates of charts and steps."""

from __future__ import annotations

import pytest

from store import charts
from store.errors import NeedsConfirm, Refused
from tests.store.charts.memory import Memory


@pytest.fixture
def book(view: Memory) -> str:
    return view.chart(due="2026-12-21", steps=[("One", "2026-12-01"), ("Two", "2026-12-11")])


def due(view: Memory, chart: str) -> list[str | None]:
    seen = view.view(chart)
    return [seen.row.due, *(step.due for step in seen.steps)]


def test_chart_and_outcome_move_together(view: Memory, book: str) -> None:
    view.apply(charts.set_due(view, book, "2027-01-20"))
    assert view.meta(f"{book}_chart")["dueDate"] == "2027-01-20"
    assert view.meta(f"{book}_desired_outcome")["dueDate"] == "2027-01-20"
    assert due(view, book)[1:] == ["2026-12-01", "2026-12-11"]


def test_it_offers_to_move_open_steps(view: Memory, book: str) -> None:
    assert charts.set_due(view, book, "2027-01-20").hints == ["2 open steps could move in proportion."]
    view.apply(charts.complete(view, [f"{book}_action_1", f"{book}_action_2"]))
    assert charts.set_due(view, book, "2027-01-20").hints == []


def test_open_steps_move_in_proportion_and_completed_ones_stay(view: Memory, book: str) -> None:
    view.apply(charts.complete(view, f"{book}_action_1"))
    view.apply(charts.set_due(view, book, "2027-01-20", move_steps=True))
    assert due(view, book) == ["2027-01-20", "2026-12-01", "2026-12-31"]


def test_an_earlier_date_says_what_is_due_after_it(view: Memory, book: str) -> None:
    plan = charts.set_due(view, book, "2026-12-05")
    assert "1 open step of “A finished book” is now due after it. Move them too?" in plan.hints
    view.apply(charts.set_due(view, book, "2026-12-06", move_steps=True))
    assert due(view, book) == ["2026-12-06", "2026-11-26", "2026-12-01"]


def test_what_telescopes_moves_with_its_step(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_2", steps=[("Inner", "2026-12-01")])
    alone = view.step(book, "A cover", as_chart=True, due="2026-12-11")
    view.apply(charts.set_due(view, book, "2027-01-20", move_steps=True))
    assert due(view, book)[2] == due(view, child)[0] == due(view, alone)[0] == "2026-12-31"
    assert due(view, child)[1] == "2026-12-11"
    assert view.meta(f"{child}_desired_outcome")["dueDate"] == "2026-12-31"


def test_a_step_and_its_chart_keep_one_day(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1")
    view.apply(charts.set_due(view, f"{book}_action_1", "2026-12-03"))
    assert due(view, child) == ["2026-12-03"]
    view.apply(charts.set_due(view, child, "2026-12-04"))
    assert due(view, book)[1] == "2026-12-04"


def test_never_after_the_parents(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1")
    for row in (f"{book}_action_1", child):
        with pytest.raises(Refused, match="is after “A finished book” is due"):
            charts.set_due(view, row, "2026-12-22")


def test_a_past_date_wants_confirmation(view: Memory, book: str) -> None:
    for row in (book, f"{book}_action_1"):
        with pytest.raises(NeedsConfirm):
            charts.set_due(view, row, "2026-11-01")
        view.apply(charts.set_due(view, row, "2026-11-01", confirmed=True))


def test_it_can_be_taken_away(view: Memory, book: str) -> None:
    plan = view.apply(charts.set_due(view, book, None))
    assert plan.label == "Clear due date of “A finished book”"
    assert "dueDate" not in view.meta(f"{book}_chart")
    assert "dueDate" not in view.meta(f"{book}_desired_outcome")


def test_several_at_once_as_people_type_it(view: Memory, book: str) -> None:
    plan = view.apply(charts.set_due(view, [f"{book}_action_1", f"{book}_action_2"], "fri"))
    assert plan.label == "Set due date of 2 rows to 2026-11-27"
    assert due(view, book)[1:] == ["2026-11-27", "2026-11-27"]


def test_the_same_date_changes_nothing(view: Memory, book: str) -> None:
    assert charts.set_due(view, book, "2026-12-21").edits == []


def test_a_date_where_there_was_none(view: Memory) -> None:
    chart = view.chart(steps=["One"])
    view.apply(charts.set_due(view, chart, "2026-12-21", move_steps=True))
    assert due(view, chart) == ["2026-12-21", None]


def test_everything_changed_is_stamped(view: Memory, book: str, later: object) -> None:
    later()  # type: ignore[operator]
    view.apply(charts.set_due(view, book, "2027-01-20"))
    assert view.meta(f"{book}_chart")["updatedAt"].startswith("2026-11-22")
    assert view.meta(f"{book}_desired_outcome")["updatedAt"].startswith("2026-11-22")
