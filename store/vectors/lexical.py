"""The embedder that ships: lexical. It knows words and parts of words, and nothing of what they mean.

Every word, pair of words and run of three or four bytes of a word is a feature. A feature weighs by
how rare it is in the corpus (IDF, counted in 65,536 classes of features by hash) and is added to two
dimensions with a sign, all by hash: texts that share rare words point the same way, “ships” and
“shipping” partly do, “car” and “automobile” do not. The IDF is frozen with the model, since vectors
made with another could not be compared, and learned again once the corpus has grown fourfold.

All hashes of a batch are made at once: with the powers of an odd number p, the hash of any run of
bytes is a difference of two running sums, divided by the power of its beginning (modulo 2^64).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from store.vectors.forms import unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

CLASSES = 1 << 16
"""Classes of features whose frequency is counted."""
ENOUGH = 20_000
"""Texts that the IDF is learned from at most: more hardly change it."""
GROWN = 4
_VERSION = "lexical-1"
_BATCH = 1 << 18
"""Bytes of text that are hashed at once."""
_P = 0x9E3779B97F4A7C15
_INVERSE = pow(_P, -1, 1 << 64)
_RUNS = ((3, 0.5), (4, 0.5))
"""Lengths of the parts of words, the blank before or after one counted, and what they weigh."""
_WORD, _PAIR = 1.0, 0.4


class Lexical:
    """Hashed n-grams of words and characters with IDF. Same texts, same vectors, on every machine."""

    quick = True

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.identity = f"{_VERSION}/{dimension}"
        self.chance = 2 / dimension**0.5
        """Two texts that share nothing have a cosine of 1 / sqrt(dimension) or so, by their hashes."""
        self.learned_from = 0
        self._idf = np.ones(CLASSES, np.float32)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 for each text; zeros for one without letters and digits."""
        made = np.zeros((len(texts), self.dimension), np.float32)
        for start, part in _batches(texts):
            made[start : start + len(part)] = self._project(*_features(part), len(part))
        return unit(made)[0]

    def outgrown(self, texts: int) -> bool:
        """True where four times as many texts are there as the IDF was learned from, unless that was enough."""
        return texts > 0 and texts >= GROWN * self.learned_from and self.learned_from < ENOUGH

    def fit(self, texts: Sequence[str]) -> None:
        """Count in how many of these texts each class of features occurs."""
        counts = np.zeros(CLASSES, np.int64)
        for _, part in _batches(texts, 256):
            hashes, rows, _ = _features(part)
            occurs = np.zeros((len(part), CLASSES), np.uint8)
            occurs[rows, (hashes >> np.uint64(48)).astype(np.int32)] = 1
            counts += occurs.sum(axis=0, dtype=np.uint16)
        self._idf = (np.log((len(texts) + 1) / (counts + 0.5)) + 0.1).clip(0.1).astype("<f4")
        self.learned_from = len(texts)

    def frozen(self) -> dict[str, NDArray[Any]]:
        """The IDF of each class."""
        return {"idf": self._idf}

    def thaw(self, arrays: dict[str, NDArray[Any]], texts: int) -> None:
        """Take an IDF back."""
        idf = arrays["idf"]
        if idf.shape != (CLASSES,):
            raise ValueError(f"the IDF has the shape {idf.shape}")
        self._idf = idf.astype(np.float32)
        self.learned_from = texts

    def _project(
        self, hashes: Hashes, rows: NDArray[np.int32], weights: NDArray[np.float32], count: int
    ) -> NDArray[np.float64]:
        weights = weights * self._idf[(hashes >> np.uint64(48)).astype(np.int32)]
        base = rows.astype(np.int64) * self.dimension
        made = np.zeros(count * self.dimension)
        for shift in (0, 24):
            bits = (hashes >> np.uint64(shift)) & np.uint64(0xFFFFFF)
            sign = (bits & np.uint64(1)).astype(np.float32) * 2 - 1
            place = base + ((bits >> np.uint64(1)) % np.uint64(self.dimension)).astype(np.int64)
            made += np.bincount(place, sign * weights, minlength=len(made))
        return made.reshape(count, self.dimension)


