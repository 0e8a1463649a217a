"""The bytes of one JSON line, looked at without parsing it or beyond what parsing tells.

What `chartfile` asks of a line: where it ends, its key at a glance, and whether it holds what
other programs or engines cannot take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, BinaryIO

import orjson

LONGEST_LINE = 64 << 20
"""Bytes; a longer line is no record, it is quarantined unread."""

_BLOCK = 1 << 20
_PLAIN = rb'"([^"\\\x00-\x1f]*)"'
_ENTITY = re.compile(rb'\{"type":"entity","name":' + _PLAIN + rb"[,}]")
_RELATION = re.compile(
    rb'\{"type":"relation","from":' + _PLAIN + rb',"to":' + _PLAIN + rb',"relationType":' + _PLAIN + rb"[,}]"
)


def nonfinite(raw: bytes) -> bool:
    """True where NaN or an infinity stands in `raw` as a value: what JavaScript cannot read."""
    return (b"NaN" in raw or b"Infinity" in raw) and re.search(
        rb"NaN|Infinity", re.sub(rb'"(?:[^"\\]|\\.)*"', b'""', raw)
    ) is not None


def is_text(value: Any) -> bool:
    """True where every string in `value` can be written as UTF-8."""
    try:
        orjson.dumps(value)
    except TypeError as error:
        return "surrogate" not in str(error) and "UTF-8" not in str(error)
    return True


def depth(value: Any) -> int:
    """Levels of objects and lists in `value`."""
    levels, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        levels += 1
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    return levels


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def quick_key(raw: bytes) -> str | None:
    """The key of a line in the usual shape, without parsing it; None where that cannot be told."""
    try:
        if match := _ENTITY.match(raw):
            return "e:" + match[1].decode("utf-8")
        if match := _RELATION.match(raw):
            return (b'r:["%b","%b","%b"]' % (match[1], match[3], match[2])).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None


def split_lines(handle: BinaryIO, digest: blake2b) -> Iterator[tuple[int, bytes | None, int, bool]]:
    """(offset, bytes without the newline, length, whether a newline followed) of every line.

    Of a line longer than LONGEST_LINE the bytes are None: it is only counted.
    """
    offset = length = 0
    parts: list[bytes] = []
    while block := handle.read(_BLOCK):
        digest.update(block)
        *ended, rest = block.split(b"\n")
        for piece in ended:
            length += len(piece)
            parts.append(piece)
            line = b"".join(parts) if length <= LONGEST_LINE else None
            yield offset, line, length if line is not None else length + 1, True
            offset += length + 1
            length = 0
            parts.clear()
        length += len(rest)
        if length > LONGEST_LINE:
            parts.clear()
        elif rest:
            parts.append(rest)
    if length:
        yield offset, b"".join(parts) if length <= LONGEST_LINE else None, length, False
