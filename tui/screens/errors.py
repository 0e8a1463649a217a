"""The error log, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from tui import errorlog
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean_lines
from tui.widgets.listing import Item, Listing


class ErrorsScreen(ListDialog[None]):
    """Errors in a list, the one under the cursor with its trace below."""

    KEYS_TEXT = "j k move   q closes"

    def __init__(self) -> None:
        super().__init__(empty=("", "  Nothing went wrong so far."))
        self._entries: list[errorlog.Entry] = []

    def title_text(self) -> str:
        return f"Errors ({errorlog.path()})"

    def body(self) -> Sequence[Widget]:
        return (self.list, VerticalScroll(Static("", markup=False), id="dialog-detail"))

    def start(self) -> None:
        self.desk.bridge.read.ask(errorlog.read, self._show, name="errors")

    def _show(self, entries: list[errorlog.Entry]) -> None:
        if self.is_attached:
            self._entries = entries
            self.list.show([Item(str(n), e.summary, lead=e.at[:19]) for n, e in enumerate(entries)])
            self._detail()

    def on_listing_moved(self, message: Listing.Moved) -> None:
        """Show the trace of another error."""
        message.stop()
        self._detail()

    def _detail(self) -> None:
        item = self.chosen
        if item is not None:
            detail = self._entries[int(str(item.key))].detail
            self.query_one("#dialog-detail Static", Static).update("\n".join(clean_lines(detail)))
