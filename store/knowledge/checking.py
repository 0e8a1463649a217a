"""Are these bytes a knowledge record? Every line anybody submits is asked here once, before it is written.

Invariants:

1. A line is either accepted, and then its bytes are kept to the last one (a record that chartkeep
   creates from a draft gets members in front, the draft's own bytes follow), or it is rejected with a
   code and a reason. Nothing a line holds raises.
2. What is accepted is one JSON object that every JSON reader reads alike: UTF-8 text, no member
   named twice, no NaN, nothing beyond the range of a double, no half of a character.
3. The usual shape passes by plain checks (3 to 5 us for an analogy of 350 bytes); whatever they cannot
   tell is decided by the models of `schemas`, and so is every reason given.
4. A record without an id of its own has a key that follows from its `idempotency_key` or, without
   one, from its bytes: submitted again it has the same key, and nothing is there twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

from orjson import dumps, loads

from store.knowledge.kinds import BY_NAME
from store.knowledge.lines import LONGEST, Line, lines

__all__ = ["LONGEST", "Checker", "Item", "Line", "Reject", "identified", "lines", "repeats"]

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

LONGEST_ID = 512
"""Bytes of UTF-8 in an id."""
DEEPEST = 128
"""Levels of objects and lists within a record."""

_BOM = b"\xef\xbb\xbf"
_MOST_KINDS = 1000
_HEAD = re.compile(
    rb'\{(?:"type":"[^"\\]*",)?"id":"(?:[^"\\]|\\.)*","workflow_id":"(?:[^"\\]|\\.)*"'
    rb'(?:,"created_at":"[^"\\]*")?'
)


class Item(NamedTuple):
    """A record that may be written."""

    line: int
    key: str
    kind: str
    raw: bytes
    given: bool
    """True where its id is its own; False where the key was derived."""
    missing: tuple[str, ...] = ()
    """Documented members it ought to have and has not."""


class Reject(NamedTuple):
    """A line that is refused."""

    line: int
    code: str
    """Stable word: `not-json`, `no-type`, `bad-score`, …"""
    reason: str
    """What was expected, what was found, and where in the record."""
    raw: bytes


class _Shape(NamedTuple):
    """What the plain checks know of one kind: all other documented members are for the models."""

    required: tuple[str, ...]
    texts: tuple[str, ...]
    names: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    lists: tuple[str, ...] = ("tags",)
    objects: tuple[str, ...] = ("metadata",)
    others: tuple[str, ...] = ()


_TEXTS = ("created_at", "idempotency_key", "workflow_id")
_SHAPES: dict[str, _Shape] = {
    "analogy": _Shape(
        REQUIRED["analogy"],
        ("source_domain", "target_domain", *_TEXTS),
        scores=("quality_score",),
        objects=("concept_mappings", "frame_mappings", "metadata"),
    ),
    "frame": _Shape(
        REQUIRED["frame"],
        ("definition", *_TEXTS),
        names=("name",),
        lists=("core_elements", "peripheral_elements", "lexical_units", "tags"),
        others=("inherits_from",),
    ),
    "frame_instance": _Shape(
        REQUIRED["frame_instance"],
        ("frame", "context", *_TEXTS),
        scores=("confidence",),
        objects=("bindings", "metadata"),
    ),
    "concept": _Shape(
        REQUIRED["concept"],
        ("context", "synset", "disambiguation", *_TEXTS),
        names=("name",),
        lists=("roles", "tags"),
        others=("memberships",),
    ),
    "cluster": _Shape(
        REQUIRED["cluster"],
        _TEXTS,
        names=("name",),
        scores=("coherence",),
        objects=("settings", "metadata"),
        others=("members", "centroid"),
    ),
    "semantic_field": _Shape(
        REQUIRED["semantic_field"],
        _TEXTS,
        names=("name",),
        scores=("coherence",),
        lists=("core_concepts", "tags"),
        others=("related_concepts",),
    ),
    "context": _Shape(REQUIRED["context"], ("parent", "description", *_TEXTS), names=("name",)),
}
_UNKNOWN = _Shape((), _TEXTS)


class Checker:
    """Checks the lines of one submission.

    `kind` is the kind of records that do not say theirs, None where every record must say it.
    `creating`: the lines are drafts, made records here: their type, id, workflow and time of creation
    are ours to give, at `now`. Otherwise they are taken as they are. `longest` is in bytes.
    """

    def __init__(
        self,
        kind: str | None,
        *,
        strict: bool = False,
        workflow: str = "",
        creating: bool = False,
        now: str = "",
        longest: int = LONGEST,
    ) -> None:
        self.kind = kind
        self.strict = strict
        self.workflow = workflow
        self.creating = creating
        self.now = now
        self.longest = longest
        self._shapes: dict[str, _Shape] = {}
        self._made = b'"workflow_id":%b' % dumps(workflow)
        self._dated = b'%b,"created_at":%b' % (self._made, dumps(now))

    def check(self, line: int, raw: bytes, length: int | None = None) -> Item | Reject:
        """The record on a line, with or without its line end, or why it is none.

        `length` is how long the line is where `raw` is only its beginning. Never raises.
        """
        if (len(raw) if length is None else length) > self.longest:
            return self._refuse(line, raw, "too-long", length=length)
        body = raw.rstrip(b"\r\n")
        if line == 1 and body.startswith(_BOM):
            body = body[3:]
        try:
            record = loads(body)
        except ValueError:
            return self._refuse(line, body, "unreadable")
        if type(record) is not dict or b"\n" in body:
            return self._refuse(line, body, "unreadable")
        get = record.get
        kind = get("type", self.kind)
        shape = self._shapes.get(kind) if type(kind) is str else None
        if shape is None and (shape := self._shape(kind)) is None:
            return self._refuse(line, body, "kind", record)
        if not _once(record, body) or not _fits(shape, get):
            refusal = self._refuse(line, body, "members", record)
            if refusal.code:
                return refusal
        missing = [name for name in shape.required if get(name) is None]
        if missing and self.strict:
            return self._refuse(line, body, "missing", record)
        if self.strict and "created_at" in record:
            refusal = self._refuse(line, body, "dates", record)
            if refusal.code:
                return refusal
        if self.creating:
            return self._create(line, body, record, kind, tuple(missing))
        record_id = get("id")
        if type(record_id) is str and "type" in record and _plain(record_id):
            return Item(line, f"{kind}:{record_id}", kind, body, True, tuple(missing))
        return self._import(line, body, record, kind, missing)

    def _shape(self, kind: Any) -> _Shape | None:
        """The shape of a kind met for the first time; None where it cannot be a submitted record's type."""
        known = BY_NAME.get(kind) if type(kind) is str else None
        if type(kind) is not str or (known and known.own) or type_fault(kind):
            return None
        if self.creating and self.kind is not None and kind != self.kind:
            return None
        shape = _SHAPES.get(kind, _UNKNOWN)
        if len(self._shapes) < _MOST_KINDS:
            self._shapes[kind] = shape
        return shape

    def _import(
        self, line: int, body: bytes, record: dict[str, Any], kind: str, missing: list[str]
    ) -> Item | Reject:
        """The item of a record that lacks its type or a plain id, taken as it is."""
        record_id = record.get("id")
        given = record_id is not None
        if not given:
            missing = ["id", *missing]
            record_id = record.get("idempotency_key")
            record_id = record_id if record_id is not None else _digest(kind, body)
        if record.get("type") is None:
            missing = ["type", *missing]
        if identified(record_id) or (self.strict and missing):
            return self._refuse(line, body, "id", record)
        return Item(line, f"{kind}:{record_id}", kind, body, given, tuple(missing))

    def _create(
        self, line: int, body: bytes, record: dict[str, Any], kind: str, missing: tuple[str, ...]
    ) -> Item | Reject:
        """The item of a draft: its own members follow those given here."""
        if "id" in record or record.get("workflow_id", self.workflow) != self.workflow:
            return self._refuse(line, body, "overwrites", record)
        body = body.strip()
        record_id = record.get("idempotency_key")
        if record_id is None:
            record_id = _digest(kind, body)
            named = b'"%b"' % record_id.encode("ascii")
        elif identified(record_id):
            return self._refuse(line, body, "id", record)
        else:
            named = dumps(record_id)
        if not record.keys().isdisjoint(("type", "workflow_id", "created_at")):
            head = self._head(record, kind, named)
        else:
            head = b'{"type":"%b","id":%b,%b' % (kind.encode(), named, self._dated)
        raw = b"%b,%b" % (head, body[1:].lstrip()) if record else head + b"}"
        return Item(line, f"{kind}:{record_id}", kind, raw, False, missing)

    def _head(self, record: dict[str, Any], kind: str, named: bytes) -> bytes:
        """What goes in front of a draft that has some of these members itself."""
        parts = []
        if "type" not in record:
            parts.append(b'"type":%b' % dumps(kind))
        parts.append(b'"id":%b' % named)
        if "workflow_id" not in record:
            parts.append(self._made)
        if "created_at" not in record:
            parts.append(b'"created_at":%b' % dumps(self.now))
        return b"{" + b",".join(parts)

    def _refuse(
        self, line: int, raw: bytes, why: str, record: dict[str, Any] | None = None, length: int | None = None
    ) -> Reject:
        """The reject of a line; with an empty code where, looked at closely, nothing is wrong with it."""
        from store.knowledge import refusals

        code, reason = refusals.reason(self, raw, why, record or {}, length)
        return Reject(line, code, reason, raw)


