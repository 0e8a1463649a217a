"""Values of records whose newest version is lost: what the chart file and the index still hold of them.

The index tells which versions lay where the journal is damaged, who wrote them and when. Of a version that
was the newest of its record, the value is looked for in the chart file, which other programs see: it is
believed where it says what the index says. Where it does not, the older value that is left (or what the
chart file holds) gets the texts and dates that the index has. A deletion that was lost is done again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.chartfile import read_chart_file
from store.errors import ChartkeepError
from store.index.extract import Columns, Extract, extract
from store.index.remembered import LostRow, remembered, versions_from
from store.rechain import body_of, head_of
from store.records import BadJson, Draft
from store.upkeep.recovery.rewriting import lines_of

if TYPE_CHECKING:
    from store.index.queries import Snapshot
    from store.model import Json
    from store.store import Store
    from store.upkeep.recovery.mending import Part

_MEMBERS = {
    "due": "dueDate",
    "chart_id": "chartId",
    "level": "level",
    "parent_chart": "parentChart",
    "parent_step": "parentActionStep",
    "source_step": "sourceActionStepId",
    "child_chart": "telescopedToChartId",
    "phase": "phase",
    "created": "createdAt",
    "updated": "updatedAt",
}
"""Columns of the index and the members of `metadata` they come from."""


class Brought(NamedTuple):
    """One lost version. `source` says where its value was found; empty where it was not."""

    row: LostRow
    source: str
    newest: bool
    """False where a later version is there, so that only the history lacks it."""


class Bringing:
    """What is brought back to one journal."""

    def __init__(self, store: Store, context: str, snap: Snapshot | None) -> None:
        self._store = store
        self._context = context
        self._snap = snap
        self.brought: list[Brought] = []
        self.drafts: list[Draft] = []

    def find(self, parts: list[Part]) -> None:
        """Look for everything that the generations `parts` lack: from the first damaged one on."""
        if not self._known:
            return
        lost, last = self._lost(parts)
        newest: dict[str, LostRow] = {}
        for row in lost:
            if row.key not in newest or newest[row.key].ver < row.ver:
                newest[row.key] = row
        wanted = {
            key: row
            for key, row in newest.items()
            if last.get(key, 0) < row.ver and self._newest_version(key) <= row.ver
        }
        published = self._elsewhere({key: row for key, row in wanted.items() if not row.deleted})
        sources = {key: self._back(row, published.get(key), parts) for key, row in wanted.items()}
        for row in lost:
            here = row.key in wanted and wanted[row.key].ver == row.ver
            self.brought.append(Brought(row, sources[row.key] if here else "", here))

    def _lost(self, parts: list[Part]) -> tuple[list[LostRow], dict[str, int]]:
        """Versions that the index knows and no line holds; and the newest version there is of their keys."""
        lost: dict[tuple[str, int], LostRow] = {}
        for part in parts:
            if not part.exact:
                begun = part.found.end.offset if part.found.header else 0
                for row in self._rows(part.number, begun):
                    lost[row.key, row.ver] = row
        keys = {key for key, _ in lost}
        last: dict[str, int] = {}
        for key, ver in _versions(parts) if lost else ():
            if key in keys:
                lost.pop((key, ver), None)
                last[key] = max(ver, last.get(key, 0))
        return list(lost.values()), last

    @property
    def _known(self) -> bool:
        """False where no index knows what is lost."""
        return self._snap is not None

    def _rows(self, generation: int, begun: int) -> Iterator[LostRow]:
        assert self._snap is not None
        return versions_from(self._snap, self._context, generation, begun)

    def _elsewhere(self, rows: dict[str, LostRow]) -> dict[str, bytes]:
        """Values of these records that stand somewhere else than in a journal."""
        return self._chart_file(set(rows))

    def _newest_version(self, key: str) -> int:
        assert self._snap is not None
        found = self._snap.newest(self._context, key)
        return found[0] if found is not None else 0

    def _chart_file(self, keys: set[str]) -> dict[str, bytes]:
        """The lines of these keys in the chart file."""
        if not keys:
            return {}
        try:
            file = read_chart_file(self._store.layout.chart_file(self._context))
        except ChartkeepError:
            return {}
        found: dict[str, bytes] = {}
        for line in file.lines:
            if line.key in keys and line.kind != "comment":
                found.setdefault(line.key, line.raw)
        return found

    def _back(self, row: LostRow, published: bytes | None, parts: list[Part]) -> str:
        """Plan to bring a record back; where its value came from, empty where there is none."""
        ver = row.ver + 1
        if row.deleted:
            self.drafts.append(Draft("delete", row.key, ver, None))
            return "the index (it was deleted)"
        assert self._snap is not None
        known = remembered(self._snap, self._context, row.key, row.ver)
        if published is not None and (known is None or _agrees(extract(row.key, published), known)):
            self.drafts.append(Draft("put", row.key, ver, published))
            return "the chart file"
        made = _made(row.key, known, published, self._older(row, parts))
        if made is None:
            return ""
        self.drafts.append(Draft("put", row.key, ver, records.dumps(made)))
        return "the index"

    def _older(self, row: LostRow, parts: list[Part]) -> bytes | None:
        """The bytes of the newest older version that can still be read."""
        assert self._snap is not None
        sources = {part.number: part.source for part in parts}
        for version in reversed(self._snap.versions(self._context, row.key)):
            if version.ver >= row.ver or version.op == "delete":
                continue
            try:
                source = sources.get(version.generation)
                if source is not None:
                    line = source.read(version.length, version.offset)
                else:
                    journal = self._store.journal(self._context)
                    line = journal.line_bytes(version.generation, version.offset, version.length)
                parts_of = records.decode_line(line)
            except (ChartkeepError, BadJson):
                continue
            if (parts_of.key, parts_of.ver) == (row.key, version.ver) and parts_of.raw is not None:
                return parts_of.raw
        return None


def _versions(parts: list[Part]) -> Iterator[tuple[str, int]]:
    """(key, version) of every line there is from the first gap on."""
    for number, part in enumerate(parts):
        found = part.found
        pieces = found.after if not number and found.header else [*found.exact, *found.after]
        for line in lines_of(pieces, part.source.read):
            try:
                head: Any = head_of(body_of(line))
                yield head["key"], head["ver"]
            except (ValueError, KeyError):
                continue  # the header


_COMPARED = tuple(name for name in Columns._fields if name not in ("chart_id", "updated", "created"))


def _agrees(one: Extract, other: Extract) -> bool:
    """True where a record says what the index has. Relations may have told the index the chart."""
    return one.observations == other.observations and all(
        getattr(one.columns, name) == getattr(other.columns, name) for name in _COMPARED
    )


def _made(key: str, known: Extract | None, *bases: bytes | None) -> Json | None:
    """A record from what the index has of it, laid over the first of `bases` that can be read."""
    base = next((value for value in _values(bases)), None)
    kind = records.kind_of(key)
    if kind == "relation":
        start, relation, end = records.relation_ends(key)
        return base or {"type": "relation", "from": start, "to": end, "relationType": relation}
    if known is None or kind != "entity":
        return None
    made = base or {"type": "entity", "name": key[2:], "entityType": known.columns.entity_type or ""}
    body = records.body_of(made)
    own = extract(key, records.dumps(made))
    if own.observations != known.observations:
        body["observations"] = list(known.observations)
    metadata = body["metadata"] = dict(records.metadata_of(body))
    for column, member in _MEMBERS.items():
        value = getattr(known.columns, column)
        if column == "chart_id" and known.columns.loose:
            continue
        if value != getattr(own.columns, column):
            metadata.pop(member, None)
            if value is not None:
                metadata[member] = value
    if known.columns.done != own.columns.done:
        metadata["completionStatus"] = bool(known.columns.done)
    return made


def _values(bases: Iterable[bytes | None]) -> Iterator[Json]:
    for raw in bases:
        if raw is None:
            continue
        try:
            value = records.loads(raw)
        except BadJson:
            continue
        if isinstance(value, dict):
            yield copy.deepcopy(value)
