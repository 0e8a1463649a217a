"""A chart laid out as Robert Fritz draws it, as plain lines: outcome on top, steps between, reality below.

`lay_out` is pure: a `ChartView` and a width give lines of (text, style name) pieces, each exactly as wide
as asked, and for each line the element it belongs to. Headings are underlined blanks, not rows of
box characters: those take three bytes a cell on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from store.model import ChartRow, ChartView, StepRow
from tui.widgets.cells import clean, cut, fit, fit_right, width_of, wrap
from tui.widgets.signs import UNICODE, Signs, short_date, state_of

Pieces: TypeAlias = tuple[tuple[str, str], ...]

Kind = Literal["outcome", "note", "step", "step-note", "child", "fact", "hint", "more"]


@dataclass(frozen=True, slots=True)
class Element:
    """What a line shows: the part of the chart that a key on it would edit.

    index counts within the kind; `sub` is the note of a step.
    """

    kind: Kind
    index: int = 0
    sub: int = 0


class Look(NamedTuple):
    """What the layout depends on beside the chart."""

    today: date
    soon_days: int = 7
    signs: Signs = UNICODE
    notes: bool = False
    """Show progress notes in full; else how many there are."""
    facts: int = 0
    """Show the last so many facts of reality, and say how many came before; 0 shows all."""


class Laid(NamedTuple):
    """A chart as lines: `lines[n]` belongs to `owners[n]` (None: no element)."""

    lines: tuple[Pieces, ...]
    owners: tuple[Element | None, ...]
    elements: tuple[Element, ...]
    """In reading order, each once."""

    def span(self, element: Element | None) -> tuple[int, int]:
        """First line of an element and the line after its last; (0, 0) where it is not shown."""
        if element is None or element not in self.owners:
            return (0, 0)
        start = self.owners.index(element)
        end = start
        while end < len(self.owners) and self.owners[end] == element:
            end += 1
        return (start, end)


class _Page:
    """Lines being collected, all of one width."""

    def __init__(self, width: int, look: Look) -> None:
        self.width = width
        self.look = look
        self.lines: list[Pieces] = []
        self.owners: list[Element | None] = []

    def add(self, pieces: Pieces, owner: Element | None = None) -> None:
        self.lines.append(pieces)
        self.owners.append(owner)

    def blank(self) -> None:
        self.add(((" " * self.width, ""),))

    def heading(self, title: str, right: str, owner: Element | None = None) -> None:
        room = max(0, self.width - width_of(right))
        self.add(((fit(title, room), "rule"), (fit_right(right, self.width - room), "rule")), owner)

    def block(
        self, lead: str, text: str, style: str, owner: Element, *, tail: str = "", sign_style: str = ""
    ) -> None:
        """A wrapped text after a lead (a sign, a bullet), with `tail` at the right of its first line."""
        lead = cut(lead, self.width)
        left = width_of(lead)
        tail = tail if self.width - left >= width_of(tail) + 12 else ""
        right = width_of(tail) + 1 if tail else 0
        room = max(1, self.width - left - right)
        for n, part in enumerate(wrap(clean(text), room)):
            body = fit(part, self.width - left - (right if n == 0 else 0))
            head = (lead if n == 0 else " " * left, sign_style if n == 0 else "")
            end = ((" " + tail, sign_style or "muted"),) if tail and n == 0 else ()
            self.add((head, (body, style), *end), owner)


def lay_out(view: ChartView, width: int, look: Look, height: int = 0) -> Laid:
    """Lines of `view`, each `width` cells wide.

    height: where the chart is shorter than this, blank lines before reality put it at the bottom.
    """
    width = max(1, width)
    page = _Page(width, look)
    _outcome(page, view)
    _steps(page, view)
    below = _Page(width, look)
    _reality(below, view)
    for _ in range(max(1, height - len(page.lines) - len(below.lines))):
        page.blank()
    lines, owners = page.lines + below.lines, page.owners + below.owners
    return Laid(tuple(lines), tuple(owners), tuple(dict.fromkeys(o for o in owners if o)))


def _outcome(page: _Page, view: ChartView) -> None:
    row, look = view.row, page.look
    state = state_of(row.due, row.done, look.today, look.soon_days)
    facts = [str(row.progress), f"due {short_date(row.due, look.today)}" if row.due else ""]
    page.heading("Desired outcome", "  ".join(filter(None, (*facts, look.signs.of(state).strip()))))
    page.block(
        "", view.outcome or "(no desired outcome)", "outcome" if view.outcome else "muted", Element("outcome")
    )
    for n, hint in enumerate(view.hints):
        page.block(f"{look.signs.problem} ", hint, "problem", Element("hint", n), sign_style="problem")
    if look.notes:
        for n, note in enumerate(view.outcome_notes):
            page.block("  ", note, "muted", Element("note", n))
    elif view.outcome_notes:
        page.block("  ", _count(len(view.outcome_notes), "note"), "muted", Element("note"))
    page.blank()


def _steps(page: _Page, view: ChartView) -> None:
    if not view.steps and not view.child_charts:
        page.add(((fit("  no action steps yet", page.width), "muted"),))
    for n, step in enumerate(view.steps):
        _step(page, view, n, step)
    for n, chart in enumerate(view.child_charts):
        _line(
            page,
            Element("child", n),
            chart,
            chart.title,
            fold=page.look.signs.closed,
            progress=str(chart.progress),
        )


def _step(page: _Page, view: ChartView, n: int, step: StepRow) -> None:
    fold = page.look.signs.closed if step.child else " "
    notes = view.notes.get(step.name, ())
    extra = str(step.child_progress) if step.child else ""
    count = len(notes) or step.notes
    title = step.title if page.look.notes or not count else f"{step.title} ({_count(count, 'note')})"
    _line(page, Element("step", n), step, title, fold=fold, progress=extra)
    if page.look.notes:
        for m, note in enumerate(notes):
            page.block("      ", note, "muted", Element("step-note", n, m))


def _line(
    page: _Page, owner: Element, row: StepRow | ChartRow, title: str, *, fold: str, progress: str
) -> None:
    """One step or child chart: sign, telescope mark, title, progress and due date."""
    look = page.look
    state = state_of(row.due, row.done, look.today, look.soon_days)
    due = short_date(row.due, look.today)
    tail = f"{progress}  {fit_right(clean(due), 6)}" if due else progress
    sign = look.signs.of(state) if state else look.signs.todo
    style = "muted" if row.done else ""
    page.block(f"{sign} {fold} ", title, style, owner, tail=tail, sign_style=state)


def _reality(page: _Page, view: ChartView) -> None:
    page.heading("Current reality", "")
    look = page.look
    facts = view.reality
    first = max(0, len(facts) - look.facts) if look.facts else 0
    if first:
        page.block("  ", f"{first} earlier", "muted", Element("more"))
    if not facts:
        page.block("  ", "(nothing recorded)", "muted", Element("fact"))
    for n in range(first, len(facts)):
        page.block(f"{look.signs.fact} ", facts[n], "", Element("fact", n))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
