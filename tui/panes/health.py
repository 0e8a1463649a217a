"""Storage health: measured figures of the store, and its growth as a plot."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.timer import Timer

from store import clock
from tui import reading
from tui.panes.base import Pane
from tui.widgets.figures import Figure, Figures
from tui.widgets.plot import Plot, Series

PAUSE = 1.0
"""Seconds between a change and the new figures: a burst of edits is measured once."""


class HealthPane(Pane):
    """Figures, asked for after changes and never by a clock."""

    TITLE = "Health"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.table = Figures(id="health")
        self.plot = Plot(id="growth", lean=True)
        self.status: dict[str, Any] = {}
        self._timer: Timer | None = None

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
        self.plot.show(growth(status))

    def draw(self) -> None:
        """Draw the plot now, even where lean, in the room of the figures; the same again takes it back."""
        drawn = not self.has_class("-plot")
        self.set_class(drawn, "-plot")
        self.plot.lean = self.desk.config.lean and not drawn
        self.plot.show(growth(self.status))

    def unfolded(self) -> None:
        self.refresh_figures()


def amount(size: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def summary(status: dict[str, Any]) -> str:
    """One line: what is wrong, else how large it is."""
    if status.get("problem"):
        return f"! {status['problem']}"
    if status.get("kept_aside"):
        return f"{status['kept_aside']} kept aside"
    total = sum(status["sizes"].values())
    return f"{status['counts'].get('records', 0):,} records · {amount(total)}"


def figures(status: dict[str, Any], verify: str = "f6") -> list[Figure]:
    """The table of a status; `verify` is the key that verifies."""
    sizes, counts = status["sizes"], status["counts"]
    found = [Figure(status["problem"], "", "overdue")] if status.get("problem") else []
    found += [
        Figure("Chart files", amount(sizes["chart_files"])),
        Figure("Journals", amount(sizes["journals"])),
        Figure("Index", amount(sizes["index"])),
        Figure("Records", f"{counts.get('records', 0):,}"),
        Figure("Versions", f"{counts.get('versions', 0):,}"),
        Figure("Transactions", f"{counts.get('transactions', 0):,}"),
    ]
    lag, waiting = status["index_lag_bytes"], status["unpublished"]
    found.append(Figure("Index lag", amount(lag) if lag else "none", "soon" if lag else "done"))
    found.append(Figure("To publish", ", ".join(waiting) or "nothing", "soon" if waiting else "done"))
    found.append(_verified(status.get("last_verification"), verify))
    if kept := status.get("kept_aside"):
        found.append(Figure("Kept aside", f"{kept} in .recovery", "soon"))
    found += [
        Figure("Watching", str(status["watching"])),
        Figure("Query", f"{status['query_ms']:g} ms"),
        Figure("Disk free", amount(status["disk_free"])),
    ]
    return found


def _verified(last: dict[str, Any] | None, verify: str) -> Figure:
    if not last:
        return Figure("Verified", f"never; {verify} does", "soon")
    found = int(last.get("errors", 0) or 0) + int(last.get("warnings", 0) or 0)
    instant = clock.try_parse(last.get("at"))
    when = f"{instant.astimezone():%d %b %H:%M}" if instant else ""
    return Figure(
        "Verified",
        f"{when}{f', {found} findings' if found else ', all well'}",
        "overdue" if found else "done",
    )


def growth(status: dict[str, Any]) -> Series | None:
    """Versions written so far, by day."""
    rows = status.get("growth") or []
    labels: list[str] = []
    values: list[float] = []
    total = 0.0
    for row in rows:
        day, count = (row["day"], row["versions"]) if isinstance(row, dict) else (row[0], row[1])
        total += count
        labels.append(str(day)[11:] or str(day)[5:])
        values.append(total)
    return Series("Versions over time", tuple(labels), tuple(values)) if values else None
