"""The mouse: clicks, fold marks, headings, the breadcrumb, the wheel, and all of it switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.charts import create_chart
from store.store import open_store
from tests.tui.conftest import Desk, Opener


async def _click(d: Desk, selector: str, x: int, y: int, **how: object) -> None:
    await d.pilot.click(selector, offset=(x, y), **how)  # type: ignore[arg-type]
    await d.settle()


async def test_a_click_moves_the_cursor_and_the_chart_follows(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#outline", 12, 2)
        assert d.under == "A book of poems is printed"
        assert "fact 2.1" in d.screen()


async def test_a_click_below_the_last_row_changes_nothing(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#outline", 12, 15)
        assert d.under == "I sing in a choir"


async def test_a_click_on_the_fold_mark_unfolds_and_folds(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#outline", 1, 1)
        assert d.titles[2:5] == ["Step 1.0", "Step 1.1", "Step 1.2"]
        await _click(d, "#outline", 1, 1)
        assert "Step 1.0" not in d.titles


async def test_a_double_click_goes_into_the_chart_and_the_breadcrumb_out_again(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#outline", 12, 1, times=2)
        assert d.app.main.outline.query_now.scope is not None
        assert d.titles[0] == "The garden feeds us"
        await _click(d, "#crumb", 3, 0)
        assert d.app.main.outline.query_now.scope is None
        assert len(d.titles) >= 3


async def test_ctrl_and_shift_clicks_select(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#outline", 12, 0, control=True)
        assert len(d.app.main.outline.targets()) == 1
        await _click(d, "#outline", 12, 2, shift=True)
        assert len(d.app.main.outline.targets()) == 3


async def test_a_click_in_the_contexts_shows_that_context(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#contexts", 5, 2)
        assert d.app.main.outline.query_now.context == "work"
        assert d.titles == ["Version two is in use"]


async def test_a_click_on_the_heading_of_a_folded_pane_unfolds_it(desk: Opener) -> None:
    async with desk(size=(80, 24)) as d:
        assert d.app.main.health.folded
        await _click(d, "#health-pane Heading", 3, 0)
        assert not d.app.main.health.folded
        assert d.app.main.pane_name == "health"


async def test_a_click_in_the_chart_puts_its_cursor_there(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#chart-drawing", 6, 4)
        assert d.app.main.pane_name == "chart"
        part = d.app.main.chart.part()
        assert part is not None
        assert part.kind == "step"


async def test_the_bottom_line_takes_a_click_without_harm(desk: Opener) -> None:
    async with desk() as d:
        await _click(d, "#foot", 5, 0)
        await d.press("j")
        assert d.under == "The garden feeds us"


@pytest.fixture
def long_store(store_path: Path) -> Path:
    """The store with sixty more charts."""
    with open_store(store_path, program="seed") as store:
        for number in range(60):
            store.run("default", create_chart, f"Chart number {number}", "x")
        store.settle()
    return store_path


async def test_the_wheel_scrolls_without_moving_the_cursor(desk: Opener, long_store: Path) -> None:
    async with desk() as d:
        outline = d.app.main.outline.outline
        await d.pilot._post_mouse_events([_wheel(down=True)], "#outline", offset=(5, 5))
        await d.settle()
        assert outline.top_line > 0
        assert d.under == "I sing in a choir"
        await d.pilot._post_mouse_events([_wheel(down=False)], "#outline", offset=(5, 5))
        await d.settle()
        assert outline.top_line == 0


def _wheel(*, down: bool) -> type:
    from textual import events

    return events.MouseScrollDown if down else events.MouseScrollUp


async def test_switched_off_the_mouse_does_nothing(desk: Opener, long_store: Path) -> None:
    async with desk(no_mouse=True) as d:
        await _nothing(d)
        d.app.main.focus_pane("outline")
        await d.press("j")
        assert d.under == "The garden feeds us"


async def test_the_mouse_can_be_switched_off_and_on_while_running(desk: Opener, long_store: Path) -> None:
    async with desk() as d:
        d.app.set_mouse(False)
        await _nothing(d)
        d.app.set_mouse(True)
        await _click(d, "#outline", 12, 2)
        assert d.under == "A book of poems is printed"


async def _nothing(d: Desk) -> None:
    """Clicks and the wheel change neither cursor nor fold, scope, context or scrolling."""
    before = (d.titles, d.under, d.app.main.outline.query_now, d.app.main.outline.outline.top_line)
    await _click(d, "#outline", 12, 2)
    await _click(d, "#outline", 1, 1)
    await _click(d, "#outline", 12, 1, times=2)
    await _click(d, "#contexts", 5, 2)
    await _click(d, "#crumb", 3, 0)
    await d.pilot._post_mouse_events([_wheel(down=True)], "#outline", offset=(5, 5))
    await d.settle()
    assert before == (d.titles, d.under, d.app.main.outline.query_now, d.app.main.outline.outline.top_line)
