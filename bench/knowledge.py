"""Analogies for benchmarks: drafts that become records of some 350 bytes, their words as often as words
are in any language."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson

_SYLLABLES = [first + last for first in "bdfghklmnprstvwz" for last in "aeiou"]


def words(count: int) -> list[str]:
    """So many different words."""
    rng = random.Random(20)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))] = None
    return list(found)


def drafts(count: int) -> Iterator[dict[str, Any]]:
    """So many analogies without ids, as a program submits them."""
    rng = random.Random(7)
    vocabulary = words(4000)
    often = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
    domains, tags = vocabulary[:60], vocabulary[60:120]
    for _ in range(count):
        said = rng.choices(vocabulary, cum_weights=often, k=10)
        source, target = rng.sample(domains, 2)
        yield {
            "source_domain": source,
            "target_domain": target,
            "quality_score": round(rng.random(), 2),
            "concept_mappings": {said[0]: said[1], said[2]: said[3]},
            "frame_mappings": {said[4]: said[5]},
            "tags": rng.sample(tags, 2),
            "metadata": {"note": " ".join(said[6:])},
        }


def write(path: Path, count: int) -> int:
    """Write drafts to a file, one a line; its size in bytes."""
    with path.open("wb") as file:
        for draft in drafts(count):
            file.write(orjson.dumps(draft) + b"\n")
    return path.stat().st_size
