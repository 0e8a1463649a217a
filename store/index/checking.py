"""Questions verify asks of the index: every row's place for comparing, and what cannot be in a store.

All of it is SQL over the tables, so that a million records are gone through by the engine. Rows
name a record by its key and by where its line lies, so that findings can say file and offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from store.index.base import Reads
from store.index.extract import bind_key, read_key
from store.index.rows import RECORD_COLUMNS
from store.model import Position


class Row(NamedTuple):
    """One version as the index has it."""

    generation: int
    offset: int
    size: int
    key: str
    ver: int
    deleted: bool


class Odd(NamedTuple):
    """A live record about which something is to be said. `facts` are the values it is about."""

    key: str
    generation: int
    offset: int
    facts: tuple[Any, ...]


_SEQS = "SELECT MIN(seq), MAX(seq) FROM transactions WHERE ctx = ? AND generation = ? AND start >= ? AND start < ?"
_ROWS = (
    # The plus keeps the planner from walking all of the context by its key.
    "SELECT generation, start, size, key, ver, deleted FROM versions WHERE seq BETWEEN ? AND ? AND +ctx = ?"
    " ORDER BY generation, start"
)
_TRANSACTIONS = (
    "SELECT generation, start, at, who, count FROM transactions"
    " WHERE ctx = ? AND generation = ? AND start >= ? AND start < ? ORDER BY start"
)
_COUNT = "SELECT COUNT(*) FROM versions WHERE ctx = ? AND (generation, start) < (?, ?)"
_STALE = """
SELECT r.key, r.ver, r.generation, r.start FROM records r WHERE r.ctx = ?1 AND (
  EXISTS (SELECT 1 FROM versions v WHERE v.ctx = ?1 AND v.key = r.key AND v.ver > r.ver)
  OR NOT EXISTS (SELECT 1 FROM versions v WHERE v.ctx = ?1 AND v.key = r.key AND v.ver = r.ver AND v.deleted = 0
    AND (r.generation > v.generation OR (v.generation = r.generation AND v.start = r.start AND v.size = r.size))))
"""
_UNLISTED = """
SELECT key, ver, generation, start FROM
  (SELECT key, MAX(ver) AS ver, deleted, generation, start FROM versions WHERE ctx = ?1 GROUP BY key) v
WHERE v.deleted = 0 AND NOT EXISTS (SELECT 1 FROM records r WHERE r.ctx = ?1 AND r.key = v.key)
"""
_SAMPLE = (
    f"SELECT id, {', '.join(RECORD_COLUMNS)} FROM records WHERE ctx = ?1 AND id IN"
    " (SELECT id FROM records WHERE ctx = ?1 ORDER BY random() LIMIT ?2) ORDER BY generation, start"
)
_FIRST = (
    "(SELECT {0} FROM records x WHERE x.ctx = c.ctx AND x.chart_id = c.chart_id AND x.role <= 1"
    " ORDER BY x.role, x.ord LIMIT 1)"
)
_OF_CHART = ", ".join(_FIRST.format(name) for name in ("key", "generation", "start"))
_DANGLING = """
SELECT r.key, r.generation, r.start, x.from_name, x.type, x.to_name,
  EXISTS (SELECT 1 FROM records e WHERE e.ctx = ?1 AND e.key = 'e:' || x.from_name)
    OR EXISTS (SELECT 1 FROM charts c WHERE c.ctx = ?1 AND c.chart_id = x.from_name) AS one,
  EXISTS (SELECT 1 FROM records e WHERE e.ctx = ?1 AND e.key = 'e:' || x.to_name)
    OR EXISTS (SELECT 1 FROM charts c WHERE c.ctx = ?1 AND c.chart_id = x.to_name) AS other
FROM relations x JOIN records r ON r.id = x.id WHERE x.ctx = ?1 AND NOT (one AND other)
"""
_CHARTLESS = """
SELECT key, generation, start, chart_id FROM records WHERE ctx = ?1 AND chart_id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM charts c WHERE c.ctx = ?1 AND c.chart_id = records.chart_id)
"""
_ORPHANS = f"""
SELECT {_OF_CHART}, c.parent_given FROM charts c WHERE c.ctx = ?1 AND c.parent_given IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM charts p WHERE p.ctx = ?1 AND p.chart_id = c.parent_given)
"""
_LOOPED = f"""
SELECT {_OF_CHART}, c.chart_id,
  COALESCE(c.parent, (SELECT p.chart_id FROM charts p WHERE p.ctx = ?1 AND p.chart_id = c.parent_given),
    (SELECT s.chart_id FROM steps s WHERE s.ctx = ?1 AND s.name IN (c.parent_step, c.source_step)
      ORDER BY s.ord LIMIT 1),
    (SELECT s.chart_id FROM steps s WHERE s.ctx = ?1 AND s.child_given = c.chart_id ORDER BY s.ord LIMIT 1))
