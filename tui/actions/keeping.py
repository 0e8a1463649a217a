"""What keeps the store's words: conflicts and what was set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import NotFound
from tui.actions import handles

if TYPE_CHECKING:
    from store.difference import Differing
    from tui.screens.main import MainScreen


@handles("store.conflicts")
def conflicts(screen: MainScreen, _times: int | None) -> None:
    """List what two sides changed at once."""
    from tui.screens.conflicts import ConflictsScreen

    screen.app.push_screen(ConflictsScreen())


@handles("store.difference")
def difference(screen: MainScreen, _times: int | None) -> None:
    """Show the chart file set aside last beside the one there is now."""
    from store.difference import differing

    store, desk = screen.desk.store, screen.desk

    def show(found: Differing) -> None:
        from tui.screens.difference import DifferenceScreen

        desk.clear_notifications()  # the one that named this key would cover it
        desk.push_screen(DifferenceScreen(found))

    def none(error: Exception) -> bool:
        if isinstance(error, NotFound):
            desk.say(str(error))
        return isinstance(error, NotFound)

    desk.bridge.read.ask(lambda: differing(store), show, name="difference", otherwise=none)
