"""Copies of a repository elsewhere: the same objects and manifests, as they are stored.

A place that was out of reach gets what it missed at the next backup: every backup it lacks, oldest
first, each with its chunks before its manifest. What is written there is read back from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, Damaged, NotFound, Refused, StorageError
from store.model import Finding
from store.upkeep.backup import opening, sealing
from store.upkeep.backup.attempts import Timed
from store.upkeep.backup.manifest import CHUNK, Backup, Chunk
from store.upkeep.backup.places import Place, place_of
from store.upkeep.backup.repository import Repository, names_at, object_name

if TYPE_CHECKING:
    from store.store import Store

_ASK_EACH = 32
"""Objects up to which a place is asked for each; for more its list is fetched."""
_MANIFEST_MOST = 64 << 20


def copies(store: Store, repository: Repository) -> list[Copy]:
    """A copy for every place in `backup.offsite`; nothing is reached yet."""
    return [
        Copy(store, repository, place_of(url, store.layout.home)) for url in store.settings.backup_offsite
    ]


class Copy:
    """One place that a new backup is brought to. Its failures are kept and told, never raised."""

    def __init__(self, store: Store, repository: Repository, place: Place) -> None:
        self._local = repository
        self._place = place
        self._remote = Repository(place, repository.config, repository.sealer)
        self._timed = Timed(store, "copy", place.url)
        self._written = 0
        self._failed: ChartkeepError | None = None

    def bring(self, chunks: list[Chunk]) -> None:
        """Copy the backups it lacks, then these chunks of the one being taken."""
        try:
            self._open()
            self._catch_up()
            self._copy_objects(chunks)
        except ChartkeepError as error:
            self._failed = error

    def finish(self, backup: Backup) -> Finding | None:
        """Copy the manifest, which makes it a backup there; what went wrong, if anything."""
        if self._failed is None:
            try:
                self._copy_manifest(backup.name)
            except ChartkeepError as error:
                self._failed = error
        why = str(self._failed or "")
        self._timed.ended(id=backup.id, bytes=backup.bytes, stored=self._written, why=why, kind=backup.kind)
        if not why:
            return None
        text = f"the backup {backup.id} is not there yet: {why} The next backup tries again."
        return Finding("error", "off-site", text, self._place.url)

    def _open(self) -> None:
        config = opening.read_config(self._place)
        if config is None:
            if names_at(self._place):
                raise Damaged(f"{self._place.where(opening.CONFIG)} is missing, though there are backups.")
            opening.clone(self._local.place, self._place, self._local.config)
        elif config.id != self._local.config.id:
            raise Refused(
                f"The backups at {self._place.url} belong to another repository (that of {config.store}): name a "
                "folder of its own in backup.offsite."
            )

    def _catch_up(self) -> None:
        there = {name.id for name in names_at(self._place)}
        for name in reversed(self._local.names()):
            if name.id in there:
                continue
            with suppress(Damaged, NotFound):  # a backup that is bad here is not copied; verify names it
                found = self._local.manifest(name.name)
                self._copy_objects(chunk for entry in found.entries.values() for chunk in entry.file.chunks)
                self._copy_manifest(name.name)

    def _copy_objects(self, chunks: Iterable[Chunk]) -> None:
        wanted = {chunk.name: chunk for chunk in chunks}
        sizes: dict[str, int] | None = None
        if len(wanted) > _ASK_EACH:
            sizes = {item.name: item.size for item in self._place.names("objects")}
        for chunk in wanted.values():
            name = object_name(chunk.name)
            size = sizes.get(name) if sizes is not None else self._place.size(name)
            if size != chunk.stored:
                sealed = self._local.place.read(name, most=sealing.sealed_most(CHUNK))
                self._place.write(name, sealed, later=True)
                self._written += len(sealed)
                self._remote.chunk(chunk, "the copy", 0, fresh=True)
        self._place.settle()

    def _copy_manifest(self, name: str) -> None:
        sealed = self._local.place.read(name, most=_MANIFEST_MOST)
        self._place.write(name, sealed)
        if self._place.read(name, most=_MANIFEST_MOST, fresh=True) != sealed:
            self._place.delete(name)
            raise StorageError(f"{self._place.where(name)} was not read back as it was written.")
