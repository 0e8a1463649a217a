"""The bottom line: what was done, else what is being typed, else which keys help here."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tui.widgets.cells import clean, cut, width_of

if TYPE_CHECKING:
    from tui.app import ChartkeepApp


class Foot(Widget, can_focus=False):
    """One line; repaints only when its text changes, and keeps no running clock."""

    COMPONENT_CLASSES = {"foot--key", "foot--message", "foot--error"}

    def __init__(self) -> None:
        super().__init__(id="foot")
        self._message = ""
        self._error = False
        self._pending = ""
        self._hints: tuple[tuple[str, str], ...] = ()
        self._right = ""
        self._advice = ""
        self._timer: Timer | None = None

    def say(self, text: str, *, error: bool = False) -> None:
        """Show a message for a while; an error until the next key that does something."""
        self._message, self._error = text, error
        if self._timer is not None:
            self._timer.stop()
        seconds = cast("ChartkeepApp", self.app).config.settings.message_seconds
        self._timer = self.set_timer(seconds * (3 if error else 1), self.quiet)
        self.refresh()

    def holds(self, text: str) -> bool:
        """Whether a message fits the line whole."""
        return width_of(clean(text)) <= self.size.width - 2

    @property
    def message(self) -> str:
        """The message on show."""
        return self._message

    def quiet(self) -> None:
        """Take the message away."""
        if self._message:
            self._message = ""
            self.refresh()

    def advise(self, text: str) -> None:
        """Advice on what is being typed: shown before anything else, until it is taken away."""
        if text != self._advice:
            self._advice = text
            self.refresh()

    def pending(self, text: str) -> None:
        """What was typed of a chord or count."""
        if text != self._pending:
            self._pending = text
            self.refresh()

    def hints(self, hints: tuple[tuple[str, str], ...], right: str = "") -> None:
        """Keys that help here, as (key, word), and a word at the right."""
        if (hints, right) != (self._hints, self._right):
            self._hints, self._right = hints, right
            if not self._message:
                self.refresh()

    def render_line(self, _y: int) -> Strip:
        """The line: message, or keys; pending keys at the right of either."""
        width = self.size.width
        plain = self.rich_style
        right = f" {self._pending} " if self._pending else f" {self._right} " if self._right else ""
        room = max(0, width - len(right))
        if self._advice:
            style = plain + self.get_component_rich_style("foot--message")
            strip = Strip([Segment(cut(f" {clean(self._advice)}", room), style)])
        elif self._message:
            name = "foot--error" if self._error else "foot--message"
            mark = "! " if self._error else ""
            style = plain + self.get_component_rich_style(name)
            strip = Strip([Segment(cut(f" {mark}{clean(self._message)}", room), style)])
        else:
            strip = Strip(self._keys(room))
        strip = strip.adjust_cell_length(room, plain)
        tail = Strip([Segment(right, plain + self.get_component_rich_style("foot--key"))]) if right else None
        return Strip.join([strip, tail]).adjust_cell_length(width, plain)

    def _keys(self, room: int) -> list[Segment]:
        plain = self.rich_style
        strong = plain + self.get_component_rich_style("foot--key")
        segments: list[Segment] = []
        used = 0
        for key, word in self._hints:
            size = len(key) + len(word) + 3
            if used + size > room:
                break
            segments += [Segment(f" {key}", strong), Segment(f" {word} ", plain)]
            used += size
        return segments
