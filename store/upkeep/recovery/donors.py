"""Bytes of a journal's generation from backups: what a damaged journal is mended with.

A backup is asked for nothing until a break needs it, and one that cannot be read is passed over: what it
offers is believed only where the chain of hashes fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.store import Store
    from store.upkeep.backup import BackedFile, Backup, Repository

_READ = 1 << 20


class BackupDonor:
    """One generation in one backup."""

    def __init__(self, repository: Repository, backup: Backup, path: str, size: int) -> None:
        self.name = f"the backup {backup.id} of {backup.at[:19]}"
        self._repository = repository
        self._backup = backup
        self._path = path
        self._size = size
        self._held = (0, b"")

    def read(self, size: int, offset: int) -> bytes:
        """Bytes of the generation. Raises ChartkeepError where the backup cannot be read."""
        start, data = self._held
        if not start <= offset <= offset + size <= start + len(data):
            data = b"".join(self._repository.read(self._backup, self._path, offset, max(size, _READ)))
            start = offset
            self._held = start, data
        return data[offset - start : offset - start + size]


class Donors:
    """The backups of a store, opened when the first break needs one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: tuple[Repository, list[Backup]] | None = None
        self.problem = ""
        """Why there are none, where that is more than that there are none."""

    def of(self, context: str, family: str, generation: int) -> list[BackupDonor]:
        """Who may have bytes of a generation: the newest backup first, each content once."""
        repository, backups = self._opened()
        found: dict[str, BackupDonor] = {}
        for backup in backups:
            if repository is None:
                break
            try:
                files = repository.files(backup)
            except (ChartkeepError, OSError):
                continue
            for path, file in files.items():
                if _is(file, context, family, generation) and file.hash not in found:
                    found[file.hash] = BackupDonor(repository, backup, path, file.size)
        return sorted(found.values(), key=lambda donor: -donor._size)

    def _opened(self) -> tuple[Repository | None, list[Backup]]:
        if self._found is None:
            from store.errors import NotFound
            from store.upkeep.backup import open_repository

            try:
                repository = open_repository(self._store)
                self._found = repository, repository.backups()
            except NotFound:
                return None, []
            except (ChartkeepError, OSError) as error:
                self.problem = str(error)
                return None, []
        return self._found


def _is(file: BackedFile, context: str, family: str, generation: int) -> bool:
    own = file.journal
    return own is not None and (own.context, own.family, own.generation) == (context, family, generation)
