"""Records in the order of their journals with their exact bytes, the hash chain checked on the way.

The index says which lines are meant; the journal is read from its header on (`store.journal_stream`), so
that every byte given was found to be what was written there, and so was every one before it. Where a
line is not, nothing of it is given: the error names file, line and offset.

What is given is of one state, that of the index at the beginning, whatever is written meanwhile. Live
records lie in the present generation but for those a retention rule has put away: of those the archived
generation is gone through the same way. Memory does not grow with the number of records.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

import orjson

from store.errors import StorageError
from store.journal_stream import Lines, checked, end_of
from store.knowledge.kinds import FAMILY
from store.knowledge.model import Filter
from store.records import BadJson, loads

if TYPE_CHECKING:
    from store.index.knowledge.filters import Compiled
    from store.index.knowledge.queries import Snapshot
    from store.journal_read import ReadFile
    from store.knowledge.where import Condition
    from store.store import Store

WINDOW = 20_000
"""Versions among which the index is asked at a time."""


def stream(store: Store, wanted: Filter, *, helped: bool = True) -> Iterator[list[bytes]]:
    """The live records a filter means, some hundred at a time, context after context.

    Raises Damaged at the first line that is not what was written, StorageError. `helped` as for `checked`.
    """
    contexts = [wanted.context] if wanted.context is not None else store.library.contexts()
    for context in contexts:
        store.library.sync(context)
    with store.library.snapshot() as snap:
        plan = snap.plan(wanted)
        if plan.nothing or wanted.deleted:
            return
        for context in contexts:
            for reader, starts in _generations(store, snap, plan, context):
                position = snap.position(context, FAMILY)
                here = position is not None and position.generation == reader.header.generation
                upto = position if here and position is not None else end_of(reader)
                walk = checked(reader, upto, helped=helped)
                yield from _taken(reader, walk, starts, plan.rest)


def _taken(
    reader: ReadFile, walk: Iterator[Lines], starts: Iterator[list[int]], rest: Condition | None
) -> Iterator[list[bytes]]:
    """The records of the lines that begin at `starts`, which come in order."""
    due: list[int] = []
    more = True
    for offset, lines in walk:
        end = offset + sum(map(len, lines)) + len(lines)
        while more and (not due or due[-1] < end):
            found = next(starts, None)
            more = found is not None
            due += found or ()
        if due and due[-1] < end:
            here, due = due, []
        else:
            cut = _before(due, end)
            here, due = due[:cut], due[cut:]
        meant = lines if len(here) == len(lines) else _picked(lines, offset, here)
        if len(here) != len(meant):
            raise _out_of_date(reader, here[0])
        # Everything before the record is written by us, and in no text can its mark occur: see `records`.
        raws = [line.partition(b',"record":')[2].rpartition(b',"_t":[')[0] for line in meant]
        if rest is not None:
            raws = [raw for raw in raws if _holds(raw, rest)]
        if raws:
            yield raws
        if not more:  # then nothing is due either
            return
    if due:
        raise _out_of_date(reader, due[0])


def _before(starts: list[int], end: int) -> int:
    from bisect import bisect_left

    return bisect_left(starts, end)


def _picked(lines: list[bytes], offset: int, starts: list[int]) -> list[bytes]:
    """Those of the lines that begin at `starts`."""
    if not starts:
        return []
    sizes = accumulate((len(line) + 1 for line in lines), initial=offset)
    wanted = set(starts)
    return [line for line, start in zip(lines, sizes, strict=False) if start in wanted]


def _holds(raw: bytes, condition: Condition) -> bool:
    try:
        value = loads(raw)
    except BadJson:
        return False
    return isinstance(value, dict) and condition.evaluate(value)


def _out_of_date(reader: ReadFile, offset: int) -> StorageError:
    return StorageError(
        f"{reader.path} has no line at offset {offset}; the index is out of date: "
        "`chartkeep sync --rebuild` makes it anew.",
        path=reader.path,
    )


# -- which lines -----------------------------------------------------------------------------------


def _generations(
    store: Store, snap: Snapshot, plan: Compiled, context: str
) -> Iterator[tuple[ReadFile, Iterator[list[int]]]]:
    """The generations that hold what is meant, the oldest first, each with where its lines begin, in order."""
    journal = store.journal(context, FAMILY)
    lo, hi = snap.span(context)
    present = snap.position(context, FAMILY)
    if present is None:
        return
    for generation in _holding(snap, present.generation, lo, hi):
        reader = journal.generation_file(generation)
        if plan.match or generation > 1:
            yield reader, _sorted(snap, plan, context, generation)
        else:
            last = snap._ask("SELECT MAX(seq) FROM items WHERE seq BETWEEN ? AND ?", (lo, hi)).fetchone()[0]
            yield reader, _in_order(snap, plan, generation, lo, last or 0)


def _holding(snap: Snapshot, present: int, lo: int, hi: int) -> list[int]:
    """The generations in which live records lie, the oldest first."""
    if present == 1:
        return [1]
    asked = "SELECT DISTINCT generation FROM items WHERE seq BETWEEN ? AND ? AND deleted = 0 ORDER BY 1"
    return [generation for (generation,) in snap._ask(asked, (lo, hi))]


def _in_order(snap: Snapshot, plan: Compiled, generation: int, first: int, last: int) -> Iterator[list[int]]:
    """In the first generation lines lie in the order of their numbers."""
    where = " AND ".join(plan.parts)
    sql = (
        "SELECT group_concat(start) FROM (SELECT i.start AS start FROM items i WHERE i.seq BETWEEN ? AND ?"
        f" AND i.generation = ? AND {where} ORDER BY i.seq)"
    )
    for begin in range(first, last + 1, WINDOW):
        bind = (begin, min(begin + WINDOW - 1, last), generation, *plan.bind)
        if text := snap._ask(sql, bind).fetchone()[0]:
            yield orjson.loads(f"[{text}]")


def _sorted(snap: Snapshot, plan: Compiled, context: str, generation: int) -> Iterator[list[int]]:
    where, bind = snap._where(plan, context, "i.generation = ?")
    source = "words w CROSS JOIN items i ON i.seq = w.rowid" if plan.match else "items i"
    at = len(plan.bind) + bool(plan.match)
    rows = snap._ask(
        f"SELECT i.start FROM {source} WHERE {where} ORDER BY i.start", [*bind[:at], generation, *bind[at:]]
    )
    while part := rows.fetchmany(WINDOW):
        yield [start for (start,) in part]
