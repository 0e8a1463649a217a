"""Reading backups back: every chunk decrypted, decompressed and compared with its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, Damaged, NotFound
from store.model import Finding
from store.upkeep.backup import opening
from store.upkeep.backup.attempts import Timed
from store.upkeep.backup.manifest import BackedFile, Backup
from store.upkeep.backup.repository import Repository, object_name

if TYPE_CHECKING:
    from store.jobs import Progressing
    from store.store import Store


def verify(store: Store, id: str | None = None, all: bool = False, place: str | None = None) -> list[Finding]:
    """Read the newest backup, the one named, or all, chunk by chunk; what is wrong, by file and offset.

    Codes: `backup-manifest`, `backup-parent`, `backup-chunk`. What came of it is noted in the
    repository: the next backup stands on no bad one, and pruning prefers no bad one to a good one.
    Raises NotFound where there are no backups, Refused for a wrong key.
    """
    repository = opening.open_repository(store, place)
    timed = Timed(store, "verify", repository.place.url)
    found = repository.findings() if id is None else []
    chosen = repository.backups() if all else []
    if not all:
        try:
            chosen = [repository.find(id)]
        except Damaged as error:
            found.append(Finding("error", "backup-manifest", str(error), repository.place.url))
        except NotFound:
            if id is not None or not found:
                raise
    with store.jobs.run("backup", "Verify backups", sum(one.bytes for one in chosen)) as job:
        reading = _Reading(repository, job)
        for backup in chosen:
            wrong = list(reading.backup(backup))
            found.extend(wrong)
            if not store.readonly:
                repository.mark(backup.id, "verify", wrong[0].message if wrong else "")
        job.note(f"{len(found)} findings" if found else f"{len(chosen)} backups, nothing wrong")
    if not store.readonly:
        timed.ended(
            id=chosen[0].id if len(chosen) == 1 else "",
            bytes=reading.done,
            why=found[0].message if found else "",
        )
    return found


class _Reading:
    """Reads backups; a chunk that several of them share is read once."""

    def __init__(self, repository: Repository, job: Progressing) -> None:
        self._repository = repository
        self._job = job
        self._seen: dict[str, str] = {}
        self.done = 0

    def backup(self, backup: Backup) -> Iterator[Finding]:
        """What is wrong with one backup."""
        try:
            files = self._repository.files(backup)
        except (Damaged, NotFound) as error:
            where = self._repository.place.where(backup.name)
            yield Finding("error", "backup-parent", str(error), where)
            return
        for file in files.values():
            yield from self._file(backup, file)

    def _file(self, backup: Backup, file: BackedFile) -> Iterator[Finding]:
        offset = 0
        for chunk in file.chunks:
            if chunk.name not in self._seen:
                try:
                    self._repository.chunk(chunk, file.path, offset)
                    self._seen[chunk.name] = ""
                except Damaged as error:
                    self._seen[chunk.name] = str(error)
            if why := self._seen[chunk.name]:
                where = self._repository.place.where(object_name(chunk.name))
                text = f"{file.path} of the backup {backup.id}: {why}"
                yield Finding("error", "backup-chunk", text, where, None, offset)
            offset += chunk.size
            self.done += chunk.size
            self._job.at(self.done)


def findings_of(store: Store) -> list[Finding]:
    """Every backup read, here and off-site, as findings: what `verify --backups` adds. None without backups."""
    if opening.read_config(opening.home_place(store)) is None:
        return []
    found = []
    for place in (None, *store.settings.backup_offsite):
        try:
            found.extend(verify(store, all=True, place=place))
        except ChartkeepError as error:
            where = opening.home_place(store, place).url
            found.append(Finding("error", "backup-unreadable", str(error), where))
    return found
