"""What a person does with charts, by keyboard alone, and what is on disk after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.store import open_store
from tests.tui.conftest import Opener


async def test_the_first_screen_shows_contexts_charts_and_the_chart(desk: Opener) -> None:
    async with desk() as d:
        text = d.screen()
        assert d.titles == ["I sing in a choir", "The garden feeds us", "A book of poems is printed"]
        for word in (
            "Contexts",
            "Charts",
            "Workflows",
            "Health",
            "Desired outcome",
            "Current reality",
            "fact 0.1",
        ):
            assert word in text
        assert d.under == "I sing in a choir"


async def test_a_chart_with_steps_telescoped_completed_and_seen_again(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("c")
        await d.type("I run a marathon @ +3m")
        assert d.under == "I run a marathon"
        assert "u undoes" in d.foot
        for step in ("Run 10 km", "Run 20 km", "Run 30 km"):
            await d.press("a")
            await d.type(step)
            if d.under != "I run a marathon":
                assert d.under == step
        assert d.titles[-3:] == ["Run 10 km", "Run 20 km", "Run 30 km"]
        await d.press("k", "t")
        await d.type("I ran 12 km once")
        assert d.app.main.outline.query_now.scope is not None
        assert d.under == "Run 20 km"
        await d.press("a")
        await d.type("Run every Sunday")
        await d.press("x")
        assert d.states()["Run every Sunday"] == "done"
        await d.press("g", "t")
        assert "I run a marathon" in d.titles
        view = d.app.main.chart.view
        assert view is not None
    async with desk() as d:
        assert "I run a marathon" in d.titles
        await d.press("u")
    with open_store(store_path) as store, store.snapshot() as snap:
        run = next(row for row in snap.charts(["default"]) if row.title == "I run a marathon")
        assert snap.steps("default", run.chart_id)[1].child is not None


async def test_completing_a_step_flows_into_reality_and_undo_takes_it_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "l", "j", "x")
        assert d.states()["Step 1.0"] == "done"
        assert "Completed: Step 1.0" in d.screen()
        assert "1/3" in d.screen()
        await d.press("u")
        assert d.states()["Step 1.0"] != "done"
        assert "Completed: Step 1.0" not in d.screen()
        await d.press("ctrl+r")
        assert d.states()["Step 1.0"] == "done"


async def test_edit_in_place_in_the_hierarchy_and_in_the_chart(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "e")
        await d.type(" all year")
        assert d.under == "The garden feeds us all year"
        await d.press("i", "G", "e")
        await d.type(" now")
        assert "fact 1.2 now" in d.screen()
        await d.press("escape")
        assert d.app.main.pane_name == "outline"


async def test_due_dates_as_people_type_them(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "l", "j", "D", "ctrl+a", "ctrl+k")
        await d.type("+2w")
        assert "Dec 5" in d.screen()
        await d.press("D", "ctrl+a", "ctrl+k")
        await d.type("someday")
        assert "someday' is no date" in d.screen()


async def test_a_past_due_date_is_taken_only_after_a_yes(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "l", "j", "D", "ctrl+a", "ctrl+k")
        await d.type("2026-01-01")
        assert "past" in d.screen()
        await d.press("y")
        assert d.states()["Step 1.0"] == "overdue"


async def test_delete_asks_once_says_how_many_and_undo_brings_all_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("d", "d")
        assert "2 charts and 5 steps" in d.screen() or "1 chart" in d.screen()
        await d.press("y")
        assert "I sing in a choir" not in d.titles
        await d.press("u")
        assert "I sing in a choir" in d.titles


async def test_reorder_keeps_the_cursor_on_its_step(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "l", "j", "J")
        assert d.titles[2:5] == ["Step 1.1", "Step 1.0", "Step 1.2"]
        assert d.under == "Step 1.0"
        await d.press("K")
        assert d.titles[2:5] == ["Step 1.0", "Step 1.1", "Step 1.2"]


async def test_select_several_and_move_them_to_another_context(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "space", "space", "M")
        await d.type("work")
        assert d.titles == ["I sing in a choir"]
        await d.press("right_square_bracket")
        assert set(d.titles) == {"Version two is in use", "The garden feeds us", "A book of poems is printed"}
        await d.press("u")
        assert d.titles == ["Version two is in use"]


async def test_move_to_a_context_that_is_made_for_it(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("M")
        await d.type("music")
        assert (store_path / "charts-music.jsonl").exists()
        assert "music" in d.app.main.contexts.names()


async def test_archive_a_complete_chart_and_bring_it_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "X")
        assert "confirm" in d.screen().lower()
        await d.press("y")
        assert "The garden feeds us" not in d.titles
        await d.press("u")
        assert "The garden feeds us" in d.titles


async def test_notes_and_facts(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "r")
        await d.type("The beans are in")
        assert "The beans are in" in d.screen()
        await d.press("m")
        await d.type("Dug the first bed")
        view = d.app.main.chart.view
        assert view is not None
        assert view.outcome_notes == ("Dug the first bed",)


async def test_the_form_makes_a_chart_with_facts_and_steps(desk: Opener) -> None:
    async with desk() as d:
        await d.press("C")
        await d.type("Fix the roof")
        assert "problem" in d.screen()
        await d.type("It leaks")
        await d.type("")
        await d.type("+2m")
        await d.type("Find a roofer", end="")
        await d.press("ctrl+s")
        assert d.under == "Fix the roof"
        view = d.app.main.chart.view
        assert view is not None
        assert (view.reality, [step.title for step in view.steps]) == (("It leaks",), ["Find a roofer"])


async def test_edit_in_the_persons_own_editor(
    desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nsed -i 's/The garden feeds us/The garden feeds the street/' \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    async with desk() as d:
        monkeypatch.setattr(type(d.app), "suspend", _no_suspend)
        await d.press("j", "E")
        assert d.under == "The garden feeds the street"


def _no_suspend(_app: object) -> object:
    from contextlib import nullcontext

    return nullcontext()


async def test_copy_says_what_was_sent(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "y")
        assert d.foot.startswith("Sent to the clipboard: 1 chart")
        assert "The garden feeds us" in d.app.clipboard
        assert "Step 1.2" in d.app.clipboard


async def test_activity_lists_who_did_what_and_undoes_any_of_it(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "e")
        await d.type("!")
        await d.press("j", "e")
        await d.type("!")
        await d.press("g", "a")
        text = d.screen()
        assert "you" in text
        assert "Telescope" in text
        await d.press("j", "u", "escape")
        assert "The garden feeds us" in d.titles
        assert "A book of poems is printed!" in d.titles


async def test_a_date_that_is_none_stays_to_be_corrected_and_later_questions_work(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "l", "j", "D", "ctrl+a", "ctrl+k")
        await d.type("someday")
        assert d.app.main.asking
        assert "someday" in d.screen()
        assert "no date" in d.screen()
        await d.press("ctrl+a", "ctrl+k")
        await d.type("+2w")
        assert "Dec 5" in d.screen()
        await d.press("D", "ctrl+a", "ctrl+k")
        await d.type("someday")
        await d.press("escape", "a")
        await d.type("After all that")
        assert "After all that" in d.titles


async def test_v_selects_a_range_as_vi_does(desk: Opener) -> None:
    async with desk() as d:
        selected = d.app.main.outline.outline.model.selected
        await d.press("v")
        assert len(selected) == 1
        await d.press("j", "j")
        assert len(selected) == 3
        assert "3 selected, range" in d.screen()
        await d.press("k")
        assert len(selected) == 2
        await d.press("v", "j")
        assert len(selected) == 2
        await d.press("v", "escape")
        assert not selected
        await d.press("k")
        assert not selected


async def test_an_editor_that_does_not_start_gives_the_screen_back(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    back: list[bool] = []

    @contextmanager
    def suspend(_app: object) -> Iterator[None]:
        yield  # as Textual's own: no word of what happens when the body raises
        back.append(True)

    async with desk() as d:
        monkeypatch.setenv("EDITOR", "/no/such/editor")
        monkeypatch.setattr(type(d.app), "suspend", suspend)
        await d.press("E")
        assert back
        assert "did not start" in d.foot


async def test_the_archive_can_be_looked_at_and_gives_charts_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "X", "y", "g", "c", "G")
        assert d.titles == ["The garden feeds us"]
        await d.press("X")
        assert "archive stays" in d.foot
        await d.press("enter", "X", "y")
        await d.press("g", "c", "g", "g", "j", "enter")
        assert "The garden feeds us" in d.titles


async def test_a_name_no_context_can_have_stays_to_be_corrected(desk: Opener) -> None:
    async with desk() as d:
        await d.press("g", "c", "G", "e")
        await d.type("/x")
        assert d.app.main.asking
        assert "cannot name a context" in d.screen()
        await d.press("backspace", "backspace")
        await d.type("place")
        assert "workplace" in d.app.main.contexts.names()


async def test_where_there_is_no_chart_commands_say_so(desk: Opener) -> None:
    async with desk() as d:
        await d.press("g", "c", "a")
        await d.type("empty")
        await d.press("g", "o", "x")
        assert "no chart here" in d.foot
