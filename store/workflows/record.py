"""What a workflow's record holds, as a value and as the bytes of the journal, and what is shown of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from store import records
from store.errors import Refused, UsageError
from store.knowledge.kinds import key_of
from store.workflows.model import TRANSITIONS, State, Workflow

WORKFLOW = "workflow"
"""The `type` of such records."""


class Record(NamedTuple):
    """One version of a workflow's record."""

    id: str
    kind: str
    title: str
    state: State = "pending"
    paused: bool = False
    total: int = 0
    processed: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    missing: dict[str, int] = {}
    atomic: bool = False
    strict: bool = False
    update: bool = False
    later: bool = False
    """True where nobody waits for it: the upkeep runs it."""
    submitted: str = ""
    started: str | None = None
    ended: str | None = None
    by: str = ""
    note: str = ""
    source: str = ""
    options: dict[str, Any] = {}
    cursor: Any = None
    """The cursor of the last batch committed, as its type understands it."""
    before: int = 0
    """The version that holds the transition before this one; 0 for none."""
    progress: bool = False
    """True where this version is no transition: it only counts on."""
    undoing: bool = False
    """True from when a rollback begins to write until it is done: nothing else may go on with it."""
    lost: bool = False
    """True once somebody noticed that nobody runs it any more."""
    job: bool = False
    """True for a job of the upkeep: it cannot be resumed or rolled back."""

    @property
    def key(self) -> str:
        """Its key in the journal."""
        return workflow_key(self.id)

    @property
    def ended_already(self) -> bool:
        """True where nothing more comes of it by itself."""
        return self.state not in ("pending", "processing")


_USUAL = Record("", "", "")._asdict()
_ALWAYS = frozenset(
    (
        "id",
        "kind",
        "title",
        "state",
        "total",
        "processed",
        "written",
        "unchanged",
        "rejected",
        "submitted",
        "by",
    )
)


def workflow_key(workflow_id: str) -> str:
    """The journal key of a workflow's record."""
    return key_of(WORKFLOW, workflow_id)


def dump(record: Record) -> bytes:
    """A record as its journal line holds it; members that say nothing are left out."""
    made: dict[str, Any] = {"type": WORKFLOW}
    for name, value in record._asdict().items():
        if name in _ALWAYS or value != _USUAL[name]:
            made[name] = value
    return records.dumps(made)


def load(raw: bytes) -> Record:
    """The record in these bytes; members of another shape than ours count as not there."""
    value = records.loads(raw)
    given = value if isinstance(value, dict) else {}
    taken = {
        name: given[name]
        for name, usual in _USUAL.items()
        if name in given and (usual is None or _alike(given[name], usual))
    }
    return Record(**{"id": "", "kind": "", "title": "", **taken})


def _alike(value: Any, usual: Any) -> bool:
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(usual, bool)
    return isinstance(value, type(usual))


def moved(record: Record, ver: int, state: State, *, by: str, at: str, note: str = "", **more: Any) -> Record:
    """The record after a transition; `ver` is the version it stood in. Raises Refused where it cannot be made."""
    same = state == record.state
    if not same and state not in TRANSITIONS[record.state]:
        raise Refused(f"The workflow {record.id} is {record.state}: it cannot become {state}.")
    ended = None if state in ("pending", "processing") else record.ended if same and record.ended else at
    return record._replace(
        state=state,
        by=by,
        note=note,
        ended=ended,
        before=record.before if record.progress else ver,
        progress=False,
        **more,
    )


def counted(record: Record, ver: int, **counts: Any) -> Record:
    """The record with other counts: no transition."""
    return record._replace(before=record.before if record.progress else ver, progress=True, **counts)


def shown(record: Record, context: str, ver: int) -> Workflow:
    """What is told of a record; whether somebody runs it, and how fast, is laid over it by `listing`."""
    return Workflow(
        context=context,
        id=record.id,
        kind=record.kind,
        title=record.title,
        state=record.state,
        paused=record.paused,
        interrupted=False,
        total=record.total,
        processed=record.processed,
        written=record.written,
        unchanged=record.unchanged,
        rejected=record.rejected,
        missing=dict(record.missing),
        atomic=record.atomic,
        strict=record.strict,
        submitted=record.submitted,
        started=record.started,
        ended=record.ended,
        by=record.by,
        note=record.note,
        rate=0.0,
        seconds_left=None,
        source=record.source,
        options=dict(record.options),
        ver=ver,
    )


def check_id(workflow_id: str) -> str:
    """The id if a workflow can have it: it names a folder, too. Raises UsageError."""
    plain = (
        workflow_id.isascii() and workflow_id.replace("-", "a").replace("_", "a").replace(".", "a").isalnum()
    )
    if not plain or workflow_id[0] in ".-" or len(workflow_id) > 100 or workflow_id.startswith("slot-"):
        raise UsageError(
            f"“{workflow_id[:120]}” cannot name a workflow: at most 100 letters, digits, . _ and -, not beginning "
            "with . or - or slot-."
        )
    return workflow_id
