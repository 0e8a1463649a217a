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
    from collections.abc import Callable

    Place = tuple[int, str, int, int, int]
    """A point between two lines: (offset, hash so far, and of the line before it: where its transaction
    starts, its number in it, and how many lines it has)."""
    Read = Callable[[int, int], bytes]
    """Bytes of the file: (size, offset); fewer at its end, none after it."""

BLOCK = 1 << 18
_TAIL = 41
"""Bytes of `,"_h":"<32 hex>"}` at the end of a line, without the newline."""


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
    """`part` for the lines of one block."""
    offset, said, origin, nth, total = start
    digest = said.encode("ascii")
    end: tuple[int, bytes, int, int, int] | None = None
    mark = f',"_t":["{origin:x}",'
    new = _EMPTY.copy  # a copy is made faster than a fresh one: this runs a million times
    fits = True
    for line in lines:
        hashed = new()
        hashed.update(digest + line[:-_TAIL])
        if nth != total:
            if not line.endswith(f'{mark}{nth + 1},{total}],"_h":"{hashed.hexdigest()}"}}'.encode()):
                fits = False
                break
            nth += 1
        else:
            end = offset, digest, origin, nth, total
            count = 1 if line[-45:-_TAIL] == b"1,1]" else _total(line)
            mark = f',"_t":["{offset:x}",'
            if not line.endswith(f'{mark}1,{count}],"_h":"{hashed.hexdigest()}"}}'.encode()) or not count:
                fits = False
                break
            origin, nth, total = offset, 1, count
        digest = line[-34:-2]
        offset += len(line) + 1
    place = (offset, digest.decode("ascii"), origin, nth, total)
    if fits and nth == total:
        return place, place, True
    return end and (end[0], end[1].decode("ascii"), *end[2:]), place, fits


def _total(line: bytes) -> int:
    """How many lines the transaction has, by its first line; 0 where that does not say."""
    text = line[line.rfind(b",", 0, -_TAIL) + 1 : -_TAIL - 1]
    return int(text) if text.isdigit() and len(text) < 16 else 0


_EMPTY = blake2b(digest_size=16)


def _main(words: list[str]) -> None:
    """Pass over a part of the file that is the standard input, and print what `part` answers."""
    offset, digest, origin, nth, total, upto = words
    start = (int(offset), digest, int(origin), int(nth), int(total))
    end, last, fits = part(lambda size, at: os.pread(0, size, at), start, int(upto))
    print(int(end is not None), *(end or last), *last, int(fits))


if __name__ == "__main__":
    _main(sys.argv[1:])
