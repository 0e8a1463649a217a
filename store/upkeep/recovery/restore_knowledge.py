"""Records of knowledge brought back as they were: what that takes, found in the journal's past or in a backup.

It is carried out as a workflow of type `restore`, in transactions of bounded size: new versions on top of the
present ones, so that the history stays, and `chartkeep workflows rollback` takes it back. Chartkeep's own
records, workflows and rejects, are the audit trail and are never put back.

1. The journal's own past is told by the index, in proportion to what changed since. Where a version that stood
   then was forgotten, it is not guessed at (`Forgotten`): a backup may know it.
2. A backup is compared record by record with what is there, in parts of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from store import clock
from store.errors import NotFound
from store.index.knowledge import past
from store.knowledge.kinds import FAMILY, kind_of, parts_of
from store.upkeep.recovery.restore_past import opened_in
from store.workflows.kinds_restoring import Step, line_of

if TYPE_CHECKING:
    from datetime import datetime

    from store.index.knowledge.queries import Snapshot
    from store.store import Store
    from store.upkeep.backup import Backup, Repository
    from store.workflows.model import Workflow


class Then(NamedTuple):
    """The knowledge of a context at an instant, as a store has it."""

    store: Store
    """The store itself, or one made of a backup."""
    context: str
    at: str
    """A stamp."""


class Planned(NamedTuple):
    """What a restore would do."""

    put: int
    deleted: int
    examples: list[tuple[str, str]]
    """(`put` or `delete`, key) of the first."""

    @property
    def total(self) -> int:
        """Records that would get a new version."""
        return self.put + self.deleted


EXAMPLES = 40


def known(store: Store, context: str) -> bool:
    """Whether a context has a journal of knowledge."""
    return store.layout.journal(context, FAMILY).exists()


def then_of(store: Store, context: str, at: datetime, keys: Sequence[str] = ()) -> Then:
    """A context as its own journal has it. Raises NotFound without knowledge, Forgotten where it lacks a version."""
    if not known(store, context):
        raise NotFound(f"“{context}” holds no knowledge.")
    found = Then(store, context, clock.stamp(at))
    store.library.sync(context)
    with store.library.snapshot() as snap:
        end = past.instant(snap, context, found.at) or 0
        for part in [list(keys)] if keys else past.changed(snap, context, end):
            past.stood(snap, context, _theirs(part), end)
    return found


@contextmanager
def then_in(
    store: Store, repository: Repository, backup: Backup, context: str, at: datetime | None = None
) -> Iterator[Then]:
    """A context as a backup has it, at its end or as of an instant before. Raises NotFound, Damaged."""
    with opened_in(store, repository, backup, context, FAMILY) as held:
        held.library.sync(context)
        if context in held.library.damage:
            raise held.library.damage[context]
        yield Then(held, context, clock.stamp(at) if at is not None else "9999")


def steps(store: Store, then: Then, keys: Sequence[str] = ()) -> Iterator[Step]:
    """What is to become of which records so that they, or all, are what they were then. Raises Forgotten."""
    context = then.context
    if known(store, context):
        store.library.sync(context)
    with then.store.library.snapshot() as old, store.library.snapshot() as new:
        end = past.instant(old, context, then.at) or 0
        if keys:
            yield from _compared(store, then, old, new, keys, end)
        elif then.store is store:
            for part in past.changed(old, context, end):
                yield from _compared(store, then, old, new, part, end)
        else:
            for part in past.changed(old, context, 0):
                yield from _compared(store, then, old, new, part, end)
            for part in past.changed(new, context, 0):
                there = old.newest(context, part)  # compared above
                yield from _compared(store, then, old, new, [key for key in part if key not in there], end)


def unheard_of(store: Store, then: Then, keys: Sequence[str]) -> list[str]:
    """Those of these keys that there never was a record of, neither now nor then."""
    found: set[str] = set()
    for held in (store, then.store):
        with held.library.snapshot() as snap:
            found.update(snap.newest(then.context, keys))
    return [key for key in keys if key not in found]


def planned(store: Store, then: Then, keys: Sequence[str] = ()) -> Planned:
    """What `submit` would do now."""
    put = deleted = 0
    examples: list[tuple[str, str]] = []
    for step in steps(store, then, keys):
        put += step.raw is not None
        deleted += step.raw is None
        if len(examples) < EXAMPLES:
            examples.append(("delete" if step.raw is None else "put", step.key))
    return Planned(put, deleted, examples)


def submit(store: Store, then: Then, when: str, keys: Sequence[str] = ()) -> Workflow:
    """Stage what is to be done as a workflow, to be run by the caller. `when` says in words as of when.

    Raises what `store.workflows.submit` raises.
    """
    from store import workflows

    what = (
        keys[0] if len(keys) == 1 else f"{len(keys)} records" if keys else f"the knowledge of {then.context}"
    )
    lines = map(line_of, steps(store, then, keys))
    options = {"at": then.at, "when": when, "keys": list(keys)}
    title = f"Restore {what} as of {when}"
    return workflows.submit(store, then.context, "restore", lines, title=title, options=options)


def _compared(
    store: Store, then: Then, old: Snapshot, new: Snapshot, keys: Sequence[str], end: int
) -> Iterator[Step]:
    """The steps for some keys; `end` is the instant in `old`."""
    context = then.context
    wanted = _theirs(keys)
    stood = past.stood(old, context, wanted, end)
    newest = new.newest(context, wanted)
    before, now = then.store.journal(context, FAMILY), store.journal(context, FAMILY)
    for key in wanted:
        found, live = stood.get(key), newest.get(key)
        raw = None
        if found is not None and not found.deleted:
            raw = before.record_raw(found.generation, found.offset, found.length)
        present = None
        if live is not None and not live.deleted:
            present = now.record_raw(live.generation, live.offset, live.length)
        if raw != present:
            yield Step(key, live.ver if live is not None else 0, raw)


def _theirs(keys: Sequence[str]) -> list[str]:
    """Those that are not chartkeep's own."""
    return [key for key in keys if not kind_of(parts_of(key)[0]).own]
