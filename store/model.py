"""Plain values that travel between the layers: positions, records, plans, changes, rows.

Nothing here touches a disk or an engine. Bulk rows are NamedTuples (cheap to make by
the thousand); the rest are frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Op = Literal["put", "delete"]
Json = dict[str, Any]

ARCHIVE = "archive"
"""Name of the context whose chart file is `completed-charts.jsonl`."""

DEFAULT = "default"
"""Name of the context whose chart file is `charts.jsonl`."""


class Position(NamedTuple):
    """A point between two transactions of a journal: what lies before it has been read.

    `hash` is the `_h` of the last line before `offset` (of the header line, when nothing else).
    """

    generation: int
    offset: int
    hash: str


class Held(NamedTuple):
    """A version of a record as the store holds it. `record` is None where the version is a deletion."""

    key: str
    ver: int
    record: Json | None


class Collision(NamedTuple):
    """One member both sides changed, as the transaction that merged them keeps it in its `tx`.

    `ours` and `theirs` are JSON text, exact to the digit; None where that side had no such member
    (with the empty path: no such record). `base` is what both started from, where that is known.
    """

    key: str
    path: tuple[str, ...]
    """Names of members from the record inwards, a place in a list as text; empty for the record itself."""
    ours: str | None
    theirs: str | None
    base: str | None
    ver: int
    """The version of our record in which the value stood that both could not have."""


class Edit(NamedTuple):
    """One record a command wants written; versions are given when it is committed."""

    op: Op
    key: str
    record: Json | None = None
    raw: bytes | None = None
    """The record's exact bytes, where a foreign line is taken over unchanged; else it is encoded anew."""


@dataclass(slots=True)
class Plan:
    """What one command will write, made by a plain function from a view of the state."""

    command: str
    """Id from the command table: `step.add`."""
    label: str
    """What happened in words, for the activity list: `Add step “Draft the outline”`."""
    edits: list[Edit] = field(default_factory=list)
    focus: str | None = None
    """Chart id or entity name the cursor should stand on afterwards."""
    hints: list[str] = field(default_factory=list)
    """Advice to show; never a refusal."""
    conflicts: list[Collision] = field(default_factory=list)
    """What both sides had changed, kept beside the records that came of it."""
    resolves: list[str] = field(default_factory=list)
    """Ids of the conflicts this settles, `<tx>/<n>`."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one command committed: the acknowledgement."""

    context: str
    tx: str
    """`<generation>:<hex offset>` of the transaction in its journal."""
    at: str
    by: str
    command: str
    label: str
    edits: tuple[Edit, ...]
    focus: str | None = None
    hints: tuple[str, ...] = ()
    position: Position | None = None
    """The end of the journal right after it; None where nothing was written."""

    @property
    def empty(self) -> bool:
        """True where the command found nothing to change."""
        return not self.edits


class TxMeta(NamedTuple):
    """Who did what with one transaction: the `tx` member of its first line."""

    command: str
    label: str
    session: str
    undoes: str | None = None
    """Transaction that this one takes back (`<generation>:<hex offset>`)."""
    redoes: str | None = None
    group: str | None = None
    """Id shared by the transactions of one command over two journals, such as a move."""
    conflicts: tuple[Collision, ...] = ()
    """Members both sides had changed; the n-th is the conflict `<tx>/<n>`, counted from 0."""
    resolves: tuple[str, ...] = ()
    """Ids of the conflicts it settles."""
    more: Json | None = None
    """Members of `tx` this version does not know, written back as they were read."""


class TxRow(NamedTuple):
    """One transaction as the activity list shows it."""

    context: str
    tx: str
    seq: int
    at: str
    by: str
    command: str
    label: str
    session: str
    records: int
    """How many record versions it wrote."""
    undoes: str | None
    redoes: str | None
    undone_by: str | None
    """Transaction that took this one back and was not itself taken back."""
    group: str | None


