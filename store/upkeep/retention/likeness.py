"""Vectors of what is gone for good: a vector says something of the text it was made of.

Which go is told by what is left, so whoever finishes a cut that was interrupted need not know what was cut:

1. A vector of a record, or of a version, that the journals do not know goes; a superseded one too that no
   search would meet. Where a later version has no vector yet, it is made when it is next asked for.
2. A chart's vector names no version but a checksum of its text. Where charts were cut, one whose text is not
   the present one goes: what it was made of may have been cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.store import Store
    from store.vectors.folder import Folder

CHARTS = "charts"
_CHART = "chart:"


def drop(store: Store, context: str, families: Collection[str]) -> None:
    """Take vectors of what is gone out of every model of a context; what cannot be read is left (`left`).

    `families` are those of whose journals something was cut.
    """
    from store.vectors import collection, folder

    try:
        gone = {
            row
            for model in folder.of_context(store.layout.vectors, context)
            for row in _unknown(store, context, model, families)
        }
        if gone:
            collection.drop(store, context, (), gone)
    except ChartkeepError:
        return


def left(store: Store, places: Iterable[tuple[str, str]]) -> list[str]:
    """Folders of vectors that may hold something erased still, in sentences. `places`: (context, family)."""
    from store.vectors import folder

    said = []
    places = set(places)
    for context in sorted({context for context, _ in places}):
        families = {family for name, family in places if name == context}
        for model in folder.of_context(store.layout.vectors, context):
            where = store.layout.relative(model.path)
            try:
                if _unknown(store, context, model, families):
                    said.append(f"{where} still holds vectors of it: erase it again, or delete that folder.")
            except ChartkeepError as error:
                said.append(f"{where} could not be looked at: {error}")
    return said


def _unknown(store: Store, context: str, model: Folder, families: Collection[str]) -> set[tuple[str, int]]:
    """(key, version) of vectors of what never was, as far as the journals know."""
    from store.vectors import embedding

    manifest = model.manifest()
    if manifest is None:
        return set()
    rows = set(embedding.rows(model, manifest))
    charts = {row for row in rows if row[0].startswith(_CHART)}
    return _unknown_records(store, context, rows - charts) | _unknown_charts(
        store, context, charts, compared=CHARTS in families
    )


def _unknown_records(store: Store, context: str, rows: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Invariant 1."""
    store.library.sync(context)
    unknown = set()
    listed = list(rows)
    with store.library.index.snapshot() as snap:
        for begin in range(0, len(listed), 1000):
            part = listed[begin : begin + 1000]
            newest = snap.newest(context, [key for key, _ in part])
            for key, ver in part:
                found = newest.get(key)
                if found is not None and found.ver == ver:
                    continue
                if found is None or all(one.ver != ver for one in snap.versions(context, key)):
                    unknown.add((key, ver))
    return unknown


def _unknown_charts(
    store: Store, context: str, rows: set[tuple[str, int]], *, compared: bool
) -> set[tuple[str, int]]:
    """Invariant 2; a chart that never was in any case."""
    from store.vectors import sources

    if not rows:
        return set()
    store.sync(context)
    there = sources.charts(store, context) if compared else {}
    with store.index.snapshot() as snap:
        return {
            (key, ver)
            for key, ver in rows
            if (key in there and there[key].ver != ver)
            or (key not in there and snap.newest(context, f"e:{key[len(_CHART) :]}_chart") is None)
        }
