"""The outline under keys and mouse: what moves, what is asked for, what is repainted."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Region
from textual.pilot import Pilot

from tui.widgets.outline import Outline
from tui.widgets.outline_draw import Place, row_pieces
from tui.widgets.outline_model import Row
from tui.widgets.signs import UNICODE


class Host(App[None]):
    BINDINGS = [
        Binding("j,down", "o('move',1)"),
        Binding("k,up", "o('move',-1)"),
        Binding("J", "o('move',1,True)"),
        Binding("K", "o('move',-1,True)"),
        Binding("pagedown", "o('page',1)"),
        Binding("ctrl+d", "o('half_page',1)"),
        Binding("g", "o('home')"),
        Binding("G", "o('end')"),
        Binding("l", "o('unfold')"),
        Binding("h", "o('fold')"),
        Binding("z", "o('toggle_fold')"),
        Binding("M", "o('fold_all')"),
        Binding("n", "o('sibling',1)"),
        Binding("p", "o('parent')"),
        Binding("x", "o('toggle_select')"),
        Binding("enter", "o('activate')"),
    ]

    def __init__(self, count: int = 50, mouse: bool = True) -> None:
        super().__init__()
        self.count = count
        self.outline = Outline(mouse=mouse, empty=("nothing",))
        self.seen: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.outline

    def on_mount(self) -> None:
        self.outline.focus()
        self.outline.load(range(self.count))

    def action_o(self, what: str, by: int | None = None, select: bool | None = None) -> None:
        given = [value for value in (by, select) if value is not None]
        getattr(self.outline, f"action_{what}")(*given)

    def on_outline_need_rows(self, event: Outline.NeedRows) -> None:
        self.seen.append(("need", event.lo, event.hi))
        event.outline.supply(event.ids, [row(n) for n in event.ids])

    def on_outline_fold_requested(self, event: Outline.FoldRequested) -> None:
        event.outline.unfold(event.key, [Row(f"{event.key}.{i}", f"step {i}", children=0) for i in range(3)])

    def on_outline_cursor_moved(self, event: Outline.CursorMoved) -> None:
        self.seen.append(("moved", event.key, event.repeat))

    def on_outline_activated(self, event: Outline.Activated) -> None:
        self.seen.append(("activated", event.key))

    def line(self, y: int) -> str:
        return self.outline.render_line(y).text


def row(n: int) -> Row:
    return Row(f"c{n}", f"Chart {n}", "overdue" if n == 3 else "", n == 4, "1/3", "Dec 1", 3)


async def keys(pilot: Pilot[None], *names: str) -> None:
    await pilot.press(*names)
    await pilot.pause()


async def test_rows_are_asked_for_by_window_and_drawn() -> None:
    app = Host(100_000)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        needs = [seen for seen in app.seen if seen[0] == "need"]
        assert needs
        assert all(hi - lo <= 100 for _, lo, hi in needs)
        assert "Chart 0" in app.line(0)
        assert "1/3" in app.line(0)
        assert app.line(3).split()[1] == "!"
        assert "?" in app.line(4)
        await keys(pilot, "G")
        assert app.outline.cursor_key == "c99999"
        assert "Chart 99999" in app.line(19)


async def test_rows_given_at_once_are_not_asked_for() -> None:
    app = Host(0)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        app.seen.clear()
        app.outline.load(range(10))
        app.outline.supply(range(10), [row(n) for n in range(10)])
        await pilot.pause()
        assert not [seen for seen in app.seen if seen[0] == "need"]
        assert app.outline.cursor_key == "c0"


async def test_a_move_repaints_two_lines() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        await keys(pilot, "j")
        asked: list[Region] = []
        app.outline.refresh = lambda *regions, **_: asked.extend(regions)  # type: ignore[method-assign,assignment,func-returns-value,misc,return-value]
        await keys(pilot, "j")
        assert sorted(region.y for region in asked) == [1, 2]
        assert all(region.height == 1 for region in asked)


async def test_moving_and_scrolling_by_half_a_screen() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        tops = set()
        for _ in range(49):
            await pilot.press("j")
            top = app.outline.top_line
            assert top <= app.outline.cursor < top + 20
            tops.add(top)
        assert len(tops) <= 6
        await keys(pilot, "g", "pagedown")
        assert app.outline.cursor == 18
        await keys(pilot, "ctrl+d")
        assert app.outline.cursor == 28


async def test_folding_keeps_the_cursor_on_its_row() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        await keys(pilot, "j", "l")
        assert len(app.outline.model) == 53
        assert "▾" in app.line(1)
        await keys(pilot, "l")
        assert app.outline.cursor_key == "c1.0"
        await keys(pilot, "n", "n")
        assert app.outline.cursor_key == "c1.2"
        await keys(pilot, "p")
        assert app.outline.cursor_key == "c1"
        await keys(pilot, "j", "h", "z")
        assert app.outline.cursor_key == "c1"
        assert len(app.outline.model) == 50
        await keys(pilot, "z", "j", "M")
        assert app.outline.cursor_key == "c1"


async def test_an_outside_change_leaves_the_person_where_they_were() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        await keys(pilot, *["j"] * 30)
        await keys(pilot, "l", "j", "x", "k")
        on_screen = app.outline.cursor - app.outline.top_line
        key = app.outline.cursor_key
        app.outline.replace([900, *range(10, 50)], rows={900: Row("new", "new")})
        await pilot.pause()
        assert app.outline.cursor_key == key
        assert app.outline.cursor - app.outline.top_line == on_screen
        assert "c30" in app.outline.model.open_keys()
        assert app.outline.model.selected_keys() == ["c30.0"]


async def test_selecting() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        await keys(pilot, "x", "J", "J", "K")
        assert app.outline.model.selected_keys() == ["c0", "c1", "c2"]
        assert app.line(0).startswith("●")
        app.outline.action_select_none()
        assert app.outline.model.selected_keys() == []


async def test_remembered_folds_open_as_they_come_into_view() -> None:
    app = Host()
    app.outline.wanted = {"c2"}
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        await pilot.pause()
        assert app.outline.model.open_keys() == ["c2"]


async def test_mouse_moves_folds_and_activates_unless_it_is_off() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.click(Outline, offset=(12, 4))
        assert app.outline.cursor == 4
        await pilot.click(Outline, offset=(1, 2))
        await pilot.pause()
        assert app.outline.model.open_keys() == ["c2"]
        await pilot.click(Outline, offset=(12, 0), times=2)
        assert ("activated", "c0") in app.seen
    off = Host(mouse=False)
    async with off.run_test(size=(60, 20)) as pilot:
        await pilot.click(Outline, offset=(12, 4))
        assert off.outline.cursor == 0


async def test_matches_are_marked_and_the_empty_list_says_what_to_do() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        app.outline.highlight = "CHART"
        await pilot.pause()
        styles = [segment.style for segment in app.outline.render_line(2) if segment.text == "Chart"]
        assert styles
        assert styles[0] is not None
        assert styles[0].underline
        app.outline.load([])
        await pilot.pause()
        assert app.line(0).startswith("nothing")
        await keys(pilot, "j", "z", "x", "enter", "pagedown", "G", "n", "p", "J", "M")


@pytest.mark.parametrize("width", [5, 12, 27, 40, 80, 200])
async def test_every_line_fills_the_width(width: int) -> None:
    app = Host()
    async with app.run_test(size=(width, 10)) as pilot:
        await keys(pilot, "l", "j")
        app.outline.supply(
            [5, 6], [Row("a", "漢字" * 60, due="2027-01-01"), Row("b", "🙂\u200d\x1b[31m" * 40)]
        )
        for y in range(10):
            assert app.outline.render_line(y).cell_length == app.outline.size.width


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light", "textual-light", "textual-dark"])
async def test_the_cursor_shows_in_every_theme(theme: str) -> None:
    app = Host()
    app.theme = theme
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        at, other = (next(iter(app.outline.render_line(y))).style for y in (0, 1))
        assert at is not None
        assert other is not None
        assert at.reverse or at.bgcolor != other.bgcolor


async def test_the_cursor_shows_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        style = next(iter(app.outline.render_line(0))).style
        assert style is not None
        assert style.reverse


def test_a_far_date_keeps_year_and_month_where_there_is_little_room() -> None:
    row = Row(("c", "x"), "A house", due="2027-05-21")
    narrow = "".join(text for text, _ in row_pieces(row, Place(0, False, False), 36, UNICODE))
    assert narrow.endswith("2027-05 ")
    assert len(narrow) == 36
