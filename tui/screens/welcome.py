"""Where there is no store yet: make one here, make one's own, or look at the demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from tui.screens.dialog import Dialog


class WelcomeScreen(Dialog[None]):
    """Three keys, three stores."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,enter", "here", "Here"),
        Binding("o", "own", "My own"),
        Binding("d", "demo", "Demo"),
        Binding("escape,q,ctrl+q", "leave", "Quit"),
    ]
    TITLE_TEXT = "Welcome to chartkeep"
    KEYS_TEXT = "h or enter here   o my own   d demo   q quits"

    def __init__(self, wanted: Path | None) -> None:
        super().__init__()
        self.wanted = wanted

    def body(self) -> Sequence[Widget]:
        from store.layout import user_store

        here = self._here()
        text = (
            "There is no store of charts yet.\n\n"
            f"  h  make one here:  {here}\n"
            f"  o  make my own:    {user_store()}\n"
            "  d  open the demo store and look around\n\n"
            "A chart holds what you want to create, what is so now, and the steps between.\n"
            "Everything is kept in plain files that other COAIA tools read and write."
        )
        return (Static(text, id="dialog-text", markup=False),)

    def _here(self) -> Path:
        from store.layout import STORE_NAME, user_store

        named = self.desk.boot.asked.path
        if named and self.wanted is not None and self.wanted != user_store():
            return self.wanted
        return Path.cwd() / STORE_NAME

    def action_here(self) -> None:
        """Make a store in this folder."""
        self._make(self._here())

    def action_own(self) -> None:
        """Make the person's own store."""
        from store.layout import user_store

        self._make(user_store())

    def _make(self, path: Path) -> None:
        from store.store import init_store

        def made(root: Path) -> None:
            self.dismiss(None)
            self.desk.open_again(self.desk.boot.asked._replace(path=str(root), demo=False))

        self.desk.bridge.write.ask(lambda: init_store(path), made)

    def action_demo(self) -> None:
        """Open the demo store."""
        self.dismiss(None)
        self.desk.open_again(self.desk.boot.asked._replace(demo=True, path=None))

    def action_leave(self) -> None:
        """Quit."""
        self.desk.exit(0)
