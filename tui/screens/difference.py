"""A chart file that was set aside beside the one there is now, record by record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from store import clock
from store.difference import Differing, Row
from tui.screens.dialog import TextDialog
from tui.widgets.cells import clean, wrap
from tui.widgets.lines import Lines, Pieces

MOST = 5_000
"""Records shown; of more the rest is counted."""

_WORDS = (
    ("unreadable", "line that cannot be read", "lines that cannot be read"),
    ("had", "record that only it had", "records that only it had"),
    ("changed", "record that differs", "records that differ"),
    ("lacked", "record that it lacked", "records that it lacked"),
)


class DifferenceScreen(TextDialog[None]):
    """The lines of the difference; colours stand beside a sign, never alone."""

    KEYS_TEXT = "- in the file set aside   + as it is now   o older   n newer   j k move   q closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "turn(1)", "Older", show=False),
        Binding("n", "turn(-1)", "Newer", show=False),
    ]

    def __init__(self, found: Differing) -> None:
        self.drawn = DifferenceLines(id="dialog-difference")
        super().__init__(self.drawn)
        self.found = found
        self.about = Static("", id="dialog-about", markup=False)
        self._number = 0

    def title_text(self) -> str:
        return "The difference"

    def body(self) -> Sequence[Widget]:
        return (self.about, self.lines)

    def on_mount(self) -> None:
        """Show it."""
        self.lines.focus()
        self._show(self.found)

    def _show(self, found: Differing) -> None:
        if not self.is_attached:
            return
        self.found = found
        instant = clock.try_parse(found.aside.at)
        when = f"{instant.astimezone():%d %b %Y %H:%M:%S}" if instant is not None else found.aside.at
        name = self.desk.store.layout.chart_file(found.aside.context).name
        text = f"{name} as another program left it, set aside {when}, beside the file as it is now.\n"
        self.about.update(clean(text.strip()) + "\n" + summary(found))
        self.drawn.show(found.rows)

    def action_turn(self, delta: int) -> None:
        """To what was set aside before this, or after."""
        from store.difference import differing

        number = self._number + delta
        if number < 0 or (delta > 0 and not self.found.older):
            self.desk.say("There is no newer one." if delta < 0 else "There is no older one.")
            return
        self._number, store = number, self.desk.store
        self.desk.bridge.read.ask(lambda: differing(store, number=number), self._show, name="difference")


def summary(found: Differing) -> str:
    """How many of each kind, in words: `3 records it lacked, 1 that differs; 12 the same`."""
    counts = [(sum(row.kind == kind for row in found.rows), *words) for kind, *words in _WORDS]
    parts = [f"{count:,} {one if count == 1 else more}" for count, one, more in counts if count]
    return f"{', '.join(parts) or 'Nothing differs'}; {found.same:,} the same."


class DifferenceLines(Lines, can_focus=True):
    """The rows of a difference as lines."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()

    def show(self, rows: Sequence[Row]) -> None:
        """Draw another difference, from its beginning."""
        self._rows = rows
        self.renew()
        self.jump(0)

    def draw(self, width: int) -> Sequence[Pieces]:
        lines: list[Pieces] = []
        for row in self._rows[:MOST]:
            lines += _lines(row, width)
        if len(self._rows) > MOST:
            lines.append(((f"… and {len(self._rows) - MOST:,} more", "muted"),))
        return lines


def _lines(row: Row, width: int) -> list[Pieces]:
    """A head with a sign, then what it was (-) and what it is (+)."""
    if row.kind == "unreadable":
        return [*_wrapped("?", f"line {row.line}: {row.parts[0].then or ''}", "problem", width)]
    sign, style = {"lacked": ("+", "done"), "had": ("-", "overdue")}.get(row.kind, ("~", "soon"))
    lines = _wrapped(sign, row.name, style, width)
    for part in row.parts:
        lead = f"{part.field}: " if part.field else ""
        if part.then is not None or (row.kind == "changed" and part.now is not None):
            lines += _wrapped(
                "    -", lead + (part.then if part.then is not None else "(nothing)"), "overdue", width
            )
        if part.now is not None or row.kind == "changed":
            lines += _wrapped(
                "    +", lead + (part.now if part.now is not None else "(nothing)"), "done", width
            )
    return lines


def _wrapped(sign: str, text: str, style: str, width: int) -> list[Pieces]:
    room = max(8, width - len(sign) - 1)
    parts = wrap(clean(text), room)
    blank = " " * len(sign)
    return [((f"{sign if n == 0 else blank} {part}", style),) for n, part in enumerate(parts)]
