"""Every command and its keys, as they are in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from store.catalog import Command, groups
from tui.keymap import Keymap
from tui.screens.dialog import ListDialog
from tui.widgets.listing import Item

_WHERE = {
    "any": "",
    "tree": "hierarchy and chart",
    "outline": "hierarchy",
    "chart": "chart",
    "contexts": "contexts",
    "workflows": "workflow status",
    "library": "library",
}


class HelpScreen(ListDialog[None]):
    """The table of commands; typing narrows it, Enter does the command."""

    SEARCH = "type to find a command; enter does it"
    KEYS_TEXT = (
        "A number before a key repeats it: 5j.   ! overdue  ~ due soon  z stalled  ✓ complete  ? worded as a problem"
        "   esc closes"
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "close", "Close", show=False)]

    def title_text(self) -> str:
        return "Help: commands and keys"

    def body(self) -> Sequence[Widget]:
        return super().body()

    def start(self) -> None:
        self._narrow("")

    def on_input_changed(self, message: Input.Changed) -> None:
        """Narrow the list."""
        message.stop()
        self._narrow(message.value)

    def _narrow(self, text: str) -> None:
        self.list.show(items(self.desk.keymap, text), keep=False, highlight=text)
        if text:
            self.list.move_to(1)

    def action_choose(self) -> None:
        item = self.chosen
        if item is None or str(item.key).startswith("#"):
            return
        self.dismiss(None)
        from tui import actions

        self.desk.call_later(actions.by_id, self.desk.main, str(item.key))


def items(keymap: Keymap, text: str = "") -> list[Item]:
    """The lines of the help: a heading for each group, then its commands that hold all words of `text`."""
    words = text.casefold().split()
    found: list[Item] = []
    for group, commands in groups().items():
        rows = [_item(keymap, command) for command in commands if _holds(keymap, command, words)]
        if rows:
            found += [Item(f"#{group}", group, bold=True), *rows]
    return found


def _holds(keymap: Keymap, command: Command, words: list[str]) -> bool:
    text = f"{command.name} {command.help} {command.id} {command.group} {keymap.all(command.id)}".casefold()
    listed = bool(keymap.keys.get(command.id)) or command.palette
    return listed and all(word in text for word in words)


def _item(keymap: Keymap, command: Command) -> Item:
    where = _WHERE[command.when]
    detail = " · ".join(part for part in (where, f"chartkeep {command.cli}" if command.cli else "") if part)
    return Item(command.id, f"{command.name}: {command.help}", detail, lead=keymap.all(command.id).rjust(12))
