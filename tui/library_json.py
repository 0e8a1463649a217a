"""A record as text to edit, and what is wrong with the text: each problem names its member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from store import clock, records
from store.knowledge.kinds import BY_NAME

INLINE = 88
"""Characters up to which a list or object stands on one line."""
_DRAFTS: dict[str, dict[str, Any]] = {
    "analogy": {
        "source_domain": "",
        "target_domain": "",
        "quality_score": 0.5,
        "concept_mappings": {},
        "tags": [],
    },
    "frame": {
        "name": "",
        "definition": "",
        "core_elements": [],
        "peripheral_elements": [],
        "lexical_units": [],
        "inherits_from": [],
    },
    "frame_instance": {"frame": "", "bindings": {}, "context": "", "confidence": 0.5},
    "concept": {"name": "", "context": "", "disambiguation": "", "roles": [], "tags": []},
    "cluster": {"name": "", "members": []},
    "semantic_field": {"name": "", "core_concepts": [], "related_concepts": []},
    "context": {"name": "", "parent": None, "description": ""},
}


def draft(kind: str) -> str:
    """The text a new record begins as."""
    return pretty({"type": kind, **_DRAFTS.get(kind, {})})


def pretty(value: Any) -> str:
    """A record as JSON people can edit: a member a line, short lists and vectors on one line."""
    return _pretty(value, "") + "\n"


def _pretty(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    nested = isinstance(value, Mapping | list) and bool(value)
    numbers = isinstance(value, list) and all(isinstance(item, int | float) for item in value)
    top = not indent
    if not nested or numbers or (not top and len(flat) + len(indent) <= INLINE):
        return flat
    deeper = indent + "  "
    if isinstance(value, Mapping):
        parts = [
            f"{json.dumps(str(name), ensure_ascii=False)}: {_pretty(item, deeper)}"
            for name, item in value.items()
        ]
        return "{\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _pretty(item, deeper) for item in value) + f"\n{indent}]"


def compact(text: str) -> bytes:
    """The record in an edited text, as its journal keeps it. Raises BadJson; see `problems`."""
    return records.dumps(records.loads(text.encode("utf-8")))


def problems(text: str, kind: str | None, key: str = "") -> list[str]:
    """Why a text is no record of that kind, by member; empty where it is one.

    key: of a record that is edited, which its `type` and `id` must still say.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return [f"line {error.lineno}, column {error.colno}: {error.msg}"]
    except RecursionError:
        return ["objects and lists lie within each other too deeply"]
    found = _refused(text, value, kind)
    if not found and key and isinstance(value, Mapping):
        said = f"{value.get('type', kind)}:{value.get('id')}"
        if value.get("id") is not None and said != key:
            found.append(f"id: this record is {key}, the text says {said}; make a new record of it instead")
    return found


def _refused(text: str, value: Any, kind: str | None) -> list[str]:
    from store.knowledge.checking import Checker, Reject
    from store.knowledge.schemas import faults

    check = Checker(kind, strict=False, workflow="", creating=False, now=clock.stamp())
    try:
        line = " ".join(text.split("\n")).strip().encode("utf-8")
    except UnicodeEncodeError:
        return ["a text holds half of a character (a lone surrogate), which is no Unicode text"]
    found = check.check(1, line)
    if not isinstance(found, Reject):
        return []
    if found.code in ("bad-member", "bad-score") and isinstance(value, dict):
        return [fault.reason for fault in faults(str(value.get("type", kind)), value)] or [found.reason]
    return [found.reason]


def submittable() -> list[str]:
    """Kinds that a person may make records of."""
    return [name for name, kind in BY_NAME.items() if not kind.own]
