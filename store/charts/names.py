"""Names and records of charts exactly as the peers write them: member order, ids, relations.

The peers leave a member out where it has no value, so a chart without a due date has no
`dueDate`. Relations written are `contains`, `creates_tension_with` and `advances_toward`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from store import records
from store.model import Json

CHART = "structural_tension_chart"
OUTCOME = "desired_outcome"
REALITY = "current_reality"
STEP = "action_step"

CONTAINS = "contains"
TENSION = "creates_tension_with"
ADVANCES = "advances_toward"
TELESCOPES = ("telescopes_into",)
"""Relations from a step to its chart that only old documents hold: read, never written."""


def chart_name(chart_id: str) -> str:
    """Name of the chart entity."""
    return f"{chart_id}_chart"


def outcome_name(chart_id: str) -> str:
    """Name of the desired outcome."""
    return f"{chart_id}_desired_outcome"


def reality_name(chart_id: str) -> str:
    """Name of the current reality."""
    return f"{chart_id}_current_reality"


def step_name(chart_id: str, number: int) -> str:
    """Name of the action step with this number, from 1."""
    return f"{chart_id}_action_{number}"


@lru_cache(maxsize=8192)
def step_number(name: str) -> int:
    """The number a step's name ends in (`_action_3`, `_action3`, `_action_step_3`); 0 if none."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits) if 0 < len(digits) <= 9 and "action" in name else 0


def entity_key(name: str) -> str:
    """Key of an entity line."""
    return f"e:{name}"


def relation_key(start: str, kind: str, end: str) -> str:
    """Key of a relation line."""
    return "r:" + records.dumps([start, kind, end]).decode("utf-8")


def key_of(record: Json) -> str:
    """Key of an entity or relation that this module built."""
    return records.key_of(record, b"")


def chart_id_of(body: Json) -> str | None:
    """The chart an entity says it belongs to: `metadata.chartId`, for a chart entity else its name."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("chartId"), str):
        return str(metadata["chartId"])
    name = body.get("name")
    if body.get("entityType") == CHART and isinstance(name, str):
        return name.removesuffix("_chart")
    return None


def chart_entity(
    chart_id: str,
    *,
    now: str,
    due: str | None = None,
    level: int = 0,
    parent: str | None = None,
    parent_step: str | None = None,
) -> Json:
    """The chart itself. `now` and `due` are texts as the files hold them."""
    metadata: Json = {"chartId": chart_id}
    if due is not None:
        metadata["dueDate"] = due
    metadata |= {"level": level, "createdAt": now, "updatedAt": now}
    if parent is not None:
        metadata["parentChart"] = parent
    if parent_step is not None:
        metadata["parentActionStep"] = parent_step
    return _entity(chart_name(chart_id), CHART, [f"Chart created on {now}"], metadata)


def outcome_entity(chart_id: str, texts: Iterable[str], *, now: str, due: str | None = None) -> Json:
    """The desired outcome: its text, then progress notes."""
    return _entity(outcome_name(chart_id), OUTCOME, texts, _dated(chart_id, due, now))


def reality_entity(chart_id: str, facts: Iterable[str], *, now: str) -> Json:
    """The current reality: a list of facts."""
    return _entity(reality_name(chart_id), REALITY, facts, _dated(chart_id, None, now))


def step_entity(
    chart_id: str, number: int, texts: Iterable[str], *, now: str, due: str | None = None, done: bool = False
) -> Json:
    """An action step: its title, then notes."""
    metadata: Json = {"chartId": chart_id}
    if due is not None:
        metadata["dueDate"] = due
    metadata |= {"completionStatus": done, "createdAt": now, "updatedAt": now}
    return _entity(step_name(chart_id, number), STEP, texts, metadata)


def relation(start: str, kind: str, end: str, *, now: str) -> Json:
    """A relation line."""
    return {
        "type": "relation",
        "from": start,
        "to": end,
        "relationType": kind,
        "metadata": {"createdAt": now},
    }


def _entity(name: str, kind: str, observations: Iterable[str], metadata: Json) -> Json:
    return {
        "type": "entity",
        "name": name,
        "entityType": kind,
        "observations": list(observations),
        "metadata": metadata,
    }


def _dated(chart_id: str, due: str | None, now: str) -> Json:
    metadata: Json = {"chartId": chart_id}
    if due is not None:
        metadata["dueDate"] = due
    return metadata | {"createdAt": now, "updatedAt": now}
