"""Measuring a store: sizes, times and ages as they are at this moment.

Everything here asks files, the index or a clock, when it is called and not before; nothing is
estimated. `thresholds` says what the figures mean. What does not answer (a damaged journal, no
backups) leaves its figure unknown, and never stops the others.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from store import clock, durable
from store.errors import ChartkeepError, StorageError
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.upkeep.health import asking, forecast, knowing, metrics
from store.upkeep.health.thresholds import Facts, Figure
from store.upkeep.verification.verify import FINDINGS, last_verification, quarantined

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.store import Store

WINDOW = timedelta(days=30)
"""How far back growth, forecast and success of backups look."""
PROBES, PROBE = 5, b"\n" * 512
"""How often, and with what, the latency of a sync is probed."""
LATELY = timedelta(days=7)
"""What was kept aside within this time is worth a look."""

_live: WeakKeyDictionary[Store, dict[str, tuple[int, int, int]]] = WeakKeyDictionary()
"""Per store and context: generation and size of the journal when its live bytes were added up, and those."""


class Waiting(NamedTuple):
    """What has not followed the journals yet."""

    lag_bytes: int
    lag_seconds: float
    unpublished: tuple[str, ...]
    unpublished_seconds: float


class Measured(NamedTuple):
    """One look at a store."""

    facts: Facts
    contexts: list[dict[str, Any]]
    sizes: dict[str, int]
    verification: dict[str, Any] | None
    backed: asking.Backed
    knowledge: dict[str, Any]


def measure(store: Store, *, probe: bool = False, behind: Waiting | None = None) -> Measured:
    """Look at everything; with `probe` write and sync a small file, too. Raises StorageError.

    `behind` is what `waiting` said before this very program brought index and chart files on.
    """
    now = clock.now()
    recent = metrics.samples(store, now - WINDOW)
    with store.snapshot() as snap:
        contexts = [_context(store, snap, name) for name in store.contexts.names()]
        indexed = _indexed(store, snap, contexts, now)
        written = sum(_written_since(store, snap, name, now - WINDOW) for name in _names(contexts))
    sizes = sizes_of(store, contexts)
    known = knowing.knowledge(store)
    last = last_verification(store)
    backed = asking.backed(store, now - WINDOW)
    facts = Facts(
        now=now,
        **indexed,
        **_growth(recent, now, indexed["began_at"], sum(sizes.values()), written),
        **(behind or _waiting(store, contexts, now))._asdict(),
        **_disk(store, recent, now),
        **_hits(store),
        **_trouble(store, now),
        store_bytes=sum(sizes.values()),
        fsync_ms=_fsync_ms(store) if probe else _sampled(recent, "fsync_latency"),
        followed=store.background is not None or asking.upkeep(store)["holder"] is not None,
        verified_at=clock.try_parse(last.get("at")) if last else None,
        errors=int(last.get("error") or 0) if last else 0,
        backups_wanted=store.settings.backup_enabled,
        attempts=(backed.succeeded, backed.tried),
        backup_at=backed.newest,
        drill_at=backed.drilled,
        first_backup_at=backed.oldest,
        interrupted=tuple(known["workflows"]["interrupted"]),
        vectors_behind=sum(one["behind_bytes"] for one in known["vectors"]),
    )
    return Measured(facts, contexts, sizes, last, backed, known)


def _indexed(store: Store, snap: Snapshot, contexts: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """What the index tells."""
    journal_bytes = sum(one["journal_bytes"] for one in contexts)
    lifetime = snap.lifetime()
    began, changed = [clock.try_parse(at) for at in lifetime] if lifetime else (None, None)
    return {
        "age": None if began is None else max(timedelta(), now - began),
        "began_at": began,
        "changed_at": changed,
        "query_ms": _query_ms(snap),
        "conflicts": snap.open_conflicts(),
        "journal_bytes": journal_bytes,
        "superseded_bytes": max(0, journal_bytes - sum(_live_bytes(store, snap, one) for one in contexts)),
    }


def _trouble(store: Store, now: datetime) -> dict[str, Any]:
    """What went wrong, as far as this process knows."""
    kept = len({item.kept for item in quarantined(store) if item.kept})
    return {
        "damaged": tuple(str(error) for error in (*store.damage.values(), *store.library.damage.values())),
        "problem": store.background.problem if store.background else "",
        "kept_aside": kept,
        "kept_lately": bool(kept) and _age(store.layout.recovery / FINDINGS, now) < LATELY.total_seconds(),
    }


def _disk(store: Store, recent: list[metrics.Sample], now: datetime) -> dict[str, Any]:
    """Room on the disk, and how long it lasts by the samples."""
    disk = shutil.disk_usage(store.layout.root)
    points = [*_points(recent, "disk_free_bytes"), (now.timestamp(), float(disk.free))]
    left = forecast.days_left(points, disk.free)
    return {"disk_free": disk.free, "disk_total": disk.total, "days_left": left}


def numbers(facts: Facts, figures: list[Figure]) -> dict[str, float]:
    """What a sample keeps: the sizes that trends are drawn from, and every figure that is known and not 0."""
    found: dict[str, float] = {
        "store_bytes": facts.store_bytes,
        "journal_bytes": facts.journal_bytes,
        "disk_free_bytes": facts.disk_free,
    }
    for figure in figures:
        if figure.value and math.isfinite(figure.value):
            found[figure.name] = figure.value
    return found


# -- sizes -----------------------------------------------------------------------------------------


def sizes_of(store: Store, contexts: list[dict[str, Any]]) -> dict[str, int]:
    """Bytes of the parts of a store; backups are not of it."""
    layout = store.layout
    journals = sum(one["journal_bytes"] for one in contexts)
    known = sum(size_of(layout.journal(name, KNOWLEDGE)) for name in store.library.contexts())
    return {
        "chart_files": sum(one["chart_file_bytes"] for one in contexts),
        "journals": journals,
        "knowledge": known,
        "history": max(0, tree_size(layout.journals) - journals - known),
        "index": tree_size(layout.index.parent),
        "vectors": tree_size(layout.vectors),
        "workflows": tree_size(layout.workflows),
        "recovery": tree_size(layout.recovery),
    }


def _context(store: Store, snap: Snapshot, name: str) -> dict[str, Any]:
    from store import exchange

    layout = store.layout
    journal_bytes = size_of(layout.journal(name))
    position = snap.position(name, "charts")
    seen = 0
    pending = True
    with suppress(ChartkeepError):
        if position is not None and journal_bytes and store.journal(name).holds(position):
            seen = position.offset
        pending = not store.readonly and exchange.unpublished(store, name)
    return {
        "name": name,
        "chart_file_bytes": size_of(layout.chart_file(name)),
        "journal_bytes": journal_bytes,
        "generation": position.generation if position else 0,
        "index_lag_bytes": max(0, journal_bytes - seen),
        "unpublished": pending,
    }


def _names(contexts: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in contexts]


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def tree_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(size_of(Path(top) / name) for top, _, names in os.walk(folder) for name in names)


def _age(path: Path, now: datetime) -> float:
    """Seconds since a file was last written; 0 where there is none."""
    try:
        return max(0.0, now.timestamp() - os.stat(path).st_mtime)
    except OSError:
        return 0.0


def _live_bytes(store: Store, snap: Snapshot, one: dict[str, Any]) -> int:
    """Bytes of a journal that hold live records; added up again once a hundredth of it is new."""
    known = _live.setdefault(store, {})
    name: str = one["name"]
    size: int = one["journal_bytes"]
    generation: int = one["generation"]
    before = known.get(name)
    if before is None or before[0] != generation or not before[1] <= size <= before[1] * 1.01:
        known[name] = before = (generation, size, snap.live_bytes(name))
    return before[2] + size - before[1]


# -- growth ----------------------------------------------------------------------------------------


def _points(recent: list[metrics.Sample], name: str) -> list[forecast.Point]:
    return [(one.at.timestamp(), one.figures[name]) for one in recent if name in one.figures]


def _sampled(recent: list[metrics.Sample], name: str) -> float | None:
    """A figure as it was last sampled."""
    return next((one.figures[name] for one in reversed(recent) if name in one.figures), None)


def _growth(
    recent: list[metrics.Sample], now: datetime, began: datetime | None, size: int, written: int
) -> dict[str, Any]:
    """Growth a month: by the samples, else by what the journals say was written in the last month."""
    found = forecast.growth([*_points(recent, "store_bytes"), (now.timestamp(), size)])
    if found is not None:
        return {"growth": found.percent, "growth_bytes": found.bytes}
    if began is None or now - began <= WINDOW or size <= written:
        return {"growth": None, "growth_bytes": None}
    return {"growth": 100 * written / (size - written), "growth_bytes": float(written)}


def _written_since(store: Store, snap: Snapshot, context: str, since: datetime) -> int:
    """Bytes of a context's journal, with its archive, that were written since an instant."""
    place = snap.first_since(context, since)
    if place is None:
        return 0
    generation, offset = place
    path = store.layout.journal(context)
    try:
        journal = store.journal(context)
        later = [number for number in journal.generations() if number > generation]
        if not later:
            return max(0, size_of(path) - offset)
        whole = size_of(journal.archived(generation))
        archived = sum(size_of(journal.archived(number)) for number in later[:-1])
    except ChartkeepError:
        return 0
    return max(0, whole - offset) + archived


