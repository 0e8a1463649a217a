"""The index of knowledge against its journals: every line beside its row, then what was taken from it.

1. *Versions*: rows are numbered in the order of their lines, so both are gone through together. Every
   line must have its row, but for one that a new generation carried over, whose version is known; every
   row its line. A row may name a later line of the same version: it was carried over.
2. *Chains*: each superseded version is led to by one later version, and counts are those of the rows.
3. *Columns and words*: a sample of records is extracted anew from their lines and compared.
4. *All rows*, where the store is small or it is asked for: an index is built aside, and every table compared.

The codes are those of `indexed`. An index that differs costs no word of anybody's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store.errors import ChartkeepError, StorageError
from store.index import carried
from store.journal_read import Line, Tx
from store.knowledge.kinds import FAMILY
from store.model import Finding, Position
from store.upkeep.verification import indexed

if TYPE_CHECKING:
    from store.index.base import Reads
    from store.index.knowledge.checking import Live, Row
    from store.journal import Journal
    from store.store import Store

SAMPLED = 500
"""Records whose columns are compared with their lines."""
_AHEAD = 1_000
"""Rows read beyond those of the lines at hand: where some are missing, the later ones are found all the same."""

Told = Callable[[int], None]


class Compared(NamedTuple):
    """How far the lines of one context have been compared with their rows."""

    after: Position | None = None
    """The end of the last transaction compared; None before the first."""
    seq: int = 0
    """The number of the last row met."""
    ended: bool = False


def check(store: Store, context: str, told: Told | None = None) -> Iterator[Finding]:
    """What the index holds of the knowledge of one context that its journal does not say, and the other way round."""
    state, said = Compared(), list[str]()
    while not state.ended:
        found = step(store, context, state, said)
        if isinstance(found, ChartkeepError):
            yield from _unread(store, found)
            return
        if told is not None and found.after is not None:
            same = state.after is not None and state.after.generation == found.after.generation
            told(found.after.offset - (state.after.offset if same and state.after else 0))
        state = found
    yield from indexed.named("index-differs", said, context, store.layout.knowledge_index)
    yield from records_of(store, context)


def step(store: Store, context: str, state: Compared, said: list[str]) -> Compared | ChartkeepError:
    """Compare one part more, adding what differs to `said`; an error where that cannot be done."""
    try:
        store.library.sync(context)
        journal = store.journal(context, FAMILY)
        with store.library.index.snapshot() as snap:
            upto = snap.position(context, FAMILY)
            if upto is None:
                return state._replace(ended=True)
            return _step(snap, journal, upto, state, said)
    except ChartkeepError as error:
        return error


def _step(snap: Reads, journal: Journal, upto: Position, state: Compared, said: list[str]) -> Compared:
    from store.index.knowledge import checking

    txs, ended = indexed.some(journal, state.after, upto)
    walk = _Walk(snap, journal.context, state.seq, said)
    walk.take(txs)
    after = txs[-1].position if txs else state.after
    if ended:
        rest = checking.following(snap, journal.context, walk.seq, indexed.NAMED + 1)
        said.extend(f"version {row.ver} of {row.key} has no line at {_at(row)}" for row in rest)
    return Compared(after, walk.seq, ended)


class _Walk:
    """Goes through lines and rows together, from the row after `seq` on."""

    def __init__(self, snap: Reads, context: str, seq: int, said: list[str]) -> None:
        self._snap = snap
        self._context = context
        self._said = said
        self.seq = seq

    def take(self, txs: Sequence[Tx]) -> None:
        """Compare the lines of these transactions."""
        from store.index.knowledge import checking

        count = sum(len(tx.lines) for tx in txs)
        rows = checking.following(self._snap, self._context, self.seq, count + _AHEAD)
        keys = list(dict.fromkeys(line.key for tx in txs for line in tx.lines))
        newest = checking.newest(self._snap, self._context, keys)
        places = {(row.key, row.ver): n for n, row in enumerate(rows)}
        headers = checking.transactions(self._snap, self.seq, rows[-1].seq) if rows else {}
        at = 0
        for tx in txs:
            first = None
            for line in tx.lines:
                known = newest.get(line.key)
                found = places.get((line.key, line.ver), -1)
                if found < at or not _stands(rows[found], line):
                    self._no_row(tx, line, known)
                    continue
                self._skipped(rows[at:found])
                if known is None or known.ver < line.ver:
                    self._said.append(f"{line.key} is not listed in its version {line.ver}, or a later one")
                at, self.seq = found + 1, rows[found].seq
                first = self.seq if first is None else first
            if first is not None and headers.get(first) != (tx.generation, tx.offset, tx.at, len(tx.lines)):
                self._said.append(f"the transaction at {_where(tx.generation, tx.offset)} is not as it says")

    def _skipped(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._said.append(f"version {row.ver} of {row.key} has no line at {_at(row)}")

    def _no_row(self, tx: Tx, line: Line, known: Row | None) -> None:
        """A line that is not news: a copy, or one that was overtaken before it was written."""
        place = _where(line.generation, line.offset)
        if known is None or known.ver < line.ver:
            self._said.append(f"version {line.ver} of {line.key}, at {place}, is not in it")
        elif carried.copied(tx) and known.ver == line.ver and not _at_or_after(known, line):
            self._said.append(f"it looks for {line.key} at {_at(known)}, and it is at {place}")


def _at_or_after(row: Row, line: Line) -> bool:
    """True where the row names the line, or a copy of it in a later generation."""
    return row.generation > line.generation or (row.generation, row.offset) == (line.generation, line.offset)


def _stands(row: Row, line: Line) -> bool:
    """True where the row is that of the line, or of a copy that a later generation has of it."""
    if row.deleted != (line.raw is None):
        return False
    return _at_or_after(row, line) and (row.generation > line.generation or row.size == line.length)


def _at(row: Row | Live) -> str:
    return _where(row.generation, row.offset)


def _where(generation: int, offset: int) -> str:
    return f"generation {generation}, offset {offset}"


# -- what was extracted ----------------------------------------------------------------------------


def records_of(store: Store, context: str) -> Iterator[Finding]:
    """What is wrong with chains, counts and a sample of the records of one context."""
    try:
        with store.library.index.snapshot() as snap:
            said = [*_chained(snap, context), *_sampled(snap, store.journal(context, FAMILY))]
    except ChartkeepError as error:
        yield from _unread(store, error)
        return
    yield from indexed.named("index-record", said, context, store.layout.knowledge_index)


def _chained(snap: Reads, context: str) -> Iterator[str]:
    from store.index.knowledge import checking

    if count := checking.unchained(snap, context):
        yield f"{count:,} earlier versions do not hang together with their records"
    if count := checking.miscounted(snap, context):
        yield f"{count:,} counts of kinds and domains are wrong"


def _sampled(snap: Reads, journal: Journal) -> Iterator[str]:
    from store.index.knowledge import checking

    for live in checking.sample(snap, journal.context, SAMPLED):
        if wrong := _wrong(snap, journal, live):
            yield f"{wrong} of {live.key!r} is not what its line says"


def _wrong(snap: Reads, journal: Journal, live: Live) -> str:
    """What of one record differs from its line; empty where nothing does."""
    from store.index.knowledge import checking
    from store.index.knowledge.extract import extract
    from store.records import BadJson, decode_line

    try:
        line = decode_line(journal.line_bytes(live.generation, live.offset, live.size))
    except (StorageError, BadJson):
        return "the place"
    if line.raw is None or line.key != live.key:
        return "the place"
    found = extract(live.kind, line.raw)
    wrong = [name for name, value in live.columns.items() if value != getattr(found, name)]
    if live.kind != _WORKFLOW and not checking.findable(snap, live.seq, live.kind):
        wrong.append("words")
    return ", ".join(wrong)


def _unread(store: Store, error: ChartkeepError) -> Iterator[Finding]:
    """An error that is the index's own; the journal's are named by its own verification."""
    path = store.layout.knowledge_index
    if isinstance(error, StorageError) and error.path == path:
        yield Finding("error", "index-unreadable", str(error), str(path))


# -- a whole rebuild -------------------------------------------------------------------------------

_SEQ = "{0} - ((t.ctx - 1) << 40)"
_KIND = "COALESCE((SELECT '/' || name FROM {db}.names WHERE id = t.kind - 100 AND t.kind >= 100), t.kind)"
_TAGS = (
    "(SELECT group_concat(n2.name, char(10)) FROM"
    " json_each('[' || replace(trim(COALESCE(t.tags, '')), ' ', ',') || ']') j JOIN {db}.names n2 ON n2.id = j.value)"
)
_DOMAIN = "(SELECT name FROM {{db}}.names WHERE id = t.{0})"
_JOINED = "JOIN {db}.contexts c ON c.id = t.ctx"
SELECTS = {
    "items": (
        f"SELECT c.name, {_SEQ.format('t.seq')}, {_KIND}, t.id, ver, deleted, {_SEQ.format('first')},"
        f" {_SEQ.format('prev')}, generation, start, size, {_DOMAIN.format('source')}, {_DOMAIN.format('target')},"
        f" quality, created, t.name, title, {_TAGS} FROM {{db}}.items t {_JOINED}"
    ),
    "versions": (
        f"SELECT c.name, {_KIND}, t.id, t.seq - ((c.id - 1) << 40), t.prev - ((c.id - 1) << 40),"
        " ver, deleted, generation, start, size"
        " FROM {db}.versions t JOIN {db}.contexts c ON c.id = (t.seq >> 40) + 1"
    ),
    "transactions": (
        f"SELECT c.name, {_SEQ.format('t.seq')}, generation, start, at, who, command, label, session, count, workflow"
        f" FROM {{db}}.transactions t {_JOINED}"
    ),
    "workflows": f"SELECT c.name, {_SEQ.format('t.seq')}, state FROM {{db}}.workflows t {_JOINED}",
}
"""What is compared of each table: all but the numbers that another order of reading gives."""
_WORKFLOW = 9


def compare_whole(store: Store) -> Iterator[Finding]:
    """Tables that differ from those of an index of knowledge built aside, now, from every journal."""
    path = store.layout.knowledge_index
    try:
        journals = [store.journal(name, FAMILY) for name in store.library.contexts()]
        with tempfile.TemporaryDirectory(prefix="chartkeep-verify-") as folder:
            differing: dict[str, int] | None = None
            for _ in range(3 if journals else 0):
                store.library.sync()
                differing = _compared(path, Path(folder), journals)
                if differing is not None:
                    break
        for table, count in (differing or {}).items() if journals else ():
            why = f"{count:,} rows of “{table}” are not what a rebuild makes. {indexed.REMEDY}"
            yield Finding("error", "index-derived", f"the index of knowledge: {why}", str(path))
    except StorageError as error:
        yield from _unread(store, error)
    except ChartkeepError:
        return  # named by the journals' own verification


def _compared(index: Path, folder: Path, journals: list[Journal]) -> dict[str, int] | None:
    """How many rows of each table differ; None where a journal went on meanwhile."""
    from store.index.knowledge import rebuild
    from store.index.knowledge.schema import KNOWLEDGE

    return indexed.compared_with(
        index, folder, lambda conn: rebuild.load_all(conn, journals), SELECTS, KNOWLEDGE
    )
