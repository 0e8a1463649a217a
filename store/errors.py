"""Every error a user can cause, and the exit code each one ends the program with.

One base class; its `exit_code` is documented in the README and by `chartkeep help
exit-codes`. A message says what happened, where (file, line, offset) and what to do.
"""

from __future__ import annotations

from pathlib import Path


class ChartkeepError(Exception):
    """Something went wrong that a person can act on. The text is the whole message."""

    exit_code = 1


class UsageError(ChartkeepError):
    """A command was given words it cannot take."""

    exit_code = 2


class NotFound(ChartkeepError, LookupError):
    """No such store, context, chart, step or transaction."""

    exit_code = 3


class Refused(ChartkeepError, ValueError):
    """A rule of structural tension charts forbids it, and nothing was changed."""

    exit_code = 4


class NeedsConfirm(Refused):
    """Allowed, but only once the person has said yes; call again with `confirmed=True`."""


class UndoRefused(Refused):
    """Undoing would overwrite a later change made by someone else."""


class Locked(ChartkeepError, TimeoutError):
    """Another program held a lock for longer than the time-out; the message names it."""

    exit_code = 5


class ReadOnly(ChartkeepError, PermissionError):
    """The store, or this session, may only be read."""

    exit_code = 6


class StorageError(ChartkeepError, OSError):
    """The disk refused: full, failing, not readable, not writable. Nothing was committed."""

    exit_code = 7

    def __init__(self, message: str, *, path: Path | None = None, errno: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.errno = errno

    def __str__(self) -> str:
        return str(self.args[0])


class Damaged(ChartkeepError):
    """Bytes on disk are not what was written; the message names file, line and offset.

    A damaged journal is never appended to.
    """

    exit_code = 8

    def __init__(
        self, message: str, *, path: Path | None = None, line: int | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
        self.offset = offset


class TooNew(ChartkeepError):
    """The store was written by a newer chartkeep than this one."""

    exit_code = 9