def _batches(texts: Sequence[str], most: int = 4096) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first, texts as bytes) in parts of some hundred kilobytes and `most` texts."""
    start, size = 0, 0
    part: list[bytes] = []
    for number, text in enumerate(texts):
        data = _plain(text)
        part.append(data)
        size += len(data)
        if size > _BATCH or len(part) == most:
            yield start, part
            start, part, size = number + 1, [], 0
    if part:
        yield start, part


def _plain(text: str) -> bytes:
    """Small letters without accents."""
    if text.isascii():
        return text.lower().encode("ascii")
    taken_apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in taken_apart if not unicodedata.combining(char)).encode("utf-8", "replace")


@lru_cache(1)
def _powers(size: int) -> tuple[Hashes, Hashes]:
    """(p^i, p^-i) modulo 2^64."""
    made = []
    for factor in (_P, _INVERSE):
        row = np.full(size, factor, np.uint64)
        row[0] = 1
        made.append(np.cumprod(row, dtype=np.uint64))
    return made[0], made[1]


def _is_word() -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[128:] = True
    for char in b"abcdefghijklmnopqrstuvwxyz0123456789":
        table[char] = True
    return table


_IN_WORD = _is_word()


def _features(texts: list[bytes]) -> tuple[Hashes, NDArray[np.int32], NDArray[np.float32]]:
    """(hash, number of its text, weight) of every feature of these texts."""
    data = np.frombuffer(b" " + b" ".join(texts) + b" ", np.uint8)
    starts = np.cumsum([1] + [len(text) + 1 for text in texts[:-1]])
    row_of = np.zeros(len(data), np.int32)
    row_of[starts[1:]] = 1  # a text takes at least the blank behind it, so no two begin in one place
    row_of = np.cumsum(row_of, dtype=np.int32)
    inside = _IN_WORD[data]
    power, inverse = (table[: len(data) + 1] for table in _powers(_room(len(data) + 1)))
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(np.where(inside, data, 0).astype(np.uint64) * power[:-1], out=sums[1:])

    edges = np.diff(inside.astype(np.int8))
    begin, end = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
    hashes = [_mixed((sums[end] - sums[begin]) * inverse[begin], 1)]
    rows = [row_of[begin]]
    weights = [np.full(len(begin), _WORD, np.float32)]
    same = np.flatnonzero(rows[0][:-1] == rows[0][1:])
    hashes.append(_mixed(hashes[0][same] + np.uint64(3) * hashes[0][same + 1], 2))
    rows.append(rows[0][same])
    weights.append(np.full(len(same), _PAIR, np.float32))
    for length, weight in _RUNS:
        at = _runs(inside, length)
        hashes.append(_mixed((sums[at + length] - sums[at]) * inverse[at], length))
        rows.append(row_of[at + 1])  # a run may begin with the blank before its text
        weights.append(np.full(len(at), weight, np.float32))
    return np.concatenate(hashes), np.concatenate(rows), np.concatenate(weights)


def _runs(inside: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """Where a run of so many bytes begins that lies in one word, with the blank on either side at most."""
    whole = inside[1 : len(inside) - length + 2].copy()
    for offset in range(2, length - 1):
        whole &= inside[offset : len(inside) - length + 1 + offset]
    return np.flatnonzero(whole)


def _mixed(hashes: Hashes, salt: int) -> Hashes:
    """Hashes with every bit depending on all, another for each kind of feature."""
    mixed = hashes + np.uint64(salt * 0xD1B54A32D192ED03 & (1 << 64) - 1)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _room(size: int) -> int:
    """The next power of two, so that the tables of powers are seldom made anew."""
    return 1 << max(19, (size - 1).bit_length())
