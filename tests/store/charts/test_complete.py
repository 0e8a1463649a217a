"""Completing steps and charts: what is marked, and what flows into which reality."""

from __future__ import annotations

from datetime import date

import pytest

from store import charts
from tests.store.charts.memory import Memory

DAY = "2026-11-21"


@pytest.fixture
def book(view: Memory) -> str:
    return view.chart("A finished book", "Ten pages", due="2026-12-21", steps=["Outline", "Draft"])


def done(view: Memory, *targets: str, **options: object) -> object:
    return view.apply(charts.complete(view, list(targets), **options))  # type: ignore[arg-type]


def test_a_step_marks_itself_and_not_its_chart(view: Memory, book: str) -> None:
    done(view, f"{book}_action_1")
    seen = view.view(book)
    assert [step.done for step in seen.steps] == [True, False]
    assert not seen.row.done
    for part in ("chart", "desired_outcome"):
        assert "completionStatus" not in view.meta(f"{book}_{part}")


def test_a_completed_step_joins_the_reality_of_its_chart(view: Memory, book: str) -> None:
    done(view, f"{book}_action_1")
    assert view.reality(book) == ["Ten pages", f"Completed: Outline ({DAY})"]


def test_the_day_can_be_given(view: Memory, book: str) -> None:
    done(view, f"{book}_action_1", date=date(2026, 11, 3))
    assert view.reality(book)[-1] == "Completed: Outline (2026-11-03)"


