"""Filter, matches, and jumping to any chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import by_id, handles

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("find.filter")
def filter_live(screen: MainScreen, _times: int | None) -> None:
    """Narrow the outline while a text is typed; Enter keeps it, Escape goes back."""
    pane = screen.outline
    before, cursor = pane.query_now, pane.key

    def narrow(text: str) -> None:
        pane.ask(pane.query_now._replace(text=text.strip(), scope=None if text.strip() else before.scope))

    def back() -> None:
        pane.ask(before, cursor=cursor)

    def keep(text: str) -> None:
        if text.strip() != pane.query_now.text:
            narrow(text)

    screen.ask("Filter", keep, value=before.text, on_change=narrow, on_cancel=back, allow_empty=True)


@handles("find.next")
def following(screen: MainScreen, times: int | None) -> None:
    _match(screen, times or 1)


@handles("find.previous")
def previous(screen: MainScreen, times: int | None) -> None:
    _match(screen, -(times or 1))


def _match(screen: MainScreen, steps: int) -> None:
    """Go to the next visible row that holds the filter's words, around the end."""
    outline = screen.outline.outline
    text = screen.outline.query_now.text
    if not text:
        by_id(screen, "find.filter")
        return
    words = text.casefold().split()
    model = outline.model

    def holds(line: int) -> bool:
        row = model.row(line)
        return row is not None and all(word in row.title.casefold() for word in words)

    count = len(model)
    delta = 1 if steps > 0 else -1
    left = abs(steps)
    for away in range(1, min(count, 20_000)):
        line = (outline.cursor + delta * away) % count
        if holds(line):
            left -= 1
            if not left:
                outline.move_to(line)
                return
    screen.desk.say(f"No other row in sight holds “{text}”; unfold charts to look inside them.")


@handles("find.clear")
def clear(screen: MainScreen, _times: int | None) -> None:
    """First a half-typed command, then the selection, then the filter."""
    pane = screen.outline
    screen.desk.keymap.clear()
    screen.foot.pending("")
    if screen.pane_name != "outline":
        screen.focus_pane("outline")
    elif pane.outline.model.selected:
        pane.outline.action_select_none()
    elif pane.query_now.text:
        pane.ask(pane.query_now._replace(text=""), cursor=pane.key)


@handles("find.jump")
def jump(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.search import SearchScreen

    screen.app.push_screen(SearchScreen(charts_only=True), lambda found: _go(screen, found))


@handles("find.search")
def search(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.search import SearchScreen

    screen.app.push_screen(SearchScreen(charts_only=False), lambda found: _go(screen, found))


def _go(screen: MainScreen, found: tuple[str, ...] | None) -> None:
    if found:
        screen.outline.jump(found[:2])
        screen.focus_pane("outline")


@handles("find.overdue")
def overdue(screen: MainScreen, _times: int | None) -> None:
    outline = screen.outline.outline
    model = outline.model
    count = len(model)
    for away in range(1, min(count, 20_000)):
        line = (outline.cursor + away) % count
        row = model.row(line)
        if row is not None and row.state == "overdue":
            outline.move_to(line)
            return
    screen.desk.say("Nothing that is listed here is overdue.")
