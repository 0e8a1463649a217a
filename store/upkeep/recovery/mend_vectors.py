"""Damaged files of vectors: kept aside, brought back from a backup to the byte, or made again by their embedder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable
from store.errors import ChartkeepError, Damaged, NotFound

if TYPE_CHECKING:
    from store.store import Store
    from store.upkeep.recovery.recovery_log import RecoveryLog
    from store.vectors.folder import Folder
    from store.vectors.manifest import Manifest, ShardFile


def mend(store: Store, log: RecoveryLog) -> None:
    """Put right what is damaged of the vectors of every context; what could not be is told."""
    from store.vectors import folder as folders

    vectors = store.layout.vectors
    for context in sorted(entry.name for entry in vectors.iterdir()) if vectors.is_dir() else ():
        for folder in folders.of_context(vectors, context):
            try:
                _folder(store, context, folder, log)
            except ChartkeepError as error:
                log.say(f"{store.layout.relative(folder.path)} could not be mended: {error}")


def _folder(store: Store, context: str, folder: Folder, log: RecoveryLog) -> None:
    from store.vectors import collection
    from store.vectors.folder import sound
    from store.vectors.manifest import NAME

    where = store.layout.relative(folder.path)
    with folder.writing(store.settings.lock_timeout, "recovery"):
        try:
            manifest = folder.manifest()
        except Damaged:
            if not _backed_manifest(store, folder, log):
                log.say(f"{where}/{NAME} is damaged, and no backup holds it: its vectors cannot be read.")
                return
            manifest = folder.manifest()
        if manifest is None:
            return
        left = []
        for file in _files(manifest):
            path = folder.path / file.file
            if sound(path, file) is None:
                continue
            _keep(store, log, path)
            if not _from_backup(store, path, file):
                left.append(file)
            else:
                log.say(f"{where}/{file.file} was brought back from a backup, to the byte.")
    if not left:
        return
    if manifest.made:
        counts = collection.embed_missing(store, context, manifest.model, repair=True)
        log.say(f"{where}: {counts.embedded:,} vectors were made again.")
    else:
        names = ", ".join(file.file for file in left)
        log.say(f"{where}: {names} is damaged and in no backup: add those vectors again.")


def _files(manifest: Manifest) -> list[ShardFile]:
    others = [file for file in (manifest.frozen, manifest.index) if file is not None]
    return [*manifest.shards, *others]


def _keep(store: Store, log: RecoveryLog, path: Path) -> None:
    """Keep the damaged file, as all damaged files are."""
    if not path.exists():
        return
    kept = store.layout.recovery / f"damaged-{log.stamp}" / path.relative_to(store.layout.home)
    durable.make_dirs(kept.parent)
    if not kept.exists():
        durable.link_file(path, kept)


def _from_backup(store: Store, path: Path, file: ShardFile) -> bool:
    """Bring a file back where a backup has its very bytes."""
    from store.vectors.folder import hashed

    for data in _backed(store, path):
        if len(data) == file.bytes and hashed(data) == file.hash:
            durable.write_file(path, data)
            return True
    return False


def _backed_manifest(store: Store, folder: Folder, log: RecoveryLog) -> bool:
    """The newest manifest in a backup all of whose files are there."""
    from store.vectors.folder import sound
    from store.vectors.manifest import NAME, parse

    path = folder.path / NAME
    for data in _backed(store, path):
        with suppress(ChartkeepError):
            found = parse(data, path)
            if all(sound(folder.path / file.file, file) is None for file in _files(found)):
                _keep(store, log, path)
                durable.write_file(path, data)
                log.say(f"{store.layout.relative(path)} was brought back from a backup.")
                return True
    return False


def _backed(store: Store, path: Path) -> list[bytes]:
    """What backups hold of a file, the newest first, each content once."""
    from store.upkeep.backup import open_repository

    name = path.relative_to(store.layout.home).as_posix()
    try:
        repository = open_repository(store)
        backups = repository.backups()
    except (NotFound, ChartkeepError):
        return []
    found: dict[str, bytes] = {}
    for backup in backups:
        with suppress(ChartkeepError, OSError):
            file = repository.files(backup).get(name)
            if file is not None and file.hash not in found:
                found[file.hash] = b"".join(repository.read(backup, name))
    return list(found.values())
