"""What was committed after the index last followed: the newest version of each key, findable by chart.

Planning lays it over what the index says. It is kept sorted out as it grows, so that a question
about one chart costs what that chart has in it and not what it has in all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from store import records
from store.journal_read import OffChain
from store.model import Held, Json, Position

if TYPE_CHECKING:
    from store.journal import Journal, Tx

Keys = dict[str, None]
"""Keys in the order they first came, each once."""


class Tail:
    """The newest version of every key committed after an index position.

    `of_chart`, `of_name` and `charts` hold every key that in any of these versions was an entity
    of that chart, a relation of that entity, a chart entity or a deleted one: what to look at.
    """

    __slots__ = ("after", "charts", "of_chart", "of_name", "upto", "versions")

    def __init__(self, after: Position | None) -> None:
        self.after = after
        self.upto = after
        self.versions: dict[str, Held] = {}
        self.of_chart: dict[str, Keys] = {}
        self.of_name: dict[str, Keys] = {}
        self.charts: Keys = {}

    def add(self, versions: Iterable[Held], upto: Position) -> None:
        """Take in the versions of one transaction that ends at `upto`."""
        for held in versions:
            self.versions[held.key] = held
            if held.key.startswith("e:"):
                self._entity(held.key, entity_of(held.record))
            elif held.key.startswith("r:"):
                start, _, end = records.relation_ends(held.key)
                self.of_name.setdefault(start, {})[held.key] = None
                self.of_name.setdefault(end, {})[held.key] = None
        self.upto = upto

    def extend(self, journal: Journal, end: Position) -> None:
        """Read what lies between `upto` and `end`; of a generation begun in between not what it carried over.

        Raises OffChain.
        """
        if self.upto is not None and self.upto.generation < end.generation:
            carried = journal.end_of_carried()
            if carried is None or carried.generation != self.upto.generation + 1:
                raise OffChain(f"{journal.path} has begun other generations since {self.upto}.")
            for tx in journal.read_generation(self.upto.generation, self.upto):
                self.add(held_in(tx), tx.position)
            self.upto = carried
        if self.upto != end:
            for tx in journal.read(self.upto, upto=end):
                self.add(held_in(tx), tx.position)
            self.upto = end

    def _entity(self, key: str, entity: Json | None) -> None:
        if entity is None or entity.get("entityType") == records.CHART:
            self.charts[key] = None
        chart_id = records.chart_id_of(entity) if entity is not None else None
        if chart_id is not None:
            self.of_chart.setdefault(chart_id, {})[key] = None


def held_in(tx: Tx) -> list[Held]:
    """The record versions of a transaction."""
    return [Held(line.key, line.ver, line.value()) for line in tx.lines]


def entity_of(record: Json | None) -> Json | None:
    """The entity within a record; None for a deletion."""
    body = records.body_of(record) if record is not None else None
    return body if isinstance(body, dict) else None
