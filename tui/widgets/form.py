"""A form of one-line fields with a hint beside each, as for a new chart: outcome, reality, due date, steps.

A field may take many lines: enter in its last one opens another, and backspace in an empty one closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Label

from tui.guard import Guarded
from tui.widgets.prompt import Hint, HintLine, LineInput


class Field(NamedTuple):
    """One field of a form."""

    id: str
    label: str
    placeholder: str = ""
    value: tuple[str, ...] = ()
    many: bool = False
    required: bool = False


CHART_FIELDS = (
    Field("outcome", "Desired outcome", "what you want to have created, as if it were there", required=True),
    Field("reality", "Current reality", "what is so now; enter opens another line", many=True, required=True),
    Field("due", "Due", "fri, +2w, 2026-12-01"),
    Field("steps", "Action steps", "enter opens another line", many=True),
)
"""The fields of a new chart."""

Hinter = Callable[[str, Sequence[str]], Hint]
"""(field id, its lines) -> what to say beside it."""


class FieldBox(Guarded, Vertical):
    """A field: label, lines of input, hint."""

    DEFAULT_CSS = """
    FieldBox { height: auto; }
    FieldBox > Label.field--label { padding: 0 1; text-style: bold; }
    """

    def __init__(self, field: Field) -> None:
        super().__init__(id=f"field-{field.id}")
        self.field = field
        self.hint = HintLine()

    def compose(self) -> ComposeResult:
        mark = " *" if self.field.required else ""
        yield Label(self.field.label + mark, classes="field--label", markup=False)
        for value in self.field.value or ("",):
            yield LineInput(value, placeholder=self.field.placeholder)
        yield self.hint

    @property
    def inputs(self) -> list[LineInput]:
        """Its lines of input."""
        return list(self.query(LineInput))

    @property
    def lines(self) -> list[str]:
        """What is typed, without empty lines."""
        return [line.value.strip() for line in self.inputs if line.value.strip()]

    async def add_line(self, after: LineInput) -> None:
        """Open another line after one, and go there."""
        line = LineInput(placeholder=self.field.placeholder)
        await self.mount(line, after=after)
        line.focus()

    async def on_key(self, event: events.Key) -> None:
        """Backspace in an empty line that is not the only one closes it."""
        inputs = self.inputs
        focused = self.screen.focused
        if event.key != "backspace" or len(inputs) < 2 or focused not in inputs:
            return
        assert isinstance(focused, LineInput)
        if not focused.value:
            event.stop()
            inputs[max(0, inputs.index(focused) - 1)].focus()
            await focused.remove()


class Form(Guarded, VerticalScroll):
    """Fields in a column. ctrl+s, or enter in the last one, posts `Submitted`; escape `Cancelled`."""

    DEFAULT_CSS = "Form { height: auto; max-height: 100%; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Save"),
        Binding("escape", "cancel", "Cancel"),
        Binding("down", "app.focus_next", "Next field", show=False, priority=True),
        Binding("up", "app.focus_previous", "Field before", show=False, priority=True),
    ]

    class Submitted(Message):
        """The form is filled in: `values` holds the lines of each field by id, without empty ones."""

        def __init__(self, values: Mapping[str, list[str]]) -> None:
            super().__init__()
            self.values = values

    class Cancelled(Message):
        """Escape."""

    def __init__(
        self, fields: Sequence[Field] = CHART_FIELDS, *, hint: Hinter | None = None, id: str | None = None
    ) -> None:
        """hint: asked whenever a field changes; an error keeps the form from being submitted."""
        super().__init__(id=id, can_focus=False)
        self._boxes = [FieldBox(field) for field in fields]
        self._hinter = hint

    def compose(self) -> ComposeResult:
        yield from self._boxes

    def on_mount(self) -> None:
        """Ready to type in the first field."""
        if self._boxes:
            self._boxes[0].inputs[0].focus()

    @property
    def values(self) -> dict[str, list[str]]:
        """The lines of each field by id."""
        return {box.field.id: box.lines for box in self._boxes}

    def refuse(self, field: str, message: str) -> None:
        """Say beside a field why it cannot be taken, and go there."""
        for box in self._boxes:
            if box.field.id == field:
                box.hint.say(Hint(message, error=True))
                box.inputs[0].focus()

    def _hint(self, box: FieldBox) -> Hint:
        hint = self._hinter(box.field.id, box.lines) if self._hinter else Hint()
        box.hint.say(hint)
        return hint

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        box = event.input.parent
        if isinstance(box, FieldBox):
            self._hint(box)

    @on(Input.Submitted)
    async def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        box = event.input.parent
        if not isinstance(box, FieldBox):
            return
        line = event.input
        inputs = box.inputs
        if line is not inputs[-1]:
            inputs[inputs.index(line) + 1].focus()  # type: ignore[arg-type]
        elif box.field.many and line.value.strip():
            await box.add_line(inputs[-1])
        elif box is self._boxes[-1]:
            self.action_submit()
        else:
            self._boxes[self._boxes.index(box) + 1].inputs[0].focus()

    def action_submit(self) -> None:
        """Post `Submitted`, unless a required field is empty or a hint refuses what is in one."""
        for box in self._boxes:
            hint = self._hint(box)
            if box.field.required and not box.lines:
                self.refuse(box.field.id, f"{box.field.label} is needed.")
                return
            if hint.error:
                box.inputs[0].focus()
                return
        self.post_message(self.Submitted(self.values))

    def action_cancel(self) -> None:
        """Post `Cancelled`."""
        self.post_message(self.Cancelled())
