"""How each attempt at a backup ended: one line each in `.backup/log.jsonl` of the store.

The log lies in the store even where the backups lie elsewhere, so that it can say that they could
not be reached. It is bounded; what cannot be read of it is passed over.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock, durable, records

if TYPE_CHECKING:
    from store.store import Store

LOG = "log.jsonl"
KEEP = 2000
_BIG = 1 << 20


class Attempt(NamedTuple):
    """One attempt, at one place: the backup itself, or its copy off-site."""

    at: str
    """When it began."""
    what: str
    """`backup`, `copy`, `drill`, `verify` or `prune`."""
    place: str
    kind: str
    id: str
    """Id of the backup; empty where none was made."""
    ok: bool
    seconds: float
    bytes: int
    """Bytes that the backup restores."""
    stored: int
    """Bytes that were written."""
    why: str = ""
    """What went wrong."""


def note(store: Store, attempt: Attempt) -> None:
    """Add an attempt to the log. Raises StorageError."""
    path = store.layout.backups / LOG
    durable.make_dirs(path.parent)
    line = records.dumps(attempt._asdict()) + b"\n"
    size = path.stat().st_size if path.exists() else -1
    if size < 0 or size > _BIG:
        kept = [records.dumps(old._asdict()) + b"\n" for old in read(path)[-KEEP // 2 :]]
        durable.write_file(path, b"".join([*kept, line]))
        return
    file = durable.AppendFile(path)
    try:
        torn = size > 0 and file.read(size - 1, 1) != b"\n"
        file.append((b"\n" if torn else b"") + line)
        file.sync()
    finally:
        file.close()


def read(path: Path) -> list[Attempt]:
    """The attempts in a log, oldest first."""
    found = []
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError, TypeError):
                found.append(Attempt(**records.loads(line)))
    return found


def history(store: Store) -> list[Attempt]:
    """Every attempt kept, oldest first."""
    return read(store.layout.backups / LOG)


class Timed:
    """Notes how an attempt ended, with the seconds since it was made."""

    def __init__(self, store: Store, what: str, place: str, kind: str = "") -> None:
        self._store = store
        self._begun = clock.monotonic()
        self._start = (clock.stamp(), what, place, kind)

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return clock.monotonic() - self._begun

    def ended(self, *, id: str = "", bytes: int = 0, stored: int = 0, why: str = "", kind: str = "") -> None:
        """Note the end; `why` where it failed. A log that cannot be written fails nothing."""
        from store.errors import StorageError

        at, what, place, first = self._start
        with suppress(StorageError):
            note(
                self._store,
                Attempt(
                    at, what, place, kind or first, id, not why, round(self.seconds, 3), bytes, stored, why
                ),
            )
