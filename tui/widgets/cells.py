"""Text measured in terminal cells: cleaned, cut, padded and wrapped.

Every string that a file brought passes through `clean` before it is drawn: control
characters, lone surrogates, direction overrides and joiners would move the cells that
follow them, and a terminal would not agree with us about where a column is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

_SPACES = re.compile("[\t\n\v\f\r\x85\xa0\u2028\u2029]+")
_ESCAPES = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.)?", re.DOTALL)
_DROPPED = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)
_LONE = re.compile("[\ud800-\udfff]")

width_of = cell_len
"""Cells a cleaned string takes on screen."""


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    """`text` as one drawable line: breaks become spaces, what cannot be drawn safely is left out.

    Joiners, variation selectors and skin tones go, because terminals disagree on the width
    of what they join; lone surrogates show as U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPES.sub("", text)
    return _LONE.sub("\ufffd", _DROPPED.sub("", _SPACES.sub(" ", text)))


def clean_lines(text: str) -> list[str]:
    """`clean`, but each line of `text` for itself; at least one."""
    return [clean(line) for line in re.split("\r\n|[\n\r\v\f\x85\u2028\u2029]", text)]


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` cut to at most `width` cells, with an ellipsis where something is missing."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room < 0:
        return set_cell_size(text, width)
    return set_cell_size(text, room).rstrip(" ") + ellipsis


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` cut or padded on the right to exactly `width` cells."""
    if width <= 0:
        return ""
    text = cut(text, width, ellipsis)
    return text + " " * (width - cell_len(text))


def fit_right(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` cut or padded on the left to exactly `width` cells."""
    if width <= 0:
        return ""
    text = cut(text, width, ellipsis)
    return " " * (width - cell_len(text)) + text


def wrap(text: str, width: int) -> list[str]:
    """`text` wrapped at blanks to lines of at most `width` cells; longer words are split. Never empty."""
    if width <= 0:
        return [""]
    if len(text) <= width and text.isascii():
        return [text.strip()]
    lines: list[str] = []
    line, used = "", 0
    for word in text.split():
        size = cell_len(word)
        if line and used + 1 + size <= width:
            line, used = f"{line} {word}", used + 1 + size
            continue
        if line:
            lines.append(line)
        rest = word
        while size > width:
            head = _head(rest, width)
            lines.append(head)
            rest = rest[len(head) :]
            size = cell_len(rest)
        line, used = rest, size
    if line or not lines:
        lines.append(line)
    return lines


def _head(word: str, width: int) -> str:
    """The longest start of `word` that fits `width` cells; never empty, so that wrapping ends."""
    used = 0
    for i, char in enumerate(word):
        size = cell_len(char)
        if used + size > width:
            return word[: max(i, 1)] if i else word[0]
        used += size
    return word
