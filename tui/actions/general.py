"""Help, palette, errors, themes, and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import handles

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("show.help")
def show_help(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.help import HelpScreen

    screen.app.push_screen(HelpScreen())


@handles("show.palette")
def palette(screen: MainScreen, _times: int | None) -> None:
    from textual.command import CommandPalette

    screen.app.push_screen(CommandPalette(placeholder="Find a command by name…"))


@handles("show.errors")
def errors(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.errors import ErrorsScreen

    screen.app.push_screen(ErrorsScreen())


@handles("show.findings")
def findings(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.findings import FindingsScreen

    screen.app.push_screen(FindingsScreen(screen.desk.findings))


@handles("view.theme")
def theme(screen: MainScreen, _times: int | None) -> None:
    from tui import themes

    desk = screen.desk
    desk.theme = desk.memory.theme = themes.following(desk.theme)
    desk.say(f"Theme: {desk.theme}")


@handles("view.mouse")
def mouse(screen: MainScreen, _times: int | None) -> None:
    desk = screen.desk
    desk.set_mouse(not desk.config.mouse)
    desk.say(
        "The mouse works here."
        if desk.config.mouse
        else "The mouse is the terminal's: select and copy as usual."
    )


@handles("view.redraw")
def redraw(screen: MainScreen, _times: int | None) -> None:
    screen.app.refresh(layout=True)


@handles("quit")
def leave(screen: MainScreen, _times: int | None) -> None:
    screen.desk.leave()
