"""The rows of `charts` and `steps`, made from `records` by set-based SQL.

The same statements make all rows of a context (rebuild) and those of a few charts (sync): a
*scope* narrows them to the chart ids in a temporary table. So what sync leaves is what a
rebuild would make. They run in this order, since each reads what those before it wrote:

1. charts from their records, charts without records removed, steps;
2. which chart each hangs under;
3. circles of parents cut at their oldest chart;
4. which step of its parent a chart came from, the child of each step;
5. progress.

No row depends on another chart's progress, so a change reaches its parent and no further.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

_ALL = "chart_id IS NOT NULL"
_IN_TOUCHED = "chart_id IN (SELECT id FROM touched)"
_IN_LINKED = "chart_id IN (SELECT id FROM linked)"

_FROM_RECORDS = """
INSERT INTO charts (ctx, chart_id, ord, title, due, done, level, parent_given, parent_step, source_step, phase,
                    created, updated, parent, via, looped, finished, total)
SELECT h.ctx, h.chart_id, h.ord,
       COALESCE(NULLIF(TRIM(o.text), ''), NULLIF(TRIM(c.text), ''), h.chart_id),
       COALESCE(c.due, o.due), COALESCE(c.done, 0) OR COALESCE(o.done, 0), COALESCE(c.level, o.level, 0),
       COALESCE(c.parent_chart, o.parent_chart), COALESCE(c.parent_step, o.parent_step),
       COALESCE(c.source_step, o.source_step), COALESCE(c.phase, o.phase),
       COALESCE(c.created, o.created, h.created), h.updated, NULL, NULL, 0, 0, 0
FROM (SELECT ctx, chart_id, MIN(CASE WHEN role <= 1 THEN ord END) AS ord, MIN(created) AS created,
             MAX(updated) AS updated
      FROM records WHERE ctx = :ctx AND {scope}
      GROUP BY ctx, chart_id HAVING MIN(role) <= 1) h
LEFT JOIN records c ON c.id = (SELECT id FROM records x WHERE x.ctx = h.ctx AND x.chart_id = h.chart_id
                               AND x.role = 0 ORDER BY x.ord LIMIT 1)
LEFT JOIN records o ON o.id = (SELECT id FROM records x WHERE x.ctx = h.ctx AND x.chart_id = h.chart_id
                               AND x.role = 1 ORDER BY x.ord LIMIT 1)
"""

_IN_PLACE = """
WHERE 1 ON CONFLICT (ctx, chart_id) DO UPDATE SET
  ord = excluded.ord, title = excluded.title, due = excluded.due, done = excluded.done, level = excluded.level,
  parent_given = excluded.parent_given, parent_step = excluded.parent_step, source_step = excluded.source_step,
  phase = excluded.phase, created = excluded.created, updated = excluded.updated
"""

_GONE = """
DELETE FROM charts WHERE ctx = :ctx AND {scope} AND NOT EXISTS
  (SELECT 1 FROM records r WHERE r.ctx = charts.ctx AND r.chart_id = charts.chart_id AND r.role <= 1)
"""

_NO_STEPS = "DELETE FROM steps WHERE ctx = :ctx AND {scope}"

_STEPS = """
INSERT INTO steps (id, ctx, chart_id, name, number, ord, title, due, done, notes, child_given, child, updated)
SELECT id, ctx, chart_id, name, step_order, ord, COALESCE(NULLIF(TRIM(text), ''), name), due, done, notes,
       child_chart, NULL, updated
FROM records WHERE ctx = :ctx AND role = 3 AND {scope}
"""

_PARENTS = """
UPDATE charts SET looped = 0, parent = COALESCE(
  (SELECT p.chart_id FROM charts p WHERE p.ctx = charts.ctx AND p.chart_id = charts.parent_given
      AND p.chart_id <> charts.chart_id),
  (SELECT s.chart_id FROM steps s WHERE s.ctx = charts.ctx AND s.name IN (charts.parent_step, charts.source_step)
      AND s.chart_id <> charts.chart_id
      AND EXISTS (SELECT 1 FROM charts p WHERE p.ctx = s.ctx AND p.chart_id = s.chart_id)
      ORDER BY s.ord LIMIT 1),
  (SELECT s.chart_id FROM steps s WHERE s.ctx = charts.ctx AND s.child_given = charts.chart_id
      AND s.chart_id <> charts.chart_id
      AND EXISTS (SELECT 1 FROM charts p WHERE p.ctx = s.ctx AND p.chart_id = s.chart_id)
      ORDER BY s.ord LIMIT 1))
