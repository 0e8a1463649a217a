"""Floor-side app: the outline with the chart pane following, on made-up charts, with no store behind it.

Usage: python bench/apps/outline_chart.py [CHARTS] [plain]
`plain` leaves Textual's own screen writer in place.
"""

from __future__ import annotations

import sys
from array import array
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer

from store.model import ChartRow, ChartView, Progress, StepRow
from tui.widgets.chart import ChartPane
from tui.widgets.outline import Outline
from tui.widgets.outline_model import Key, Row
from tui.widgets.signs import State
from tui.widgets.thrift import economise

WORDS = [
    "garden",
    "ledger",
    "atlas",
    "harbour",
    "violin",
    "lantern",
    "orchard",
    "mosaic",
    "compass",
    "bridge",
    "window",
    "river",
]
DEBOUNCE_S = 0.12


def name(n: int) -> str:
    """A title of varying length."""
    return f"{WORDS[n % 12].title()} {WORDS[n // 12 % 12]} {n} stands finished" + " and open" * (n % 4)


def view(n: int) -> ChartView:
    """Chart number `n`."""
    total = 2 + n % 3
    row = ChartRow(
        "default",
        str(n),
        name(n),
        f"2026-12-{n % 28 + 1:02}",
        False,
        Progress(1, total),
        0,
        None,
        None,
        total,
        None,
        None,
    )
    none = Progress(0, 0)
    titles = [f"Action step {n}.{i} {WORDS[(n + i) % 12]}" for i in range(total)]
    steps = tuple(
        StepRow("default", str(n), f"{n}.{i}", title, f"2026-12-{i + 1:02}", i == 0, 0, None, none, None)
        for i, title in enumerate(titles)
    )
    return ChartView(
        row, name(n), (), (f"The {WORDS[n % 12]} is bare", f"{n} things lie about"), steps, (), ()
    )


class Panes(Screen[None]):
    """The screen, with or without the thrifty writer."""

    def __init__(self) -> None:
        super().__init__()
        if "plain" not in sys.argv:
            economise(self)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Outline(id="outline")
            yield ChartPane(id="chart")
        yield Footer()

    def on_mount(self) -> None:
        outline = self.query_one(Outline)
        outline.focus()
        outline.load(array("q", range(Bench.count)))


class Bench(App[None]):
    """Two panes and a footer."""

    CSS = "Outline { width: 60; } ChartPane { width: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        Binding("j,down", "outline('move', 1)", "Down"),
        Binding("k,up", "outline('move', -1)", "Up"),
        Binding("pagedown", "outline('page', 1)", "Page"),
        Binding("pageup", "outline('page', -1)", "Page", show=False),
        Binding("G,end", "outline('end')", "End"),
        Binding("g,home", "outline('home')", "Home"),
        Binding("z", "outline('toggle_fold')", "Fold"),
    ]
    count = 200
    timer: Timer | None = None

    def get_default_screen(self) -> Screen[None]:
        return Panes()

    def action_outline(self, what: str, *args: int) -> None:
        getattr(self.screen.query_one(Outline), f"action_{what}")(*args)

    def on_outline_need_rows(self, event: Outline.NeedRows) -> None:
        event.outline.supply(event.ids, [self.row(n) for n in event.ids])

    def row(self, n: int) -> Row:
        """Row number `n` of the outline."""
        state: State = "overdue" if n % 9 == 4 else ""
        return Row(f"c:{n}", name(n), state, False, f"1/{2 + n % 3}", f"Dec {n % 28 + 1}", 2 + n % 3)

    def on_outline_fold_requested(self, event: Outline.FoldRequested) -> None:
        n = int(str(event.key).split(":")[1])
        steps = [Row(f"s:{n}:{i}", f"Action step {n}.{i}", due=f"Dec {i}") for i in range(2 + n % 3)]
        event.outline.unfold(event.key, steps)

    def on_outline_cursor_moved(self, event: Outline.CursorMoved) -> None:
        if self.timer is not None:
            self.timer.stop()
            self.timer = None
        if event.repeat:
            self.timer = self.set_timer(DEBOUNCE_S, lambda: self.follow(event.key))
        else:
            self.follow(event.key)

    def follow(self, key: Key | None) -> None:
        """Show the chart of a row."""
        if key is not None:
            self.screen.query_one(ChartPane).show(view(int(str(key).split(":")[1])))


if __name__ == "__main__":
    Bench.count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    Bench().run()
