"""The state of one context at one point of its journal: what planners see.

Answers come from the mirror where it knows them. Else from the index, which lags the journal
by whatever was committed since its last sync: the lines it has not seen (the *tail*) are laid
over what it says, and the answer goes into the mirror.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Self

from store import records
from store.mirror import Mirror, above, parent_of
from store.model import Edit, Held, Json, Position
from store.tail import entity_of

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.journal import Journal
    from store.tail import Tail

CHARTS = "charts"


class State:
    """A `store.charts.View` of one context at `end`. Use as a context manager.

    Records it hands out are shared; planners copy before they change.
    """

    def __init__(
        self,
        context: str,
        journal: Journal,
        end: Position,
        mirror: Mirror,
        snapshot: Callable[[], AbstractContextManager[Snapshot]],
    ) -> None:
        self.context = context
        self.journal = journal
        self.end = end
        self._mirror = mirror
        self._snapshot = snapshot
        self._fresh: set[str] = set()
        """Charts not read before this command: it does not pay yet to know all that was below them."""
        self._stack = ExitStack()
        self._source: tuple[Snapshot, Tail] | None = None
        mirror.catch_up(journal, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._source = None

    @property
    def snap(self) -> Snapshot:
        """The index, as far as it has come; what it lacks is in `tail`."""
        return self._behind()[0]

    @property
    def tail(self) -> dict[str, Held]:
        """The newest version of every key the index has not seen, deletions too."""
        return self._behind()[1].versions

    def _behind(self) -> tuple[Snapshot, Tail]:
        if self._source is None:
            snap = self._stack.enter_context(self._snapshot())
            tail = self._mirror.tail_after(snap.position(self.context, CHARTS), self.journal, self.end)
            self._source = (snap, tail)
        return self._source

    # -- records -----------------------------------------------------------------------------------

    def get(self, key: str) -> Held | None:
        """The live record of `key`, or None."""
        held = self._mirror.records.get(key)
        if held is None:
            held = self.last(key)
        elif held.ver:
            self._mirror.hits += 1
        return held if held is not None and held.record is not None else None

    def last(self, key: str) -> Held | None:
        """The newest version of `key`, deletions included."""
        known = self._mirror.records.get(key)
        if known is not None:
            if not known.ver:
                return None
            self._mirror.hits += 1
            return known
        if self._mirror.never(key):
            return None
        snap, tail = self._behind()
        held = tail.versions.get(key)
        if held is None and (newest := snap.newest(self.context, key)) is not None:
            ver, deleted, *place = newest
            self._mirror.misses += 1
            raw = None if deleted else self.journal.record_raw(*place)
            held = Held(key, ver, None if raw is None else records.loads(raw))
        self._mirror.records[key] = held or Held(key, 0, None)
        if held is None:
            chart_id = above(key)
            if chart_id is not None and chart_id in self._mirror.parts and chart_id not in self._fresh:
                self._mirror.read_below(chart_id, snap, self.context)
        return held

    # -- lists -------------------------------------------------------------------------------------

    def keys_of(self, chart_id: str) -> list[str]:
        """Keys of the live entities that belong to a chart, in file order."""
        known = self._mirror.parts.get(chart_id)
        if known is None:
            snap, tail = self._behind()
            self._fresh.add(chart_id)
            rows = snap.chart_records(self.context, chart_id)
            for row in rows:
                if row.key not in tail.versions and row.key not in self._mirror.records:
                    self._mirror.misses += 1
                    raw = self.journal.record_raw(row.generation, row.offset, row.length)
                    self._mirror.records[row.key] = Held(
                        row.key, row.ver, None if raw is None else records.loads(raw)
                    )
            listed = [row.key for row in rows]

            def belongs(key: str, entity: Json) -> bool:
                owner = records.chart_id_of(entity)
                # What only relations tie to a chart stays where the index saw it.
                return owner == chart_id or (owner is None and key in listed)

            known = self._mirror.parts[chart_id] = self._laid_over(
                listed, tail.of_chart.get(chart_id, ()), belongs
            )
            for key in known:
                if key not in self._mirror.records:
                    self._mirror.records[key] = tail.versions[key]
        return known

    def children(self, chart_id: str) -> list[str]:
        """Ids of the charts whose parent is `chart_id`, in file order."""
        known = self._mirror.children.get(chart_id)
        if known is None:
            snap, _ = self._behind()
            known = list(snap.children_of(self.context, chart_id))
            added: list[str] = []
            for key, entity in self._tail_charts():
                child = records.chart_id_of(entity) if entity is not None else self._deleted_chart(key)
                below = parent_of(entity) == chart_id
                if child and below and child not in known:
                    added.append(child)
                elif child in known and not below:
                    known.remove(child)
            known = self._mirror.children[chart_id] = self._joined(known, added, _chart_key)
        return known

    def relations_of(self, name: str) -> list[str]:
        """Keys of the live relations from or to the entity `name`."""
        known = self._mirror.relations.get(name)
        if known is None:
            snap, tail = self._behind()
            known = self._mirror.relations[name] = self._laid_over(
                snap.relations_of(self.context, name),
                tail.of_name.get(name, ()),
                lambda _, relation: name in (relation.get("from"), relation.get("to")),
            )
        return known

    def chart_ids(self) -> Iterator[str]:
        """Every chart of the context, in file order."""
        found = dict.fromkeys(self.snap.chart_ids(self.context))
        added: dict[str, None] = {}
        for key, entity in self._tail_charts():
            chart_id = records.chart_id_of(entity) if entity is not None else self._deleted_chart(key)
            if chart_id and entity is not None and chart_id not in found:
                added[chart_id] = None
            elif chart_id and entity is None:
                found.pop(chart_id, None)
        yield from self._joined(list(found), list(added), _chart_key)

    # -- writing -----------------------------------------------------------------------------------

    def drafts(self, edits: Iterable[Edit]) -> list[records.Draft]:
        """`edits` with the version each key gets next, encoded for the journal."""
        versions: dict[str, int] = {}
        drafts = []
        for edit in edits:
            ver = versions.get(edit.key)
            if ver is None:
                last = self.last(edit.key)
                ver = last.ver if last is not None else 0
            versions[edit.key] = ver = ver + 1
            raw = edit.raw
            if raw is None and edit.record is not None:
                raw = records.dumps(edit.record)
            drafts.append(records.Draft(edit.op, edit.key, ver, raw if edit.op == "put" else None))
        return drafts

    # -- the tail ----------------------------------------------------------------------------------

    def _laid_over(
        self, keys: list[str], newer: Iterable[str], belongs: Callable[[str, Json], bool]
    ) -> list[str]:
        """The index's `keys` without those that no longer belong, and those of `newer` that do by now."""
        tail = self.tail
        if not tail:
            return keys

        def belonging(key: str) -> bool:
            record = tail[key].record
            return record is not None and belongs(key, records.body_of(record))

        known = set(keys)
        kept = [key for key in keys if key not in tail or belonging(key)]
        return self._joined(kept, [key for key in newer if key not in known and belonging(key)])

    def _joined(self, kept: list[str], added: list[str], key_of: Callable[[str], str] = str) -> list[str]:
        """What the index lists and what the tail adds, in file order: by first version.

        What is new comes last, as it is; what was deleted, or elsewhere, before has its old place.
        """
        found = kept + added
        if not any((held := self.tail.get(key_of(item))) is not None and held.ver > 1 for item in added):
            return found
        ranks = {key: rank for rank, key in enumerate(self.tail)}
        places: dict[str, tuple[float, int]] = {}
        for item in found:
            first = self.snap.versions(self.context, key_of(item))[:1]
            rank = ranks.get(key_of(item), 0)
            places[item] = (first[0].generation, first[0].offset) if first else (float("inf"), rank)
        return sorted(found, key=places.__getitem__)

    def _tail_charts(self) -> Iterator[tuple[str, Json | None]]:
        """(key, entity) of the chart entities in the tail; of a deleted entity, None."""
        tail = self._behind()[1]
        for key in tail.charts:
            entity = entity_of(tail.versions[key].record)
            if entity is None or entity.get("entityType") == records.CHART:
                yield key, entity

    def _deleted_chart(self, key: str) -> str | None:
        """The chart that a deleted entity stood for as far as the index knows."""
        row = self.snap.record(self.context, key)
        return row.chart_id if row is not None and row.entity_type == records.CHART else None


def _chart_key(chart_id: str) -> str:
    return f"e:{chart_id}_chart"
