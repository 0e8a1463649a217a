"""Adding a step: a plain one or a sub-chart, numbered by the highest and one, put where wanted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import charts
from store.errors import NeedsConfirm, Refused, UsageError
from tests.store.charts.memory import Memory


@pytest.fixture
def book(view: Memory) -> str:
    return view.chart(due="2026-12-21", steps=["One", "Two", "Three"])


def test_numbers_go_on_from_the_highest(view: Memory, book: str) -> None:
    view.apply(charts.remove(view, f"{book}_action_1"))
    assert view.step(book, "Four") == f"{book}_action_4"
    assert view.titles(book) == ["Two", "Three", "Four"]


def test_the_name_of_a_removed_step_is_not_given_again(view: Memory, book: str) -> None:
    view.apply(charts.remove(view, f"{book}_action_3"))
    assert view.step(book, "Four") == f"{book}_action_4"


@pytest.mark.parametrize("old", ["_action7", "_action_step_7", "_action_7"])
def test_all_old_ways_to_number_count(view: Memory, book: str, old: str) -> None:
    view.add(
        {
            "type": "entity",
            "name": f"{book}{old}",
            "entityType": "action_step",
            "observations": ["Old"],
            "metadata": {"chartId": book},
        }
    )
    assert view.step(book, "New") == f"{book}_action_8"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=25))
def test_names_never_collide_whatever_is_removed(moves: list[int]) -> None:
    view = Memory()
    book = view.chart()
    given_names: list[str] = []
    for move in moves:
        steps = view.view(book).steps
        if move < 4 and steps:
            view.apply(charts.remove(view, steps[move % len(steps)].name))
        else:
            given_names.append(view.step(book, f"Step {len(given_names)}"))
            assert view.view(book).steps[-1].name == given_names[-1]
    assert len(given_names) == len(set(given_names))


def test_a_step_without_a_date_falls_between_the_last_one_and_the_end(view: Memory, book: str) -> None:
    last = view.view(book).steps[-1].due
    assert last == "2026-12-14"
    assert view.view(book).steps[-1].due < view.meta(view.step(book, "Four"))["dueDate"] <= "2026-12-21"


def test_a_step_can_be_left_without_a_date(view: Memory, book: str) -> None:
    assert "dueDate" not in view.meta(view.step(book, "Four", due="none"))


def test_a_step_is_never_due_after_its_chart_nor_in_the_past(view: Memory, book: str) -> None:
    with pytest.raises(Refused, match="after “A finished book”"):
        charts.add_step(view, book, "Late", due="2026-12-22")
    with pytest.raises(NeedsConfirm):
        charts.add_step(view, book, "Early", due="2026-11-01")
    view.step(book, "Early", due="2026-11-01", confirmed=True)


def test_a_step_can_be_a_chart_of_its_own(view: Memory, book: str) -> None:
    child = view.step(book, "A cover", as_chart=True, reality="No picture yet", steps=["Sketch"])
    seen = view.view(book)
    assert [row.chart_id for row in seen.child_charts] == [child]
    assert len(seen.steps) == 3
    assert view.view(child).row.level == 1
    assert view.view(child).row.parent_step is None


def test_a_step_goes_after_the_one_named(view: Memory, book: str) -> None:
    view.step(book, "One and a half", after=f"{book}_action_1")
    assert view.titles(book) == ["One", "One and a half", "Two", "Three"]
    assert view.titles(book) == [step.title for step in view.view(book).steps]
    view.step(book, "Last")
    assert view.titles(book)[-1] == "Last"


def test_a_step_needs_a_title(view: Memory, book: str) -> None:
    with pytest.raises(UsageError, match="title"):
        charts.add_step(view, book, " ")


def test_an_open_step_in_a_complete_chart_is_hinted_at(view: Memory, book: str) -> None:
    view.apply(charts.complete(view, book))
    assert "marked complete" in charts.add_step(view, book, "More").hints[0]


class TestOrder:
    def test_steps_move_up_and_down(self, view: Memory, book: str) -> None:
        view.apply(charts.reorder(view, f"{book}_action_1", 1))
        assert view.titles(book) == ["Two", "One", "Three"]
        view.apply(charts.reorder(view, f"{book}_action_3", -2))
        assert view.titles(book) == ["Three", "Two", "One"]

    def test_it_stops_at_the_ends(self, view: Memory, book: str) -> None:
        assert charts.reorder(view, f"{book}_action_1", -5).edits == []
        view.apply(charts.reorder(view, f"{book}_action_1", 99))
        assert view.titles(book) == ["Two", "Three", "One"]

    def test_a_step_moves_next_to_another(self, view: Memory, book: str) -> None:
        view.apply(charts.reorder(view, f"{book}_action_3", before=f"{book}_action_1"))
        assert view.titles(book) == ["Three", "One", "Two"]
        view.apply(charts.reorder(view, f"{book}_action_3", after=f"{book}_action_1"))
        assert view.titles(book) == ["One", "Three", "Two"]
        with pytest.raises(UsageError):
            charts.reorder(view, f"{book}_action_3", after="chart_9_action_1")

    def test_there_and_back_changes_nothing_people_see(self, view: Memory, book: str) -> None:
        view.apply(charts.reorder(view, f"{book}_action_2", 1))
        view.apply(charts.reorder(view, f"{book}_action_2", -1))
        assert view.titles(book) == ["One", "Two", "Three"]

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(-6, 6)), max_size=12))
    def test_any_moves_do_what_moving_in_a_list_does(self, moves: list[tuple[int, int]]) -> None:
        view = Memory()
        book = view.chart(steps=["a", "b", "c", "d", "e", "f"])
        model = ["a", "b", "c", "d", "e", "f"]
        for at, delta in moves:
            view.apply(charts.reorder(view, view.view(book).steps[at].name, delta))
            item = model.pop(at)
            model.insert(min(max(at + delta, 0), 5), item)
            assert view.titles(book) == model
