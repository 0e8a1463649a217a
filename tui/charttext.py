"""A chart as text for an editor, and back: outcome and reality; steps stand there to be read."""

from __future__ import annotations

from store import clock
from store.model import ChartView
from tui.widgets.signs import short_date

_OUTCOME = "# Desired outcome"
_REALITY = "# Current reality (one fact begins with “- ”)"
_STEPS = "# Action steps (for reading; edit them in chartkeep)"


def write(view: ChartView) -> str:
    """The chart as text."""
    lines = [_OUTCOME, "", view.outcome, "", _REALITY, ""]
    lines += ["- " + fact.replace("\n", "\n  ") for fact in view.reality]
    lines += ["", _STEPS, ""]
    for step in view.steps:
        due = short_date(step.due, clock.today())
        lines.append(f"  [{'x' if step.done else ' '}] {step.title}{f'  ({due})' if due else ''}")
    return "\n".join(lines) + "\n"


def read(text: str) -> tuple[str, list[str]]:
    """(outcome, facts) of an edited text. A fact may go over several lines, indented."""
    section = ""
    outcome: list[str] = []
    facts: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            section = line
        elif section.startswith("# Desired"):
            outcome.append(line)
        elif section.startswith("# Current") and line.strip():
            if line.startswith("- ") or not facts:
                facts.append(line.removeprefix("- "))
            else:
                facts[-1] += "\n" + line.removeprefix("  ")
    return "\n".join(outcome).strip(), [fact.strip() for fact in facts if fact.strip()]
