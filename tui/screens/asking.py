"""Asking for one line of text at the bottom of the main screen, without a dialog over the charts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual import events
from textual.screen import Screen
from textual.widget import Widget

from store.errors import UsageError
from tui.widgets.cells import clean, cut

if TYPE_CHECKING:
    from tui.screens.ask_line import AskLine
    from tui.screens.main import MainScreen

Then = Callable[[str], None]


class Asking(Screen[None]):
    """Mixin for the main screen: `ask` and what follows from it."""

    _line: AskLine | None = None
    _then: Then | None = None
    _change: Then | None = None
    _cancel: Callable[[], None] | None = None
    _hint: Callable[[str], str] | None = None
    _allow_empty = False
    _back: Widget | None = None
    _ahead: list[str] | None = None
    """Keys typed after the question was asked and before its line was there; None once it is."""

    def ask(
        self,
        label: str,
        then: Then,
        *,
        value: str = "",
        placeholder: str = "",
        hint: Callable[[str], str] | None = None,
        on_change: Then | None = None,
        on_cancel: Callable[[], None] | None = None,
        allow_empty: bool = False,
    ) -> None:
        """Ask for a line; `then(line)` on Enter, `on_cancel()` on Escape.

        `hint(line)` gives advice shown below while typing; `on_change(line)` hears every change.
        An empty line counts as Escape unless `allow_empty`.
        """
        self._then, self._change, self._cancel, self._hint = then, on_change, on_cancel, hint
        self._allow_empty = allow_empty
        if self._back is None:
            self._back = self.focused
        if self._line is None:
            from tui.screens.ask_line import AskLine

            self._line = AskLine()
            self.mount(self._line, before="#foot")
        self._ahead = []
        line = self._line
        label = cut(clean(label), max(10, self.size.width // 2)) + ": "
        line.call_after_refresh(line.begin, label, value, placeholder)
        self._advise(value)

    def holds_back(self, key: str) -> bool:
        """Keep a key that was typed ahead for the line that is about to ask; False where none is."""
        if self._ahead is None:
            return False
        self._ahead.append(key)
        return True

    def typed_ahead(self) -> list[str]:
        """The keys that were kept; from now on the line takes them itself."""
        ahead, self._ahead = self._ahead or [], None
        return ahead

    @property
    def asking(self) -> bool:
        """Whether a line is being asked for."""
        return self._then is not None

    def _advise(self, value: str) -> None:
        text = self._hint(value) if self._hint is not None else ""
        cast("MainScreen", self).foot.advise(text)

    def line_changed(self, value: str) -> None:
        """What is typed changed."""
        if self._then is not None:
            self._advise(value)
            if self._change is not None:
                self._change(value)

    def line_entered(self, value: str) -> None:
        """Enter."""
        then = self._then
        if then is None:
            return
        if not value.strip() and not self._allow_empty:
            self.stop_asking()
            return
        asked = self._change, self._cancel, self._hint, self._back
        self._finish()
        try:
            then(value)
        except UsageError as error:
            self._then, (self._change, self._cancel, self._hint, self._back) = then, asked
            self._reopen(str(error))

    def _reopen(self, problem: str) -> None:
        """What was entered cannot be taken: it stays, to be corrected, and the reason stands below."""
        if self._line is not None:
            self._line.display = True
            self._line.input.focus(scroll_visible=False)
        cast("MainScreen", self).foot.advise(f"! {problem}")

    def on_key(self, event: events.Key) -> None:
        """Escape takes the question back."""
        if event.key == "escape" and self.asking:
            event.stop()
            event.prevent_default()
            self.stop_asking()

    def stop_asking(self) -> None:
        """End without an answer."""
        cancel = self._cancel
        self._finish()
        if cancel is not None:
            cancel()

    def _finish(self) -> None:
        back, self._back = self._back, None
        self._then = self._change = self._hint = None
        self._cancel = None
        cast("MainScreen", self).foot.advise("")
        if self._line is not None:
            self._line.display = False
        if back is not None and back.is_attached:
            back.focus(scroll_visible=False)
