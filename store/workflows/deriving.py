"""Records that chartkeep derives from others: written where what they say has changed, left alone where not.

A derived record says what made it and when (`workflow_id`, `created_at`). Neither counts when it is
compared with the one that is there, and a new version keeps the time of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from store import clock, records
from store.knowledge.kinds import key_of
from store.model import Edit

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.workflows.types import Batch, Decision, Run

ADDED = ("workflow_id", "created_at")
"""Members that say what made a record and when, not what it says."""


def edit(run: Run, kind: str, record_id: str, members: dict[str, Any]) -> Edit:
    """What puts a derived record; `members` are all but `type`, `id`, `workflow_id` and `created_at`."""
    head = {"type": kind, "id": record_id, "workflow_id": run.id, "created_at": clock.stamp()}
    return Edit("put", key_of(kind, record_id), None, records.dumps(head | members))


def decide(run: Run, view: View, batch: Batch) -> Decision:
    """The usual decision, where the batch's puts are derived records."""
    from store.workflows import deciding

    return deciding.decide(run, view, batch._replace(edits=settled(view, batch.edits)))


def settled(view: View, edits: Sequence[Edit]) -> list[Edit]:
    """Puts of derived records as next versions of what is live now."""
    newest = view.newest([edit.key for edit in edits])
    made = []
    for one in edits:
        found = newest.get(one.key)
        before = view.raw(found) if found is not None else None
        after = one.raw if one.raw is None or before is None else renewed(one.raw, before)
        made.append(one._replace(raw=after))
    return made


def renewed(raw: bytes, before: bytes) -> bytes:
    """The derived record `raw` as the next version of `before`: those very bytes where both say the same."""
    old, new = _value(before), _value(raw)
    if old is None or new is None:
        return raw
    if records.same(_said(old), _said(new)):
        return before
    if isinstance(created := old.get("created_at"), str):
        new["created_at"] = created
    return records.dumps(new)


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name not in ADDED}


def _value(raw: bytes) -> dict[str, Any] | None:
    try:
        value = records.loads(raw)
    except records.BadJson:
        return None
    return value if isinstance(value, dict) else None
