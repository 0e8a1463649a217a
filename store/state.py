"""The state of one context at one point of its journal: the index plus what it has not seen yet.

The index lags the journal by whatever was committed since its last sync. A command must
plan on the very end, so it reads the index at its position and lays the lines after it over
that (the *tail*). Reads answer as if the index were complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from store import records
from store.model import Edit, Held, Json, Position

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.journal import Journal, Tx


class Tail:
    """The versions committed after an index position, by key: kept while the index catches up."""

    __slots__ = ("after", "upto", "versions")

    def __init__(self, after: Position | None) -> None:
        self.after = after
        self.upto = after
        self.versions: dict[str, Held] = {}

    def add(self, tx: Tx) -> None:
        for line in tx.lines:
            record = None if line.raw is None else records.loads(line.raw)
            self.versions[line.key] = Held(line.key, line.ver, record)
        self.upto = Position(tx.generation, tx.end, tx.hash)

    def extend(self, journal: Journal, end: Position) -> None:
        """Read what lies between `upto` and `end`."""
        if self.upto == end:
            return
        for tx in journal.read(self.upto, upto=end):
            self.add(tx)
        self.upto = end


class State:
    """A `store.charts.View` of one context: index rows, bodies from the journal, tail on top.

    Records it hands out are shared; planners copy before they change.
    """

    def __init__(self, context: str, snap: Snapshot, journal: Journal, tail: Tail) -> None:
        self.context = context
        self._snap = snap
        self._journal = journal
        self._tail = tail.versions

    def get(self, key: str) -> Held | None:
        """The live record of `key`, or None."""
        held = self._tail.get(key)
        if held is not None:
            return held if held.record is not None else None
        row = self._snap.record(self.context, key)
        if row is None:
            return None
        raw = self._journal.record_raw(row.generation, row.offset, row.length)
        return None if raw is None else Held(key, row.ver, records.loads(raw))

    def last(self, key: str) -> Held | None:
        """The newest version of `key`, deletions included, without its record's body."""
        held = self._tail.get(key)
        if held is not None:
            return held
        row = self._snap.last_version(self.context, key)
        return None if row is None else Held(key, row.ver, None)

    def keys_of(self, chart_id: str) -> list[str]:
        """Keys of the live entities that belong to a chart, in file order."""
        return self._merged(
            self._snap.keys_of(self.context, chart_id), lambda entity: records.chart_id_of(entity) == chart_id, "e:"
        )

    def children(self, chart_id: str) -> list[str]:
        """Ids of the charts whose parent is `chart_id`, in file order."""
        found = list(self._snap.children_of(self.context, chart_id))
        if self._tail:
            gone = {
                records.chart_id_of(entity) or ""
                for entity in self._tail_charts()
                if records.metadata_of(entity).get("parentChart") != chart_id
            } | self._tail_deleted_charts()
            found = [child for child in found if child not in gone]
            for entity in self._tail_charts():
                child = records.chart_id_of(entity)
                if child and records.metadata_of(entity).get("parentChart") == chart_id and child not in found:
                    found.append(child)
        return found

    def relations_of(self, name: str) -> list[str]:
        """Keys of the live relations from or to the entity `name`."""
        return self._merged(
            self._snap.relations_of(self.context, name),
            lambda relation: name in (relation.get("from"), relation.get("to")),
            "r:",
        )

    def chart_ids(self) -> Iterator[str]:
        """Every chart of the context, in file order."""
        gone = self._tail_deleted_charts()
        seen = set()
        for chart_id in self._snap.chart_ids(self.context):
            if chart_id not in gone:
                seen.add(chart_id)
                yield chart_id
        for entity in self._tail_charts():
            chart_id = records.chart_id_of(entity)
            if chart_id and chart_id not in seen:
                seen.add(chart_id)
                yield chart_id

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
            raw = edit.raw if edit.raw is not None else None if edit.record is None else records.dumps(edit.record)
            drafts.append(records.Draft(edit.op, edit.key, ver, raw if edit.op == "put" else None))
        return drafts

    def _merged(self, keys: list[str], belongs: Callable[[Json], bool], prefix: str) -> list[str]:
        if not self._tail:
            return keys
        known = set(keys)
        merged = [key for key in keys if key not in self._tail or self._tail_holds(key, belongs)]
        merged.extend(
            key
            for key, held in self._tail.items()
            if key not in known and key.startswith(prefix) and held.record is not None and belongs(records.body_of(held.record))
        )
        return merged

    def _tail_holds(self, key: str, belongs: Callable[[Json], bool]) -> bool:
        record = self._tail[key].record
        return record is not None and belongs(records.body_of(record))

    def _tail_charts(self) -> list[Json]:
        return [
            body
            for key, held in self._tail.items()
            if key.startswith("e:")
            and held.record is not None
            and (body := records.body_of(held.record)).get("entityType") == records.CHART
        ]

    def _tail_deleted_charts(self) -> set[str]:
        gone = set()
        for key, held in self._tail.items():
            if held.record is None and key.startswith("e:"):
                row = self._snap.record(self.context, key)
                if row is not None and row.entity_type == records.CHART and row.chart_id:
                    gone.add(row.chart_id)
        return gone
