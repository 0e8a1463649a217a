"""The line of collections: the one shown stands out, each with its number key and how many records it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.message import Message

from tui.widgets.cells import clean, width_of
from tui.widgets.lines import Lines, Pieces


class Tabs(Lines):
    """One line; where it is too long for the screen, the part around the collection shown."""

    DEFAULT_CSS = "Tabs { height: 1; background: $panel; } Tabs:ansi { background: ansi_default; }"
    MARGIN = 0

    class Chosen(Message):
        """A collection was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[tuple[str, str]], *, id: str, mouse: bool = True) -> None:
        """names: of each collection its number key and its name."""
        super().__init__(id=id, mouse=mouse)
        self._names = tuple(names)
        self._counts: Mapping[str, int] = {}
        self._current = ""
        self._ends: list[tuple[int, str]] = []

    def show(self, current: str, counts: Mapping[str, int]) -> None:
        """Mark a collection, and say how many records each has."""
        if (current, counts) != (self._current, self._counts):
            self._current, self._counts = current, dict(counts)
            self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        """The line."""
        parts = [(name, self._text(digit, name)) for digit, name in self._names]
        first, last = around(
            [width_of(text) + 1 for _, text in parts],
            next((n for n, (name, _) in enumerate(parts) if name == self._current), 0),
            width - 4,
        )
        pieces: list[tuple[str, str]] = [("‹ " if first else "  ", "muted")]
        self._ends = []
        at = 2
        for name, text in parts[first:last]:
            style = "cursor" if name == self._current else "" if self._counts.get(name) else "muted"
            pieces += [(text, style), (" ", "muted")]
            at += width_of(text) + 1
            self._ends.append((at, name))
        if last < len(parts):
            pieces.append(("›", "muted"))
        return [tuple(pieces)]

    def _text(self, digit: str, name: str) -> str:
        number = self._counts.get(name)
        count = f" {short_count(number)}" if number else ""
        return f" {digit}{' ' if digit else ''}{clean(name)}{count} "

    async def _on_click(self, event: events.Click) -> None:
        if self.mouse:
            for end, name in self._ends:
                if event.x < end:
                    self.post_message(self.Chosen(name))
                    return


def around(sizes: Sequence[int], middle: int, width: int) -> tuple[int, int]:
    """The stretch of parts about the one in the `middle` that fits: from the first on where all do."""
    first, last = middle, min(middle + 1, len(sizes))
    used = sum(sizes[first:last])
    while True:
        if first and used + sizes[first - 1] <= width:
            first -= 1
            used += sizes[first]
        elif last < len(sizes) and used + sizes[last] <= width:
            used += sizes[last]
            last += 1
        else:
            return first, last


def short_count(number: int) -> str:
    """A count in few cells: `940`, `12.3k`, `1.2M`."""
    for least, unit in ((1_000_000, "M"), (10_000, "k")):
        if number >= least:
            share = number / (1_000_000 if unit == "M" else 1_000)
            return f"{share:.1f}".removesuffix(".0") + unit if share < 100 else f"{share:.0f}{unit}"
    return f"{number:,}"
