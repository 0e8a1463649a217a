"""Errors in a handler are shown and logged, and the part that had one lives on.

Textual ends the message loop of a widget whose handler raised, and the app with it. Here a
failure in a message handler of a screen, pane or the app goes to `ChartkeepApp.trouble`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.message import Message
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from tui.app import ChartkeepApp


class Guarded(MessagePump):
    """Mixin for screens and panes, before the Textual class."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises must not end the app
            cast("ChartkeepApp", self.app).trouble(error, type(message).__name__)
