"""Records as bytes and as values: an exact JSON reader and writer, keys, and the journal's line codec.

A record is the JSON object on one line of a chart file (or of any file the store keeps). The
journal embeds its exact bytes, so nothing of it is lost by being parsed: integers of any size,
NaN, lone surrogates, key order. `loads` therefore takes orjson's fast path only where orjson is
exact, and the standard library's reader elsewhere.

A journal line is `{"op":…,"key":…,"ver":…,"at":…,"by":…[,"tx":{…}],"record":RAW,"_t":[…],"_h":"…"}`.
RAW lies between the first `,"record":` and the last `,"_t":[`: neither can occur inside a JSON
string before or after it, since a quote within a string is escaped. So a line is read without
parsing RAW, whatever it holds. For the same reason `tx` holds no JSON of records but as text: the
values of its `conflicts` are strings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from store.model import Op, TxMeta
from store.txmeta import meta_dict

FORMAT = "chartkeep.journal"
FORMAT_VERSION = 1

NO_HASH = "0" * 32
"""What stands for the previous hash before a journal's first line."""

CHART = "structural_tension_chart"
"""`entityType` of the entity that stands for a chart as a whole."""

_ZEROED = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * 19
"""19 digits always fit 64 bits unsigned, but not signed: from here on orjson may make a float of them."""

_EXACT = 1 << 53
_TAIL = 41
"""Bytes of `,"_h":"<32 hex>"}` at the end of a journal line, without the newline."""


class BadJson(ValueError):
    """Bytes that are no JSON value, or no journal line; the text says why."""


class Draft(NamedTuple):
    """One record version to be written: `raw` is the record's exact JSON bytes, None for a delete."""

    op: Op
    key: str
    ver: int
    raw: bytes | None


class Parts(NamedTuple):
    """A journal line taken apart. `start` is the byte offset where its transaction begins."""

    op: Op
    key: str
    ver: int
    at: str
    by: str
    tx: dict[str, Any] | None
    raw: bytes | None
    start: int
    nth: int
    total: int
    hash: str


def loads(raw: bytes) -> Any:
    """The JSON value in `raw`, exact: integers keep every digit; NaN and lone surrogates are read.

    Raises BadJson on anything else, on text that is not UTF-8 and on nesting too deep to read.
    """
    if _LONG_RUN not in raw.translate(_ZEROED):
        try:
            return orjson.loads(raw)
        except ValueError:
            pass
    try:
        return json.loads(raw.decode("utf-8"))
    except RecursionError:
        raise BadJson("nested too deeply") from None
    except ValueError as error:
        raise BadJson(str(error)) from None


