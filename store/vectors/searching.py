"""One question of likeness: what was asked, and the nearest live records of one context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from store.errors import Refused, UsageError
from store.knowledge.kinds import BY_NAME
from store.vectors import approximate, embedders, embedding, forms, lookup, sources
from store.vectors import table as tables_of
from store.vectors.folder import of_model
from store.vectors.values import Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from store.store import Store
    from store.vectors.table import Table

LONGEST_ID = 200


class Asked(NamedTuple):
    """What likeness is asked of: a vector where it has one, a text where that is known."""

    store: Store
    key: str | None
    context: str | None
    """Where the record lies that was named."""
    given: NDArray[np.float32] | None
    text: str | None

    def vector(self, context: str, table: Table) -> NDArray[np.float32] | None:
        """The direction to look in, in a context; None where nothing has that direction.

        Raises Refused where the model cannot make one, UsageError for another dimension.
        """
        if self.given is not None and (self.context in (context, None) or not table.manifest.made):
            found = self.given
        elif self.text is None:
            return None
        else:
            found = text_vector(self.store, context, table, self.text)
        if found.shape != (table.manifest.dimension,):
            raise UsageError(
                f"The vector asked for has {found.size} dimensions, those of “{table.manifest.model}” in {context} "
                f"have {table.manifest.dimension}."
            )
        made = forms.unit(found.astype(np.float32)[None, :])[0][0]
        return made if np.any(made) else None

    def own(self, context: str) -> str | None:
        """The key that was asked for, where it lies in that context: no hit of its own."""
        return self.key if context == self.context else None


def asked(store: Store, query: Any, tables: dict[str, Table], *, text: bool) -> Asked:
    """What a query means: the key or id of something that has a vector, else a text, or a vector."""
    if not isinstance(query, str):
        given = np.asarray(query, np.float32)
        if given.ndim != 1 or not np.all(np.isfinite(given)):
            raise UsageError("A vector to look for is one row of finite numbers.")
        return Asked(store, None, None, given, None)
    words = query.strip()
    if not words:
        raise UsageError("Name a record or chart, or give a text, to find what is like it.")
    named = None if text else _named(words, tables)
    if named is None:
        return Asked(store, None, None, None, words)
    place, key = named
    table = tables[place]
    own = sources.Source(0, None)
    if len(tables) > 1 and table.manifest.made:
        own = lookup.sources(store, place, [key]).get(key, own)
    return Asked(store, key, place, table.vectors(np.array([table.row_of[key]]))[0], own.text)


def text_vector(store: Store, context: str, table: Table, text: str) -> NDArray[np.float32]:
    """The vector of a text by the model of a table. Raises Refused for one whose vectors were given."""
    manifest = table.manifest
    if not manifest.made:
        raise Refused(
            f"The vectors of “{manifest.model}” were given: chartkeep cannot make one of a text. "
            "Name a record that has one, or use another model with --model."
        )
    embedder = embedders.make(manifest.model, store.settings)
    if embedder.identity != manifest.identity:
        raise Refused(
            f"The vectors of “{manifest.model}” in {context} are of another state of that embedder: "
            "make them anew with `chartkeep vectors embed`."
        )
    folder = of_model(store.layout.vectors, context, manifest.model)
    embedding.thaw(folder, manifest, embedder)
    found: NDArray[np.float32] = embedders.embedded(embedder, [text])[0]
    return found


def search(
    store: Store,
    context: str,
    table: Table,
    vector: NDArray[np.float32],
    limit: int,
    kinds: Sequence[str],
    own: str | None,
    *,
    exact: bool,
) -> tuple[list[Hit], str]:
    """The live records nearest to a vector, and how they were found: the approximate index serves where it may."""
    if not exact and not kinds and len(table) >= store.settings.vectors_approximate_from:
        rows, scores = approximate.candidates(store, context, table, vector, limit)
        hits = _live(store, context, table, rows, scores, own)
        if len(hits) >= limit:
            return hits[:limit], "approximate"
    return _exact(store, context, table, vector, limit, kinds, own), "exact"


def _exact(
    store: Store,
    context: str,
    table: Table,
    vector: NDArray[np.float32],
    limit: int,
    kinds: Sequence[str],
    own: str | None,
) -> list[Hit]:
    scores = table.scores(vector)
    wanted = table.current & table.of_kinds(kinds) if kinds else table.current
    scores[~wanted] = 0
    count = limit + 8
    while True:
        rows = tables_of.nearest(scores, count)
        hits = _live(store, context, table, rows, scores[rows], own)
        if len(hits) >= limit or len(rows) < count or scores[rows[-1]] <= table.manifest.chance:
            return hits[:limit]
        count *= 4


def _live(
    store: Store,
    context: str,
    table: Table,
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
    own: str | None,
) -> list[Hit]:
    """Hits of those rows whose record is there, in their order. What may be chance is not like it."""
    keys = [table.keys[row] for row in rows]
    least = table.manifest.chance
    alike = [
        (key, score) for key, score in zip(keys, scores.tolist(), strict=True) if score > least and key != own
    ]
    titles = lookup.titles(store, context, [key for key, _ in alike])
    return [Hit(key, context, titles[key], min(1.0, score)) for key, score in alike if key in titles]


def _named(words: str, tables: dict[str, Table]) -> tuple[str, str] | None:
    """(context, key) of what has that key or id; None where nothing has."""
    if len(words) > LONGEST_ID:
        return None
    kinds = [*BY_NAME, sources.CHART]
    for place, table in tables.items():
        for key in (words, *(f"{kind}:{words}" for kind in kinds)):
            if key in table.row_of:
                return place, key
    return None
