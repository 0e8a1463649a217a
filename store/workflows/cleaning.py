"""Old workflows: their staged items and records are removed once they ended long ago.

The record is deleted first (softly, like any record: its history stays and its id stays used), then
the folder; a folder without a live record is removed by the next cleaning.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from store import clock
from store.errors import NotFound, Refused
from store.knowledge import writing
from store.model import Edit, Plan
from store.workflows import claiming, lists, staging
from store.workflows.model import ENDED, Workflow
from store.workflows.record import workflow_key

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.store import Store

ORPHAN_SECONDS = 86400.0
"""Age from which a folder that no record names is what a crash left behind."""
PART = 1000


def clean(store: Store, days: float | None = None, *, dry_run: bool = False) -> list[Workflow]:
    """Remove workflows that ended `days` ago (default `workflows.keep_days`) or before; which ones.

    With `dry_run` nothing is removed. Raises ReadOnly, StorageError.
    """
    if not dry_run:
        store.writable()
    age = timedelta(days=store.settings.workflows_keep_days if days is None else days)
    old = [one for one in lists.listing(store, limit=None) if _old(one, age)]
    if dry_run:
        return old
    removed = []
    for one in old:
        with suppress(Refused), claiming.claimed(store, one.id, 0.0):
            _forget(store, one)
            removed.append(one)
        _remove_folder(store, one.id)
    _remove_orphans(store)
    return removed


def _old(workflow: Workflow, age: timedelta) -> bool:
    ended = clock.try_parse(workflow.ended)
    return workflow.state in ENDED and ended is not None and clock.now() - ended >= age


def _forget(store: Store, workflow: Workflow) -> None:
    """Delete the records of refusals, and last the workflow's own."""
    for keys in _refusals(store, workflow.id):
        _delete(store, workflow, keys)
    _delete(store, workflow, [workflow_key(workflow.id)])


def _refusals(store: Store, workflow_id: str) -> Iterator[list[str]]:
    keys = []
    for one in lists.rejects(store, workflow_id):
        keys.append(lists.validation_key(workflow_id, one.line))
        if len(keys) >= PART:
            yield keys
            keys = []
    if keys:
        yield keys


def _delete(store: Store, workflow: Workflow, keys: list[str]) -> None:
    def plan(view: View) -> Plan:
        newest = view.newest(keys)
        live = [key for key in keys if key in newest and not newest[key].deleted]
        return Plan("workflow.clean", f"Remove “{workflow.title}”", [Edit("delete", key) for key in live])

    writing.write(store, workflow.context, plan, workflow=workflow.id)


def _remove_folder(store: Store, workflow_id: str) -> None:
    if not _live(store, workflow_id):
        shutil.rmtree(staging.folder_of(store.layout, workflow_id), ignore_errors=True)


def _remove_orphans(store: Store) -> None:
    with suppress(OSError):
        for folder in store.layout.workflows.iterdir():
            if (
                folder.is_dir()
                and time.time() - folder.stat().st_mtime > ORPHAN_SECONDS
                and claiming.runner(store.layout, folder.name) is None
            ):
                _remove_folder(store, folder.name)


def _live(store: Store, workflow_id: str) -> bool:
    try:
        lists.held(store, workflow_id)
    except NotFound:
        return False
    return True
