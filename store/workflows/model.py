"""Workflows as plain values: what a workflow record says, and which transitions there are.

A workflow is one record of the knowledge journal of its context, `workflow:<id>`; every transition
is a version of it, so that the record's history is the audit trail. Where a batch writes, the new
counts stand in the same transaction as the items they count.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

State = Literal["pending", "processing", "completed", "failed", "cancelled", "rolled back"]

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "pending": ("processing", "cancelled", "failed"),
    "processing": ("completed", "failed", "cancelled"),
    "completed": ("rolled back", "processing"),
    "failed": ("processing", "rolled back"),
    "cancelled": ("processing", "rolled back"),
    "rolled back": (),
}
"""What may follow each state. `completed` goes back to `processing` where its rejects are tried again."""

ENDED = ("completed", "failed", "cancelled", "rolled back")


class Workflow(NamedTuple):
    """One workflow, as its record says and as its runner's heartbeat adds."""

    context: str
    id: str
    kind: str
    """Its type: `create`, `import`, `expand`, `clusters`, `fields`, `delete`, `embed`; upkeep's
    jobs have the kind of the job: `backup`, `verify`, …"""
    title: str
    state: State
    paused: bool
    """Of one that is processing: somebody asked it to wait."""
    interrupted: bool
    """Of one that is processing: nobody runs it (it crashed, or its machine did)."""
    total: int
    """Items in all; 0 where that is not known yet."""
    processed: int
    """Items gone through: written, already there and rejected."""
    written: int
    unchanged: int
    """Items that were there already, byte for byte or by their idempotency key."""
    rejected: int
    missing: dict[str, int]
    """Documented members that accepted records lack, with how many lack them."""
    atomic: bool
    strict: bool
    submitted: str
    started: str | None
    ended: str | None
    by: str
    """Who made the last transition."""
    note: str
    """What came of it, or why it failed, in words."""
    rate: float
    """Items a second at present; 0 where it does not run."""
    seconds_left: float | None
    source: str
    """Name of the file that was submitted, for people."""
    options: dict[str, Any]
    """What was asked for, as its type understands it."""
    ver: int

    @property
    def shown(self) -> str:
        """The state as people read it: `paused` and `interrupted` are said of those that process."""
        if self.state == "processing":
            return "interrupted" if self.interrupted else "paused" if self.paused else "processing"
        if self.state == "completed" and self.rejected:
            return f"completed, {self.rejected} rejected"
        return self.state


class Step(NamedTuple):
    """One transition of a workflow: a line of its audit trail."""

    at: str
    by: str
    state: str
    processed: int
    rejected: int
    note: str
    ver: int


class Rejected(NamedTuple):
    """One item that was refused: a `validation` record."""

    workflow: str
    line: int
    """In the submitted file, from 1."""
    code: str
    """Stable word: `not-json`, `no-type`, `bad-score`, `duplicate-id`, …"""
    reason: str
    """What was expected, what was found, and where in the record."""
    item: str
    """The line as it was submitted, its beginning only where it is long."""
    at: str
    whole: bool = True
    """False where `item` is only the beginning; the rest is in the staged items while they are kept."""
