"""Figures about a store, each measured when asked for: what the health pane and `status` show."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import ChartkeepError
from store.upkeep.verify import last_verification, quarantined

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.store import Store


def status(store: Store) -> dict[str, Any]:
    """Sizes in bytes, counts, lag and growth, as plain JSON (its shape is documented in README)."""
    begun = clock.monotonic()
    with store.snapshot() as snap:
        contexts = [_context(store, snap, name) for name in store.contexts.names()]
        growth = snap.growth()
        counts = snap.counts()
    query_ms = (clock.monotonic() - begun) * 1000
    layout = store.layout
    free = shutil.disk_usage(layout.root)
    return {
        "store": str(layout.root),
        "readonly": store.readonly,
        "sizes": {
            "chart_files": sum(item["chart_file_bytes"] for item in contexts),
            "journals": sum(item["journal_bytes"] for item in contexts),
            "index": tree_size(layout.index.parent),
            "recovery": tree_size(layout.recovery),
        },
        "counts": {
            name: sum(values.get(name, 0) for values in counts.values())
            for name in ("records", "versions", "transactions", "charts", "steps")
        },
        "contexts": contexts,
        "index_lag_bytes": sum(item["index_lag_bytes"] for item in contexts),
        "unpublished": [item["name"] for item in contexts if item["unpublished"]],
        "growth": growth,
        "query_ms": round(query_ms, 2),
        "last_verification": last_verification(store),
        "kept_aside": len({item.kept for item in quarantined(store) if item.kept}),
        "disk_free": free.free,
        "problem": store.background.problem if store.background else "",
        "damaged": {name: str(error) for name, error in store.damage.items()},
        "watching": _watching(store),
    }


def _context(store: Store, snap: Snapshot, name: str) -> dict[str, Any]:
    from store import exchange

    layout = store.layout
    journal_bytes = size_of(layout.journal(name))
    position = snap.position(name, "charts")
    try:
        pending = not store.readonly and exchange.unpublished(store, name)
    except ChartkeepError:
        pending = True
    return {
        "name": name,
        "chart_file_bytes": size_of(layout.chart_file(name)),
        "journal_bytes": journal_bytes,
        "generation": position.generation if position else 0,
        "index_lag_bytes": max(0, journal_bytes - (position.offset if position else 0)),
        "unpublished": pending,
    }


def _watching(store: Store) -> str:
    if store.background is None:
        return "off"
    return "polling" if store.background.watcher.polling else "file events"


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def tree_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(size_of(Path(top) / name) for top, _, names in os.walk(folder) for name in names)