def dumps(value: Any) -> bytes:
    """`value` as compact JSON bytes, keys in their order; what `loads` reads back as the same value.

    Raises BadJson where the value is no JSON value or nested too deeply.
    """
    try:
        raw = orjson.dumps(value)
        if b"null" not in raw or not _has_nonfinite(value):
            return raw
    except TypeError:
        pass
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(value, separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise BadJson("nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise BadJson(str(error)) from None


def _has_nonfinite(value: Any) -> bool:
    """True where a NaN or an infinity lies anywhere in `value`: orjson writes those as null."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float):
            if not math.isfinite(item):
                return True
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, (list, tuple)):
            stack.extend(item)
    return False


def same(a: Any, b: Any) -> bool:
    """True where two JSON values are equal as the peers see them.

    Key order does not count; 1 equals 1.0 but not true; NaN equals NaN; integers beyond 2^53 are
    equal when their floats are, since JavaScript rounds them whenever it saves a file.
    """
    stack = [(a, b)]
    while stack:
        left, right = stack.pop()
        if left is right:
            continue
        if isinstance(left, dict):
            if not isinstance(right, dict) or left.keys() != right.keys():
                return False
            stack.extend((item, right[name]) for name, item in left.items())
        elif isinstance(left, list):
            if not isinstance(right, list) or len(left) != len(right):
                return False
            stack.extend(zip(left, right, strict=True))
        elif not _same_scalar(left, right):
            return False
    return True


def _same_scalar(left: Any, right: Any) -> bool:
    """`same` for what is neither an object nor a list."""
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if not isinstance(left, numbers) or not isinstance(right, numbers):
        return type(left) is type(right) and left == right
    if left == right:
        return True
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right):
        return True
    if abs(left) < _EXACT or abs(right) < _EXACT:
        return False
    try:
        return float(left) == float(right)
    except OverflowError:
        return False


# -- keys ------------------------------------------------------------------------------------------


def body_of(value: Any) -> Any:
    """The record proper: what lies in `data` of a `{"type":…,"data":{…}}` wrapper, else `value` itself.

    The wrapper's `type` stays the record's type where `data` names none.
    """
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        kind = value.get("type")
        if kind in ("entity", "relation") and "name" not in value and "from" not in value:
            data = value["data"]
            return data if data.get("type") == kind else {**data, "type": kind}
    return value


def metadata_of(entity: dict[str, Any]) -> dict[str, Any]:
    """The entity's `metadata`, or an empty object where it has none worth the name."""
    metadata = entity.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def chart_id_of(entity: dict[str, Any]) -> str | None:
    """The chart an entity says it belongs to: `metadata.chartId`, or for a chart entity its name."""
    chart_id = metadata_of(entity).get("chartId")
    if isinstance(chart_id, str):
        return chart_id
    name = entity.get("name")
    if entity.get("entityType") == CHART and isinstance(name, str):
        return name.removesuffix("_chart")
    return None


def key_of(value: Any, raw: bytes) -> str:
    """The key under which the journal keeps a record; `raw` is the line it came from.

    `e:<name>`, `r:["from","relationType","to"]`, `c:<hash>` for a comment, else `x:<type>:<name or
    id>` or, where those are missing, `x:<hash of the bytes>`.
    """
    record = body_of(value)
    if not isinstance(record, dict):
        return "x:" + _digest(raw)
    kind = record.get("type")
    name = record.get("name")
    if kind == "entity" and isinstance(name, str):
        return "e:" + name
    if kind == "relation":
        ends = [record.get("from"), record.get("relationType"), record.get("to")]
        if all(isinstance(end, str) for end in ends):
            return "r:" + dumps(ends).decode("utf-8")
    if kind == "comment" and isinstance(record.get("text"), str):
        return "c:" + _digest(comment_bytes(record["text"]))
    if isinstance(kind, str):
        label = name if isinstance(name, str) else record.get("id")
        if isinstance(label, str):
            return f"x:{kind}:{label}"
    return "x:" + _digest(raw)


@lru_cache(maxsize=8192)
def relation_ends(key: str) -> tuple[str, str, str]:
    """(from, relationType, to) of a relation by its key; empty strings where it is no such key."""
    if not key.startswith("r:"):
        return "", "", ""
    start, kind, end = loads(key[2:].encode("utf-8", "surrogatepass"))
    return start, kind, end


def kind_of(key: str) -> str:
    """`entity`, `relation`, `comment` or `other`."""
    return {"e:": "entity", "r:": "relation", "c:": "comment"}.get(key[:2], "other")


def comment_record(line: bytes) -> dict[str, Any]:
    """The record that keeps a `#` line of a chart file; bytes that are no UTF-8 become lone surrogates."""
    return {"type": "comment", "text": line.decode("utf-8", "surrogateescape")}


def comment_bytes(text: str) -> bytes:
    """The bytes of the line that `comment_record` was made from."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _digest(raw: bytes) -> str:
    return blake2b(raw, digest_size=8).hexdigest()


def sealed(value: Any) -> bytes:
    """A small file that is obeyed by whoever finds it: the value, and a checksum of it."""
    body = dumps(value)
    return b"%b\n%b\n" % (body, _digest(body).encode("ascii"))


def unsealed(raw: bytes) -> Any:
    """The value in a sealed file. Raises BadJson where it is not as it was written."""
    body, _, rest = raw.partition(b"\n")
    if rest != _digest(body).encode("ascii") + b"\n":
        raise BadJson("its checksum does not fit")
    return loads(body)


# -- journal lines ---------------------------------------------------------------------------------


def chain(previous: str, body: bytes) -> str:
    """The `_h` of a line: over the previous line's and this line's bytes before `,"_h"`."""
    return blake2b(previous.encode("ascii") + body, digest_size=16).hexdigest()


def encode_header(
    *, generation: int, created: str, context: str, family: str, previous: dict[str, Any] | None
) -> tuple[bytes, str]:
    """A journal's first line with its newline, and its hash.

    `previous` is `{"file":…,"size":…,"hash":…}` of the generation before, None for the first.
    """
    body = dumps(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "generation": generation,
            "created": created,
            "context": context,
            "family": family,
            "previous": previous,
        }
    )[:-1]
    digest = chain(NO_HASH, body)
    return b'%b,"_h":"%b"}\n' % (body, digest.encode("ascii")), digest


def encode_lines(
    drafts: Iterable[Draft], *, offset: int, previous: str, at: str, by: str, meta: TxMeta | None
) -> tuple[list[bytes], str]:
    """The lines of one transaction that starts at `offset` after hash `previous`, and the last hash.

    Raises ValueError where a draft cannot be one line: a put without a record, a record that
    holds a newline, a delete with one; and where `meta` holds what a reader would take for a record.
    """
    drafts = list(drafts)
    who = b',"at":%b,"by":%b' % (dumps(at), dumps(by))
    start = b'%b,"tx":%b' % (who, dumps(meta_dict(meta))) if meta is not None else who
    if b',"record":' in start:
        raise ValueError("the members of a transaction cannot hold a record")
    gone = b',"deleted_at":%b' % dumps(at)
    count = len(drafts)
    lines: list[bytes] = []
    chained = previous.encode("ascii")
    quoted = orjson.dumps  # of text it gives what `dumps` does, in a third of the time
    for index, (op, key, ver, raw) in enumerate(drafts, 1):
        if (raw is None) != (op == "delete") or (raw is not None and (not raw or b"\n" in raw)):
            raise ValueError(f"the draft for {key!r} cannot be written as one line")
        body = b'{"op":"%b","key":%b,"ver":%d%b%b,"_t":["%x",%d,%d]' % (
            op.encode("ascii"),
            quoted(key) if key.isascii() else dumps(key),
            ver,
            start if index == 1 else who,
            gone if raw is None else b',"record":' + raw,
            offset,
            index,
            count,
        )
        chained = blake2b(chained + body, digest_size=16).hexdigest().encode("ascii")
        lines.append(b'%b,"_h":"%b"}\n' % (body, chained))
    return lines, chained.decode("ascii")


def decode_line(line: bytes) -> Parts:
    """The parts of a journal line (with or without its newline); the hash is read, not checked.

    Raises BadJson where the line is not of the journal's shape.
    """
    end = len(line) - (line[-1:] == b"\n")
    cut = end - _TAIL
    mark = line.rfind(b',"_t":[', 0, cut)
    if cut < 0 or mark < 0 or line[cut : cut + 7] != b',"_h":"' or line[end - 2 : end] != b'"}':
        raise BadJson("not a journal line")
    found = line.find(b',"record":', 0, mark)
    head = loads(line[: mark if found < 0 else found] + line[mark:cut] + b"}")
    try:
        where, nth, total = head["_t"]
        return Parts(
            head["op"],
            head["key"],
            head["ver"],
            head["at"],
            head["by"],
            head.get("tx"),
            None if found < 0 else line[found + 10 : mark],
            int(where, 16),
            nth,
            total,
            line[cut + 7 : end - 2].decode("ascii"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadJson(f"not a journal line: {error!r}") from None


def record_of(line: bytes) -> bytes | None:
    """The record bytes within a journal line, None for a delete; nothing is parsed."""
    mark = line.rfind(b',"_t":[')
    found = line.find(b',"record":', 0, mark)
    return None if found < 0 or mark < 0 else line[found + 10 : mark]
