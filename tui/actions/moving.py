"""Moving the cursor of the pane with the focus; panes without one scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui.actions import handles
from tui.widgets.outline import Outline

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


class Movable(Protocol):
    """What the body of every pane can do."""

    def action_move(self, delta: int, /) -> None: ...
    def action_page(self, delta: int, /) -> None: ...
    def action_half_page(self, delta: int, /) -> None: ...
    def action_home(self) -> None: ...
    def action_end(self) -> None: ...


def _body(screen: MainScreen) -> Movable:
    bodies: dict[str, Movable] = {
        "contexts": screen.contexts.body,
        "outline": screen.outline.body,
        "chart": screen.chart.body,
        "workflows": screen.workflows.body,
        "health": screen.health.body,
    }
    return bodies.get(screen.pane_name, screen.outline.body)


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
