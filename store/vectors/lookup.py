"""What vectors ask of the records they stand for: is it live, in which version, what is it called, what does it say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from store.knowledge.kinds import FAMILY, parts_of
from store.vectors import sources as texts
from store.vectors.sources import CHART, Source

if TYPE_CHECKING:
    from store.index.knowledge.queries import Newest
    from store.store import Store

_AT_ONCE = 1000
"""Keys asked of the index in one question."""


def live(store: Store, context: str, keys: Iterable[str]) -> dict[str, int]:
    """The version of those of these records and charts that are live; a chart's is that of its text."""
    records, charts = _parted(keys)
    found = {key: place.ver for key, place in _newest(store, context, records) if not place.deleted}
    if charts:
        there = texts.charts(store, context)
        found.update((key, there[key].ver) for key in charts if key in there)
    return found


def sources(store: Store, context: str, keys: Iterable[str]) -> dict[str, Source]:
    """The texts of those of these records and charts that there are; None of the deleted."""
    records, charts = _parted(keys)
    found: dict[str, Source] = {}
    journal = store.journal(context, FAMILY)
    for key, place in _newest(store, context, records):
        raw = None
        if not place.deleted:
            raw = journal.record_raw(place.generation, place.offset, place.length)
        found[key] = Source(place.ver, None if raw is None else texts.record_text(key, raw))
    if charts:
        there = texts.charts(store, context)
        found.update((key, there[key]) for key in charts if key in there)
    return found


def titles(store: Store, context: str, keys: Iterable[str]) -> dict[str, str]:
    """What those of these records and charts that are live are called, in one line."""
    records, charts = _parted(keys)
    found: dict[str, str] = {}
    if charts:
        with store.snapshot() as snap:
            for key in charts:
                if (chart := snap.chart(context, parts_of(key)[1])) is not None:
                    found[key] = chart.title
    if records:
        from store.workflows import lists

        lists.catch_up(store, context)  # a person waits: not for a runner that fills the index
        with store.library.snapshot() as snap:
            for key in records:
                if (row := snap.row(context, key)) is not None and not row.deleted:
                    found[key] = row.title
    return found


def _newest(store: Store, context: str, keys: list[str]) -> Iterator[tuple[str, Newest]]:
    """The newest versions of these records, deletions included."""
    if not keys:
        return
    store.library.sync(context)  # others may have written what was just embedded
    with store.library.snapshot() as snap:
        for start in range(0, len(keys), _AT_ONCE):
            yield from snap.newest(context, keys[start : start + _AT_ONCE]).items()


def _parted(keys: Iterable[str]) -> tuple[list[str], list[str]]:
    """(keys of records, keys of charts)."""
    records: list[str] = []
    charts: list[str] = []
    for key in keys:
        (charts if key.startswith(f"{CHART}:") else records).append(key)
    return records, charts
