"""Progress: completed of total over steps and child charts, each counted once."""

from __future__ import annotations

from datetime import date

import pytest

from store import charts
from store.charts import Limits
from store.model import ChartRow, Progress, StepRow
from tests.store.charts.memory import Memory

TODAY = date(2026, 11, 21)


@pytest.fixture
def book(view: Memory) -> str:
    return view.chart("A finished book", "x", steps=["One", "Two", "Three"])


def test_a_chart_without_steps_shows_none(view: Memory) -> None:
    assert str(charts.progress(view, view.chart())) == ""


def test_steps_count(view: Memory, book: str) -> None:
    view.apply(charts.complete(view, f"{book}_action_2"))
    assert charts.progress(view, book) == Progress(1, 3)


def test_a_child_from_a_step_counts_through_that_step(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1", steps=["a", "b"])
    assert charts.progress(view, book) == Progress(0, 3)
    view.apply(charts.complete(view, child))
    assert charts.progress(view, book) == Progress(1, 3)
    assert charts.progress(view, child) == Progress(0, 2)


def test_a_child_from_no_step_counts_by_itself(view: Memory, book: str) -> None:
    child = view.step(book, "A cover", as_chart=True)
    assert charts.progress(view, book) == Progress(0, 4)
    view.apply(charts.complete(view, child))
    assert charts.progress(view, book) == Progress(1, 4)


def test_a_child_completed_by_a_peer_counts_though_the_step_was_never_marked(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1")
    view.meta(f"{child}_chart")["completionStatus"] = True
    view.meta(f"{child}_desired_outcome")["completionStatus"] = True
    assert charts.progress(view, book) == Progress(1, 3)


def test_a_second_child_of_one_step_is_seen_but_not_counted(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1")
    second = view.step(book, "One", as_chart=True)
    view.meta(f"{second}_chart")["parentActionStep"] = f"{book}_action_1"
    assert charts.progress(view, book) == Progress(0, 3)
    seen = view.view(book)
    assert seen.steps[0].child == child
    assert [row.chart_id for row in seen.child_charts] == [second]


def test_a_child_whose_step_is_gone_counts_by_itself(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1")
    view.held.pop(f"e:{book}_action_1")
    assert charts.progress(view, book) == Progress(0, 3)
    assert [row.chart_id for row in view.view(book).child_charts] == [child]


class TestFlaggedComplete:
    """A chart that a peer marked complete with open steps."""

    def test_it_shows_its_real_progress_and_a_hint(self, view: Memory, book: str) -> None:
        view.meta(f"{book}_chart")["completionStatus"] = True
        view.meta(f"{book}_action_1")["completionStatus"] = True
        seen = view.view(book)
        assert seen.row.progress == Progress(1, 3)
        assert "Marked complete, but 2 steps of 3 are still open." in seen.hints
        assert "open-steps" in charts.state(seen.row, TODAY)

    def test_it_is_not_changed_by_work_on_it(self, view: Memory, book: str) -> None:
        view.meta(f"{book}_chart")["completionStatus"] = True
        view.apply(charts.complete(view, f"{book}_action_1"))
        view.apply(charts.note(view, f"{book}_action_2", "On it"))
        assert view.meta(f"{book}_chart")["completionStatus"] is True
        assert "completionStatus" not in view.meta(f"{book}_desired_outcome")

    def test_the_hint_goes_once_the_steps_are_complete(self, view: Memory, book: str) -> None:
        view.meta(f"{book}_chart")["completionStatus"] = True
        view.apply(charts.complete(view, [f"{book}_action_{number}" for number in (1, 2, 3)]))
        assert not any("Marked complete" in hint for hint in view.view(book).hints)
        assert "open-steps" not in charts.state(view.view(book).row, TODAY)


def chart_row(**values: object) -> ChartRow:
    given = {"due": None, "done": False, "updated": "2026-11-21T00:00:00Z", "title": "A book"} | values
    return ChartRow(
        "default", "chart_1", given["title"], given["due"], given["done"], Progress(0, 0), 0, None, None, 0,
        None, given["updated"],
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ({}, set()),
        ({"due": "2026-11-20"}, {"overdue"}),
        ({"due": "2026-11-21"}, {"due-soon"}),
        ({"due": "2026-11-28"}, {"due-soon"}),
        ({"due": "2026-11-29"}, set()),
        ({"due": "2026-11-20", "done": True}, {"complete"}),
        ({"updated": "2026-11-08T00:00:00.000Z"}, set()),
        ({"updated": "2026-11-07T00:00:00.000Z"}, {"stalled"}),
        ({"updated": None}, set()),
        ({"title": "Fix the roof"}, {"problem-worded"}),
        ({"title": "Fix the roof", "done": True}, {"problem-worded", "complete"}),
        ({"due": "whenever"}, set()),
    ],
)
def test_states(values: dict[str, object], states: set[str]) -> None:
    assert charts.state(chart_row(**values), TODAY) == states


def test_the_days_come_from_the_settings() -> None:
    row = chart_row(due="2026-11-24", updated="2026-11-19T00:00:00Z")
    assert charts.state(row, TODAY, Limits(2, 2)) == {"stalled"}
    assert charts.state(row, TODAY, Limits(3, 3)) == {"due-soon"}


def test_a_step_has_states_but_its_wording_is_its_own_affair() -> None:
    row = StepRow(
        "default", "chart_1", "s", "Fix it", "2026-11-20", False, 0, None, Progress(0, 0), "2026-11-21"
    )
    assert charts.state(row, TODAY) == {"overdue"}
