"""The chart pane: cursor over elements, and no repaint beyond what differs."""

from __future__ import annotations

from typing import Any

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Region

from store.model import ChartRow, ChartView, Progress, StepRow
from tui.widgets.chart import ChartPane
from tui.widgets.chart_layout import Element
from tui.widgets.lines import differing


def view(steps: int = 3, outcome: str = "A garden", facts: int = 2, chart: str = "1") -> ChartView:
    row = ChartRow(
        "default", chart, outcome, "2030-01-01", False, Progress(0, steps), 0, None, None, steps, None, None
    )
    made = tuple(
        StepRow("default", chart, f"s{n}", f"Step {n}", None, False, 0, None, Progress(0, 0), None)
        for n in range(steps)
    )
    return ChartView(row, outcome, (), tuple(f"fact {n}" for n in range(facts)), made, (), ())


class Host(App[None]):
    BINDINGS = [
        Binding("j", "c('move',1)"),
        Binding("k", "c('move',-1)"),
        Binding("G", "c('end')"),
        Binding("g", "c('home')"),
        Binding("enter", "c('activate')"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.pane = ChartPane(empty="no chart")
        self.seen: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    def action_c(self, what: str, *args: Any) -> None:
        getattr(self.pane, f"action_{what}")(*args)

    def on_chart_pane_element_activated(self, event: ChartPane.ElementActivated) -> None:
        self.seen.append(event.element)

    def text(self) -> str:
        return "\n".join(self.pane.render_line(y).text.rstrip() for y in range(self.pane.size.height))


async def test_keys_walk_over_the_elements_and_activate_them() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        assert "no chart" in app.text()
        app.pane.focus()
        app.pane.show(view())
        await pilot.press("j", "j", "enter", "G", "enter", "g", "enter")
        await pilot.pause()
        assert app.seen == [Element("step", 1), Element("fact", 1), Element("outcome")]


async def test_a_refresh_keeps_the_element_and_a_shorter_chart_the_nearest() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        app.pane.focus()
        app.pane.show(view(3))
        await pilot.press("j", "j", "j")
        assert app.pane.element == Element("step", 2)
        app.pane.show(view(3, "Another garden"))
        assert app.pane.element == Element("step", 2)
        app.pane.show(view(2))
        assert app.pane.element == Element("step", 1)


async def test_only_differing_cells_are_repainted() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        app.set_focus(None)
        app.pane.show(view(3, "A garden"))
        await pilot.pause()
        asked: list[Region] = []
        app.pane.refresh = lambda *regions, **_: asked.extend(regions)  # type: ignore[method-assign,assignment,func-returns-value,misc,return-value]
        app.pane.show(view(3, "A gorden"))
        assert asked == [Region(3, 1, 1, 1)]
        asked.clear()
        app.pane.show(view(3, "A gorden"))
        assert asked == []
        app.pane.show(app.pane.view, "s1")
        assert [region.y for region in asked] == [4]


async def test_a_long_chart_scrolls_with_its_cursor() -> None:
    app = Host()
    async with app.run_test(size=(60, 10)) as pilot:
        app.pane.focus()
        app.pane.show(view(40))
        await pilot.press("G")
        await pilot.pause()
        assert "fact 1" in app.text()
        app.pane.show(view(2, chart="2"))
        assert app.pane.top_line == 0


def test_differing_cells_count_wide_characters_twice() -> None:
    assert differing((("a漢b", ""),), (("a字b", ""),)) == (1, 3)
    assert differing((("ab", ""),), (("ab", "x"),)) == (0, 2)
    assert differing((("e\u0301x", ""),), (("ex", ""),)) == (0, 1)
