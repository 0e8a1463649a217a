"""Where the live lines of a context's knowledge lie: what compaction asks the index."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import orjson

from store.index.base import Reads
from store.index.knowledge.checking import span
from store.index.places import LivePlaces

_LIVE = "FROM items WHERE seq > ?1 AND seq < ?2 AND deleted = 0 AND generation = ?3"


def live_places(snap: Reads, context: str, generation: int) -> LivePlaces:
    """(generation, offset, length) of the live records of a generation, in the order of their last changes.

    What lies in an earlier one a rule has put away: it stays in the archive. Fetched as one value: row by
    row takes twice as long.
    """
    columns = []
    for name in ("start", "size"):
        sql = f"SELECT group_concat({name}) FROM (SELECT {name} {_LIVE} ORDER BY seq)"
        row = snap._ask(sql, (*span(snap, context), generation)).fetchone()
        columns.append(array("q", orjson.loads(f"[{row[0] or ''}]")))
    return LivePlaces(array("q", [generation]) * len(columns[0]), *columns)


def live_size(snap: Reads, context: str, generation: int) -> tuple[int, int]:
    """How many live records a generation holds, and the bytes of their lines."""
    sql = f"SELECT COUNT(*), COALESCE(SUM(size), 0) {_LIVE}"
    row = snap._ask(sql, (*span(snap, context), generation)).fetchone()
    return int(row[0]), int(row[1])


def deletions(snap: Reads, context: str, at: str) -> Iterator[tuple[int, int, int]]:
    """(generation, offset, length) of the deletions that still stand, in order, of those made since `at`."""
    since = snap._ask(
        "SELECT MIN(seq) FROM transactions WHERE ctx = ? AND at >= ?", (snap._ctx(context), at)
    ).fetchone()[0]
    first, last = span(snap, context)
    yield from snap._ask(
        "SELECT generation, start, size FROM items WHERE seq >= ? AND seq > ? AND seq < ? AND deleted = 1 ORDER BY seq",
        (since if since is not None else last, first, last),
    )
