"""The chart in Fritz's layout; it follows the hierarchy's cursor and can be edited in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.timer import Timer

from store import clock
from store.errors import NotFound
from store.model import ChartView
from tui import reading
from tui.panes.base import Pane
from tui.rows import Key
from tui.widgets.chart import ChartPane as Drawing
from tui.widgets.chart_layout import Element
from tui.widgets.signs import short_date

KEPT = 64
"""Charts kept that were read beforehand."""


class Part(NamedTuple):
    """What the cursor of the chart stands on, in the store's words."""

    kind: str
    """outcome, note, step, step-note, child, fact."""
    context: str
    chart_id: str
    text: str
    step: str = ""
    at: int = 0
    child: str = ""


class ChartPane(Pane):
    """Shows one chart; reads it in the read lane, at most one request waiting."""

    TITLE = "Chart"

    def __init__(self, *, id: str, mouse: bool) -> None:
        super().__init__(id=id)
        self.drawing = Drawing(id="chart-drawing", mouse=mouse, empty="  Move to a chart to see it here.")
        self._wanted: Key | None = None
        self._stale = False
        self._timer: Timer | None = None
        self.near: Callable[[], Sequence[Key]] = tuple
        """Tells which charts the next moves may show; the main screen knows."""
        self._near: dict[Key, ChartView] = {}
        self._age = 0

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.drawing

    @property
    def body(self) -> Drawing:
        return self.drawing

    @property
    def view(self) -> ChartView | None:
        """The chart on screen."""
        return self.drawing.view

    def follow(self, key: Key | None, repeat: bool) -> None:
        """Show the chart of a row: at once, but after a pause while a key is held."""
        self._wanted = key
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if key is None:
            self._show(None)
        elif self._same(key):
            self.drawing.show(self.view, _step(key))
        elif repeat:
            self._timer = self.set_timer(self.desk.config.settings.follow_delay, self.ask)
        elif (kept := self._near.get((key[0], key[1]))) is not None and not self._stale:
            self._show(kept)
        else:
            self.ask()
        if not repeat:
            self.prepare()

    def follow_at_hand(self, key: Key | None) -> None:
        """Show the chart of a row now if it is at hand; `follow` does the rest."""
        if key is None or self._stale or self.folded:
            return
        kept = self.view if self._same(key) else self._near.get((key[0], key[1]))
        if kept is not None:
            self._wanted = key
            self._show(kept)

    def prepare(self) -> None:
        """Read the charts around the cursor beforehand: the next move then shows one in the same frame."""
        if not self.desk.opened or self.folded:
            return
        missing = [key for key in self.near() if key not in self._near]
        if not missing:
            return
        store, age = self.desk.store, self._age

        def keep(views: list[ChartView]) -> None:
            if age != self._age:
                return
            for view in views:
                self._near[view.row.context, view.row.chart_id] = view
            while len(self._near) > KEPT:
                del self._near[next(iter(self._near))]

        self.desk.bridge.read.ask(lambda: reading.charts(store, missing), keep, name="near")

    def forget_near(self) -> None:
        """Something changed: what was read beforehand may be old."""
        self._near.clear()
        self._age += 1

    def prime(self, view: ChartView, key: Key | None) -> None:
        """Show a chart that was read beforehand."""
        self._wanted = key if key is not None else (view.row.context, view.row.chart_id)
        self._show(view)

    def point_at(self, step: str) -> None:
        """Put the chart's own cursor on a step."""
        view = self.view
        for at, row in enumerate(view.steps if view else ()):
            if row.name == step:
                self.drawing.go_to(Element("step", at))

    def _same(self, key: Key) -> bool:
        view = self.view
        return not self._stale and view is not None and (view.row.context, view.row.chart_id) == key[:2]

    def refresh_view(self) -> None:
        """Read the same chart again after a change."""
        self.forget_near()
        self._stale = True
        if self._timer is None:
            self.ask()

    def ask(self) -> None:
        """Read the wanted chart and show it, unless another is wanted by then."""
        self._timer = None
        key = self._wanted
        if key is None:
            return
        store = self.desk.store
        self.desk.bridge.read.ask(
            lambda: reading.chart(store, key),
            lambda view: self._arrived(key, view),
            name="chart",
            otherwise=self._gone,
        )

    def _arrived(self, key: Key, view: ChartView) -> None:
        if self._wanted is not None and key[:2] == self._wanted[:2]:
            self._show(view)
            self.prepare()

    def _gone(self, error: Exception) -> bool:
        if isinstance(error, NotFound):
            self._show(None)
            return True
        return False

    def _show(self, view: ChartView | None) -> None:
        self._stale = False
        self.drawing.soon_days = self.desk.config.settings.due_soon_days
        self.drawing.show(view, _step(self._wanted))
        self._head()

    def _head(self) -> None:
        """Where the chart belongs, since what it is stands below; folded, what it is."""
        view = self.view
        if view is None:
            self.heading.show("")
        elif self.folded:
            self.heading.show(" · ".join(filter(None, (view.row.title, summary(view)))))
        else:
            self.heading.show(" ▸ ".join((view.row.context, *(title for _, title in view.trail))))

    def on_resize(self) -> None:
        """Folding is a change of size, too."""
        self._head()

    def unfolded(self) -> None:
        self.refresh_view()

    def part(self) -> Part | None:
        """What the chart's own cursor stands on."""
        view, element = self.view, self.drawing.element
        if view is None or element is None:
            return None
        context, chart_id = view.row.context, view.row.chart_id
        at, kind = element.index, element.kind
        if kind in ("step", "step-note") and at < len(view.steps):
            step = view.steps[at]
            notes = view.notes.get(step.name, ())
            text = step.title if kind == "step" or element.sub >= len(notes) else notes[element.sub]
            index = element.sub if kind == "step-note" else at
            return Part(kind, context, chart_id, text, step.name, index, step.child or "")
        if kind == "child" and at < len(view.child_charts):
            child = view.child_charts[at]
            return Part(kind, child.context, child.chart_id, child.title, "", at, child.chart_id)
        if kind == "fact" and at < len(view.reality):
            return Part(kind, context, chart_id, view.reality[at], "", at)
        if kind == "note" and at < len(view.outcome_notes):
            return Part(kind, context, chart_id, view.outcome_notes[at], "", at)
        return Part("outcome", context, chart_id, view.outcome)


def _step(key: Key | None) -> str | None:
    return key[2] if key is not None and len(key) > 2 else None


def summary(view: ChartView | None) -> str:
    """A chart in few words, for the heading."""
    if view is None:
        return ""
    words = [str(view.row.progress)] if view.row.progress.total else []
    if view.row.done:
        words.append("complete")
    if view.row.due:
        words.append(f"due {short_date(view.row.due, clock.today())}")
    return " · ".join(words)