WHERE ctx = :ctx AND {scope}
"""

_VIA = """
UPDATE charts SET via = (SELECT s.name FROM steps s WHERE s.ctx = charts.ctx AND s.chart_id = charts.parent
    AND (s.name = charts.parent_step OR s.name = charts.source_step OR s.child_given = charts.chart_id)
    ORDER BY s.ord LIMIT 1)
WHERE ctx = :ctx AND {scope}
"""

_CHILDREN = """
UPDATE steps SET child = (SELECT c.chart_id FROM charts c WHERE c.ctx = steps.ctx AND c.parent = steps.chart_id
    AND c.via = steps.name ORDER BY c.ord LIMIT 1)
WHERE ctx = :ctx AND {scope}
"""

_PROGRESS = """
UPDATE charts SET (total, finished) = (
  SELECT (SELECT COUNT(*) FROM charts k WHERE k.ctx = charts.ctx AND k.parent = charts.chart_id)
           + COUNT(s.id) - COUNT(k.id),
         (SELECT COALESCE(SUM(k.done), 0) FROM charts k WHERE k.ctx = charts.ctx AND k.parent = charts.chart_id)
           + COALESCE(SUM(s.done OR COALESCE(k.done, 0)), 0) - COALESCE(SUM(k.done), 0)
  FROM steps s LEFT JOIN charts k ON k.ctx = s.ctx AND k.chart_id = s.child
  WHERE s.ctx = charts.ctx AND s.chart_id = charts.chart_id)
WHERE ctx = :ctx AND {scope}
"""

_NEW_WORDS = """
SELECT c.id AS id, c.title || char(10) || COALESCE((
    SELECT GROUP_CONCAT(b.text, char(10)) FROM records r
    JOIN observations b ON b.id BETWEEN r.id * 65536 AND r.id * 65536 + 65535
    WHERE r.ctx = c.ctx AND r.chart_id = c.chart_id AND r.role BETWEEN 1 AND 3), '') AS words
FROM charts c WHERE c.ctx = :ctx AND {scope}
"""

_REACHED = """
WITH RECURSIVE reached (id) AS (
  SELECT chart_id FROM charts WHERE ctx = :ctx AND parent IS NULL
  UNION ALL SELECT k.chart_id FROM reached r JOIN charts k ON k.ctx = :ctx AND k.parent = r.id)
SELECT COUNT(*) FROM reached
"""

_STRANDED = """
WITH RECURSIVE reached (id) AS (
  SELECT chart_id FROM charts WHERE ctx = :ctx AND parent IS NULL
  UNION ALL SELECT k.chart_id FROM reached r JOIN charts k ON k.ctx = :ctx AND k.parent = r.id)
