"""Who changed what: records, their versions, transactions, and figures about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from store.index.base import Reads, marks
from store.index.extract import bind_key, read_key
from store.model import ConflictRow, Position, TxRow, VersionRow
from store.records import loads

_VERSION = "v.ctx, v.key, v.ver, v.deleted, t.at, t.who, t.generation, t.start, v.generation, v.start, v.size"
_VERSIONS = f"SELECT {_VERSION} FROM versions v JOIN transactions t ON t.seq = v.seq"
_TX = "seq, ctx, generation, start, at, who, command, label, session, count, undoes, redoes, grp"
_CONFLICT = "ctx, id, key, path, ours, theirs, base, ver, at, who, state, now, settled_by"
_LAST = "\U0010ffff"


class RecordRow(NamedTuple):
    """A live record: where its line lies and what it is."""

    context: str
    key: str
    kind: str
    entity_type: str | None
    name: str | None
    chart_id: str | None
    ver: int
    ord: int
    generation: int
    offset: int
    length: int
    changed_at: str


class LiveRow(NamedTuple):
    """Where the line of a live record lies: what publishing and compaction need."""

    key: str
    kind: str
    generation: int
    offset: int
    length: int


class HistoryRow(NamedTuple):
    """One version of a record of a chart and the command that wrote it."""

    version: VersionRow
    command: str
    label: str
    session: str


class Activity(Reads):
    """The part of a Snapshot that knows versions and transactions."""

    # -- live records ----------------------------------------------------------------------------

    def record(self, context: str, key: str) -> RecordRow | None:
        """The live record of a key; None where there is none or it was deleted."""
        row = self._ask(
            "SELECT kind, entity_type, name, chart_id, ver, ord, generation, start, size, changed_at"
            " FROM records WHERE ctx = ? AND key = ?",
            (self._ctx(context), bind_key(key)),
        ).fetchone()
        return None if row is None else RecordRow(context, key, *row)

    def live_records(self, context: str) -> Iterator[LiveRow]:
        """Every live record in the order of the chart file: entities, relations, then the rest."""
        rows = self._ask(
            "SELECT key, kind, generation, start, size FROM records WHERE ctx = ?"
            " ORDER BY CASE WHEN role <= 4 THEN 0 ELSE role END, ord",
            (self._ctx(context),),
        )
        for key, kind, generation, start, size in rows:
            yield LiveRow(read_key(key), kind, generation, start, size)

    def keys_of(self, context: str, chart_id: str) -> list[str]:
        """Keys of the live entities of a chart (and foreign records that name it), in file order."""
        rows = self._ask(
            "SELECT key FROM records WHERE ctx = ? AND chart_id = ? ORDER BY ord",
            (self._ctx(context), chart_id),
        )
        return [read_key(row[0]) for row in rows]

    def chart_records(self, context: str, chart_id: str) -> list[RecordRow]:
        """The live records behind `keys_of`, in the same order: a chart read in one go."""
        rows = self._ask(
            "SELECT key, kind, entity_type, name, chart_id, ver, ord, generation, start, size, changed_at"
            " FROM records WHERE ctx = ? AND chart_id = ? ORDER BY ord",
            (self._ctx(context), chart_id),
        )
        return [RecordRow(context, read_key(key), *rest) for key, *rest in rows]

    def relations_of(self, context: str, name: str) -> list[str]:
        """Keys of the live relations from or to an entity, in file order."""
        rows = self._ask(
            "SELECT key FROM records WHERE id IN (SELECT id FROM relations WHERE ctx = ?1 AND from_name = ?2"
            " UNION SELECT id FROM relations WHERE ctx = ?1 AND to_name = ?2) ORDER BY ord",
            (self._ctx(context), name),
        )
        return [read_key(row[0]) for row in rows]

    # -- versions --------------------------------------------------------------------------------

    def versions(self, context: str, key: str) -> list[VersionRow]:
        """Every version of a key, oldest first."""
        return self._versions("v.ctx = ? AND v.key = ? ORDER BY v.ver", (self._ctx(context), bind_key(key)))

    def later_versions(self, context: str, key: str, ver: int) -> list[VersionRow]:
        """The versions of a key after `ver`, oldest first."""
        bind = (self._ctx(context), bind_key(key), ver)
        return self._versions("v.ctx = ? AND v.key = ? AND v.ver > ? ORDER BY v.ver", bind)

    def last_version(self, context: str, key: str) -> VersionRow | None:
        """The newest version of a key, deletions included."""
        bind = (self._ctx(context), bind_key(key))
        return self._one("v.ctx = ? AND v.key = ? ORDER BY v.ver DESC, v.seq DESC LIMIT 1", bind)

    def newest(self, context: str, key: str) -> tuple[int, bool, int, int, int] | None:
        """(ver, deleted, generation, offset, length) of a key's newest version: the least that planning asks."""
        row = self._ask(
            "SELECT ver, deleted, generation, start, size FROM versions WHERE ctx = ? AND key = ?"
            " ORDER BY ver DESC, seq DESC LIMIT 1",
            (self._ctx(context), bind_key(key)),
        ).fetchone()
        return None if row is None else (row[0], bool(row[1]), row[2], row[3], row[4])

    def ever_below(self, context: str, chart_id: str, most: int) -> set[str] | None:
        """Every key ever written of an entity named after a chart, or of a relation from one.

        `chart_id` is plain ASCII, as the keys hold it. None where they have more than `most` versions.
        """
        ctx, below, end = self._ctx(context), f"{chart_id}_", f"{chart_id}`"
        rows = self._ask(
            "SELECT key FROM versions WHERE ctx = ?1 AND key >= ?2 AND key < ?3"
            " UNION ALL SELECT key FROM versions WHERE ctx = ?1 AND key >= ?4 AND key < ?5 LIMIT ?6",
            (ctx, f"e:{below}", f"e:{end}", f'r:["{below}', f'r:["{end}', most + 1),
        ).fetchall()
        return {key for (key,) in rows} if len(rows) <= most else None

    def version(self, context: str, key: str, ver: int) -> VersionRow | None:
        """One version of a key."""
        return self._one(
            "v.ctx = ? AND v.key = ? AND v.ver = ? LIMIT 1", (self._ctx(context), bind_key(key), ver)
        )

    def version_at(self, context: str, key: str, position: Position) -> VersionRow | None:
        """The newest version of a key that lies before a position, deletions included."""
        return self._one(
            "v.ctx = ? AND v.key = ? AND (v.generation, v.start) < (?, ?) ORDER BY v.ver DESC LIMIT 1",
            (self._ctx(context), bind_key(key), position.generation, position.offset),
        )

    def changed_since(self, context: str, position: Position) -> set[str]:
        """Keys with a version that lies after a position."""
        # The plus keeps SQLite from reading all keys of the context: `seq` leads to the few rows there are.
        rows = self._ask(
            "SELECT DISTINCT key FROM versions WHERE +ctx = ?1 AND seq >= (SELECT MIN(seq) FROM transactions"
            " WHERE ctx = ?1 AND (generation, start) >= (?2, ?3))",
            (self._ctx(context), position.generation, position.offset),
        )
        return {read_key(row[0]) for row in rows}

    def live_at(self, context: str, at: str) -> list[VersionRow]:
        """Versions of the records that were live at an instant (a stamp), in journal order.

        That is the state after the last transaction, in journal order, stamped at or before `at`.
        """
        ctx = self._ctx(context)
        last = self._ask("SELECT MAX(seq) FROM transactions WHERE ctx = ? AND at <= ?", (ctx, at)).fetchone()[
            0
        ]
        if last is None:
            return []
        return self._versions(
            "v.ctx = ?1 AND v.seq <= ?2 AND v.deleted = 0 AND NOT EXISTS"
            " (SELECT 1 FROM versions w WHERE w.ctx = v.ctx AND w.key = v.key AND w.ver > v.ver AND w.seq <= ?2)"
            " ORDER BY v.seq, v.n",
            (ctx, last),
        )

    def history(self, context: str, chart_id: str, limit: int = 100) -> list[HistoryRow]:
        """The versions of every record of a chart, deleted ones too, newest first.

        A deleted record is found by its name, which begins with the chart's id in all but odd files.
        """
        ctx = self._ctx(context)
        live = self._ask("SELECT key FROM records WHERE ctx = ? AND chart_id = ?", (ctx, chart_id))
        named = self._ask(
            "SELECT key FROM versions WHERE ctx = ?1 AND key = ?2"
            " UNION SELECT key FROM versions WHERE ctx = ?1 AND key > ?2 || '_' AND key < ?2 || '_' || ?3"
            " EXCEPT SELECT key FROM records WHERE ctx = ?1 AND key = ?2"
            " EXCEPT SELECT key FROM records WHERE ctx = ?1 AND key > ?2 || '_' AND key < ?2 || '_' || ?3",
            (ctx, "e:" + chart_id, _LAST),
        )
        keys = tuple({row[0] for row in (*live, *named)})
        found: list[HistoryRow] = []
        for begin in range(0, len(keys), 500):
            part = keys[begin : begin + 500]
            rows = self._ask(
                f"SELECT {_VERSION}, t.command, t.label, t.session, v.seq FROM versions v JOIN transactions t"
                f" ON t.seq = v.seq WHERE v.ctx = ? AND v.key IN ({marks(part)}) ORDER BY v.seq DESC, v.n DESC LIMIT ?",
                (ctx, *part, limit),
            )
            found.extend(HistoryRow(self._version(row[:11]), *row[11:14]) for row in rows)
        found.sort(key=lambda item: (item.version.generation, item.version.offset), reverse=True)
        return found[:limit]

    # -- transactions ----------------------------------------------------------------------------

    def transactions(
        self,
        contexts: Iterable[str] | None = None,
        limit: int = 100,
        before_seq: int | None = None,
        session: str | None = None,
        by: str | None = None,
    ) -> list[TxRow]:
        """Transactions newest first; `before_seq` (of the last one seen) gives the next page.

        `contexts=None` means all, the archive too.
        """
        where, bind = ("1", ()) if contexts is None else self._within(contexts)
        conditions, values = [where], [*bind]
        for condition, value in (("seq < ?", before_seq), ("session = ?", session), ("who = ?", by)):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        return self._txs(f"{' AND '.join(conditions)} ORDER BY seq DESC LIMIT ?", (*values, limit))

    def transaction(self, context: str, tx: str) -> TxRow | None:
        """One transaction by its id, `<generation>:<hex offset>`."""
        place = _place(tx)
        if place is None:
            return None
        rows = self._txs("ctx = ? AND generation = ? AND start = ? LIMIT 1", (self._ctx(context), *place))
        return rows[0] if rows else None

    def group(self, group: str) -> list[TxRow]:
        """The transactions of one command over several journals, in the order of their commit."""
        return self._txs("grp = ? ORDER BY seq", (group,))

    def lone_groups(self) -> list[TxRow]:
        """Transactions whose command wrote to two journals but has, so far, reached only one."""
        return self._txs(
            "grp IN (SELECT grp FROM transactions WHERE grp IS NOT NULL GROUP BY grp HAVING COUNT(*) = 1) ORDER BY seq",
            (),
        )

    def tx_versions(self, context: str, tx: str) -> list[VersionRow]:
        """What a transaction wrote, in its order."""
        place = _place(tx)
        if place is None:
            return []
        bind = (self._ctx(context), *place)
        return self._versions("t.ctx = ? AND t.generation = ? AND t.start = ? ORDER BY v.n", bind)

    # -- conflicts -------------------------------------------------------------------------------

    def conflicts(self, context: str | None = None, open_only: bool = True) -> list[ConflictRow]:
        """What both sides had changed, the newest first; of every context where none is named."""
        where, bind = ("1", ()) if context is None else ("ctx = ?", (self._ctx(context),))
        if open_only:
            where += " AND state = 'open'"
        rows = self._ask(f"SELECT {_CONFLICT} FROM conflicts WHERE {where} ORDER BY seq DESC, n", bind)
        return [
            ConflictRow(self._name(ctx), name, read_key(key), tuple(loads(path.encode("utf-8"))), *rest)
            for ctx, name, key, path, *rest in rows
        ]

    def settles(self, context: str, tx: str) -> bool:
        """True where a transaction settled a conflict, or opened one again."""
        bind = (self._ctx(context), tx, tx)
        sql = "SELECT 1 FROM conflicts WHERE ctx = ? AND (settled_by = ? OR last = ?) LIMIT 1"
        return self._ask(sql, bind).fetchone() is not None

    def conflict_counts(self) -> dict[str, int]:
        """Open conflicts by context, of the contexts that have any."""
        rows = self._ask("SELECT ctx, COUNT(*) FROM conflicts WHERE state = 'open' GROUP BY ctx")
        return {self._name(ctx): count for ctx, count in rows}

    def open_conflicts(self) -> int:
        """Open conflicts of all contexts together."""
        return sum(self.conflict_counts().values())

    # -- figures ---------------------------------------------------------------------------------

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by context: records, versions, transactions, charts, steps."""
        found: dict[str, dict[str, int]] = {name: {} for name in self._by_name}
        for table in ("records", "versions", "transactions", "charts", "steps"):
            counted = dict(self._ask(f"SELECT ctx, COUNT(*) FROM {table} GROUP BY ctx").fetchall())
            for name, ctx in self._by_name.items():
                found[name][table] = counted.get(ctx, 0)
        return found

    def growth(self, *, minutes: bool = False) -> list[dict[str, Any]]:
        """By day (UTC): transactions and versions written, and all versions up to then (`total`).

        minutes: by minute instead, for a store that is too young for days.
        """
        total = 0
        found = []
        for day, transactions, written in self._ask(
            "SELECT substr(at, 1, ?), COUNT(*), SUM(count) FROM transactions GROUP BY 1 ORDER BY 1",
            (16 if minutes else 10,),
        ):
            total += written
            found.append({"day": day, "transactions": transactions, "versions": written, "total": total})
        return found

    def lifetime(self) -> tuple[str, str] | None:
        """When the first and the last transaction of all were made; None where there are none."""
        ends = [
            self._ask(f"SELECT at FROM transactions ORDER BY seq {way} LIMIT 1").fetchone()
            for way in ("ASC", "DESC")
        ]
        return (ends[0][0], ends[1][0]) if ends[0] is not None else None

    def first_since(self, context: str, at: datetime) -> tuple[int, int] | None:
        """(generation, offset) of the first transaction of a context since an instant; None where there is none."""
        row = self._ask(
            "SELECT generation, start FROM transactions WHERE seq >= ? AND ctx = ? ORDER BY seq LIMIT 1",
            (int(at.timestamp() * 1_000_000) << 10, self._ctx(context)),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def live_bytes(self, context: str) -> int:
        """Bytes of the journal lines that hold the live records: the rest of a journal is superseded."""
        row = self._ask("SELECT SUM(size) FROM records WHERE ctx = ?", (self._ctx(context),)).fetchone()
        return row[0] or 0

    def sizes(self) -> dict[str, int]:
        """Bytes of the database: `file`, of it `free`."""
        pages, free, page = (
            self._ask(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return {"file": pages * page, "free": free * page}

    # -- rows ------------------------------------------------------------------------------------

    def _one(self, where: str, bind: tuple[Any, ...]) -> VersionRow | None:
        rows = self._versions(where, bind)
        return rows[0] if rows else None

    def _versions(self, where: str, bind: tuple[Any, ...]) -> list[VersionRow]:
        return [self._version(row) for row in self._ask(f"{_VERSIONS} WHERE {where}", bind)]

    def _version(self, row: Any) -> VersionRow:
        ctx, key, ver, deleted, at, who, tx_generation, tx_start, generation, start, size = row
        return VersionRow(
            self._name(ctx),
            read_key(key),
            ver,
            "delete" if deleted else "put",
            at,
            who,
            f"{tx_generation}:{tx_start:x}",
            generation,
            start,
            size,
        )

    def _txs(self, where: str, bind: tuple[Any, ...]) -> list[TxRow]:
        rows = self._ask(f"SELECT {_TX} FROM transactions WHERE {where}", bind).fetchall()
        undone = self._undone([(row[1], f"{row[2]}:{row[3]:x}") for row in rows])
        return [
            TxRow(
                self._name(ctx),
                (tx := f"{generation}:{start:x}"),
                seq,
                at,
                who,
                command,
                label,
                session,
                count,
                undoes,
                redoes,
                undone.get((ctx, tx)),
                grp,
            )
            for seq, ctx, generation, start, at, who, command, label, session, count, undoes, redoes, grp in rows
        ]

    def _undone(self, txs: list[tuple[int, str]], depth: int = 0) -> dict[tuple[int, str], str]:
        """The transaction that took each of `txs` back, where that one was not itself taken back."""
        undoers: dict[tuple[int, str], str] = {}
        for begin in range(0, len(txs), 500):
            part = txs[begin : begin + 500]
            rows = self._ask(
                "SELECT ctx, undoes, generation, start FROM transactions WHERE (ctx, undoes) IN"
                f" (VALUES {', '.join(['(?, ?)'] * len(part))}) ORDER BY seq",
                [item for pair in part for item in pair],
            )
            undoers.update(
                {(ctx, undoes): f"{generation}:{start:x}" for ctx, undoes, generation, start in rows}
            )
        if not undoers or depth > 50:
            return undoers
        by = [(ctx, undoer) for (ctx, _), undoer in undoers.items()]
        again = set(self._undone(by, depth + 1)) | self._redone(by)
        return {pair: undoer for pair, undoer in undoers.items() if (pair[0], undoer) not in again}

    def _redone(self, undoers: list[tuple[int, str]]) -> set[tuple[int, str]]:
        """Those of `undoers` that a redo took back, where the redo was not undone in its turn."""
        found: dict[tuple[int, str], tuple[int, str]] = {}
        for ctx, undoer in undoers:
            row = self._ask(
                "SELECT generation, start FROM transactions WHERE ctx = ? AND redoes = ? ORDER BY seq DESC LIMIT 1",
                (ctx, undoer),
            ).fetchone()
            if row is not None:
                found[ctx, undoer] = (ctx, f"{row[0]}:{row[1]:x}")
        standing = set(self._undone(list(found.values()))) if found else set()
        return {pair for pair, redo in found.items() if redo not in standing}


def _place(tx: str) -> tuple[int, int] | None:
    generation, _, offset = tx.partition(":")
    try:
        return int(generation), int(offset, 16)
    except ValueError:
        return None
