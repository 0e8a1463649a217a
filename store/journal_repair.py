"""What a journal does when something went wrong: torn tails, failed syncs; and its next generation.

Every function here runs under the journal's lock or takes it. The reasoning is in `journal`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from store import clock
from store.durable import (
    AppendFile,
    link_file,
    make_dirs,
    replace_file,
    write_aside,
    write_file,
)
from store.errors import ChartkeepError, ReadOnly, StorageError
from store.journal_read import holds, read_header
from store.model import Position
from store.records import Draft, encode_header, encode_lines

if TYPE_CHECKING:
    from store.journal import Journal

_BLOCK = 1 << 20


def read_only(path: Path, error: StorageError) -> ChartkeepError:
    """A ReadOnly error where `error` says that the journal may not be written; else `error` itself."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReadOnly(f"{path} may only be read: {error}")
    return error


def quarantine(journal: Journal, file: AppendFile, end: Position, size: int) -> None:
    """Move the `size` bytes after `end` to the recovery folder, durably, and cut the journal back.

    They were never acknowledged; they are kept because a person may want to see them.
    """
    name = f"{journal.context}-{journal.family}-{end.generation}-{end.offset}"
    make_dirs(journal.recovery)
    target = journal.recovery / f"{name}.torn"
    number = 1
    while target.exists():
        number += 1
        target = journal.recovery / f"{name}-{number}.torn"
    write_file(target, _blocks(file, end.offset))
    file.truncate(end.offset)
    journal.note(
        "warning",
        "torn-tail",
        f"{size} bytes of a write that was cut off, never acknowledged, were moved to {target}",
        end.offset,
        f"{journal.recovery.name}/{target.name}",
    )


def _blocks(file: AppendFile, offset: int) -> Iterator[bytes]:
    while block := file.read(offset, _BLOCK):
        offset += len(block)
        yield block


def after_failed_sync(
    journal: Journal, file: AppendFile, start: Position, end: Position, error: StorageError
) -> None:
    """Decide about the transactions from `start` to `end`, whose sync failed (rule 3 of `journal`).

    Returns only where they are durable after all; else raises StorageError that says whether
    nothing was committed or the outcome is unknown.
    """
    journal.forget_file(file)
    try:
        with journal.locked(10.0, "after a failed sync"):
            journal.forget_file(file)
            cut = _settle(journal, start, end)
    except ChartkeepError as second:
        raise StorageError(
            f"{error} Whether the change was kept is unknown, since looking after it failed too: {second} "
            "Check the disk, then open the store again and look.",
            path=journal.path,
            errno=error.errno,
        ) from error
    if cut:
        raise StorageError(f"{error} Nothing was committed.", path=journal.path, errno=error.errno) from error
    journal.note("warning", "sync-failed-once", f"{error} Written again, and synced.", start.offset)


def _settle(journal: Journal, start: Position, end: Position) -> bool:
    """Cut `start` to `end` back (True), or make it durable where others have built on it (False)."""
    fresh = AppendFile(journal.path)
    generation = read_header(fresh.fileno(), journal.path).generation
    if generation != end.generation:
        # Compaction syncs a generation, on a descriptor of its own, before it archives it.
        kept = AppendFile(journal.archived(end.generation))
        if not holds(kept.fileno(), end, kept.path):
            raise StorageError(f"{kept.path} does not hold the change.", path=kept.path)
        return False
    if not holds(fresh.fileno(), end, journal.path):
        return True
    witness = journal.witnessed()
    if witness is not None and witness.generation == generation and witness.offset >= end.offset:
        return False  # someone who opened the file later, or wrote after us, has synced it (rule 4)
    if fresh.end() == end.offset:
        fresh.truncate(start.offset)
        fresh.sync()
        return True
    synced = witness.offset if witness is not None and witness.generation == generation else start.offset
    fresh.rewrite(min(start.offset, synced))
    fresh.sync()
    return False


def next_generation(
    journal: Journal, file: AppendFile, end: Position, live: Iterable[bytes | Draft], by: str
) -> Position:
    """Write the next generation aside, archive the present one whole, and swap; the new position."""
    file.sync()
    archived = journal.archived(end.generation)
    previous = {"file": f"archive/{archived.name}", "size": end.offset, "hash": end.hash}
    header, digest = encode_header(
        generation=end.generation + 1,
        created=clock.stamp(),
        context=journal.context,
        family=journal.family,
        previous=previous,
    )
    chained = _Rechain(len(header), digest, by)
    temp = write_aside(journal.path, chained.chunks(header, live))
    make_dirs(journal.archive)
    if not (archived.exists() and archived.samefile(journal.path)):  # else an earlier attempt got this far
        link_file(journal.path, archived)
    replace_file(temp, journal.path)
    made = Position(end.generation + 1, chained.offset, chained.hash)
    journal.witness.advance(made)
    return made


class _Rechain:
    """Gives live records their place in a new chain, each a transaction of its own."""

    def __init__(self, offset: int, digest: str, by: str) -> None:
        self.offset = offset
        self.hash = digest
        self.by = by

    def chunks(self, header: bytes, live: Iterable[bytes | Draft]) -> Iterator[bytes]:
        """The bytes of the new generation, in blocks."""
        block, size = [header], len(header)
        for item in live:
            line = self._moved(item) if isinstance(item, bytes) else self._made(item)
            block.append(line)
            size += len(line)
            self.offset += len(line)
            if size > _BLOCK:
                yield b"".join(block)
                block, size = [], 0
        yield b"".join(block)

    def _moved(self, line: bytes) -> bytes:
        """A line of the old generation: who, when, version and record stay as they are."""
        mark = line.rfind(b',"_t":[')
        if mark < 0:
            raise ValueError("not a journal line")
        body = b'%b,"_t":["%x",1,1]' % (line[:mark], self.offset)
        self.hash = blake2b(self.hash.encode("ascii") + body, digest_size=16).hexdigest()
        return b'%b,"_h":"%b"}\n' % (body, self.hash.encode("ascii"))

    def _made(self, draft: Draft) -> bytes:
        lines, self.hash = encode_lines(
            [draft], offset=self.offset, previous=self.hash, at=clock.stamp(), by=self.by, meta=None
        )
        return lines[0]
