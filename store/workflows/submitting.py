"""Submitting a workflow: its items are staged and synced before the record that names them is committed."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import ChartkeepError, Refused, UsageError
from store.knowledge import writing
from store.model import Edit, Plan
from store.workflows import claiming, lists, staging
from store.workflows.record import Record, check_id, dump, shown
from store.workflows.types import Run, WorkType, type_of

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.store import Store
    from store.workflows.model import Workflow
    from store.workflows.staging import Source


def submit(
    store: Store,
    context: str,
    kind: str,
    source: Source = None,
    *,
    id: str | None = None,
    title: str = "",
    strict: bool = False,
    atomic: bool = False,
    update: bool = False,
    options: dict[str, Any] | None = None,
    later: bool = False,
) -> Workflow:
    """Stage the items of a new workflow and commit it as pending; nothing of it runs yet.

    With `later` the upkeep runs it. Raises UsageError, NotFound, Refused for an id that was used
    before or an atomic one that is too large, StorageError.
    """
    writing.begin(store, context)
    work = type_of(kind)
    asked = dict(options or {})
    work.check(asked)
    if work.takes_file and source is None:
        raise UsageError(f"A workflow of type {kind} needs a file with its items.")
    workflow_id = check_id(id) if id is not None else _made_id(kind)
    _unused(store, workflow_id)
    name = source.name if isinstance(source, Path) else ""
    record = Record(
        workflow_id,
        kind,
        title or (f"{work.title} from {name}" if name else work.title),
        atomic=atomic,
        strict=strict,
        update=update,
        later=later,
        submitted=clock.stamp(),
        by=store.session.by,
        source=name,
        options=asked,
    )
    with claiming.claimed(store, workflow_id):
        _unused(store, workflow_id)
        try:
            items = source if work.takes_file else _found(store, work, context, record)
            if items is not None:
                total = staging.stage(staging.items_of(store.layout, workflow_id), items)
                record = record._replace(total=total)
            atomic_enough(store, record)
            ver = _commit_first(store, context, record)
        except BaseException:
            _unstage(store, workflow_id)
            raise
    return shown(record, context, ver)


def _found(store: Store, work: WorkType, context: str, record: Record) -> Iterable[bytes] | None:
    """The items that a type finds itself, in an index that is up to date."""
    lists.current(store, context)
    return work.stage(run_of(store, context, record))


def _made_id(kind: str) -> str:
    return f"{kind}-{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def _unused(store: Store, workflow_id: str) -> None:
    if lists.used(store, workflow_id):
        raise _reused(workflow_id)


def _reused(workflow_id: str) -> Refused:
    return Refused(
        f"There is, or was, a workflow {workflow_id} already: nothing was submitted. Give it another id; to go on "
        f"with that one, use `chartkeep workflows resume {workflow_id}`."
    )


def atomic_enough(store: Store, record: Record) -> None:
    """Raise Refused where an atomic one has more items than one transaction may."""
    most = store.settings.workflows_atomic_most
    if record.atomic and record.total > most:
        raise Refused(
            f"An all-or-nothing workflow is one transaction, of at most {most:,} items; this has {record.total:,}. "
            "Submit it without --atomic (a rollback takes it back whole), or raise workflows.atomic_most."
        )


def _commit_first(store: Store, context: str, record: Record) -> int:
    def plan(view: View) -> Plan:
        if view.newest([record.key]):
            raise _reused(record.id)
        edits = [Edit("put", record.key, None, dump(record))]
        return Plan("workflow.submit", f"Submit “{record.title}”", edits)

    writing.write(store, context, plan, workflow=record.id)
    return 1


def _unstage(store: Store, workflow_id: str) -> None:
    """Leave nothing of what was never submitted."""
    with suppress(ChartkeepError, OSError):
        if not lists.used(store, workflow_id):
            shutil.rmtree(staging.folder_of(store.layout, workflow_id), ignore_errors=True)


def run_of(store: Store, context: str, record: Record) -> Run:
    """The run of a record, as its type sees it."""
    settings = store.settings
    items = staging.items_of(store.layout, record.id)
    return Run(
        store,
        context,
        record.id,
        dict(record.options),
        strict=record.strict,
        update=record.update,
        size=settings.workflows_batch,
        cursor=record.cursor,
        total=record.total,
        items=items if items.exists() else None,
        longest=int(settings.workflows_line_megabytes * (1 << 20)),
    )
