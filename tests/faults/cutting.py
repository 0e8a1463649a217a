"""Cuts work short at a given system call of the store: the call is refused, or the process ends there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

from store import syscalls

CALLS = (
    *("open_file", "write", "pwrite", "fdatasync", "fsync"),
    *("rename", "link", "unlink", "mkdir", "truncate", "exchange"),
)
"""Names in `store.syscalls` of all that changes a disk."""
CODES = (errno.ENOSPC, errno.EIO, errno.EACCES)
"""What a disk refuses with."""
FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"


def named(code: int | None) -> str:
    """A fault as test ids and tallies call it."""
    return f"refused with {errno.errorcode[code]}" if code else "killed"


class Killed(BaseException):
    """Stands for kill -9: nothing that catches errors catches it."""


class AtCall:
    """Refuses the `nth` system call with `code`; without a code kills there, as `kill` does.

    By default every call from the nth on raises Killed, so that whoever cleans up changes nothing more.
    """

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        nth: int,
        code: int | None = None,
        *,
        kill: Callable[[], Any] | None = None,
    ) -> None:
        self.count, self.nth, self.code, self.kill = 0, nth, code, kill
        for name in CALLS:
            patch.setattr(syscalls, name, self._wrapped(getattr(syscalls, name)))

    @property
    def met(self) -> bool:
        """False where the work came to its end before the nth call."""
        return self.count >= self.nth

    def _wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.count += 1
            if self.code is None and self.count >= self.nth:
                if self.kill is not None:
                    self.kill()
                raise Killed
            if self.code is not None and self.count == self.nth:
                if real.__name__ == "exchange":  # which tells by its result
                    return self.code
                raise OSError(self.code, os.strerror(self.code))
            return real(*args)

        return call
