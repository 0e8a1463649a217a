"""Are these bytes a knowledge record? Every line anybody submits is asked here once, before it is written.

Invariants:

1. A line is either accepted, and then its bytes are kept to the last one (a record that chartkeep
   creates from a draft gets members in front, the draft's own bytes follow), or it is rejected with a
   code and a reason. Nothing a line holds raises.
2. What is accepted is one JSON object that every JSON reader reads alike: UTF-8 text, no member
   named twice, no NaN, nothing beyond the range of a double, no half of a character.
3. The usual shape passes by plain checks (4 us for an analogy of 363 bytes, 5 where it is created);
   whatever they cannot tell is decided by the models of `schemas`, and so is every reason given.
4. A record without an id of its own has a key that follows from its `idempotency_key` or, without
   one, from its bytes: submitted again it has the same key, and nothing is there twice.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, NamedTuple

from orjson import dumps, loads

from store import clock
from store.knowledge.kinds import BY_NAME
from store.knowledge.shapes import REQUIRED, SHAPES, UNKNOWN, Shape, form_of, sound, usual

__all__ = ["LONGEST", "REQUIRED", "Checker", "Item", "Reject", "identified", "repeats"]

LONGEST = 8 << 20
"""Bytes of a line that is still read, where no setting says otherwise."""
LONGEST_ID = 512
"""Bytes of UTF-8 in an id."""

_SHORT_ID = LONGEST_ID // 4
"""Characters that are never more than LONGEST_ID bytes."""
_BOM = b"\xef\xbb\xbf"
_OURS = ("type", "id", "workflow_id", "created_at", "idempotency_key")
"""Members of a draft that have a say in what is put in front of it."""
_NEWLINE = 10
"""As a number: found in a sixth of the time."""
_MOST_KINDS = 1000
_HEAD = re.compile(
    rb'\{(?:"type":"[^"\\]*",)?"id":"(?:[^"\\]|\\.)*"(?:,"workflow_id":"(?:[^"\\]|\\.)*")?'
    rb'(?:,"created_at":"[^"\\]*")?'
)


_new = tuple.__new__
"""Makes a NamedTuple in half the time."""


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


class Checker:
    """Checks the lines of one submission.

    `kind` is the kind of records that do not say theirs, None where every record must say it.
    `creating`: the lines are drafts, made records here: their type, id, workflow and time of creation
    are ours to give, at `now` (no workflow where it is empty). Otherwise they are taken as they are. `longest` is in bytes.
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
        self._shapes: dict[str, Shape] = {}
        self._made = b'"workflow_id":%b' % dumps(workflow)
        self._dated = b'%b"created_at":%b' % (self._made + b"," if workflow else b"", dumps(now))

    def check(self, line: int, raw: bytes) -> Item | Reject:
        """The record on a line, with or without its line end, or why it is none. Never raises."""
        if len(raw) > self.longest:
            return self._refuse(line, raw, "too-long")
        body = raw.rstrip(b"\r\n")
        if line == 1 and body.startswith(_BOM):
            body = body[3:]
        try:
            record = loads(body)
        except ValueError:
            return self._refuse(line, body, "unreadable")
        if type(record) is not dict or _NEWLINE in body:
            return self._refuse(line, body, "unreadable")
        kind: Any = record.get("type", self.kind)
        shape = self._shapes.get(kind) if type(kind) is str else None
        if shape is None and (shape := self._shape(kind)) is None:
            return self._refuse(line, body, "kind", record)
        form = shape.seen.get((*record, *map(type, record.values())))
        if form is None:
            form = form_of(shape, record)
        if not usual(form, record, body) and not sound(kind, record, body):
            refusal = self._refuse(line, body, "members", record)
            if refusal.code:
                return refusal
        missing = form.missing
        if self.strict and (missing or not _dated(record)):
            return self._refuse(line, body, "strict", record)
        if self.creating:
            return self._create(line, body, record, kind, missing)
        record_id: Any = record.get("id")
        if (
            form.plain
            and 0 < len(record_id) <= _SHORT_ID
            and record_id.isprintable()
            and not record_id.isspace()
        ):
            return _new(Item, (line, f"{kind}:{record_id}", kind, body, True, missing))
        return self._import(line, body, record, kind, missing)

    def _shape(self, kind: Any) -> Shape | None:
        """The shape of a kind met for the first time; None where it cannot be a submitted record's type."""
        known = BY_NAME.get(kind) if type(kind) is str else None
        if type(kind) is not str or (known and known.own) or type_fault(kind):
            return None
        if self.creating and self.kind is not None and kind != self.kind:
            return None
        shape = SHAPES.get(kind, UNKNOWN)._replace(seen={})
        if len(self._shapes) < _MOST_KINDS:
            self._shapes[kind] = shape
        return shape

    def _import(
        self, line: int, body: bytes, record: dict[str, Any], kind: str, missing: tuple[str, ...]
    ) -> Item | Reject:
        """The item of a record that lacks its type or a plain id, taken as it is."""
        record_id = record.get("id")
        given = record_id is not None
        if not given:
            missing = ("id", *missing)
            record_id = record.get("idempotency_key")
            record_id = record_id if record_id is not None else _digest(body.strip())
        if record.get("type") is None:
            missing = ("type", *missing)
        if identified(record_id) or (self.strict and missing):
            return self._refuse(line, body, "id", record)
        return Item(line, f"{kind}:{record_id}", kind, body, given, missing)

    def _create(
        self, line: int, body: bytes, record: dict[str, Any], kind: str, missing: tuple[str, ...]
    ) -> Item | Reject:
        """The item of a draft: its own members follow those given here."""
        body = body.strip()
        if record and record.keys().isdisjoint(_OURS):
            record_id = _digest(body)
            head = b'{"type":"%b","id":"%b",%b,' % (kind.encode(), record_id.encode(), self._dated)
            return _new(Item, (line, f"{kind}:{record_id}", kind, head + body[1:].lstrip(), False, missing))
        if "id" in record or record.get("workflow_id", self.workflow) != self.workflow:
            return self._refuse(line, body, "overwrites", record)
        named: Any = record.get("idempotency_key")
        if named is not None and identified(named):
            return self._refuse(line, body, "id", record)
        record_id = _digest(body) if named is None else named
        head = self._head(record, kind, record_id)
        raw = b"%b,%b" % (head, body[1:].lstrip()) if record else head + b"}"
        return Item(line, f"{kind}:{record_id}", kind, raw, False, missing)

    def _head(self, record: dict[str, Any], kind: str, record_id: str) -> bytes:
        """What goes in front of a draft that has some of these members itself."""
        parts = []
        if "type" not in record:
            parts.append(b'"type":%b' % dumps(kind))
        parts.append(b'"id":%b' % dumps(record_id))
        if "workflow_id" not in record and self.workflow:
            parts.append(self._made)
        if "created_at" not in record:
            parts.append(b'"created_at":%b' % dumps(self.now))
        return b"{" + b",".join(parts)

    def _refuse(self, line: int, raw: bytes, why: str, record: dict[str, Any] | None = None) -> Reject:
        """The reject of a line; with an empty code where, looked at closely, nothing is wrong with it."""
        from store.knowledge import refusals

        code, reason = refusals.reason(self, raw, why, record or {})
        return Reject(line, code, reason, raw)


def _dated(record: dict[str, Any]) -> bool:
    """False where the time of creation is none."""
    stamp = record.get("created_at")
    return stamp is None or clock.try_parse(stamp) is not None


def identified(record_id: Any) -> str:
    """What is wrong with an id, in words; empty where it is one."""
    from store.knowledge import refusals

    return refusals.id_fault(record_id)


def type_fault(kind: str) -> str:
    """What is wrong with a type, in words; empty where it is one."""
    from store.knowledge import refusals

    return refusals.type_fault(kind)


def _digest(body: bytes) -> str:
    """The id of a record that has none: the same for the same bytes."""
    return blake2b(body, digest_size=16).hexdigest()


def repeats(raw: bytes, there: bytes) -> bool:
    """True where `there` is the record `raw` already: byte for byte, or made from the same draft.

    Records made from one draft by two workflows differ in the members chartkeep put in front.
    """
    if raw == there:
        return True
    ours, theirs = _HEAD.match(raw), _HEAD.match(there)
    return bool(ours and theirs) and raw[ours.end() :] == there[theirs.end() :]  # type: ignore[union-attr]
