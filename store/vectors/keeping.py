"""Upkeep of vectors: merge shards, take the vectors of erased records out, remove a model.

Each writes new files, then the manifest, then deletes the old ones (`folder`, invariant 4).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from store.errors import Damaged, NotFound
from store.vectors import embedding, forms, lookup
from store.vectors import folder as folders
from store.vectors.table import read_shard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from store.store import Store
    from store.vectors.archive import Shard
    from store.vectors.folder import Folder
    from store.vectors.manifest import Manifest

MANY = 32
"""Shards from which merging pays."""


class Merged(NamedTuple):
    """What merging did."""

    model: str
    shards_before: int
    shards: int
    dropped: int
    """Vectors that a later one stands for, or whose record is deleted."""
    saved: int
    """Bytes."""


def due(manifest: Manifest) -> bool:
    """True where there are many shards that could be few."""
    return len(manifest.shards) > MANY + 2 * (manifest.rows // embedding.ROWS)


def merge(store: Store, context: str, model: str) -> Merged:
    """Put the shards of a model together, without what nothing refers to.

    Given vectors of deleted records are kept, since nothing could make them again. Raises NotFound for no
    such model, Damaged where a shard is, Locked, StorageError.
    """
    store.writable()
    folder = folders.of_model(store.layout.vectors, context, model)
    with folder.writing(60.0, f"merging {context}"):
        before = _manifest(folder, context, model)
        last = _last(folder, before)
        keep = set(last)
        if before.made:
            keep = set(lookup.live(store, context, last))
        made = _rewritten(folder, before, lambda number, row, key: last[key] == (number, row) and key in keep)
        folder.commit(made)
    return Merged(
        model,
        len(before.shards),
        len(made.shards),
        before.rows - made.rows,
        before.bytes - made.bytes,
    )


def drop(
    store: Store, context: str, keys: Collection[str], versions: Collection[tuple[str, int]] = ()
) -> int:
    """Take the vectors of these keys, and of these versions of others, out of every model of a context; how many.

    Only shards that hold one are written anew. Raises Damaged, Locked, StorageError.
    """
    store.writable()
    gone, old = frozenset(keys), frozenset(versions)
    count = 0
    for folder in folders.of_context(store.layout.vectors, context):
        with folder.writing(60.0, f"erasing in {context}"):
            manifest = folder.manifest()
            if manifest is None:
                continue
            made = _without(folder, manifest, gone, old)
            if made != manifest:
                folder.commit(made)
                count += manifest.rows - made.rows
    return count


def remove(store: Store, context: str, model: str) -> int:
    """Delete all vectors of a model in a context; how many. Raises NotFound, Locked, StorageError."""
    store.writable()
    folder = folders.of_model(store.layout.vectors, context, model)
    if not (folder.path / folders.NAME).exists():
        raise _no_model(context, model)
    with folder.writing(10.0, f"removing from {context}"):
        try:
            manifest = folder.manifest()
        except Damaged:
            manifest = None
        folder.remove()
    return manifest.rows if manifest is not None else 0


def _without(
    folder: Folder, manifest: Manifest, gone: frozenset[str], old: frozenset[tuple[str, int]]
) -> Manifest:
    """The manifest once the rows of these keys and versions are written out of the shards that hold them."""
    shards = []
    number = manifest.next
    for shard in manifest.shards:
        held = read_shard(folder, manifest, shard)
        places = enumerate(zip(held.keys, held.versions.tolist(), strict=True))
        rows = [row for row, place in places if place[0] not in gone and place not in old]
        if len(rows) == len(held.keys):
            shards.append(shard)
        elif rows:
            alone = replace(manifest, shards=(), next=number)
            alone = _written(folder, alone, held, rows)
            shards.append(alone.shards[0])
            number = alone.next
    if len(shards) == len(manifest.shards) and tuple(shards) == manifest.shards:
        return manifest
    return replace(manifest, shards=tuple(shards), next=number, index=None, measured=None)


def _rewritten(folder: Folder, manifest: Manifest, wanted: Callable[[int, int, str], bool]) -> Manifest:
    """The manifest of new shards that hold the wanted rows of all of them, in their order."""
    made = replace(manifest, shards=(), index=None, measured=None)
    for part in _parts(folder, manifest, wanted):
        made = _written(folder, made, part, range(len(part.keys)))
    return made


def _parts(folder: Folder, manifest: Manifest, wanted: Callable[[int, int, str], bool]) -> Iterator[Shard]:
    """The wanted rows, as many at a time as a shard holds."""
    held: list[Shard] = []
    size = 0
    for number, file in enumerate(manifest.shards):
        shard = read_shard(folder, manifest, file)
        rows = [row for row, key in enumerate(shard.keys) if wanted(number, row, key)]
        if size and size + len(rows) > embedding.ROWS:
            yield _joined(held)
            held, size = [], 0
        if rows:
            held.append(_of(shard, rows))
            size += len(rows)
    if held:
        yield _joined(held)


def _of(shard: Shard, rows: list[int]) -> Shard:
    at = np.array(rows, np.int64)
    return shard._replace(
        keys=[shard.keys[row] for row in rows],
        versions=shard.versions[at],
        vectors=shard.vectors[at],
        scales=None if shard.scales is None else shard.scales[at],
        lengths=None if shard.lengths is None else shard.lengths[at],
    )


def _joined(parts: list[Shard]) -> Shard:
    first = parts[0]
    return first._replace(
        keys=[key for part in parts for key in part.keys],
        versions=np.concatenate([part.versions for part in parts]),
        vectors=np.concatenate([part.vectors for part in parts]),
        scales=None if first.scales is None else np.concatenate([_scales(part) for part in parts]),
        lengths=np.concatenate([_lengths(part) for part in parts]),
    )


def _scales(part: Shard) -> NDArray[np.float32]:
    assert part.scales is not None, "one form has scales in every shard or in none"
    return part.scales


def _lengths(part: Shard) -> NDArray[np.float32]:
    return np.ones(len(part.keys), np.float32) if part.lengths is None else part.lengths


def _written(folder: Folder, manifest: Manifest, shard: Shard, rows: Collection[int]) -> Manifest:
    part = _of(shard, list(rows))
    lengths = _lengths(part)
    directions = forms.decode(part.vectors, part.scales)
    odd = lengths if forms.odd_lengths(lengths) else None
    return embedding.add_shard(folder, manifest, part.keys, part.versions, directions, odd)


def _last(folder: Folder, manifest: Manifest) -> dict[str, tuple[int, int]]:
    """(shard, row) of the vector that counts for each key."""
    found: dict[str, tuple[int, int]] = {}
    for number, file in enumerate(manifest.shards):
        for row, key in enumerate(read_shard(folder, manifest, file).keys):
            found[key] = (number, row)
    return found


def _manifest(folder: Folder, context: str, model: str) -> Manifest:
    manifest = folder.manifest()
    if manifest is None:
        raise _no_model(context, model)
    return manifest


def _no_model(context: str, model: str) -> NotFound:
    return NotFound(
        f"There are no vectors of “{model}” in {context}; `chartkeep vectors list` shows those there are."
    )
