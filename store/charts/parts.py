"""Reading a chart from its records, as real files hold them and not only as they should be.

Parts are found by `metadata.chartId` and by relations, never by cutting names; any part may be
missing; observations may be no list, metadata no object, the parent gone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from store import records
from store.charts import names
from store.charts.view import View
from store.errors import NotFound
from store.model import Json


class Entity(NamedTuple):
    """An entity line with its key. `record` is the line's value, perhaps wrapped; `body` the entity."""

    key: str
    record: Json
    body: Json

    @property
    def name(self) -> str:
        name = self.body.get("name")
        return name if isinstance(name, str) else self.key[2:]

    @property
    def kind(self) -> str:
        """The entityType, empty where it has none."""
        kind = self.body.get("entityType")
        return kind if isinstance(kind, str) else ""

    @property
    def meta(self) -> Json:
        """The metadata, empty where it is missing or no object. Not to be changed."""
        metadata = self.body.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def texts(self) -> tuple[str, ...]:
        """The observations as text, place for place."""
        return texts_of(self.body.get("observations"))

    @property
    def observations(self) -> list[Any]:
        """The observations as they are, as a new list: what a change starts from."""
        found = self.body.get("observations")
        return [found] if isinstance(found, str) else list(found) if isinstance(found, list) else []

    @property
    def title(self) -> str:
        """The first observation, empty where there is none."""
        texts = self.texts
        return texts[0] if texts else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """The observations after the first."""
        return self.texts[1:]

    @property
    def due(self) -> str | None:
        """The due date's text as the file holds it."""
        due = self.meta.get("dueDate")
        return due if isinstance(due, str) and due.strip() else None

    @property
    def done(self) -> bool:
        """True where the entity is marked complete, in any of the ways found."""
        return completed(self.meta)

    @property
    def changed(self) -> str | None:
        """When it last changed by its own word: updatedAt, else createdAt."""
        return newest(self.meta.get("updatedAt")) or newest(self.meta.get("createdAt"))


@dataclass(frozen=True, slots=True)
class Parts:
    """The records of one chart, sorted out. Steps are in the order people see them."""

    chart_id: str
    chart: Entity | None
    outcome: Entity | None
    reality: Entity | None
    steps: tuple[Entity, ...]
    others: tuple[Entity, ...]

    @property
    def title(self) -> str:
        """The desired outcome; without one, what the chart entity says of itself, else the id."""
        own = self.chart.title.strip() if self.chart else ""
        if own.startswith("Chart created"):
            own = ""
        return (self.outcome.title.strip() if self.outcome else "") or own or self.chart_id

    @property
    def due(self) -> str | None:
        """The chart's due date; the outcome's where the chart entity has none."""
        return (self.chart.due if self.chart else None) or (self.outcome.due if self.outcome else None)

    @property
    def meta(self) -> Json:
        return self.chart.meta if self.chart else {}

    @property
    def level(self) -> int:
        level = self.meta.get("level")
        return level if isinstance(level, int) and not isinstance(level, bool) else 0

    @property
    def parent(self) -> str | None:
        """The parent's id as written; the parent may be gone. See `above`."""
        parent = _first_text(self.meta, "parentChart", "parentChartId")
        return parent if parent != self.chart_id else None

    @property
    def parent_step(self) -> str | None:
        """Name of the step it telescoped from, as written."""
        return _first_text(self.meta, "parentActionStep", "sourceActionStepId")

    @property
    def facts(self) -> tuple[str, ...]:
        return self.reality.texts if self.reality else ()

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Every entity of the chart."""
        heads = (self.chart, self.outcome, self.reality)
        return (*(part for part in heads if part is not None), *self.steps, *self.others)

    @property
    def changed(self) -> str | None:
        """When anything of the chart last changed by the records' own dates."""
        return newest(*(part.changed for part in self.entities))


def _first_text(metadata: Json, *members: str) -> str | None:
    found = (metadata.get(member) for member in members)
    return next((text for text in found if isinstance(text, str) and text), None)


def texts_of(observations: Any) -> tuple[str, ...]:
    """Observations as text: a lone string counts as a list of one, other values are shown as JSON."""
    if isinstance(observations, str):
        return (observations,)
    if not isinstance(observations, list):
        return ()
    return tuple(
        item if isinstance(item, str) else records.dumps(item).decode("utf-8") for item in observations
    )


def completed(metadata: Json) -> bool:
    """Whether metadata says complete, by `completionStatus` or the older `completed`."""
    for member in ("completionStatus", "completed"):
        value = metadata.get(member)
        if value is True or value == "completed":
            return True
    return False


def newest(*stamps: object) -> str | None:
    """The latest of some dates as it was written; what is no date is passed over."""
    return max((stamp for stamp in map(_instant, stamps) if stamp is not None), default=None)


def _instant(value: object) -> str | None:
    """A date as text, so that the latest of several is the greatest; None for other words."""
    if isinstance(value, str) and value[:4].isdecimal() and value[4:5] == "-" and len(value) <= 40:
        return value
    return None


