"""What is wrong with vectors: damaged, misshapen, of older versions, of records that are gone.

Nothing is changed and nothing raised for damage. Stale and orphan vectors harm nothing: a question embeds what
changed and shows what is live; they are named so that a person knows, and an embedder makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from store.errors import Damaged, StorageError, TooNew
from store.model import Finding
from store.vectors import folder as folders
from store.vectors import lookup
from store.vectors.archive import unzipped
from store.vectors.folder import Folder, sound
from store.vectors.table import read_shard

if TYPE_CHECKING:
    from store.model import Severity
    from store.store import Store
    from store.vectors.manifest import Manifest

SHOWN = 3


def check(store: Store, *, quick: bool = False) -> Iterator[Finding]:
    """Findings with the codes vector-damaged, vector-shape, vector-stale, vector-orphan.

    With `quick` only that every file is there with its size.
    """
    vectors = store.layout.vectors
    if not vectors.is_dir():
        return
    for place in sorted(entry.name for entry in vectors.iterdir() if entry.is_dir()):
        for folder in folders.of_context(vectors, place):
            yield from _model(store, place, folder, quick=quick)


def _model(store: Store, context: str, folder: Folder, *, quick: bool) -> Iterator[Finding]:
    path = store.layout.relative(folder.path / folders.NAME)
    try:
        manifest = folder.manifest()
    except (Damaged, TooNew, StorageError) as error:
        yield Finding("error", "vector-damaged", str(error), path)
        return
    if manifest is None:
        return
    versions: dict[str, int] = {}
    for found in _files(store, folder, manifest, versions, quick=quick):
        if folder.manifest() != manifest:  # somebody merged meanwhile: what was read is of the past
            yield from _model(store, context, folder, quick=quick)
            return
        yield found
    if not quick and context in store.contexts.names():
        yield from _beside_records(store, context, manifest, versions, path)


def _files(
    store: Store, folder: Folder, manifest: Manifest, versions: dict[str, int], *, quick: bool
) -> Iterator[Finding]:
    severity: Severity = "warning" if manifest.made else "error"
    advice = (
        "`chartkeep vectors embed` makes it anew"
        if manifest.made
        else "add it again, or take it from a backup"
    )
    others = [file for file in (manifest.frozen, manifest.index) if file is not None]
    for file in (*manifest.shards, *others):
        path = folder.path / file.file
        why = _size(path, file.bytes) if quick else sound(path, file)
        if why is not None:
            what = f"{why}; {advice}"
            yield Finding(severity, "vector-damaged", what, store.layout.relative(path))
            continue
        if quick or file in others:
            continue
        try:
            shard = read_shard(folder, manifest, file)
        except (Damaged, StorageError) as error:
            yield Finding(severity, "vector-shape", str(error), store.layout.relative(path))
            continue
        versions.update(zip(shard.keys, shard.versions.tolist(), strict=True))
    if not quick and manifest.frozen is not None and (folder.path / manifest.frozen.file).exists():
        try:
            unzipped(folder.path / manifest.frozen.file)
        except (Damaged, StorageError) as error:
            path = folder.path / manifest.frozen.file
            yield Finding(severity, "vector-shape", str(error), store.layout.relative(path))


def _size(path: object, size: int) -> str | None:
    from pathlib import Path

    assert isinstance(path, Path)
    try:
        found = path.stat().st_size
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return None if found == size else f"it has {found:,} bytes, not {size:,}"


def _beside_records(
    store: Store, context: str, manifest: Manifest, versions: dict[str, int], path: str
) -> Iterator[Finding]:
    """Vectors of older versions, and of records that are not there."""
    try:
        live = lookup.live(store, context, versions)
    except Damaged:
        return  # said of the journal itself
    orphans = [key for key in versions if key not in live]
    stale = [key for key, ver in versions.items() if key in live and live[key] != ver]
    again = "the next question or `chartkeep vectors embed` makes them anew"
    if stale:
        advice = again if manifest.made else "add vectors of what those records say now"
        yield Finding("info", "vector-stale", f"{_named(stale)} older than the record; {advice}", path)
    if orphans:
        advice = (
            "`chartkeep vectors merge` drops them" if manifest.made else "they count again if it comes back"
        )
        yield Finding("info", "vector-orphan", f"{_named(orphans)} of no live record; {advice}", path)


def _named(keys: list[str]) -> str:
    """“3 vectors (a, b, c) are”."""
    some = ", ".join(keys[:SHOWN]) + (", …" if len(keys) > SHOWN else "")
    return f"{len(keys):,} vectors ({some}) are" if len(keys) > 1 else f"The vector of {keys[0]} is"
