"""Questions to the index of knowledge, in plain SQL: a `Snapshot` answers all of them from one state.

Lists are made in two steps, the numbers of the rows first, so that nothing is fetched and joined that
is not shown. What only the records can answer is asked by `store.knowledge.library`.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import chain, islice
from typing import Any, NamedTuple

import orjson

from store.index.base import Reads
from store.index.extract import read_key, scrub
from store.index.knowledge import keys, rows
from store.index.knowledge.extract import FOREIGN
from store.index.knowledge.filters import Compiled, compiled
from store.knowledge import kinds
from store.knowledge.model import Filter, Row, Sort
from store.model import VersionRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TITLE = (
    "COALESCE(i.name, i.title, (SELECT name FROM names WHERE id = i.source) || ' → ' ||"
    " (SELECT name FROM names WHERE id = i.target))"
)
_ORDERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "changed": (("", ("i.seq",)),),
    "created": (("", ("i.created", "i.seq")),),
    "quality": (("", ("i.quality", "i.seq")),),
    "title": (("", (f"{_TITLE} COLLATE NOCASE", "i.seq")),),
    "kind": (("", ("i.kind", "i.seq")),),
    "key": (("", ("i.id", "i.kind", "i.ctx")),),
}
"""How each sort reads: parts one after the other, each with a condition and the columns it goes by."""
_SHOWN = (
    "i.seq, i.ctx, i.kind, i.id, i.ver, i.deleted, i.generation, i.start, i.size, i.quality, i.created, i.name,"
    " i.title, i.tags, s.name, t.name, x.at, x.workflow"
)
_VERSION = "i.prev, i.ver, i.deleted, i.generation, i.start, i.size"
_JOINED = (
    "LEFT JOIN names s ON s.id = i.source LEFT JOIN names t ON t.id = i.target"
    " LEFT JOIN transactions x ON x.seq = (SELECT seq FROM transactions WHERE seq <= i.seq ORDER BY seq DESC LIMIT 1)"
)


class Names:
    """The numbers of domains, tags and types, asked for one by one and remembered."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._texts: dict[int, str] = {}

    def number(self, name: str) -> int | None:
        """The number of a name; None for one the index has never met."""
        row = self._conn.execute("SELECT id FROM names WHERE name = ?", (scrub(name),)).fetchone()
        return None if row is None else int(row[0])

    def text(self, number: int) -> str:
        """The name with a number."""
        found = self._texts.get(number)
        if found is None:
            row = self._conn.execute("SELECT name FROM names WHERE id = ?", (number,)).fetchone()
            found = self._texts[number] = "" if row is None else str(row[0])
        return found

    def code(self, kind: str) -> int | None:
        """The number of a kind of records; None for one the index has never met."""
        known = kinds.BY_NAME.get(kind)
        if known is not None:
            return known.code
        number = self.number(kind)
        return None if number is None else FOREIGN + number

    def kind(self, code: int) -> str:
        """The type of records with a number."""
        return self.text(code - FOREIGN) if code >= FOREIGN else kinds.BY_CODE[code].name


class Newest(NamedTuple):
    """The newest version of a key: what a writer must know of it."""

    ver: int
    deleted: bool
    generation: int
    offset: int
    length: int
    workflow: str | None


