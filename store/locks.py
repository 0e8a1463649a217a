"""Locks between threads and processes, on lock files of their own, never on data files.

There is no soft fall-back: without the system's own lock nothing is written. `filelock` is
imported with the first lock taken, since a program that only reads needs none.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from store import clock, syscalls
from store.errors import Locked
from store.syscalls import failure, guard

_HOLDER_SIZE = 1024
_HOST = socket.gethostname()[:80]
_PROGRAM = Path(sys.argv[0] or "python").name[:80]


def running(pid: str) -> bool:
    """True where a process of that number runs on this machine; False for what is no number."""
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


class Lock:
    """An exclusive lock between threads and processes, on a lock file of its own.

    The operating system drops it when its holder dies. Not re-entrant. Safe to share between
    threads; another object for the same path excludes this one too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)
        self._fd = -1
        self._pid = os.getpid()
        self._identity = (0, 0)
        self._threads = threading.Lock()

    def acquire(self, timeout: float = 10.0, what: str = "") -> None:
        """Take the lock, waiting up to `timeout` seconds; `what` tells others what for.

        Raises Locked naming the holder, StorageError where the lock file cannot be opened.
        """
        if self._pid != os.getpid():  # forked: the descriptor, and the lock on it, are the parent's too
            self._pid, self._fd, self._threads = os.getpid(), -1, threading.Lock()
        deadline = time.monotonic() + timeout
        if not self._threads.acquire(timeout=max(timeout, 0.0)):
            raise self._locked(timeout)
        try:
            self._acquire_file(deadline, timeout)
            self._sign(what)
        except BaseException:
            self._drop()  # and with it the lock, if it was taken
            self._threads.release()
            raise

    def release(self) -> None:
        """Give the lock back."""
        from filelock import unlock_descriptor

        try:
            unlock_descriptor(self._fd)
        except OSError as error:
            raise failure(error, "unlock", self.path) from error
        finally:
            self._threads.release()

    def close(self) -> None:
        """Let go of the lock file, unless the lock is held; it is opened again when needed."""
        if self._threads.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._threads.release()

    def __del__(self) -> None:
        with suppress(OSError):
            self._drop()

    def _drop(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @contextmanager
    def held(self, timeout: float = 10.0, what: str = "") -> Iterator[None]:
        """Hold the lock for a block."""
        self.acquire(timeout, what)
        try:
            yield
        finally:
            self.release()

    def _acquire_file(self, deadline: float, timeout: float) -> None:
        from filelock import lock_descriptor

        pause = 0.0001
        while True:
            if self._fd < 0:
                self._open_file()
            try:
                got = lock_descriptor(self._fd, blocking=False)
            except OSError as error:
                raise failure(error, "lock", self.path) from error
            if got:
                if self._named():
                    return
                os.close(self._fd)  # someone deleted the lock file: what we hold excludes nobody
                self._fd = -1
                continue
            if time.monotonic() >= deadline:
                raise self._locked(timeout)
            time.sleep(pause)
            pause = min(pause * 1.2, 0.002)

    def _open_file(self) -> None:
        with guard("open the lock file", self.path):
            self._fd = syscalls.open_file(self.path, os.O_RDWR | os.O_CREAT)
            found = os.fstat(self._fd)
        self._identity = (found.st_dev, found.st_ino)

    def _named(self) -> bool:
        """True where the name still leads to the file that is locked."""
        try:
            found = os.stat(self._name)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def _sign(self, what: str) -> None:
        """Write who holds the lock into the file. A lock that cannot be signed is a lock all the same."""
        text = orjson.dumps([self._pid, _HOST, _PROGRAM, clock.stamp(), what[:80]])
        with suppress(OSError):
            syscalls.pwrite(self._fd, text.ljust(_HOLDER_SIZE - 1) + b"\n", 0)

    def _locked(self, timeout: float) -> Locked:
        return Locked(
            f"{self.path} is locked by {self.holder()}; waited {timeout:g} s. "
            "Try again, or end that program if it hangs."
        )

    def holder(self) -> str:
        """Who took the lock last, in words; the one that holds it now, if it is held."""
        try:
            pid, host, program, since, what = orjson.loads(self.path.read_bytes()[:_HOLDER_SIZE])
            return f"{program} (pid {pid} on {host}) since {since}" + (f", {what}" if what else "")
        except (OSError, ValueError, TypeError):
            return "a program that did not give its name"


def holder_of(path: Path) -> str | None:
    """Who holds the lock at `path` now, in words; None where nobody does. Nothing is written or made.

    To find out, the lock is tried and given back at once.
    """
    from filelock import lock_descriptor, unlock_descriptor

    try:
        fd = syscalls.open_file(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        if lock_descriptor(fd, blocking=False):
            unlock_descriptor(fd)
            return None
    except OSError:  # a file system that locks only what may be written does not tell
        return None
    finally:
        os.close(fd)
    return Lock(path).holder()
