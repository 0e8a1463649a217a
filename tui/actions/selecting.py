"""Selecting rows, and copying charts as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import handles
from tui.clipboard import copy
from tui.rows import Key

if TYPE_CHECKING:
    from tui.screens.main import MainScreen

COPY_LIMIT = 500
"""Charts copied at most; more is a matter for export."""


@handles("select.toggle")
def toggle(screen: MainScreen, times: int | None) -> None:
    for _ in range(times or 1):
        screen.outline.outline.action_toggle_select()


@handles("select.range")
def select_range(screen: MainScreen, _times: int | None) -> None:
    """Begin a range at the cursor, or end it and keep what is selected."""
    outline = screen.outline.outline
    outline.set_range(not outline.ranging)
    screen.outline.sum_up()
    if outline.ranging:
        key = screen.desk.keymap.first
        screen.desk.say(f"Move to select; {key('select.range')} ends it, {key('find.clear')} drops it.")


@handles("select.all")
def select_all(screen: MainScreen, _times: int | None) -> None:
    """Select the rows beside the cursor: those with the same parent."""
    outline = screen.outline.outline
    model = outline.model
    if not len(model):
        return
    above = model.parent(outline.cursor)
    first = 0 if above is None else above + 1
    last = len(model) if above is None else model.end_of(above)
    depth = model.depths[outline.cursor]
    before = set(model.selected)
    model.selected.update(model.ids[line] for line in range(first, last) if model.depths[line] == depth)
    if model.selected == before:
        outline.action_select_none()
    outline.forget_lines()
    outline.refresh()
    screen.outline.sum_up()


@handles("copy.markdown")
def copy_markdown(screen: MainScreen, _times: int | None) -> None:
    """Copy the charts meant, each with its whole tree."""
    if screen.pane_name == "chart":
        view = screen.chart.view
        keys: list[Key] = [(view.row.context, view.row.chart_id)] if view else []
    else:
        keys = list(dict.fromkeys(screen.outline.chart_of(key)[:2] for key in screen.outline.targets()))
    if not keys:
        return
    if len(keys) > COPY_LIMIT:
        screen.desk.say(f"{len(keys):,} charts are too many for a clipboard. Export them to a file instead.")
        return
    store = screen.desk.store

    def text() -> str:
        from tui.exporting import markdown

        return markdown(store, keys)

    what = "1 chart" if len(keys) == 1 else f"{len(keys)} charts"
    screen.desk.bridge.read.ask(text, lambda found: screen.desk.say(copy(screen.app, found, what)))
