"""Folding rows, and telescoping: making a chart the root of the outline, and going back out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import handles, target
from tui.rows import Key

if TYPE_CHECKING:
    from tui.screens.main import MainScreen

SORTS = ("file", "updated", "due", "title", "created")


@handles("fold.open")
def open_or_in(screen: MainScreen, times: int | None) -> None:
    """Unfold; on a row that is open, telescope in; on one with nothing below, go to the chart."""
    outline, row = screen.outline.outline, screen.outline.row
    if row is None:
        return
    if not row.children:
        screen.focus_pane("chart")
    elif not outline.model.is_open(outline.cursor):
        outline.action_unfold()
    else:
        go_in(screen, times)


@handles("fold.close")
def close_or_out(screen: MainScreen, times: int | None) -> None:
    """Fold; on a row that is folded, go to its parent; at the root, telescope out."""
    outline = screen.outline.outline
    if not len(outline.model):
        return
    scope = screen.outline.query_now.scope
    if scope is not None and outline.cursor == 0:
        go_out(screen, times)
    else:
        outline.action_fold()


@handles("fold.toggle")
def toggle(screen: MainScreen, _times: int | None) -> None:
    screen.outline.outline.action_toggle_fold()


@handles("fold.open_one")
def open_one(screen: MainScreen, _times: int | None) -> None:
    outline = screen.outline.outline
    if not outline.model.is_open(outline.cursor):
        outline.action_unfold()


@handles("fold.close_one")
def close_one(screen: MainScreen, _times: int | None) -> None:
    screen.outline.outline.action_fold()


@handles("fold.open_all")
def open_all(screen: MainScreen, _times: int | None) -> None:
    screen.outline.outline.action_unfold_all()


@handles("fold.close_all")
def close_all(screen: MainScreen, _times: int | None) -> None:
    screen.outline.outline.action_fold_all()


@handles("scope.in")
def go_in(screen: MainScreen, _times: int | None) -> None:
    """Root the outline at the chart under the cursor; a plain step leads to its place in the chart."""
    if screen.pane_name == "chart":
        _in_from_chart(screen)
        return
    key = screen.outline.key
    if key is None:
        return
    chart = screen.outline.chart_of(key)
    if len(key) == 3 and key not in screen.outline.charts:
        screen.focus_pane("chart")
        screen.chart.point_at(key[2])
        return
    if chart == screen.outline.query_now.scope:
        screen.focus_pane("chart")
        return
    enter(screen, chart)


def _in_from_chart(screen: MainScreen) -> None:
    found = target(screen)
    if found is not None and found.child:
        enter(screen, (found.context, found.child))
        screen.focus_pane("outline")


def enter(screen: MainScreen, chart: Key) -> None:
    """Root the outline at a chart, unfolded."""
    query = screen.outline.query_now
    screen.outline.ask(query._replace(scope=chart, text=""), cursor=chart)


@handles("scope.out")
def go_out(screen: MainScreen, _times: int | None) -> None:
    """Root the outline one chart further out, the cursor on the chart one was in."""
    pane = screen.outline
    scope = pane.query_now.scope
    if scope is None:
        pane.outline.action_parent()
        return
    trail = [key for key, _ in pane.trail]
    inside = trail.index(scope) if scope in trail else len(trail) - 1
    outer = trail[inside - 1] if inside > 0 else None
    pane.go_out(outer, scope)


@handles("scope.top")
def all_the_way_out(screen: MainScreen, _times: int | None) -> None:
    """Show every chart of the context, the cursor on the chart one was in."""
    pane = screen.outline
    scope = pane.query_now.scope
    if scope is not None:
        trail = [key for key, _ in pane.trail]
        pane.go_out(None, trail[0] if trail else scope)


@handles("view.done")
def hide_done(screen: MainScreen, _times: int | None) -> None:
    query = screen.outline.query_now
    screen.outline.ask(query._replace(hide_done=not query.hide_done), cursor=screen.outline.key)
    screen.desk.say(
        "Completed charts are listed again." if query.hide_done else "Completed charts are left out."
    )


@handles("view.sort")
def sort(screen: MainScreen, _times: int | None) -> None:
    query = screen.outline.query_now
    at = SORTS.index(query.sort) if query.sort in SORTS else 0
    wanted = SORTS[(at + 1) % len(SORTS)]
    screen.outline.ask(query._replace(sort=wanted), cursor=screen.outline.key)
    screen.desk.say(f"Charts by {wanted}.")
