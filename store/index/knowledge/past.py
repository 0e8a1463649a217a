"""What the records of a context were at an instant, asked of the index of knowledge.

An instant is the number of the last version then: that of the last transaction, in journal order, that was
stamped at or before it. What has not changed since is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from store.errors import NotFound
from store.index.knowledge.queries import Snapshot

PART = 500
"""Keys that are given at a time."""
_COLUMNS = "i.seq, i.prev, i.ver, i.deleted, i.generation, i.start, i.size"


class Forgotten(NotFound):
    """What a record was then is not known any more: a retention rule, or an erasure, let go of it."""


class Stood(NamedTuple):
    """A version that was the newest of its key."""

    ver: int
    deleted: bool
    generation: int
    offset: int
    length: int


def instant(snap: Snapshot, context: str, at: str) -> int | None:
    """The number of the last version at an instant (a stamp); None where there was nothing yet."""
    low, high = snap.span(context)
    last = snap._ask(
        "SELECT seq FROM transactions WHERE seq BETWEEN ? AND ? AND at <= ? ORDER BY seq DESC LIMIT 1",
        (low, high, at),
    ).fetchone()
    if last is None:
        return None
    later = snap._ask("SELECT MIN(seq) FROM transactions WHERE seq > ? AND seq <= ?", (last[0], high))
    found = later.fetchone()[0]
    return high if found is None else int(found) - 1


def changed(snap: Snapshot, context: str, since: int) -> Iterator[list[str]]:
    """The keys whose newest version came after an instant, in the order of the journal, in parts.

    `since` 0: all keys.
    """
    low, high = snap.span(context)
    after = max(low - 1, since)
    while rows := snap._ask(
        "SELECT seq, kind, id FROM items WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?", (after, high, PART)
    ).fetchall():
        after = rows[-1][0]
        yield [snap._key(kind, item) for _, kind, item in rows]


def stood(snap: Snapshot, context: str, keys: Sequence[str], then: int) -> dict[str, Stood]:
    """The versions of these keys at an instant, deletions included; nothing of those that were not there yet.

    Raises Forgotten.
    """
    found: dict[str, Stood] = {}
    for key, row in snap._found(context, keys, _COLUMNS):
        seq, prev, ver, *rest = row
        later = None
        while seq > then:
            later = ver
            before = snap._ask(f"SELECT {_COLUMNS} FROM versions i WHERE seq = ?", (prev,)).fetchone()
            if before is None:
                break
            seq, prev, ver, *rest = before
        gap = later is not None and later - (ver if seq <= then else 0) != 1
        if gap:
            raise Forgotten(
                f"What {key} was then is not known any more: versions before its {later}. were forgotten by a "
                "retention rule or an erasure."
            )
        if seq <= then:
            found[key] = Stood(ver, bool(rest[0]), *rest[1:])
    return found
