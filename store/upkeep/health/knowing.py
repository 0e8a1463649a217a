"""What health tells of knowledge: records by collection, workflows by what they are at, vectors and what they lack.

The index answers as it is: nothing is synced for the sake of a figure. What does not answer is left out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from store.errors import ChartkeepError
from store.knowledge.kinds import FAMILY

if TYPE_CHECKING:
    from store.store import Store


def knowledge(store: Store) -> dict[str, Any]:
    """As `status` gives it; its members only ever become more."""
    found: dict[str, Any] = {
        "records": {},
        "contexts": [],
        "index_lag_bytes": 0,
        "workflows": {"running": 0, "pending": 0, "paused": 0, "interrupted": [], "ended": 0},
        "vectors": [],
    }
    if store.library.contexts():
        with suppress(ChartkeepError):
            _records(store, found)
        with suppress(ChartkeepError):
            _workflows(store, found["workflows"], found["records"].get("workflows", 0))
    with suppress(ChartkeepError):
        found["vectors"] = list(_vectors(store)) if store.layout.vectors.is_dir() else []
    return found


def _records(store: Store, found: dict[str, Any]) -> None:
    with store.library.index.snapshot() as snap:
        for _, collection, live in snap.collections(None):
            found["records"][collection] = found["records"].get(collection, 0) + live
        for context in store.library.contexts():
            size = store.layout.journal(context, FAMILY).stat().st_size
            position = snap.position(context, FAMILY)
            lag = max(0, size - (position.offset if position is not None else 0))
            told = {"name": context, "journal_bytes": size, "index_lag_bytes": lag}
            found["contexts"].append({**told, "generation": position.generation if position else 0})
    found["index_lag_bytes"] = sum(one["index_lag_bytes"] for one in found["contexts"])


def _workflows(store: Store, counts: dict[str, Any], every: int) -> None:
    from store.workflows import lists

    open_ones = lists.listing(store, running_only=True, limit=None)
    for one in open_ones:
        if one.interrupted:
            counts["interrupted"].append(one.id)
        elif one.state == "pending":
            counts["pending"] += 1
        else:
            counts["paused" if one.paused else "running"] += 1
    counts["ended"] = max(0, every - len(open_ones))


def _vectors(store: Store) -> list[dict[str, Any]]:
    from store.vectors import collection, embedding

    return [
        {
            "context": model.context,
            "model": model.name,
            "vectors": model.rows,
            "bytes": model.bytes,
            "behind_bytes": embedding.behind(store, model.context, model.name) if model.made else 0,
        }
        for model in collection.models(store)
    ]