def _once(record: dict[str, Any], body: bytes) -> bool:
    """True where surely no member is named twice, and the record is not nested deeply.

    Every member stands in the text as `"name"`, blanks, `:`. Where no blank precedes a colon there are
    as many `":` in the text as members were written, at least; readers keep one of each name. So if
    as many were read as there are `":`, none was written twice.
    """
    members = len(record)
    for value in record.values():
        if type(value) is dict:
            members += len(value)
            for inner in value.values():
                if type(inner) is dict or type(inner) is list:
                    return _once_deeply(record, body)
        elif type(value) is list:
            for inner in value:
                if type(inner) is dict or type(inner) is list:
                    return _once_deeply(record, body)
    return members == body.count(b'":') and b" :" not in body and b"\t:" not in body and b"\r:" not in body


def _once_deeply(record: dict[str, Any], body: bytes) -> bool:
    """`_once` for a record of any depth."""
    members = 0
    level: list[Any] = [record]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if type(value) is dict:
                members += len(value)
                below.extend(value.values())
            elif type(value) is list:
                below.extend(value)
        level = [value for value in below if type(value) is dict or type(value) is list]
        if not level:
            break
    else:
        return False
    return members == body.count(b'":') and b" :" not in body and b"\t:" not in body and b"\r:" not in body


