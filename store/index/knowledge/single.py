"""Single records of knowledge: by key, by id, and their versions."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from store.index.knowledge import keys
from store.index.knowledge.extract import FOREIGN
from store.index.knowledge.names import Named
from store.knowledge import kinds
from store.model import VersionRow

_HASHES = 1 << 28
"""Values of a hash that are read at once."""
_VERSION = "i.prev, i.ver, i.deleted, i.generation, i.start, i.size"


class Newest(NamedTuple):
    """The newest version of a key, and where its line lies: what a writer must know of it."""

    ver: int
    deleted: bool
    generation: int
    offset: int
    length: int
    workflow: str | None
    """The workflow that wrote it."""


class Written(NamedTuple):
    """A version that a workflow wrote, with its number."""

    seq: int
    version: VersionRow
    before: VersionRow | None
    """What stood there before; None for the first version of a key, or where that was forgotten."""


class Single(Named):
    """The part of a Snapshot that knows single records."""

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

    def hashes(self, context: str) -> Iterator[array[int]]:
        """The hashes (`keys.hash_of`) of all keys of a context, in parts; some of others are among them."""
        for low in range(-(1 << 31), 1 << 31, _HASHES):
            yield self._rowids(
                "SELECT hash AS id FROM keys WHERE hash >= ? AND hash < ?", (low, low + _HASHES)
            )
        lo, hi = self.span(context)
        mark = keys.keyed(self._conn, self._ctx(context))
        yield self._rowids("SELECT hash AS id FROM items WHERE seq > ? AND seq <= ?", (max(mark, lo - 1), hi))

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

    def written_by(self, context: str, workflow: str, after: int, limit: int) -> list[Written]:
        """Versions a workflow wrote, in order, behind the number `after`: each with what stood before it."""
        lo, hi = self.span(context)
        spans = self._ask(
            "SELECT seq, (SELECT MIN(n.seq) FROM transactions n WHERE n.seq > t.seq) FROM transactions t"
            " WHERE workflow = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (workflow, lo, hi),
        ).fetchall()
        found: list[Written] = []
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
            for seq, kind, item, prev, *rest in self._ask(f"{sql} ORDER BY 1 LIMIT ?3", bind):
                key = self._key(kind, item)
                before = self._superseded(context, key, prev)
                found.append(Written(seq, self._version(context, key, seq, rest), before))
            if len(found) >= limit:
                break
        return found

    def _superseded(self, context: str, key: str, seq: int | None) -> VersionRow | None:
        """The superseded version with this number; None where there is none, or it was forgotten."""
        row = (
            self._ask(f"SELECT {_VERSION} FROM versions i WHERE seq = ?", (seq,)).fetchone() if seq else None
        )
        return None if row is None or seq is None else self._version(context, key, seq, row[1:])

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
