"""Focus, size, folding and zoom of panes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import handles
from tui.layout import ORDER

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("pane.next")
def following(screen: MainScreen, _times: int | None) -> None:
    _step(screen, 1)


@handles("pane.previous")
def previous(screen: MainScreen, _times: int | None) -> None:
    _step(screen, -1)


def _step(screen: MainScreen, delta: int) -> None:
    """Go to the next pane that is not folded."""
    at = ORDER.index(screen.pane_name or "outline")
    for n in range(1, len(ORDER) + 1):
        name = ORDER[(at + n * delta) % len(ORDER)]
        if screen.sizes.usable(name):
            screen.focus_pane(name)
            return


@handles("pane.contexts")
def contexts(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("contexts")


@handles("pane.outline")
def outline(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("outline")


@handles("pane.chart")
def chart(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("chart")


@handles("pane.workflows")
def workflows(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("workflows")


@handles("pane.health")
def health(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("health")


@handles("pane.fold")
def fold(screen: MainScreen, _times: int | None) -> None:
    screen.sizes.toggle_fold(screen.pane_name)


@handles("pane.zoom")
def zoom(screen: MainScreen, _times: int | None) -> None:
    screen.sizes.toggle_zoom(screen.pane_name)


@handles("pane.taller")
def taller(screen: MainScreen, times: int | None) -> None:
    screen.sizes.grow_height(screen.pane_name, times or 1)


@handles("pane.shorter")
def shorter(screen: MainScreen, times: int | None) -> None:
    screen.sizes.grow_height(screen.pane_name, -(times or 1))


@handles("pane.wider")
def wider(screen: MainScreen, times: int | None) -> None:
    screen.sizes.grow_width(4 * (times or 1))


@handles("pane.narrower")
def narrower(screen: MainScreen, times: int | None) -> None:
    screen.sizes.grow_width(-4 * (times or 1))


@handles("pane.reset")
def reset(screen: MainScreen, _times: int | None) -> None:
    screen.sizes.reset()
