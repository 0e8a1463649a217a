"""Which backups are kept: the newest of each hour, day, week, month and year; and clearing away the rest.

`kept` is a plain function over backups. It never lets go of

1. the newest backup, and the newest good one;
2. the newest one that passed a restore drill;
3. a good one in favour of a bad one: a bad backup never stands for its hour, day, … where there is a
   good one (it may stand for it beside that);
4. one whose time seems to lie in the future: the clock is wrong, or was;
5. anything that a kept one stands on.

`prune` deletes manifests first, later ones before those they stand on, and then the objects that no
manifest names. A crash in between leaves objects nobody needs, which the next sweep deletes. Backups
are held off by the repository's lock; at a place without one, objects younger than `GRACE` stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from store import clock, durable
from store.errors import ChartkeepError, Damaged, NotFound
from store.upkeep.backup import opening
from store.upkeep.backup.attempts import Timed
from store.upkeep.backup.manifest import Backup
from store.upkeep.backup.places import LocalPlace, place_of
from store.upkeep.backup.repository import Repository, object_name
from store.upkeep.backup.taking import locked

if TYPE_CHECKING:
    from store.settings import Settings
    from store.store import Store

GRACE = 24 * 3600.0
"""Seconds for which an object at a place without a lock is left alone: a backup may be on its way there."""

_BUCKETS: tuple[tuple[str, Callable[[datetime], object]], ...] = (
    ("hourly", lambda at: (at.date(), at.hour)),
    ("daily", lambda at: at.date()),
    ("weekly", lambda at: at.isocalendar()[:2]),
    ("monthly", lambda at: (at.year, at.month)),
    ("yearly", lambda at: at.year),
)


def kept(backups: Sequence[Backup], now: datetime, settings: Settings) -> set[str]:
    """Ids of the backups to keep, of all that there are."""
    newest = sorted(backups, key=lambda one: one.seq, reverse=True)
    good = [one for one in newest if one.good]
    drilled = [one for one in good if one.drilled]
    keep = {one.id for group in (newest, good, drilled) for one in group[:1]}
    keep |= {one.id for one in newest if clock.parse(one.at) > now}
    for group in (good, newest):
        for name, bucket in _BUCKETS:
            keep |= _newest_of_each(group, bucket, getattr(settings, f"backup_keep_{name}"))
    return _with_parents(newest, keep)


def _newest_of_each(backups: Iterable[Backup], bucket: Callable[[datetime], object], count: int) -> set[str]:
    """The newest backup of each of the newest `count` hours, days, … that have one."""
    found: dict[object, str] = {}
    for one in backups:
        place = bucket(clock.parse(one.at).astimezone())
        if place not in found:
            if len(found) == count:
                break
            found[place] = one.id
    return set(found.values())


def _with_parents(backups: Iterable[Backup], keep: set[str]) -> set[str]:
    parents = {one.id: one.parent for one in backups}
    whole = set(keep)
    for id in keep:
        parent = parents.get(id)
        while parent is not None and parent not in whole:
            whole.add(parent)
            parent = parents.get(parent)
    return whole


@dataclass(frozen=True, slots=True)
class Pruning:
    """What pruning one place does, or would do."""

    place: str
    removed: tuple[Backup, ...]
    kept: int
    objects: int
    """Objects that no backup names any more."""
    freed: int
    """Bytes of them and of the manifests."""
    why: str = ""
    """Why the place could not be pruned."""


def prune(store: Store, dry_run: bool = False, place: str | None = None) -> list[Backup]:
    """Remove the backups that no rule keeps, here and off-site; those removed here. See `prunings`."""
    return list(prunings(store, dry_run, place)[0].removed)


def prunings(
    store: Store, dry_run: bool = False, place: str | None = None, only: Iterable[str] | None = None
) -> list[Pruning]:
    """Prune, or with `dry_run` only say what would go: the place named or set first, then those off-site.

    With `only`, remove the backups with these ids and what stands on them, whatever the rules say: how
    something is erased everywhere. A place off-site that fails is told in `why`. Raises NotFound
    where there are no backups, Locked, StorageError.
    """
    if not dry_run:
        store.writable()
    with locked(store, "pruning backups"), store.jobs.run("backup", "Prune backups") as job:
        repository = opening.open_repository(store, place)
        wanted = None if only is None else set(only)
        done = [_timed(store, repository, dry_run, wanted)]
        here = {one.id for one in repository.names()} - {one.id for one in done[0].removed}
        for url in () if place else store.settings.backup_offsite:
            remote = Repository(place_of(url, store.layout.home), repository.config, repository.sealer)
            try:
                if opening.read_config(remote.place) is not None:
                    done.append(_timed(store, remote, dry_run, wanted, here))
            except ChartkeepError as error:
                done.append(Pruning(remote.place.url, (), 0, 0, 0, str(error)))
        removed = sum(len(one.removed) for one in done)
        job.note(f"{removed} backups removed" if removed else "nothing to remove")
    return done


def _timed(
    store: Store, repository: Repository, dry_run: bool, only: set[str] | None, also: Iterable[str] = ()
) -> Pruning:
    """`_pruned`, noted among the attempts."""
    if dry_run:
        return _pruned(store, repository, True, only, also)
    timed = Timed(store, "prune", repository.place.url)
    try:
        done = _pruned(store, repository, False, only, also)
    except ChartkeepError as error:
        timed.ended(why=str(error))
        raise
    timed.ended(bytes=done.freed)
    return done


def _pruned(
    store: Store, repository: Repository, dry_run: bool, only: set[str] | None, also: Iterable[str]
) -> Pruning:
    """Prune one place; `also` are backups kept elsewhere, which would be copied here again at once."""
    place, names = repository.place, repository.names()
    backups = repository.backups()
    if only is None:
        keep = kept(backups, clock.now(), store.settings) | set(also)
    else:
        keep = {one.id for one in backups} - _standing_on(backups, only)
    going = [one for one in backups if one.id not in keep]  # newest first: none is ever without its parent
    unread = len(names) - len(backups)
    manifests = {stored.name: stored.size for stored in place.names("manifests")}
    freed = sum(manifests.get(one.name, 0) for one in going)
    if not dry_run:
        for one in going:
            place.delete(one.name)
    # A manifest that cannot be read may name any object: nothing is swept until it is gone.
    objects = _unused(repository, keep) if not unread else []
    if not dry_run:
        for name, _ in objects:
            place.delete(name)
        _tidy(repository)
    freed += sum(size for _, size in objects)
    return Pruning(place.url, tuple(going), len(backups) - len(going), len(objects), freed)


def _standing_on(backups: Sequence[Backup], ids: set[str]) -> set[str]:
    """These backups and all that stand on them."""
    found = set(ids)
    for one in sorted(backups, key=lambda one: one.seq):
        if one.parent in found:
            found.add(one.id)
    return found


def _unused(repository: Repository, keep: set[str]) -> list[tuple[str, int]]:
    """Objects no kept backup names, with their sizes; where nobody locks, only old ones."""
    used: set[str] = set()
    for name in repository.names():
        if name.id in keep:
            for entry in repository.manifest(name.name).entries.values():
                used.update(object_name(chunk.name) for chunk in entry.file.chunks)
    local = isinstance(repository.place, LocalPlace)
    return [
        (stored.name, stored.size)
        for stored in repository.place.names("objects")
        if stored.name not in used and (local or (stored.age or 0.0) > GRACE)
    ]


def _tidy(repository: Repository) -> None:
    """Delete what crashes left half-written, and forget what was noted of backups that are gone."""
    if isinstance(repository.place, LocalPlace):
        for folder in ("manifests", "objects"):
            for stored in repository.place.names(folder):
                if stored.name.endswith(durable.TEMP_SUFFIX):
                    repository.place.delete(stored.name)
    with suppress(NotFound, Damaged):
        repository.forget_marks({name.id for name in repository.names()})