ConflictState = Literal["open", "kept", "taken", "superseded"]
"""`kept`: what won stays. `taken`: the other value, or a third, was put in its place. `superseded`: a later
edit of that member settled it."""


class ConflictRow(NamedTuple):
    """One member two sides changed at once, as the index lists it. Values are JSON text, None: not there."""

    context: str
    id: str
    """`<tx>/<n>`: unique within the context."""
    key: str
    path: tuple[str, ...]
    ours: str | None
    theirs: str | None
    base: str | None
    ver: int
    """The version of our record in which `ours` stood."""
    at: str
    by: str
    """Who wrote `theirs`, and when it was taken in."""
    state: ConflictState
    now: str | None
    """What stands there now."""
    settled_by: str | None
    """The transaction that settled it; also where an undo has opened it again."""

    @property
    def won(self) -> Literal["ours", "theirs"]:
        """The side that stood after the merge: theirs, but a change wins over a deletion."""
        return "ours" if not self.path and self.theirs is None else "theirs"


class VersionRow(NamedTuple):
    """One version of one record: where its line lies, who wrote it and when."""

    context: str
    key: str
    ver: int
    op: Op
    at: str
    by: str
    tx: str
    generation: int
    offset: int
    length: int
    command: str = ""
    label: str = ""
    workflow: str | None = None
    """The workflow that wrote it. This and the two before are told of knowledge only."""


class Progress(NamedTuple):
    """Completed of total, over steps and child charts, each counted once."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.done}/{self.total}" if self.total else ""


class ContextInfo(NamedTuple):
    """A context as the contexts pane lists it."""

    name: str
    file: str
    charts: int
    complete: int
    overdue: int
    updated: str | None
    archived: bool = False
    findings: int = 0


class ChartRow(NamedTuple):
    """A chart as the hierarchy lists it."""

    context: str
    chart_id: str
    title: str
    due: str | None
    done: bool
    progress: Progress
    level: int
    parent: str | None
    parent_step: str | None
    children: int
    """Rows that appear when it is unfolded: steps, and child charts that come from no step."""
    created: str | None
    updated: str | None
    """When anything of the chart last changed, by the records' own dates or the journal's."""


class StepRow(NamedTuple):
    """An action step as the hierarchy and the chart pane list it."""

    context: str
    chart_id: str
    name: str
    title: str
    due: str | None
    done: bool
    notes: int
    child: str | None
    """Chart id this step telescoped into."""
    child_progress: Progress
    updated: str | None


@dataclass(frozen=True, slots=True)
class ChartView:
    """One chart whole, as the chart pane, `show` and the exports draw it."""

    row: ChartRow
    outcome: str
    outcome_notes: tuple[str, ...]
    reality: tuple[str, ...]
    steps: tuple[StepRow, ...]
    child_charts: tuple[ChartRow, ...]
    """Children that no step telescoped into."""
    trail: tuple[tuple[str, str], ...]
    """(chart id, title) of each ancestor, outermost first: the breadcrumb."""
    phase: str | None = None
    hints: tuple[str, ...] = ()
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Progress notes by step name."""
    others: int = 0
    """Records of other kinds that belong to the chart (narrative beats, belts, …)."""


class Hit(NamedTuple):
    """One search result."""

    context: str
    chart_id: str
    name: str
    kind: str
    text: str
    title: str
    done: bool


Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something verify found, named so that a person can go and look."""

    severity: Severity
    code: str
    """Stable word for scripts: `torn-tail`, `broken-line`, `duplicate-name`, …"""
    message: str
    path: str = ""
    line: int | None = None
    offset: int | None = None
    kept: str | None = None
    """Where the bytes were kept, relative to the store."""

    def __str__(self) -> str:
        where = self.path
        if self.line is not None:
            where += f", line {self.line}"
        if self.offset is not None:
            where += f", offset {self.offset}"
        return f"{where}: {self.message}" if where else self.message
