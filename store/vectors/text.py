"""What of a record is embedded: one plain function per kind, from the record to its text.

The members that say most come first; members a kind does not know follow, so that a foreign record
is found by its words too. Names, ids, dates and figures are no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

LONGEST = 8_000
"""Characters of a text that are embedded."""
_DEEPEST = 8

_IDS = ("type", "id", "key", "workflow_id", "idempotency_key", "version", "model", "dtype", "hash")
_DATES = ("created_at", "updated_at", "createdAt", "updatedAt", "deleted_at", "timestamp")
_NO_TEXT = frozenset((*_IDS, *_DATES, "embedding", "centroid"))


def analogy(record: dict[str, Any]) -> str:
    """Domains, what is mapped onto what, the reasoning, the tags."""
    first = ("source_domain", "target_domain", "concept_mappings", "frame_mappings", "reasoning", "tags")
    return _text(record, first)


def frame(record: dict[str, Any]) -> str:
    """Name, definition, elements, lexical units."""
    first = ("name", "definition", "core_elements", "peripheral_elements", "lexical_units", "inherits_from")
    return _text(record, first)


def frame_instance(record: dict[str, Any]) -> str:
    """The frame and what its elements are bound to."""
    return _text(record, ("frame", "bindings", "element_bindings", "context"))


def concept(record: dict[str, Any]) -> str:
    """Name, the context it is meant in, its sense, its roles."""
    return _text(record, ("name", "context", "disambiguation", "synset", "roles", "memberships"))


def cluster(record: dict[str, Any]) -> str:
    """Name and members."""
    return _text(record, ("name", "title", "label", "members"))


def semantic_field(record: dict[str, Any]) -> str:
    """Name, core concepts, related ones."""
    return _text(record, ("name", "core_concepts", "related_concepts"))


def context(record: dict[str, Any]) -> str:
    """Name, description, parent."""
    return _text(record, ("name", "description", "parent"))


def other(record: dict[str, Any]) -> str:
    """Every text of a record of an unknown kind."""
    return _text(record, ("name", "title", "text"))


def chart(outcome: Iterable[str], reality: Iterable[str], steps: Iterable[str]) -> str:
    """A chart: the outcome, the current reality, the steps."""
    return _joined([*outcome, *reality, *steps])


BY_KIND: dict[str, Callable[[dict[str, Any]], str]] = {
    "analogy": analogy,
    "frame": frame,
    "frame_instance": frame_instance,
    "concept": concept,
    "cluster": cluster,
    "semantic_field": semantic_field,
    "context": context,
}


def text_of(kind: str, record: Any) -> str:
    """The text that stands for a record; empty where it has none."""
    if not isinstance(record, dict):
        return _joined(_texts(record))
    return BY_KIND.get(kind, other)(record)


def _text(record: dict[str, Any], first: tuple[str, ...]) -> str:
    found: list[str] = []
    for name in first:
        found.extend(_texts(record.get(name)))
    for name, value in record.items():
        if name not in first and name not in _NO_TEXT:
            found.extend(_texts(value))
    return _joined(found)


def _joined(texts: Iterable[str]) -> str:
    return ". ".join(text for text in texts if text)[:LONGEST]


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text in a value; of objects the names of members too, since mappings are written so."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for one in value:
            yield from _texts(one, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name, one in value.items():
            if name not in _NO_TEXT:
                yield name.replace("_", " ")
                yield from _texts(one, depth + 1)
