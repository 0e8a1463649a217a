"""Storage health: measured figures of the store, the worst first, and plots of them over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from textual.app import ComposeResult
from textual.timer import Timer

from store.jobs import Job
from store.upkeep.health.thresholds import RANKS, amount, size
from tui import reading
from tui.panes.base import Pane
from tui.widgets.figures import Figure, Figures
from tui.widgets.plot import SMALLEST, Plot, Series
from tui.widgets.signs import State

PAUSE = 1.0
"""Seconds between a change and the new figures: a burst of edits is measured once."""

STATES: dict[str, State] = {"ok": "done", "warning": "soon", "critical": "overdue", "unknown": ""}
"""How a severity is drawn: each has a sign of its own, so colour is never the only one."""

_TOLD = frozenset({"damage", "background"})
"""Figures whose words are a sentence: shown whole where there is something to say."""
_TOLD_OF = frozenset({"backup", "compact", "freeze", "recover", "restore", "retention", "erase", "rebuild"})
"""Kinds of jobs that change figures without changing a chart."""
_ENDED = frozenset({"completed", "failed"})
_FEW_HOURS = 48 * 3600.0


class Plotted(NamedTuple):
    """A figure that can be plotted: the member of a sample, its title, and how a value is written."""

    member: str
    title: str
    unit: Callable[[float], str]


PLOTS = (
    Plotted("store_bytes", "Store size", size),
    Plotted("query_time", "Query time", lambda value: amount(value, "ms")),
    Plotted("fsync_latency", "Disk sync", lambda value: amount(value, "ms")),
    Plotted("disk_free_bytes", "Disk free", size),
)
"""What the pane plots, in the order it goes through them."""


class HealthPane(Pane):
    """Figures, asked for after changes and never by a clock."""

    TITLE = "Health"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.table = Figures(id="health")
        self.plot = Plot(id="growth", lean=True)
        self.status: dict[str, Any] = {}
        self._timer: Timer | None = None
        self._ended = 0
        """The newest job after which was measured."""
        self._large = 0
        """Which plot has the room of the figures, counted from 1; 0 while the figures show."""

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.table
        yield self.plot

    @property
    def body(self) -> Figures:
        return self.table

    def refresh_figures(self) -> None:
        """Measure again soon."""
        if self._timer is None:
            self._timer = self.set_timer(PAUSE, self.measure)

    def jobs_changed(self, jobs: list[Job]) -> None:
        """Measure again soon after work that figures tell of has ended; edits tell by themselves."""
        ended = max((job.id for job in jobs if job.kind in _TOLD_OF and job.state in _ENDED), default=0)
        if ended > self._ended:
            self._ended = ended
            self.refresh_figures()

    def measure(self) -> None:
        """Measure now."""
        self._timer = None
        store = self.desk.store
        self.desk.bridge.read.ask(lambda: reading.status(store), self.show, name="health")

    def show(self, status: dict[str, Any]) -> None:
        """Show these figures."""
        self.status = status
        self.heading.show(summary(status))
        if self.folded:
            return
        self.table.show(figures(status, self.desk.keymap.first("store.verify") or "verify"))
        self.plot.lean = self.desk.config.lean and self.plot.lean
        self._show_plot()

    def draw(self) -> None:
        """Go on to the next plot, drawn in the room of the figures even where lean; after the last, the figures."""
        self._large = (self._large + 1) % (len(PLOTS) + 1)
        self.set_class(self._large > 0, "-plot")
        self.plot.lean = self.desk.config.lean and not self._large
        self._show_plot()

    @property
    def narrow(self) -> bool:
        """True where a plot is asked for and there is no room to draw one."""
        return self._large > 0 and self.size.width <= SMALLEST[0]

    def _show_plot(self) -> None:
        self.plot.show(series(self.status, PLOTS[max(0, self._large - 1)]))

    def unfolded(self) -> None:
        """Show what is known, and measure."""
        if self.status:
            self.show(self.status)
        self.refresh_figures()


def summary(status: dict[str, Any]) -> str:
    """One line: what is wrong, the worst first, else how large it is."""
    bad = sorted((one for one in _rated(status) if RANKS[one["severity"]] > RANKS["unknown"]), key=_rank)
    if bad:
        sign = "!" if bad[0]["severity"] == "critical" else "~"
        return f"{sign} {' · '.join(one['label'] for one in bad)}"
    total = sum(status["sizes"].values())
    return f"{status['counts'].get('records', 0):,} records · {size(total)}"


def figures(status: dict[str, Any], verify: str = "f6") -> list[Figure]:
    """The table of a status, the worst first; `verify` is the key that verifies."""
    found = []
    for one in sorted(_rated(status), key=_rank):
        state = STATES[one["severity"]]
        text = one["text"]
        if one["name"] == "last_verification" and one["severity"] != "ok":
            text = f"{text}; {verify} does"
        if one["name"] in _TOLD and state != "done":
            found.append(Figure(text, "", state))
        else:
            found.append(Figure(one["label"], text, state))
    sizes, counts = status["sizes"], status["counts"]
    found += [
        Figure("Chart files", size(sizes["chart_files"])),
        Figure("Journals", size(sizes["journals"])),
        Figure("Index", size(sizes["index"])),
        Figure("Records", f"{counts.get('records', 0):,}"),
        Figure("Versions", f"{counts.get('versions', 0):,}"),
        Figure("Transactions", f"{counts.get('transactions', 0):,}"),
        Figure("Watching", str(status["watching"])),
    ]
    return found


def _rated(status: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = status["health"]["figures"]
    return found


def _rank(figure: dict[str, Any]) -> int:
    """What is wrong before what is well, and that before what is not known yet."""
    rank = RANKS[figure["severity"]]
    return -rank if rank > RANKS["unknown"] else rank


def series(status: dict[str, Any], plotted: Plotted) -> Series | None:
    """A figure over time by the samples; growth, while there are none, by the versions written."""
    points = [(at, value) for at, value in (status.get("series") or {}).get(plotted.member, ())]
    if len(points) < 2:
        return versions(status) if plotted is PLOTS[0] else None
    begin, end = points[0][0], points[-1][0]
    short = (end - begin).total_seconds() < _FEW_HOURS
    labels = tuple(f"{at.astimezone():{'%H:%M' if short else '%m-%d'}}" for at, _ in points)
    return Series(plotted.title, labels, tuple(value for _, value in points), plotted.unit)


def versions(status: dict[str, Any]) -> Series | None:
    """Versions written so far, by day."""
    labels: list[str] = []
    values: list[float] = []
    total = 0.0
    for row in status.get("growth") or []:
        total += row["versions"]
        labels.append(str(row["day"])[11:] or str(row["day"])[5:])
        values.append(total)
    return Series("Versions over time", tuple(labels), tuple(values)) if values else None
