"""Which files charts were exported to: noted so that an erasure can say which of them hold what it erased.

A note is one record `{"type":"export","id":…,"at":…,"path":…,"charts":n}` beside the samples of
health. It is a help and no promise: a file may have been moved or copied since, and a store that
may only be read notes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock, ids
from store.errors import ChartkeepError, Damaged
from store.upkeep.health import metrics

if TYPE_CHECKING:
    from store.store import Store

KIND = "export"


class Export(NamedTuple):
    """A file that charts were written to."""

    path: Path
    at: str
    charts: int


def note(store: Store, path: Path, charts: int) -> None:
    """Remember that `charts` charts were written to a file. An export does not fail for want of its note."""
    if store.readonly:
        return
    record = {
        "type": KIND,
        "id": ids.sample_id(),
        "at": clock.stamp(),
        "path": str(path.absolute()),
        "charts": charts,
    }
    with suppress(ChartkeepError):
        metrics.append(store, record)


def noted(store: Store) -> list[Export]:
    """Files that were exported to and are still there, the newest note of each; none from where damage begins."""
    if not store.layout.journal(metrics.CONTEXT, metrics.FAMILY).exists():
        return []
    found: dict[str, Export] = {}
    journal = store.journal(metrics.CONTEXT, metrics.FAMILY)
    with suppress(Damaged):
        for generation in journal.generations():
            for tx in journal.read_generation(generation):
                for line in tx.lines:
                    if line.raw is None or b'"type":"export"' not in line.raw[:40]:
                        continue
                    value = line.value()
                    path = value.get("path")
                    if isinstance(path, str):
                        found[path] = Export(Path(path), str(value.get("at")), int(value.get("charts") or 0))
    return [export for export in found.values() if export.path.is_file()]
