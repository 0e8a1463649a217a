"""One question with a yes and a no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from tui.screens.dialog import Dialog
from tui.widgets.cells import clean_lines


class ConfirmScreen(Dialog[bool]):
    """True for yes, False for no, None for closed with Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "Yes"),
        Binding("n", "answer(False)", "No"),
    ]

    def __init__(self, question: str, yes: str, no: str = "Leave it") -> None:
        super().__init__()
        self.question = question
        self.yes = yes
        self.no = no
        self.KEYS_TEXT = f"y or enter: {yes}   n: {no}   esc: cancel"

    def title_text(self) -> str:
        return "Please confirm"

    def body(self) -> Sequence[Widget]:
        return (Static("\n".join(clean_lines(self.question)), id="dialog-text", markup=False),)

    def action_answer(self, yes: bool) -> None:
        """Close with an answer."""
        self.dismiss(yes)
