"""What vectors ask of the records they stand for: is it live, in which version, what is it called, what does it say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from store.journal_read import OffChain
from store.journal_reader import NOWHERE
from store.knowledge.kinds import FAMILY, parts_of
from store.vectors import sources as texts
from store.vectors.sources import CHART, Source

if TYPE_CHECKING:
    from store.model import Position
    from store.store import Store


class Place(NamedTuple):
    """The newest version of a record, and where its line lies."""

    ver: int
    deleted: bool
    generation: int
    offset: int
    length: int


_folded: dict[tuple[str, str], tuple[Position | None, dict[str, Place]]] = {}


def newest(store: Store, context: str, keys: Iterable[str]) -> dict[str, Place]:
    """The newest version of each of these records that there ever was, deletions included."""
    name = (str(store.layout.home), context)
    after, found = _folded.get(name, (None, {}))
    journal = store.journal(context, FAMILY)
    if journal.position() == NOWHERE:
        return {}
    try:
        txs = list(journal.read() if after is None else journal.read_on(after))
    except OffChain:
        found, txs = {}, list(journal.read())
    for tx in txs:
        for line in tx.lines:
            found[line.key] = Place(line.ver, line.raw is None, line.generation, line.offset, line.length)
        after = tx.position
    _folded[name] = (after, found)
    return {key: found[key] for key in keys if key in found}


def live(store: Store, context: str, keys: Iterable[str]) -> dict[str, int]:
    """The version of those of these records and charts that are live; a chart's is that of its text."""
    wanted = list(keys)
    found = {key: place.ver for key, place in newest(store, context, wanted).items() if not place.deleted}
    if any(parts_of(key)[0] == CHART for key in wanted):
        charts = texts.charts(store, context)
        found.update((key, charts[key].ver) for key in wanted if key in charts)
    return found


def sources(store: Store, context: str, keys: Iterable[str]) -> dict[str, Source]:
    """The texts of those of these records and charts that there are; None of the deleted."""
    wanted = list(keys)
    found: dict[str, Source] = {}
    journal = store.journal(context, FAMILY)
    for key, place in newest(store, context, wanted).items():
        raw = None
        if not place.deleted:
            raw = journal.record_raw(place.generation, place.offset, place.length)
        found[key] = Source(place.ver, None if raw is None else texts.record_text(key, raw))
    if any(parts_of(key)[0] == CHART for key in wanted):
        charts = texts.charts(store, context)
        found.update((key, charts[key]) for key in wanted if key in charts)
    return found


def titles(store: Store, context: str, keys: Iterable[str]) -> dict[str, str]:
    """What those of these records and charts that are live are called, in one line."""
    from store.index.knowledge import extract

    found: dict[str, str] = {}
    charts: list[str] = []
    records: list[str] = []
    for key in keys:
        kind, own = parts_of(key)
        if kind == CHART:
            charts.append(own)
        else:
            records.append(key)
    if charts:
        with store.snapshot() as snap:
            for own in charts:
                if (row := snap.chart(context, own)) is not None:
                    found[f"{CHART}:{own}"] = row.title
    journal = store.journal(context, FAMILY)
    for key, place in newest(store, context, records).items():
        raw = None if place.deleted else journal.record_raw(place.generation, place.offset, place.length)
        if raw is not None:
            told = extract.extract(0, raw)
            pair = f"{told.source} → {told.target}" if told.source and told.target else ""
            found[key] = told.title or told.name or pair or parts_of(key)[1]
    return found
