"""A filter of the keys that are there: most that are new need not be looked up one by one.

A batch of new records asks the index for keys it does not have, each at the cost of a search. The filter
answers that from 8 MiB of bits: a key it has not met is not there; one it has met may be, and is looked up.
Of a million keys it lets one or two in a hundred new ones through. Plain Python is quick enough: numpy
takes longer to import than 100,000 keys take here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from store.index.knowledge.keys import LEAST_HASH, hashes_of

_BYTES = 1 << 23
_BYTE = 9
"""The upper bits of a hash say which byte, the next three which bit of it; the rest does not count."""
_BIT = 6
_MARKS = tuple(1 << bit for bit in range(8))


class Met:
    """The keys met so far, as hashes; nothing is ever taken out."""

    def __init__(self) -> None:
        self._bits = bytearray(_BYTES)

    def add(self, keys: Sequence[str]) -> None:
        """Meet keys."""
        self._add(hashes_of(keys))

    def add_hashes(self, hashes: Iterable[int]) -> None:
        """Meet keys by their `hash_of`."""
        self._add(number - LEAST_HASH for number in hashes)

    def sift(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that may have been met."""
        bits, marks = self._bits, _MARKS
        return [
            key
            for key, number in zip(keys, hashes_of(keys), strict=True)
            if bits[number >> _BYTE] & marks[number >> _BIT & 7]
        ]

    def _add(self, numbers: Iterable[int]) -> None:
        bits, marks = self._bits, _MARKS
        for number in numbers:
            bits[number >> _BYTE] |= marks[number >> _BIT & 7]
