"""The way from the context to the chart on screen, on one line, cut in the middle where it is too long."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from tui.widgets.cells import clean, cut, width_of
from tui.widgets.lines import Lines, Pieces


class Breadcrumb(Lines):
    """Draws a trail: the context first, the chart last. A click on a part posts `Chosen`."""

    DEFAULT_CSS = "Breadcrumb { height: 1; }"
    MARGIN = 0

    class Chosen(Message):
        """A part was clicked; `index` counts from the outermost."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, trail: Sequence[str] = (), *, id: str | None = None, ascii_only: bool = False) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self._trail = tuple(trail)
        self._parts: list[tuple[int, int]] = []

    def show(self, trail: Sequence[str]) -> None:
        """Draw another trail."""
        if tuple(trail) != self._trail:
            self._trail = tuple(trail)
            self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        """One line."""
        between = f" {self.signs.closed} "
        parts = shorten([clean(part) for part in self._trail], width, between, self.signs.ellipsis)
        pieces: list[tuple[str, str]] = []
        self._parts = []
        at = 0
        for n, (index, text) in enumerate(parts):
            if n:
                pieces.append((between, "muted"))
                at += width_of(between)
            pieces.append((text, "bold" if index == len(self._trail) - 1 else "muted"))
            at += width_of(text)
            self._parts.append((at, index))
        return [tuple(pieces)]

    async def _on_click(self, event: events.Click) -> None:
        if self.mouse:
            for end, index in self._parts:
                if event.x < end:
                    if index >= 0:
                        self.post_message(self.Chosen(index))
                    return


def shorten(parts: Sequence[str], width: int, between: str, ellipsis: str) -> list[tuple[int, str]]:
    """(index, text) of the parts that fit `width` cells: first and last stay, those between go first.

    A part that stands for left-out ones has index -1.
    """
    indexed = list(enumerate(parts))
    if not indexed:
        return []

    def total(shown: list[tuple[int, str]]) -> int:
        return sum(width_of(text) for _, text in shown) + width_of(between) * (len(shown) - 1)

    dropped = 0
    shown = indexed
    while total(shown) > width and dropped < len(indexed) - 2:
        dropped += 1
        shown = [indexed[0], (-1, ellipsis), *indexed[1 + dropped :]]
    if total(shown) > width and len(shown) > 1:
        rest = total(shown) - width_of(shown[0][1])
        shown[0] = (0, cut(shown[0][1], max(4, width - rest), ellipsis))
    if total(shown) > width:
        index, text = shown[-1]
        room = width - (total(shown) - width_of(text))
        if room < 4:
            return [(index, cut(text, width, ellipsis))]
        shown[-1] = (index, cut(text, room, ellipsis))
    return shown
