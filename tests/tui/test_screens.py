"""Layouts, panes, dialogs, states and what happens when things go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.charts import add_step, create_chart
from store.store import open_store
from tests.tui.conftest import Desk, Opener
from tui import errorlog


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_hierarchy_and_chart_are_usable_at_every_size(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(size=size) as d:
        text = d.screen()
        lines = text.splitlines()
        assert len(lines) == size[1]
        for word in (
            "The garden feeds us",
            "Desired outcome",
            "Current reality",
            "Workflows",
            "Health",
            "? Help",
        ):
            assert word in text
        small = size == (80, 24)
        assert d.app.main.contexts.folded is small
        assert d.app.main.health.folded is small
        assert d.app.main.outline.outline.size.height >= (18 if small else 20)


async def test_a_folded_pane_unfolds_when_it_is_gone_to(desk: Opener) -> None:
    async with desk(size=(80, 24)) as d:
        await d.press("g", "c")
        assert d.app.main.pane_name == "contexts"
        assert not d.app.main.contexts.folded
        assert "All contexts" in d.screen()
        await d.press("z", "p")
        assert d.app.main.contexts.folded
        assert d.app.main.pane_name == "outline"


async def test_panes_resize_zoom_and_come_back_next_time(desk: Opener) -> None:
    async with desk() as d:
        before = d.app.main.left.size.width
        await d.press("greater_than_sign")
        assert d.app.main.left.size.width == before + 4
        await d.press("underscore")
        assert d.app.main.outline.size.width == 120
        assert not d.app.main.chart.display
        await d.press("underscore", "j", "l", "q")
    async with desk() as d:
        assert d.app.main.left.size.width == before + 4
        assert d.under == "The garden feeds us"
        assert "Step 1.0" in d.titles
        await d.press("equals_sign")
        assert d.app.main.left.size.width == before


async def test_tab_goes_through_the_panes_that_are_open(desk: Opener) -> None:
    async with desk() as d:
        seen = []
        headings = {name: pane.heading for name, pane in d.app.main.panes().items()}
        lit, unlit = (headings[name].styles.background for name in ("outline", "health"))
        for _ in range(5):
            seen.append(d.app.main.pane_name)
            for name, heading in headings.items():
                assert heading.styles.background == (lit if name == seen[-1] else unlit)
            await d.press("tab")
        assert seen == ["outline", "chart", "workflows", "health", "contexts"]
        await d.press("shift+tab")
        assert d.app.main.pane_name == "contexts"


async def test_filter_narrows_while_typing_and_escape_brings_all_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("j", "slash")
        await d.type("poem", end="")
        await d.settle()
        assert d.titles == ["A book of poems is printed"]
        await d.press("escape")
        assert len(d.titles) == 3
        assert d.under == "The garden feeds us"
        await d.press("slash")
        await d.type("step")
        assert len(d.titles) == 4
        await d.press("escape")
        assert d.app.main.outline.query_now.text == ""


async def test_a_filter_that_finds_nothing_says_how_to_get_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("slash")
        await d.type("zebra")
        assert "Nothing holds “zebra”" in d.screen()


async def test_jump_to_a_chart_of_another_context(desk: Opener) -> None:
    async with desk() as d:
        await d.press("apostrophe")
        await d.type("version")
        assert d.under == "Version two is in use"
        assert d.app.main.outline.query_now.context == "work"


async def test_search_all_text_unfolds_the_way_to_what_is_found(desk: Opener) -> None:
    async with desk() as d:
        await d.press("g", "s")
        await d.type("Inner")
        assert "Step 0.1" in d.titles


async def test_telescoping_in_and_out_with_the_breadcrumb(desk: Opener) -> None:
    async with desk() as d:
        await d.press("l", "j", "j", "enter")
        assert d.titles[0] == "Step 0.1"
        assert "default ▸ I sing in a choir ▸ Step 0.1" in d.screen().splitlines()[0]
        await d.press("backspace")
        assert d.titles[0] == "I sing in a choir"
        assert d.under == "Step 0.1"
        await d.press("g", "t")
        assert len([title for title in d.titles if not title.startswith("Step")]) >= 3


async def test_folding_everything_and_back(desk: Opener) -> None:
    async with desk() as d:
        await d.press("z", "R")
        assert "Inner one" in d.titles
        assert len(d.titles) == 3 + 9 + 2
        await d.press("z", "M")
        assert len(d.titles) == 3


async def test_counts(desk: Opener) -> None:
    async with desk() as d:
        await d.press("z", "R", "5", "j")
        assert d.app.main.outline.outline.cursor == 5
        await d.press("g", "g", "3", "G")
        assert d.app.main.outline.outline.cursor == 2


async def test_contexts_are_made_renamed_archived_and_brought_back(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("g", "c", "a")
        await d.type("garden")
        assert "garden" in d.app.main.contexts.names()
        assert "No charts here yet" in d.screen()
        await d.press("e", "ctrl+a", "ctrl+k")
        await d.type("plants")
        assert (store_path / "charts-plants.jsonl").exists()
        await d.press("X")
        assert "Archive the context plants" in d.screen()
        await d.press("y")
        assert "archived" in d.foot
        assert "plants" not in d.app.main.contexts.names()
        await d.press("g", "c", "G", "X")
        assert "plants" in d.app.main.contexts.names()


async def test_help_lists_every_command_and_does_the_one_chosen(desk: Opener) -> None:
    async with desk(size=(120, 50)) as d:
        await d.press("question_mark")
        assert "Move the cursor one row down" in d.screen()
        await d.type("unfold everything")
        assert "Inner one" in d.titles


async def test_the_palette_does_commands_by_name(desk: Opener) -> None:
    async with desk() as d:
        await d.press("colon")
        await d.type("unfold every", end="")
        await d.pilot.pause(0.3)
        await d.press("enter")
        await d.settle()
        assert "Inner one" in d.titles


async def test_read_only_changes_nothing_and_says_so(desk: Opener) -> None:
    async with desk(readonly=True) as d:
        assert "read only" in d.screen()
        await d.press("x")
        assert "reading only" in d.foot
        await d.press("a")
        assert not d.app.main.asking


async def test_another_programs_change_shows_and_the_cursor_stays(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("j", "j")
        with open_store(store_path, program="agent") as other:
            other.run("default", create_chart, "Somebody else's chart", "x")
            with other.snapshot() as snap:
                row = snap.charts(["default"])[0]
            other.run("default", add_step, row.chart_id, "Somebody else's step")
        for _ in range(100):
            await d.pilot.pause(0.02)
            if "Somebody else's chart" in d.titles:
                break
        assert "Somebody else's chart" in d.titles
        assert d.under == "A book of poems is printed"


async def test_a_fault_in_a_command_is_logged_and_the_app_goes_on(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(faults=True) as d:

        def broken(*_: object) -> None:
            raise RuntimeError("a fault in a handler")

        monkeypatch.setattr(d.app.main.sizes, "toggle_zoom", broken)
        await d.press("underscore")
        assert "Something went wrong" in d.screen()
        assert "a fault in a handler" in d.screen()
        assert errorlog.read()[0].summary.endswith("RuntimeError: a fault in a handler")
        await d.press("enter", "j")
        assert d.under == "The garden feeds us"
        await d.press("g", "e")
        assert "a fault in a handler" in d.screen()


async def test_a_fault_in_a_message_handler_does_not_end_its_pane(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(faults=True) as d:

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a fault in following")

        with monkeypatch.context() as patch:
            patch.setattr(d.app.main.chart, "follow", broken)
            await d.press("j")
            assert "Something went wrong" in d.screen()
        await d.press("enter", "j")
        assert d.under == "A book of poems is printed"
        assert "fact 2.1" in d.screen()


async def test_where_there_is_no_store_one_is_made_here(
    desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    async with desk(path=None) as d:
        assert "Welcome to chartkeep" in d.screen()
        await d.press("h")
        await d.settle()
        assert (empty / ".coaia" / "charts.jsonl").exists()
        assert "No charts here yet" in d.screen()
        await d.press("c")
        await d.type("The first chart")
        assert d.under == "The first chart"


async def test_the_demo_store_opens(desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    async with desk(path=None) as d:
        await d.press("d")
        await d.settle()
        assert len(d.titles) > 3


async def test_a_store_that_cannot_be_opened_says_why(desk: Opener, store_path: Path) -> None:
    (store_path / ".journal" / "default" / "charts.jsonl").write_text("this is no journal\n")
    async with desk(faults=True) as d:
        assert "charts.jsonl" in d.screen()


async def test_verify_shows_as_a_job_and_lists_its_findings(desk: Opener, store_path: Path) -> None:
    with (store_path / "charts.jsonl").open("a") as stream:
        stream.write("# a comment\n{broken\n")
    async with desk() as d:
        await d.settle()
        await d.press("f6")
        assert "Findings" in d.screen()
        await d.press("q", "g", "w")
        assert "Verify the store" in await d.seen("Verify the store")


async def _themes(d: Desk) -> None:
    for _ in range(4):
        await d.press("g", "T")
        assert "The garden feeds us" in d.screen()


async def test_every_theme_shows_the_same_words(desk: Opener) -> None:
    async with desk() as d:
        await _themes(d)


async def test_no_color_is_readable(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with desk() as d:
        await d.press("j", "l", "j", "x")
        assert "✓ Step 1.0" in d.screen()


async def test_over_ssh_the_app_runs_lean(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "1 2 3 4")
    async with desk() as d:
        assert d.app.config.lean
        assert d.app.main.health.plot.lean


def test_a_heading_leaves_out_whole_facts() -> None:
    from tui.panes.base import shortened

    assert shortened("12 records · 3 MB", 17) == "12 records · 3 MB"
    assert shortened("12 records · 3 MB", 12) == "12 records"
    assert shortened("work ▸ A long chart ▸ Step", 12) == "… ▸ Step"
