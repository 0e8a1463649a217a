"""Copying to the terminal's clipboard with OSC 52, which works over SSH too.

Terminals cap what they take, and many say nothing when they refuse; so the message says
what was sent, not that it arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

LIMIT = 74_994
"""Bytes of text that fit the 100,000 bytes of base64 which xterm and tmux accept."""


def copy(app: App[object], text: str, what: str, form: str = " of Markdown") -> str:
    """Send `text` to the clipboard; the result says what was sent (or why nothing was)."""
    size = len(text.encode("utf-8", "replace"))
    if not text:
        return "Nothing to copy."
    if size > LIMIT:
        return f"{what}: {size:,} bytes are more than terminals take ({LIMIT:,}). Export to a file instead."
    app.copy_to_clipboard(text.encode("utf-8", "replace").decode("utf-8"))
    lines = text.rstrip("\n").count("\n") + 1
    return f"Sent to the clipboard: {what}, {lines} lines, {size:,} bytes{form}."
