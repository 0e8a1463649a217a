"""Keys typed ahead on a slow line arrive in one read: they are taken in their order."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from tui.widgets.prompt import LineInput


class Asking(App[None]):
    def compose(self) -> ComposeResult:
        yield LineInput("old", id="line")


async def test_what_is_typed_right_after_wiping_the_line_stays() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        app.query_one(LineInput).focus()
        await pilot.pause()
        for key, character in (("ctrl+u", None), ("n", "n"), ("x", "x"), ("backspace", None), ("o", "o")):
            app.post_message(events.Key(key, character))
        await pilot.pause()
        assert app.query_one(LineInput).value == "no"
