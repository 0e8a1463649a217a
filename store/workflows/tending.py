"""What the upkeep does for workflows: starts those that wait for it, and says which are run by nobody any more."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from store import clock
from store.errors import NotFound, Refused
from store.workflows import claiming, lifecycle, lists
from store.workflows.record import Record, moved

if TYPE_CHECKING:
    from store.store import Store
    from store.workflows.model import State, Workflow

ALONE_SECONDS = 120.0
"""Age from which one that was submitted to be run at once, and is not, is taken to have lost its runner."""


class Tended(NamedTuple):
    """What was done."""

    started: list[str]
    """Ids of workflows that a process of its own runs now."""
    lost: list[str]
    """Ids of workflows that were found to be run by nobody."""


def tend(store: Store) -> Tended:
    """Start what waits for the upkeep, as far as there are workers; mark what was interrupted.

    One that was interrupted is not begun again by itself: what brought it down might do so again.
    """
    done = Tended([], [])
    if not lists.contexts(store):
        return done
    found = lists.listing(store, running_only=True, limit=None)
    room = store.settings.workflows_workers - sum(_runs(store, one) for one in found)
    for one in reversed(found):
        if one.state == "pending" and not one.paused and not _runs(store, one):
            if room > 0 and _waits(store, one):
                from store.workflows import engine

                engine.start(store, one.id)
                done.started.append(one.id)
                room -= 1
        elif one.interrupted and not _runs(store, one):
            with suppress(Refused, NotFound):
                if _mark(store, one.id):
                    done.lost.append(one.id)
    return done


def _runs(store: Store, one: Workflow) -> bool:
    return claiming.runner(store.layout, one.id) is not None


def _waits(store: Store, one: Workflow) -> bool:
    """Whether it is for the upkeep to run it."""
    if lists.held(store, one.id).record.later:
        return True
    at = clock.try_parse(one.submitted)
    return at is None or (clock.now() - at).total_seconds() > ALONE_SECONDS


def _mark(store: Store, workflow_id: str) -> bool:
    """Say in its record that nobody runs it; of a job, which cannot be gone on with, that it failed."""
    marked = []

    def become(record: Record, ver: int) -> Record | None:
        if record.state != "processing" or record.paused or record.lost:
            return None
        if claiming.runner(store.layout, record.id) is not None:
            return None
        marked.append(ver)
        state: State = "failed" if record.job else "processing"
        note = "cut short: its process ended without a word"
        by, at = store.session.by, clock.stamp()
        return moved(record, ver, state, by=by, at=at, note=note, lost=not record.job)

    lifecycle.change(store, workflow_id, "interrupted", become)
    return bool(marked)
