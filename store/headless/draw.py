"""A chart as `show` prints it, in Robert Fritz's layout: the desired outcome on top, current reality
at the bottom, the action steps between them with their due dates at the right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from store.headless import dates
from store.headless.output import Output, safe, width, wrap
from store.model import ChartRow, ChartView, Progress, StepRow

Load = Callable[[str], ChartView | None]
"""Gives the chart with that id, or None where it cannot be found (or was not there yet)."""

DONE, OPEN, CHART = "✓", "○", "◇"
_URGENT = {"overdue": "red", "soon": "yellow"}


def chart(view: ChartView, out: Output, load: Load, *, depth: int = 9, notes: bool = False) -> Iterator[str]:
    """The lines of one chart, its steps unfolded `depth` levels deep."""
    drawing = _Drawing(out, load, notes)
    row = view.row
    yield from drawing.item("", "", _mark(row.done), view.outcome or row.title, row.progress, row.due, row.done, True)
    yield out.style("  " + _where(view), "dim")
    for note in view.outcome_notes:
        yield from drawing.text("  ", "  ", f"· {note}", "dim")
    for hint in view.hints:
        yield from drawing.text("  ", "  ", f"hint: {hint}", "yellow")
    yield ""
    yield out.style("Action steps", "bold")
    if view.steps or view.child_charts:
        yield from drawing.parts(view, "", depth, {row.chart_id})
    else:
        yield out.style("  none yet", "dim")
    yield ""
    yield out.style("Current reality", "bold")
    for fact in view.reality:
        yield from drawing.text("  - ", "    ", fact)
    if not view.reality:
        yield out.style("  nothing noted yet", "dim")
    if view.others:
        yield out.style(f"\n({dates.plural(view.others, 'record')} of other kinds belong to this chart)", "dim")


def _where(view: ChartView) -> str:
    parts = [view.row.chart_id, view.row.context]
    if view.trail:
        parts.append("under " + " › ".join(safe(title) for _, title in view.trail))
    if view.phase:
        parts.append(f"phase {view.phase}")
    return safe(" · ".join(parts))


def _mark(done: bool) -> str:
    return DONE if done else OPEN


class _Drawing:
    def __init__(self, out: Output, load: Load, notes: bool) -> None:
        self.out = out
        self.load = load
        self.notes = notes
        self.columns = min(out.columns, 120)

    def parts(self, view: ChartView, prefix: str, depth: int, seen: set[str]) -> Iterator[str]:
        """The steps of a chart, then the child charts that come from no step."""
        total = len(view.steps) + len(view.child_charts)
        for number, part in enumerate((*view.steps, *view.child_charts), 1):
            last = number == total
            first = prefix + ("└─ " if last else "├─ ")
            below = prefix + ("   " if last else "│  ")
            if isinstance(part, StepRow):
                yield from self.step(part, number, view.notes.get(part.name, ()), first, below, depth, seen)
            else:
                yield from self.child(part, first, below, depth, seen)

    def step(
        self, step: StepRow, number: int, notes: tuple[str, ...], first: str, below: str, depth: int, seen: set[str]
    ) -> Iterator[str]:
        mark = f"{_mark(step.done)} {number}."
        yield from self.item(first, below, mark, step.title, step.child_progress, step.due, step.done)
        if self.notes:
            for note in notes:
                yield from self.text(below + "· ", below + "  ", note, "dim")
        elif notes:
            yield below + self.out.style(f"· {dates.plural(len(notes), 'note')}", "dim")
        if step.child:
            yield below + self.out.style(f"{CHART} {safe(step.child)}", "dim")
            yield from self.unfolded(step.child, below, depth, seen)

    def child(self, row: ChartRow, first: str, below: str, depth: int, seen: set[str]) -> Iterator[str]:
        mark = f"{_mark(row.done)} {CHART}"
        yield from self.item(first, below, mark, row.title, row.progress, row.due, row.done)
        yield below + self.out.style(safe(row.chart_id), "dim")
        yield from self.unfolded(row.chart_id, below, depth, seen)

    def unfolded(self, chart_id: str, prefix: str, depth: int, seen: set[str]) -> Iterator[str]:
        """The parts of a chart below its line; `seen` ends circles that foreign files may hold."""
        if depth <= 0 or chart_id in seen:
            return
        view = self.load(chart_id)
        if view is not None:
            yield from self.parts(view, prefix, depth - 1, seen | {chart_id})

    def item(
        self,
        first: str,
        below: str,
        mark: str,
        title: str,
        progress: Progress,
        due: str | None,
        done: bool,
        heading: bool = False,
    ) -> Iterator[str]:
        """One line with its due date at the right; a long title goes on below it."""
        right = "  ".join(part for part in (str(progress), safe(dates.due(due, done))) if part)
        room = max(24, self.columns - width(first) - width(mark) - 1 - (width(right) + 2 if right else 0))
        lines = wrap(title or "(no title)", room)
        urgent = _URGENT.get(dates.urgency(due, done))
        names = ("bold",) if heading else ("dim",) if done else ()
        gap = " " * max(2, room - width(lines[0]) + 2) if right else ""
        coloured = self.out.style(right, urgent) if urgent else self.out.style(right, "dim")
        marked = self.out.style(mark, "green") if done else mark
        yield f"{first}{marked} {self.out.style(lines[0], *names)}{gap}{coloured if right else ''}"
        indent = below + " " * (width(mark) + 1)
        for line in lines[1:]:
            yield indent + self.out.style(line, *names)

    def text(self, first: str, below: str, text: str, *names: str) -> Iterator[str]:
        """A paragraph, broken into lines behind its prefix."""
        for number, line in enumerate(wrap(text, max(24, self.columns - width(first)))):
            yield (below if number else first) + self.out.style(line, *names)
