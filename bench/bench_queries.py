"""What the screens ask the index, at 200 and 20,000 charts (with --full: 100,000)."""

from __future__ import annotations

from collections.abc import Iterator

from bench import stores
from bench.measure import Figure, in_turns, median
from store.index import Index

FEW, MANY, FULL = 200, 20_000, 100_000
ROUNDS = 5


def figures(*, full: bool) -> Iterator[Figure]:
    small, large = _asked(FEW), _asked(FULL if full else MANY)
    for name, seconds in large.items():
        yield Figure(
            f"{name}, {FULL if full else MANY:,} charts to {FEW}", "ms", 1e3 * seconds, 1e3 * small[name]
        )


def _asked(charts: int) -> dict[str, float]:
    """Median seconds by query, on a store of so many charts."""
    index = Index.open(stores.kept(charts) / ".index" / "chartkeep.sqlite")
    cid = stores.chart_id(charts // 2)
    key = f"e:{cid}_action_1"
    with index.snapshot() as snap:
        roots = snap.roots()
        times = in_turns(
            ROUNDS,
            {
                "roots, file order": snap.roots,
                "roots by due date": lambda: snap.roots(sort="due"),
                "roots by change": lambda: snap.roots(sort="updated"),
                "roots by title": lambda: snap.roots(sort="title"),
                "roots by progress": lambda: snap.roots(sort="progress"),
                "first 40 roots": lambda: snap.first_roots(40),
                "40 rows by id": lambda: snap.rows(roots[len(roots) // 2 :][:40]),
                "contexts with counts": snap.contexts,
                "one chart whole": lambda: snap.chart_view("default", cid),
                "unfolding": lambda: snap.unfolding("default", cid),
                "record by key": lambda: snap.record("default", key),
                "filter, 1 letter": lambda: snap.matching("p"),
                "filter, 1 word": lambda: snap.matching("plan"),
                "filter, 2 words": lambda: snap.matching("plan wri"),
                "filter, punctuation": lambda: snap.matching("begun, 1"),
                "search, newest": lambda: snap.search("plan"),
                "search, ranked": lambda: snap.search("plan", order="rank"),
                "overdue": snap.overdue,
                "transactions": snap.transactions,
                "history": lambda: snap.history("default", cid),
            },
            warm=1,
        )
    index.close()
    return {name: median(took) for name, took in times.items()}
