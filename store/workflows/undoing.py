"""Rolling a workflow back: the inverse of all it wrote, as new versions; the history stays.

1. Nothing is written before every key has been looked at: where later changes built on what the
   workflow wrote, it is refused with their keys, unless they are to be left as they are.
2. The record says that a rollback has begun (`undoing`) until its last transaction: nothing else goes
   on with the workflow in between, and a rollback that was cut short is begun again.
3. A key that already stands as it did before the workflow is passed over. So a rollback run again, from
   the beginning, does what is left to do and nothing twice.
4. Each key is looked at again under the journal's lock. One that somebody changed since is never
   overwritten: the rollback stops there, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from store import clock
from store.errors import Refused, StorageError
from store.knowledge import writing
from store.knowledge.kinds import BY_NAME, parts_of
from store.model import Edit, Plan
from store.workflows import claiming, lifecycle, lists
from store.workflows.record import Record, moved

if TYPE_CHECKING:
    from store.index.knowledge.single import Written
    from store.knowledge.writing import Newest, View
    from store.store import Store
    from store.workflows.model import Workflow

PART = 1000
"""Keys in one transaction of a rollback."""
ROLLBACK = "workflow.rollback"
"""The command of its transactions: what they wrote is no work of the workflow."""
NAMED = 20
"""Keys that a refusal names in its message."""


class RollbackRefused(Refused):
    """Later changes built on what the workflow wrote; nothing more was taken back."""

    def __init__(self, message: str, changed: list[str]) -> None:
        super().__init__(message)
        self.changed = changed
        """The keys that were changed later."""


class Undoing(NamedTuple):
    """What a rollback would do."""

    deleted: int
    """Records that were not there before: they are deleted again."""
    restored: int
    """Records that get their earlier version back."""
    done: int
    """Those that stand as before already."""
    changed: list[str]
    """Keys that were changed later."""


class _Before(NamedTuple):
    """A key the workflow wrote, and where its version before that lies; None where there was none."""

    key: str
    place: tuple[int, int, int] | None


def survey(store: Store, workflow_id: str) -> Undoing:
    """What a rollback would do; nothing is written. Raises NotFound."""
    found = lists.held(store, workflow_id)
    lists.current(store, found.context)
    deleted = restored = done = 0
    changed: list[str] = []
    with writing.looking(store, found.context) as view:
        for part in _parts(store, found.context, workflow_id):
            edits, same, others = _inverse(view, part, workflow_id)
            gone = sum(edit.op == "delete" for edit in edits)
            deleted, restored, done = deleted + gone, restored + len(edits) - gone, done + same
            changed += others
    return Undoing(deleted, restored, done, changed)


def rollback(
    store: Store,
    workflow_id: str,
    *,
    skip_changed: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Workflow:
    """Put back what stood before the workflow wrote, and delete what was not there; the workflow then.

    `on_progress(done, total)` counts records. With `skip_changed` what was changed later stays as it is.
    Raises RollbackRefused naming the keys that were, Refused where it runs or was rolled back before.
    """
    store.writable()
    record = lists.held(store, workflow_id).record
    _allowed(record)
    with claiming.claimed(store, workflow_id):
        found = lists.held(store, workflow_id)
        _allowed(found.record)
        plan = survey(store, workflow_id)
        if plan.changed and not skip_changed:
            raise _refusal(workflow_id, plan.changed, begun=found.record.undoing)
        total = plan.deleted + plan.restored
        with store.jobs.run("rollback", f"Roll back {found.record.title}", total) as job:
            job.job.workflow = workflow_id
            lifecycle.change(store, workflow_id, "rollback", lambda record, ver: _begun(store, record, ver))
            done = left = 0
            for part in _parts(store, found.context, workflow_id):
                made, others = _take_back(store, found.context, workflow_id, part, skip=skip_changed)
                done, left = done + made, left + others
                job.at(done, total)
                if on_progress is not None:
                    on_progress(done, total)
            note = f"{plan.deleted:,} deleted, {plan.restored:,} put back" + (
                f", {left:,} left as changed since" if left else ""
            )
            lifecycle.change(
                store, workflow_id, "rolled-back", lambda record, ver: _finished(store, record, ver, note)
            )
    return lists.get(store, workflow_id)


def _allowed(record: Record) -> None:
    if record.job:
        raise Refused(f"{record.id} is a job of the upkeep: there is nothing to roll back.")
    if record.state == "rolled back":
        raise Refused(f"The workflow {record.id} was rolled back already.")


def _begun(store: Store, record: Record, ver: int) -> Record | None:
    """The record from which a rollback starts. What has not ended is cancelled by it."""
    if record.undoing:
        return None
    state = record.state if record.ended_already else "cancelled"
    return moved(
        record,
        ver,
        state,
        by=store.session.by,
        at=clock.stamp(),
        note="being rolled back",
        undoing=True,
        paused=False,
    )


def _finished(store: Store, record: Record, ver: int, note: str) -> Record:
    return moved(
        record,
        ver,
        "rolled back",
        by=store.session.by,
        at=clock.stamp(),
        note=note,
        undoing=False,
        paused=False,
    )


def _parts(store: Store, context: str, workflow_id: str) -> Iterator[list[_Before]]:
    """The keys a workflow wrote, each with what stood before, in the order it wrote them."""
    after = 0
    while rows := store.library.written_by(context, workflow_id, after, PART):
        after = rows[-1].seq
        part = [before for row in rows if (before := _before(row, workflow_id)) is not None]
        if part:
            yield part


def _before(row: Written, workflow_id: str) -> _Before | None:
    """What stood before the workflow wrote a key; None for a later version of its own, and for its own kinds.

    Raises StorageError where that version is not there any more.
    """
    version, before = row.version, row.before
    kind = BY_NAME.get(parts_of(version.key)[0])
    if version.command == ROLLBACK or (kind is not None and kind.own):
        return None
    if before is not None and before.ver == version.ver - 1:
        if before.workflow == workflow_id:
            return None
        deleted = before.op == "delete"
        return _Before(version.key, None if deleted else (before.generation, before.offset, before.length))
    if version.ver == 1:
        return _Before(version.key, None)
    raise StorageError(
        f"Version {version.ver - 1} of {version.key}, which stood before the workflow {workflow_id}, was forgotten "
        "by a retention rule or an erasure: it cannot be put back, and nothing more was taken back."
    )


def _inverse(view: View, part: list[_Before], workflow_id: str) -> tuple[list[Edit], int, list[str]]:
    """The edits that put these keys back, how many stand so already, and the keys that were changed later."""
    newest = view.newest([before.key for before in part])
    edits: list[Edit] = []
    done = 0
    changed: list[str] = []
    for key, place in part:
        now = newest.get(key)
        raw = None if place is None else view.place(*place)
        if now is None or _stands(view, now, raw):
            done += 1
        elif now.workflow != workflow_id:
            changed.append(key)
        elif raw is None:
            edits.append(Edit("delete", key))
        else:
            edits.append(Edit("put", key, None, raw))
    return edits, done, changed


def _stands(view: View, now: Newest, raw: bytes | None) -> bool:
    """Whether a key stands as it did: deleted, or with those bytes."""
    if raw is None or now.deleted:
        return raw is None and now.deleted
    return view.raw(now) == raw


def _take_back(
    store: Store, context: str, workflow_id: str, part: list[_Before], *, skip: bool
) -> tuple[int, int]:
    """Commit the inverse of one part; how many records it put back, and how many it left. Raises RollbackRefused."""
    left: list[str] = []

    def plan(view: View) -> Plan:
        edits, _, changed = _inverse(view, part, workflow_id)
        if changed and not skip:
            raise _refusal(workflow_id, changed, begun=True)
        left[:] = changed
        return Plan(ROLLBACK, f"Roll back {len(edits):,} records", edits)

    made = writing.write(store, context, plan, workflow=workflow_id)
    return len(made.edits), len(left)


def _refusal(workflow_id: str, changed: list[str], *, begun: bool) -> RollbackRefused:
    named = ", ".join(changed[:NAMED]) + (", …" if len(changed) > NAMED else "")
    what = "The rollback stopped there" if begun else "Nothing was taken back"
    return RollbackRefused(
        f"{len(changed):,} records of the workflow {workflow_id} were changed later: {named}. {what}. Take those "
        "changes back first, or leave these records as they are with --skip-changed.",
        changed,
    )
