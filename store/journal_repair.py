"""What a journal does when something went wrong: torn tails, failed syncs.

Every function here runs under the journal's lock or takes it. The reasoning is in `journal`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from store.durable import AppendFile, make_dirs, write_file
from store.errors import ChartkeepError, ReadOnly, StorageError
from store.journal_read import holds, read_header
from store.model import Position

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
        kept = journal.generation_file(end.generation)
        if not holds(kept.fd, end, kept.path):
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
