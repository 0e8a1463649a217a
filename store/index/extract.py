"""What the index wants to know of one record: bytes in, plain column values out.

Never fails: a record is whatever other programs wrote. What does not fit its column is left
out there (the journal keeps it); text that is no UTF-8 (lone surrogates) is shown escaped.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from store import records
from store.model import Json

CHART, OUTCOME, REALITY, STEP, ENTITY, RELATION, OTHER, COMMENT = range(8)
"""Values of `records.role`."""

_ROLES = {
    "structural_tension_chart": CHART,
    "desired_outcome": OUTCOME,
    "current_reality": REALITY,
    "action_step": STEP,
}
_DATE = re.compile(r"\d{4}-.{0,35}\Z", re.ASCII).match
_EXACT = 1 << 53
MOST_OBSERVATIONS = 1 << 16
"""Observations of one record that are indexed; no more are."""


class Columns(NamedTuple):
    """The columns of `records` that come from the record itself, in the table's order."""

    kind: str
    role: int
    loose: int
    entity_type: str | None
    name: str | None
    chart_id: str | None
    text: str | None
    last_text: str | None
    notes: int
    due: str | None
    done: int
    level: int | None
    parent_chart: str | None
    parent_step: str | None
    source_step: str | None
    child_chart: str | None
    step_order: float | None
    phase: str | None
    created: str | None
    updated: str | None


_BARE = Columns(
    kind="other",
    role=OTHER,
    loose=0,
    entity_type=None,
    name=None,
    chart_id=None,
    text=None,
    last_text=None,
    notes=0,
    due=None,
    done=0,
    level=None,
    parent_chart=None,
    parent_step=None,
    source_step=None,
    child_chart=None,
    step_order=None,
    phase=None,
    created=None,
    updated=None,
)
_RELATION = _BARE._replace(kind="relation", role=RELATION)


class Extract(NamedTuple):
    """A record as the index keeps it. `ends` is (from, type, to) of a relation."""

    columns: Columns
    observations: list[str]
    ends: tuple[str, str, str] | None


_new = tuple.__new__
"""Makes a NamedTuple in a third of the time its own constructor takes: there is one for every line."""


def extract(key: str, raw: bytes) -> Extract:
    """The index's view of the record `raw` under `key`."""
    escaped = b"\\ud" in raw or b"\\uD" in raw
    try:
        # What orjson would round are integers no column holds; surrogates make it refuse.
        value = orjson.loads(raw)
    except ValueError:
        try:
            value = records.loads(raw)
        except records.BadJson:
            value = None
    body = records.body_of(value) if isinstance(value, dict) and "data" in value else value
    prefix = key[:2]
    if not isinstance(body, dict):
        found = _other("comment" if prefix == "c:" else "other", None)
    elif prefix == "e:":
        found = _entity(body)
    elif prefix == "r:":
        found = _relation(body)
    else:
        found = _other("comment" if prefix == "c:" else "other", body)
    return _scrubbed(found) if escaped else found


def _entity(body: Json) -> Extract:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    entity_type = _text(body.get("entityType"))
    role = _ROLES.get(entity_type, ENTITY) if entity_type else ENTITY
    name = str(body.get("name"))
    chart_id = _text(metadata.get("chartId"))
    if chart_id is None and role == CHART:
        chart_id = name.removesuffix("_chart")
    texts = _texts(body.get("observations"))
    own = ("entity", role, 1 if chart_id is None else 0, entity_type, name, chart_id)
    words = (texts[0], texts[-1], len(texts) - 1) if texts else (None, None, 0)
    return _new(Extract, (_new(Columns, own + words + _metadata(metadata, role, name)), texts, None))


def _metadata(metadata: Json, role: int, name: str) -> tuple[Any, ...]:
    """From `due` to `updated`."""
    get = metadata.get
    created = _instant(get("createdAt"))
    status, completed = get("completionStatus"), get("completed")
    # By identity: 1 == True in Python, but not in the files.
    done = status is True or completed is True or status == "completed" or completed == "completed"
    updated = _instant(get("updatedAt")) or created
    due, phase = _text(get("dueDate")), _text(get("phase"))
    if role == STEP:
        child, order = _text(get("telescopedToChartId")), _order(get("order"), name)
        return due, int(done), None, None, None, None, child, order, phase, created, updated
    if role > OUTCOME:
        return due, int(done), None, None, None, None, None, None, phase, created, updated
    parent = _text(get("parentChart")) or _text(get("parentChartId"))
    step, source = _text(get("parentActionStep")), _text(get("sourceActionStepId"))
    return due, int(done), _int(get("level")), parent, step, source, None, None, phase, created, updated


def _relation(body: Json) -> Extract:
    ends = (str(body.get("from")), str(body.get("relationType")), str(body.get("to")))
    return _new(Extract, (_RELATION, [], ends))


def _other(kind: str, body: Any) -> Extract:
    columns = _BARE._replace(kind=kind, role=COMMENT if kind == "comment" else OTHER)
    if kind == "comment" or not isinstance(body, dict):
        return Extract(columns, [], None)
    metadata = body.get("metadata")
    chart_id = _text(metadata.get("chartId")) if isinstance(metadata, dict) else None
    texts = _texts(body.get("observations"))
    columns = columns._replace(
        entity_type=_text(body.get("type")),
        name=_text(body.get("name")),
        chart_id=chart_id,
        text=texts[0] if texts else None,
        last_text=texts[-1] if texts else None,
        notes=len(texts) - 1 if texts else 0,
    )
    return Extract(columns, texts, None)


def _texts(value: Any) -> list[str]:
    """Observations as texts: other values among them as their JSON, a lone string as a list of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return []
    if len(value) == 1 and isinstance(value[0], str):
        return value
    return [item if isinstance(item, str) else _json(item) for item in value[:MOST_OBSERVATIONS]]


def _json(value: Any) -> str:
    try:
        return records.dumps(value).decode("utf-8")
    except records.BadJson:
        return "…"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _instant(value: Any) -> str | None:
    """A date as text, so that the latest of several is the greatest; None for other words."""
    if isinstance(value, str) and _DATE(value):
        return value
    return None


def _int(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_EXACT < value < _EXACT:
        return None
    return int(value)


def _order(value: Any, name: str) -> float | None:
    """Place among the steps: `metadata.order`, else the number its name ends in."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and -_EXACT < value < _EXACT:
        return float(value)
    digits = name[len(name.rstrip("0123456789")) :]
    if 0 < len(digits) <= 9 and digits.isascii() and "action" in name:
        return float(digits)
    return None


# -- text the database can hold --------------------------------------------------------------------


def scrub(text: str) -> str:
    r"""`text` with lone surrogates written as `\udc00`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def bind_key(key: str) -> str | bytes:
    """A key as a value to bind: bytes where it holds lone surrogates, so that no two keys become one."""
    if key.isascii():
        return key
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")
    return key


def read_key(value: str | bytes) -> str:
    """The key that `bind_key` bound."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def _scrubbed(found: Extract) -> Extract:
    columns = Columns._make(scrub(item) if isinstance(item, str) else item for item in found.columns)
    ends = found.ends
    return Extract(
        columns,
        [scrub(text) for text in found.observations],
        None if ends is None else (scrub(ends[0]), scrub(ends[1]), scrub(ends[2])),
    )
