"""One workflow in full: counts, options, missing members and its audit trail, kept up to date while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from store import clock, records
from store.workflows.model import Step, Workflow
from tui import works
from tui.screens.dialog import TextDialog
from tui.widgets.cells import clean, cut, fit, wrap
from tui.widgets.jobs import bar_text, figures, lasting, look_of
from tui.widgets.lines import Lines, Pieces

if TYPE_CHECKING:
    from tui.actions.workflows import Act

LABEL = 14
"""Cells of the column of labels."""
STEPS = 200
"""Transitions that are listed; of more, how many there are."""


class WorkflowScreen(TextDialog[None]):
    """What a workflow was asked to do, how far it came, and who did what to it when."""

    KEYS_TEXT = "p pause   s resume   c cancel   B roll back   e rejects   r retry   j k move   q closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "act('pause_it')", "Pause or go on"),
        Binding("s", "act('resume_it')", "Resume"),
        Binding("c", "act('cancel_it')", "Cancel"),
        Binding("B", "act('rollback_it')", "Roll back"),
        Binding("e", "act('rejects_of')", "Rejects"),
        Binding("r", "act('retry_it')", "Retry rejects"),
    ]

    def __init__(self, workflow: Workflow) -> None:
        self.report = WorkflowLines(workflow)
        super().__init__(self.report)
        self.workflow = workflow

    def title_text(self) -> str:
        return self.workflow.title or self.workflow.id

    def body(self) -> Sequence[Widget]:
        return (self.report,)

    def on_mount(self) -> None:
        """The lines have the keyboard, to scroll; the audit trail comes when it is read."""
        self.report.focus()
        self.report.renew()
        self._ask_steps()

    def works_changed(self) -> None:
        """It moved on, or others did."""
        found = self.desk.main.workflows.find((self.workflow.context, self.workflow.id))
        if found is None or found == self.workflow or not self.is_attached:
            return
        moved = (found.state, found.shown) != (self.workflow.state, self.workflow.shown)
        self.workflow = found
        self.report.show(found)
        if moved:
            self._ask_steps()

    def _ask_steps(self) -> None:
        from store import workflows

        store, name = self.desk.store, self.workflow.id
        self.desk.bridge.read.ask(lambda: workflows.steps(store, name), self._take_steps, name="steps")

    def _take_steps(self, steps: Sequence[Step]) -> None:
        if self.is_attached:
            self.report.show_steps(steps)

    def action_act(self, name: str) -> None:
        """What the keys of the pane do, to this one."""
        from tui.actions import workflows

        act: Act = getattr(workflows, name)
        act(self.desk, self.workflow)


class WorkflowLines(Lines, can_focus=True):
    """A workflow as lines; what moved on is repainted, and nothing else."""

    def __init__(self, workflow: Workflow) -> None:
        super().__init__(id="dialog-report")
        self._workflow = workflow
        self._steps: Sequence[Step] = ()

    def show(self, workflow: Workflow) -> None:
        """Draw the workflow as it is now."""
        self._workflow = workflow
        self.renew()

    def show_steps(self, steps: Sequence[Step]) -> None:
        """Draw its audit trail."""
        self._steps = steps
        self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        return [
            *self._head(width),
            *self._labelled(width, "Counts", counts(self._workflow)),
            *self._labelled(width, "What was asked for", asked(self._workflow)),
            *self._labelled(width, "When", times(self._workflow)),
            *self._labelled(width, "Documented members that records lack", lacks(self._workflow)),
            *self._trail(width),
        ]

    def _head(self, width: int) -> list[Pieces]:
        work = works.of_workflow(self._workflow)
        sign, style = look_of(work, self.signs)
        lines: list[Pieces] = [((f"{sign} ", style), (self._workflow.shown, "bold"))]
        if work.total and not work.at_end:
            lines.append(((bar_text(work.done, work.total, min(48, width), self.signs), "done"),))
        said = " · ".join(figures(work, self.signs))
        lines += [((part, ""),) for part in wrap(said, width)] if said else []
        note = clean(self._workflow.note)
        if note:
            bad = "overdue" if self._workflow.state == "failed" else ""
            lines += [((part, bad),) for part in wrap(note, width)]
        return lines

    def _labelled(self, width: int, title: str, rows: Sequence[tuple[str, str]]) -> list[Pieces]:
        if not rows:
            return []
        column = max(LABEL, max(len(label) for label, _ in rows) + 2)
        lines: list[Pieces] = [(), ((title, "heading"),)]
        for label, value in rows:
            for n, part in enumerate(wrap(clean(value), max(10, width - column - 2))):
                lines.append(((fit(f"  {label if n == 0 else ''}", column + 2), "muted"), (part, "")))
        return lines

    def _trail(self, width: int) -> list[Pieces]:
        if not self._steps:
            return []
        lines: list[Pieces] = [(), (("Audit trail", "heading"),)]
        for step in self._steps[:STEPS]:
            told = [f"{step.processed:,} gone through"] if step.processed else []
            told += [f"{step.rejected:,} rejected"] if step.rejected else []
            told += [step.note] if step.note else []
            head = f"  {moment(step.at)}  {step.state:<12}  "
            text = clean(" · ".join([f"by {step.by}", *told]))
            for n, part in enumerate(wrap(text, max(10, width - len(head)))):
                lines.append(((head if n == 0 else " " * len(head), "muted"), (cut(part, width), "")))
        if len(self._steps) > STEPS:
            lines.append(((f"  and {len(self._steps) - STEPS:,} more", "muted"),))
        return lines


def counts(workflow: Workflow) -> list[tuple[str, str]]:
    """Its counts, those that say nothing left out."""
    rows = [
        ("Items", workflow.total or workflow.processed, True),
        ("Gone through", workflow.processed, True),
        ("Written", workflow.written, True),
        ("There already", workflow.unchanged, bool(workflow.unchanged)),
        ("Rejected", workflow.rejected, bool(workflow.rejected)),
    ]
    return [(label, f"{value:,}") for label, value, told in rows if told]


def asked(workflow: Workflow) -> list[tuple[str, str]]:
    """What was submitted, and how it was to be dealt with."""
    rows = [("Id", workflow.id), ("Type", workflow.kind), ("Context", workflow.context)]
    rows += [("File", workflow.source)] if workflow.source else []
    how = ["strict: what lacks documented members is refused"] if workflow.strict else []
    how += ["all or nothing"] if workflow.atomic else []
    rows += [("Policy", " · ".join(how))] if how else []
    for name, value in sorted(workflow.options.items()):
        if value not in (None, "", False, [], {}):
            text = value if isinstance(value, str) else records.dumps(value).decode("utf-8", "replace")
            rows.append((name.replace("_", " "), text))
    return rows


def times(workflow: Workflow) -> list[tuple[str, str]]:
    """When it was submitted, begun and ended."""
    pairs: list[tuple[str, str | None]] = [
        ("Submitted", workflow.submitted),
        ("Started", workflow.started),
        ("Ended", workflow.ended),
    ]
    rows = [(label, moment(at)) for label, at in pairs if at]
    took = works.of_workflow(workflow).took
    if took >= 0.1:
        rows.append(("Took", lasting(took)))
    return rows


def lacks(workflow: Workflow) -> list[tuple[str, str]]:
    """Members that accepted records lack, the most first."""
    pairs = sorted(workflow.missing.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(clean(name), f"{count:,} record{'' if count == 1 else 's'}") for name, count in pairs]


def moment(at: str) -> str:
    """An instant to the second, where the person sits."""
    instant = clock.try_parse(at)
    return f"{instant.astimezone():%d %b %Y %H:%M:%S}" if instant is not None else at
