"""From journal to rows: the incremental way, line by line, and what must then be derived again.

The position is stored in the same database transaction as the rows. Charts and steps follow
from the records by `derive`, once for all lines of a sync.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from store.errors import Damaged, StorageError
from store.index import carried, derive
from store.index.conflicts import Conflicts
from store.index.extract import CHART, ENTITY, OUTCOME, RELATION, STEP, Columns, bind_key, extract
from store.index.rows import (
    INSERT_RECORD,
    INSERT_TX,
    INSERT_VERSION,
    ORD_SHIFT,
    next_seq,
    record_row,
    tx_row,
)
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Line, Tx

MOST_CONTEXTS = 1023
_STAMP = len("2026-11-21T06:00:00.123456Z")
_BINDING = ("contains", "advances_toward", "creates_tension_with")
"""Relations that tell which chart an entity belongs to."""

_RANGE = "id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535"


class Synced(NamedTuple):
    """What a sync did. `charts`: ids of the charts whose rows may differ now."""

    transactions: int
    lines: int
    charts: set[str]
    reset: bool
    """True where the context was read anew from its beginning."""
    damage: Damaged | None = None
    """Set where the journal is damaged: what lies before the damage is in the index."""
    more: bool = False
    """True where it stopped on the way, to let others have the database: sync again."""


class _Old(NamedTuple):
    """The row of a live record as it was before a line."""

    id: int
    ver: int
    ord: int
    role: int
    loose: int
    chart_id: str | None
    name: str | None
    child_chart: str | None


def context_id(conn: sqlite3.Connection, name: str) -> int:
    """The number of a context, given to it when first met."""
    row = conn.execute("SELECT id FROM contexts WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = conn.execute("INSERT INTO contexts (name) VALUES (?) RETURNING id", (name,)).fetchone()
        if row[0] > MOST_CONTEXTS:
            raise StorageError(
                f"The index holds {MOST_CONTEXTS} contexts at most. Archive some, and rebuild it."
            )
    found: int = row[0]
    return found


def position_id(context: str, family: str) -> str:
    """Primary key of `positions`."""
    return f"{context}/{family}"


def store_position(
    conn: sqlite3.Connection, context: str, family: str, position: Position, seq: int, lines: int
) -> None:
    """Note how far the journal has been read."""
    conn.execute(
        "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET generation = excluded.generation,"
        " start = excluded.start, hash = excluded.hash, seq = excluded.seq, lines = excluded.lines",
        (position_id(context, family), *position, seq, lines),
    )


def load_position(conn: sqlite3.Connection, context: str, family: str) -> tuple[Position | None, int, int]:
    """(position, seq, lines) as stored; (None, 0, 0) where the journal was never read."""
    row = conn.execute(
        "SELECT generation, start, hash, seq, lines FROM positions WHERE id = ?",
        (position_id(context, family),),
    ).fetchone()
    return (None, 0, 0) if row is None else (Position(*row[:3]), row[3], row[4])


def sync_context(conn: sqlite3.Connection, journal: Journal, upto: Position | None = None) -> Synced:
    """Read what is new into the index. Wants an open write transaction; the caller commits it.

    With `upto` no further than that: writers may be faster than this, and it would never come to its end.
    Raises OffChain where the stored position is not in the journal (the caller forgets the
    context and calls again), StorageError.
    """
    position, seq, lines = load_position(conn, journal.context, journal.family)
    reset = position is None
    ctx = context_id(conn, journal.context)
    applier = Applier(conn, ctx, seq)
    damage = None
    start = position
    more = False
    try:
        for tx in carried.transactions(journal, position):
            applier.apply(tx)
            position = tx.position
            if upto is not None and position[:2] >= upto[:2]:
                break
            if more := applier.moved >= carried.MOST and not reset:
                break
        else:
            position = journal.gone_on(position)
    except Damaged as error:
        damage = error
    if position is not None and position != start:
        charts = applier.finish(everything=reset)
        store_position(conn, journal.context, journal.family, position, applier.seq, lines + applier.lines)
        return Synced(applier.transactions, applier.lines - applier.moved, charts, reset, damage, more)
    return Synced(0, 0, set(), False, damage)


def forget_context(conn: sqlite3.Connection, context: str) -> None:
    """Remove every row of a context, its name too."""
    row = conn.execute("SELECT id FROM contexts WHERE name = ?", (context,)).fetchone()
    if row is not None:
        ctx = row
        conn.execute(
            "INSERT INTO texts (texts, rowid, text) SELECT 'delete', b.id, b.text FROM records r"
            " JOIN observations b ON b.id BETWEEN r.id * 65536 AND r.id * 65536 + 65535 WHERE r.ctx = ?",
            ctx,
        )
        conn.execute(
            "DELETE FROM observations WHERE id IN (SELECT b.id FROM records r"
            " JOIN observations b ON b.id BETWEEN r.id * 65536 AND r.id * 65536 + 65535 WHERE r.ctx = ?)",
            ctx,
        )
        conn.execute("DELETE FROM chart_words WHERE rowid IN (SELECT id FROM charts WHERE ctx = ?)", ctx)
        for table in ("transactions", "versions", "records", "relations", "charts", "steps", "conflicts"):
            conn.execute(f"DELETE FROM {table} WHERE ctx = ?", ctx)
        conn.execute("DELETE FROM contexts WHERE id = ?", ctx)
    conn.execute("DELETE FROM positions WHERE substr(id, 1, ?) = ?", (len(context) + 1, context + "/"))


class Applier:
    """Applies transactions of one context to `records` and its kin; `finish` derives the rest."""

    def __init__(self, conn: sqlite3.Connection, ctx: int, seq: int) -> None:
        self.conn = conn
        self.ctx = ctx
        self.seq = seq
        self.lines = 0
        self.transactions = 0
        """Those applied that were news."""
        self.moved = 0
        """Lines of versions that were known: carried over by a new generation."""
        self._copies: list[Tx] = []
        self.conflicts = Conflicts(conn, ctx)
        self._touched: set[str] = set()
        self._stepped: set[str] = set()
        self._step_names: set[str] = set()
        self._unsure: set[str] = set()
        """Entities whose chart may follow from other relations now."""
        self._pointed: set[str] = set()
        """Charts and outcomes that came, went or moved: what relations bind to them is unsure."""

    def apply(self, tx: Tx) -> None:
        """One transaction."""
        copied = carried.copied(tx)
        if copied and tx.lines[0].raw is not None:
            self._copies.append(tx)
            if len(self._copies) >= carried.BATCH:
                self._move()
            return
        self._move()
        self._apply(tx, copied)

    def _move(self) -> None:
        """Give the lines carried over so far their new place; those that are none are applied."""
        copies, self._copies = self._copies, []
        latest = ""
        if copies and carried.move_places(self.conn, self.ctx, [tx.lines[0] for tx in copies]):
            for tx in copies:
                if tx.at > latest or len(tx.at) != _STAMP:
                    self.seq = next_seq(self.seq, tx.at, self.ctx)
                    latest = tx.at if tx.at[:1].isdigit() and tx.at[-1:] == "Z" else ""
                else:  # the same, without reading the date
                    self.seq = ((self.seq >> 10) + 1) << 10 | self.ctx
            self.lines += len(copies)
            self.moved += len(copies)
            return
        for tx in copies:
            self._apply(tx, copied=True)

    def _apply(self, tx: Tx, copied: bool) -> None:
        self.seq = next_seq(self.seq, tx.at, self.ctx)
        written = 0
        for n, line in enumerate(tx.lines):
            written += self._apply_line(line, n, copied)
        if written:
            self.conn.execute(INSERT_TX, tx_row(tx, self.seq, self.ctx))
            self.conflicts.apply(tx, self.seq)
            self.transactions += 1
        self.lines += len(tx.lines)
        self.moved += len(tx.lines) - written

    def _apply_line(self, line: Line, n: int, copied: bool) -> bool:
        """False for a line that a new generation carried over: that version is known."""
        key = bind_key(line.key)
        row = self.conn.execute(
            "SELECT id, ver, ord, role, loose, chart_id, name, child_chart FROM records WHERE ctx = ? AND key = ?",
            (self.ctx, key),
        ).fetchone()
        old = _Old(*row) if row is not None else None
        if old is not None and old.ver >= line.ver:
            if old.ver == line.ver:
                carried.move_places(self.conn, self.ctx, [line])
            return False
        if copied and old is None and carried.known(self.conn, self.ctx, line):
            return False
        order = old.ord if old is not None else self._order(key, line)
        self.conn.execute(
            INSERT_VERSION,
            (
                self.seq,
                n,
                self.ctx,
                key,
                line.ver,
                int(line.raw is None),
                line.generation,
                line.offset,
                line.length,
            ),
        )
        if line.raw is None:
            if old is not None:
                self._erase(old)
                self._note(old, None)
        else:
            self._put(key, line, line.raw, order, old)
        return True

    def _order(self, key: str | bytes, line: Line) -> int:
        """A record that comes back takes the place it had."""
        if line.ver > 1:
            row = self.conn.execute(
                "SELECT generation, start FROM versions WHERE ctx = ? AND key = ? ORDER BY ver, seq LIMIT 1",
                (self.ctx, key),
            ).fetchone()
            if row is not None:
                return int(row[0]) << ORD_SHIFT | int(row[1])
        return line.generation << ORD_SHIFT | line.offset

    def _put(self, key: str | bytes, line: Line, raw: bytes, order: int, old: _Old | None) -> None:
        found = extract(line.key, raw)
        columns = found.columns
        if columns.loose and old is not None and old.loose:
            columns = columns._replace(chart_id=old.chart_id)
        if old is not None:
            self._erase(old)
        # Ids rise with the last change, here as in a rebuild: newest first is by id.
        rid = self.conn.execute(INSERT_RECORD, record_row(self.ctx, key, line, order, columns)).lastrowid
        assert rid is not None
        if found.observations:
            rows = [(rid << 16 | n, text) for n, text in enumerate(found.observations)]
            self.conn.executemany("INSERT INTO observations VALUES (?, ?)", rows)
            self.conn.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", rows)
        if found.ends is not None:
            self.conn.execute("INSERT INTO relations VALUES (?, ?, ?, ?, ?)", (rid, self.ctx, *found.ends))
            self._relation(*found.ends)
        self._note(old, columns)

    def _erase(self, old: _Old) -> None:
        """Take out the rows of a live record. The full text is told the old texts: it keeps no copy."""
        run = self.conn.execute
        if old.role == RELATION:
            gone = run("DELETE FROM relations WHERE id = ? RETURNING from_name, type, to_name", (old.id,))
            for ends in gone.fetchall():
                self._relation(*ends)
        else:
            rows = run(f"SELECT id, text FROM observations WHERE {_RANGE}", (old.id,)).fetchall()
            if rows:
                self.conn.executemany("INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?, ?)", rows)
                run(f"DELETE FROM observations WHERE {_RANGE}", (old.id,))
        run("DELETE FROM records WHERE id = ?", (old.id,))

    # -- what has to be derived ----------------------------------------------------------------

    def _note(self, old: _Old | None, new: Columns | None) -> None:
        sides = [side for side in (old, new) if side is not None]
        self._touched.update(side.chart_id for side in sides if side.chart_id is not None)
        moved = old is None or new is None or old.chart_id != new.chart_id or old.role != new.role
        if any(side.role == STEP for side in sides) and (moved or old.child_chart != new.child_chart):  # type: ignore[union-attr]
            self._steps_differ(sides)
        for side in sides:
            if side.name is None or side.role > ENTITY:
                continue
            if side.loose:
                self._unsure.add(side.name)
            if moved and side.role in (CHART, OUTCOME):
                self._pointed.add(side.name)

    def _steps_differ(self, sides: Iterable[_Old | Columns]) -> None:
        for side in sides:
            if side.role != STEP:
                continue
            if side.chart_id is not None:
                self._stepped.add(side.chart_id)
            if side.name is not None:
                self._step_names.add(side.name)
            if side.child_chart is not None:
                self._touched.add(side.child_chart)

    def _relation(self, source: str, kind: str, target: str) -> None:
        if kind in _BINDING:
            self._unsure.update((source, target))

    def finish(self, *, everything: bool) -> set[str]:
        """Derive what changed, or everything in the context; the ids of the charts concerned."""
        self._move()
        if everything:
            derive.resolve_loose(self.conn, self.ctx)
            derive.derive_all(self.conn, self.ctx)
            derive.hang_all(self.conn, self.ctx)
            derive.link_all(self.conn, self.ctx)
            rows = self.conn.execute("SELECT chart_id FROM charts WHERE ctx = ?", (self.ctx,))
            return {row[0] for row in rows}
        self._bind()
        if not self._touched and not self._stepped:
            return set()
        derive.derive(self.conn, self.ctx, self._touched, self._stepped, self._step_names)
        return {row[0] for row in self.conn.execute("SELECT id FROM linked")}

    def _bind(self) -> None:
        """Find the charts of entities that name none, where that may have changed."""
        loose = self.conn.execute(
            "SELECT 1 FROM records WHERE ctx = ? AND loose = 1 LIMIT 1", (self.ctx,)
        ).fetchone()
        if loose is None:
            return
        done: set[str] = set()
        todo = self._unsure | self._around(self._pointed)
        while todo - done:
            todo -= done
            done |= todo
            outcomes = self._rebind(todo)
            todo = self._around(outcomes)

    def _around(self, names: set[str]) -> set[str]:
        """Entities tied to any of `names` by a relation."""
        found: set[str] = set()
        for name in names:
            rows = self.conn.execute(
                "SELECT from_name FROM relations WHERE ctx = ?1 AND to_name = ?2"
                " UNION SELECT to_name FROM relations WHERE ctx = ?1 AND from_name = ?2",
                (self.ctx, name),
            )
            found.update(row[0] for row in rows)
        return found

    def _rebind(self, names: set[str]) -> set[str]:
        """Resolve anew the entities `names`; the names of the outcomes that moved."""
        derive.fill(self.conn, "touched", names)
        select = (
            "SELECT id, ver, ord, role, loose, chart_id, name, child_chart FROM records"
            " WHERE ctx = ? AND loose = 1 AND name IN (SELECT id FROM touched)"
        )
        before = [_Old(*row) for row in self.conn.execute(select, (self.ctx,))]
        derive.resolve_loose(self.conn, self.ctx, "name IN (SELECT id FROM touched)")
        after = {row[0]: _Old(*row) for row in self.conn.execute(select, (self.ctx,))}
        outcomes: set[str] = set()
        for old in before:
            new = after[old.id]
            if old.chart_id == new.chart_id:
                continue
            self._touched.update(side.chart_id for side in (old, new) if side.chart_id is not None)
            if new.role == STEP:
                self._steps_differ((old, new))
            if new.role == OUTCOME and new.name is not None:
                outcomes.add(new.name)
        return outcomes
