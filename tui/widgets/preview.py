"""Lines that say what would come of something, and whether they are of what is asked for now."""

from __future__ import annotations

from collections.abc import Sequence

from tui.widgets.cells import clean, wrap
from tui.widgets.lines import Lines, Pieces

Told = tuple[str, str]
"""A text and its style."""


class PreviewLines(Lines):
    """Texts, wrapped; with a word above them once they are out of date."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._told: Sequence[Told] = ()
        self._old = ""

    def say(self, text: str, *, error: bool = False) -> None:
        """One sentence in place of the lines."""
        self.show([(f"! {text}" if error else text, "overdue" if error else "muted")])

    def show(self, told: Sequence[Told]) -> None:
        """These lines, from the first."""
        self._told, self._old = told, ""
        self.jump(0)
        self.renew()

    def age(self, word: str) -> None:
        """Say that the lines are of something else than is asked for now; empty: they are of just that."""
        if word != self._old:
            self._old = word
            self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        above = [(f"~ {self._old}", "soon")] if self._old else []
        return [
            ((part, style),)
            for text, style in (*above, *self._told)
            for part in (wrap(clean(text), width) if text else [""])
        ]
