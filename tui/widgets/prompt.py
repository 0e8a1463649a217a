"""One line of input with a hint below it: titles, due dates, filters, one-line charts.

The cursor does not blink (a blinking one sends 2.6 KB/s), and what is typed is checked as it is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Label

from tui.widgets.cells import clean

HISTORY = 100


class Hint(NamedTuple):
    """What to say beside a field: advice never hinders; an error refuses what was typed."""

    text: str = ""
    error: bool = False


Check = Callable[[str], Hint]


def no_check(_text: str) -> Hint:
    """Nothing to say."""
    return Hint()


class HintLine(Label):
    """The line that shows a hint; a sign says which kind it is."""

    DEFAULT_CSS = """
    HintLine { height: auto; min-height: 1; width: 1fr; color: $text-muted; padding: 0 1; }
    HintLine.-advice { color: $text-warning; }
    HintLine.-error { color: $text-error; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._shown = Hint()
        self._kind = ""

    def say(self, hint: Hint, kind: str = "advice") -> None:
        """Show a hint; `kind` is `advice`, or `plain` for an explanation such as a parsed date."""
        if (hint, kind) == (self._shown, self._kind):
            return
        self._shown, self._kind = hint, kind
        self.set_class(hint.error, "-error")
        self.set_class(bool(hint.text) and not hint.error and kind == "advice", "-advice")
        sign = "! " if hint.error else "? " if hint.text and kind == "advice" else ""
        self.update(sign + clean(hint.text) if hint.text else "")


class LineInput(Input):
    """Textual's input without blinking or a frame; up and down walk through what was entered before."""

    DEFAULT_CSS = """
    LineInput { border: none; height: 1; padding: 0 1; background: $boost; }
    LineInput:focus { border: none; background: $surface-lighten-2; }
    LineInput:ansi { background: ansi_default; text-style: underline; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "recall(1)", "Earlier", show=False),
        Binding("down", "recall(-1)", "Later", show=False),
    ]

    def __init__(
        self, value: str = "", *, id: str | None = None, placeholder: str = "", history: Sequence[str] = ()
    ) -> None:
        """history: what was entered before, newest last."""
        super().__init__(value, id=id, placeholder=placeholder, select_on_focus=False)
        self.cursor_blink = False
        self.history = list(history)
        self._back = 0
        self._typed = value

    async def _on_key(self, event: events.Key) -> None:
        """Edit in the order of the keys.

        A binding is run only after its key has bubbled up to the app; letters that were typed ahead on
        a slow line would come before it, and `ctrl+u` would wipe what was typed after it.
        """
        theirs = event.is_printable or (event.key == "backspace" and not self.value)  # a form closes the line
        bindings = () if theirs else self._bindings.key_to_bindings.get(event.key, ())
        for binding in bindings:
            event.stop()
            event.prevent_default()
            await self.app.run_action(binding.action, self)
            return
        await super()._on_key(event)

    def action_recall(self, delta: int) -> None:
        """Show an earlier (1) or later (-1) entry; the one being typed comes after the newest."""
        if self._back == 0:
            self._typed = self.value
        self._back = max(0, min(self._back + delta, len(self.history)))
        self.value = self.history[-self._back] if self._back else self._typed
        self.cursor_position = len(self.value)

    def remember(self, text: str) -> None:
        """Put an entry at the end of the history, once."""
        if text:
            self.history = [*(old for old in self.history if old != text), text][-HISTORY:]
        self._back = 0


class Prompt(Vertical):
    """A label, one line of input and a hint. Enter posts `Submitted`, escape `Cancelled`."""

    DEFAULT_CSS = """
    Prompt { height: auto; background: $panel; }
    Prompt > Label.prompt--label { padding: 0 1; text-style: bold; }
    Prompt:ansi { background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    class Changed(Message):
        """What is typed changed, for live filters."""

        def __init__(self, prompt: Prompt, value: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.value = value

        @property
        def control(self) -> Prompt:
            """The prompt it came from."""
            return self.prompt

        def can_replace(self, message: Message) -> bool:
            """Only the newest text matters."""
            return type(message) is type(self) and isinstance(message, Prompt.Changed)

    class Submitted(Changed):
        """Enter, with a text the check did not refuse."""

    class Cancelled(Message):
        """Escape."""

        def __init__(self, prompt: Prompt) -> None:
            super().__init__()
            self.prompt = prompt

        @property
        def control(self) -> Prompt:
            """The prompt it came from."""
            return self.prompt

    def __init__(
        self,
        label: str,
        value: str = "",
        *,
        id: str | None = None,
        placeholder: str = "",
        check: Check = no_check,
        history: Sequence[str] = (),
    ) -> None:
        """check: what to say about a text; an error keeps enter from being taken."""
        super().__init__(id=id)
        self._label = Label(label, classes="prompt--label", markup=False)
        self.input = LineInput(value, placeholder=placeholder, history=history)
        self.hint = HintLine()
        self.check = check

    def compose(self) -> ComposeResult:
        yield self._label
        yield self.input
        yield self.hint

    def on_mount(self) -> None:
        """Ready to type."""
        self.input.focus()
        self.input.cursor_position = len(self.input.value)
        self._say()

    @property
    def value(self) -> str:
        """What is typed now."""
        return self.input.value

    def ask(self, label: str, value: str = "", check: Check = no_check) -> None:
        """Use the same prompt for another question."""
        self._label.update(label)
        self.check = check
        self.input.value = value
        self.input.cursor_position = len(value)
        self._say()
        self.input.focus()

    def refuse(self, message: str) -> None:
        """Say why what was entered cannot be taken; it stays to be corrected."""
        self.hint.say(Hint(message, error=True))

    def _say(self) -> Hint:
        hint = self.check(self.input.value)
        self.hint.say(hint)
        return hint

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say()
        self.post_message(self.Changed(self, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._say().error:
            self.input.remember(event.value)
            self.post_message(self.Submitted(self, event.value))

    def action_cancel(self) -> None:
        """Post `Cancelled`."""
        self.post_message(self.Cancelled(self))
