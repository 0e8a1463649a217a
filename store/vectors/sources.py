"""What there is to embed: the texts of records and charts that changed since they were last looked at.

Records come from their journal, from the point the model has seen, so the work is in proportion to
what changed. Charts are few and made of several records: all of them are looked at whenever the
journal of charts has gone on, and the version of a chart's vector is a checksum of its text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from store import records
from store.errors import NotFound
from store.journal_reader import NOWHERE
from store.knowledge.kinds import FAMILY, kind_of, parts_of
from store.vectors import text as texts

if TYPE_CHECKING:
    from store.journal_read import Line
    from store.model import Position
    from store.store import Store

CHART = "chart"
"""The kind, and with a colon the beginning of the key, that charts have among vectors."""
BATCH = 8_192


class Source(NamedTuple):
    """The text of one record or chart; None where it is deleted."""

    ver: int
    text: str | None


class News(NamedTuple):
    """Some of what changed, and the point of the journal that is reached with it."""

    changed: dict[str, Source]
    upto: Position
    bytes: int
    """Of the journal, gone through so far."""


def embeddable(key: str) -> bool:
    """True for records a person or program submitted; what only chartkeep writes has no vector."""
    return not kind_of(parts_of(key)[0]).own


def records_since(store: Store, context: str, after: Position | None) -> Iterator[News]:
    """What changed in a context's knowledge after a point, the newest version of each key, in parts.

    Raises OffChain where the point is not on the chain any more, Damaged, StorageError.
    """
    journal = store.journal(context, FAMILY)
    end = journal.position()
    if end in (NOWHERE, after):
        return
    passed, held = 0, 0
    changed: dict[str, Source] = {}
    for tx in journal.read() if after is None else journal.read_on(after):
        for line in tx.lines:
            if embeddable(line.key):
                source = source_of(line)
                held += len(source.text or "")
                changed[line.key] = source
        passed += tx.end - tx.offset
        end = tx.position
        if len(changed) >= BATCH or held > BATCH * 1_000:
            yield News(changed, end, passed)
            changed, held = {}, 0
    yield News(changed, end, passed)


def source_of(line: Line) -> Source:
    """The text of one version of a record."""
    if line.raw is None:
        return Source(line.ver, None)
    return Source(line.ver, record_text(line.key, line.raw))


def record_text(key: str, raw: bytes) -> str:
    """What of a record's bytes is embedded."""
    try:
        return texts.text_of(parts_of(key)[0], records.loads(raw))
    except records.BadJson:
        return ""


def charts(store: Store, context: str) -> dict[str, Source]:
    """Every chart of a context by key, its text, and the checksum of that as its version."""
    parts: dict[str, tuple[list[str], list[str], list[str]]] = {}
    with store.snapshot() as snap:
        ids = set(snap.chart_ids(context))
        for chart_id, role, text in snap.chart_texts(context):
            if chart_id in ids:
                parts.setdefault(chart_id, ([], [], []))[role - 1].append(text)
    return {f"{CHART}:{chart_id}": _chart_source(*found) for chart_id, found in parts.items()}


def chart(store: Store, context: str, chart_id: str) -> Source:
    """The text of one chart. Raises NotFound."""
    found = charts(store, context).get(f"{CHART}:{chart_id}")
    if found is None:
        raise NotFound(f"There is no chart “{chart_id}” in {context}.")
    return found


def _chart_source(outcome: Iterable[str], reality: Iterable[str], steps: Iterable[str]) -> Source:
    text = texts.chart(outcome, reality, steps)
    return Source(zlib.crc32(text.encode("utf-8", "surrogatepass")), text)
