"""When something went wrong: the app lives on, and says what it was and where it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from store.errors import ChartkeepError
from tui import errorlog
from tui.screens.dialog import Dialog
from tui.widgets.cells import clean


class ErrorScreen(Dialog[None]):
    """A fault of the program: nothing that was acknowledged is lost."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "close", "Go on"),
        Binding("l", "log", "Error log"),
        Binding("ctrl+q", "leave", "Quit"),
    ]
    TITLE_TEXT = "Something went wrong in chartkeep"
    KEYS_TEXT = "enter goes on   l shows the error log   ctrl+q quits"

    def __init__(self, entry: errorlog.Entry) -> None:
        super().__init__()
        self.entry = entry

    def body(self) -> Sequence[Widget]:
        text = (
            f"{clean(self.entry.summary)}\n\nWhat was acknowledged before is safe on disk. "
            f"The error is written down in\n{errorlog.path()}"
        )
        return (Static(text, id="dialog-text", markup=False),)

    def action_log(self) -> None:
        """Show the error log instead."""
        from tui.screens.errors import ErrorsScreen

        self.app.switch_screen(ErrorsScreen())

    def action_leave(self) -> None:
        """Quit."""
        self.desk.leave()


class CannotOpen(Dialog[None]):
    """The store cannot be opened: why, and what else to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "Try again"),
        Binding("d", "demo", "Demo store"),
        Binding("escape,q,ctrl+q", "leave", "Quit"),
    ]
    TITLE_TEXT = "The store cannot be opened"
    KEYS_TEXT = "r tries again   d opens the demo store   q quits"

    def __init__(self, error: Exception, path: Path | None) -> None:
        super().__init__()
        self.error = error
        self.path = path

    def body(self) -> Sequence[Widget]:
        text = str(self.error)
        if not isinstance(self.error, ChartkeepError):
            entry = errorlog.write(self.error, "opening the store")
            text = f"{entry.summary}\n\nThe error is written down in {errorlog.path()}"
        where = f"\n\nStore: {self.path}" if self.path is not None else ""
        return (Static(text + where, id="dialog-text", markup=False),)

    def action_retry(self) -> None:
        """Open it again."""
        self.dismiss(None)
        self.desk.open_again(self.desk.boot.asked)

    def action_demo(self) -> None:
        """Open the demo store instead."""
        self.dismiss(None)
        self.desk.open_again(self.desk.boot.asked._replace(demo=True, path=None))

    def action_leave(self) -> None:
        """Quit."""
        self.desk.exit(1)
