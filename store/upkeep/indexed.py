"""The index against the journals it was made from: row by row, then what was derived from the rows.

1. *Versions*: the journal is read as a stream beside the rows in the order of their lines. Every line
   must have its row (but for one carried over from an earlier generation, whose version is known), every
   row its line, and both must agree in key, version, kind and length. So must transactions.
2. *Live records*: each must be the newest version of its key, and each newest version that is no
   deletion must be live.
3. *Columns and texts*: a sample of records is extracted anew from their lines and compared.
4. *All derived rows*, where the store is small or it is asked for: an index is built aside from the
   journals, and every table compared.

An index that differs costs no word of anybody's: `chartkeep sync --rebuild` makes it anew.

| code | means |
|---|---|
| `index-differs` | a row that has no line, a line without its row, or the two disagree |
| `index-record` | a live record that is not the newest version, or not what its line says |
| `index-derived` | a table differs from the one a rebuild makes |
| `index-unreadable` | the index cannot be read at all |
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import ChartkeepError, StorageError
from store.model import Finding, Position

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.journal import Journal, Tx
    from store.store import Store

NAMED = 20
"""Differences of one kind named for a context; the rest is counted."""

SAMPLED = 500
"""Records whose columns are compared with their lines."""

SMALL = 4 << 20
"""Bytes of journals up to which an index is built aside for comparing."""

Told = Callable[[int], None]
_REMEDY = "Run `chartkeep sync --rebuild`; no chart is lost by this."


def check(store: Store, context: str, told: Told | None = None) -> Iterator[Finding]:
    """What the index holds of one context that its journal does not say, and the other way round.

    Nothing where the journal itself is damaged: then that is what has to be told.
    """
    try:
        yield from _check(store, context, told)
    except StorageError as error:
        if error.path == store.layout.index:
            yield Finding("error", "index-unreadable", str(error), str(store.layout.index))
    except ChartkeepError:
        return  # named by the journal's own verification


def _check(store: Store, context: str, told: Told | None) -> Iterator[Finding]:
    store.sync(context)
    journal = store.journal(context)
    with store.index.snapshot() as snap:
        position = snap.position(context, "charts")
        if position is None:
            return
        checks: tuple[tuple[str, Iterable[str]], ...] = (
            ("index-differs", _versions(snap, journal, position, told)),
            ("index-record", _live(snap, context)),
            ("index-record", _sampled(snap, journal)),
        )
        for code, said in checks:
            yield from _findings(code, said, context, store.layout.index)


def _findings(code: str, said: Iterable[str], context: str, index: Path) -> Iterator[Finding]:
    """The first differences by name, the others by number."""
    rest = iter(said)
    named = list(islice(rest, NAMED))
    more = sum(1 for _ in rest)
    for text in named:
        yield Finding("error", code, f"the index of “{context}”: {text}. {_REMEDY}", str(index))
    if more:
        yield Finding("error", code, f"the index of “{context}”: {more:,} more such differences", str(index))


# -- versions and transactions ---------------------------------------------------------------------


def _stream(journal: Journal, upto: Position, told: Told | None) -> Iterator[Tx]:
    """Every transaction up to a position, over all generations."""
    for generation in journal.generations():
        before = 0
        for tx in journal.read_generation(generation):
            if (generation, tx.end) > (upto.generation, upto.offset):
                return
            if told is not None and tx.end - before > 1 << 20:
                told(tx.end - before)
                before = tx.end
            yield tx


def _versions(snap: Snapshot, journal: Journal, upto: Position, told: Told | None) -> Iterator[str]:
    """Differences between the rows and the lines."""
    from store.index import checking

    context = journal.context
    rows = checking.rows(snap, context)
    known = checking.transactions(snap, context)
    row, tx_row = next(rows, None), next(known, None)
    for tx in _stream(journal, upto, told):
        news = False
        for generation, start, size, op, key, ver, *_ in tx.lines:
            place = (generation, start)
            while row is not None and row[:2] < place:
                yield f"version {row.ver} of {row.key} has no line at {_at(*row[:2])}"
                row = next(rows, None)
            if row is not None and row[:2] == place:
                news = True
                if row[2:] != (size, key, ver, op == "delete"):
                    yield f"it calls the line at {_at(*place)} version {row.ver} of {row.key}, not {ver} of {key}"
                row = next(rows, None)
            elif not checking.knows(snap, context, key, ver):
                yield f"version {ver} of {key}, at {_at(*place)}, is not in it"
        while tx_row is not None and tx_row[:2] < (tx.generation, tx.offset):
            yield f"there is no transaction at {_at(*tx_row[:2])}"
            tx_row = next(known, None)
        if tx_row is not None and tx_row[:2] == (tx.generation, tx.offset):
            if (tx_row[2], tx_row[4]) != (tx.at, len(tx.lines)):
                yield f"the transaction at {_at(*tx_row[:2])} is not as it says"
            tx_row = next(known, None)
        elif news:
            yield f"the transaction at {_at(tx.generation, tx.offset)} is not in it"
    while row is not None:
        yield f"version {row.ver} of {row.key} has no line at {_at(*row[:2])}"
        row = next(rows, None)
    while tx_row is not None:
        yield f"there is no transaction at {_at(*tx_row[:2])}"
        tx_row = next(known, None)


def _at(generation: int, offset: int) -> str:
    return f"generation {generation}, offset {offset}"


def _live(snap: Snapshot, context: str) -> Iterator[str]:
    """Live records that are not the newest version, and newest versions that are not live."""
    from store.index import checking

    for key, ver, *place in checking.misplaced(snap, context):
        yield f"version {ver} of {key}, at {_at(*place)}, is not listed as the newest one should be"


# -- what was extracted ----------------------------------------------------------------------------


def _sampled(snap: Snapshot, journal: Journal) -> Iterator[str]:
    """Records of a sample whose columns are not what their lines give."""
    from store.index import checking

    for rid, columns in checking.sample(snap, journal.context, SAMPLED):
        wrong = _wrong_columns(snap, journal, rid, columns)
        if wrong:
            yield f"{wrong} of {columns['key']!r} is not what its line says"


def _wrong_columns(snap: Snapshot, journal: Journal, rid: int, columns: dict[str, Any]) -> str:
    """The names of the columns of one record that differ from its line's; empty where none does."""
    from store.index import checking, sync
    from store.index.extract import bind_key, extract
    from store.journal import Line
    from store.records import BadJson, decode_line

    place = (columns["generation"], columns["start"], columns["size"])
    try:
        line = decode_line(journal.line_bytes(*place))
    except (StorageError, BadJson):
        return "the place"
    if line.raw is None:
        return "the place"
    found = extract(line.key, line.raw)
    whole = Line(*place, line.op, line.key, line.ver, line.at, line.by, line.raw)
    made = sync.record_row(columns["ctx"], bind_key(line.key), whole, columns["ord"], found.columns)
    expected = dict(zip(sync.RECORD_COLUMNS, made, strict=True))
    if found.columns.loose:
        expected["chart_id"] = columns["chart_id"]  # it comes from relations
    wrong = [name for name, value in expected.items() if columns[name] != value]
    if found.observations != checking.observations(snap, rid):
        wrong.append("observations")
    return ", ".join(wrong)