def _fits(shape: _Shape, get: Callable[[str], Any]) -> bool:
    """True where the documented members are surely what they should be; the models decide otherwise."""
    for name in shape.texts:
        value = get(name)
        if type(value) is not str and value is not None:
            return False
    for name in shape.objects:
        value = get(name)
        if type(value) is not dict and value is not None:
            return False
    for name in shape.scores:
        value = get(name)
        if value is not None and not (type(value) is float and 0.0 <= value <= 1.0):
            return False
    for name in shape.lists:
        value = get(name)
        if value is not None:
            if type(value) is not list:
                return False
            for text in value:
                if type(text) is not str:
                    return False
    for name in shape.names:
        value = get(name)
        if value is not None and (type(value) is not str or not value):
            return False
    return all(get(name) is None for name in shape.others) if shape.others else True


def _plain(record_id: str) -> bool:
    """True where an id is surely one; `identified` decides otherwise."""
    return 0 < len(record_id) <= LONGEST_ID // 4 and record_id.isprintable() and not record_id.isspace()


def identified(record_id: Any) -> str:
    """What is wrong with an id, in words; empty where it is one."""
    from store.knowledge import refusals

    return refusals.id_fault(record_id)


def type_fault(kind: str) -> str:
    """What is wrong with a type, in words; empty where it is one."""
    from store.knowledge import refusals

    return refusals.type_fault(kind)


def _digest(kind: str, body: bytes) -> str:
    """The id of a record that has none: the same for the same bytes."""
    return blake2b(body.strip(), digest_size=16, person=kind.encode()[:16]).hexdigest()


def repeats(raw: bytes, there: bytes) -> bool:
    """True where `there` is the record `raw` already: byte for byte, or made from the same draft.

    Records made from one draft by two workflows differ in the members chartkeep put in front.
    """
    if raw == there:
        return True
    ours, theirs = _HEAD.match(raw), _HEAD.match(there)
    return bool(ours and theirs) and raw[ours.end() :] == there[theirs.end() :]  # type: ignore[union-attr]
