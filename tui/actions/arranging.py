"""Order, place and end of charts and steps: reorder, move, archive, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.model import ARCHIVE
from tui.actions import handles, target, targets
from tui.actions.making import confirming

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("step.down")
def step_down(screen: MainScreen, times: int | None) -> None:
    _reorder(screen, times or 1)


@handles("step.up")
def step_up(screen: MainScreen, times: int | None) -> None:
    _reorder(screen, -(times or 1))


def _reorder(screen: MainScreen, delta: int) -> None:
    from store.charts import reorder

    found = target(screen)
    if found is None or found.kind != "step":
        screen.desk.say("Only steps have an order of their own; charts are sorted with zs.")
        return
    store = screen.desk.store
    screen.desk.change(lambda: store.run(found.context, reorder, found.step, delta))


def _charts(screen: MainScreen) -> tuple[str, list[str]]:
    """(context, ids) of the charts meant: rows of steps stand for the charts they telescoped into."""
    if screen.pane_name == "chart":
        found = target(screen)
        return (found.context, [found.child or found.chart_id]) if found else ("", [])
    keys = [screen.outline.chart_of(key) for key in screen.outline.targets() if len(key) > 1]
    if not keys:
        return "", []
    context = keys[0][0]
    return context, list(dict.fromkeys(key[1] for key in keys if key[0] == context))


@handles("chart.move")
def move(screen: MainScreen, _times: int | None) -> None:
    """Ask which context, and move the charts there with all below them."""
    from tui.screens.picker import Choice, Picker

    context, ids = _charts(screen)
    if not ids:
        return
    names = [name for name in screen.contexts.names() if name not in (context, ARCHIVE)]
    what = "this chart" if len(ids) == 1 else f"{len(ids)} charts"
    choices = [Choice(name, name) for name in names]
    store = screen.desk.store

    def go(name: str | None) -> None:
        if name:
            screen.desk.change(lambda: store.move(context, ids, name), lambda _: _unselect(screen))

    screen.app.push_screen(
        Picker(f"Move {what} to", choices, free="a new context: type its name and press Enter"), go
    )


def _unselect(screen: MainScreen) -> None:
    screen.outline.outline.action_select_none()


@handles("chart.archive")
def archive(screen: MainScreen, _times: int | None) -> None:
    """Archive the charts, or bring archived ones back."""
    context, ids = _charts(screen)
    if not ids:
        return
    store = screen.desk.store
    if context == ARCHIVE:
        screen.desk.change(lambda: store.unarchive(ids), lambda _: _unselect(screen))
        return
    confirming(
        screen,
        lambda yes: store.archive(context, ids, confirmed=yes),
        lambda _: _unselect(screen),
        "Archive it",
    )


@handles("chart.remove")
def remove(screen: MainScreen, _times: int | None) -> None:
    """Delete what is selected with all below it; one question says how much that is."""
    from store import charts

    found = target(screen)
    store = screen.desk.store
    if found is not None and screen.pane_name == "chart" and found.kind in ("fact", "note", "step-note"):
        context, chart_id, name, index = found.context, found.chart_id, found.name, found.at
        if found.kind == "fact":
            screen.desk.change(lambda: store.run(context, charts.remove_fact, chart_id, index))
        else:
            screen.desk.change(lambda: store.run(context, charts.remove_note, name, index))
        return
    context, names = targets(screen)
    if names:
        confirming(
            screen,
            lambda yes: store.run(context, charts.remove, names, confirmed=yes),
            lambda _: _unselect(screen),
            "Delete",
        )
