"""A record in full: its members as lines, with a cursor that follows references while it has the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.library_text import Line, Reference
from tui.widgets.drawn import Drawn

Draw = Callable[[int], Sequence[Line]]
"""(width) -> the lines; called anew where the width changes."""


def _nothing(_width: int) -> Sequence[Line]:
    return ()


class Detail(Drawn):
    """Lines to read. The cursor is drawn only where the detail has the keyboard."""

    class Followed(Message):
        """Enter on a line that names another record."""

        def __init__(self, reference: Reference) -> None:
            super().__init__()
            self.reference = reference

    def __init__(self, *, id: str, mouse: bool = True) -> None:
        super().__init__(id=id, mouse=mouse)
        self._draw: Draw = _nothing
        self.lines: Sequence[Line] = ()
        self.cursor = 0

    def show(self, draw: Draw, *, keep: bool) -> None:
        """Show another record, from its beginning; with `keep` the same one anew, where it was."""
        self._draw = draw
        self.lines = draw(max(1, self.size.width - 1))
        self.cursor = min(self.cursor, max(0, len(self.lines) - 1)) if keep else 0
        self.set_lines(max(1, len(self.lines)))
        if not keep:
            self.jump(0)
        self.refresh()

    def on_resize(self) -> None:
        """Lay the lines out for the new width."""
        self.show(self._draw, keep=True)
        self.keep_visible(self.cursor, len(self.lines))

    def on_focus(self) -> None:
        """The cursor shows."""
        self.redraw([self.cursor])

    def on_blur(self) -> None:
        """The cursor goes."""
        self.redraw([self.cursor])

    @property
    def reference(self) -> Reference | None:
        """What the line under the cursor names."""
        return self.lines[self.cursor].reference if self.cursor < len(self.lines) else None

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, kept within the text."""
        line = max(0, min(line, len(self.lines) - 1))
        old, self.cursor = self.cursor, line
        if old != line:
            self.redraw([old, line])
            self.keep_visible(line, len(self.lines))

    def action_move(self, delta: int) -> None:
        """Move by lines."""
        self.move_to(self.cursor + delta)

    def action_page(self, delta: int) -> None:
        """Move by screens."""
        step = delta * max(1, self.page_lines - 2)
        self.jump(self.top_line + step)
        self.move_to(self.cursor + step)

    def action_half_page(self, delta: int) -> None:
        """Move by half screens."""
        self.move_to(self.cursor + delta * max(1, self.page_lines // 2))

    def action_home(self) -> None:
        """To the first line."""
        self.move_to(0)

    def action_end(self) -> None:
        """To the last line."""
        self.move_to(len(self.lines) - 1)

    def next_reference(self) -> None:
        """To the next line that names another record, around the end."""
        count = len(self.lines)
        for away in range(1, count + 1):
            line = (self.cursor + away) % count
            if self.lines[line].reference is not None:
                self.move_to(line)
                return

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        line, width = y + self.top_line, self.size.width
        pieces = self.lines[line].pieces if line < len(self.lines) else ()
        here = self.has_focus and line == self.cursor and bool(self.lines)
        return self.strip(pieces, width, over="cursor" if here else "")

    async def _on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        if self.mouse and where is not None and self.top_line + where.y < len(self.lines):
            event.stop()
            self.focus(scroll_visible=False)
            self.move_to(self.top_line + where.y)
            if event.chain == 2 and self.reference is not None:
                self.post_message(self.Followed(self.reference))
