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
TITLE = 24
"""Cells that titles have before a column of figures is shown."""
NARROW = 40
"""Cells below which a line has a title and one word."""
COLUMNS = ("bar", "count", "share", "rate", "time", "rejected", "state")
FIRST_TO_GO = ("bar", "count", "rate", "time", "share", "rejected")
"""Columns in the order in which they give way to the titles."""
LOOKS = {"bar": "done"}

_ENDED = ("completed", "failed", "cancelled", "rolled back")
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
        if self._works:
            self._drawn = table(self._works, width, self.signs)
        else:
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
        said = [clean(word) for word in (said_state(work), *figures(work, self.signs), work.note) if word]
        return [((fit(part, width), "muted"),) for part in broken(said, width)]


def table(works: Sequence[Work], width: int, signs: Signs) -> list[Pieces]:
    """Works on a line each of exactly `width` cells; figures stand in columns, as many as there is room for."""
    cells = [columns_of(work, signs) for work in works]
    shown = [name for name in COLUMNS if any(row[name] for row in cells)]
    sizes = {name: max(width_of(row[name]) for row in cells) + 2 for name in shown}
    for name in FIRST_TO_GO:
        if width - 2 - sum(sizes.values()) >= min(
            TITLE, max(width_of(clean(_title(work))) for work in works)
        ):
            break
        sizes.pop(name, None)
    if width < NARROW:
        sizes = {}
    return [_line(work, row, sizes, width, signs) for work, row in zip(works, cells, strict=True)]


def _line(work: Work, row: dict[str, str], sizes: dict[str, int], width: int, signs: Signs) -> Pieces:
    sign, style = look_of(work, signs)
    bad = "overdue" if work.state == "failed" else ""
    right = [(_cell(name, row[name], size, signs), LOOKS.get(name, "muted")) for name, size in sizes.items()]
    if not sizes:
        tail = in_short(work)
        right = [(fit_right(tail, min(width_of(tail) + 1, max(0, width - 10)), signs.ellipsis), "muted")]
    room = max(0, width - 2 - sum(width_of(text) for text, _ in right))
    parts = [(f"{sign} ", style), (fit(clean(_title(work)), room, signs.ellipsis), bad), *right]
    return tuple((text, look) for text, look in parts if text)


def _cell(name: str, text: str, size: int, signs: Signs) -> str:
    """Figures end at the same cell, words begin there."""
    return (
        fit(f"  {text}", size, signs.ellipsis) if name == "state" else fit_right(text, size, signs.ellipsis)
    )


def _title(work: Work) -> str:
    return f"{work.title}: {work.note}" if work.note else work.title


def columns_of(work: Work, signs: Signs) -> dict[str, str]:
    """What stands in each column of its line; empty where there is nothing to say."""
    timed = "" if not work.took else lasting(work.took)
    going = work.state == "processing"
    return {
        "bar": "" if work.at_end or not work.total else bar_text(work.done, work.total, BAR, signs),
        "count": counted(work),
        "share": "" if work.at_end else work.share,
        "rate": f"{work.rate:,.0f}/s" if work.rate and (going or work.took >= 0.1) else "",
        "time": f"{lasting(work.left)} left" if going and work.left is not None else timed,
        "rejected": f"{work.rejected:,} rejected" if work.rejected else "",
        "state": said_state(work),
    }


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


def in_short(work: Work) -> str:
    """What tells most of a work, where there is room for one word."""
    if work.state == "processing":
        return work.share or f"{work.done:,}"
    if work.state == "completed":
        return f"{work.rejected:,} rejected" if work.rejected else work.at
    return work.state


def said_state(work: Work) -> str:
    """The state in words, with the hour where it has ended."""
    return f"{work.state} {work.at}".rstrip() if work.state in _ENDED else work.state


def counted(work: Work) -> str:
    """How many items of how many."""
    if work.total and not (work.at_end and work.done == work.total):
        return f"{work.done:,}/{work.total:,}"
    return f"{work.done:,}" if work.done else ""


def figures(work: Work, signs: Signs) -> list[str]:
    """All that a line would say at the right, but for the bar and the state."""
    row = columns_of(work, signs)
    count = f"{row['count']} {row['share']}".strip()
    return [word for word in (count, row["rate"], row["time"], row["rejected"]) if word]


def lasting(seconds: float) -> str:
    """A length of time in few characters: `0.4 s`, `12 s`, `3 min`."""
    return f"{seconds:.1f} s" if seconds < 9.95 else span(seconds)
