"""Plain values of the vectors that travel between the layers."""

from __future__ import annotations

from typing import NamedTuple


class Model(NamedTuple):
    """The vectors of one model in one context."""

    context: str
    name: str
    """`lexical`, a plug-in's name, `path:/folder`, or the name given vectors came under."""
    made: bool
    """True where an embedder makes them; False where they were given and cannot be made again."""
    dimension: int
    form: str
    """How they are kept: `float32` exactly, `float16` in half the room, `int8` in a quarter of it."""
    rows: int
    """Vectors in the shards, those that a later one stands for with them."""
    shards: int
    bytes: int
    changed: str
    """When a shard was last added."""
    indexed: int
    """Vectors in the approximate index; 0 where there is none."""
    recall: float | None
    """recall@10 of the approximate index against exact search, as last measured."""


class Hit(NamedTuple):
    """Something like what was asked for."""

    key: str
    """`<type>:<id>` of a record, `chart:<chart id>` of a chart."""
    context: str
    title: str
    score: float
    """Cosine of the angle between the two: 1 for the same direction."""


class Similar(NamedTuple):
    """The answer to a question of likeness, and how it was found."""

    hits: list[Hit]
    how: str
    """`exact`, `approximate`, or both where contexts differ."""
    recall: float | None
    """recall@10 measured of the approximate index; None where the search was exact or nobody measured."""
    model: str
    note: str = ""
    """What a person should know of it, such as records that have no vector yet; else empty."""


class Counts(NamedTuple):
    """What embedding came to."""

    embedded: int
    unchanged: int
    """Records looked at whose vector is of their present version."""
    gone: int
    """Records looked at that are deleted."""
    total: int
    """Vectors there are now, without those that a later one stands for."""
    renewed: bool
    """True where everything was embedded anew: the corpus has outgrown what the model was made from."""


class Rejection(NamedTuple):
    """One given vector that was not taken."""

    line: int
    """Its line in a JSONL file, its row in an array, from 1."""
    key: str
    code: str
    """`not-json`, `no-key`, `no-embedding`, `unknown-key`, `duplicate-key`, `wrong-dimension`, `not-finite`,
    `no-direction`."""
    reason: str


class Added(NamedTuple):
    """What came of adding given vectors."""

    model: str
    written: int
    rejected: list[Rejection]


class Measured(NamedTuple):
    """How the approximate index does beside exact search."""

    model: str
    context: str
    rows: int
    sample: int
    recall: float
    exact_ms: float
    approximate_ms: float
