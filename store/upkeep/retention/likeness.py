"""Vectors of what is gone for good: a vector says something of the text it was made of.

Which go is told by what is left: a key that no version was ever written of has no vector. So whoever
finishes a cut that was interrupted need not know what was cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.store import Store
    from store.vectors.folder import Folder

_CHART = "chart:"


def drop(store: Store, context: str) -> None:
    """Take vectors without a record out of every model of a context; what cannot be read is left (`left`)."""
    from store.vectors import collection, folder

    try:
        gone = {
            key
            for model in folder.of_context(store.layout.vectors, context)
            for key in _unknown(store, context, model)
        }
        if gone:
            collection.drop(store, context, gone)
    except ChartkeepError:
        return


def left(store: Store, contexts: Iterable[str]) -> list[str]:
    """Folders of vectors that may hold something erased still, in sentences."""
    from store.vectors import folder

    said = []
    for context in sorted(contexts):
        for model in folder.of_context(store.layout.vectors, context):
            where = store.layout.relative(model.path)
            try:
                if _unknown(store, context, model):
                    said.append(f"{where} still holds vectors of it: erase it again, or delete that folder.")
            except ChartkeepError as error:
                said.append(f"{where} could not be looked at: {error}")
    return said


def _unknown(store: Store, context: str, model: Folder) -> set[str]:
    """Keys that have a vector and never were, as far as the journals know."""
    from store.vectors import embedding

    manifest = model.manifest()
    if manifest is None:
        return set()
    keys = list(embedding.versions(model, manifest))
    plain = [key for key in keys if not key.startswith(_CHART)]
    store.library.sync(context)
    with store.library.index.snapshot() as snap:
        unknown = set(plain)
        for begin in range(0, len(plain), 1000):
            unknown.difference_update(snap.newest(context, plain[begin : begin + 1000]))
    store.sync(context)
    with store.index.snapshot() as charts:
        for key in keys:
            if key.startswith(_CHART) and charts.newest(context, f"e:{key[len(_CHART) :]}_chart") is None:
                unknown.add(key)
    return unknown
