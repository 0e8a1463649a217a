"""Questions verify asks of the index of knowledge: its rows beside the lines, and what cannot be.

Rows are asked for by their numbers, which rise with the place of their lines: both are gone through in
the same order, in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from store.index.base import Reads
from store.index.extract import read_key
from store.index.knowledge import rows
from store.index.knowledge.extract import FOREIGN
from store.index.knowledge.keys import find, hash_of
from store.knowledge import kinds


class Row(NamedTuple):
    """One version as the index has it."""

    seq: int
    key: str
    ver: int
    deleted: bool
    generation: int
    offset: int
    size: int


class Live(NamedTuple):
    """A live record, by its place, and what the index keeps of it."""

    seq: int
    key: str
    generation: int
    offset: int
    size: int
    kind: int
    columns: dict[str, Any]


_ROWS = """
SELECT seq, kind, id, ver, deleted, generation, start, size FROM
  (SELECT seq, kind, id, ver, deleted, generation, start, size FROM items WHERE seq > ?1 AND seq < ?2
   UNION ALL SELECT seq, kind, id, ver, deleted, generation, start, size FROM versions WHERE seq > ?1 AND seq < ?2)
ORDER BY seq LIMIT ?3
"""
_UNCHAINED = """
SELECT COUNT(*) FROM versions WHERE seq > ?1 AND seq < ?2 AND seq NOT IN
  (SELECT prev FROM items WHERE prev IS NOT NULL UNION ALL SELECT prev FROM versions WHERE prev IS NOT NULL)
"""
_BROKEN = """
SELECT COUNT(*) FROM (SELECT prev, ver, seq FROM items WHERE seq > ?1 AND seq < ?2
  UNION ALL SELECT prev, ver, seq FROM versions WHERE seq > ?1 AND seq < ?2) r