FROM charts c WHERE c.ctx = ?1 AND c.looped = 1 ORDER BY c.ord
"""
_DATED = """
SELECT key, generation, start, size FROM records WHERE ctx = ?1 AND created IS NOT NULL
AND (updated < created OR done = 1) ORDER BY generation, start
"""
_CHILDREN = f"""
SELECT {_OF_CHART}, c.due, p.due FROM charts c JOIN charts p ON p.ctx = c.ctx AND p.chart_id = c.parent
WHERE c.ctx = ?1 AND c.due > p.due
"""
_STEPS = """
SELECT r.key, r.generation, r.start, s.due, c.due FROM steps s
JOIN charts c ON c.ctx = s.ctx AND c.chart_id = s.chart_id JOIN records r ON r.id = s.id
WHERE s.ctx = ?1 AND s.due > c.due
"""
_PARTS = """
SELECT key, generation, start, chart_id, entity_type FROM records r WHERE ctx = ?1 AND chart_id IS NOT NULL
AND role <= 1 AND EXISTS (SELECT 1 FROM records f WHERE f.ctx = ?1 AND f.chart_id = r.chart_id
  AND f.role = r.role AND f.ord < r.ord)
"""
_TWICE = """
SELECT c.ctx, c.chart_id FROM charts c WHERE EXISTS
  (SELECT 1 FROM charts o WHERE o.chart_id = c.chart_id AND o.ctx < c.ctx)
"""
ODDITIES = {
    "dangling-relation": _DANGLING,
    "unknown-chart": _CHARTLESS,
    "unknown-parent": _ORPHANS,
    "circle": _LOOPED,
    "dates": _DATED,
    "child-due": _CHILDREN,
    "step-due": _STEPS,
    "duplicate-part": _PARTS,
}
"""What `oddities` can be asked for."""


class Range(NamedTuple):
    """A part of one generation, by offsets."""

    generation: int
    start: int
    end: int


def rows(snap: Reads, context: str, part: Range) -> list[Row]:
    """The versions whose transactions begin in a part of a journal, in the order of their lines."""
    ctx = snap._ctx(context)
    first, last = snap._ask(_SEQS, (ctx, *part)).fetchone()
    found = snap._ask(_ROWS, (first, last, ctx)).fetchall() if first is not None else []
    return [
        Row(generation, start, size, read_key(key), ver, bool(deleted))
        for generation, start, size, key, ver, deleted in found
    ]


def transactions(snap: Reads, context: str, part: Range) -> list[tuple[int, int, str, str, int]]:
    """(generation, offset, at, by, lines) of the transactions that begin in a part of a journal."""
    return snap._ask(_TRANSACTIONS, (snap._ctx(context), *part)).fetchall()


def count(snap: Reads, context: str, upto: Position) -> int:
    """How many versions there are that lie before a position."""
    found: int = snap._ask(_COUNT, (snap._ctx(context), upto.generation, upto.offset)).fetchone()[0]
    return found


def knows(snap: Reads, context: str, key: str, ver: int) -> bool:
    """True where the index has that version, whichever line it says it lies in."""
    sql = "SELECT 1 FROM versions WHERE ctx = ? AND key = ? AND ver = ? LIMIT 1"
    return snap._ask(sql, (snap._ctx(context), bind_key(key), ver)).fetchone() is not None


def misplaced(snap: Reads, context: str) -> Iterator[tuple[str, int, int, int]]:
    """(key, ver, generation, offset) of live records that are not the newest version, and of newest
    versions that are no live record.
    """
    for sql in (_STALE, _UNLISTED):
        for key, *rest in snap._ask(sql, (snap._ctx(context),)):
            yield read_key(key), *rest


def sample(snap: Reads, context: str, most: int) -> list[tuple[int, dict[str, Any]]]:
    """(id, columns) of some live records, chosen at random."""
    found = snap._ask(_SAMPLE, (snap._ctx(context), most)).fetchall()
    return [(row[0], dict(zip(RECORD_COLUMNS, row[1:], strict=True))) for row in found]


def observations(snap: Reads, rid: int) -> list[str]:
    """The texts that the index keeps of one record."""
    sql = "SELECT text FROM observations WHERE id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535 ORDER BY id"
    return [row[0] for row in snap._ask(sql, (rid,))]


def oddities(snap: Reads, context: str, what: str) -> Iterator[Odd]:
    """Records of a context that one of `ODDITIES` is to be said of, or judged for."""
    for key, generation, start, *facts in snap._ask(ODDITIES[what], (snap._ctx(context),)):
        yield Odd(read_key(key), generation, start, tuple(facts))


def in_two_contexts(snap: Reads) -> list[tuple[str, str]]:
    """(context, chart id) of charts that another context holds too."""
    return [(snap._name(ctx), chart_id) for ctx, chart_id in snap._ask(_TWICE)]


def journals_read(snap: Reads) -> dict[str, Position]:
    """How far the index has read each journal, by `<context>/<family>`."""
    found = snap._ask("SELECT id, generation, start, hash FROM positions")
    return {name: Position(*rest) for name, *rest in found}
