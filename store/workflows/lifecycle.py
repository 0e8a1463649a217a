"""What people do to a workflow: pause, resume, cancel, try the rejects again. Each is a record of its journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import NotFound, Refused
from store.knowledge import writing
from store.model import Edit, Plan
from store.workflows import claiming, lists, staging
from store.workflows.record import Record, dump, load, moved, workflow_key

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.store import Store
    from store.workflows.model import Workflow

Change = Callable[[Record, int], Record | None]
"""From the record that stands, and its version, to the one that follows; None for no change."""


def change(store: Store, workflow_id: str, step: str, become: Change) -> Record:
    """Commit what `become` makes of the newest record; that record. Raises what it raises, NotFound."""
    found = lists.held(store, workflow_id)
    made: list[Record] = []

    def plan(view: View) -> Plan:
        newest = view.newest([workflow_key(workflow_id)]).get(workflow_key(workflow_id))
        raw = view.raw(newest) if newest is not None else None
        if newest is None or raw is None:
            raise NotFound(f"There is no workflow “{workflow_id}” any more.")
        record = load(raw)
        after = become(record, newest.ver)
        made[:] = [record if after is None else after]
        edits = [] if after is None else [Edit("put", record.key, None, dump(after))]
        return Plan(f"workflow.{step}", f"{record.title}: {step}", edits)

    writing.write(store, found.context, plan, workflow=workflow_id)
    return made[0]


def pause(store: Store, workflow_id: str) -> Workflow:
    """Have a workflow stop after its present transaction; `resume` goes on with it. Raises Refused, NotFound."""

    def become(record: Record, ver: int) -> Record | None:
        _no_job(record, "paused")
        if record.ended_already:
            raise Refused(f"The workflow {record.id} is {record.state}: there is nothing to pause.")
        if record.paused:
            return None
        return _next(store, record, ver, record.state, paused=True)

    change(store, workflow_id, "pause", become)
    claiming.ask_to_stop(store.layout, workflow_id)
    return lists.get(store, workflow_id)


def cancel(store: Store, workflow_id: str) -> Workflow:
    """End a workflow after its present transaction; what it has committed stays. Raises Refused, NotFound."""

    def become(record: Record, ver: int) -> Record | None:
        if record.undoing:
            raise Refused(
                f"The workflow {record.id} is being rolled back: that cannot be cancelled half way."
            )
        if record.state == "cancelled":
            return None
        if record.ended_already:
            raise Refused(f"The workflow {record.id} is {record.state}: there is nothing to cancel.")
        return _next(store, record, ver, "cancelled", paused=False)

    change(store, workflow_id, "cancel", become)
    claiming.ask_to_stop(store.layout, workflow_id)
    return lists.get(store, workflow_id)


def resume(store: Store, workflow_id: str, *, detach: bool = True) -> Workflow:
    """Let a paused, interrupted, cancelled or failed workflow go on after its last committed item.

    It runs in a process of its own; without `detach` it is for the caller to `run` it. Raises Refused
    where it runs already or nothing is left to do.
    """

    def become(record: Record, ver: int) -> Record | None:
        _no_job(record, "resumed")
        if record.undoing:
            raise Refused(
                f"The workflow {record.id} is being rolled back: finish that with `chartkeep workflows rollback`."
            )
        if record.state in ("completed", "rolled back"):
            raise Refused(f"The workflow {record.id} is {record.state}: there is nothing to go on with.")
        if record.state in ("pending", "processing") and not record.paused:
            who = claiming.runner(store.layout, record.id)
            if who is not None:
                raise Refused(f"The workflow {record.id} runs already: {who}.")
            return None
        state = "pending" if record.state == "pending" else "processing"
        return _next(store, record, ver, state, "resumed", paused=False, lost=False)

    change(store, workflow_id, "resume", become)
    claiming.take_back(store.layout, workflow_id)
    if detach:
        from store.workflows import engine

        engine.start(store, workflow_id)
    return lists.get(store, workflow_id)


def retry(store: Store, workflow_id: str, *, items: Iterable[bytes] | None = None) -> Workflow:
    """Submit what was refused of a workflow again, as one of its own; `items` are the lines as somebody mended them.

    Raises Refused where nothing was refused.
    """
    from store.workflows import submitting

    found = lists.held(store, workflow_id)
    record = found.record
    if record.job or not record.rejected:
        raise Refused(f"Nothing of the workflow {workflow_id} was rejected: there is nothing to try again.")
    if not record.ended_already:
        raise Refused(f"The workflow {workflow_id} has not ended yet: wait for it, or cancel it.")
    number = 1
    while lists.used(store, f"{workflow_id}-retry-{number}"):
        number += 1
    return submitting.submit(
        store,
        found.context,
        record.kind,
        _refused_lines(store, workflow_id) if items is None else items,
        id=f"{workflow_id}-retry-{number}",
        title=f"{record.title}, rejects again",
        strict=record.strict,
        atomic=record.atomic,
        update=record.update,
        options=record.options,
    )


def _refused_lines(store: Store, workflow_id: str) -> Iterator[bytes]:
    """The lines that were refused, whole: from the staged items, else from their records.

    Raises Refused where one is not to be had whole any more.
    """
    items = staging.items_of(store.layout, workflow_id)
    wanted = lists.rejects(store, workflow_id)
    if items.exists():
        numbers = {one.line for one in wanted}
        longest = int(store.settings.workflows_line_megabytes * (1 << 20))
        for lines, _ in staging.chunks(items, None, store.settings.workflows_batch, longest):
            yield from (raw for line, raw, whole in lines if line in numbers and whole and raw.strip())
        return
    for one in wanted:
        if not one.whole:
            raise Refused(
                f"Line {one.line} of {workflow_id} is not kept whole any more (its staged items were cleaned away): "
                "submit the file again."
            )
        if one.item.strip():
            yield one.item.encode("utf-8", "surrogateescape")


def _next(store: Store, record: Record, ver: int, state: Any, note: str = "", **more: Any) -> Record:
    return moved(record, ver, state, by=store.session.by, at=clock.stamp(), note=note, **more)


def _no_job(record: Record, what: str) -> None:
    if record.job:
        raise Refused(f"{record.id} is a job of the upkeep: it cannot be {what}, only cancelled.")
