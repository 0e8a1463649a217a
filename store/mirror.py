"""What a process remembers of one context's records between commands.

Planning a command on disk alone costs a hundred small reads; most of them are of charts that
were just read. The mirror holds what was asked for, at one position of the journal, and is
brought along by every transaction that is committed, whoever committed it. It is bounded: when
it grows past its limit it forgets everything and starts again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from store import records
from store.errors import NotFound, Refused, UsageError
from store.journal_read import OffChain
from store.model import Held, Json, Position
from store.tail import Tail, entity_of, held_in

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.journal import Journal, Tx

LIMIT = 20_000
"""Records remembered before the mirror starts again: some 40 MB at the very worst, 10 as a rule."""


TAIL_BYTES = 8 << 20
"""Bytes of journal that the index may lack when a command is planned: they are held in memory."""


MOST_BELOW = 1_000
"""Versions below one chart's name that are read to know which keys there never were."""

_BELOW = re.compile(
    r'(?:e:|r:\[")([A-Za-z0-9_-]+?)_(?:chart|desired_outcome|current_reality|action_\d+)(?:"|\Z)'
)


class Behind(Exception):
    """The index lags too far for a command to be planned: sync it, then plan again."""


class Mirror:
    """Records and lists of one context as of `position`. Only used under the journal's lock.

    A key held with no record is known not to be there. Lists: `parts` keys by chart id, `children`
    chart ids by parent, `relations` keys by entity name. Every key in `parts` is in `records`, and so
    is every key that the tail has: what the index has not seen is here.

    `below` holds for a chart every key under its name that the index had seen written when it was
    asked, None where those are too many. What was written since is in `records`, so a key in neither
    is new: see `never`.
    """

    __slots__ = ("_tail", "below", "children", "hits", "misses", "parts", "position", "records", "relations")

    def __init__(self) -> None:
        self.position: Position | None = None
        self.hits = 0
        """Records that planners read from here, since the store was opened."""
        self.misses = 0
        """Records that had to be looked up in the index and read from the journal."""
        self._tail = Tail(None)
        self.records: dict[str, Held] = {}
        self.parts: dict[str, list[str]] = {}
        self.children: dict[str, list[str]] = {}
        self.relations: dict[str, list[str]] = {}
        self.below: dict[str, set[str] | None] = {}

    def catch_up(self, journal: Journal, end: Position) -> None:
        """Take in what was committed up to `end`; after another generation began, forget."""
        if self.position == end:
            return
        if self.position is None or self.position.generation != end.generation or len(self.records) > LIMIT:
            self.clear()
        else:
            try:
                for tx in journal.read(self.position, upto=end):
                    self.apply(tx)
            except OffChain:  # what was seen there has been cut back since
                self.clear()
        self.position = end

    def tail_after(self, indexed: Position | None, journal: Journal, end: Position) -> Tail:
        """What was committed after the index's position, up to `end`."""
        if indexed is not None and indexed.generation > end.generation:
            return Tail(indexed)
        begun, upto = self._tail.upto is not None, self._tail.upto
        other = self._tail.after != indexed
        if (other or (upto is not None and upto.generation != end.generation)) and _bytes_between(
            indexed, journal, end
        ) > TAIL_BYTES:
            raise Behind
        if other:
            self._tail, begun = Tail(indexed), False
        try:
            self._tail.extend(journal, end)
        except OffChain:
            self._tail, begun = Tail(indexed), False
            try:
                self._tail.extend(journal, end)
            except OffChain:
                raise Behind from None
        if not begun:  # what a tail takes in later, `apply` has taken in as well
            self.records.update(self._tail.versions)
        return self._tail

    def read_below(self, chart_id: str, snap: Snapshot, context: str) -> None:
        """Learn which keys under a chart's name were ever written, as far as the index knows."""
        if chart_id not in self.below:
            self.below[chart_id] = snap.ever_below(context, chart_id, MOST_BELOW)

    def never(self, key: str) -> bool:
        """True where a key that is not in `records` is known never to have been written."""
        chart_id = above(key)
        written = self.below.get(chart_id) if chart_id is not None else None
        return written is not None and key not in written

    @contextmanager
    def forgetting_on_error(self) -> Iterator[None]:
        """A commit: where it fails, what the mirror took in of it never happened. A refusal took in nothing."""
        try:
            yield
        except (Refused, NotFound, UsageError):
            raise
        except BaseException:
            self.clear()
            raise

    def clear(self) -> None:
        """Forget everything."""
        self.position = None
        self._tail = Tail(None)
        self.records.clear()
        self.below.clear()
        self._clear_lists()

    def apply(self, tx: Tx) -> None:
        """Bring records and lists along by one transaction; a very large one is not worth remembering."""
        if len(tx.lines) > LIMIT // 20 or len(self.records) > LIMIT or len(self._tail.versions) > LIMIT:
            self.clear()
            self.position = tx.position
            return
        versions = held_in(tx)
        for held in versions:
            key = held.key
            before = self.records.get(key)
            self.records[key] = held
            if key.startswith("e:"):
                self._entity(key, held.ver, before, held.record)
            elif key.startswith("r:"):
                self._relation(key, held.ver, held.record)
            elif self.parts:
                self.parts.clear()  # a foreign record may name a chart too; rare enough
        if self._tail.upto == self.position:  # else it reads what it lacks when it is asked
            self._tail.add(versions, tx.position)
        self.position = tx.position

    def _clear_lists(self) -> None:
        self.parts.clear()
        self.children.clear()
        self.relations.clear()

    def _entity(self, key: str, ver: int, before: Held | None, record: Json | None) -> None:
        old = entity_of(before.record) if before is not None else None
        new = entity_of(record)
        if before is None and ver > 1:  # it is in none of `parts`; whose child it was is not known
            if new is None or new.get("entityType") == records.CHART:
                self.children.clear()
            if new is None:
                return
        left = None if old is None else records.chart_id_of(old)
        joined = None if new is None else records.chart_id_of(new)
        if (old is not None and left is None) or (new is not None and joined is None):
            self._clear_lists()  # only relations tie it to a chart
            return
        _shift(self.parts, key, left, joined, first=ver == 1)
        chart_id = left if new is None else joined
        if chart_id is not None:
            _shift(self.children, chart_id, parent_of(old), parent_of(new), first=ver == 1)

    def _relation(self, key: str, ver: int, record: Json | None) -> None:
        start, _, end = records.relation_ends(key)
        for name in {start, end}:
            keys = self.relations.get(name)
            if keys is None:
                continue
            if record is None:
                self.relations[name] = [other for other in keys if other != key]
            elif key not in keys and ver == 1:
                self.relations[name] = [*keys, key]
            elif key not in keys:
                del self.relations[name]  # it comes back to the place it had


