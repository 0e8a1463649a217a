"""Reading the lines of a journal that may hold anything: in constant memory, without a word of trust."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from store.records import BadJson, Parts, decode_line, loads

Read = Callable[[int, int], bytes]
"""Bytes of a file: `(size, offset)`, fewer at its end."""

BLOCK = 1 << 18
LONGEST = 64 << 20
"""A longer line is no line: it is passed over without being held in memory."""

PLACE = re.compile(rb',"_t":\["([0-9a-f]+)",(\d+),(\d+)\],"_h":"([0-9a-f]{32})"\}\n\Z')
"""Start of its transaction, number in it, lines of it, and hash: the end of a journal line."""
HASH = re.compile(rb',"_h":"([0-9a-f]{32})"\}\n\Z')


class Raw(NamedTuple):
    """A line as it lies in the damaged file; its newline is in `data` where it has one."""

    offset: int
    data: bytes
    length: int


def raw_lines(read: Read, offset: int = 0) -> Iterator[Raw]:
    """Lines of a file; what NUL bytes (blocks that never reached the disk) part counts as lines of their own."""
    parts: list[bytes] = []
    held, start, at = 0, offset, offset
    while block := read(BLOCK, at):
        at += len(block)
        while True:
            head, newline, rest = block.partition(b"\n")
            held += len(head) + len(newline)
            if held <= LONGEST:
                parts.append(head + newline)
            else:
                parts.clear()
            if not newline:
                break
            yield from _apart(start, b"".join(parts), held)
            start, held, block = start + held, 0, rest
            parts.clear()
    if held:
        yield from _apart(start, b"".join(parts), held)


def _apart(offset: int, data: bytes, length: int) -> Iterator[Raw]:
    """A line, or what lies before and after the NUL bytes in it."""
    first = data.find(b"\0\0")  # a single one may be a byte that changed
    if first < 0:
        yield Raw(offset, data, length)
        return
    last = data.rfind(b"\0") + 1
    if first:
        yield Raw(offset, data[:first], first)
    yield Raw(offset + first, b"", last - first)
    if last < len(data):
        yield Raw(offset + last, data[last:], len(data) - last)


def well_formed(data: bytes) -> Parts | None:
    """The parts of a line that reads well from end to end, whether or not its hash can be checked."""
    if data[-1:] != b"\n":
        return None
    try:
        parts = decode_line(data)
        if parts.raw is not None:
            loads(parts.raw)
    except (BadJson, UnicodeDecodeError):
        return None
    shaped = (
        isinstance(parts.key, str)
        and isinstance(parts.ver, int)
        and isinstance(parts.at, str)
        and isinstance(parts.by, str)
        and isinstance(parts.nth, int)
        and isinstance(parts.total, int)
        and (parts.tx is None or isinstance(parts.tx, dict))
        and parts.op == ("delete" if parts.raw is None else "put")
        and 1 <= parts.nth <= parts.total
        and parts.start >= 0
        and PLACE.search(data) is not None
    )
    return parts if shaped else None


def inner_line(raw: Raw) -> Raw | None:
    """A whole line that begins in the middle of garbage."""
    at = raw.data.find(b'{"op":', 1)
    while at > 0:
        if well_formed(raw.data[at:]) is not None:
            return Raw(raw.offset + at, raw.data[at:], raw.length - at)
        at = raw.data.find(b'{"op":', at + 1)
    return None


def line_at(read: Read, offset: int) -> bytes | None:
    """The line that starts at `offset`, with its newline; None where none ends there."""
    size = 4096
    while size <= LONGEST:
        data = read(size, offset)
        end = data.find(b"\n")
        if end >= 0:
            return data[: end + 1]
        if len(data) < size:
            return None
        size *= 8
    return None
