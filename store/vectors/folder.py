"""The folder of one model in one context: `.vectors/<context>/<model>/`, written so that a crash loses nothing.

1. A shard is durable under its name before the manifest that names it takes the place of the old one.
2. What the manifest does not name is not there; the next writer deletes it.
3. The manifest says in the same file which shards there are and how far the journals are embedded by them.
4. Shards are never written to again. Merging writes new ones, then the manifest, then deletes the old: who
   reads meanwhile reads the manifest again when a shard is gone.
5. One writer at a time, by a lock in the folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from store import clock, durable
from store.errors import Damaged, StorageError
from store.vectors import manifest as manifests
from store.vectors.manifest import Manifest, ShardFile

T = TypeVar("T")

NAME = manifests.NAME
LOCK = "model.lock"
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
_ODD = re.compile(r"[^a-z0-9._-]+")


def folder_name(model: str) -> str:
    """The folder a model's vectors lie in: its name where that can be one, else like it and unlike any other."""
    if _PLAIN.fullmatch(model) and not model.endswith("."):
        return model
    plain = _ODD.sub("-", model.lower()).strip("-._")[-40:].strip("-._") or "model"
    return f"{plain}-{hashlib.blake2b(model.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


class Folder:
    """The files of one model in one context; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = durable.Lock(path / LOCK)

    def manifest(self) -> Manifest | None:
        """What there is; None where there is nothing. Raises Damaged, TooNew, StorageError."""
        return manifests.load(self.path)

    def read(self, work: Callable[[Manifest], T]) -> T | None:
        """What `work` makes of the manifest; again with the new one where files went away under it.

        None where there is no manifest. Raises what `work` raises.
        """
        for _ in range(5):
            found = self.manifest()
            if found is None:
                return None
            try:
                return work(found)
            except (StorageError, Damaged):
                if self.manifest() == found:
                    raise
        raise StorageError(f"{self.path} changes faster than it can be read; try again.", path=self.path)

    @contextmanager
    def writing(self, timeout: float = 10.0, what: str = "embedding") -> Iterator[None]:
        """Be the one writer. Raises Locked, StorageError."""
        durable.make_dirs(self.path)
        with self._lock.held(timeout, what):
            self._tidy()
            yield

    def put(self, name: str, data: bytes, rows: int) -> ShardFile:
        """Write one file durably; how a manifest names it."""
        durable.write_file(self.path / name, data)
        return ShardFile(name, rows, len(data), hashed(data))

    def commit(self, manifest: Manifest) -> Manifest:
        """Let the manifest be what the folder holds, and delete what it no longer names."""
        manifest = replace(manifest, changed=clock.stamp())
        manifests.save(self.path, manifest)
        self._tidy(manifest)
        return manifest

    def remove(self) -> None:
        """Delete everything, the manifest first. Call within `writing`."""
        durable.remove_file(self.path / NAME)
        self._tidy(None)

    def _tidy(self, manifest: Manifest | None = None) -> None:
        """Delete what the manifest does not name: what a crash left, what merging replaced."""
        if manifest is None:
            with suppress(Damaged):
                manifest = self.manifest()
            if manifest is None and (self.path / NAME).exists():
                return  # unreadable: nothing of it is touched
        kept = {NAME, LOCK}
        if manifest is not None:
            kept.update(shard.file for shard in manifest.shards)
            kept.update(file.file for file in (manifest.frozen, manifest.index) if file is not None)
        for entry in self.path.iterdir():
            if entry.name not in kept and entry.is_file():
                durable.remove_file(entry, sync=False)


def shard_name(number: int) -> str:
    return f"{number:06}.npz"


def hashed(data: bytes) -> str:
    """The hash of a file as the manifest has it."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def sound(path: Path, shard: ShardFile) -> str | None:
    """Why a file is not the one the manifest names; None where it is. Reads all of it."""
    digest = hashlib.blake2b(digest_size=16)
    size = 0
    try:
        for block in durable.read_blocks(path):
            digest.update(block)
            size += len(block)
    except StorageError as error:
        return str(error)
    if size != shard.bytes:
        return f"it has {size:,} bytes, not {shard.bytes:,}"
    return None if digest.hexdigest() == shard.hash else "its bytes are not those that were written"


def of_context(vectors: Path, context: str) -> list[Folder]:
    """The folders of all models of a context, by name."""
    try:
        entries = sorted(entry for entry in (vectors / context).iterdir() if (entry / NAME).exists())
    except FileNotFoundError:
        return []
    return [Folder(entry) for entry in entries]


def of_model(vectors: Path, context: str, model: str) -> Folder:
    """The folder of one model in one context, whether it is there or not."""
    return Folder(vectors / context / folder_name(model))
