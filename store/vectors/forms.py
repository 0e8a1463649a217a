"""The forms vectors are kept in, all of unit length: float32, float16, and int8 with a scale per vector.

Measured on 100,000 x 384 random directions, the hardest case: float16 finds 99.9 % of the ten
nearest, int8 98 %. Int8 uses 100 of its 127 levels: 127 would find half a percent more, but the
codes then hardly compress (4.3 times smaller than float32 instead of 4.5, without keys).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 100
_DTYPES = {"float32": "<f4", "float16": "<f2", "int8": "|i1"}
_ROUNDING = 1e-3
"""How far a vector's length may be from 1 to pass for one of length 1."""


def unit(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(vectors brought to length 1, their lengths); one without direction stays zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)).astype(np.float32)
    divisor = np.where(lengths > 0, lengths, np.float32(1))
    return (vectors / divisor[:, None]).astype(np.float32, copy=False), lengths


def odd_lengths(lengths: NDArray[np.float32]) -> bool:
    """True where lengths other than 1 and 0 have to be kept beside the directions."""
    return bool(np.any((lengths > 0) & (np.abs(lengths - 1) > _ROUNDING)))


def encode(vectors: NDArray[np.float32], form: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of a shard that hold vectors of unit length: `vectors`, and for int8 `scales`."""
    if form == "float32":
        return {"vectors": vectors.astype("<f4", copy=False)}
    if form == "float16":
        return {"vectors": vectors.astype("<f2")}
    largest = np.abs(vectors).max(axis=1, initial=0)
    step = np.where(largest > 0, largest / LEVELS, np.float32(1))
    codes = np.rint(vectors / step[:, None]).astype(np.int8)
    # The length of the rounded vector, not of the given one: so its cosine with itself is 1.
    lengths = np.sqrt(np.einsum("ij,ij->i", codes, codes, dtype=np.float32))
    scales = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return {"vectors": codes, "scales": scales.astype("<f4")}


def decode(vectors: NDArray[np.generic], scales: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Vectors as float32."""
    made = vectors.astype(np.float32)
    if scales is not None:
        made *= scales[:, None]
    return made


def dtype_of(form: str) -> np.dtype[np.generic]:
    """The type of the array `vectors` in that form."""
    return np.dtype(_DTYPES[form])
