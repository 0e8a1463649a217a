"""Contexts: go from one to the next, make, rename and archive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import UsageError
from store.model import ARCHIVE
from tui.actions import handles

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("context.next")
def following(screen: MainScreen, times: int | None) -> None:
    _step(screen, times or 1)


@handles("context.previous")
def previous(screen: MainScreen, times: int | None) -> None:
    _step(screen, -(times or 1))


def _step(screen: MainScreen, delta: int) -> None:
    choices: list[str | None] = [None, *screen.contexts.names()]
    shown = screen.outline.query_now.context
    at = choices.index(shown) if shown in choices else 0
    name = choices[(at + delta) % len(choices)]
    screen.show_context(name)
    screen.desk.say(f"Context: {name or 'all together'}")


@handles("context.all")
def together(screen: MainScreen, _times: int | None) -> None:
    screen.show_context(None)


@handles("context.open")
def open_it(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("outline")


@handles("context.new")
def new(screen: MainScreen, _times: int | None) -> None:
    store = screen.desk.store

    def make(name: str) -> None:
        _check(name)

        def made(name: str) -> None:
            screen.contexts.refresh_list()
            screen.show_context(name)
            screen.desk.say(f"Made the context {name}.")

        screen.desk.bridge.write.ask(lambda: store.contexts.create(name.strip()), made)

    screen.ask("New context", make, placeholder="a life domain or project", hint=_hint)


def _check(name: str) -> None:
    """Refuse what cannot name a context while it can still be corrected."""
    from store.layout import check_context_name

    check_context_name(name.strip())


def _hint(name: str) -> str:
    try:
        _check(name)
    except UsageError as error:
        return str(error) if name.strip() else ""
    return ""


@handles("context.rename")
def rename(screen: MainScreen, _times: int | None) -> None:
    old = screen.contexts.chosen
    if old is None:
        screen.desk.say("Move to a context to rename it.")
        return
    store = screen.desk.store

    def do(name: str) -> None:
        if name.strip() == old:
            return
        _check(name)

        def done(name: str) -> None:
            screen.contexts.refresh_list()
            screen.show_context(name)
            screen.desk.say(f"{old} is called {name} now.")

        screen.desk.bridge.write.ask(lambda: store.contexts.rename(old, name.strip()), done)

    screen.ask(f"New name of {old}", do, value=old, hint=_hint)


@handles("context.archive")
def archive(screen: MainScreen, _times: int | None) -> None:
    """Put a context away whole, or bring an archived one back."""
    from tui.screens.confirm import ConfirmScreen

    info = screen.contexts.chosen_info
    if info is None:
        screen.desk.say("Move to a context to archive it.")
        return
    if info.name == ARCHIVE:
        key = screen.desk.keymap.first("chart.archive")
        screen.desk.say(f"The archive stays; {key} on a chart in it brings the chart back.")
        return
    store, name = screen.desk.store, info.name

    def done(said: str) -> None:
        screen.show_context(None)
        screen.contexts.refresh_list()
        screen.desk.say(said)

    if info.archived:
        screen.desk.bridge.write.ask(
            lambda: store.contexts.restore(name), lambda _: done(f"{name} is back with its whole history.")
        )
        return

    def answered(yes: bool | None) -> None:
        if yes:
            screen.desk.bridge.write.ask(
                lambda: store.contexts.archive(name),
                lambda _: done(f"{name} is archived; {info.charts} charts with it."),
            )

    charts = "1 chart" if info.charts == 1 else f"{info.charts} charts"
    screen.app.push_screen(
        ConfirmScreen(f"Archive the context {name} with {charts}? The same key brings it back.", "Archive"),
        answered,
    )
