"""The index against the journals it was made from: row by row, then what was derived from the rows.

1. *Versions*: the journal is read a part at a time, beside the rows of its transactions. Every line
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
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import ChartkeepError, StorageError
from store.model import Finding, Position

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.index.checking import Row
    from store.index.schema import Schema
    from store.journal import Journal, Tx
    from store.store import Store

NAMED = 20
"""Differences of one kind named for a context; the rest is counted."""

SAMPLED = 500
"""Records whose columns are compared with their lines."""

SMALL = 4 << 20
"""Bytes of journals up to which an index is built aside for comparing."""

PIECE = 2 << 20
"""Bytes of a journal compared at a time: some 100 ms."""

_FAR = 1 << 62
"""Beyond every offset."""

Told = Callable[[int], None]
REMEDY = "Run `chartkeep sync --rebuild`; no chart is lost by this."


class Compared(NamedTuple):
    """How far the lines of one context have been compared with their rows."""

    after: Position | None = None
    """The end of the last transaction compared; None before the first."""
    seen: int = 0
    """Rows met so far."""
    ended: bool = False


def check(store: Store, context: str, told: Told | None = None) -> Iterator[Finding]:
    """What the index holds of one context that its journal does not say, and the other way round.

    Nothing where the journal itself is damaged: then that is what has to be told.
    """
    state = Compared()
    said: list[str] = []
    while not state.ended:
        yield from _unread(store, found := step(store, context, state, said))
        if isinstance(found, ChartkeepError):
            return
        if told is not None and found.after is not None:
            before = state.after
            told(
                found.after.offset
                - (before.offset if before and before.generation == found.after.generation else 0)
            )
        state = found
    yield from named("index-differs", said, context, store.layout.index)
    yield from records_of(store, context)


def step(store: Store, context: str, state: Compared, said: list[str]) -> Compared | ChartkeepError:
    """Compare one part more, adding what differs to `said`; an error where that cannot be done."""
    try:
        store.sync(context)
        journal = store.journal(context)
        with store.index.snapshot() as snap:
            upto = snap.position(context, "charts")
            if upto is None:
                return state._replace(ended=True)
            return _step(snap, journal, upto, state, said)
    except ChartkeepError as error:
        return error


def records_of(store: Store, context: str) -> Iterator[Finding]:
    """What is wrong with the live records of one context, and with a sample of their columns."""
    try:
        with store.index.snapshot() as snap:
            for said in (_live(snap, context), _sampled(snap, store.journal(context))):
                yield from named("index-record", said, context, store.layout.index)
    except ChartkeepError as error:
        yield from _unread(store, error)


def _unread(store: Store, error: object) -> Iterator[Finding]:
    """An error that is the index's own; the journal's are named by its own verification."""
    if isinstance(error, StorageError) and error.path == store.layout.index:
        yield Finding("error", "index-unreadable", str(error), str(store.layout.index))


def named(code: str, said: Iterable[str], context: str, index: Path) -> Iterator[Finding]:
    """The first differences by name, the others by number."""
    rest = iter(said)
    first = list(islice(rest, NAMED))
    more = sum(1 for _ in rest)
    for text in first:
        yield Finding("error", code, f"the index of “{context}”: {text}. {REMEDY}", str(index))
    if more:
        yield Finding("error", code, f"the index of “{context}”: {more:,} more such differences", str(index))


# -- versions and transactions ---------------------------------------------------------------------


def _step(snap: Snapshot, journal: Journal, upto: Position, state: Compared, said: list[str]) -> Compared:
    """The next part, within one generation: its lines beside the rows of the transactions in them."""
    from store.index import checking

    at = state.after.generation if state.after is not None else 0
    todo: list[tuple[int, Position | None]] = [(n, None) for n in journal.generations() if n > at]
    if state.after is not None:
        todo.insert(0, (at, state.after))
    for generation, after in todo:
        if generation > upto.generation:
            break
        txs, whole = _some(journal, generation, after, upto)
        start = after.offset if after else 0
        end = txs[-1].end if txs and not whole else _FAR if generation < upto.generation else upto.offset
        part = checking.Range(generation, start, end)
        rows = checking.rows(snap, journal.context, part)
        said.extend(
            _differences(snap, journal.context, txs, rows, checking.transactions(snap, journal.context, part))
        )
        state = Compared(txs[-1].position if txs else state.after, state.seen + len(rows))
        if txs:
            return state
    count = checking.count(snap, journal.context, upto)
    if count != state.seen:
        said.append(f"{abs(count - state.seen):,} versions stand for no line that there is")
    return state._replace(ended=True)


def some(journal: Journal, after: Position | None, upto: Position) -> tuple[list[Tx], bool]:
    """The next transactions after a position, of whichever generation; and True where there are none left."""
    at = after.generation if after is not None else 0
    todo: list[tuple[int, Position | None]] = [(at, after)] if after is not None else []
    for generation, begin in todo + [(n, None) for n in journal.generations() if n > at]:
        if generation > upto.generation:
            break
        txs, _ = _some(journal, generation, begin, upto)
        if txs:
            return txs, False
    return [], True


def _some(journal: Journal, generation: int, after: Position | None, upto: Position) -> tuple[list[Tx], bool]:
    """Transactions for one part, and whether they are the last of their generation."""
    txs: list[Tx] = []
    size = 0
    for tx in journal.read_generation(generation, after):
        if (generation, tx.end) > (upto.generation, upto.offset):
            return txs, True
        txs.append(tx)
        size += tx.end - tx.offset
        if size >= PIECE:
            return txs, False
    return txs, True


def _differences(
    snap: Snapshot, context: str, txs: list[Tx], rows: list[Row], known: list[tuple[int, int, str, str, int]]
) -> Iterator[str]:
    """Differences between lines and rows of the same part, both in order."""
    from store.index import checking

    of_row, of_tx = {row[:2]: row for row in rows}, {row[:2]: row for row in known}
    if len(of_row) != len(rows):
        yield f"{len(rows) - len(of_row):,} rows stand for a line that another stands for"
    for tx in txs:
        news = False
        for generation, start, size, op, key, ver, *_ in tx.lines:
            row = of_row.pop((generation, start), None)
            if row is not None:
                news = True
                if row[2:] != (size, key, ver, op == "delete"):
                    yield f"it calls the line at {_at(*row[:2])} version {row.ver} of {row.key}, not {ver} of {key}"
            elif not checking.knows(snap, context, key, ver):
                yield f"version {ver} of {key}, at {_at(generation, start)}, is not in it"
        tx_row = of_tx.pop((tx.generation, tx.offset), None)
        if tx_row is not None and (tx_row[2], tx_row[4]) != (tx.at, len(tx.lines)):
            yield f"the transaction at {_at(*tx_row[:2])} is not as it says"
        elif tx_row is None and news:
            yield f"the transaction at {_at(tx.generation, tx.offset)} is not in it"
    for row in of_row.values():
        yield f"version {row.ver} of {row.key} has no line at {_at(*row[:2])}"
    for tx_row in of_tx.values():
        yield f"there is no transaction at {_at(*tx_row[:2])}"


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
    from store.index import checking, rows
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
    made = rows.record_row(columns["ctx"], bind_key(line.key), whole, columns["ord"], found.columns)
    expected = dict(zip(rows.RECORD_COLUMNS, made, strict=True))
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
                why = f"{count:,} rows of “{table}” are not what a rebuild makes. {REMEDY}"
                yield Finding("error", "index-derived", f"the index: {why}", str(store.layout.index))
    except StorageError as error:
        if error.path == store.layout.index:
            yield Finding("error", "index-unreadable", str(error), str(store.layout.index))
    except ChartkeepError:
        return  # named by the journals' own verification


def _compared(index: Path, folder: Path, journals: list[Journal]) -> dict[str, int] | None:
    """How many rows of each table differ; None where a journal went on meanwhile."""
    from store.index import rebuild
    from store.index.schema import CHARTS

    return compared_with(index, folder, lambda conn: rebuild.load_all(conn, journals), SELECTS, CHARTS)


def compared_with(
    index: Path,
    folder: Path,
    load: Callable[[sqlite3.Connection], None],
    selects: dict[str, str],
    schema: Schema,
) -> dict[str, int] | None:
    """How many rows of each table differ from those that `load` makes; None where a journal went on meanwhile."""
    from store.index import sqlite

    built, conn = sqlite.building(folder, schema)
    with sqlite.translated(index):
        try:
            load(conn)
        finally:
            conn.close()
        conn = sqlite3.connect(f"{built.as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            conn.execute("ATTACH ? AS live", (f"{index.resolve().as_uri()}?mode=ro",))
            conn.execute("BEGIN")
            if _rows(conn, "SELECT id, generation, start, hash FROM {db}.positions"):
                return None
            found = {table: _rows(conn, select) for table, select in selects.items()}
            return {table: count for table, count in found.items() if count}
        finally:
            conn.close()
            sqlite.discard(built)


def _rows(conn: sqlite3.Connection, select: str) -> int:
    """Rows that only one of the two databases has."""
    one, other = (select.format(db=db) for db in ("main", "live"))
    both = (f"SELECT * FROM ({one} EXCEPT {other})", f"SELECT * FROM ({other} EXCEPT {one})")
    return max(int(conn.execute(f"SELECT COUNT(*) FROM ({sql})").fetchone()[0]) for sql in both)
