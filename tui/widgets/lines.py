"""A drawn widget that is given its lines whole and repaints the cells that differ."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from tui.widgets.cells import width_of
from tui.widgets.drawn import Drawn

Pieces = tuple[tuple[str, str], ...]


class Lines(Drawn, can_focus=False):
    """Subclasses say in `draw(width)` what the lines are and call `renew` when that changed."""

    MARGIN = 1
    """Cells left blank at the right, so that text does not touch what stands beside it."""

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        ascii_only: bool = False,
        mouse: bool = True,
    ) -> None:
        super().__init__(id=id, classes=classes, ascii_only=ascii_only, mouse=mouse)
        self._lines: Sequence[Pieces] = ()

    def draw(self, width: int) -> Sequence[Pieces]:
        """The lines, each `width` cells wide; none unless a subclass says otherwise."""
        del width
        return ()

    def renew(self) -> None:
        """Draw again and repaint what differs; costs nothing where nothing does."""
        width = self.size.width
        if not width:
            return
        old, self._lines = self._lines, self.draw(max(1, width - self.MARGIN))
        self.set_lines(max(1, len(self._lines)))
        blank: Pieces = ((" " * width, ""),)
        for line in range(self.top_line, self.top_line + self.size.height):
            was = old[line] if line < len(old) else blank
            now = self._lines[line] if line < len(self._lines) else blank
            if was != now:
                self.redraw([line], *differing(was, now))

    def on_resize(self) -> None:
        """Draw for the new width."""
        self._lines = ()
        self.renew()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        line = y + self.top_line
        return self.strip(self._lines[line] if line < len(self._lines) else (), self.size.width)


def differing(was: Pieces, now: Pieces) -> tuple[int, int]:
    """Cells from the first to the last (exclusive) in which two lines differ."""
    before, after = _cells(was), _cells(now)
    end = max(len(before), len(after))
    left = 0
    while left < end and before[left : left + 1] == after[left : left + 1]:
        left += 1
    if len(before) != len(after):
        return left, end
    while end > left and before[end - 1] == after[end - 1]:
        end -= 1
    return left, end


def _cells(pieces: Pieces) -> list[tuple[str, str]]:
    """A line cell by cell: (characters, style); a wide one fills two, and marks join the one before."""
    cells: list[tuple[str, str]] = []
    for text, style in pieces:
        if text.isascii():
            cells.extend([(char, style) for char in text])
            continue
        for char in text:
            size = width_of(char)
            if size:
                cells.append((char, style))
                cells.extend([(f"{char}+", style)] * (size - 1))
            elif cells:
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
    return cells
