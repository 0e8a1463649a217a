"""Conflicts: what two sides changed at once, as people read it, and how it is settled.

When a chart file another program wrote is taken in, a member that both sides had changed gets the
later value, which is theirs, and the transaction keeps the other beside it (`store.merge`). A
record deleted on one side and changed on the other stays, with the change. `conflicts` lists what
is open; `resolve` settles one, in a transaction of the command `conflict.resolve`:

1. It writes the record in any case, also where what won stays: undo has something to take back,
   and taking it back opens the conflict again.
2. The value put back is the one that gave way, to the digit; the rest of the record stays as it is now.
3. A chart and its desired outcome hold its due date and completion both. A conflict that both of
   them have from one transaction, about the same two values, is settled as one.
4. One that was settled meanwhile is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from store import clock, records
from store.errors import NotFound, Refused, UsageError
from store.model import Change, ConflictRow, Edit, Json, Plan
from store.past import FOREIGN, JournalHistory
from store.paths import value_at, with_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.index import Snapshot
    from store.state import State
    from store.store import Store

COMMAND = "conflict.resolve"

RECENT = 64
"""Versions looked through for who set the value that gave way."""

_KINDS = {
    records.CHART: "chart",
    "desired_outcome": "desired outcome",
    "current_reality": "current reality",
    "action_step": "step",
    "narrative_beat": "narrative beat",
}
_OF_A_CHART = (records.CHART, "desired_outcome")
_FIELDS = {"dueDate": "due date", "completionStatus": "completion", "chartId": "chart"}


class Other(NamedTuple):
    """A third value to put in place of either: a JSON value, None for null."""

    value: Any


Choice = Literal["ours", "theirs"] | Other


class Side(NamedTuple):
    """One of the two values."""

    value: str | None
    """JSON text; None where this side had no such member, or no such record."""
    text: str
    """As people read it."""
    by: str
    at: str


class Conflict(NamedTuple):
    """One conflict with all that a person needs to choose."""

    row: ConflictRow
    chart_id: str | None
    chart: str
    """Title of the chart it belongs to, else the name of the record."""
    record: str
    """What the record is: `step “Draft the outline”`."""
    field: str
    """What of it: `due date`, `wording`; empty for the record as a whole."""
    ours: Side
    theirs: Side

    @property
    def what(self) -> str:
        """`due date of the step “Draft”`."""
        return f"{self.field} of the {self.record}" if self.field else f"the {self.record} itself"

    @property
    def stands(self) -> Literal["ours", "theirs"]:
        """The side that won when the file was taken in."""
        return self.row.won


def conflicts(store: Store, context: str | None = None, *, open_only: bool = True) -> list[Conflict]:
    """The conflicts of one context, or of all, the newest first."""
    with store.snapshot() as snap:
        return [_read(store, snap, row) for row in snap.conflicts(context, open_only)]


def find(store: Store, conflict_id: str, context: str | None = None) -> ConflictRow:
    """The conflict of that id, settled or not. Raises NotFound."""
    with store.snapshot() as snap:
        found = [row for row in snap.conflicts(context, open_only=False) if row.id == conflict_id]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(row.context for row in found)
        raise NotFound(f"There is a conflict {conflict_id} in {names}: say which with --context.")
    raise NotFound(f"There is no conflict {conflict_id} in {store.root}. `chartkeep conflicts` lists them.")


def resolve(store: Store, conflict_id: str, choice: Choice, context: str | None = None) -> Change:
    """Settle a conflict: with what is here (`ours`), what the other program wrote, or a third value.

    Raises NotFound, and Refused where it is settled already or the record has no place for the
    value any more; ReadOnly, Locked, StorageError.
    """
    store.sync(context)
    row = find(store, conflict_id, context)

    def plan(state: State) -> Plan:
        with store.index.snapshot() as snap:
            fresh = next(
                (one for one in snap.conflicts(row.context, open_only=False) if one.id == row.id), row
            )
            if fresh.state != "open":
                raise Refused(
                    f"The conflict {row.id} is settled already ({fresh.state}). Undo opens it again."
                )
            told = _read(store, snap, fresh)
            same = _twins(store, snap, told)
        made = Plan(COMMAND, _label(told, choice), focus=_focus(told))
        made.resolves = [row.id, *(twin.row.id for twin in same)]
        made.edits = [_edit(state, one, choice) for one in (told, *same)]
        return made

    return store.commit(row.context, plan)


def chosen(conflict: Conflict, choice: Choice) -> str | None:
    """The value of a choice as JSON text, None for nothing."""
    if isinstance(choice, Other):
        return records.dumps(choice.value).decode("utf-8")
    return conflict.ours.value if choice == "ours" else conflict.theirs.value


def _edit(state: State, conflict: Conflict, choice: Choice) -> Edit:
    row = conflict.row
    history = JournalHistory(state)
    held = state.get(row.key)
    current = held.record if held is not None else None
    if choice == row.won:  # it stands, or what came in its place since
        return as_it_is(history, row.key, current)
    text = chosen(conflict, choice)
    try:
        changed = with_value(current, row.path, text)
    except LookupError as error:
        raise Refused(
            f"The value cannot be put into the {conflict.record}: {error}. Keep what is there, or undo that first."
        ) from None
    if changed is None:
        return Edit("delete", row.key)
    return as_it_is(history, row.key, current) if changed == current else Edit("put", row.key, changed)


def as_it_is(history: JournalHistory, key: str, current: Json | None) -> Edit:
    """The record once more, byte for byte; deleted once more where it is."""
    return Edit("delete", key) if current is None else Edit("put", key, current, history.raw(key))


def _twins(store: Store, snap: Snapshot, conflict: Conflict) -> list[Conflict]:
    """The same conflict in the other record that stands for the same chart."""
    row = conflict.row
    mine = snap.record(row.context, row.key)
    if not row.path or mine is None or mine.entity_type not in _OF_A_CHART:
        return []
    found = []
    for other in snap.conflicts(row.context):
        alike = (other.at, other.path, other.ours, other.theirs) == (row.at, row.path, row.ours, row.theirs)
        if not alike or other.key == row.key or other.id.partition("/")[0] != row.id.partition("/")[0]:
            continue
        beside = snap.record(row.context, other.key)
        if beside is None or beside.entity_type not in _OF_A_CHART or beside.chart_id != mine.chart_id:
            continue
        found.append(_read(store, snap, other))
    return found


def _label(conflict: Conflict, choice: Choice) -> str:
    if choice == conflict.stands:
        return (
            f"Keep {_short(conflict, choice)} as the {conflict.what}"
            if conflict.field
            else (f"Keep {conflict.what}")
        )
    if not conflict.field:
        return f"{'Bring back' if chosen(conflict, choice) else 'Delete'} {conflict.what}"
    return f"Take {_short(conflict, choice)} as the {conflict.what}"


def _short(conflict: Conflict, choice: Choice) -> str:
    text = in_words(conflict.row.path, chosen(conflict, choice))
    return f"“{text if len(text) <= 40 else text[:39] + '…'}”" if chosen(conflict, choice) else text


def _focus(conflict: Conflict) -> str | None:
    return conflict.row.key[2:] if conflict.row.key.startswith("e:") else conflict.chart_id


# -- in words --------------------------------------------------------------------------------------


def in_words(path: Iterable[str], value: str | None) -> str:
    """A value as people read it: texts as they are, `complete`, `nothing`, a record by its texts."""
    names = tuple(path)
    if value is None:
        return "nothing" if names else "deleted"
    found = records.loads(value.encode("utf-8"))
    if not names:
        return record_in_words(found)
    if isinstance(found, bool) and names[-1] == "completionStatus":
        return "complete" if found else "not complete"
    return found if isinstance(found, str) else value


def record_in_words(value: Any) -> str:
    """A record by its texts, its due date and whether it is complete; else as JSON."""
    body = records.body_of(value)
    if not isinstance(body, dict):
        return records.dumps(value).decode("utf-8")
    texts = [text for text in body.get("observations") or () if isinstance(text, str)]
    meta = records.metadata_of(body)
    if isinstance(meta.get("dueDate"), str):
        texts.append(f"due {meta['dueDate']}")
    if meta.get("completionStatus") is True:
        texts.append("complete")
    return " · ".join(texts) or records.dumps(value).decode("utf-8")


def field_in_words(path: Iterable[str]) -> str:
    """What a path leads to: `due date`, `wording`; empty for the record itself."""
    names = [name for name in path if name not in ("data", "metadata")]
    if not names:
        return ""
    if names == ["observations", "0"]:
        return "wording"
    last = names[-1]
    plain = _FIELDS.get(last) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).lower()
    return " ".join([*names[:-1], plain]) if len(names) > 1 else plain


def who(by: str) -> str:
    """Who wrote a value: a person, or the program behind a chart file."""
    return f"another program ({by.removeprefix(FOREIGN)})" if by.startswith(FOREIGN) else by


def editable(conflict: Conflict) -> str:
    """The value that stands, as a text to change by hand: for an editor, or a line where it is one."""
    now = conflict.row.now
    if now is None:
        return ""
    found = records.loads(now.encode("utf-8"))
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "yes" if found else "no"
    return now if conflict.row.path else json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def typed(conflict: Conflict, text: str) -> Other:
    """What a person typed in place of either value. Raises UsageError where it is none for this field."""
    sides = [
        records.loads(side.encode("utf-8"))
        for side in (conflict.ours.value, conflict.theirs.value)
        if side is not None
    ]
    path, text = conflict.row.path, text.strip()
    if path[-1:] == ("dueDate",):
        from store.charts.dates import parse_due

        day = parse_due(text, clock.today())
        if day is None:
            raise UsageError("Type a date: fri, +2w, 12 dec, 2026-12-01")
        return Other(day.isoformat())
    if not path or not all(isinstance(side, str) for side in sides):
        return _typed_json(text, record=not path, yes_or_no=all(isinstance(side, bool) for side in sides))
    if not text:
        raise UsageError("Type a text")
    return Other(text)


def _typed_json(text: str, *, record: bool, yes_or_no: bool) -> Other:
    if yes_or_no and not record:
        words = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
        if text.lower() not in words:
            raise UsageError("Type yes or no")
        return Other(words[text.lower()])
    try:
        found = records.loads(text.encode("utf-8", "surrogatepass"))
    except records.BadJson as error:
        raise UsageError(f"This is not JSON: {error}") from None
    if record and not isinstance(found, dict):
        raise UsageError("A record is a JSON object, {…}")
    return Other(found)


# -- reading ---------------------------------------------------------------------------------------


def _read(store: Store, snap: Snapshot, row: ConflictRow) -> Conflict:
    by, at, body = _ours(store, snap, row)
    if not body:
        told = next((text for text in (row.theirs, row.ours) if text is not None and not row.path), None)
        body = records.body_of(records.loads(told.encode("utf-8"))) if told else {}
    chart_id = records.chart_id_of(body) if isinstance(body, dict) else None
    chart = snap.chart(row.context, chart_id) if chart_id is not None else None
    name = row.key.partition(":")[2]
    title = chart.title if chart is not None else name
    return Conflict(
        row,
        chart_id,
        title,
        record_name(body, name),
        field_in_words(row.path),
        Side(row.ours, in_words(row.path, row.ours), by, at),
        Side(row.theirs, in_words(row.path, row.theirs), row.by, row.at),
    )


def record_name(body: Json, name: str) -> str:
    """What a record is: `step “Draft the outline”`, `chart`, `record belt-3`."""
    kind = body.get("entityType")
    texts = [text for text in body.get("observations") or () if isinstance(text, str)]
    if kind in (records.CHART, "current_reality") or not texts:
        shown = "" if kind in _KINDS else f" {name}"
    else:
        shown = f" “{texts[0]}”"
    word = _KINDS.get(kind) if isinstance(kind, str) else None
    return f"{word or 'record'}{shown}"


def _ours(store: Store, snap: Snapshot, row: ConflictRow) -> tuple[str, str, Json]:
    """Who set the value that gave way, when, and the record as it was with it (empty where deleted)."""
    journal = store.journal(row.context)
    by, at = "", ""
    body: Json = {}
    versions = [version for version in snap.versions(row.context, row.key) if version.ver <= row.ver]
    for version in versions[::-1][:RECENT]:
        raw = (
            None
            if version.op == "delete"
            else journal.record_raw(version.generation, version.offset, version.length)
        )
        record = None if raw is None else records.loads(raw)
        if value_at(record, row.path) != row.ours:
            body = body or records.body_of(record or {})
            break
        by, at = version.by, version.at
        body = body or records.body_of(record or {})
    return by, at, body
