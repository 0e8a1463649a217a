"""A chart as lines of plain text: outcome on top, steps between, current reality at the bottom.

Robert Fritz's layout: due dates stand at the right. Lines come as (left, right) so that a caller
may align them its own way; `render` aligns them by terminal cells.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from store.charts import dates
from store.model import ChartRow, ChartView, StepRow

Fetch = Callable[[str], ChartView | None]
"""Gives the view of a child chart by its id, None where it is gone."""


class Line(NamedTuple):
    """One line of a tree. `kind`: outcome, note, step, chart, fact, trail, hint or rule."""

    left: str
    right: str
    kind: str
    name: str = ""
    """Chart id or step name the line stands for."""


class Marks(NamedTuple):
    """The signs a tree is drawn with."""

    branch: str = "├─ "
    last: str = "└─ "
    down: str = "│  "
    open: str = "○"
    done: str = "✓"
    note: str = "· "
    fact: str = "• "
    rule: str = "─"
    trail: str = " › "
    dot: str = " · "


UNICODE = Marks()
ASCII = Marks("+- ", "+- ", "|  ", "[ ]", "[x]", "- ", "* ", "-", " > ", ", ")


class _Way(NamedTuple):
    """What stays the same on the way down a tree. `seen`: charts drawn already."""

    fetch: Fetch
    today: date
    marks: Marks
    seen: set[str]


def lines(
    view: ChartView, fetch: Fetch, today: date, *, marks: Marks = UNICODE, depth: int | None = None
) -> list[Line]:
    """The lines of a chart and of what telescopes from it, down to `depth` levels (None: all)."""
    made: list[Line] = []
    if view.trail:
        made.append(Line(marks.trail.join(title for _, title in view.trail), "", "trail"))
    row = view.row
    title = flat(view.outcome) or row.title
    mark = f"{marks.done} " if row.done else ""
    made.append(Line(mark + title, _right(row, today, marks), "outcome", row.chart_id))
    made += [Line(f"  {marks.note}{flat(note)}", "", "note", row.chart_id) for note in view.outcome_notes]
    made += _below(view, _Way(fetch, today, marks, {row.chart_id}), depth, "")
    made.append(Line(marks.rule, "", "rule"))
    made += [Line(marks.fact + flat(fact), "", "fact", row.chart_id) for fact in view.reality]
    made += [Line(f"! {hint}", "", "hint", row.chart_id) for hint in view.hints]
    return made


def render(
    view: ChartView,
    fetch: Fetch,
    today: date,
    *,
    width: int = 80,
    marks: Marks = UNICODE,
    depth: int | None = None,
) -> list[str]:
    """The lines as text, due dates flush right at `width` cells; long lines are not cut."""
    made = []
    for line in lines(view, fetch, today, marks=marks, depth=depth):
        if line.kind == "rule":
            made.append(marks.rule * width)
        elif line.right:
            gap = max(width - cells(line.left) - cells(line.right), 2)
            made.append(line.left + " " * gap + line.right)
        else:
            made.append(line.left)
    return made


def cells(text: str) -> int:
    """How many terminal cells a text takes: two for wide characters and emoji, none for combining marks."""
    width, joined, last = 0, False, 0
    for char in text:
        code = ord(char)
        if code == 0xFE0F:  # emoji presentation widens the sign before it
            width += 2 - last if last == 1 else 0
            last = 2
        elif code == 0x200D:
            joined = True
        elif not (unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc")):
            last = 2 if unicodedata.east_asian_width(char) in "WF" else 1
            if 0x1F3FB <= code <= 0x1F3FF and width:  # a skin tone joins the emoji before it
                last = 0
            width += 0 if joined else last
            joined = False
    return width


def flat(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def _below(view: ChartView, way: _Way, depth: int | None, stem: str) -> list[Line]:
    """Steps and child charts, each with what telescopes from it."""
    rows: list[StepRow | ChartRow] = [*view.steps, *view.child_charts]
    marks = way.marks
    made: list[Line] = []
    for at, row in enumerate(rows):
        last = at == len(rows) - 1
        inner = stem + ("   " if last else marks.down)
        kind, name = ("step", row.name) if isinstance(row, StepRow) else ("chart", row.chart_id)
        mark = marks.done if row.done else marks.open
        head = f"{stem}{marks.last if last else marks.branch}{mark} {flat(row.title)}"
        made.append(Line(head, _right(row, way.today, marks), kind, name))
        for note in view.notes.get(name, ()):
            made.append(Line(f"{inner}{marks.note}{flat(note)}", "", "note", name))
        child = row.child if isinstance(row, StepRow) else row.chart_id
        if child is None or child in way.seen or depth == 0:
            continue
        below = way.fetch(child)
        if below is None:
            continue
        way.seen.add(child)
        made += _below(below, way, None if depth is None else depth - 1, inner)
        made += [Line(f"{inner}{marks.fact}{flat(fact)}", "", "fact", child) for fact in below.reality]
    return made


def _right(row: ChartRow | StepRow, today: date, marks: Marks) -> str:
    """Progress, how far off, and the day."""
    progress = row.progress if isinstance(row, ChartRow) else row.child_progress
    due = dates.day(row.due)
    far = dates.describe(due, today) if due is not None and not row.done else ""
    return marks.dot.join(part for part in (str(progress), far, due.isoformat() if due else "") if part)
