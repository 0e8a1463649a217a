"""Texts, facts, notes and phases; and everything foreign stays as it was."""

from __future__ import annotations

import pytest

from store import charts, records
from store.errors import Refused, UsageError
from tests.store.charts.memory import Memory


@pytest.fixture
def book(view: Memory) -> str:
    return view.chart("A finished book", ["Ten pages", "No title"], steps=["One", "Two"])


def test_a_step_gets_its_title_and_keeps_its_notes(view: Memory, book: str) -> None:
    view.apply(charts.note(view, f"{book}_action_1", "Begun"))
    view.apply(charts.edit_text(view, f"{book}_action_1", " Uno "))
    assert view.body(f"{book}_action_1")["observations"] == ["Uno", "Begun"]


@pytest.mark.parametrize("part", ["", "_chart", "_desired_outcome"])
def test_a_chart_gets_its_outcome(view: Memory, book: str, part: str) -> None:
    view.apply(charts.edit_text(view, book + part, "A printed book"))
    assert view.view(book).outcome == "A printed book"
    assert view.view(book).row.title == "A printed book"


def test_an_outcome_is_advised_on_not_refused(view: Memory, book: str) -> None:
    plan = charts.edit_text(view, book, "Fix the ending")
    assert "“fix”" in plan.hints[0]
    assert plan.edits


def test_a_step_and_its_chart_keep_one_wording_as_long_as_they_had_one(view: Memory, book: str) -> None:
    child = view.telescope(f"{book}_action_1")
    view.apply(charts.edit_text(view, f"{book}_action_1", "Uno"))
    assert view.view(child).outcome == "Uno"
    view.apply(charts.edit_text(view, child, "Eins"))
    assert view.titles(book)[0] == "Eins"
    view.body(f"{child}_desired_outcome")["observations"][0] = "Something else"
    view.apply(charts.edit_text(view, f"{book}_action_1", "Un"))
    assert view.view(child).outcome == "Something else"


def test_a_chart_without_an_outcome_gets_one(view: Memory, book: str) -> None:
    view.held.pop(f"e:{book}_desired_outcome")
    assert view.view(book).row.title == book
    view.apply(charts.edit_text(view, book, "A book"))
    assert view.view(book).outcome == "A book"


def test_nothing_is_left_without_words(view: Memory, book: str) -> None:
    for name in (book, f"{book}_action_1"):
        with pytest.raises(UsageError):
            charts.edit_text(view, name, "  ")


def test_facts(view: Memory, book: str) -> None:
    view.apply(charts.add_fact(view, book, "Winter"))
    view.apply(charts.edit_fact(view, book, 0, "Twelve pages"))
    view.apply(charts.remove_fact(view, book, 1))
    assert view.reality(book) == ["Twelve pages", "Winter"]
    view.apply(charts.set_reality(view, book, ["A", "", " B "]))
    assert view.reality(book) == ["A", "B"]
    assert charts.set_reality(view, book, ["A", "B"]).edits == []
    with pytest.raises(UsageError, match="number 3; there are 2"):
        charts.remove_fact(view, book, 2)


def test_a_fact_that_claims_readiness_is_advised_on(view: Memory, book: str) -> None:
    assert charts.add_fact(view, book, "Ready to write").hints


def test_notes_on_steps_and_outcomes(view: Memory, book: str) -> None:
    for name in (f"{book}_action_1", book):
        view.apply(charts.note(view, name, "First"))
        view.apply(charts.note(view, name, "Second"))
        view.apply(charts.edit_note(view, name, 1, "Deux"))
        view.apply(charts.remove_note(view, name, 0))
    assert view.view(book).notes[f"{book}_action_1"] == ("Deux",)
    assert view.view(book).outcome_notes == ("Deux",)
    assert view.reality(book) == ["Ten pages", "No title"]


def test_a_note_can_join_the_reality(view: Memory, book: str) -> None:
    view.apply(charts.note(view, f"{book}_action_1", "Half done", to_reality=True))
    assert view.reality(book)[-1] == "Progress on One: Half done"
    assert view.view(book).notes[f"{book}_action_1"] == ("Half done",)


def test_a_phase(view: Memory, book: str) -> None:
    view.apply(charts.set_phase(view, book, "assimilation"))
    assert view.view(book).phase == "assimilation"
    view.apply(charts.set_phase(view, book, None))
    assert view.view(book).phase is None
    with pytest.raises(UsageError, match="germination, assimilation, completion"):
        charts.set_phase(view, book, "middle")


class TestForeignMembersStay:
    LINE = (
        '{"metadata":{"zeta":[1,{"deep":12345678901234567890}],"chartId":"c","dueDate":"2027-01-01",'
        '"completionStatus":false,"github":{"n":1}},"observations":["One",{"odd":1},7],"custom":null,'
        '"entityType":"action_step","name":"c_step","type":"entity"}'
    )

    def test_members_their_order_and_their_digits(self, view: Memory) -> None:
        view.load(self.LINE)
        view.apply(charts.complete(view, "c_step"))
        held = view.get("e:c_step")
        assert held is not None
        assert records.dumps(held.record).decode() == self.LINE.replace(
            '"completionStatus":false', '"completionStatus":true'
        ).replace('"github":{"n":1}', '"github":{"n":1},"updatedAt":"2026-11-21T12:00:00.123Z"')

    def test_observations_that_are_no_text_keep_their_place(self, view: Memory) -> None:
        view.load(self.LINE)
        assert view.view("c").notes["c_step"] == ('{"odd":1}', "7")
        view.apply(charts.edit_note(view, "c_step", 1, "Seven"))
        assert view.body("c_step")["observations"] == ["One", {"odd": 1}, "Seven"]

    def test_a_wrapped_record_stays_in_its_wrapper(self, view: Memory) -> None:
        view.load(
            '{"type":"entity","extra":1,"data":{"name":"c_step","entityType":"action_step",'
            '"observations":["One"],"metadata":{"chartId":"c"}}}'
        )
        view.apply(charts.edit_text(view, "c_step", "Uno"))
        held = view.get("e:c_step")
        assert held is not None
        assert held.record is not None
        assert list(held.record) == ["type", "extra", "data"]
        assert held.record["data"]["observations"] == ["Uno"]
        assert "type" not in held.record["data"]

    def test_metadata_that_is_no_object_is_not_overwritten(self, view: Memory) -> None:
        book = view.chart(steps=["One"])
        view.body(f"{book}_desired_outcome")["metadata"] = ["mine"]
        with pytest.raises(Refused, match="no object"):
            charts.edit_text(view, book, "A book")