SELECT chart_id FROM charts WHERE ctx = :ctx AND chart_id NOT IN (SELECT id FROM reached)
"""


def derive_all(conn: sqlite3.Connection, ctx: int) -> None:
    """Make every chart and step of a context, from nothing."""
    bind = {"ctx": ctx}
    conn.execute(_FROM_RECORDS.format(scope=_ALL), bind)
    conn.execute(_STEPS.format(scope=_ALL), bind)


def hang_all(conn: sqlite3.Connection, ctx: int) -> None:
    """The parent of every chart of a context, and the step it came from."""
    bind = {"ctx": ctx}
    for scope in (
        "(parent_given IS NOT NULL OR parent_step IS NOT NULL OR source_step IS NOT NULL)",
        "parent IS NULL AND chart_id IN"
        " (SELECT child_given FROM steps s WHERE s.ctx = :ctx AND s.child_given IS NOT NULL)",
    ):
        conn.execute(_PARENTS.format(scope=scope), bind)
    conn.execute(_VIA.format(scope="parent IS NOT NULL"), bind)


def link_all(conn: sqlite3.Connection, ctx: int) -> None:
    """Circles, children, progress and words of every chart of a context; wants all indexes."""
    bind = {"ctx": ctx}
    charts = conn.execute("SELECT COUNT(*) FROM charts WHERE ctx = :ctx", bind).fetchone()[0]
    if conn.execute(_REACHED, bind).fetchone()[0] != charts:
        _cut_circles(conn, ctx, [row[0] for row in conn.execute(_STRANDED, bind)])
    parents = "chart_id IN (SELECT parent FROM charts c WHERE c.ctx = :ctx AND c.parent IS NOT NULL)"
    conn.execute(_CHILDREN.format(scope=parents), bind)
    conn.execute(_PROGRESS.format(scope=_ALL), bind)
    conn.execute(f"INSERT INTO chart_words (rowid, words) {_NEW_WORDS.format(scope=_ALL)}", bind)


def derive(
    conn: sqlite3.Connection,
    ctx: int,
    touched: Iterable[str],
    stepped: Iterable[str],
    step_names: Iterable[str],
) -> None:
    """Make the charts `touched` anew, and what hangs on them.

    `stepped` are charts whose set of steps changed, `step_names` the names of the steps that
    came, went or changed the chart they point to.
    """
    bind = {"ctx": ctx}
    fill(conn, "touched", touched)
    fill(conn, "worded", touched)
    fill(conn, "stepped", stepped)
    fill(conn, "linked", ())
    # Charts in a circle are looked at again with every change: it may have opened the circle.
    _add(conn, "touched", "SELECT chart_id FROM charts WHERE ctx = :ctx AND looped = 1", bind)
    existing = f"SELECT chart_id, id FROM charts WHERE ctx = :ctx AND {_IN_TOUCHED}"
    before = dict(conn.execute(existing, bind).fetchall())
    _link_parents(conn, bind)
    for statement in (_FROM_RECORDS + _IN_PLACE, _GONE, _NO_STEPS, _STEPS):
        conn.execute(statement.format(scope=_IN_TOUCHED), bind)
    after = dict(conn.execute(existing, bind).fetchall())
    _reach(conn, ctx, before.keys() ^ after.keys(), step_names)
    _link_parents(conn, bind)
    conn.execute(_PARENTS.format(scope=_IN_TOUCHED), bind)
    _cut_circles(conn, ctx, [row[0] for row in conn.execute("SELECT id FROM touched")])
    _link_parents(conn, bind)
    _add(conn, "linked", "SELECT id FROM touched", {})
    conn.execute(_VIA.format(scope=_IN_TOUCHED), bind)
    conn.execute(_VIA.format(scope="parent IN (SELECT id FROM stepped)"), bind)
    conn.execute(_CHILDREN.format(scope=_IN_LINKED), bind)
    conn.execute(_PROGRESS.format(scope=_IN_LINKED), bind)
    _reword(conn, bind, [row for chart_id, row in before.items() if chart_id not in after])


def _reword(conn: sqlite3.Connection, bind: dict[str, int], gone: list[int]) -> None:
    """The words of charts whose texts differ; full text is the dearest part of a sync."""
    changed = conn.execute(
        f"SELECT n.id, n.words FROM ({_NEW_WORDS.format(scope='c.chart_id IN (SELECT id FROM worded)')}) n"
        " LEFT JOIN chart_words_content w ON w.id = n.id WHERE w.c0 IS NOT n.words",
        bind,
    ).fetchall()
    conn.executemany(
        "DELETE FROM chart_words WHERE rowid = ?", [(row,) for row in (*gone, *(new[0] for new in changed))]
    )
    conn.executemany("INSERT INTO chart_words (rowid, words) VALUES (?, ?)", changed)


def fill(conn: sqlite3.Connection, scope: str, ids: Iterable[str]) -> None:
    """Put `ids` into one of the temporary tables, and nothing else."""
    conn.execute(f"DELETE FROM {scope}")
    conn.executemany(f"INSERT OR IGNORE INTO {scope} VALUES (?)", [(item,) for item in ids])


def _add(conn: sqlite3.Connection, scope: str, select: str, bind: dict[str, int]) -> None:
    """Add what `select` finds; NULLs are passed over."""
    conn.execute(f"INSERT OR IGNORE INTO {scope} {select}", bind)


def _link_parents(conn: sqlite3.Connection, bind: dict[str, int]) -> None:
    """Note the parents as they stand now: they lose, get or keep a child that may differ."""
    _add(conn, "linked", f"SELECT parent FROM charts WHERE ctx = :ctx AND {_IN_TOUCHED}", bind)


def _reach(conn: sqlite3.Connection, ctx: int, flipped: set[str], step_names: Iterable[str]) -> None:
    """Add to `touched` the charts whose parent may be another one now.

    `flipped` are the charts that came or went: they may be the parent some chart names.
    """
    names = set(step_names)
    found: set[str] = set()
    for chart_id in flipped:
        rows = conn.execute("SELECT chart_id FROM charts WHERE ctx = ? AND parent_given = ?", (ctx, chart_id))
        found.update(row[0] for row in rows)
        for name, child in conn.execute(
            "SELECT name, child_given FROM steps WHERE ctx = ? AND chart_id = ?", (ctx, chart_id)
        ):
            names.add(name)
            if child:
                found.add(child)
    for name in names:
        rows = conn.execute(
            "SELECT chart_id FROM charts WHERE ctx = ?1 AND parent_step = ?2"
            " UNION SELECT chart_id FROM charts WHERE ctx = ?1 AND source_step = ?2"
            " UNION SELECT child_given FROM steps WHERE ctx = ?1 AND name = ?2 AND child_given IS NOT NULL",
            (ctx, name),
        )
        found.update(row[0] for row in rows)
    conn.executemany("INSERT OR IGNORE INTO touched VALUES (?)", [(item,) for item in found])


def _cut_circles(conn: sqlite3.Connection, ctx: int, starts: list[str]) -> None:
    """Walk up from each start; where that leads round, mark the circle and make its oldest chart a root."""
    known: set[str] = set()
    for start in starts:
        trail: dict[str, int] = {}
        current: str | None = start
        while current is not None and current not in known and current not in trail:
            trail[current] = len(trail)
            row = conn.execute(
                "SELECT parent FROM charts WHERE ctx = ? AND chart_id = ?", (ctx, current)
            ).fetchone()
            current = row[0] if row else None
        known.update(trail)
        if current is not None and current in trail:
            _cut(conn, ctx, [chart for chart, place in trail.items() if place >= trail[current]])


def _cut(conn: sqlite3.Connection, ctx: int, circle: list[str]) -> None:
    marks = [(ctx, chart_id) for chart_id in circle]
    conn.executemany("UPDATE charts SET looped = 1 WHERE ctx = ? AND chart_id = ?", marks)
    oldest = min(
        circle,
        key=lambda item: conn.execute(
            "SELECT ord, chart_id FROM charts WHERE ctx = ? AND chart_id = ?", (ctx, item)
        ).fetchone(),
    )
    conn.executemany(
        "INSERT OR IGNORE INTO linked SELECT parent FROM charts WHERE ctx = ? AND chart_id = ?",
        [(ctx, oldest)],
    )
    conn.execute("UPDATE charts SET parent = NULL, via = NULL WHERE ctx = ? AND chart_id = ?", (ctx, oldest))
    conn.executemany("INSERT OR IGNORE INTO touched VALUES (?)", [(oldest,)])


_BY_CONTAINS = """
UPDATE records SET chart_id = (
  SELECT c.chart_id FROM relations r JOIN records c ON c.ctx = r.ctx AND c.key = 'e:' || r.from_name AND c.role = 0
  WHERE r.ctx = records.ctx AND r.to_name = records.name AND r.type = 'contains' ORDER BY c.ord LIMIT 1)
WHERE ctx = :ctx AND loose = 1 AND {scope}
"""

_BY_OUTCOME = """
UPDATE records SET chart_id = (
  SELECT o.chart_id FROM relations r JOIN records o ON o.ctx = r.ctx AND o.key = 'e:' || r.to_name AND o.role = 1
  WHERE r.ctx = records.ctx AND r.from_name = records.name AND r.type IN ('advances_toward', 'creates_tension_with')
    AND o.chart_id IS NOT NULL ORDER BY o.ord LIMIT 1)
WHERE ctx = :ctx AND loose = 1 AND role <> 1 AND chart_id IS NULL AND {scope}
"""


def resolve_loose(conn: sqlite3.Connection, ctx: int, scope: str = "1") -> None:
    """Give entities that name no chart the one their relations say.

    The chart that contains them, else the chart of the outcome they work toward.
    """
    for statement in (_BY_CONTAINS, _BY_OUTCOME):
        conn.execute(statement.format(scope=scope), {"ctx": ctx})
