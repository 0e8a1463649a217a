"""Workflows as they are listed: what their records say, with the heartbeats of those that run laid over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from store import clock, records
from store.errors import NotFound, UsageError
from store.knowledge import writing
from store.knowledge.kinds import FAMILY, key_of
from store.workflows import claiming
from store.workflows.model import Rejected, Step, Workflow
from store.workflows.record import Record, load, shown, workflow_key

if TYPE_CHECKING:
    from store.knowledge.model import Found
    from store.store import Store

VALIDATION = "validation"
"""The `type` of records of what was refused."""
WAIT_SECONDS = 60.0
"""How long a runner is waited for that brings the index up to date."""
SMALL = 1 << 18
"""Bytes of journal that a listing takes into the index by itself; a runner brings its own into it."""


class Held(NamedTuple):
    """A workflow's record where it stands."""

    context: str
    ver: int
    record: Record


def contexts(store: Store) -> list[str]:
    """The contexts that have knowledge."""
    names = set(store.contexts.names()) | {"default"}
    return sorted(name for name, family in store.layout.families() if family == FAMILY and name in names)


def catch_up(store: Store, context: str | None = None, most: int | None = None) -> None:
    """Have the index take in what it lacks, at most so many bytes; not where a runner does so at the moment.

    A runner writes to the index all the time: whoever wanted to write to it too would have to wait.
    """
    for name in [context] if context else contexts(store):
        position = store.library.index.position(name, FAMILY)
        try:
            size = store.layout.journal(name, FAMILY).stat().st_size
        except OSError:
            continue
        lag = size - (position.offset if position is not None else 0)
        if not lag or (most is not None and lag > most):  # below 0: another generation has begun
            continue
        if name not in _running(store):
            store.library.sync(name)


def current(store: Store, context: str) -> None:
    """Have the index at least where the journal ends now; where a runner takes care of that, wait for it."""
    end = store.journal(context, FAMILY).position()
    deadline = time.monotonic() + WAIT_SECONDS
    while context in _running(store) and time.monotonic() < deadline:
        found = store.library.index.position(context, FAMILY)
        if found is not None and (found.generation, found.offset) >= (end.generation, end.offset):
            return
        time.sleep(0.02)
    store.library.sync(context)


def _running(store: Store) -> set[str]:
    """The contexts in which somebody runs a workflow."""
    return {
        one.row.context
        for one in store.library.workflows(open_only=True)
        if claiming.runner(store.layout, one.row.id) is not None
    }


def held(store: Store, workflow_id: str) -> Held:
    """The newest version of a workflow's record, by index and journal; nobody is waited for. Raises NotFound."""
    key = workflow_key(workflow_id)
    for context in contexts(store):
        found = writing.newest(store, context, key)
        if found is not None and found.raw is not None:
            return Held(context, found.ver, load(found.raw))
    raise NotFound(f"There is no workflow “{workflow_id}”. `chartkeep workflows` lists those there are.")


def used(store: Store, workflow_id: str) -> bool:
    """Whether there ever was a workflow of that id, in any context."""
    key = workflow_key(workflow_id)
    return any(writing.newest(store, context, key) for context in contexts(store))


def find_id(store: Store, word: str) -> str:
    """The id that `word` is or begins. Raises NotFound, UsageError naming the candidates."""
    try:
        return held(store, word).record.id
    except NotFound:
        pass
    found = [one.id for one in listing(store, limit=None) if one.id.startswith(word)]
    if len(found) > 1:
        raise UsageError(f"“{word}” begins the ids of several workflows: {', '.join(found[:8])}.")
    if not found:
        raise NotFound(f"There is no workflow “{word}”. `chartkeep workflows` lists those there are.")
    return found[0]


def get(store: Store, workflow_id: str) -> Workflow:
    """One workflow, as of now. Raises NotFound."""
    found = held(store, workflow_id)
    return beat(store, shown(found.record, found.context, found.ver))


def listing(
    store: Store, *, context: str | None = None, running_only: bool = False, limit: int | None = 100
) -> list[Workflow]:
    """Workflows, the newest submitted first, heartbeats laid over."""
    catch_up(store, context, SMALL)
    found = store.library.workflows(context, open_only=running_only, limit=limit)
    return [beat(store, _shown(one)) for one in found if one.raw is not None]


def _shown(found: Found) -> Workflow:
    return shown(load(found.raw or b"{}"), found.row.context, found.row.ver)


def beat(store: Store, workflow: Workflow) -> Workflow:
    """The workflow with its present heartbeat, from its folder alone: neither index nor journal is asked."""
    if workflow.state not in ("pending", "processing"):
        return workflow
    layout = store.layout
    running = claiming.runner(layout, workflow.id) is not None
    told = claiming.beat(layout, workflow.id)
    fresh = told is not None and _age(told.at) <= store.settings.workflows_stale_seconds
    if workflow.state == "processing" and not (running and (fresh or told is None)):
        return workflow._replace(interrupted=not workflow.paused)
    if told is None or not fresh or not running:
        return workflow
    return workflow._replace(
        total=max(told.total, workflow.total),
        processed=max(told.processed, workflow.processed),
        rejected=max(told.rejected, workflow.rejected),
        rate=told.rate,
        seconds_left=told.seconds_left,
        note=workflow.note or ("waiting for a free worker" if told.state == "waiting" else ""),
    )


def _age(at: str) -> float:
    instant = clock.try_parse(at)
    return 1e9 if instant is None else (clock.now() - instant).total_seconds()


def steps(store: Store, workflow_id: str) -> list[Step]:
    """The audit trail of a workflow, oldest first. Raises NotFound."""
    found = held(store, workflow_id)
    wanted = found.record.before if found.record.progress else found.ver
    trail: list[Step] = []
    for ver, at, raw in writing.history(store, found.context, found.record.key):
        if ver == wanted and raw is not None:
            record = load(raw)
            state = "paused" if record.paused else "interrupted" if record.lost else record.state
            trail.append(Step(at, record.by, state, record.processed, record.rejected, record.note, ver))
            wanted = record.before
    return trail[::-1]


def rejects(store: Store, workflow_id: str, limit: int | None = None) -> Iterator[Rejected]:
    """What was refused of a workflow, in the order of its lines. Raises NotFound."""
    from store.knowledge.model import Filter

    found = held(store, workflow_id)
    current(store, found.context)
    wanted = Filter(context=found.context, kinds=(VALIDATION,), workflow=workflow_id)
    for number, item in enumerate(store.library.stream(wanted)):
        if limit is not None and number >= limit:
            return
        if item.raw is not None:
            yield rejected(item.raw, item.row.changed_at)


def rejected(raw: bytes, at: str) -> Rejected:
    """What a record of a refusal says."""
    value = records.loads(raw)
    item = value.get("item")
    return Rejected(
        str(value.get("workflow_id", "")),
        int(value.get("line", 0)),
        str(value.get("code", "")),
        str(value.get("reason", "")),
        item if isinstance(item, str) else "",
        str(value.get("at", at)),
        value.get("whole") is not False,
    )


def validation_key(workflow_id: str, line: int) -> str:
    """The key of the record of one refusal."""
    return key_of(VALIDATION, f"{workflow_id}/{line}")
