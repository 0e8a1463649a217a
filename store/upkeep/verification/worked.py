"""Workflows: whether what their records count is there, and what those that have not ended still need.

| code | severity | means |
|---|---|---|
| `workflow-interrupted` | info | nobody runs it any more; `chartkeep workflows resume` goes on with it |
| `workflow-items` | warning | it has not ended, and what was submitted to it is gone or shorter than it was |
| `workflow-counts` | warning | its record counts something else than what is there |
| `workflow-leftover` | info | a folder of staged items that no workflow names; the cleaning removes it |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from store.errors import ChartkeepError
from store.knowledge.kinds import BY_NAME, FAMILY
from store.model import Finding

if TYPE_CHECKING:
    from store.index.base import Reads
    from store.store import Store
    from store.workflows.model import Workflow
    from store.workflows.record import Record

_TAKING = ("import", "create")
"""Workflows whose every item is a line of what was submitted."""


def check(store: Store) -> Iterator[Finding]:
    """What is wrong with workflows. Nothing where journal or index cannot be read: that is named elsewhere."""
    from store.workflows import lists

    known: set[str] = set()
    try:
        for context in lists.contexts(store):
            yield from _of_context(store, context, known)
    except ChartkeepError:
        return
    yield from _leftovers(store, known)


def _of_context(store: Store, context: str, known: set[str]) -> Iterator[Finding]:
    from store.index.knowledge import checking
    from store.workflows import lists
    from store.workflows.record import load, shown

    journal = store.journal(context, FAMILY)
    with store.library.index.snapshot() as snap:
        for key, *place in checking.of_kind(snap, context, "workflow"):
            raw = journal.record_raw(*place)
            if raw is None:
                continue
            record = load(raw)
            known.add(record.id)
            ver = checking.newest(snap, context, [key])[key].ver
            workflow = lists.beat(store, shown(record, context, ver))
            path = str(journal.generation_file(place[0]).path)
            for found in (_state(store, workflow, record), *_counts(store, snap, workflow, record)):
                if found is not None:
                    yield replace(found, path=path, offset=place[1])


def _state(store: Store, workflow: Workflow, record: Record) -> Finding | None:
    """Of one that has not ended: is somebody at it, and is what was submitted there."""
    from store.workflows import staging

    if record.job or workflow.state not in ("pending", "processing"):
        return None
    if record.kind in _TAKING:
        path = staging.items_of(store.layout, record.id)
        try:
            lines = staging.lines_in(path)
        except ChartkeepError:
            why = (
                f"“{record.title}” ({record.id}) has not ended, and what was submitted to it is not at {path}"
            )
            return Finding("warning", "workflow-items", f"{why}: submit it again; nothing is added twice", "")
        if lines < record.total:
            why = f"“{record.title}” ({record.id}) was submitted with {record.total:,} items, and {lines:,} are left"
            return Finding("warning", "workflow-items", f"{why}: submit it again; nothing is added twice", "")
    if workflow.interrupted:
        why = f"“{record.title}” was interrupted: `chartkeep workflows resume {record.id}` goes on with it"
        return Finding("info", "workflow-interrupted", why, "")
    return None


def _counts(store: Store, snap: Reads, workflow: Workflow, record: Record) -> Iterator[Finding]:
    """Whether the counts of a record are those of what it wrote."""
    if record.job or record.undoing or record.state in ("pending", "rolled back"):
        return
    said = []
    whole = record.written + record.unchanged + record.rejected
    if record.kind in _TAKING and record.processed != whole and not record.atomic:
        said.append(f"{record.processed:,} items gone through, and {whole:,} written, unchanged or rejected")
    if record.processed > record.total > 0:
        said.append(f"{record.processed:,} items gone through of {record.total:,}")
    if not _forgets(store, "rejects"):
        there = _rejects(snap, workflow)
        if there != record.rejected:
            said.append(f"{record.rejected:,} items rejected, and {there:,} records of rejects")
    for text in said:
        yield Finding("warning", "workflow-counts", f"the workflow {record.id} counts {text}", "")


def _forgets(store: Store, collection: str) -> bool:
    rule = store.settings.retention.get(collection)
    return rule is not None and rule.delete is not None


def _rejects(snap: Reads, workflow: Workflow) -> int:
    """How many live records of rejects a workflow has."""
    sql = "SELECT COUNT(*) FROM items WHERE id > ? AND id < ? AND kind = ? AND ctx = ? AND deleted = 0"
    bind = (f"{workflow.id}/", f"{workflow.id}0", BY_NAME["validation"].code, snap._ctx(workflow.context))
    return int(snap._ask(sql, bind).fetchone()[0])


def _leftovers(store: Store, known: set[str]) -> Iterator[Finding]:
    folder = store.layout.workflows
    if store.contexts.archived() or not folder.is_dir():
        return  # what belongs to a context that was put away is known to its journal only
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name not in known and any(entry.glob("*.jsonl")):
            why = "what was submitted to a workflow that is not there; the cleaning removes it"
            yield Finding("info", "workflow-leftover", why, str(entry))
