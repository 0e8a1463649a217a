"""The vectors of a store as other layers use them: embed what is new, find what is like something.

A question first embeds what changed since the last one, where that is quick; other models are
brought up by `embed_missing`, a workflow, or `chartkeep vectors embed`. Nothing heavy is imported before
something is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from store.errors import ChartkeepError, Damaged, Locked, NotFound
from store.model import ARCHIVE
from store.vectors.values import Added, Counts, Hit, Measured, Model, Similar

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from store.model import Finding
    from store.store import Store
    from store.vectors.keeping import Merged
    from store.vectors.manifest import Manifest
    from store.vectors.table import Table

    Query = str | Sequence[float] | NDArray[np.float32]

AT_ONCE = 24 << 20
"""Bytes of journal that a question embeds by the way, by a quick embedder: two seconds or so."""


def models(store: Store, context: str | None = None) -> list[Model]:
    """The models there are vectors of, by context and name. One whose manifest is damaged is left out."""
    from store.vectors import folder as folders

    found = []
    for name in contexts_of(store, context):
        for folder in folders.of_context(store.layout.vectors, name):
            with suppress(Damaged):
                if (manifest := folder.manifest()) is not None:
                    found.append(_model(name, manifest))
    return sorted(found)


def similar(
    store: Store,
    query: Query,
    *,
    context: str | None = None,
    limit: int = 10,
    model: str | None = None,
    kinds: Sequence[str] = (),
    exact: bool = False,
    text: bool = False,
) -> Similar:
    """The records and charts most like a record or chart (its key or id), a text, or a vector.

    `context=None` looks in every one but the archive; `kinds` are types, `chart` among them; with `exact`
    the approximate index is not used; with `text` the query is text whatever it looks like.
    Raises NotFound where there is nothing to compare with, Refused for a question the model cannot
    answer, UsageError for no such model.
    """
    from store.vectors import searching

    name = model or store.settings.vectors_model
    notes: list[str] = []
    tables: dict[str, Table] = {}
    for place in contexts_of(store, context):
        notes += _bring_up(store, place, name)
        if (table := _table(store, place, name)) is not None and len(table):
            tables[place] = table
            notes += [str(error) for error in table.damage]
    if not tables:
        raise NotFound(_nothing(store, context, name))
    asked = searching.asked(store, query, tables, text=text)
    found: list[Hit] = []
    ways: list[str] = []
    for place, table in tables.items():
        vector = asked.vector(place, table)
        if vector is None:
            continue
        hits, how = searching.search(store, place, table, vector, limit, kinds, asked.own(place), exact=exact)
        found += hits
        ways.append(how)
    found.sort(key=lambda hit: (-hit.score, hit.context, hit.key))
    return Similar(found[:limit], _how(ways), _recall(tables, ways), name, " ".join(dict.fromkeys(notes)))


def embed_missing(
    store: Store,
    context: str,
    model: str | None = None,
    keys: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    form: str | None = None,
    repair: bool = False,
) -> Counts:
    """Embed the records and charts of a context that have no vector of their present version.

    `on_progress(done, total)` counts bytes of the journal. With `repair` every shard is read first and a damaged
    one made again. Raises ReadOnly, UsageError for no such embedder, Refused, Locked, Damaged, StorageError.
    """
    from store.vectors import embedding

    store.writable()
    name = model or store.settings.vectors_model
    counts = embedding.embed(
        store, context, name, keys=keys, form=form, progress=on_progress, repair=repair, timeout=60.0
    )
    if keys is None:
        from store.vectors import approximate

        approximate.bring_up(store, context, name)
    return counts


def index(store: Store, context: str, model: str | None = None) -> Measured:
    """Build the approximate index of a model anew, and measure it. Raises NotFound, Refused without the extra."""
    from store.vectors import approximate

    store.writable()
    return approximate.build(store, context, model or store.settings.vectors_model)


def measure(store: Store, context: str, model: str | None = None) -> Measured:
    """Measure the approximate index beside exact search, and keep the figures. Raises NotFound without one."""
    from store.vectors import approximate

    return approximate.measure(store, context, model or store.settings.vectors_model)


def add_given(
    store: Store, context: str, path: Path, model: str, *, keys: Path | None = None, form: str | None = None
) -> Added:
    """Take in the vectors of an `.npz`, an `.npy` with a file of `keys`, or a JSONL file, in one step.

    Raises ReadOnly, NotFound, UsageError, Refused, Locked, Damaged, StorageError; see `given`.
    """
    from store.vectors import given

    store.writable()
    store.contexts.require(context)
    return given.add(store, context, path, model, keys=keys, form=form)


def check(store: Store, *, quick: bool = False) -> list[Finding]:
    """What is wrong with the vectors of a store; see `checking`. With `quick` only names and sizes of files."""
    from store.vectors import checking

    return list(checking.check(store, quick=quick))


def merge(store: Store, context: str, model: str | None = None) -> Merged:
    """Put the shards of a model together, without what nothing refers to; see `keeping`."""
    from store.vectors import keeping

    return keeping.merge(store, context, model or store.settings.vectors_model)


def merge_due(store: Store) -> list[tuple[str, str]]:
    """(context, model) of those with so many shards that merging pays: for upkeep. Reads only manifests."""
    from store.vectors import folder as folders
    from store.vectors import keeping

    found = []
    for name in contexts_of(store, None):
        for folder in folders.of_context(store.layout.vectors, name):
            with suppress(Damaged):
                if (manifest := folder.manifest()) is not None and keeping.due(manifest):
                    found.append((name, manifest.model))
    return found


def drop(
    store: Store, context: str, keys: Collection[str], versions: Collection[tuple[str, int]] = ()
) -> int:
    """Take the vectors of records, or single versions, that are erased out of every model of a context; how many."""
    from store.vectors import keeping

    return keeping.drop(store, context, keys, versions)


def remove(store: Store, context: str, model: str) -> int:
    """Delete all vectors of a model in a context; how many. Raises NotFound."""
    from store.vectors import keeping

    return keeping.remove(store, context, model)


def matrix(
    store: Store, context: str, model: str | None = None, kinds: Sequence[str] = ()
) -> tuple[list[str], NDArray[np.float32]]:
    """(keys, one row of length 1 for each) of all live records and charts that have a vector, what is new embedded.

    Raises NotFound where there are no vectors.
    """
    import numpy as np

    from store.vectors import lookup

    name = model or store.settings.vectors_model
    _bring_up(store, context, name)
    table = _table(store, context, name)
    if table is None or not len(table):
        raise NotFound(_nothing(store, context, name))
    wanted = table.current & table.of_kinds(kinds) if kinds else table.current
    rows = np.flatnonzero(wanted)
    live = lookup.live(store, context, [table.keys[row] for row in rows])
    rows = np.array([row for row in rows if table.keys[row] in live], np.int64)
    return [table.keys[row] for row in rows], table.vectors(rows)


def contexts_of(store: Store, context: str | None) -> list[str]:
    """The contexts a question looks in: the one named, else all but the archive."""
    if context is not None:
        return [context]
    return [name for name in store.contexts.names() if name != ARCHIVE]


def _model(context: str, manifest: Manifest) -> Model:
    recall = (manifest.measured or {}).get("recall") if manifest.indexed else None
    return Model(
        context,
        manifest.model,
        manifest.made,
        manifest.dimension,
        manifest.form,
        manifest.rows,
        len(manifest.shards),
        manifest.bytes,
        manifest.changed,
        manifest.indexed,
        recall,
    )


def _table(store: Store, context: str, model: str) -> Table | None:
    from store.vectors import folder, table

    return table.table_of(folder.of_model(store.layout.vectors, context, model))


def _bring_up(store: Store, context: str, model: str) -> list[str]:
    """Embed what is new, where a question may; what the person should know where that was not done."""
    from store.vectors import embedders, embedding

    if not embedders.exists(model):
        return []
    behind = embedding.behind(store, context, model)
    if not behind:
        return []
    if not store.readonly and embedders.make(model, store.settings).quick and behind <= AT_ONCE:
        try:
            with store.jobs.run("embed", f"Embed {context}", quiet=behind < AT_ONCE // 8) as job:
                embedding.embed(store, context, model, progress=job.at, timeout=2.0)
            return []
        except Locked:
            return [f"Somebody else embeds {context} just now: what is new there may be missing."]
        except ChartkeepError as error:
            return [f"What is new in {context} could not be embedded: {error}"]
    return [f"What is new in {context} has no vector yet: `chartkeep vectors embed` makes them."]


def _nothing(store: Store, context: str | None, model: str) -> str:
    there = sorted({found.name for found in models(store, context)})
    if there and model not in there:
        return f"There are no vectors of “{model}” here; there are those of {', '.join(there)} (--model)."
    place = f"in {context}" if context is not None else "in this store"
    return f"There is nothing {place} to compare with, or it has no vectors yet: `chartkeep vectors embed` makes them."


def _how(ways: list[str]) -> str:
    return " and ".join(sorted(set(ways), reverse=True)) or "exact"


def _recall(tables: dict[str, Table], ways: list[str]) -> float | None:
    """The lowest recall measured of the indexes that were asked; None where all was exact."""
    if "approximate" not in ways:
        return None
    measured: list[Any] = [(table.manifest.measured or {}).get("recall") for table in tables.values()]
    known = [float(recall) for recall in measured if recall is not None]
    return min(known) if known else None
