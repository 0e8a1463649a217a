"""What came of something, or would come of it, line by line; with a question below where it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from tui.screens.dialog import TextDialog
from tui.widgets.cells import clean, wrap
from tui.widgets.lines import Lines, Pieces

Line = tuple[str, str]
"""A text and its style: "", muted, done, soon, overdue, bold, problem."""


class ReportScreen(TextDialog[bool]):
    """Lines to read; True where the person then says yes to what is asked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer", "Yes", show=False),
        Binding("n", "close", "No", show=False),
        Binding("enter", "enter", "Close", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line], yes: str = "") -> None:
        super().__init__(ReportLines(lines, id="dialog-report"))
        self._title = title
        self._yes = yes
        self.KEYS_TEXT = f"y: {yes}   n or esc: leave it   j k move" if yes else "j k move   q closes"

    def title_text(self) -> str:
        return self._title

    def body(self) -> Sequence[Widget]:
        return (self.lines,)

    def on_mount(self) -> None:
        """The lines have the keyboard, to scroll."""
        self.lines.focus()
        self.lines.renew()

    def action_answer(self) -> None:
        """Yes, where something is asked."""
        if self._yes:
            self.dismiss(True)

    def action_enter(self) -> None:
        """Closes what only tells; a question is answered with y, so that no held key answers it."""
        if not self._yes:
            self.dismiss(None)


class ReportLines(Lines, can_focus=True):
    """Texts, wrapped."""

    def __init__(self, lines: Sequence[Line], *, id: str) -> None:
        super().__init__(id=id)
        self._texts = lines

    def draw(self, width: int) -> Sequence[Pieces]:
        return [
            ((part, style),)
            for text, style in self._texts
            for part in (wrap(clean(text), width) if text else [""])
        ]