def test_a_step_of_a_sub_chart_flows_into_the_sub_chart_only(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1", reality="x", steps=["Chapter list"])
    done(view, f"{child}_action_1")
    assert view.reality(child) == ["x", f"Completed: Chapter list ({DAY})"]
    assert view.reality(book) == ["Ten pages"]


def test_completing_twice_changes_nothing(view: Memory, book: str) -> None:
    done(view, f"{book}_action_1")
    assert charts.complete(view, f"{book}_action_1").edits == []


def test_taking_it_back_takes_the_line_away(view: Memory, book: str) -> None:
    before = view.state()
    done(view, f"{book}_action_1")
    done(view, f"{book}_action_1", done=False)
    assert view.state() == before


def test_taking_it_back_leaves_other_lines(view: Memory, book: str, later: object) -> None:
    step = view.step(book, "Outline")
    done(view, f"{book}_action_1")
    later()  # type: ignore[operator]
    done(view, step)
    view.apply(charts.add_fact(view, book, "Completed: Outline of the plot"))
    done(view, step, done=False)
    assert view.reality(book) == [
        "Ten pages",
        f"Completed: Outline ({DAY})",
        "Completed: Outline of the plot",
    ]


def test_a_peers_line_without_a_day_is_taken_away_too(view: Memory, book: str) -> None:
    view.meta(f"{book}_action_1")["completionStatus"] = True
    view.body(f"{book}_current_reality")["observations"].append("Completed: Outline")
    done(view, f"{book}_action_1", done=False)
    assert view.reality(book) == ["Ten pages"]


def test_a_renamed_step_is_still_taken_back_whole(view: Memory, book: str) -> None:
    done(view, f"{book}_action_1")
    view.apply(charts.edit_text(view, f"{book}_action_1", "Table of contents"))
    assert view.reality(book)[-1] == f"Completed: Table of contents ({DAY})"
    done(view, f"{book}_action_1", done=False)
    assert view.reality(book) == ["Ten pages"]


class TestSubChart:
    def test_it_completes_the_step_it_came_from_and_flows_into_the_parent(
        self, view: Memory, book: str
    ) -> None:
        child = view.telescope(f"{book}_action_1")
        done(view, child)
        assert view.view(child).row.done
        assert view.view(book).steps[0].done
        assert view.reality(book) == ["Ten pages", f"Completed: Outline ({DAY})"]
        assert view.reality(child) == []
        assert not view.view(book).row.done

    def test_chart_and_outcome_are_marked_as_the_peers_do(self, view: Memory, book: str) -> None:
        child = view.telescope(f"{book}_action_1")
        done(view, child)
        assert view.meta(f"{child}_chart")["completionStatus"] is True
        assert view.meta(f"{child}_desired_outcome")["completionStatus"] is True

    def test_it_can_be_taken_back_whole(self, view: Memory, book: str) -> None:
        child = view.telescope(f"{book}_action_1")
        done(view, child)
        done(view, child, done=False)
        assert not view.view(child).row.done
        assert not view.view(book).steps[0].done
        assert view.reality(book) == ["Ten pages"]

    def test_a_step_that_was_complete_already_gives_no_second_line(self, view: Memory, book: str) -> None:
        child = view.telescope(f"{book}_action_1")
        done(view, f"{book}_action_1")
        done(view, child)
        assert view.reality(book) == ["Ten pages", f"Completed: Outline ({DAY})"]

    def test_one_from_no_step_flows_into_the_parent_too(self, view: Memory, book: str) -> None:
        child = view.step(book, "A cover", as_chart=True)
        done(view, child)
        assert view.reality(book)[-1] == f"Completed: A cover ({DAY})"
        done(view, child, done=False)
        assert view.reality(book) == ["Ten pages"]

    def test_it_does_not_flow_past_the_parent(self, view: Memory, book: str) -> None:
        child = view.telescope(f"{book}_action_1", steps=["Inner"])
        grandchild = view.telescope(f"{child}_action_1")
        done(view, grandchild)
        assert view.reality(child) == [f"Completed: Inner ({DAY})"]
        assert view.reality(book) == ["Ten pages"]
        assert not view.view(child).row.done

    def test_completing_the_step_leaves_its_chart_open_and_says_so(self, view: Memory, book: str) -> None:
        child = view.telescope(f"{book}_action_1")
        plan = charts.complete(view, f"{book}_action_1")
        assert plan.hints == ["The chart that “Outline” telescoped into is still open."]
        view.apply(plan)
        assert not view.view(child).row.done


def test_several_are_completed_in_one_transaction(view: Memory, book: str) -> None:
    plan = charts.complete(view, [f"{book}_action_1", f"{book}_action_2"])
    assert plan.label == "Complete 2 rows"
    view.apply(plan)
    assert view.reality(book) == [
        "Ten pages",
        f"Completed: Outline ({DAY})",
        f"Completed: Draft ({DAY})",
    ]


def test_the_last_step_hints_that_the_chart_may_be_complete(view: Memory, book: str) -> None:
    assert not charts.complete(view, f"{book}_action_1").hints
    plan = charts.complete(view, [f"{book}_action_1", f"{book}_action_2"])
    assert plan.hints == [
        "Every step of “A finished book” is complete. Is the outcome there? Complete it too."
    ]


def test_a_chart_with_open_steps_is_completed_with_a_hint(view: Memory, book: str) -> None:
    plan = charts.complete(view, book)
    assert plan.hints == ["2 steps of “A finished book” still open."]
    view.apply(plan)
    assert view.view(book).row.done
    assert str(view.view(book).row.progress) == "0/2"


def test_a_chart_without_a_reality_gets_one(view: Memory, book: str) -> None:
    view.held.pop(f"e:{book}_current_reality")
    done(view, f"{book}_action_1")
    assert view.reality(book) == [f"Completed: Outline ({DAY})"]
    assert (f"{book}_current_reality", "creates_tension_with", f"{book}_desired_outcome") in view.relations()


def test_everything_changed_and_the_chart_are_stamped(view: Memory, book: str, later: object) -> None:
    later()  # type: ignore[operator]
    done(view, f"{book}_action_1")
    for part in ("action_1", "current_reality", "chart"):
        assert view.meta(f"{book}_{part}")["updatedAt"] == "2026-11-22T12:00:00.123Z"
    assert view.meta(f"{book}_action_2")["updatedAt"] == "2026-11-21T12:00:00.123Z"


def test_an_old_completed_member_is_kept_in_step(view: Memory, book: str) -> None:
    step = view.meta(f"{book}_action_1")
    del step["completionStatus"]
    step["completed"] = True
    assert view.view(book).steps[0].done
    done(view, f"{book}_action_1", done=False)
    assert not view.view(book).steps[0].done
