"""What of each file goes into a backup: nothing, what follows the parent's end, or all of it."""

from __future__ import annotations

import os
from concurrent.futures import Future
from typing import NamedTuple

from store import clock
from store.errors import Damaged
from store.model import Position
from store.syscalls import guard
from store.upkeep.backup.manifest import CHUNK, BackedFile, Chunk, Entry, Journalled
from store.upkeep.backup.places import all_of
from store.upkeep.backup.snapshot import Generation, Plain
from store.upkeep.backup.writing import Writer

_SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was read may change again without its time showing it."""
_TRIES = 3


class _Pending(NamedTuple):
    file: BackedFile
    chunks: list[Future[Chunk]]
    of: str | None
    kept: int


class Copier:
    """Hands what is new since the parent to a writer, and makes the manifest's entries of it."""

    def __init__(self, writer: Writer, before: dict[str, BackedFile]) -> None:
        """`before` is what the parent holds; empty for a full backup."""
        self._writer = writer
        self._before = before
        self._pending: dict[str, _Pending] = {}
        self._present: set[str] = set()
        self.damaged: list[str] = []
        self.published: tuple[str, ...] = ()

    # -- what comes of it --------------------------------------------------------------------------

    def entries(self) -> dict[str, Entry]:
        """The files that are new, once all of their chunks are stored. Raises what storing raised."""
        return {
            path: Entry(
                pending.file._replace(chunks=tuple(future.result() for future in pending.chunks)),
                pending.of,
                pending.kept,
            )
            for path, pending in self._pending.items()
        }

    def gone(self) -> tuple[str, ...]:
        """Files of the parent that are not there any more."""
        return tuple(sorted(self._before.keys() - self._present))

    def whole(self, entries: dict[str, Entry]) -> dict[str, BackedFile]:
        """Every file of the backup; their chunks are not put together."""
        new = {path: entry.file for path, entry in entries.items()}
        return {path: new.get(path) or self._before[path] for path in self._present}

    # -- other files -------------------------------------------------------------------------------

    def file(self, plain: Plain) -> None:
        """A file copied whole, unless size, time and inode are the parent's. One that is gone by now is left out."""
        before = self._before.get(plain.path)
        try:
            with guard("read", plain.source):
                stat = plain.source.stat()
                if before is not None and before.settled and before.journal is None and _same(before, stat):
                    self._present.add(plain.path)
                    return
                for _ in range(_TRIES):
                    stat, chunks, size = self._read(plain)
                    after = plain.source.stat()
                    if (after.st_size, after.st_mtime_ns) == (size, stat.st_mtime_ns):
                        break
        except OSError as error:
            if isinstance(error.__cause__ or error, FileNotFoundError):
                return
            raise
        settled = clock.wall_ns() - stat.st_mtime_ns > _SETTLED_NS
        told = (stat.st_mtime_ns, stat.st_mode & 0o777, stat.st_ino, settled)
        self._add(BackedFile(plain.path, size, (), *told), chunks)

    def _read(self, plain: Plain) -> tuple[os.stat_result, list[Future[Chunk]], int]:
        chunks, size = [], 0
        with plain.source.open("rb", buffering=0) as file:
            stat = os.fstat(file.fileno())
            while size < stat.st_size and (block := all_of(file, min(CHUNK, stat.st_size - size))):
                chunks.append(self._writer.put(block))
                size += len(block)
        return stat, chunks, size

    # -- journals ----------------------------------------------------------------------------------

    def generation(self, own: Generation) -> None:
        """A generation of a journal: the bytes after the parent's end, or all, where that is not on its chain."""
        if own.live and not own.hash:
            self.damaged.append(own.path)
        before = self._before.get(own.path)
        if before is not None and before.journal is not None and self._unchanged(before, own):
            self._present.add(own.path)
            return
        told = (own.mtime_ns, own.mode, own.inode, True)
        journal = Journalled(own.context, own.family, own.number, own.hash)
        file = BackedFile(own.path, own.size, (), *told, journal, own.live, own.cold)
        base = self._grown_from(own)
        kept = base.size if base is not None else 0
        try:
            chunks = self._ranges(own, kept)
        except Damaged:
            if not own.cold:
                raise
            self._cold_damage(own, before)
            return
        self._add(file, chunks, base.path if base is not None else None, kept)

    def _unchanged(self, before: BackedFile, own: Generation) -> bool:
        if own.live:
            return bool(own.hash) and before.position == Position(own.number, own.size, own.hash)
        return (before.mtime_ns, before.inode, before.cold, before.size) == (
            own.mtime_ns,
            own.inode,
            own.cold,
            own.size,
        )

    def _grown_from(self, own: Generation) -> BackedFile | None:
        """The parent's file that this one goes on from: its chain ends on ours, which one small read tells.

        An archive that is another file than it was, and was not just compressed, was written anew, as
        erasing does; its end may be the same and its middle not. A damaged journal is taken as it is.
        """
        if own.live and not own.hash:
            return None
        live = f".journal/{own.context}/{own.family}.jsonl"
        for path in dict.fromkeys((own.path, live)):
            before = self._before.get(path)
            if before is None or before.journal is None or before.position is None:
                continue
            rewritten = path == own.path and not own.live and (before.cold or not own.cold)
            if before.journal.generation == own.number and not rewritten and own.holds(before.position):
                return before
        return None

    def _ranges(self, own: Generation, start: int) -> list[Future[Chunk]]:
        chunks = []
        for offset in range(start, own.size, CHUNK):
            size = min(CHUNK, own.size - offset)
            block = own.read(offset, size)
            if len(block) < size:
                raise Damaged(
                    f"{own.name} ends at offset {offset + len(block)}, though it was {own.size} bytes long when the "
                    "backup began. Run `chartkeep verify`."
                )
            chunks.append(self._writer.put(block))
        return chunks

    def _cold_damage(self, own: Generation, before: BackedFile | None) -> None:
        """A compressed archive that cannot be read: the parent's copy of it stays; without one, its bytes as they are."""
        self.damaged.append(own.path)
        if before is not None:
            self._present.add(own.path)
        else:
            self.file(Plain(f"{own.path}.zst", own.name))

    def _add(
        self, file: BackedFile, chunks: list[Future[Chunk]], of: str | None = None, kept: int = 0
    ) -> None:
        self._present.add(file.path)
        self._pending[file.path] = _Pending(file, chunks, of, kept)


def _same(before: BackedFile, stat: os.stat_result) -> bool:
    return (before.size, before.mtime_ns, before.inode) == (stat.st_size, stat.st_mtime_ns, stat.st_ino)