def entity(view: View, name: str) -> Entity | None:
    """The live entity of that name, or None."""
    return _held(view, names.entity_key(name))


def find(view: View, chart_id: str) -> Parts | None:
    """The chart, or None where no record belongs to it."""
    found = _members(view, chart_id)
    if not found:
        return None
    first: dict[str, Entity] = {}
    steps: list[Entity] = []
    others: list[Entity] = []
    for part in found:
        kind = part.kind
        if kind == names.STEP:
            steps.append(part)
        elif kind in _HEADS and kind not in first:
            first[kind] = part
        else:
            others.append(part)
    return Parts(
        chart_id,
        first.get(names.CHART),
        first.get(names.OUTCOME),
        first.get(names.REALITY),
        tuple(sorted(steps, key=rank)),
        tuple(others),
    )


def read(view: View, chart_id: str) -> Parts:
    """The chart. Raises NotFound where no record belongs to it."""
    found = find(view, chart_id)
    if found is None:
        raise NotFound(
            f"There is no chart {chart_id} in the context {view.context}; list them with: chartkeep list"
        )
    return found


def chart_of(view: View, part: Entity) -> str | None:
    """The chart a part belongs to: by its own word, else by its relations."""
    own = names.chart_id_of(part.body)
    if own is not None:
        return own
    for key in view.relations_of(part.name):
        start, kind, end = ends(key)
        other = end if start == part.name else start
        if kind in (names.CONTAINS, names.TENSION, names.ADVANCES):
            held = entity(view, other)
            found = names.chart_id_of(held.body) if held else None
            if found is not None:
                return found
    return None


def find_step(view: View, name: str) -> tuple[Parts, Entity]:
    """A step and its chart. Raises NotFound where there is no such step."""
    part = entity(view, name)
    chart_id = chart_of(view, part) if part is not None and part.kind == names.STEP else None
    if chart_id is not None:
        parts = find(view, chart_id)
        for step in parts.steps if parts else ():
            if parts is not None and step.name == name:
                return parts, step
    raise NotFound(
        f"There is no step {name} in the context {view.context}; `chartkeep show` lists a chart's steps"
    )


def resolve(view: View, name: str) -> tuple[Parts, Entity | None]:
    """What a name stands for: a step with its chart, or a chart with None.

    A chart may be given by its id or by the name of its chart entity, outcome or reality.
    """
    part = entity(view, name)
    if part is not None:
        if part.kind == names.STEP:
            return find_step(view, name)
        chart_id = chart_of(view, part)
        if chart_id is not None:
            return read(view, chart_id), None
    return read(view, name), None


def ends(key: str) -> tuple[str, str, str]:
    """(from, relationType, to) of a relation by its key; empty strings where it is no such thing."""
    return records.relation_ends(key)


def chart_entity(view: View, chart_id: str) -> Entity | None:
    """The chart entity of an id, whatever its name."""
    for name in (names.chart_name(chart_id), chart_id):
        part = entity(view, name)
        if part is not None and part.kind == names.CHART and names.chart_id_of(part.body) == chart_id:
            return part
    for key in view.keys_of(chart_id):
        part = _held(view, key)
        if part is not None and part.kind == names.CHART:
            return part
    return None


_HEADS = (names.CHART, names.OUTCOME, names.REALITY)


def _members(view: View, chart_id: str) -> list[Entity]:
    """The entities of a chart: those that say so, then those that only relations tie to it."""
    found = [part for key in view.keys_of(chart_id) if (part := _held(view, key)) is not None]
    seen = {part.key[2:] for part in found}
    for part in found:  # it grows: an outcome found here leads on to its reality and steps
        kind = part.kind
        if kind not in (names.CHART, names.OUTCOME):
            continue
        name = part.name
        for key in view.relations_of(name):
            relation = records.relation_ends(key)
            other = relation[2] if relation[0] == name else relation[0]
            if other in seen or not _ties(relation, name, kind):  # nearly all are in sight already
                continue
            tied = entity(view, other)
            if tied is not None and tied.kind != names.CHART and names.chart_id_of(tied.body) is None:
                seen.add(other)
                found.append(tied)
    return found


def _ties(relation: tuple[str, str, str], name: str, kind: str) -> bool:
    """Whether a relation ties its other end to the chart of the chart entity or outcome `name`."""
    start, how, end = relation
    if how == names.CONTAINS:
        return start == name and kind == names.CHART
    return end == name and how in (names.TENSION, names.ADVANCES)


def _held(view: View, key: str) -> Entity | None:
    held = view.get(key)
    if held is None or held.record is None:
        return None
    body = records.body_of(held.record)
    return Entity(key, held.record, body) if isinstance(body, dict) else None


def rank(step: Entity) -> float:
    """A step's place: `order` where it was put there by hand, else the number in its name, else last."""
    order = step.meta.get("order")
    if isinstance(order, (int, float)) and not isinstance(order, bool) and abs(order) < 1 << 53:
        return float(order)
    return float(names.step_number(step.name) or math.inf)
