"""The lines of a submission, read in bounded memory however long a line is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

LONGEST = 8 << 20
"""Bytes of a line that is still read, where no setting says otherwise."""

_KEPT = 4096
"""Bytes kept of the beginning of a longer line."""
_BLOCK = 1 << 18


class Line(NamedTuple):
    """One line of a submission."""

    number: int
    """From 1."""
    offset: int
    """Bytes before it."""
    raw: bytes
    """Without the newline; of a line that is too long only the beginning."""
    length: int
    """Bytes, without the newline."""


def lines(stream: BinaryIO, longest: int = LONGEST, *, number: int = 1, offset: int = 0) -> Iterator[Line]:
    """The lines from where `stream` stands, which is line `number` at byte `offset`.

    What follows the last newline is a line where it is not empty. Never more than a line of `longest`
    bytes and a block are in memory. Raises OSError where the stream cannot be read.
    """
    parts: list[bytes] = []
    length = 0
    while block := stream.read(_BLOCK):
        pieces = block.split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            length += len(piece)
            if length > longest:
                raw = (parts[0] if parts else piece)[:_KEPT]
            else:
                raw = b"".join((*parts, piece)) if parts else piece
            yield Line(number, offset, raw, length)
            number += 1
            offset += length + 1
            length = 0
            parts = []
        if rest:
            length += len(rest)
            if length > longest:
                parts = [(parts[0] if parts else rest)[:_KEPT]]
            else:
                parts.append(rest)
    if length:
        yield Line(number, offset, b"".join(parts), length)
