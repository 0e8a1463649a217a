"""The kinds of knowledge records, their collections and keys: one table that every layer reads.

A knowledge record is one JSON object with the members `type` (its kind) and `id`; its key in the
journal is `<type>:<id>`. Kinds chartkeep does not know are kept and indexed all the same.
"""

from __future__ import annotations

from typing import NamedTuple

FAMILY = "knowledge"
"""The family of journals that holds these records."""


class Kind(NamedTuple):
    """One kind of record."""

    name: str
    """As the record's `type` says: `semantic_field`."""
    collection: str
    """What all records of it are called in commands: `fields`."""
    title: str
    """For one of them, as people read it."""
    code: int
    """Its number in the index."""
    own: bool = False
    """True where only chartkeep writes them: nobody submits one."""


KINDS = (
    Kind("analogy", "analogies", "analogy", 1),
    Kind("frame", "frames", "frame", 2),
    Kind("frame_instance", "instances", "frame instance", 3),
    Kind("concept", "concepts", "concept", 4),
    Kind("cluster", "clusters", "cluster", 5),
    Kind("semantic_field", "fields", "semantic field", 6),
    Kind("context", "scopes", "context", 7),
    Kind("validation", "rejects", "validation result", 8, own=True),
    Kind("workflow", "workflows", "workflow", 9, own=True),
)
"""Every kind chartkeep knows, in the order lists show them."""

OTHER = Kind("other", "others", "record", 0)
"""What records of an unknown `type` are listed as."""

BY_NAME = {kind.name: kind for kind in KINDS}
BY_COLLECTION = {kind.collection: kind for kind in (*KINDS, OTHER)}
BY_CODE = {kind.code: kind for kind in (*KINDS, OTHER)}


def kind_of(name: str) -> Kind:
    """The kind of records whose `type` is `name`; OTHER for one that is not known."""
    return BY_NAME.get(name, OTHER)


def named(word: str) -> Kind | None:
    """The kind a person means by `analogy`, `analogies` or `frame-instance`; None for no such one."""
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    return BY_COLLECTION.get(plain) or BY_NAME.get(plain)


def key_of(kind: str, record_id: str) -> str:
    """The journal key of a record."""
    return f"{kind}:{record_id}"


def parts_of(key: str) -> tuple[str, str]:
    """(type, id) that a key stands for."""
    kind, _, record_id = key.partition(":")
    return kind, record_id
