"""What verify and the readers found in the files, each with its file, line and offset."""

from __future__ import annotations

import os
from collections.abc import Sequence

from textual.widget import Widget
from textual.widgets import Static

from store.model import Finding
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean
from tui.widgets.listing import Item, Listing
from tui.widgets.signs import State

_STATES: dict[str, State] = {"error": "overdue", "warning": "soon", "info": ""}


class FindingsScreen(ListDialog[None]):
    """Findings in a list, the one under the cursor in full below."""

    TITLE_TEXT = "Findings"
    KEYS_TEXT = "j k move   q closes"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(empty=("", "  Nothing found. F6 verifies the store now."))
        self._findings = list(findings)

    def body(self) -> Sequence[Widget]:
        return (self.list, Static("", id="dialog-detail", markup=False))

    def start(self) -> None:
        self.list.show(
            [
                Item(
                    str(n),
                    found.message,
                    self._where(found),
                    _STATES[found.severity],
                    lead=found.severity.ljust(7),
                )
                for n, found in enumerate(self._findings)
            ]
        )
        self._detail()

    def on_listing_moved(self, message: Listing.Moved) -> None:
        """Show the whole of another finding."""
        message.stop()
        self._detail()

    def _detail(self) -> None:
        item = self.chosen
        if item is None:
            return
        found = self._findings[int(str(item.key))]
        kept = f"\nThe bytes are kept in {found.kept}." if found.kept else ""
        self.query_one("#dialog-detail", Static).update(clean(str(found)) + kept + f"\n[{found.code}]")

    def _where(self, found: Finding) -> str:
        """File and line, the file as seen from the store's folder: the end is what tells them apart."""
        root = str(self.desk.store.root) + os.sep
        path = found.path.removeprefix(root)
        return f"{path}:{found.line}" if found.line is not None else path
