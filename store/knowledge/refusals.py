"""Why a line is no knowledge record, in words: what `checking` asks once it knows, or cannot tell, that it is none."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from unicodedata import category

import orjson

from store.knowledge.kinds import BY_NAME
from store.knowledge.schemas import faults, shown
from store.knowledge.shapes import DEEPEST, REQUIRED

if TYPE_CHECKING:
    from store.knowledge.checking import Checker

LONGEST_ID = 512
LONGEST_TYPE = 128

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')


def reason(check: Checker, raw: bytes, why: str, record: dict[str, Any]) -> tuple[str, str]:
    """(code, reason) for a line that failed at `why`; two empty texts where nothing is wrong after all."""
    if why == "too-long":
        return "too-long", (
            f"the line is {len(raw):,} bytes long, at most {check.longest:,} are read (workflows.line_megabytes)"
        )
    if why == "unreadable":
        return unreadable(raw)
    if why == "kind":
        return _kind(check, record)
    if why == "members":
        return _members(check, raw, record)
    if why == "strict":
        return _strictly(check, record)
    if why == "overwrites":
        return _overwrites(check, record)
    return _id(record)


def unreadable(raw: bytes) -> tuple[str, str]:
    """Why bytes are no JSON object on one line."""
    if not raw.strip():
        return "blank", "the line is blank; expected a JSON object"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return "not-utf8", f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is no UTF-8"
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _not_json(raw, error)
    if b"\n" in raw:
        return "not-one-line", "a record must stand on one line, and this one has a newline within"
    return "not-a-record", f"expected a JSON object, found {shown(value)}"


def _not_json(raw: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    said = str(error.msg)
    at = f"at character {error.pos + 1}"
    if "surrogate" in said:
        return (
            "bad-text",
            f"{at} a text holds half of a character (a lone surrogate), which is no Unicode text",
        )
    if "infinity" in said:
        return "bad-number", f"{at} stands a number too large for a double"
    if "allocate" in said or "depth" in said:
        return "too-deep", f"objects and lists lie within each other beyond {DEEPEST} levels"
    if word := re.search(rb"-?\b(?:NaN|Infinity|inf|nan)\b", _STRINGS.sub(b'""', raw)):
        return "bad-number", f"{word[0].decode()} is no JSON number; a finite number or null is"
    if raw.startswith(b"\xef\xbb\xbf"):
        return "not-json", "a byte order mark stands before the record, and this is not the file's beginning"
    if "unexpected end" in said:
        return "torn", f"the line ends within the record, after {len(raw):,} bytes: it is torn"
    return "not-json", f"no JSON {at}: {said.removesuffix(': ')}"


def _kind(check: Checker, record: dict[str, Any]) -> tuple[str, str]:
    """Why the type of a record cannot be used."""
    kind = record.get("type", check.kind)
    if kind is None:
        return "no-type", 'the record has no "type", and no kind was given for those without'
    if not isinstance(kind, str):
        return "bad-type", f"type: expected text, found {shown(kind)}"
    if BY_NAME.get(kind) and BY_NAME[kind].own:
        return "own-kind", f"only chartkeep writes records of the type “{kind}”"
    if fault := type_fault(kind):
        return "bad-type", f"type: {fault}"
    if check.creating and check.kind is not None and kind != check.kind:
        return (
            "overwrites",
            f"type: it is given to new records and is “{check.kind}” here, the draft says {shown(kind)}",
        )
    return "", ""


def _members(check: Checker, raw: bytes, record: dict[str, Any]) -> tuple[str, str]:
    """What is wrong with the members of a record, if anything is."""
    if too_deep(record):
        return "too-deep", f"objects and lists lie within each other beyond {DEEPEST} levels"
    if (name := named_twice(raw)) is not None:
        return (
            "duplicate-member",
            f"the member {shown(name[:80])[9:]} is named twice: readers differ in which they take",
        )
    for fault in faults(str(record.get("type", check.kind)), record):
        return fault.code, fault.reason
    return "", ""


def too_deep(value: Any) -> bool:
    """True where objects and lists lie in each other beyond DEEPEST levels."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return False
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    return True


def named_twice(raw: bytes) -> str | None:
    """The first name that stands twice in one object of a JSON text that is not nested deeply; None for none."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen and not twice:
                twice.append(name)
            seen.add(name)

    json.loads(raw, object_pairs_hook=look, parse_int=float, parse_float=float)
    return twice[0] if twice else None


def _strictly(check: Checker, record: dict[str, Any]) -> tuple[str, str]:
    """What a strict check finds: members that are missing, a time of creation that is none."""
    kind = str(record.get("type", check.kind))
    if names := [name for name in REQUIRED.get(kind, ()) if record.get(name) is None]:
        return "missing", f"{kind} without {_listed(names)}, and the check is strict"
    found = shown(record["created_at"])
    return "bad-member", f"created_at: expected an instant such as 2026-11-21T06:00:00Z, found {found}"


def _overwrites(check: Checker, record: dict[str, Any]) -> tuple[str, str]:
    if "id" in record:
        return "overwrites", (
            f"id: new records are given theirs, the draft says {shown(record['id'])}. "
            "Import records that have ids, or name the item in idempotency_key"
        )
    said = shown(record["workflow_id"])
    return (
        "overwrites",
        f"workflow_id: it is given to new records and is “{check.workflow}” here, the draft says {said}",
    )


def _id(record: dict[str, Any]) -> tuple[str, str]:
    """Why a record has no key."""
    if record.get("id") is not None:
        if fault := id_fault(record["id"]):
            return "bad-id", f"id: {fault}"
    elif record.get("idempotency_key") is not None and (fault := id_fault(record["idempotency_key"])):
        return "bad-key", f"idempotency_key: {fault}"
    names = [name for name in ("type", "id") if record.get(name) is None]
    return "missing", f"a record without {_listed(names)}, and the check is strict"


def id_fault(value: Any) -> str:
    """What is wrong with an id, in words; empty where it is one."""
    if not isinstance(value, str):
        return f"expected text, found {shown(value)}"
    if not value or value.isspace():
        return "it is empty"
    if bad := next((char for char in value if category(char) in ("Cc", "Cs", "Zl", "Zp")), None):
        return f"it holds the control character U+{ord(bad):04X}"
    size = len(value.encode("utf-8"))
    return f"it is {size:,} bytes long, at most {LONGEST_ID} are allowed" if size > LONGEST_ID else ""


def type_fault(value: str) -> str:
    """What is wrong with a type, in words; empty where it is one."""
    if ":" in value:
        return f"it holds a colon, which ends the type in a key: {shown(value)}"
    if fault := id_fault(value):
        return fault
    size = len(value.encode("utf-8"))
    return f"it is {size:,} bytes long, at most {LONGEST_TYPE} are allowed" if size > LONGEST_TYPE else ""


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
