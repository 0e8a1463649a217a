"""What the index wants to know of one knowledge record: bytes in, plain column values out.

Never fails: a record is whatever other programs wrote. What does not fit its column is left out there
(the journal keeps it); text that is no UTF-8 (lone surrogates) is shown escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from store import records
from store.index.extract import scrub
from store.knowledge import kinds

FOREIGN = 100
"""Kinds from here on are types chartkeep does not know, by their number in `names`."""
MOST_TEXT = 1 << 18
"""Characters of one record that can be searched for."""
TITLE = 120
"""Characters of a title."""

_NOT_WORDS = (
    "updated_at",
    "idempotency_key",
    "quality_score",
    "confidence",
    "coherence",
    "centroid",
    "embedding",
    "vector",
)
"""Members whose values nobody looks for by words, besides those that every record has."""
_RARE = frozenset(_NOT_WORDS)
_MOST = 1e300
"""No NaN lies between its negative and itself, and no number that does not fit a column."""
_SCORES = ("quality_score", "confidence", "coherence")
_ANALOGY, _WORKFLOW = kinds.BY_NAME["analogy"].code, kinds.BY_NAME["workflow"].code
SCORES = {
    _ANALOGY: _SCORES[:1],
    kinds.BY_NAME["frame_instance"].code: _SCORES[1:2],
    kinds.BY_NAME["cluster"].code: _SCORES[2:],
    kinds.BY_NAME["semantic_field"].code: _SCORES[2:],
}
"""The member that says how good a record of a kind is; of other kinds it is the first of the three."""
_PAIRS = (("source_pair", "target_pair"), ("source_concept", "target_concept"), ("source_a", "target_a"))
_TEXTS = ("title", "reason", "definition", "description", "text", "label", "frame", "core_concept", "note")


class Extract(NamedTuple):
    """A record as the index keeps it."""

    source: str | None
    target: str | None
    tags: list[str]
    quality: float | None
    created: int | None
    """Microseconds since 1970; None where it does not say."""
    name: str | None
    title: str | None
    """None where it follows from name or domains."""
    text: str
    """All words it can be found by."""
    state: str
    """Of a workflow."""


_only_text = frozenset((str,)).issuperset
NOTHING = Extract(None, None, [], None, None, None, None, "", "")
_new = tuple.__new__


def extract(kind: int, raw: bytes) -> Extract:
    """The index's view of the record `raw`, whose kind has the number `kind`."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        try:
            value = records.loads(raw)
        except records.BadJson:
            return NOTHING
    if type(value) is not dict:
        return NOTHING
    if kind == _WORKFLOW:
        return _workflow(value)
    take, get = value.pop, value.get
    take("type", None)
    take("id", None)
    take("workflow_id", None)
    created = take("created_at", None)
    source, target = get("source_domain"), get("target_domain")
    if type(source) is not str:
        source = None
    if type(target) is not str:
        target = None
    quality = take("quality_score", None) if kind == _ANALOGY else None
    if type(quality) is not float or not -_MOST < quality < _MOST:
        if quality is not None:
            value["quality_score"] = quality
        quality = _score(value, SCORES.get(kind, _SCORES))
    name = get("name")
    if type(name) is not str:
        name = None
    tags = get("tags")
    tags = _tags(tags) if tags else []
    if not _RARE.isdisjoint(value):
        for member in _NOT_WORDS:
            take(member, None)
    title = None
    if not name and not (source and target):
        title = _title(value)
    words = text_of(list(value.values()))
    made: Extract = _new(Extract, (source, target, tags, quality, instant(created), name, title, words, ""))
    return _scrubbed(made) if b"\\u" in raw and (b"\\ud" in raw or b"\\uD" in raw) else made


def _workflow(value: dict[str, Any]) -> Extract:
    """A workflow has a version for every step: only its title, its beginning and its state are kept."""
    title = scrub(_title(value) or "") or None
    state = _text(value.get("state")) or ""
    return NOTHING._replace(created=instant(value.get("created_at")), title=title, state=scrub(state))


def instant(value: Any) -> int | None:
    """A date with time as microseconds since 1970; one without a zone is in UTC. None for other values."""
    return _instant(value) if type(value) is str else None


@lru_cache(maxsize=64)  # what was made together says the same
def _instant(value: str) -> int | None:
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return round(found.timestamp() * 1e6)
    except (ValueError, OverflowError):
        return None


def text_of(values: list[Any]) -> str:
    """The words of JSON values, with the names of inner members: as their JSON, where that holds no escapes."""
    try:
        text = orjson.dumps(values).decode()
        if "\\" in text:
            text = "\n".join(_strings(values))
    except (TypeError, ValueError):
        text = scrub("\n".join(_strings(values)))
    if not text.isascii():
        text = text.replace(MARK, " ")
    return text[:MOST_TEXT]


MARK = "\ue000"
"""Begins the words that stand for kinds, domains and tags: private, so that no text holds them."""


def _strings(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            yield str(item)


def _score(value: dict[str, Any], members: tuple[str, ...]) -> float | None:
    for member in members:
        score: Any = value.get(member)
        if type(score) in (int, float) and -_MOST < score < _MOST:
            return float(score)
    return None


def _tags(value: Any) -> list[str]:
    if type(value) is list and _only_text(map(type, value)):
        return list(dict.fromkeys(value))
    if not isinstance(value, (list, dict)):
        return []
    return list(dict.fromkeys(tag for tag in value if type(tag) is str))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _title(value: dict[str, Any]) -> str | None:
    """A line to know a record by that has neither a name nor two domains."""
    for left, right in _PAIRS:
        ends = [_end(value.get(member)) for member in (left, right)]
        if all(ends):
            return _line(f"{ends[0]} → {ends[1]}")
    for member in _TEXTS:
        if (found := _text(value.get(member))) is not None:
            return _line(found)
    for item in value.values():
        if (found := _text(item)) is not None:
            return _line(found)
    return None


def _end(value: Any) -> str | None:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ":".join(value)
    return _text(value)


def _line(text: str) -> str:
    line = " ".join(text[: 2 * TITLE].split())
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def _scrubbed(found: Extract) -> Extract:
    clean = [scrub(item) if isinstance(item, str) else item for item in found]
    return Extract._make(clean)._replace(tags=[scrub(tag) for tag in found.tags])
