"""A view with changes laid over it: what a command has done so far, and the edits that make it.

A plan that does several things (complete five steps, import a tree) sees its own earlier
changes, and each record is written once. Unknown members and the order of members stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from store import clock, records
from store.charts import names, parts
from store.charts.parts import Entity
from store.charts.view import View
from store.errors import Refused
from store.model import Edit, Held, Json, Plan


class Work:
    """A `View` that also takes changes. `now` is the stamp that everything changed gets."""

    def __init__(self, base: View) -> None:
        self.base = base
        self.context = base.context
        self.now = clock.file_stamp()
        self.today = clock.today()
        self.hints: list[str] = []
        self._changes: dict[str, Json | None] = {}
        self._touched: dict[str, None] = {}

    # -- the view ----------------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """True once it differs from the base view: what was read from it before may be out of date."""
        return bool(self._changes)

    def get(self, key: str) -> Held | None:
        if key in self._changes:
            record = self._changes[key]
            return None if record is None else Held(key, 0, record)
        return self.base.get(key)

    def keys_of(self, chart_id: str) -> list[str]:
        known = self.base.keys_of(chart_id)
        if not self._changes:
            return known
        keys = [key for key in known if self._changes.get(key, _KEPT) is not None]
        seen = set(known)
        keys += [key for key, body in self._entities() if key not in seen and _owner(body) == chart_id]
        return keys

    def children(self, chart_id: str) -> list[str]:
        found = [child for child in self.base.children(chart_id) if self._still_below(child, chart_id)]
        for _, body in self._entities():
            child = _owner(body)
            if body.get("entityType") == names.CHART and child is not None and child not in found:
                metadata = body.get("metadata")
                if isinstance(metadata, dict) and metadata.get("parentChart") == chart_id:
                    found.append(child)
        return found

    def relations_of(self, name: str) -> list[str]:
        known = self.base.relations_of(name)
        if not self._changes:
            return known
        keys = [key for key in known if self._changes.get(key, _KEPT) is not None]
        seen = set(known)
        for key, record in self._changes.items():
            if key.startswith("r:") and record is not None and key not in seen:
                body = records.body_of(record)
                if name in (body.get("from"), body.get("to")):
                    keys.append(key)
        return keys

    def chart_ids(self) -> Iterator[str]:
        seen: set[str] = set()
        for chart_id in self.base.chart_ids():
            seen.add(chart_id)
            if parts.chart_entity(self, chart_id) is not None or self.keys_of(chart_id):
                yield chart_id
        for _, body in self._entities():
            made = _owner(body)
            if body.get("entityType") == names.CHART and made is not None and made not in seen:
                yield made

    def ever(self, key: str) -> bool:
        """True where a record has, or so far as the base view remembers once had, this key."""
        if key in self._changes or self.base.get(key) is not None:
            return True
        last = getattr(self.base, "last", None)
        return last is not None and last(key) is not None

    # -- changes -----------------------------------------------------------------------------

    def put(self, *made: Json) -> None:
        """Add or replace whole records."""
        for record in made:
            self._changes[names.key_of(record)] = record

    def put_at(self, key: str, record: Json) -> None:
        """Add or replace the record of a key that is known."""
        self._changes[key] = record

    def delete(self, keys: Iterable[str]) -> None:
        """Delete records; those that are not there are passed over."""
        for key in keys:
            if self.get(key) is not None:
                self._changes[key] = None

    def change(
        self,
        part: Entity,
        *,
        texts: Sequence[Any] | None = None,
        meta: Json | None = None,
        stamp: bool = True,
    ) -> None:
        """Give an entity new observations, or metadata members (None takes one away), and `updatedAt`.

        Works on the entity as it is by now, so earlier changes of the same plan stay.
        """
        held = self.get(part.key)
        record = part.record if held is None or held.record is None else held.record
        wrapped = records.body_of(record) is not record
        body: Json = dict(record["data"] if wrapped else record)
        if texts is not None:
            body["observations"] = list(texts)
        metadata = body.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise Refused(
                f"The record {part.name} has metadata that is no object; chartkeep leaves it as it is. "
                "Correct it in the chart file first."
            )
        fresh: Json = dict(metadata or {})
        for member, value in (meta or {}).items():
            if value is None:
                fresh.pop(member, None)
            else:
                fresh[member] = value
        if stamp:
            fresh["updatedAt"] = self.now
        body["metadata"] = fresh
        self._changes[part.key] = {**record, "data": body} if wrapped else body

    def touch(self, chart_id: str) -> None:
        """Note that something of a chart changed: its chart entity gets a new `updatedAt`."""
        self._touched[chart_id] = None

    def hint(self, text: str) -> None:
        """Add advice, once."""
        if text not in self.hints:
            self.hints.append(text)

    # -- the result --------------------------------------------------------------------------

    def edits(self) -> list[Edit]:
        """What to write: entities, then relations, then deletions; nothing that is as it was."""
        changed = self._real()
        if changed and self._touched:
            for chart_id in self._touched:
                part = parts.chart_entity(self, chart_id)
                if part is not None and isinstance(part.body.get("metadata"), dict | None):
                    self.change(part)
            changed = self._real()
        puts = [Edit("put", key, record) for key, record in changed if record is not None]
        puts.sort(key=lambda edit: edit.key.startswith("r:"))
        return puts + [Edit("delete", key) for key, record in changed if record is None]

    def plan(self, command: str, label: str, focus: str | None = None) -> Plan:
        """The plan; without edits it is an empty one, and its focus still stands."""
        return Plan(command, label, self.edits(), focus, list(self.hints))

    def _real(self) -> list[tuple[str, Json | None]]:
        real = []
        for key, record in self._changes.items():
            held = self.base.get(key)
            before = held.record if held is not None else None
            if before is not record and not (before is not None and record is not None and before == record):
                real.append((key, record))
        return real

    def _entities(self) -> list[tuple[str, Json]]:
        return [
            (key, records.body_of(record))
            for key, record in self._changes.items()
            if record is not None and key.startswith("e:")
        ]

    def _still_below(self, child: str, chart_id: str) -> bool:
        """Whether a child that the base view knows still has its parent, after the changes."""
        before = parts.chart_entity(self.base, child)
        if before is None or before.key not in self._changes:
            return True
        now = parts.find(self, child)
        return (
            now is not None
            and now.chart is not None
            and now.parent in (None, chart_id)
            and (now.parent is not None or now.parent_step is not None)
        )


_KEPT: Json = {}


def _owner(body: Json) -> str | None:
    return names.chart_id_of(body)


def quote(text: str, limit: int = 60) -> str:
    """A text on one line in curly quotes, cut to `limit` characters: for labels."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return f"“{line}”"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 step`, `3 steps`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(value: str | Iterable[str]) -> list[str]:
    """One name or several, each once, in order."""
    found = [value] if isinstance(value, str) else list(value)
    return list(dict.fromkeys(found))