# -- time ------------------------------------------------------------------------------------------


def _query_ms(snap: Snapshot) -> float:
    """The median time, in milliseconds, of what screens and commands ask most often."""
    newest = [row for row in snap.rows(snap.roots(sort="updated", limit=1)) if row is not None]
    questions: list[Callable[[], object]] = [
        lambda: snap.rows(snap.roots(limit=200)),
        lambda: snap.transactions(limit=50),
        lambda: snap.search("the", limit=20),
        lambda: snap.due_soon(limit=50),
    ]
    for row in newest:
        questions.append(lambda row=row: snap.chart_view(row.context, row.chart_id))  # type: ignore[misc]
        questions.append(lambda row=row: snap.history(row.context, row.chart_id, limit=20))  # type: ignore[misc]
    return round(_median([_timed(question) for question in questions]), 3)


def _median(times: list[float]) -> float:
    """The middle one; of an even number the slower of the two."""
    return sorted(times)[len(times) // 2]


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds that some work takes."""
    begun = clock.monotonic_ns()
    work()
    return (clock.monotonic_ns() - begun) / 1e6


def _fsync_ms(store: Store) -> float | None:
    """The median time of writing and syncing a small file on the disk of the journals; None where it refuses."""
    try:
        durable.make_dirs(store.layout.journals)
        for left in store.layout.journals.glob(f".probe.*{durable.TEMP_SUFFIX}"):  # by a crash
            durable.remove_file(left, sync=False)
        temp = durable.write_aside(store.layout.journals / "probe", b"")
        try:
            file = durable.AppendFile(temp)
            times = [_timed(lambda: file.sync(file.append(PROBE))) for _ in range(PROBES)]
            file.close()
        finally:
            durable.remove_file(temp, sync=False)
    except StorageError:
        return None
    return round(_median(times), 3)


def waiting(store: Store) -> Waiting:
    """What has not followed the journals yet, as it is now."""
    with store.index.snapshot() as snap:
        contexts = [_context(store, snap, name) for name in store.contexts.names()]
    return _waiting(store, contexts, clock.now())


def _waiting(store: Store, contexts: list[dict[str, Any]], now: datetime) -> Waiting:
    lagging = [one["name"] for one in contexts if one["index_lag_bytes"]]
    unpublished = _names([one for one in contexts if one["unpublished"]])
    return Waiting(
        sum(one["index_lag_bytes"] for one in contexts),
        max((_oldest_unseen(store, name, now) for name in lagging), default=0.0),
        tuple(unpublished),
        max((_age(store.layout.journal(name), now) for name in unpublished), default=0.0),
    )


def _oldest_unseen(store: Store, context: str, now: datetime) -> float:
    with suppress(ChartkeepError):
        journal = store.journal(context)
        unseen: Iterator[Any] = journal.read(store.index.position(context))
        for tx in unseen:
            at = clock.try_parse(tx.at)
            return max(0.0, (now - at).total_seconds()) if at else 0.0
    return 0.0


def _hits(store: Store) -> dict[str, Any]:
    """What planners found in this process's mirrors, and what they had to ask the index for."""
    mirrors = list(store.mirrors())
    return {"hits": sum(one.hits for one in mirrors), "misses": sum(one.misses for one in mirrors)}
