"""The line in which the main screen asks for a text; imported when first asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label

from tui.guard import Guarded
from tui.keymap import typed
from tui.widgets.prompt import LineInput

if TYPE_CHECKING:
    from tui.screens.asking import Asking


class AskLine(Guarded, Horizontal):
    """A label and an input on one line; hidden while nothing is asked."""

    def __init__(self) -> None:
        super().__init__(id="ask")
        self.label = Label("", id="ask-label", markup=False)
        self.input = LineInput(id="ask-input")
        self.display = False

    def compose(self) -> ComposeResult:
        yield self.label
        yield self.input

    def begin(self, label: str, value: str, placeholder: str) -> None:
        """Show the line with this text in it, and give it the keyboard."""
        self.label.update(label)
        self.input.placeholder = placeholder
        with self.prevent(Input.Changed):
            self.input.value = value
        self.input.cursor_position = len(value)
        self.display = True
        self.input.focus(scroll_visible=False)
        for key in cast("Asking", self.screen).typed_ahead():
            self._replay(key)

    def _replay(self, key: str) -> None:
        """Take a key that was typed before the line was there."""
        char = " " if key == "space" else typed(key)
        if len(char) == 1:
            self.input.insert_text_at_cursor(char)
        elif key == "backspace":
            self.input.action_delete_left()
        elif key == "enter":
            self.input.post_message(Input.Submitted(self.input, self.input.value))
        elif key == "escape":
            cast("Asking", self.screen).stop_asking()

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        cast("Asking", self.screen).line_changed(message.value)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.input.remember(message.value)
        cast("Asking", self.screen).line_entered(message.value)
