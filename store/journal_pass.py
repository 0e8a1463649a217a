"""The quick pass over a journal's bytes: does every line carry the hash and the place it should?

It runs at a speed near that of hashing the bytes, says up to where all is well, and leaves it to the
careful reader (`journal_verify`) to name what is not. No line is parsed: its hash is made from the
hash before and its own bytes; with its place in the transaction, which follows from the line
before, that gives the very text it must end with.

Blocks of lines that are all well are passed over in a few steps for the whole block (`_block`); only
one in which something is not is gone through line by line (`_lines`), to say where.

`journal_parts` runs `main` as the whole program of a process (`python -I -S`) that passes over a part of
a large file. So it imports next to nothing (`hashlib` alone would load OpenSSL), and deals in plain tuples.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import blake2b
else:
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

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
        lines = block.split(b"\n")
        rest.append(lines[0])
        if len(lines) == 1:
            continue
        lines[0] = b"".join(rest)
        rest = [lines.pop()]
        whole, place, fits = fit(lines, place)
        end = whole or end
        if not fits:
            return end, place, False
        if told is not None:
            told(offset)
    return end, place, True


def fit(lines: list[bytes], start: Place) -> tuple[Place | None, Place, bool]:
    """`part` for whole lines already read, without their newlines, which follow `start`."""
    return _block(lines, start) or _lines(lines, start)


def _block(lines: list[bytes], start: Place) -> tuple[Place | None, Place, bool] | None:
    """`part` for the lines of one block where every line fits; None where one does not."""
    digest, body = start[1].encode("ascii"), _BODY
    made: list[bytes] = []
    new, add = _EMPTY.copy, made.append  # a copy is made faster than a fresh one
    for line in lines:  # once for every line: no calls it can do without
        hashed = new()
        hashed.update(digest + line[body])
        digest = hashed.hexdigest().encode()
        add(digest)
    found = _in_place(lines, made, start)
    if found is None:
        return None
    whole, ended, (offset, origin, nth, total) = found
    last = (offset, digest.decode("ascii"), origin, nth, total)
    if not whole:
        return None, last, True
    return (ended[0], made[whole - 1].decode("ascii"), *ended[1:]), last, True


def _in_place(
    lines: list[bytes], made: list[bytes], start: Place
) -> tuple[int, tuple[int, int, int, int], tuple[int, int, int, int]] | None:
    """How many lines are of whole transactions, the place after those, and after all; None where one does not fit.

    `made` are the hashes they must have. A place is here (offset, origin, nth, total), as in `Place`.
    """
    offset, _, origin, nth, total = start
    at, whole, count = 0, 0, len(lines)
    ended = (offset, origin, nth, total)
    while at < count:
        if nth == total:
            line, origin, nth = lines[at], offset, 0
            if line[-46:-_TAIL] == b",1,1]":
                if not line.endswith(b',"_t":["%x",1,1],"_h":"%b"}' % (offset, made[at])):
                    return None
                offset += len(line) + 1
                at, nth, total = at + 1, 1, 1
                whole, ended = at, (offset, origin, 1, 1)
                continue
            total = _total(line)
            if not total:
                return None
        chunk = lines[at : at + total - nth]
        good = len(chunk)
        mark = b'"},"_t":["%x",' % origin
        places, ends = _ends(nth, good, total, len(mark))
        stated = [mark] * (
            3 * good
        )  # for every line: what ends the one before and begins its place, the rest of it, the hash
        stated[1::3], stated[2::3] = places, made[at : at + good]
        if (
            b'"}' + b"".join([line[end] for line, end in zip(chunk, ends, strict=True)])
            != b"".join(stated) + b'"}'
        ):
            return None
        offset += sum(map(len, chunk)) + good
        at, nth = at + good, nth + good
        if nth == total:
            whole, ended = at, (offset, origin, nth, total)
    return whole, ended, (offset, origin, nth, total)


def _lines(lines: list[bytes], start: Place) -> tuple[Place | None, Place, bool]:
    """`part` for the lines of one block. Written for speed: every call here is made for every line."""
    offset, said, origin, nth, total = start
    digest, before = said.encode("ascii"), None
    mark = b',"_t":["%x",' % origin
    new, body, stated = _EMPTY.copy, _BODY, _STATED  # a copy is made faster than a fresh one
    at, count, fits = 0, len(lines), True
    while at < count and fits:
        if nth == total:
            line = lines[at]
            mark = b',"_t":["%x",' % offset
            if line[-46:-_TAIL] == b",1,1]":
                hashed = new()
                hashed.update(digest + line[body])
                if not line.endswith(b'%b1,1],"_h":"%b"}' % (mark, hashed.hexdigest().encode())):
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
        for place, line in zip(_places(nth, len(chunk), total), rest, strict=True):
            hashed = new()
            hashed.update(digest + line[body])
            if not line.endswith(b'%b%b%b"}' % (mark, place, hashed.hexdigest().encode())):
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


def _places(nth: int, count: int, total: int) -> list[bytes]:
    """What stands behind the start of their transaction in `count` lines after the `nth`."""
    return [b'%d,%d],"_h":"' % (number, total) for number in range(nth + 1, nth + count + 1)]


def _ends(nth: int, count: int, total: int, mark: int) -> tuple[list[bytes], list[slice]]:
    """Those places, and where in each line its place begins: `mark` bytes, two of them not its own, stand before."""
    found = _known.get((total, mark)) if count == total else None
    if found is None:
        places = _places(nth, count, total)
        found = places, [slice(2 - mark - len(place) - 34, None) for place in places]
        if count == total <= _KEPT and len(_known) < _KEPT:
            _known[total, mark] = found
    return found


def _total(line: bytes) -> int:
    """How many lines the transaction has, by its first line; 0 where that does not say."""
    text = line[line.rfind(b",", 0, -_TAIL) + 1 : -_TAIL - 1]
    return int(text) if text.isdigit() and len(text) < 16 else 0


_EMPTY = blake2b(digest_size=16)
_KEPT = 100
"""Lines of the longest transactions whose places are kept as texts, and how many kinds of those: 10,000 lines at most."""
_known: dict[tuple[int, int], tuple[list[bytes], list[slice]]] = {}


def main(words: list[str]) -> None:
    """Pass over parts of the file that is the standard input, and print for each what `part` answers.

    Six words name a part: its start, a `Place`, and the offset it reaches to.
    """
    from posix import pread  # what `os` is made of

    for at in range(0, len(words), 6):
        offset, digest, origin, nth, total, upto = words[at : at + 6]
        start = (int(offset), digest, int(origin), int(nth), int(total))
        end, last, fits = part(lambda size, at: pread(0, size, at), start, int(upto))
        print(int(end is not None), *(end or last), *last, int(fits), flush=True)