def _bytes_between(indexed: Position | None, journal: Journal, end: Position) -> int:
    """How much a tail would have to read. Raises Behind where that is not to be told."""
    if indexed is None and end.generation <= 1:
        return end.offset
    if indexed is not None and indexed.generation == end.generation:
        return end.offset - indexed.offset
    carried = journal.end_of_carried()
    if (
        indexed is None
        or carried is None
        or not indexed.generation + 1 == carried.generation == end.generation
    ):
        raise Behind
    return journal.generation_file(indexed.generation).size - indexed.offset + end.offset - carried.offset


def above(key: str) -> str | None:
    """The chart under whose name a key lies, by the names that are given here; None where it lies under none."""
    found = _BELOW.match(key) if key.isascii() else None
    return found[1] if found is not None else None


def parent_of(entity: Json | None) -> str | None:
    """The chart above a chart entity, as either member names it; None for any other entity."""
    if entity is None or entity.get("entityType") != records.CHART:
        return None
    metadata = records.metadata_of(entity)
    for member in ("parentChart", "parentChartId"):
        parent = metadata.get(member)
        if isinstance(parent, str) and parent:
            return parent
    return None


def _shift(lists: dict[str, list[str]], item: str, old: str | None, new: str | None, *, first: bool) -> None:
    """Move an item between remembered lists; lists are replaced, never changed in place.

    At the end belongs only what is there for the `first` time: all else has a place it had before.
    """
    if old == new:
        return
    if old is not None and old in lists:
        lists[old] = [other for other in lists[old] if other != item]
    if new is not None and new in lists and item not in lists[new]:
        if first:
            lists[new] = [*lists[new], item]
        else:
            del lists[new]
