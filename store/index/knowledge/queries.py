"""Questions to the index of knowledge, in plain SQL: a `Snapshot` answers all of them from one state.

Lists are made in two steps, the numbers of the rows first (`lists`), so that nothing is fetched and
joined that is not shown. What only the records can answer is asked by `store.knowledge.reading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from store.index.extract import read_key
from store.index.knowledge.lists import Lists
from store.index.knowledge.single import Newest, Single
from store.knowledge.model import Row

__all__ = ["Newest", "Snapshot", "stamp_of", "title_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = (
    "i.seq, i.ctx, i.kind, i.id, i.ver, i.deleted, i.generation, i.start, i.size, i.quality, i.created, i.name,"
    " i.title, i.tags, s.name, t.name, x.at, x.workflow"
)
_JOINED = (
    "LEFT JOIN names s ON s.id = i.source LEFT JOIN names t ON t.id = i.target"
    " LEFT JOIN transactions x ON x.seq = (SELECT seq FROM transactions WHERE seq <= i.seq ORDER BY seq DESC LIMIT 1)"
)


class Snapshot(Lists, Single):
    """All reads on one consistent state of the index; get one from `KnowledgeIndex.snapshot()`."""

    def loaded(self, context: str) -> tuple[int, int]:
        """How many transactions and versions of a context there are."""
        lo, hi = self.span(context)
        counted = [
            self._ask(f"SELECT COUNT(*) FROM {table} WHERE seq BETWEEN ? AND ?", (lo, hi)).fetchone()[0]
            for table in ("transactions", "items", "versions")
        ]
        return int(counted[0]), int(counted[1] + counted[2])

    def stamp(self) -> tuple[Any, ...]:
        """Another one as soon as anything in the index is different."""
        file = self._ask("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
        return (file, *self._ask("SELECT id, generation, start, hash FROM positions ORDER BY id").fetchall())

    def number(self, context: str, key: str) -> int | None:
        """The number of a record's row."""
        return next((seq for _, (seq,) in self._found(context, [key], "i.seq")), None)

    def row(self, context: str, key: str) -> Row | None:
        """One record, live or deleted."""
        for _, (seq,) in self._found(context, [key], "i.seq"):
            return self.rows_of([seq])[0]
        return None

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
