"""Work in progress and past as lines under a cursor: sign, title, bar, counts, rate, time left, state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from textual.strip import Strip

from store.upkeep.health.thresholds import span
from tui.widgets.cells import clean, fit, fit_right, width_of, wrap
from tui.widgets.lines import Lines, Pieces, differing
from tui.widgets.listing import Item, Listing
from tui.widgets.outline_model import Key
from tui.widgets.signs import Signs

WorkState = Literal[
    "pending", "processing", "paused", "interrupted", "completed", "failed", "cancelled", "rolled back"
]

BAR = 16
WIDE = 64
"""Cells from which a line holds bar, counts, rate, time left and state; below, the most telling of them."""

_LOOKS: dict[WorkState, tuple[str, str]] = {
    "pending": ("todo", "muted"),
    "processing": ("closed", ""),
    "paused": ("paused", "soon"),
    "interrupted": ("problem", "problem"),
    "completed": ("done", "done"),
    "failed": ("overdue", "overdue"),
    "cancelled": ("ended", "muted"),
    "rolled back": ("undone", "muted"),
}
"""Sign and style of every state; the signs all differ, so colour is never the only one."""


class Work(NamedTuple):
    """One workflow or job as a line shows it: plain values, nothing left to ask."""

    key: Key
    title: str
    state: WorkState
    done: int = 0
    total: int = 0
    """0 where it is not known."""
    rate: float = 0.0
    """Items a second; 0 where that says nothing."""
    left: float | None = None
    """Seconds."""
    rejected: int = 0
    note: str = ""
    at: str = ""
    """When it ended or began, in few characters."""
    took: float = 0.0
    """Seconds from beginning to end; 0 where it has not ended."""

    @property
    def active(self) -> bool:
        """Whether it goes on by itself."""
        return self.state in ("pending", "processing")

    @property
    def at_end(self) -> bool:
        """Whether there is nothing left of it to do."""
        return self.state in ("completed", "rolled back")

    @property
    def share(self) -> str:
        """How much of it is done, as `45%`; empty where that is not known."""
        return f"{100 * min(self.done, self.total) // self.total}%" if self.total else ""


class WorkList(Listing):
    """Draws works with a cursor; of those that only moved on, the cells that differ are repainted."""

    def __init__(
        self, *, id: str | None = None, mouse: bool = True, empty: str = "", ascii_only: bool = False
    ):
        super().__init__(id=id, mouse=mouse, ascii_only=ascii_only)
        self.none = empty
        self._works: tuple[Work, ...] = ()
        self._drawn: list[Pieces] = []

    @property
    def work(self) -> Work | None:
        """The one under the cursor."""
        return self._works[self.cursor] if self.cursor < len(self._works) else None

    def show_works(self, works: Sequence[Work]) -> None:
        """Draw these; the cursor stays on its work, or on the first line where it stood there."""
        old = self._works
        self._works = tuple(works)
        if [work.key for work in old] != [work.key for work in works]:
            self._draw()
            keep = self.cursor > 0 or self.has_focus
            self.show([Item(work.key, work.title) for work in works], keep=keep)
            self.refresh()
        elif old != self._works:
            self._repaint()

    def _draw(self) -> list[Pieces]:
        width = max(1, self.size.width - 1)
        self._drawn = [work_pieces(work, width, self.signs) for work in self._works]
        if not self._works:
            self._drawn = [((part, "muted"),) for part in wrap(self.none, max(1, width - 2))]
        return self._drawn

    def _repaint(self) -> None:
        before = self._drawn
        for line, (was, now) in enumerate(zip(before, self._draw(), strict=True)):
            if was != now:
                self.redraw([line], *differing(was, now))

    def on_resize(self) -> None:
        """Draw for the new width, and keep the cursor in view."""
        self._draw()
        super().on_resize()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        line, width = y + self.top_line, self.size.width
        pieces = self._drawn[line] if line < len(self._drawn) else ()
        on_cursor = bool(self._works) and line == self.cursor
        return self.strip(pieces, width, over="cursor" if on_cursor else "")


class WorkWords(Lines):
    """What a narrow line has no room for, of the work under the cursor."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._work: Work | None = None

    def show(self, work: Work | None) -> None:
        """Say it of this one."""
        if work != self._work:
            self._work = work
            self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        work = self._work
        if work is None:
            return ()
        said = [clean(word) for word in (said_state(work), *figures(work, whole=True), work.note) if word]
        return [((fit(part, width), "muted"),) for part in broken(said, width)]


