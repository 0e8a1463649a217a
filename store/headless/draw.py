"""A chart as `show` prints it, in Robert Fritz's layout: the desired outcome on top, current reality
at the bottom, the action steps between them with their due dates at the right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from store.headless import dates
from store.headless.output import CHART, DONE, OPEN, Output, safe, width, wrap
from store.model import ChartRow, ChartView, Progress, StepRow

Load = Callable[[str], ChartView | None]
"""Gives the chart with that id, or None where it cannot be found (or was not there yet)."""

_URGENT = {"overdue": "red", "soon": "yellow"}


def chart(view: ChartView, out: Output, load: Load, *, depth: int = 9, notes: bool = False) -> Iterator[str]:
    """The lines of one chart, its steps unfolded `depth` levels deep."""
    drawing = _Drawing(out, load, notes)
    row = view.row
    heading = _Item(_mark(row.done), view.outcome or row.title, row.progress, row.due, row.done, "bold")
    yield from drawing.item(_Place("", ""), heading)
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
        yield out.style(
            f"\n({dates.plural(view.others, 'record')} of other kinds belong to this chart)", "dim"
        )


def _where(view: ChartView) -> str:
    parts = [view.row.chart_id, view.row.context]
    if view.trail:
        parts.append("under " + " › ".join(safe(title) for _, title in view.trail))
    if view.phase:
        parts.append(f"phase {view.phase}")
    return safe(" · ".join(parts))


def _mark(done: bool) -> str:
    return DONE if done else OPEN


class _Place(NamedTuple):
    """The tree lines before something: on its own line, and on those below it."""

    first: str
    below: str


class _Item(NamedTuple):
    mark: str
    title: str
    progress: Progress
    due: str | None
    done: bool
    look: str = ""


class _Drawing:
    def __init__(self, out: Output, load: Load, notes: bool) -> None:
        self.out = out
        self.load = load
        self.notes = notes
        self.columns = min(out.columns, 120)

    def parts(self, view: ChartView, prefix: str, depth: int, seen: set[str]) -> Iterator[str]:
        """The steps of a chart, then the child charts that come from no step."""
        total = len(view.steps) + len(view.child_charts)
        parts: list[StepRow | ChartRow] = [*view.steps, *view.child_charts]
        for number, part in enumerate(parts, 1):
            last = number == total
            place = _Place(prefix + ("└─ " if last else "├─ "), prefix + ("   " if last else "│  "))
            if isinstance(part, StepRow):
                yield from self.step(part, number, view.notes.get(part.name, ()), place)
                child = part.child
            else:
                mark = f"{_mark(part.done)} {CHART}"
                yield from self.item(place, _Item(mark, part.title, part.progress, part.due, part.done))
                child = part.chart_id
            if child:
                yield place.below + self.out.style(f"{CHART} {safe(child)}", "dim")
                yield from self.unfolded(child, place.below, depth, seen)

    def step(self, step: StepRow, number: int, notes: tuple[str, ...], place: _Place) -> Iterator[str]:
        """A step's line, and its notes or how many there are."""
        mark = f"{_mark(step.done)} {number}."
        yield from self.item(place, _Item(mark, step.title, step.child_progress, step.due, step.done))
        if self.notes:
            for note in notes:
                yield from self.text(place.below + "· ", place.below + "  ", note, "dim")
        elif notes:
            yield place.below + self.out.style(f"· {dates.plural(len(notes), 'note')}", "dim")

    def unfolded(self, chart_id: str, prefix: str, depth: int, seen: set[str]) -> Iterator[str]:
        """The parts of a chart below its line; `seen` ends circles that foreign files may hold."""
        if depth <= 0 or chart_id in seen:
            return
        view = self.load(chart_id)
        if view is not None:
            yield from self.parts(view, prefix, depth - 1, seen | {chart_id})

    def item(self, place: _Place, item: _Item) -> Iterator[str]:
        """One line with its due date at the right; a long title goes on below it."""
        right = "  ".join(part for part in (str(item.progress), safe(dates.due(item.due, item.done))) if part)
        used = width(place.first) + width(item.mark) + 1 + (width(right) + 2 if right else 0)
        room = max(24, self.columns - used)
        lines = wrap(item.title or "(no title)", room)
        look = item.look or ("dim" if item.done else "")
        styles = (look,) if look else ()
        gap = " " * max(2, room - width(lines[0]) + 2) if right else ""
        right = self.out.style(right, _URGENT.get(dates.urgency(item.due, item.done), "dim"))
        mark = self.out.style(item.mark, "green") if item.done else item.mark
        yield f"{place.first}{mark} {self.out.style(lines[0], *styles)}{gap}{right}"
        indent = place.below + " " * (width(item.mark) + 1)
        for line in lines[1:]:
            yield indent + self.out.style(line, *styles)

    def text(self, first: str, below: str, text: str, *names: str) -> Iterator[str]:
        """A paragraph, broken into lines behind its prefix."""
        for number, line in enumerate(wrap(text, max(24, self.columns - width(first)))):
            yield (below if number else first) + self.out.style(line, *names)
