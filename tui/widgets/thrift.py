"""Fewer bytes for the same screen: a compositor whose partial updates say only what changes.

Textual sends every piece of text with its full style before and a reset behind, starts each repainted
region at its widget's left edge, and moves the cursor where it already stands. Over a slow
line that is most of what a cursor move costs. Here a region begins at its own first cell, and a
style is sent as the difference to the one before (`38;2;…` alone where only the colour changes).

It leans on `textual._compositor`, which is private: `economise` changes nothing where that looks
different from what it was written for, and the app then merely sends more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor
from textual.screen import Screen
from textual.strip import Strip

_ON = {1: "1", 2: "2", 4: "3", 8: "4", 16: "5", 32: "6", 64: "7", 128: "8", 256: "9", 512: "21", 4096: "53"}
_OFF = {
    1: "22",
    2: "22",
    4: "23",
    8: "24",
    16: "25",
    32: "25",
    64: "27",
    128: "28",
    256: "29",
    512: "24",
    4096: "55",
}
_PLAIN = Style()


def _attributes(style: Style) -> int:
    return style._attributes & style._set_attributes


@lru_cache(maxsize=4096)
def switch(old: Style, new: Style, system: ColorSystem) -> str:
    """The escape sequence that makes a terminal writing in `old` write in `new`; empty for no difference."""
    before, after = _attributes(old), _attributes(new)
    gone = before & ~after
    codes = sorted({_OFF[bit] for bit in _OFF if gone & bit})
    if "22" in codes:
        before &= ~3
    if "24" in codes:
        before &= ~(8 | 512)
    codes += [_ON[bit] for bit in _ON if after & ~before & bit]
    for color, was, foreground in (
        (new.color, old.color, True),
        (new.bgcolor, old.bgcolor, False),
    ):
        if color != was:
            unset = "39" if foreground else "49"
            codes += [unset] if color is None else color.downgrade(system).get_ansi_codes(foreground)
    if not codes:
        return ""
    whole = Strip.render_ansi(new, system)
    if not whole:
        return "\x1b[0m"
    short, full = ";".join(codes), "0;" + whole
    return f"\x1b[{short if len(short) <= len(full) else full}m"


def _linked(text: str, style: Style) -> str:
    return f"\x1b]8;id={style.link_id};{style.link}\x1b\\{text}\x1b]8;;\x1b\\"


class ThriftyUpdate(ChopsUpdate):
    """A partial update that sends the cells of its spans and nothing else."""

    def render_segments(self, console: Console) -> str:
        """The spans as terminal sequences, ending in the plain style."""
        system = console._color_system or ColorSystem.TRUECOLOR
        out: list[str] = []
        pen = _PLAIN
        for y, x1, x2 in self.spans:
            at = -1
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                left, right = max(x, x1), min(end, x2)
                part = strip if left == x and right == end else strip.crop(left - x, right - x)
                if at != left:
                    out.append(f"\x1b[{y + 1};{left + 1}H")
                at = right
                for text, style, control in part:
                    if control or not text:
                        continue
                    wanted = style or _PLAIN
                    if wanted is not pen:
                        out.append(switch(pen, wanted, system))
                        pen = wanted
                    out.append(_linked(text, wanted) if wanted.link else text)
        if pen is not _PLAIN:
            out.append("\x1b[0m")
        return "".join(out)


class ThriftyCompositor(Compositor):
    """Textual's compositor with thrifty partial updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What is to be repainted, or None."""
        update = super().render_partial_update()
        if update is None:
            return None
        return ThriftyUpdate(update.chops, update.spans, update.chop_ends)


def economise(screen: Screen[Any]) -> bool:
    """Make a screen that was just constructed send less; False where this Textual is not the one known."""
    if type(getattr(screen, "_compositor", None)) is not Compositor or screen.is_attached:
        return False
    screen._compositor = ThriftyCompositor()
    return True
