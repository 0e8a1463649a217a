"""One of several options, or any number of them, on one line: arrows and space, or a click."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from tui.widgets.cells import cut, width_of
from tui.widgets.drawn import Drawn, Piece

Option = tuple[str, str]
"""Value and what it is called."""


class Choice(Drawn):
    """`(•) this  ( ) that`, or with `many` `[x] this  [ ] that`; where they have no room, the chosen one alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Before", show=False),
        Binding("right,l", "step(1)", "Next", show=False),
        Binding("space", "mark", "Choose", show=False),
    ]
    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"

    class Changed(Message):
        """Something else is chosen."""

    def __init__(
        self,
        options: Sequence[Option],
        chosen: Iterable[str] = (),
        *,
        many: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.options = list(options)
        self.many = many
        self.values = {value for value in chosen if any(value == option for option, _ in options)}
        if not many and not self.values:
            self.values = {self.options[0][0]}
        self._at = next((n for n, (value, _) in enumerate(self.options) if value in self.values), 0)

    @property
    def value(self) -> str:
        """The one that is chosen, where only one can be."""
        return self.options[self._at][0]

    def action_step(self, delta: int) -> None:
        """To the next option: where only one can be chosen it is; around the end."""
        self._go((self._at + delta) % len(self.options))

    def action_mark(self) -> None:
        """Choose the option, or take it back; of one choice, the next."""
        if not self.many:
            self.action_step(1)
            return
        self.values ^= {self.options[self._at][0]}
        self._tell()

    def _go(self, at: int) -> None:
        if at == self._at:
            return
        self._at = at
        if self.many:
            self.refresh()
        else:
            self.values = {self.options[at][0]}
            self._tell()

    def _tell(self) -> None:
        self.refresh()
        self.post_message(self.Changed())

    def _texts(self) -> list[str]:
        shape = "[x] " if self.many else f"({'*' if self.signs.ellipsis == '~' else '•'}) "
        none = shape[0] + " " + shape[2:]
        return [f"{shape if value in self.values else none}{label}" for value, label in self.options]

    def _room(self) -> bool:
        return sum(width_of(text) + 2 for text in self._texts()) <= self.size.width

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y:
            return self.strip((), width)
        if not self._room() and not self.many:
            text = f"< {self.options[self._at][1]} >"
            count = f"  {self._at + 1} of {len(self.options)}"
            return self.strip([(text, "cursor" if self.has_focus else ""), (count, "muted")], width)
        pieces: list[Piece] = []
        for n, text in enumerate(self._texts()):
            on = self.has_focus and n == self._at
            plain = "" if self.options[n][0] in self.values else "muted"
            pieces += [(cut(text, width), "cursor" if on else plain), ("  ", "")]
        return self.strip(pieces, width)

    def on_focus(self) -> None:
        """Show where the keys act."""
        self.refresh()

    def on_blur(self) -> None:
        """And that they do no more."""
        self.refresh()

    async def _on_click(self, event: events.Click) -> None:
        """A click on an option chooses it."""
        where = event.get_content_offset(self)
        if not self.mouse or where is None:
            return
        event.stop()
        if not self._room() and not self.many:
            self.action_step(1)
            return
        x = where.x
        for n, text in enumerate(self._texts()):
            if x < width_of(text):
                self._go(n)
                if self.many:
                    self.action_mark()
                return
            x -= width_of(text) + 2
