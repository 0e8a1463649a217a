"""What there is: collections, tags, domains and workflows, with how many records have them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

from store.index.knowledge import rows
from store.index.knowledge.filters import compiled
from store.index.knowledge.names import Named
from store.knowledge import kinds
from store.knowledge.model import Filter


class Facets(Named):
    """The part of a Snapshot that knows what there is."""

    def collections(self, context: str | None = None) -> list[tuple[str, str, int]]:
        """(context, collection, live records), in the order lists show them; unknown types are one."""
        counts: Counter[tuple[str, str]] = Counter()
        where, bind = ("1", ()) if context is None else ("ctx = ?", (self._ctx(context),))
        sql = f"SELECT ctx, kind, live FROM facets WHERE what = {rows.LIVE} AND live > 0 AND {where}"
        for ctx, code, live in self._ask(sql, bind):
            counts[self._name(ctx), kinds.kind_of(self.names.kind(code)).collection] += live
        places = {kind.collection: n for n, kind in enumerate((*kinds.KINDS, kinds.OTHER))}
        order = {name: n for n, name in enumerate(self.contexts())}
        listed = sorted(counts, key=lambda found: (order[found[0]], places[found[1]]))
        return [(*found, counts[found]) for found in listed]

    def tags(
        self, context: str | None = None, types: Sequence[str] = (), limit: int | None = None
    ) -> list[tuple[str, int]]:
        """(tag, live records that have it), the most used first."""
        counts = self._facets(rows.TAG, context, types)
        return [(self.names.text(number), live) for number, live in counts.most_common(limit)]

    def domains(
        self, context: str | None = None, types: Sequence[str] = (), limit: int | None = None
    ) -> list[tuple[str, int, int]]:
        """(domain, live records with it as source, as target), the most used first."""
        sources = self._facets(rows.SOURCE, context, types)
        targets = self._facets(rows.TARGET, context, types)
        most = (sources + targets).most_common(limit)
        return [(text, sources[n], targets[n]) for n, _ in most if (text := self.names.text(n))]

    def _facets(self, what: int, context: str | None, types: Sequence[str]) -> Counter[int]:
        """Live records by the number of what they have."""
        where, bind = self._facet_of(context, compiled(Filter(kinds=tuple(types)), self.names).of_kinds)
        sql = f"SELECT id, SUM(live) FROM facets WHERE what = ? AND {where} GROUP BY id HAVING SUM(live) > 0"
        return Counter(dict(self._ask(sql, (what, *bind)).fetchall()))

    def workflows(
        self, context: str | None = None, *, open_only: bool = False, limit: int | None = None
    ) -> array[int]:
        """Rows of workflows, the newest submitted first; with `open_only` of those pending and processing."""
        parts = ["state IN ('pending', 'processing')"] if open_only else ["1"]
        bind: tuple[Any, ...] = ()
        if context is not None:
            parts.append("w.ctx = ?")
            bind = (self._ctx(context),)
        sql = (
            f"SELECT w.seq AS id FROM workflows w JOIN items i ON i.seq = w.seq WHERE {' AND '.join(parts)}"
            f" ORDER BY i.created DESC, w.seq DESC LIMIT {-1 if limit is None else int(limit)}"
        )
        return self._rowids(sql, bind)

    def _facet_of(self, context: str | None, of_kinds: str) -> tuple[str, tuple[Any, ...]]:
        """Which facets are meant: those of a context and of some kinds."""
        where = of_kinds.format(kind="kind")
        return (where, ()) if context is None else (f"{where} AND ctx = ?", (self._ctx(context),))
