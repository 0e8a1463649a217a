"""Where the live lines of a context lie: what compaction asks the index."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from store.index.base import Reads
from store.index.extract import read_key
from store.index.rows import next_seq


class Mark(NamedTuple):
    """A deletion that still stands: the place of its line."""

    key: str
    ver: int
    at: str
    generation: int
    offset: int
    length: int


class LivePlaces:
    """Places in little memory: to be walked through, more than once if need be."""

    def __init__(self, generations: array[int], offsets: array[int], lengths: array[int]) -> None:
        self.columns = (generations, offsets, lengths)

    def __len__(self) -> int:
        return len(self.columns[0])

    def after(self, first: Iterable[tuple[int, int, int]]) -> LivePlaces:
        """These places behind others."""
        before = list(first)
        columns = (
            array("q", [place[n] for place in before]) + column for n, column in enumerate(self.columns)
        )
        return LivePlaces(*columns) if before else self

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return zip(*self.columns, strict=True)


class Places(Reads):
    """The part of a Snapshot that knows places."""

    def live_places(self, context: str) -> LivePlaces:
        """(generation, offset, length) of every live record, in the order the keys were first written.

        Fetched as one value: row by row takes twice as long. The plus has SQLite read the table through.
        """
        row = self._ask(
            "SELECT group_concat(generation), group_concat(start), group_concat(size) FROM"
            " (SELECT generation, start, size FROM records WHERE +ctx = ? ORDER BY ord)",
            (self._ctx(context),),
        ).fetchone()
        columns = [array("q", orjson.loads(f"[{column or ''}]")) for column in row]
        return LivePlaces(*columns)

    def live_size(self, context: str) -> tuple[int, int]:
        """How many live records there are, and the bytes of their lines."""
        row = self._ask(
            "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM records WHERE +ctx = ?", (self._ctx(context),)
        ).fetchone()
        return int(row[0]), int(row[1])

    def deletions(self, context: str, at: str, place: tuple[int, int]) -> Iterator[Mark]:
        """The deletions that still stand, in order, of those made since `at`, or beyond (generation, offset)."""
        # The plus keeps SQLite from reading all keys: `seq`, which rises with time and place, leads to the rest.
        rows = self._ask(
            "SELECT v.key, v.ver, t.at, v.generation, v.start, v.size FROM versions v JOIN transactions t"
            " ON t.seq = v.seq WHERE +v.ctx = ?1 AND v.deleted = 1 AND v.seq >= MIN(?2, COALESCE((SELECT seq"
            " FROM transactions WHERE ctx = ?1 AND (generation, start) >= (?4, ?5) ORDER BY generation, start"
            " LIMIT 1), ?2)) AND (t.at >= ?3 OR (v.generation, v.start) >= (?4, ?5)) AND NOT EXISTS"
            " (SELECT 1 FROM versions w WHERE w.ctx = ?1 AND w.key = v.key AND w.ver > v.ver) ORDER BY v.seq, v.n",
            (self._ctx(context), next_seq(0, at, 0), at, *place),
        )
        for key, *rest in rows:
            yield Mark(read_key(key), *rest)
