"""Measured figures as a table of two columns, each with a sign where something is to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tui.widgets.cells import clean, cut, fit, fit_right, width_of, wrap
from tui.widgets.lines import Lines, Pieces
from tui.widgets.signs import State


class Figure(NamedTuple):
    """A line of the table. `state` as for rows: `done` reads as good, `soon` as look, `overdue` as wrong.

    An empty value makes the label a text over the whole width, wrapped; `heading` a heading.
    """

    label: str
    value: str = ""
    state: State = ""
    heading: bool = False


class Figures(Lines, can_focus=True):
    """Draws figures; scrolls where there are more than fit."""

    def __init__(
        self, figures: Iterable[Figure] = (), *, id: str | None = None, ascii_only: bool = False
    ) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self._figures = tuple(figures)

    def show(self, figures: Iterable[Figure]) -> None:
        """Draw these figures; only the cells that differ are sent."""
        new = tuple(figures)
        if new != self._figures:
            self._figures = new
            self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        """A line each, wrapped texts more."""
        lines: list[Pieces] = []
        for figure in self._figures:
            lines += self._lines_of(figure, width)
        return lines

    def _lines_of(self, figure: Figure, width: int) -> list[Pieces]:
        label, value = clean(figure.label), clean(figure.value)
        if figure.heading:
            return [((fit(label, width), "heading"),)]
        sign = f"{self.signs.of(figure.state)} "
        room = max(1, width - 2)
        if not value:
            parts = wrap(label, room)
            return [
                ((sign if not n else "  ", figure.state), (fit(part, room), figure.state))
                for n, part in enumerate(parts)
            ]
        right = min(width_of(value) + 1, max(1, room * 2 // 3))
        gap = int(right <= width_of(value))  # a value that is cut has no blank before it
        left = fit(cut(label, room - right - gap, self.signs.ellipsis), room - right)
        return [((sign, figure.state), (left, "muted"), (fit_right(value, right), figure.state))]

    def action_page(self, delta: int) -> None:
        """Scroll by screens."""
        self.jump(self.top_line + delta * max(1, self.page_lines - 2))

    def action_half_page(self, delta: int) -> None:
        """Scroll by half screens."""
        self.jump(self.top_line + delta * max(1, self.page_lines // 2))

    def action_move(self, delta: int) -> None:
        """Scroll by lines."""
        self.jump(self.top_line + delta)

    def action_home(self) -> None:
        """To the top."""
        self.jump(0)

    def action_end(self) -> None:
        """To the bottom."""
        self.jump(len(self._lines))
