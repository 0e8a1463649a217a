"""When to begin a new generation of a journal, what it keeps, and when an archived one turns cold.

A new generation holds the live records and the deletions that may still be needed; all versions stay
readable in the archived one. Where the live lines lie the indexes of charts and of knowledge know (for
families that none holds: one reading of the journal, with a place for each key in memory).

A deletion is carried over as long as an older value of its key may be in a live file and come back from
there. In the new generation there never is one. So a deletion goes only when both hold:

1. it is older than `KEEP_DELETIONS`: copies of the chart file in other tools and clones are then too;
2. the chart file has been published since it was made.

Knowledge is in no file but the journal, so there age alone decides.

A key whose deletion went still counts its versions on: the index has them from the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock, cold, durable, journal_next
from store.errors import Locked, NotFound, StorageError
from store.journal_read import OffChain
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.model import Position
from store.syscalls import guard

if TYPE_CHECKING:
    from store.carrying import Place
    from store.index import Snapshot
    from store.journal import Journal
    from store.journal_next import Swapped
    from store.store import Store

KEEP_DELETIONS = timedelta(days=90)
INDEXED = "charts"
"""The family that is meant where none is named."""

_TRIES = 3
_MEGABYTE = 1_000_000
_GROWTH = 1.05
"""How much a journal must have grown before what compaction would save is reckoned again."""


class Saving(NamedTuple):
    """What compaction of a journal would save, reckoned."""

    context: str
    family: str
    before: int
    """Bytes of the present generation."""
    after: int
    """Bytes of its live records."""
    records: int

    @property
    def share(self) -> float:
        """Superseded bytes as a share of all, 0 to 1."""
        return max(0.0, 1 - self.after / self.before) if self.before else 0.0


class Compacted(NamedTuple):
    """What compaction of a journal did."""

    context: str
    family: str
    generation: int
    """The one begun."""
    archived: Path
    before: int
    """Bytes of the generation archived."""
    after: int
    """Bytes the one begun started with."""
    lines: int
    """Lines carried over."""
    dropped: int
    """Lines that are in the archive only."""
    seconds: float
    """Until it was done but for the index, which follows after."""
    locked: float
    """Seconds for which writers had to wait."""


# -- what would be saved ---------------------------------------------------------------------------


def estimate(store: Store, context: str, family: str = INDEXED) -> Saving:
    """What compaction of one journal would save. Raises NotFound, StorageError, Damaged."""
    journal = _journal(store, context, family)
    end = journal.position()
    if family == INDEXED:
        store.sync(context)
        with store.index.snapshot() as snap:
            count, size = snap.live_size(context)
    elif family == KNOWLEDGE:
        from store.index.knowledge.places import live_size

        store.library.sync(context)
        with store.library.index.snapshot() as known:
            count, size = live_size(known, context, end.generation)
    else:
        places, _ = _read_places(journal)
        count, size = len(places), sum(place[2] for place in places)
    return Saving(context, family, end.offset, min(size, end.offset), count)


_reckoned: dict[Path, tuple[Position, Saving]] = {}


def due(store: Store) -> list[tuple[str, str]]:
    """(context, family) of the journals for which compaction pays, as the settings say."""
    least = store.settings.upkeep_compact_megabytes * _MEGABYTE
    found = []
    for context, family in store.layout.families():
        with guard("read", store.layout.journal(context, family)):
            size = store.layout.journal(context, family).stat().st_size
        if size >= least and _recent(store, context, family).share >= store.settings.upkeep_compact_share:
            found.append((context, family))
    return found


def _recent(store: Store, context: str, family: str) -> Saving:
    """An estimate of this generation that is not much out of date: asked often, it must cost next to nothing."""
    journal = store.journal(context, family)
    end = journal.position()
    known = _reckoned.get(journal.path)
    if known is None or known[0].generation != end.generation or end.offset > known[0].offset * _GROWTH:
        known = _reckoned[journal.path] = (end, estimate(store, context, family))
    return known[1]


# -- compaction ------------------------------------------------------------------------------------


def compact(store: Store, context: str, family: str = INDEXED) -> Compacted:
    """Begin a new generation of one journal while others read and write, and have the index follow.

    Raises NotFound, Damaged (damage is never carried over: recover first), Locked where another
    compaction runs, StorageError, ReadOnly; the journal is as it was then.
    """
    store.writable()
    journal = _journal(store, context, family)
    begun = clock.monotonic()
    with (
        store.jobs.run("compact", f"Compact {_title(context, family)}") as job,
        journal_next.exclusive(journal),
    ):
        for left in journal_next.leftovers(journal.path):
            durable.remove_file(left, sync=False)
        once = _WAYS.get(family, _compact_read)
        swapped = _until_in_step(journal, lambda: once(store, journal, job.at))
        after = swapped.position.offset
        dropped = max(0, _count_lines(swapped.archived) - 1 - swapped.lines)
        seconds = clock.monotonic() - begun
        job.note(f"{swapped.before:,} bytes before, {after:,} after, {dropped:,} lines in the archive only")
    if family == INDEXED:
        store.sync(context)
    elif family == KNOWLEDGE:
        store.library.sync(context)
    made, before = swapped.position.generation, swapped.before
    return Compacted(
        context,
        family,
        made,
        swapped.archived,
        before,
        after,
        swapped.lines,
        dropped,
        seconds,
        swapped.locked,
    )


def _until_in_step(journal: Journal, once: Callable[[], Swapped]) -> Swapped:
    """Again where the journal turned out to be another than it was: cut back, restored, compacted."""
    for _ in range(_TRIES):
        try:
            return once()
        except OffChain:
            continue
    raise Locked(f"{journal.path} was replaced again and again while it was compacted. Try again later.")


def _compact_indexed(store: Store, journal: Journal, told: Callable[[int, int], None]) -> Swapped:
    context = journal.context
    store.sync(context)
    if (damage := store.damage.get(context)) is not None:
        raise damage
    with store.index.snapshot() as snap:
        position = snap.position(context, journal.family)
        if position is None:
            raise OffChain(f"{journal.path} is not in the index.")
        places = snap.live_places(context)
        marks = _deletions(store, snap, journal, everything=not places)
        return journal.compact(position, places.after(marks), told=lambda done: told(done, len(places)))


def _compact_knowledge(store: Store, journal: Journal, told: Callable[[int, int], None]) -> Swapped:
    from store.index.knowledge.places import deletions, live_places

    context = journal.context
    for synced in store.library.sync(context):
        if synced.damage is not None:
            raise synced.damage
    with store.library.index.snapshot() as snap:
        position = snap.position(context, KNOWLEDGE)
        if position is None:
            raise OffChain(f"{journal.path} is not in the index.")
        places = live_places(snap, context, position.generation)
        there = set(journal.generations())
        oldest = clock.stamp(clock.now() - KEEP_DELETIONS)
        marks = [place for place in deletions(snap, context, oldest) if place[0] in there]
        return journal.compact(position, places.after(marks), told=lambda done: told(done, len(places)))


def _deletions(store: Store, snap: Snapshot, journal: Journal, *, everything: bool) -> Iterator[Place]:
    """The deletions to carry over, from where they were made: the archive has them too."""
    context = journal.context
    at = "" if everything else clock.stamp(clock.now() - KEEP_DELETIONS)
    there = set(journal.generations())
    for mark in snap.deletions(context, at, _published(store, context)[:2]):
        if mark.generation in there:
            yield mark.generation, mark.offset, mark.length


def _published(store: Store, context: str) -> Position:
    """The state that the chart file was last published in; the very first where it never was."""
    from store.publish import PublishedLog

    last = PublishedLog(store.layout.journal_dir(context) / "published.jsonl").last("publish")
    return last.position if last is not None else Position(0, 0, "")


def _compact_read(_store: Store, journal: Journal, told: Callable[[int, int], None]) -> Swapped:
    """For a family that no index holds."""
    places, position = _read_places(journal)
    return journal.compact(position, places, told=lambda done: told(done, len(places)))


_WAYS = {INDEXED: _compact_indexed, KNOWLEDGE: _compact_knowledge}


def _read_places(journal: Journal) -> tuple[list[Place], Position]:
    """The places of the live lines, in the order the keys were first written, after the deletions still needed."""
    oldest = clock.stamp(clock.now() - KEEP_DELETIONS)
    live: dict[str, Place] = {}
    gone: dict[str, Place] = {}
    reader = journal.opened(journal.witnessed())
    if reader is None:
        raise NotFound(f"There is no journal at {journal.path}.")
    position = reader.header.position
    for tx in journal.read_generation(position.generation):
        for line in tx.lines:
            if line.raw is not None:
                gone.pop(line.key, None)
                live[line.key] = line[:3]
                continue
            live.pop(line.key, None)
            if line.at >= oldest:
                gone[line.key] = line[:3]
        position = tx.position
    return [*gone.values(), *live.values()], position


# -- cold archives ---------------------------------------------------------------------------------


def freeze_old(store: Store) -> list[Path]:
    """Compress the archived generations that were last written to long enough ago; the cold files."""
    oldest = clock.now() - timedelta(days=store.settings.upkeep_cold_days)
    return _freeze(store, lambda path: path.stat().st_mtime <= oldest.timestamp())


def freeze_all(store: Store) -> list[Path]:
    """Compress every archived generation; the cold files."""
    return _freeze(store, Path.exists)


def _freeze(store: Store, wanted: Callable[[Path], bool]) -> list[Path]:
    store.writable()
    done = []
    for context, family in store.layout.families():
        journal = store.journal(context, family)
        for generation in journal.generations()[:-1]:
            plain = journal.plain_archive(generation)
            with guard("read", plain):
                if not plain.exists() or not wanted(plain):
                    continue
            with (
                store.jobs.run("freeze", f"Compress {plain.name} of {context}"),
                journal_next.exclusive(journal, store.settings.lock_timeout),
            ):
                for left in journal_next.leftovers(cold.cold_name(plain)):
                    durable.remove_file(left, sync=False)
                done.append(cold.freeze(plain))
    return done


# -- shared ----------------------------------------------------------------------------------------


def _journal(store: Store, context: str, family: str) -> Journal:
    if not store.layout.journal(context, family).exists():
        raise NotFound(f"“{context}” has no journal of {family}. See `chartkeep contexts`.")
    return store.journal(context, family)


def _title(context: str, family: str) -> str:
    return f"“{context}”" if family == INDEXED else f"{family} of “{context}”"


def _count_lines(path: Path) -> int:
    try:
        return sum(block.count(b"\n") for block in cold.blocks(path))
    except StorageError:
        return 0