def work_pieces(work: Work, width: int, signs: Signs) -> Pieces:
    """A work on one line of exactly `width` cells."""
    sign, style = look_of(work, signs)
    tail = tail_of(work, wide=width >= WIDE)
    bar = ""
    if work.total and work.state in ("processing", "paused", "interrupted") and width >= 40:
        bar = " " + bar_text(work.done, work.total, BAR if width >= WIDE else BAR // 2, signs)
    right = fit_right(tail, min(width_of(tail) + 1, max(0, width - 12)), signs.ellipsis)
    room = max(0, width - 2 - width_of(bar) - width_of(right))
    title = f"{work.title}: {work.note}" if work.note else work.title
    parts = (
        (f"{sign} ", style),
        (fit(clean(title), room, signs.ellipsis), "overdue" if work.state == "failed" else ""),
        (bar, "done"),
        (right, "muted"),
    )
    return tuple((text, look) for text, look in parts if text)


def broken(facts: Sequence[str], width: int) -> list[str]:
    """Facts side by side, on as many lines as they need, broken between two of them where that is possible."""
    lines: list[str] = []
    for fact in facts:
        first, *rest = wrap(fact, width)
        if lines and width_of(lines[-1]) + 3 + width_of(first) <= width:
            lines[-1] += f" · {first}"
        else:
            lines.append(first)
        lines += rest
    return lines


def look_of(work: Work, signs: Signs) -> tuple[str, str]:
    """Sign and style of a work; completed with rejects is not quite done."""
    name, style = ("soon", "soon") if work.state == "completed" and work.rejected else _LOOKS[work.state]
    return getattr(signs, name), style


def bar_text(done: int, total: int, cells: int, signs: Signs) -> str:
    """A progress bar of `cells` cells."""
    full = min(cells, cells * done // total) if total > 0 else 0
    return signs.full * full + signs.empty * (cells - full)


def tail_of(work: Work, *, wide: bool) -> str:
    """What stands at the right of a line: everything where it is wide, else what tells most."""
    if wide:
        return "  ".join([*figures(work), said_state(work)])
    if work.state == "processing":
        return work.share or f"{work.done:,}"
    if work.state == "completed":
        return f"{work.rejected:,} rejected" if work.rejected else work.at
    return f"{work.share} {work.state}".strip() if work.state in ("paused", "interrupted") else work.state


def said_state(work: Work) -> str:
    """The state in words, with the hour where it has ended."""
    return f"{work.state} {work.at}".rstrip() if not work.active else work.state


def figures(work: Work, *, whole: bool = False) -> list[str]:
    """Counts, share, rate, time and rejects in few characters; `whole`: both counts always."""
    words = []
    going = not work.at_end
    if work.total and (going or whole):
        words.append(f"{work.done:,}/{work.total:,}")
        if going and work.done:
            words[-1] += f" {work.share}"
    elif work.done:
        words.append(f"{work.done:,}")
    if work.rate and (work.state == "processing" or work.took >= 0.1):
        words.append(f"{work.rate:,.0f}/s")
    if work.state == "processing" and work.left is not None:
        words.append(f"{lasting(work.left)} left")
    elif work.took >= 0.1:
        words.append(lasting(work.took))
    if work.rejected:
        words.append(f"{work.rejected:,} rejected")
    return words


def lasting(seconds: float) -> str:
    """A length of time in few characters: `0.4 s`, `12 s`, `3 min`."""
    return f"{seconds:.1f} s" if seconds < 9.95 else span(seconds)