class Snapshot(Reads):
    """All reads on one consistent state of the index; get one from `KnowledgeIndex.snapshot()`."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        super().__init__(conn)
        self.names = Names(conn)

    def contexts(self) -> list[str]:
        """The contexts the index has read, as lists show them."""
        return self._listed(name for name in self._by_name if not name.startswith("/"))

    def loaded(self, context: str) -> tuple[int, int]:
        """How many transactions and versions of a context there are."""
        lo, hi = self.span(context)
        counted = [
            self._ask(f"SELECT COUNT(*) FROM {table} WHERE seq BETWEEN ? AND ?", (lo, hi)).fetchone()[0]
            for table in ("transactions", "items", "versions")
        ]
        return int(counted[0]), int(counted[1] + counted[2])

    # -- lists -------------------------------------------------------------------------------------

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
        parts = self._queries(plan, wanted.context, sort, descending)
        if len(parts) == 1:
            sql, bind = parts[0]
            most = -1 if limit is None else max(0, limit)
            return self._rowids(f"{sql} LIMIT {most} OFFSET {max(0, offset)}", bind)
        end = None if limit is None else offset + limit
        return array("q", islice(self.walk(plan, wanted.context, sort, descending, end), offset, end))

    def walk(
        self, plan: Compiled, context: str | None, sort: Sort, descending: bool, most: int | None = None
    ) -> Iterator[int]:
        """The same one after the other, at most `most`."""
        if plan.nothing:
            return
        limit = "" if most is None else f" LIMIT {int(most)}"
        walks = [
            self._each(sql + limit, bind) for sql, bind in self._queries(plan, context, sort, descending)
        ]
        if (
            sort == "changed" and len(walks) > 1
        ):  # contexts, each in the order of its journal: by time together
            timed = [((self._at(seq), seq) for seq in walk) for walk in walks]
            walks = [(seq for _, seq in merge(*timed, reverse=descending))]
        yield from islice(chain.from_iterable(walks), most)

    def _queries(
        self, plan: Compiled, context: str | None, sort: Sort, descending: bool
    ) -> list[tuple[str, list[Any]]]:
        """The statements that give the numbers, one after the other; by change one for every context."""
        way = " DESC" if descending else ""
        contexts: list[str | None] = [context]
        if sort == "changed" and context is None:
            contexts = [*self.contexts()]
        made = []
        for name in contexts:
            for extra, columns in _ORDERS[sort]:
                where, bind = self._where(plan, name, extra)
                source = "words w CROSS JOIN items i ON i.seq = w.rowid" if plan.match else "items i"
                order = ", ".join(column + way for column in columns)
                if plan.match and sort == "changed":
                    order = f"w.rowid{way}"
                made.append((f"SELECT i.seq AS id FROM {source} WHERE {where} ORDER BY {order}", bind))
        return made

    def _each(self, sql: str, bind: Sequence[Any]) -> Iterator[int]:
        for (seq,) in self._ask(sql, bind):
            yield seq

    def _where(self, plan: Compiled, context: str | None, extra: str = "") -> tuple[str, list[Any]]:
        parts, bind = list(plan.parts), list(plan.bind)
        if extra:
            parts.append(extra)
        number = "i.seq"
        if plan.match:
            parts.insert(0, "w.words MATCH ?")
            bind.insert(0, plan.match)
            number = "w.rowid"
        if context is not None:
            parts.append(f"{number} BETWEEN ? AND ?")
            bind.extend(self.span(context))
        return " AND ".join(parts), bind

    def span(self, context: str) -> tuple[int, int]:
        """First and last number that versions of a context can have."""
        ctx = self._by_name.get(context)
        return (1, 0) if ctx is None else (rows.base(ctx) + 1, rows.base(ctx + 1))

    def _at(self, seq: int) -> str:
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
            return self._count_plain(plan, wanted.context)
        where, bind = self._where(plan, wanted.context)
        source = "words w CROSS JOIN items i ON i.seq = w.rowid" if plan.match else "items i"
        return int(self._ask(f"SELECT COUNT(*) FROM {source} WHERE {where}", bind).fetchone()[0])

    def _count_plain(self, plan: Compiled, context: str | None) -> int:
        what = rows.DELETED if plan.deleted else rows.LIVE
        sql = "SELECT COALESCE(SUM(live), 0) FROM facets WHERE what = ?"
        where, bind = self._facet_of(context, plan.of_kinds)
        return int(self._ask(f"{sql} AND {where}", (what, *bind)).fetchone()[0])

    def _facet_of(self, context: str | None, of_kinds: str) -> tuple[str, tuple[Any, ...]]:
        """Which facets are meant: those of a context and of some kinds."""
        where = of_kinds.format(kind="kind")
        return (where, ()) if context is None else (f"{where} AND ctx = ?", (self._ctx(context),))

    def rows_of(self, ids: Sequence[int]) -> list[Row]:
        """The rows with these numbers, in this order."""
        if not ids:
            return []
        listed = orjson.dumps(list(ids)).decode()
        sql = f"SELECT {_SHOWN} FROM json_each(?) j CROSS JOIN items i ON i.seq = j.value {_JOINED} ORDER BY j.key"
        return [self._row(found) for found in self._ask(sql, (listed,))]

    def _row(self, found: Sequence[Any]) -> Row:
        (_, ctx, code, item, ver, deleted, generation, start, size, quality, created, name, title, tags) = (
            found[:14]
        )
        source, target, at, workflow = found[14:]
        kind, text = self.names.kind(code), read_key(item)
        return Row(
            self._name(ctx),
            self._key(code, item),
            kind,
            text,
            title_of(name, title, source, target) or text,
            ver,
            bool(deleted),
            quality,
            source,
            target,
            name,
            tuple(map(self.names.text, map(int, tags.split()))) if tags else (),
            workflow,
            stamp_of(created),
            at or "",
            generation,
            start,
            size,
        )

    # -- single records ----------------------------------------------------------------------------

    def _key(self, code: int, item: str | bytes) -> str:
        kind, text = self.names.kind(code), read_key(item)
        return kinds.key_of(kind, text) if kind else text

    def _found(
        self, context: str | None, wanted: Sequence[str], columns: str
    ) -> Iterator[tuple[str, Sequence[Any]]]:
        """Each key with these columns of its row; in every context where none is named."""
        among = set(wanted)
        contexts = self.contexts() if context is None else [context]
        for ctx in [self._by_name[name] for name in contexts if name in self._by_name]:
            for row in keys.find(self._conn, ctx, map(keys.hash_of, among), f"i.kind, i.id, {columns}"):
                if (key := self._key(row[0], row[1])) in among:
                    yield key, row[2:]

    def row(self, context: str, key: str) -> Row | None:
        """One record, live or deleted."""
        for _, (seq,) in self._found(context, [key], "i.seq"):
            return self.rows_of([seq])[0]
        return None

    def newest(self, context: str, wanted: Sequence[str]) -> dict[str, Newest]:
        """The newest versions of those of these keys that the index knows."""
        columns = (
            "i.ver, i.deleted, i.generation, i.start, i.size, (SELECT workflow FROM transactions WHERE seq <= i.seq"
            " ORDER BY seq DESC LIMIT 1)"
        )
        return {
            key: Newest(ver, bool(deleted), *rest)
            for key, (ver, deleted, *rest) in self._found(context, wanted, columns)
        }

    def versions(self, context: str, key: str) -> list[VersionRow]:
        """Every version of a key, newest first."""
        found = next((row for _, row in self._found(context, [key], f"i.seq, {_VERSION}")), None)
        made: list[VersionRow] = []
        while found is not None:
            made.append(self._version(context, key, found[0], found[2:]))
            found = self._ask(f"SELECT seq, {_VERSION} FROM versions i WHERE seq = ?", (found[1],)).fetchone()
        return made

    def _version(self, context: str, key: str, seq: int, columns: Sequence[Any]) -> VersionRow:
        ver, deleted, *place = columns
        at, who, generation, start, command, label, workflow = self._ask(
            "SELECT at, who, generation, start, command, label, workflow FROM transactions WHERE seq <= ?"
            " ORDER BY seq DESC LIMIT 1",
            (seq,),
        ).fetchone()
        op: Any = "delete" if deleted else "put"
        tx = f"{generation}:{start:x}"
        row = VersionRow(context, key, ver, op, at, who, tx, *place)
        return row._replace(command=command, label=label, workflow=workflow)

    def written_by(self, context: str, workflow: str, after: int, limit: int) -> list[tuple[int, VersionRow]]:
        """Versions a workflow wrote, in order, behind the number `after`: each with its number."""
        lo, hi = self.span(context)
        spans = self._ask(
            "SELECT seq, (SELECT MIN(n.seq) FROM transactions n WHERE n.seq > t.seq) FROM transactions t"
            " WHERE workflow = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (workflow, lo, hi),
        ).fetchall()
        found: list[tuple[int, VersionRow]] = []
        columns = f"i.seq, i.kind, i.id, {_VERSION}"
        for first, beyond in spans:
            if beyond is not None and beyond <= after + 1:
                continue
            last = min(hi, beyond - 1) if beyond is not None else hi
            sql = " UNION ALL ".join(
                f"SELECT {columns} FROM {table} i WHERE seq BETWEEN ?1 AND ?2"
                for table in ("items", "versions")
            )
            bind = (max(first, after + 1), last, limit - len(found))
            for seq, kind, item, _, *rest in self._ask(f"{sql} ORDER BY 1 LIMIT ?3", bind):
                found.append((seq, self._version(context, self._key(kind, item), seq, rest)))
            if len(found) >= limit:
                break
        return found

    def with_id(self, text: str, context: str | None) -> array[int]:
        """Rows, deleted ones too, of records with this id, whatever their type."""
        types = [kind.name for kind in kinds.KINDS]
        types += [
            self.names.text(code - FOREIGN)
            for (code,) in self._ask("SELECT DISTINCT kind FROM facets WHERE kind >= ?", (FOREIGN,))
        ]
        wanted = [kinds.key_of(kind, text) for kind in types if kind]
        return array("q", [seq for _, (seq,) in self._found(context, wanted, "i.seq")])

    def beginning(self, text: str, context: str | None, limit: int) -> array[int]:
        """Rows, not deleted, of records whose id begins with `text`. Reads every row: 0.1 s for a million."""
        if not text:
            return array("q")
        where, bind = ("1", ()) if context is None else ("seq BETWEEN ? AND ?", self.span(context))
        sql = (
            f"SELECT seq AS id FROM items i WHERE i.id >= ? AND i.id < ? AND i.deleted = 0 AND {where}"
            f" LIMIT {int(limit)}"
        )
        return self._rowids(sql, (text, text + "\U0010ffff", *bind))

    # -- what there is -----------------------------------------------------------------------------

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
        where, bind = self._facet_of(context, self.plan(Filter(kinds=tuple(types))).of_kinds)
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


def title_of(name: str | None, title: str | None, source: str | None, target: str | None) -> str:
    """What lists call a record; empty where only its id says anything."""
    return name or title or (f"{source} → {target}" if source and target else "")


def stamp_of(moment: int) -> str:
    """Microseconds since 1970 as the journal writes an instant."""
    try:
        return (
            (_EPOCH + timedelta(microseconds=moment))
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z")
        )
    except OverflowError:
        return ""
