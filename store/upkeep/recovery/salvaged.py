"""What a salvage finds: which bytes of a generation are left, where they lie, and where something is missing."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from store.model import Position
from store.records import NO_HASH


class Donor(Protocol):
    """Bytes of the same generation from elsewhere, such as a backup."""

    name: str

    def read(self, size: int, offset: int) -> bytes:
        """Bytes from `offset` of the generation as it was. Raises ChartkeepError."""


class Piece(NamedTuple):
    """A part of the mended journal: a range of the damaged file, or (with `data`) bytes from elsewhere."""

    offset: int
    length: int
    data: bytes | None = None
    source: str = ""
    """Where the bytes came from; empty for the damaged file itself."""
    place: tuple[int, int] = (0, 0)
    """Beyond a gap: where its first line stood when it was written (start of its transaction, number in it)."""


class Bad(NamedTuple):
    """Bytes of the damaged file that are not in the mended one, or were put right."""

    line: int
    offset: int
    length: int
    why: str


class Salvaged:
    """What was found in one generation.

    `exact` are the pieces up to the first gap, as they were written, from the header on; `after` what
    was found beyond it, in the order in which it was written.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        """Bytes of the damaged file."""
        self.exact: list[Piece] = []
        self.after: list[Piece] = []
        self.header = False
        """Whether the header line is there (the first of `exact`)."""
        self.gaps: list[tuple[int, int]] = []
        """Where something is missing: line and offset in the damaged file."""
        self.keep = 0
        """Bytes of the exact part up to its last whole transaction."""
        self.bad: list[Bad] = []
        self.more_bad = 0
        self.unchecked = 0
        """Lines after gaps that read well but whose hash could not be checked."""
        self.torn = 0
        """Bytes at the end that were never acknowledged."""
        self.end = Position(0, 0, NO_HASH)
        """Where the exact part ends: offset and hash, up to its last line."""
        self.met = False
        """Whether the point known to have been acknowledged was found."""
        self.taken: dict[str, int] = {}
        """Lines brought back, by where they came from."""

    @property
    def gap(self) -> bool:
        """True where something is missing that nothing exact was found for."""
        return bool(self.gaps)

    @property
    def untouched(self) -> bool:
        """True where the file is whole as it is."""
        return (
            not self.gap and not self.bad and self.exact == [Piece(0, self.size)] and self.keep == self.size
        )
