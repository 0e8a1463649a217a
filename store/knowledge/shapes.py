"""The plain checks of a record's members: what tells in a microsecond or two that the usual record is sound.

They answer "surely sound" or "not known"; the models of `schemas` decide whatever is not known. Most
of what they need follows from the names and types of the members, which are the same in record after
record of one submission: that is worked out once and remembered (`Form`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

REQUIRED: dict[str, tuple[str, ...]] = {
    "analogy": ("source_domain", "target_domain", "quality_score"),
    "frame": ("name", "definition", "core_elements"),
    "frame_instance": ("frame", "bindings"),
    "concept": ("name",),
    "cluster": ("members",),
    "semantic_field": ("name", "core_concepts"),
    "context": ("name",),
}
"""Members that a record of each kind ought to have."""

DEEPEST = 128
"""Levels of objects and lists within a record."""
_MOST_FORMS = 256
_TAB, _RETURN, _BACKSLASH = b"\t\r\\"
"""As numbers: these are found in a sixth of the time."""


class _Score:
    """Stands for a number from 0 to 1 among the types the plain checks know."""


class _Name:
    """Stands for text that is not empty."""


class _Other:
    """Stands for what only the models can tell."""


_NULL = type(None)
_STANDS_FOR: dict[type, type] = {_Score: float, _Name: str}


class Shape(NamedTuple):
    """What the plain checks know of one kind."""

    required: tuple[str, ...]
    wants: dict[str, type]
    """The type of each documented member; list means texts only."""
    seen: dict[tuple[object, ...], Form]
    """What follows from the names and types of a record's members, as met so far."""


class Form(NamedTuple):
    """What follows from the names and types of a record's members."""

    members: int
    objects: tuple[str, ...]
    lists: int
    texts: tuple[str, ...]
    """Members that must be lists of texts."""
    scores: tuple[str, ...]
    names: tuple[str, ...]
    """Members that must not be empty."""
    missing: tuple[str, ...]
    plain: bool
    """True where it has a type, and an id that is text."""
    right: bool
    """True where every documented member has the type the plain checks know."""


_COMMON: dict[str, type] = {
    "tags": list,
    "metadata": dict,
    "created_at": str,
    "idempotency_key": str,
    "workflow_id": str,
}


def _kind(kind: str, **wants: type) -> Shape:
    return Shape(REQUIRED.get(kind, ()), {**_COMMON, **wants}, {})


SHAPES: dict[str, Shape] = {
    "analogy": _kind(
        "analogy",
        source_domain=str,
        target_domain=str,
        quality_score=_Score,
        concept_mappings=dict,
        frame_mappings=dict,
    ),
    "frame": _kind(
        "frame",
        name=_Name,
        definition=str,
        core_elements=list,
        peripheral_elements=list,
        lexical_units=list,
        inherits_from=_Other,
    ),
    "frame_instance": _kind("frame_instance", frame=str, bindings=dict, context=str, confidence=_Score),
    "concept": _kind(
        "concept",
        name=_Name,
        context=str,
        synset=str,
        disambiguation=str,
        roles=list,
        memberships=_Other,
    ),
    "cluster": _kind("cluster", name=_Name, members=_Other, centroid=_Other, coherence=_Score, settings=dict),
    "semantic_field": _kind(
        "semantic_field", name=_Name, core_concepts=list, related_concepts=_Other, coherence=_Score
    ),
    "context": _kind("context", name=_Name, parent=str, description=str),
}
UNKNOWN = _kind("")


def form_of(shape: Shape, record: dict[str, Any]) -> Form:
    """What follows from the names and types of a record's members; remembered."""
    wants = shape.wants
    types = {name: type(value) for name, value in record.items()}
    known = [
        (name, found, wants[name]) for name, found in types.items() if name in wants and found is not _NULL
    ]
    form = Form(
        len(record),
        tuple(name for name, found in types.items() if found is dict),
        sum(found is list for found in types.values()),
        tuple(name for name, found, want in known if found is want is list),
        tuple(name for name, _, want in known if want is _Score),
        tuple(name for name, _, want in known if want is _Name),
        tuple(name for name in shape.required if types.get(name, _NULL) is _NULL),
        types.get("type") is str and types.get("id") is str,
        all(found is _STANDS_FOR.get(want, want) for _, found, want in known),
    )
    if len(shape.seen) < _MOST_FORMS:
        shape.seen[(*record, *types.values())] = form
    return form


def usual(form: Form, record: dict[str, Any], body: bytes) -> bool:
    """True where surely all is well with a record of that form.

    It has as many colons in its text as members were written, at least, and readers keep one of each
    name: so where no more were written than were read here, none was named twice, and none lies
    deeper. It has as many `[` as lists: where there are no more than lie in it directly, none does either.
    """
    members, objects, lists, texts, scores, names, _, _, right = form
    if not right:
        return False
    for name in objects:
        members += len(record[name])
    for name in texts:
        for text in record[name]:
            if type(text) is not str:
                return False
    for name in scores:
        if not 0.0 <= record[name] <= 1.0:
            return False
    for name in names:
        if not record[name]:
            return False
    if body.count(b"[") != lists:
        return False
    stamp = record.get("created_at")
    colons = members
    if stamp is not None and _BACKSLASH not in body:  # not escaped: its colons stand in the text as they are
        colons += stamp.count(":")
    return colons == body.count(b":") or _once(members, body)


def _once(members: int, body: bytes) -> bool:
    """True where surely no member is named twice, though texts may hold colons.

    Every member stands in the text as `"name"`, blanks, `:`. Where no blank precedes a colon there are as
    many `":` in the text as members were written, at least.
    """
    return members == body.count(b'":') and _TAB not in body and _RETURN not in body and b" :" not in body


def sound(kind: str, record: dict[str, Any], body: bytes) -> bool:
    """`usual` for a record with objects and lists at any depth, or with members only the models can tell."""
    from store.knowledge.schemas import faults

    members = 0
    level: list[Any] = [record]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if type(value) is dict:
                members += len(value)
                below.extend(value.values())
            else:
                below.extend(value)
        level = [value for value in below if type(value) is dict or type(value) is list]
        if not level:
            return _once(members, body) and not faults(kind, record)
    return False
