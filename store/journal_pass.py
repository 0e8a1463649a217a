"""The quick pass over a journal's bytes: does every line carry the hash and the place it should?

It runs at a speed near that of hashing the bytes, says up to where all is well, and leaves it to the
careful reader (`journal_verify`) to name what is not. No line is parsed: its hash is made from the
hash before and its own bytes; with its place in the transaction, which follows from the line
before, that gives the very text it must end with.

`journal_parts` runs this file as the whole program of a process (`python -I -S journal_pass.py`)
that passes over a part of a large file. So it imports next to nothing, and deals in plain tuples.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Place = tuple[int, str, int, int, int]
    """A point between two lines: (offset, hash so far, and of the line before it: where its transaction
    starts, its number in it, and how many lines it has)."""
    Read = Callable[[int, int], bytes]
    """Bytes of the file: (size, offset); fewer at its end, none after it."""

BLOCK = 1 << 18
_TAIL = 41
"""Bytes of `,"_h":"<32 hex>"}` at the end of a line, without the newline."""
_BODY, _STATED = slice(-_TAIL), slice(-34, -2)
"""What is hashed of a line, and the hash it states; as objects, that they need not be made for every line."""


def part(
    read: Read, start: Place, upto: int, told: Callable[[int], None] | None = None
) -> tuple[Place | None, Place, bool]:
    """Pass over the lines from `start` that end at or before `upto`, as far as they fit.

    Answers with the last point where a transaction ends (None where none does), the last good line's
    end, and whether every whole line fitted. `told(offset)` hears how far it is.
    """
    end = start if start[3] == start[4] else None
    place, offset = start, start[0]
    rest: list[bytes] = []
    while offset < upto:
        block = read(min(BLOCK, upto - offset), offset)
        if not block:
            break
        offset += len(block)
        rest.append(block)
        if b"\n" not in block:
            continue
        lines = b"".join(rest).split(b"\n")
        rest = [lines.pop()]
        whole, place, fits = _lines(lines, place)
        end = whole or end
        if not fits:
            return end, place, False
        if told is not None:
            told(offset)
    return end, place, True


def _lines(lines: list[bytes], start: Place) -> tuple[Place | None, Place, bool]:
    """`part` for the lines of one block. Written for speed: every call here is made for every line."""
    offset, said, origin, nth, total = start
    digest, before = said.encode("ascii"), None
    mark = f',"_t":["{origin:x}",'
    new, body, stated = _EMPTY.copy, _BODY, _STATED  # a copy is made faster than a fresh one
    at, count, fits = 0, len(lines), True
    while at < count and fits:
        if nth == total:
            line = lines[at]
            mark = f',"_t":["{offset:x}",'
            if line[-46:-_TAIL] == b",1,1]":
                hashed = new()
                hashed.update(digest + line[body])
                if not line.endswith(f'{mark}1,1],"_h":"{hashed.hexdigest()}"}}'.encode()):
                    fits = False
                    break
                digest, origin, nth, total = line[stated], offset, 1, 1
                offset += len(line) + 1
                at += 1
                continue
            more = _total(line)
            if not more:
                fits = False
                break
            before = (offset, digest, origin, nth, total)
            origin, nth, total = offset, 0, more
        chunk = lines[at : at + total - nth]
        rest = iter(chunk)
        for place, line in zip(_places(nth, total), rest):  # noqa: B905 - a block may end in a transaction
            hashed = new()
            hashed.update(digest + line[body])
            if not line.endswith(f'{mark}{place}{hashed.hexdigest()}"}}'.encode()):
                chunk = chunk[: -1 - len(list(rest))]
                fits = False
                break
            digest = line[stated]
        good = len(chunk)
        offset, nth, at = offset + sum(map(len, chunk)) + good, nth + good, at + good
    if not nth:  # the first line of a transaction did not fit
        offset, digest, origin, nth, total = before or (offset, digest, origin, total, total)
    last = (offset, digest.decode("ascii"), origin, nth, total)
    if nth == total:
        return last, last, fits
    return before and (before[0], before[1].decode("ascii"), *before[2:]), last, fits


def _places(nth: int, total: int) -> Iterable[str]:
    """What stands behind the start of their transaction in the lines after the `nth`."""
    if total > _KEPT:
        return (f'{number},{total}],"_h":"' for number in range(nth + 1, total + 1))
    if total not in _known:
        _known[total] = [f'{number},{total}],"_h":"' for number in range(1, total + 1)]
    return _known[total][nth:] if nth else _known[total]


def _total(line: bytes) -> int:
    """How many lines the transaction has, by its first line; 0 where that does not say."""
    text = line[line.rfind(b",", 0, -_TAIL) + 1 : -_TAIL - 1]
    return int(text) if text.isdigit() and len(text) < 16 else 0


_EMPTY = blake2b(digest_size=16)
_KEPT = 100
"""Lines of the longest transactions whose places are kept as texts: 5,000 short ones in all."""
_known: dict[int, list[str]] = {}


def _main(words: list[str]) -> None:
    """Pass over a part of the file that is the standard input, and print what `part` answers."""
    offset, digest, origin, nth, total, upto = words
    start = (int(offset), digest, int(origin), int(nth), int(total))
    end, last, fits = part(lambda size, at: os.pread(0, size, at), start, int(upto))
    print(int(end is not None), *(end or last), *last, int(fits))


if __name__ == "__main__":
    _main(sys.argv[1:])