LEFT JOIN versions v ON v.seq = r.prev WHERE r.prev IS NOT NULL AND (v.seq IS NULL OR v.ver >= r.ver OR v.seq >= r.seq)
"""
_LIVES = """
SELECT i.seq, i.kind, i.id, i.generation, i.start, i.size, i.quality, i.name, i.title, s.name, t.name, i.tags
FROM items i LEFT JOIN names s ON s.id = i.source LEFT JOIN names t ON t.id = i.target WHERE i.deleted = 0
"""
_SAMPLE = (
    f"{_LIVES} AND i.seq IN (SELECT seq FROM items WHERE seq > ?1 AND seq < ?2 ORDER BY random() LIMIT ?3)"
    " ORDER BY i.generation, i.start"
)
_FACETS = """
SELECT what, id, kind, live FROM facets WHERE ctx = ?1 AND what = ?2 AND live <> 0 EXCEPT
SELECT ?2, {0}, kind, COUNT(*) FROM items
WHERE seq > ?3 AND seq < ?4 AND deleted = ?5 AND {0} IS NOT NULL GROUP BY {0}, kind
"""
_COUNTED = (
    (rows.LIVE, "0 * kind", 0),
    (rows.DELETED, "0 * kind", 1),
    (rows.SOURCE, "source", 0),
    (rows.TARGET, "target", 0),
)


def span(snap: Reads, context: str) -> tuple[int, int]:
    """Between which numbers the versions of a context lie; both ends are none of them."""
    ctx = snap._ctx(context)
    return (rows.base(ctx), rows.base(ctx + 1) + 1) if ctx > 0 else (0, 0)


def following(snap: Reads, context: str, after: int, most: int) -> list[Row]:
    """The next versions after a number, in the order of their lines."""
    first, last = span(snap, context)
    found = snap._ask(_ROWS, (max(first, after), last, most))
    names: dict[int, str] = {}
    return [
        Row(seq, key_of_row(snap, names, kind, item), ver, bool(deleted), *place)
        for seq, kind, item, ver, deleted, *place in found
    ]


def newest(snap: Reads, context: str, keys: Sequence[str]) -> dict[str, Row]:
    """The newest version of each of these keys, deletions included."""
    names: dict[int, str] = {}
    wanted = set(keys)
    columns = "i.seq, i.kind, i.id, i.ver, i.deleted, i.generation, i.start, i.size"
    found: dict[str, Row] = {}
    for seq, kind, item, ver, deleted, *place in find(
        snap._conn, snap._ctx(context), map(hash_of, wanted), columns
    ):
        row = Row(seq, key_of_row(snap, names, kind, item), ver, bool(deleted), *place)
        if row.key in wanted:
            found[row.key] = row
    return found


def transactions(snap: Reads, first: int, last: int) -> dict[int, tuple[int, int, str, int]]:
    """(generation, offset, at, lines) of the transactions whose news begin with these numbers."""
    sql = "SELECT seq, generation, start, at, count FROM transactions WHERE seq BETWEEN ? AND ?"
    return {seq: tuple(rest) for seq, *rest in snap._ask(sql, (first, last))}


def unchained(snap: Reads, context: str) -> int:
    """Superseded versions that no later one leads to, and links that lead nowhere or back."""
    both = span(snap, context)
    return sum(int(snap._ask(sql, both).fetchone()[0]) for sql in (_UNCHAINED, _BROKEN))


def miscounted(snap: Reads, context: str) -> int:
    """Counts of kinds and domains that are not what a count of the rows gives."""
    ctx, wrong = snap._ctx(context), 0
    for what, column, deleted in _COUNTED:
        bind = (ctx, what, *span(snap, context), deleted)
        wrong += sum(1 for _ in snap._ask(_FACETS.format(column), bind))
    return wrong


def sample(snap: Reads, context: str, most: int) -> list[Live]:
    """Some live records, chosen at random, with what was extracted of them."""
    return _lives(snap, _SAMPLE, (*span(snap, context), most))


def one(snap: Reads, context: str, key: str) -> Live | None:
    """A live record with what was extracted of it."""
    row = newest(snap, context, [key]).get(key)
    if row is None or row.deleted:
        return None
    return next(iter(_lives(snap, f"{_LIVES} AND i.seq = ?", (row.seq,))), None)


def _lives(snap: Reads, sql: str, bind: tuple[int, ...]) -> list[Live]:
    names: dict[int, str] = {}
    found = []
    for seq, kind, item, generation, start, size, quality, name, title, source, target, tags in snap._ask(
        sql, bind
    ):
        numbers = [int(number) for number in (tags or "").split()]
        columns = {
            "quality": quality,
            "name": name,
            "title": title,
            "source": source,
            "target": target,
            "tags": [_name(snap, names, number) for number in numbers],
        }
        found.append(Live(seq, key_of_row(snap, names, kind, item), generation, start, size, kind, columns))
    return found


def findable(snap: Reads, seq: int, kind: int) -> bool:
    """True where the full text knows the version as one of its kind."""
    sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
    return snap._ask(sql, (f'"{rows.kind_word(kind)}"', seq)).fetchone() is not None


def of_kind(snap: Reads, context: str, kind: str) -> Iterator[tuple[str, int, int, int]]:
    """(key, generation, offset, length) of every live record of a kind, in the order of their last changes."""
    sql = (
        "SELECT id, generation, start, size FROM items WHERE seq > ? AND seq < ? AND kind = ? AND deleted = 0"
        " ORDER BY seq"
    )
    for item, *place in snap._ask(sql, (*span(snap, context), kinds.kind_of(kind).code)):
        yield kinds.key_of(kind, read_key(item)), *place


def names_of(snap: Reads, context: str, kind: str) -> set[str]:
    """What live records of a kind can be referred to by: keys, ids and names."""
    sql = "SELECT id, name FROM items WHERE seq > ? AND seq < ? AND kind = ? AND deleted = 0"
    found: set[str] = set()
    for item, name in snap._ask(sql, (*span(snap, context), kinds.kind_of(kind).code)):
        text = read_key(item)
        found.update((text, kinds.key_of(kind, text)))
        if name is not None:
            found.add(name)
    return found


def last_of(snap: Reads, command: str) -> str | None:
    """When a transaction of a command was last written; None where there is none."""
    found = snap._ask("SELECT MAX(at) FROM transactions WHERE command = ?", (command,)).fetchone()[0]
    return None if found is None else str(found)


def key_of_row(snap: Reads, names: dict[int, str], kind: int, item: str | bytes) -> str:
    """The key of a row; `names` keeps what was looked up for the next one."""
    text = read_key(item)
    known = kinds.BY_CODE.get(kind)
    if known is not None and kind < FOREIGN:
        return kinds.key_of(known.name, text)
    name = _name(snap, names, kind - FOREIGN)
    return kinds.key_of(name, text) if name else text


def _name(snap: Reads, names: dict[int, str], number: int) -> str:
    found = names.get(number)
    if found is None:
        row = snap._ask("SELECT name FROM names WHERE id = ?", (number,)).fetchone()
        found = names[number] = row[0] if row is not None else f"#{number}"
    return found
