"""Writing chunks into a repository: by two threads, each chunk read back before it counts.

1. A chunk that is there already is not written again. A full backup reads it back all the same, and
   writes it anew where it has gone bad: so what a full backup stands on has been read.
2. A chunk counts once it was written durably, read from the disk, decrypted, decompressed, and has
   the hash it is called by.
3. At most `AHEAD` chunks are in memory, however large the store.
"""

from __future__ import annotations

import errno
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from store.errors import Damaged, StorageError
from store.upkeep.backup.manifest import Chunk
from store.upkeep.backup.repository import Repository, object_name

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

    def put(self, plain: bytes, path: str, offset: int) -> Future[Chunk]:
        """Store a chunk, which is of `path` at `offset`; its future raises StorageError."""
        self._room.acquire()
        if self._failed is not None:  # there is no use in reading on
            self._room.release()
            raise self._failed
        try:
            return self._pool.submit(self._put, plain, path, offset)
        except BaseException:
            self._room.release()
            raise

    def _put(self, plain: bytes, path: str, offset: int) -> Chunk:
        try:
            chunk = self._kept(Chunk(len(plain), self.repository.sealer.name(plain), 0), plain, path, offset)
        except StorageError as error:
            self._failed = error
            raise
        finally:
            self._room.release()
        with self._mutex:
            self._done += len(plain)
            self._job.at(self._done)
        return chunk

    def _kept(self, chunk: Chunk, plain: bytes, path: str, offset: int) -> Chunk:
        with self._mutex:
            if chunk.name in self._checked:
                return self._checked[chunk.name]
        name = object_name(chunk.name)
        there = self.repository.place.size(name)
        if there and (not self._again or self._reads_back(chunk, path, offset)):
            chunk = chunk._replace(stored=there)
        else:
            chunk = self._write(chunk, plain, path, offset)
        with self._mutex:
            self._checked[chunk.name] = chunk
        return chunk

    def _write(self, chunk: Chunk, plain: bytes, path: str, offset: int) -> Chunk:
        name = object_name(chunk.name)
        sealed = self.repository.sealer.seal(plain)
        self.repository.place.write(name, sealed, later=True)
        with self._mutex:
            self.written[chunk.name] = len(sealed)
        try:
            self.repository.chunk(chunk, path, offset, fresh=True)
        except Damaged as error:
            raise StorageError(
                f"{self.repository.place.where(name)} was not read back as it was written: {error} Check the disk."
            ) from None
        return chunk._replace(stored=len(sealed))

    def _reads_back(self, chunk: Chunk, path: str, offset: int) -> bool:
        try:
            self.repository.chunk(chunk, path, offset, fresh=True)
        except Damaged:
            return False
        return True

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
