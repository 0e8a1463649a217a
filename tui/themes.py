"""Colours: a dark and a light theme, the terminal's own palette, and none at all.

States carry a sign and a word besides their colour, so every theme, and NO_COLOR, can be read.
"""

from __future__ import annotations

import os

from textual.theme import Theme

DARK = Theme(
    name="dark",
    primary="#7aa2d6",
    secondary="#8fbcbb",
    accent="#e0af68",
    foreground="#d8dee9",
    background="#15181e",
    surface="#1b1f27",
    panel="#262c37",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    dark=True,
)
LIGHT = Theme(
    name="light",
    primary="#1f5fa8",
    secondary="#2f6f6d",
    accent="#8a5a00",
    foreground="#1f2328",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e4e1d8",
    success="#2f6b1f",
    warning="#8a5a00",
    error="#b3261e",
    dark=False,
)
NAMES = ("dark", "light", "ansi-dark", "ansi-light")


def choose(setting: str) -> str:
    """The theme for a setting: `auto` looks at what the terminal says of its background."""
    if setting in NAMES:
        return setting
    if "NO_COLOR" in os.environ:
        return "ansi-dark"
    return "light" if _light_terminal() else "dark"


def following(name: str) -> str:
    """The theme after `name`, in turn."""
    at = NAMES.index(name) if name in NAMES else -1
    return NAMES[(at + 1) % len(NAMES)]


def _light_terminal() -> bool:
    """COLORFGBG is what several terminals set: the last number is the background's colour."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return background in {"7", "15"}
