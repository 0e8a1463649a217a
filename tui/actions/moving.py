"""Moving the cursor, in the hierarchy and in the chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import handles
from tui.widgets.chart import ChartPane as Drawing
from tui.widgets.outline import Outline

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


def _body(screen: MainScreen) -> Outline | Drawing:
    return screen.chart.body if screen.pane_name == "chart" else screen.outline.body


@handles("cursor.down")
def down(screen: MainScreen, times: int | None) -> None:
    _body(screen).action_move(times or 1)


@handles("cursor.up")
def up(screen: MainScreen, times: int | None) -> None:
    _body(screen).action_move(-(times or 1))


@handles("cursor.page_down")
def page_down(screen: MainScreen, times: int | None) -> None:
    _body(screen).action_page(times or 1)


@handles("cursor.page_up")
def page_up(screen: MainScreen, times: int | None) -> None:
    _body(screen).action_page(-(times or 1))


@handles("cursor.half_down")
def half_down(screen: MainScreen, times: int | None) -> None:
    _body(screen).action_half_page(times or 1)


@handles("cursor.half_up")
def half_up(screen: MainScreen, times: int | None) -> None:
    _body(screen).action_half_page(-(times or 1))


@handles("cursor.first")
def first(screen: MainScreen, times: int | None) -> None:
    body = _body(screen)
    if times and isinstance(body, Outline):
        body.action_go(times)
    else:
        body.action_home()


@handles("cursor.last")
def last(screen: MainScreen, times: int | None) -> None:
    body = _body(screen)
    if times and isinstance(body, Outline):
        body.action_go(times)
    else:
        body.action_end()


@handles("cursor.parent")
def parent(screen: MainScreen, _times: int | None) -> None:
    screen.outline.body.action_parent()


@handles("cursor.next_chart")
def next_chart(screen: MainScreen, times: int | None) -> None:
    for _ in range(times or 1):
        screen.outline.body.action_sibling(1)
