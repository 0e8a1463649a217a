"""Figures about a store, each measured when asked for: what the health pane and `status` show.

`measuring` measures, `thresholds` rates, `metrics` keeps samples over time; this puts together the
document that scripts read. Its members only ever become more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store import clock
from store.upkeep.health import asking, measuring, metrics, thresholds

if TYPE_CHECKING:
    from store.store import Store


def status(store: Store, behind: measuring.Waiting | None = None) -> dict[str, Any]:
    """Sizes in bytes, counts, lag, growth and health, as plain JSON (its shape is documented in README).

    `behind` is what lagged before the caller brought it on; without it, what lags now.
    """
    measured = measuring.measure(store, behind=behind)
    facts = measured.facts
    figures = thresholds.figures(facts, store.settings)
    with store.snapshot() as snap:
        growth = snap.growth()
        counts = snap.counts()
    return {
        "store": str(store.layout.root),
        "readonly": store.readonly,
        "health": {
            "severity": thresholds.worst(figures),
            "figures": [figure.document() for figure in figures],
        },
        "sizes": measured.sizes,
        "counts": {
            name: sum(values.get(name, 0) for values in counts.values())
            for name in ("records", "versions", "transactions", "charts", "steps")
        },
        "contexts": measured.contexts,
        "knowledge": measured.knowledge,
        "index_lag_bytes": facts.lag_bytes,
        "unpublished": list(facts.unpublished),
        "growth": growth,
        "query_ms": facts.query_ms,
        "last_verification": measured.verification,
        "kept_aside": facts.kept_aside,
        "disk_free": facts.disk_free,
        "disk_total": facts.disk_total,
        "problem": facts.problem,
        "damaged": {
            **{name: str(error) for name, error in store.damage.items()},
            **{f"{name}/knowledge": str(error) for name, error in store.library.damage.items()},
        },
        "watching": _watching(store),
        "backups": measured.backed.document(),
        "samples": _samples(store),
        "upkeep": asking.upkeep(store),
    }


def _samples(store: Store) -> dict[str, Any]:
    """When sampling began and was last done; None where it never was."""
    found = metrics.ends(store)
    first, last = found if found is not None else (None, None)
    return {
        "first": clock.stamp(first.at) if first else None,
        "last": clock.stamp(last.at) if last else None,
        "every_minutes": store.settings.upkeep_sample_minutes,
    }


def _watching(store: Store) -> str:
    if store.background is None:
        return "off"
    return "polling" if store.background.watcher.polling else "file events"
