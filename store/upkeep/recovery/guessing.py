"""Finding the line that was written from one that is a little damaged, with its hash as the judge.

A journal line states the hash of what was written. So a single byte that changed is found by trying:
of all lines one byte away only the right one gives the hash, and a hash of 128 bits is never met by
chance. Covered are one changed byte anywhere in a line, in its hash, in the newline after it (two lines
became one), or one that became a newline (one line became two).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from store.records import chain

TAIL = 42
"""Bytes of `,"_h":"<32 hex>"}` at the end of a journal line, with its newline."""

MOST_WRONG = 8
"""Bytes of a line's last 42 that may differ from what they must be: the other digits are proof enough."""

TRIES = 1 << 21
"""Lines tried before one is given up, and bytes hashed at most for it, in units of 100."""

_BITS = tuple(1 << bit for bit in range(8))
_OTHERS = tuple(mask for mask in range(1, 256) if mask not in _BITS)


class Mended(NamedTuple):
    """A line as it was written, found from damaged bytes."""

    line: bytes
    joined: bool = False
    """True where it was made of this line and the next."""
    rest: bytes = b""
    """What followed it in the same bytes: a line of its own."""


def fits(previous: str, line: bytes) -> bool:
    """True where `line`, with its newline, is the very one that was written after the hash `previous`."""
    size = len(line) - TAIL
    return size > 0 and line[size:] == _tail(chain(previous, line[:size]))


def mend(line: bytes, previous: str, following: bytes | None = None) -> Mended | None:
    """The line written after `previous`, from the damaged bytes `line`; None where it is not found.

    `following` is the line after it in the file, if there is one.
    """
    if line[-1:] != b"\n":
        for whole in (line + b"\n", line[:-1] + b"\n"):
            if fits(previous, whole):
                return Mended(whole)
        line += b"\n"
    found = _hash_damaged(line, previous) or _byte_changed(line, previous)
    if found is not None:
        return Mended(found)
    return _two_in_one(line, previous) or _one_in_two(line, previous, following)


def _tail(digest: str) -> bytes:
    return b',"_h":"%b"}\n' % digest.encode("ascii")


def _hash_damaged(line: bytes, previous: str) -> bytes | None:
    """The line where only what states its hash is wrong."""
    size = len(line) - TAIL
    if size <= 0:
        return None
    right = _tail(chain(previous, line[:size]))
    wrong = sum(one != two for one, two in zip(right, line[size:], strict=True))
    return line[:size] + right if wrong <= MOST_WRONG else None


def _byte_changed(line: bytes, previous: str) -> bytes | None:
    """The line where one byte before the hash is wrong: single bits first, they fail most often."""
    size = len(line) - TAIL
    digest = line[size + 7 : -3]
    try:
        wanted = bytes.fromhex(digest.decode("ascii"))
    except ValueError:
        return None
    if size <= 0 or len(wanted) != 16 or line[size:] != _tail(digest.decode("ascii")):
        return None
    body = line[:size]
    for masks in (_BITS, _OTHERS):
        if size * len(masks) > TRIES or size * size * len(masks) > TRIES * 200:
            return None
        found = _tried(body, previous, wanted, masks)
        if found is not None:
            return found + line[size:]
    return None


def _tried(body: bytes, previous: str, wanted: bytes, masks: tuple[int, ...]) -> bytes | None:
    before = blake2b(previous.encode("ascii"), digest_size=16)
    for at in range(len(body)):
        here, rest = body[at], body[at + 1 :]
        for mask in masks:
            tried = before.copy()
            tried.update(b"%c%b" % (here ^ mask, rest))
            if tried.digest() == wanted:
                return b"%b%c%b" % (body[:at], here ^ mask, rest)
        before.update(body[at : at + 1])
    return None


def _two_in_one(line: bytes, previous: str) -> Mended | None:
    """The first of two lines between which the newline is wrong."""
    at = line.find(b'"}')
    while at >= 0:
        end = at + 2
        if line[end + 1 : end + 2] == b"{" and fits(previous, line[:end] + b"\n"):
            return Mended(line[:end] + b"\n", rest=line[end + 1 :])
        at = line.find(b'"}', end)
    return None


def _one_in_two(line: bytes, previous: str, following: bytes | None) -> Mended | None:
    """The line in the middle of which a byte became a newline."""
    if following is None or len(following) <= 1:
        return None
    start = line[:-1]
    for byte in range(256):
        whole = b"%b%c%b" % (start, byte, following)
        if fits(previous, whole):
            return Mended(whole, joined=True)
    if len(following) < TAIL:  # the hash itself was parted
        size = len(start) + 1 + len(following) - TAIL
        if 0 < size <= len(start):
            right = _tail(chain(previous, start[:size]))
            stated = start[size:] + b"\n" + following
            if sum(one != two for one, two in zip(right, stated, strict=True)) <= MOST_WRONG:
                return Mended(start[:size] + right, joined=True)
    return None
