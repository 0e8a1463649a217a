"""Erasing records for good, for privacy: from the whole history, and from whatever was made of it.

What is named goes from every generation of the journals, live, archived and cold, and so from the chart
files, the indexes and vectors, from copies set aside in `.recovery` and from what was submitted to
workflows. Instead, each journal says in a transaction of the command `erase` that something was erased:
when, by whom, why, how many versions, and which end each of its generations had and has. What goes is
never named there.

1. All journals concerned are replaced together, or none (`cutting`).
2. What others are committing meanwhile waits, and is kept: an erasure takes what was there when it began.
3. Backups and exported files are never touched without `everywhere`; backups only once a fresh full one is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import durable, ids, replacing
from store.errors import ChartkeepError, NotFound, StorageError
from store.model import Position, TxMeta
from store.replacing import Swap
from store.upkeep.retention import cutting, likeness, remaking, scrubbing, selecting, staged
from store.upkeep.retention.scrubbing import Standing
from store.upkeep.retention.selecting import CHARTS, Chosen, What
from store.upkeep.retention.sieve import Sieve, Tally
from store.upkeep.retention.words import Words

if TYPE_CHECKING:
    from store.store import Store
    from store.upkeep.backup.manifest import Backup
    from store.upkeep.backup.repository import Repository
    from store.upkeep.retention.cutting import Place

__all__ = ["Erased", "HeldBackup", "What", "erase"]

COMMAND = "erase"


class HeldBackup(NamedTuple):
    """A backup that was made while what is erased was there."""

    id: str
    at: str
    place: str


@dataclass(slots=True)
class Erased:
    """What was erased, or with `dry_run` would be, and what could not be reached."""

    dry_run: bool
    records: int = 0
    versions: int = 0
    bytes: int = 0
    contexts: dict[str, int] = field(default_factory=dict)
    """Versions by context."""
    files: list[str] = field(default_factory=list)
    """Files written anew, relative to the store."""
    copies: list[str] = field(default_factory=list)
    """Of them, copies set aside."""
    folders: list[str] = field(default_factory=list)
    """Damaged journals and replaced states set aside whole that may hold something of it still."""
    discarded: list[str] = field(default_factory=list)
    """Such folders that were removed."""
    backups: list[HeldBackup] = field(default_factory=list)
    """Backups that hold it still."""
    pruned: list[HeldBackup] = field(default_factory=list)
    """Backups removed since they held it."""
    exports: list[str] = field(default_factory=list)
    """Files that charts were exported to and that hold it still."""
    removed: list[str] = field(default_factory=list)
    """Such files that were deleted."""
    standing: list[Standing] = field(default_factory=list)
    """Live records in which a text of it still stands."""
    unreachable: list[str] = field(default_factory=list)
    """What could not be reached, in sentences."""


@dataclass(slots=True)
class _Planned:
    """One journal with what goes of it."""

    chosen: Chosen
    sieve: Sieve
    tally: Tally


def erase(
    store: Store, what: What, *, why: str = "", dry_run: bool = False, everywhere: bool = False
) -> Erased:
    """Erase for good. Raises NotFound, UsageError, ReadOnly, Locked, Damaged, StorageError.

    With `dry_run` nothing is changed. Once this returns nothing of it is left in the store but what
    the result names.
    """
    what.check()
    if dry_run:
        store.sync()
        ends = {place: store.journal(*place).position() for place in store.layout.families()}
        planned = _planned(store, what, ends)
        done = _counted(store, planned, dry_run=True)
        _look_around(store, planned, done)
        return done
    store.writable()
    with store.jobs.run("erase", "Erase for good") as job:
        with cutting.alone(store), cutting.desks(store, _contexts(store)) as desks:
            store.sync()
            with cutting.journals(store, store.layout.families()) as ends:
                planned = _planned(store, what, ends)
                if not planned:
                    return Erased(dry_run=False)
                done = _counted(store, planned, dry_run=False)
                if everywhere:
                    done.discarded, done.folders = done.folders, []
                then = cutting.carry_out(
                    store, desks, _cuts(store, what, planned, why), lambda: _copies(store, planned, done)
                )
            cutting.conclude(store, desks, then)
            for name in done.discarded:
                replacing.remove_tree(store.layout.recovery / Path(name).name)
        job.note(f"{done.versions:,} versions of {done.records:,} records erased")
        _look_around(store, planned, done)
    if everywhere:
        _delete_exports(done)
    if everywhere and done.backups:
        _prune(store, done)
    return done


def _contexts(store: Store) -> list[str]:
    return [context for context, family in store.layout.families() if family == CHARTS]


def _planned(store: Store, what: What, ends: dict[Place, Position]) -> list[_Planned]:
    """The journals something goes of, with how much."""
    inside = {
        place: end
        for place, end in ends.items()
        if what.contexts is None or place[0] in what.contexts or what.charts
    }
    found = []
    for chosen in selecting.choose(store, what, inside):
        sieve = chosen.sieve(ids.session_id())
        tally = sieve.tally(store.journal(*chosen.place), chosen.end.offset)
        if tally.lines:
            found.append(_Planned(chosen, sieve, tally))
    return found


def _cuts(store: Store, what: What, planned: list[_Planned], why: str) -> list[remaking.Cut]:
    made = []
    for one in planned:
        tally = one.tally
        count = f"{len(tally.versions)} version{'s' * (len(tally.versions) != 1)}"
        record = {
            "type": "erasure",
            "id": one.sieve.id,
            "asked": what.in_words(),
            "why": why,
            "by": store.session.by,
            "records": len(tally.keys),
            "versions": len(tally.versions),
            "lines": tally.lines,
        }
        label = f"Erase {count} of {len(tally.keys)} record{'s' * (len(tally.keys) != 1)} for good"
        made.append(
            remaking.Cut(
                store.journal(*one.chosen.place),
                one.chosen.end,
                one.sieve,
                tally,
                f"x:erasure:{one.sieve.id}",
                record,
                TxMeta(COMMAND, label, store.session.id),
            )
        )
    return made


def _copies(store: Store, planned: list[_Planned], done: Erased) -> list[Swap]:
    """Prepare the copies set aside without what goes."""
    keys, words = _all(planned)
    anew, whole = scrubbing.copies(store.layout, keys, words)
    gone = {
        path
        for name in done.discarded
        for path in (store.layout.recovery / Path(name).name).rglob("*")
        if not path.is_dir()
    }
    swaps = [scrubbing.write_anew(path, keys, words) for path in anew if path not in gone]
    swaps += [staged.write_anew(path, keys, words) for path in staged.concerned(store.layout, keys, words)]
    return swaps + [Swap(None, path) for path in sorted(gone.union(whole))]


def _all(planned: list[_Planned]) -> tuple[set[str], Words]:
    """The keys and the words of everything that goes."""
    keys: set[str] = set()
    words = Words()
    for one in planned:
        keys |= one.tally.keys
        if one.sieve.words is not None:
            words.texts.update(one.sieve.words.texts)
            words.contents |= one.sieve.words.contents
    return keys, words


def _counted(store: Store, planned: list[_Planned], *, dry_run: bool) -> Erased:
    """How much goes, and from which files."""
    done = Erased(dry_run=dry_run)
    keys, words = _all(planned)
    done.records = sum(len(one.tally.keys) for one in planned)
    done.versions = sum(len(one.tally.versions) for one in planned)
    done.bytes = sum(one.tally.bytes for one in planned)
    for one in planned:
        context = one.chosen.place[0]
        done.contexts[context] = done.contexts.get(context, 0) + len(one.tally.versions)
        journal, first = store.journal(*one.chosen.place), one.tally.first or 0
        done.files += [
            store.layout.relative(journal.generation_file(number).path)
            for number in journal.generations()
            if number >= first
        ]
    done.folders = [store.layout.relative(path) for path in scrubbing.folders(store.layout, keys, words)]
    done.copies = [
        store.layout.relative(path) for found in scrubbing.copies(store.layout, keys, words) for path in found
    ]
    done.copies += [store.layout.relative(path) for path in staged.concerned(store.layout, keys, words)]
    return done


def _look_around(store: Store, planned: list[_Planned], done: Erased) -> None:
    """Where else it stands: backups, other records, files that are not ours. Nobody waits for that."""
    if planned:
        _, words = _all(planned)
        done.backups, said = held(store, planned)
        done.exports, missed = scrubbing.exports(store, words)
        left = [] if done.dry_run else likeness.left(store, (one.chosen.place for one in planned))
        done.unreachable = [*said, *missed, *left, *scrubbing.unreachable(store, words)]
        done.standing = scrubbing.standing(store, words, _gone(planned))


def _gone(planned: list[_Planned]) -> dict[str, set[str]]:
    """Keys whose newest version goes, by context."""
    found: dict[str, set[str]] = {}
    for one in planned:
        newest = one.chosen.found.newest
        keys = {key for key, ver in one.tally.versions if newest[key].ver == ver}
        found.setdefault(one.chosen.place[0], set()).update(keys)
    return found


# -- backups ---------------------------------------------------------------------------------------


def held(store: Store, planned: list[_Planned]) -> tuple[list[HeldBackup], list[str]]:
    """The backups whose journals reach beyond where something goes; and what could not be looked at."""
    from store.upkeep.backup import open_repository

    try:
        repository = open_repository(store)
        backups = repository.backups()
    except NotFound:
        return [], []
    except ChartkeepError as error:
        return [], [f"The backups could not be looked at: {error}"]
    found, said = [], []
    for backup in backups:
        try:
            if _holds(store, repository, backup, planned):
                found.append(HeldBackup(backup.id, backup.at, repository.place.url))
        except ChartkeepError as error:
            said.append(f"The backup {backup.id} could not be looked at: {error}")
    return found, said


def _holds(store: Store, repository: Repository, backup: Backup, planned: list[_Planned]) -> bool:
    """True where a backup has enough of a generation in which something goes.

    Offsets only shrink when a generation is written anew, so an older chain is never let off. A
    context that has another name by now is known by the words.
    """
    starts = {one.chosen.place: one.tally.start for one in planned}
    known = set(store.layout.families())
    _, words = _all(planned)
    for path, file in repository.files(backup).items():
        told = file.journal
        if told is None:
            continue
        place = (told.context, told.family)
        start = starts.get(place)
        if start is not None and (told.generation, file.size) > start:
            return True
        if place not in known and any(map(words.found_in, repository.read(backup, path))):
            return True
    return False


def prune_older(store: Store, *, dry_run: bool = False) -> Erased:
    """Remove the backups made before the last erasure, whatever it took: for one made without `everywhere`.

    Raises NotFound where nothing was ever erased, or there are no backups; ReadOnly, Locked, StorageError.
    """
    from store.upkeep.backup import open_repository

    done = Erased(dry_run=dry_run)
    store.sync()
    last, before = None, None
    with store.snapshot() as snap:
        while last is None and (rows := snap.transactions(limit=500, before_seq=before)):
            last = next((row.at for row in rows if row.command == COMMAND), None)
            before = rows[-1].seq
    if (of_knowledge := _last_of_knowledge(store)) is not None:
        last = max(last or "", of_knowledge)
    if last is None:
        raise NotFound("Nothing was ever erased here. Name what is to be erased.")
    repository = open_repository(store)
    done.backups = [
        HeldBackup(backup.id, backup.at, repository.place.url)
        for backup in repository.backups()
        if backup.at <= last
    ]
    if done.backups and not dry_run:
        store.writable()
        _prune(store, done)
    return done


def _last_of_knowledge(store: Store) -> str | None:
    """When something was last erased of knowledge."""
    from store.index.knowledge import checking

    if not store.library.contexts():
        return None
    store.library.sync()
    with store.library.index.snapshot() as snap:
        return checking.last_of(snap, COMMAND)


def _delete_exports(done: Erased) -> None:
    """Delete the exported files that hold it. A disk that refuses is told, and stops nothing."""
    for path in list(done.exports):
        try:
            durable.remove_file(Path(path))
        except StorageError as error:
            done.unreachable.append(str(error))
        else:
            done.exports.remove(path)
            done.removed.append(path)


def _prune(store: Store, done: Erased) -> None:
    """Make a fresh full backup, and then have none of those that hold it."""
    from store.upkeep.backup import taking
    from store.upkeep.backup.keeping import prunings

    fresh = taking.take(store, kind="full")
    wanted = {one.id for one in done.backups} - {fresh.id}
    for pruning in prunings(store, only=wanted):
        if pruning.why:
            done.unreachable.append(f"The backups at {pruning.place} could not be removed: {pruning.why}")
        removed = {backup.id for backup in pruning.removed}
        done.pruned += [HeldBackup(backup.id, backup.at, pruning.place) for backup in pruning.removed]
        done.backups = [one for one in done.backups if one.id not in removed]
