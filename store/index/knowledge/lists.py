"""Lists of records of knowledge: which rows a filter means, in which order.

The full text answers for kinds, domains, tags, qualities and words together. Where it gives few rows
they are sorted; where it gives many, the sort leads and the rest is asked of each row, so that a page
costs what it shows and not what there is.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import chain, islice
from typing import Any

from store.index.knowledge import rows
from store.index.knowledge.extract import MARK
from store.index.knowledge.facets import Facets
from store.index.knowledge.filters import WORKFLOWS, Compiled, compiled
from store.knowledge.model import Filter, Sort

WIDE = 10_000
"""Rows from which it pays to be led by the sort instead of sorting them."""
_TITLE = (
    "COALESCE(NULLIF(i.name, ''), i.title, (SELECT name FROM names WHERE id = i.source) || ' → ' ||"
    " (SELECT name FROM names WHERE id = i.target), i.id)"
)
_ORDERS: dict[str, tuple[str, ...]] = {
    "changed": ("i.seq",),
    "created": ("i.created", "i.seq"),
    "quality": ("i.quality", "i.seq"),
    "title": (f"{_TITLE} COLLATE NOCASE", "i.seq"),
    "kind": ("i.kind", "i.seq"),
    "key": ("i.id", "i.kind", "i.ctx"),
}
"""The columns each sort goes by."""
Query = tuple[str, list[Any]]
"""A statement without its limit, and what is bound."""


class Lists(Facets):
    """The part of a Snapshot that lists rows."""

    def plan(self, wanted: Filter) -> Compiled:
        """What a Filter asks of the index."""
        return compiled(wanted, self.names)

    def ids(
        self,
        wanted: Filter,
        sort: Sort = "changed",
        descending: bool = True,
        limit: int | None = None,
        offset: int = 0,
    ) -> array[int]:
        """The numbers of the rows a filter means, in order; conditions only records can answer aside."""
        plan = self.plan(wanted)
        if plan.nothing:
            return array("q")
        end = None if limit is None else max(0, offset) + max(0, limit)
        parts = list(islice(self._queries(plan, wanted.context, sort, descending, end), 2))
        if len(parts) == 1:
            sql, bind = parts[0]
            most = -1 if limit is None else max(0, limit)
            return self._rowids(f"{sql} LIMIT {most} OFFSET {max(0, offset)}", bind)
        return array("q", islice(self.walk(plan, wanted.context, sort, descending, end), offset, end))

    def walk(
        self, plan: Compiled, context: str | None, sort: Sort, descending: bool, most: int | None = None
    ) -> Iterator[int]:
        """The same one after the other, at most `most`."""
        if plan.nothing:
            return
        limit = "" if most is None else f" LIMIT {int(most)}"
        queries = self._queries(plan, context, sort, descending, most)
        walks: Iterable[Iterator[int]] = (self._each(sql + limit, bind) for sql, bind in queries)
        if sort == "changed" and context is None:  # each in the order of its journal: by time together
            timed = [_timed(walk, self._at) for walk in walks]
            together = merge(*timed, reverse=descending)
            walks = [(seq for _, seq in together)]
        yield from islice(chain.from_iterable(walks), most)

    def _queries(
        self, plan: Compiled, context: str | None, sort: Sort, descending: bool, most: int | None
    ) -> Iterator[Query]:
        """The statements that give the numbers, one after the other; by change one for every context."""
        way = " DESC" if descending else ""
        order = ", ".join(column + way for column in _ORDERS[sort])
        if sort == "quality":  # those that have none come last both ways
            order = f"i.quality IS NULL, {order}"
        if sort == "changed":
            for name in self.contexts() if context is None else [context]:
                yield self._query(plan, name, f"w.rowid{way}" if self._match(plan, name) else order)
        elif most is None or most > WIDE or not self._is_wide(plan, context):
            yield self._query(plan, context, order)
        elif sort == "quality":
            yield from self._by_quality(plan, context, descending)
        elif sort == "kind":
            yield from self._by_kind(plan, context, descending)
        else:
            led = sort == "created" and not plan.words  # words would be asked of every row on the way
            yield self._query(plan, context, order, led="created" if led else "")

    def _query(self, plan: Compiled, context: str | None, order: str, led: str = "") -> Query:
        if led:
            where, bind = self._unmatched(plan, context)
            return (
                f"SELECT i.seq AS id FROM items i INDEXED BY items_{led} WHERE {where} ORDER BY {order}",
                bind,
            )
        match = self._match(plan, context)
        where, bind = self._where(plan, context, match=match)
        source = "words w CROSS JOIN items i ON i.seq = w.rowid" if match else "items i"
        if plan.codes == (WORKFLOWS,) and not plan.deleted:
            where, bind = self._unmatched(plan, context)
            source = "workflows f CROSS JOIN items i ON i.seq = f.seq"
            order = order.replace("w.rowid", "i.seq")
        return f"SELECT i.seq AS id FROM {source} WHERE {where} ORDER BY {order}", bind

    def _by_quality(self, plan: Compiled, context: str | None, descending: bool) -> Iterator[Query]:
        """By the words that stand for qualities, then those that have none."""
        way = " DESC" if descending else ""
        words = [rows.quality_word(-1.0)]
        for step in range(rows.STEPS + 1):
            words += [f"{MARK}q{step}", f"{MARK}p{step}"]
        without, bind = self._where(plan, context, "i.quality IS NULL")
        source = "words w CROSS JOIN items i ON i.seq = w.rowid" if plan.match else "items i"
        none = f"SELECT i.seq AS id FROM {source} WHERE {without} ORDER BY i.seq{way}", bind
        for word in reversed(words) if descending else words:
            match = f'"{word}"' + (f" AND {plan.match}" if plan.match else "")
            # One of these stands for a single value: its rows are in order already.
            order = f"w.rowid{way}" if word[1] == "q" else f"i.quality{way}, i.seq{way}"
            where, bind = self._where(plan, context, match=match)
            yield (
                f"SELECT i.seq AS id FROM words w CROSS JOIN items i ON i.seq = w.rowid WHERE {where} ORDER BY {order}",
                bind,
            )
        yield none

    def _by_kind(self, plan: Compiled, context: str | None, descending: bool) -> Iterator[Query]:
        """One kind after the other."""
        way = " DESC" if descending else ""
        where, bind = self._facet_of(context, plan.of_kinds)
        what = rows.DELETED if plan.deleted else rows.LIVE
        sql = f"SELECT DISTINCT kind FROM facets WHERE what = ? AND live > 0 AND {where} ORDER BY kind{way}"
        for (code,) in self._ask(sql, (what, *bind)).fetchall():
            of_kinds = f"{{kind}} = {code}"
            part = replace(
                plan, of_kinds=of_kinds, codes=(code,), parts=[*plan.parts, of_kinds.format(kind="i.kind")]
            )
            yield self._query(part, context, f"w.rowid{way}" if self._match(part, context) else f"i.seq{way}")

    def _match(self, plan: Compiled, context: str | None) -> str:
        """What to ask the full text: kinds too where they are few among many."""
        if (
            plan.match
            or not plan.codes
            or plan.deleted
            or plan.codes == (WORKFLOWS,)
            or WORKFLOWS in plan.codes
        ):
            return plan.match
        live = "SELECT COALESCE(SUM(live), 0) FROM facets WHERE what = ?"
        where, bind = self._facet_of(context, plan.of_kinds)
        those = int(self._ask(f"{live} AND {where}", (rows.LIVE, *bind)).fetchone()[0])
        where, bind = self._facet_of(context, "1")
        every = int(self._ask(f"{live} AND {where}", (rows.LIVE, *bind)).fetchone()[0])
        if those * _FEW > every or every < WIDE:
            return ""
        return " OR ".join(f'"{rows.kind_word(code)}"' for code in plan.codes)

    def _is_wide(self, plan: Compiled, context: str | None) -> bool:
        """True where very many rows are meant."""
        if plan.match:
            where, bind = "w.words MATCH ?", [plan.match]
            sql = f"SELECT COUNT(*) FROM (SELECT rowid FROM words w WHERE {where} LIMIT {WIDE})"
            return int(self._ask(sql, bind).fetchone()[0]) >= WIDE
        where, of = self._facet_of(context, plan.of_kinds)
        what = rows.DELETED if plan.deleted else rows.LIVE
        sql = f"SELECT COALESCE(SUM(live), 0) FROM facets WHERE what = ? AND {where}"
        return int(self._ask(sql, (what, *of)).fetchone()[0]) >= WIDE

    def _each(self, sql: str, bind: Sequence[Any]) -> Iterator[int]:
        for (seq,) in self._ask(sql, bind):
            yield seq

    def _where(self, plan: Compiled, context: str | None, extra: str = "", match: str | None = None) -> Query:
        """The conditions of a plan: on `items i`, and on `words w` where the full text is asked."""
        parts, bind = list(plan.parts), list(plan.bind)
        match = plan.match if match is None else match
        if extra:
            parts.append(extra)
        number = "i.seq"
        if match:
            parts.insert(0, "w.words MATCH ?")
            bind.insert(0, match)
            number = "w.rowid"
        if context is not None:
            parts.append(f"{number} BETWEEN ? AND ?")
            bind.extend(self.span(context))
        return " AND ".join(parts), bind

    def _unmatched(self, plan: Compiled, context: str | None) -> Query:
        """The same conditions without the full text, but for words: that is asked of each row."""
        where, bind = self._where(plan, context, match="")
        for part, values in plan.instead:
            where += f" AND {part}"
            bind.extend(values)
        return where, bind

    def _at(self, seq: int) -> str:
        """When the transaction of a version was written."""
        row = self._ask(
            "SELECT at FROM transactions WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (seq,)
        ).fetchone()
        return "" if row is None else str(row[0])

    def count(self, wanted: Filter) -> int:
        """How many rows a filter means; conditions only records can answer aside."""
        plan = self.plan(wanted)
        if plan.nothing:
            return 0
        if plan.plain:
            what = rows.DELETED if plan.deleted else rows.LIVE
            where, of = self._facet_of(wanted.context, plan.of_kinds)
            sql = f"SELECT COALESCE(SUM(live), 0) FROM facets WHERE what = ? AND {where}"
            return int(self._ask(sql, (what, *of)).fetchone()[0])
        where, bind = self._where(plan, wanted.context)
        source = "words w CROSS JOIN items i ON i.seq = w.rowid" if plan.match else "items i"
        return int(self._ask(f"SELECT COUNT(*) FROM {source} WHERE {where}", bind).fetchone()[0])

    def before(self, wanted: Filter, number: int, descending: bool) -> int:
        """How many rows of a filter that names its context stand before a number, by last change.

        Conditions only records can answer aside. It costs what stands before, not what there is.
        """
        plan = self.plan(wanted)
        if plan.nothing or wanted.context is None:
            return 0
        low, high = self.span(wanted.context)
        low, high = (number + 1, high) if descending else (low, number - 1)
        if plan.words:
            where, bind = self._where(plan, None)
            source, column = "words w CROSS JOIN items i ON i.seq = w.rowid", "w.rowid"
        else:
            where, bind = self._unmatched(plan, None)
            source, column = "items i", "i.seq"
        sql = f"SELECT COUNT(*) FROM {source} WHERE {where} AND {column} BETWEEN ? AND ?"
        return int(self._ask(sql, (*bind, low, high)).fetchone()[0])


_FEW = 20
"""Kinds that are one in so many are found by the full text."""


def _timed(walk: Iterator[int], at: Callable[[int], str]) -> Iterator[tuple[str, int]]:
    for seq in walk:
        yield at(seq), seq