# -- a whole rebuild -------------------------------------------------------------------------------

_JOINED = "JOIN {db}.contexts n ON n.id = t.ctx"
_TABLES = {
    "transactions": "n.name, generation, start, at, who, command, label, session, count, undoes, redoes, grp",
    "versions": "n.name, n, key, ver, deleted, generation, start, size",
    "records": (
        "n.name, key, ver, ord, generation, start, size, kind, role, loose, entity_type, t.name, chart_id, text,"
        " last_text, notes, due, done, level, parent_chart, parent_step, source_step, child_chart, step_order,"
        " phase, created, updated, changed_at"
    ),
    "relations": "n.name, from_name, type, to_name",
    "charts": (
        "n.name, chart_id, ord, title, due, done, level, parent_given, parent_step, source_step, phase, created,"
        " updated, parent, via, looped, finished, total"
    ),
    "conflicts": (
        "n.name, n, t.id, key, path, ours, theirs, base, ver, at, who, state, now, settled_as, settled_by, last"
    ),
    "steps": "n.name, chart_id, t.name, number, ord, title, due, done, notes, child_given, child, updated",
}
SELECTS = {table: f"SELECT {columns} FROM {{db}}.{table} t {_JOINED}" for table, columns in _TABLES.items()}
"""What is compared of each table: all but the numbers that another order of reading gives."""
SELECTS["observations"] = (
    "SELECT n.name, t.key, b.id - t.id * 65536, b.text FROM {db}.observations b"
    " JOIN {db}.records t ON t.id = b.id / 65536 " + _JOINED
)


def compare_whole(store: Store) -> Iterator[Finding]:
    """Tables that differ from those of an index built aside, now, from every journal."""
    names = [name for name in store.contexts.names() if store.layout.journal(name).exists()]
    try:
        journals = [store.journal(name) for name in names]
        with tempfile.TemporaryDirectory(prefix="chartkeep-verify-") as folder:
            differing: dict[str, int] | None = None
            for _ in range(3):
                store.sync()
                differing = _compared(store.layout.index, Path(folder), journals)
                if differing is not None:
                    break
            for table, count in (differing or {}).items():
                why = f"{count:,} rows of “{table}” are not what a rebuild makes. {_REMEDY}"
                yield Finding("error", "index-derived", f"the index: {why}", str(store.layout.index))
    except StorageError as error:
        if error.path == store.layout.index:
            yield Finding("error", "index-unreadable", str(error), str(store.layout.index))
    except ChartkeepError:
        return  # named by the journals' own verification


def _compared(index: Path, folder: Path, journals: list[Journal]) -> dict[str, int] | None:
    """How many rows of each table differ; None where a journal went on meanwhile."""
    from store.index import rebuild, sqlite

    built, conn = sqlite.building(folder)
    with sqlite.translated(index):
        try:
            rebuild.load_all(conn, journals)
        finally:
            conn.close()
        conn = sqlite3.connect(f"{built.as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            conn.execute("ATTACH ? AS live", (f"{index.resolve().as_uri()}?mode=ro",))
            conn.execute("BEGIN")
            if _rows(conn, "SELECT id, generation, start, hash FROM {db}.positions"):
                return None
            found = {table: _rows(conn, select) for table, select in SELECTS.items()}
            return {table: count for table, count in found.items() if count}
        finally:
            conn.close()
            sqlite.discard(built)


def _rows(conn: sqlite3.Connection, select: str) -> int:
    """Rows that only one of the two databases has."""
    one, other = (select.format(db=db) for db in ("main", "live"))
    both = (f"SELECT * FROM ({one} EXCEPT {other})", f"SELECT * FROM ({other} EXCEPT {one})")
    return max(int(conn.execute(f"SELECT COUNT(*) FROM ({sql})").fetchone()[0]) for sql in both)
