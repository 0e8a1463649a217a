"""The form for a new chart: outcome, current reality, due date and steps, with advice beside the fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widget import Widget

from store import clock
from store.charts import advice
from store.charts.dates import describe, parse_due
from store.errors import UsageError
from tui.screens.dialog import Dialog
from tui.widgets.form import CHART_FIELDS, Field, Form
from tui.widgets.prompt import Hint


class NewChart(NamedTuple):
    """What the form was filled in with."""

    context: str
    outcome: str
    reality: list[str]
    due: str | None
    steps: list[str]


class ChartForm(Dialog[NewChart]):
    """Fields from top to bottom; ctrl+s makes the chart."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "make", "Make the chart", show=False)]
    TITLE_TEXT = "New chart"
    KEYS_TEXT = "enter next   ctrl+s makes the chart   esc cancels"

    def __init__(self, context: str, contexts: Sequence[str]) -> None:
        super().__init__()
        self._contexts = list(contexts)
        fields = [
            field._replace(required=False) if field.id == "reality" else field for field in CHART_FIELDS
        ]
        fields.append(Field("context", "Context", "", (context,), required=True))
        self.form = Form(fields, hint=self.hint)

    def body(self) -> Sequence[Widget]:
        return (self.form,)

    def hint(self, field: str, lines: Sequence[str]) -> Hint:
        """What to say beside a field: advice on wording, a date in full, a context that is not there."""
        if field == "outcome":
            return Hint(" ".join(advice.for_outcome(lines[0] if lines else "")))
        if field == "reality":
            return Hint(" ".join(dict.fromkeys(hint for line in lines for hint in advice.for_reality(line))))
        if field == "due":
            return due_words(lines[0] if lines else "")
        if field == "context" and lines and lines[0] not in self._contexts:
            return Hint("There is no such context. There are: " + ", ".join(self._contexts), error=True)
        return Hint()

    def on_form_submitted(self, message: Form.Submitted) -> None:
        """Close with what was filled in."""
        message.stop()
        values = message.values
        due = parse_due(" ".join(values["due"]), clock.today())
        self.dismiss(
            NewChart(
                values["context"][0],
                values["outcome"][0],
                values["reality"],
                due.isoformat() if due else None,
                values["steps"],
            )
        )

    def on_form_cancelled(self, message: Form.Cancelled) -> None:
        """Close without a chart."""
        message.stop()
        self.dismiss(None)

    def action_make(self) -> None:
        """Make the chart from wherever the keyboard is."""
        self.form.action_submit()


def due_words(text: str) -> Hint:
    """What a due date as typed means, or why it means nothing."""
    try:
        day = parse_due(text, clock.today())
    except UsageError as error:
        return Hint(str(error), error=True)
    return Hint() if day is None else Hint(f"{day.isoformat()} {day:%A}, {describe(day, clock.today())}")
