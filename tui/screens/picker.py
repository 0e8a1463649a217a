"""Choosing one of several names, by typing part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.widgets import Input

from tui.screens.dialog import ListDialog
from tui.widgets.listing import Item


class Choice(NamedTuple):
    """One thing to choose."""

    value: str
    title: str
    detail: str = ""


class Picker(ListDialog[str]):
    """The value chosen, the text typed where `free` says what that would be, or None."""

    SEARCH = "type to narrow"
    KEYS_TEXT = "enter chooses   esc cancels"

    def __init__(self, title: str, choices: Sequence[Choice], free: str = "") -> None:
        super().__init__(empty=("", f"  {free}" if free else "  Nothing like that."))
        self._title = title
        self._choices = choices
        self._free = bool(free)

    def title_text(self) -> str:
        return self._title

    def start(self) -> None:
        self._narrow("")

    def _narrow(self, text: str) -> None:
        words = text.casefold().split()
        found = [choice for choice in self._choices if all(word in choice.title.casefold() for word in words)]
        self.list.show([Item(choice.value, choice.title, choice.detail) for choice in found], highlight=text)

    def on_input_changed(self, message: Input.Changed) -> None:
        """Narrow the list."""
        message.stop()
        self._narrow(message.value)

    def action_choose(self) -> None:
        item = self.chosen
        typed = self.query_one(Input).value.strip()
        if item is not None:
            self.dismiss(str(item.key))
        elif self._free and typed:
            self.dismiss(typed)
