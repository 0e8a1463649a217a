"""The smaller drawn parts: breadcrumb, jobs, figures, plot, listing, prompt, form."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widget import Widget

from tui.widgets.breadcrumb import Breadcrumb, shorten
from tui.widgets.figures import Figure, Figures
from tui.widgets.form import Form
from tui.widgets.jobs import Work, WorkList, WorkState, table
from tui.widgets.listing import Item, Listing, item_pieces
from tui.widgets.plot import Plot, Series
from tui.widgets.prompt import Hint, LineInput, Prompt
from tui.widgets.signs import ASCII, UNICODE


class Host(App[None]):
    def __init__(self, widget: Widget | Callable[[], Widget]) -> None:
        super().__init__()
        self.made = widget
        self.widget = Widget()
        self.seen: list[Any] = []

    def compose(self) -> ComposeResult:
        self.widget = self.made if isinstance(self.made, Widget) else self.made()
        yield self.widget

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        self.seen.append(event.value)

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        self.seen.append("cancelled")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        self.seen.append(event.values)

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        self.seen.append(event.key)

    def lines(self) -> list[str]:
        widget = self.widget
        return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


@given(st.lists(st.text("abc漢 ", max_size=20), max_size=6), st.integers(0, 60))
def test_a_trail_fits_and_keeps_its_end(parts: list[str], width: int) -> None:
    shown = shorten(parts, width, " > ", "…")
    assert cell_len(" > ".join(text for _, text in shown)) <= width or not parts
    if parts:
        assert shown[-1][0] == len(parts) - 1


def test_a_trail_is_cut_in_the_middle() -> None:
    parts = ["work", "Build the shed", "Lay the floor", "Buy planks"]
    assert [text for _, text in shorten(parts, 30, " > ", "…")] == ["work", "…", "Buy planks"]


async def test_breadcrumb_draws_the_trail() -> None:
    app = Host(Breadcrumb(["work", "Shed"]))
    async with app.run_test(size=(40, 5)):
        assert app.lines() == ["work ▸ Shed"]


@given(
    st.text(max_size=40),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 90),
    st.integers(0, 9),
    st.sampled_from(get_args(WorkState)),
    st.sampled_from([None, 0.0, 5.0, 90000.0]),
)
def test_a_work_fills_its_line(
    title: str, done: int, total: int, width: int, rejected: int, state: WorkState, left: float | None
) -> None:
    work = Work(("job", "1"), title, state, done, total, 2.0, left, rejected, "note", "14:05", 2.0)
    if width >= 2:
        for line in table([work, work._replace(title="another", state="processing", done=7)], width, UNICODE):
            assert cell_len("".join(text for text, _ in line)) == width


async def test_works_show_bar_count_and_how_they_ended() -> None:
    app = Host(WorkList(empty="Nothing is running."))
    async with app.run_test(size=(100, 5)) as pilot:
        assert app.lines()[0] == "Nothing is running."
        assert isinstance(app.widget, WorkList)
        app.widget.show_works(
            [
                Work(("default", "a"), "Import", "processing", 50, 100, 25.0, 2.0, 3),
                Work(("job", "1"), "Verify", "failed", 1, 2, note="torn"),
            ]
        )
        await pilot.pause()
        first, second = app.lines()[:2]
        assert "━━━━━━━━────────" in first
        assert first.endswith("50/100  50%  25/s  2.0 s left  3 rejected  processing")
        assert second.startswith("! Verify: torn")
        assert second.endswith("failed")
        assert second.index("1/2") + len("1/2") == first.index("50/100") + len("50/100")


def test_every_state_has_a_sign_of_its_own() -> None:
    for signs in (UNICODE, ASCII):
        looks = {
            table([Work(("a", "b"), "x", state)], 40, signs)[0][0][0]: state for state in get_args(WorkState)
        }
        assert len(looks) == len(get_args(WorkState))


async def test_a_work_that_moved_on_repaints_what_differs_and_keeps_the_cursor() -> None:
    app = Host(WorkList())
    async with app.run_test(size=(100, 5)) as pilot:
        widget = app.widget
        assert isinstance(widget, WorkList)
        one, two = (Work(("default", name), name, "processing", 50, 100) for name in ("a", "b"))
        widget.show_works([one, two])
        widget.move_to(1)
        await pilot.pause()
        painted: list[Any] = []
        widget.refresh = lambda *regions, **_: painted.extend(regions) or widget  # type: ignore[method-assign]
        widget.show_works([one, two])
        assert painted == []
        widget.show_works([one, two._replace(done=51)])
        assert [(region.y, region.height) for region in painted] == [(1, 1)]
        assert painted[0].width < 30
        widget.show_works([Work(("default", "new"), "new", "pending"), one, two])
        assert widget.work == two


async def test_figures_have_signs_and_wrap_texts() -> None:
    app = Host(
        Figures(
            [
                Figure("Sizes", heading=True),
                Figure("Journal", "12 MB", "done"),
                Figure("w " * 60, state="overdue"),
            ]
        )
    )
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        lines = app.lines()
        assert lines[0] == "Sizes"
        assert lines[1].startswith("✓ Journal")
        assert lines[1].endswith("12 MB")
        assert lines[2].startswith("! w w")
        assert lines[4].startswith("  w")


async def test_a_label_never_touches_a_value_that_is_cut() -> None:
    app = Host(
        Figures([Figure("Last verification", "never; f6 does it now", "soon"), Figure("Query", "1 ms")])
    )
    async with app.run_test(size=(22, 4)) as pilot:
        await pilot.pause()
        words = app.lines()[0].split()
        assert words[0] == "~"
        assert any(word.endswith("…") for word in words[1:-1]), words
        assert app.lines()[1].split() == ["Query", "1", "ms"]


async def test_plot_draws_or_says_it_in_a_line() -> None:
    series = Series("Records", tuple(f"day {n}" for n in range(20)), tuple(float(n * n) for n in range(20)))
    app = Host(Plot(lean=True))
    async with app.run_test(size=(60, 12)) as pilot:
        plot = app.widget
        assert isinstance(plot, Plot)
        assert app.lines()[0] == "nothing measured yet"
        plot.show(series)
        await pilot.pause()
        assert app.lines()[0].startswith("Records  ▁")
        assert app.lines()[0].endswith("0 to 361")
        plot.lean = False
        await pilot.pause()
        assert "Records" in app.lines()[0]
        assert any("361" in line for line in app.lines()[1:])
        assert all(plot.render_line(y).cell_length == plot.size.width for y in range(12))


def test_plotext_is_only_imported_to_draw() -> None:
    code = "import sys, tui.widgets.plot; sys.exit('plotext' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Lazy(Sequence[Item]):
    """A million items that exist only when looked at."""

    def __init__(self) -> None:
        self.looked: set[int] = set()

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, n: Any) -> Any:
        self.looked.add(n)
        return Item(str(n), f"item {n}", "detail")


async def test_listing_looks_only_at_what_it_shows() -> None:
    items = Lazy()
    app = Host(Listing())
    async with app.run_test(size=(60, 10)) as pilot:
        listing = app.widget
        assert isinstance(listing, Listing)
        listing.show(items, keep=False)
        await pilot.pause()
        listing.action_end()
        await pilot.pause()
        listing.action_activate()
        await pilot.pause()
        assert app.lines()[-1].startswith("  item 999999")
        assert len(items.looked) < 50
        assert app.seen == ["999999"]


async def test_listing_cursor_follows_its_item() -> None:
    app = Host(Listing([Item(str(n), f"item {n}") for n in range(5)]))
    async with app.run_test(size=(60, 10)) as pilot:
        listing = app.widget
        assert isinstance(listing, Listing)
        listing.move_to(2)
        listing.show([Item("9", "new"), *(Item(str(n), f"item {n}") for n in range(5))])
        await pilot.pause()
        assert listing.cursor == 3
        await pilot.click(Listing, offset=(4, 1))
        assert listing.cursor_item is not None
        assert listing.cursor_item.key == "0"


@given(st.text(max_size=50), st.text(max_size=50), st.text("0123456789:", max_size=8), st.integers(1, 100))
def test_an_item_fills_its_line(title: str, detail: str, lead: str, width: int) -> None:
    pieces = item_pieces(Item("k", title, detail, lead=lead), width, ASCII)
    total = cell_len("".join(text for text, _ in pieces))
    assert total == width or width < 12


async def test_prompt_refuses_what_the_check_calls_an_error() -> None:
    def check(text: str) -> Hint:
        return Hint("no such day", True) if text == "x" else Hint()

    app = Host(lambda: Prompt("Due", "x", check=check, history=("fri", "+2w")))
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.press("enter")
        assert app.seen == []
        await pilot.press("up", "enter", "escape")
        await pilot.pause()
        assert app.seen == ["+2w", "cancelled"]


async def test_inputs_do_not_blink() -> None:
    app = Host(LineInput())
    async with app.run_test():
        assert isinstance(app.widget, LineInput)
        assert not app.widget.cursor_blink


@pytest.mark.parametrize("last", ["enter", "ctrl+s"])
async def test_form_takes_many_lines_and_hints(last: str) -> None:
    hints: list[str] = []

    def hint(field: str, lines: Sequence[str]) -> Hint:
        hints.append(field)
        return Hint("worded as a problem") if lines and "fix" in lines[0] else Hint()

    app = Host(Form(hint=hint))
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.press("ctrl+s")
        assert app.seen == []
        await pilot.press(*"fix it", "enter", *"bare", "enter", *"dry", "enter", "enter")
        await pilot.press(*"fri", "enter", *"dig", "enter", *"x", "backspace", "backspace")
        if last == "enter":
            await pilot.press("enter", "enter")
        else:
            await pilot.press(last)
        await pilot.pause()
        assert app.seen == [
            {"outcome": ["fix it"], "reality": ["bare", "dry"], "due": ["fri"], "steps": ["dig"]}
        ]
        assert "outcome" in hints
