"""A record as JSON text, with what is wrong with it below while it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TextArea

from store.errors import ChartkeepError
from tui import library_json
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import Dialog
from tui.widgets.cells import clean

CHECK_AFTER = 0.25
"""Seconds without a key after which a long text is checked."""
AT_ONCE = 20_000
"""Characters up to which it is checked with every key."""
SHOWN = 6
"""Problems listed."""


class RecordDialog(Dialog[str]):
    """The text that was kept, checked; None where nothing is to be kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "keep", "Keep", priority=True),
        Binding("ctrl+o", "editor", "In $EDITOR", priority=True),
        Binding("escape", "close", "Cancel", priority=True),
    ]
    KEYS_TEXT = "ctrl+s keeps it   ctrl+o opens it in $EDITOR   esc cancels"

    def __init__(self, title: str, text: str, kind: str | None, key: str = "", said: str = "") -> None:
        """said: why an earlier attempt was refused."""
        super().__init__()
        self._title = title
        self._first = text
        self._kind, self._key = kind, key
        self.text = TextArea(text, id="record-text", tab_behavior="indent", soft_wrap=True)
        self.text.cursor_blink = False
        self.problems = Static("", id="record-problems", markup=False)
        self._said = said
        self._timer: Timer | None = None

    def title_text(self) -> str:
        return self._title

    def body(self) -> Sequence[Widget]:
        return (self.text, self.problems)

    def on_mount(self) -> None:
        """Ready to type."""
        self.text.focus()
        self._check()

    @on(TextArea.Changed)
    def _changed(self) -> None:
        if len(self.text.text) < AT_ONCE:
            self._check()
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(CHECK_AFTER, self._check)

    def on_unmount(self) -> None:
        """No timer goes on."""
        if self._timer is not None:
            self._timer.stop()

    def _check(self) -> list[str]:
        found = library_json.problems(self.text.text, self._kind, self._key)
        refused = [self._said] if self._said and self.text.text == self._first else []
        self._show([*refused, *found])
        return found

    def _show(self, found: list[str]) -> None:
        lines = [f"! {clean(each)}" for each in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"… and {len(found) - SHOWN} more")
        self.problems.set_class(bool(lines), "-error")
        self.problems.update("\n".join(lines) or "✓ This can be kept.")

    def action_keep(self) -> None:
        """Close with the text, unless something is wrong with it."""
        if not self._check():
            self.dismiss(self.text.text)

    def action_editor(self) -> None:
        """Go on in the person's own editor."""
        from tui import editor

        try:
            edited = editor.hand_over(self.desk, self.text.text, suffix=".json")
        except ChartkeepError as error:
            self.desk.say(str(error), error=True)
            return
        if edited is not None:
            self.text.text = edited
            self._check()

    def action_close(self) -> None:
        """Close without keeping anything; what was typed is asked about."""
        if self.text.text == self._first and not self._said:
            self.dismiss(None)
            return

        def go(yes: bool | None) -> None:
            if yes:
                self.dismiss(None)

        self.app.push_screen(ConfirmScreen("Throw away what you have typed?", "throw it away"), go)
