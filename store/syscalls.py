"""The system calls that durable.py and locks.py make, one line each, and what their errors mean.

They are apart so that a fault test can replace one of them: every write, sync, rename and lock of
the store goes through here. Nothing but `durable` and `locks` may call them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import StorageError

CLOEXEC = getattr(os, "O_CLOEXEC", 0)

_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space and try again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and try again"),
    errno.EACCES: ("permission denied", "check who owns it and its permissions"),
    errno.EPERM: ("the system does not permit it", "check who owns it and its permissions"),
    errno.EROFS: ("the file system is mounted read-only", "mount it writable, or use --read-only"),
    errno.EIO: ("the disk reported an input/output error", "check the disk, and keep a backup elsewhere"),
    errno.ENOENT: ("it does not exist", "check the path"),
    errno.ENOTDIR: ("a part of the path is not a folder", "check the path"),
    errno.EISDIR: ("it is a folder", "check the path"),
    errno.EMFILE: ("too many files are open", "close some programs and try again"),
    errno.ESTALE: ("the network share dropped the file", "try again once the share is back"),
}


def open_file(path: str | Path, flags: int, mode: int = 0o666) -> int:
    return os.open(path, flags | CLOEXEC, mode)


def write(fd: int, data: bytes | memoryview) -> int:
    return os.write(fd, data)


def pwrite(fd: int, data: bytes | memoryview, offset: int) -> int:
    return os.pwrite(fd, data, offset)


def truncate(fd: int, size: int) -> None:
    os.ftruncate(fd, size)


def fdatasync(fd: int) -> None:
    if sys.platform == "darwin":
        fsync(fd)
    else:
        os.fdatasync(fd)


def fsync(fd: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


def rename(source: Path, target: Path) -> None:
    os.replace(source, target)


def link(source: Path, target: Path) -> None:
    os.link(source, target)


def unlink(path: Path) -> None:
    os.unlink(path)


def mkdir(path: Path) -> None:
    path.mkdir()


def exchange(one: Path, other: Path) -> int:
    """Swap two names at once; 0, or the error number: ENOSYS where the system has no such call."""
    call = _renameat2()
    if call is None:
        return errno.ENOSYS
    at_cwd, exchange_names = -100, 2
    if call(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange_names) == 0:
        return 0
    return ctypes.get_errno()


def _renameat2() -> ctypes._NamedFuncPointer | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def failure(error: OSError, doing: str, path: Path) -> StorageError:
    """`error` as a StorageError that says what was being done, why it failed, and what to do."""
    why, advice = _ADVICE.get(error.errno or 0, (error.strerror or str(error), "check the disk"))
    return StorageError(f"Cannot {doing} {path}: {why}; {advice}.", path=path, errno=error.errno)


@contextmanager
def guard(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise failure(error, doing, path) from error
