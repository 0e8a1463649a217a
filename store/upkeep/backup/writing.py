"""Writing chunks into a repository: by two threads, each chunk read back before it counts.

1. A chunk that is there already is not written again. A full backup reads it back all the same, and
   writes it anew where it has gone bad: so what a full backup stands on has been read.
2. A chunk counts once it was written durably, read from the disk, decrypted, decompressed, and is
   what it was made of.
3. At most `AHEAD` chunks are in memory, however large the store.
"""

from __future__ import annotations

import errno
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import NotFound, StorageError
from store.upkeep.backup import sealing
from store.upkeep.backup.manifest import CHUNK, Chunk
from store.upkeep.backup.repository import Repository, object_name
from store.upkeep.backup.sealing import Unsealable

if TYPE_CHECKING:
    from types import TracebackType

    from store.jobs import Progressing

THREADS = 2
AHEAD = 4
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Writer:
    """Takes chunks for one backup; a context manager that waits for all of them."""

    def __init__(self, repository: Repository, job: Progressing, *, again: bool) -> None:
        """`again`: chunks that are there already are read back too (rule 1)."""
        self.repository = repository
        self.written: dict[str, int] = {}
        """Bytes stored of each object that was written, by name."""
        self._again = again
        self._job = job
        self._done = 0
        self._failed: StorageError | None = None
        self._checked: dict[str, Chunk] = {}
        self._mutex = threading.Lock()
        self._room = threading.BoundedSemaphore(AHEAD)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="chartkeep-backup")

    @property
    def stored(self) -> int:
        """Bytes written so far."""
        return sum(self.written.values())

    def put(self, plain: bytes) -> Future[Chunk]:
        """Store a chunk; its future raises StorageError."""
        self._room.acquire()
        if self._failed is not None:  # there is no use in reading on
            self._room.release()
            raise self._failed
        try:
            return self._pool.submit(self._put, plain)
        except BaseException:
            self._room.release()
            raise

    def _put(self, plain: bytes) -> Chunk:
        try:
            chunk = self._kept(Chunk(len(plain), self.repository.sealer.name(plain), 0), plain)
        except StorageError as error:
            self._failed = error
            raise
        finally:
            self._room.release()
        with self._mutex:
            self._done += len(plain)
            self._job.at(self._done)
        return chunk

    def _kept(self, chunk: Chunk, plain: bytes) -> Chunk:
        with self._mutex:
            if chunk.name in self._checked:
                return self._checked[chunk.name]
        there = self.repository.place.size(object_name(chunk.name))
        if there and (not self._again or self._reads_back(chunk, plain)):
            chunk = chunk._replace(stored=there)
        else:
            chunk = self._write(chunk, plain)
        with self._mutex:
            self._checked[chunk.name] = chunk
        return chunk

    def _write(self, chunk: Chunk, plain: bytes) -> Chunk:
        name = object_name(chunk.name)
        sealed = self.repository.sealer.seal(plain)
        self.repository.place.write(name, sealed, later=True)
        with self._mutex:
            self.written[chunk.name] = len(sealed)
        if not self._reads_back(chunk, plain):
            raise StorageError(
                f"{self.repository.place.where(name)} was not read back as it was written. Check the disk."
            )
        return chunk._replace(stored=len(sealed))

    def _reads_back(self, chunk: Chunk, plain: bytes) -> bool:
        """Whether what lies in the repository gives these very bytes."""
        repository = self.repository
        try:
            sealed = repository.place.read(
                object_name(chunk.name), most=sealing.sealed_most(CHUNK), fresh=True
            )
            return repository.sealer.unseal(sealed, chunk.size) == plain
        except (NotFound, Unsealable):
            return False

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            self.repository.place.settle()
        elif isinstance(error, StorageError) and error.errno in _FULL:
            self._give_back()

    def _give_back(self) -> None:
        """Delete what was written: it must not be a backup that keeps people from writing."""
        for name in self.written:
            with suppress(StorageError):
                self.repository.place.delete(object_name(name))
