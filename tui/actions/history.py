"""Undo, redo, and who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.model import Change
from tui.actions import handles

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("undo")
def undo(screen: MainScreen, times: int | None) -> None:
    _repeat(screen, times or 1, redo_it=False)


@handles("redo")
def redo(screen: MainScreen, times: int | None) -> None:
    _repeat(screen, times or 1, redo_it=True)


def _repeat(screen: MainScreen, times: int, *, redo_it: bool) -> None:
    store = screen.desk.store

    def work() -> list[Change]:
        changes: list[Change] = []
        for _ in range(times):
            one = store.redo() if redo_it else store.undo()
            if not one:
                break
            changes.extend(one)
        return changes

    screen.desk.change(work)


@handles("show.activity")
def activity(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.activity import ActivityScreen

    screen.app.push_screen(ActivityScreen())


@handles("show.chart_history")
def chart_history(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.activity import ActivityScreen

    view = screen.chart.view
    if view is not None:
        screen.app.push_screen(ActivityScreen((view.row.context, view.row.chart_id), view.row.title))
