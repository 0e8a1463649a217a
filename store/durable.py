"""Durable primitives: the only place that opens store files for writing, syncs, replaces or locks.

Rules kept here:

1. After a failed sync the same descriptor is never synced again: the kernel reports a write-back
   error once per descriptor and then forgets it, so a second sync would lie. `AppendFile` stays
   failed; the caller opens a fresh one.
2. Threads that share a descriptor share its syncs: one at a time, and a sync that began after a
   thread's bytes were written serves that thread too. So one error reaches all of them.
3. A file is replaced by rename from a temporary file beside it, synced before, its folder after.
4. Locks (`locks.Lock`) lie on lock files, never on data files, and name their holder to who waits.

Every OSError becomes a StorageError that says what failed, on which path, and what to do. The
system calls themselves are in `syscalls`, where fault tests replace them.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from store import syscalls
from store.errors import StorageError
from store.locks import Lock
from store.syscalls import failure, guard

__all__ = [
    "TEMP_SUFFIX",
    "AppendFile",
    "Lock",
    "SmallFile",
    "exchange_file",
    "link_file",
    "make_dirs",
    "maker",
    "move",
    "read_blocks",
    "remove_file",
    "replace_file",
    "sync_dir",
    "write_aside",
    "write_file",
    "write_private",
]

TEMP_SUFFIX = ".ckpart"
"""Ends the name of every file being written aside; one left behind by a crash may be deleted."""


def _write_all(fd: int, data: bytes) -> None:
    """Write all of `data`: one call, unless the system takes less at once."""
    written = syscalls.write(fd, data)
    if written < len(data):
        rest = memoryview(data)[written:]
        while rest:
            rest = rest[syscalls.write(fd, rest) :]


# -- folders and whole files -----------------------------------------------------------------------


def sync_dir(path: Path) -> None:
    """Make the names in a folder durable. A file system that cannot sync folders is let off."""
    with guard("sync the folder", path):
        fd = syscalls.open_file(path, os.O_RDONLY)
        try:
            syscalls.fsync(fd)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
                raise
        finally:
            os.close(fd)


def make_dirs(path: Path) -> None:
    """Create a folder and those above it, each new one durable in its parent."""
    missing = []
    here = path
    while not here.is_dir():
        missing.append(here)
        if here.parent == here:
            break
        here = here.parent
    for folder in reversed(missing):
        with guard("create the folder", folder), suppress(FileExistsError):
            syscalls.mkdir(folder)
        sync_dir(folder.parent)


def write_aside(path: Path, chunks: bytes | Iterable[bytes], *, sync: bool = True) -> Path:
    """Write a new file beside `path`, synced, with the permissions `path` has, and return where it is."""
    temp = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMP_SUFFIX}")
    with guard("write", path):
        fd = syscalls.open_file(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with suppress(FileNotFoundError):
                os.fchmod(fd, stat.S_IMODE(path.stat().st_mode))
            for chunk in (chunks,) if isinstance(chunks, bytes) else chunks:
                _write_all(fd, chunk)
            if sync:
                syscalls.fsync(fd)
        except BaseException:
            with suppress(OSError):
                syscalls.unlink(temp)
            raise
        finally:
            os.close(fd)
    return temp


def maker(aside: Path) -> str:
    """Number of the process that a file written aside is named after: `.<name>.<pid>-<hex>.ckpart`."""
    return aside.name.removesuffix(TEMP_SUFFIX).removesuffix(".old").rpartition(".")[2].partition("-")[0]


def replace_file(temp: Path, path: Path, *, sync: bool = True) -> None:
    """Put `temp` in the place of `path`, atomically, and make the name durable."""
    try:
        with guard("replace", path):
            syscalls.rename(temp, path)
    except StorageError:
        with suppress(OSError):
            syscalls.unlink(temp)
        raise
    if sync:
        sync_dir(path.parent)


def write_file(path: Path, chunks: bytes | Iterable[bytes], *, sync: bool = True) -> None:
    """Write a file whole: readers see the old bytes or the new, never a mixture.

    A symbolic link is followed, so that the file it points to is the one replaced.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    replace_file(write_aside(path, chunks, sync=sync), path, sync=sync)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner may read. Raises StorageError: EEXIST where there is one."""
    temp = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMP_SUFFIX}")
    with guard("write", path):
        fd = syscalls.open_file(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write_all(fd, data)
            syscalls.fsync(fd)
            syscalls.link(temp, path)
        finally:
            os.close(fd)
            syscalls.unlink(temp)
    sync_dir(path.parent)


def exchange_file(temp: Path, path: Path) -> bool:
    """Swap two files by name, atomically, so that what was replaced is in hand at `temp`.

    False where the system cannot, or there is nothing at `path` to swap with.
    """
    code = syscalls.exchange(temp, path)
    if code == 0:
        return True
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP) or (code == errno.ENOENT and not path.exists()):
        return False
    raise failure(OSError(code, os.strerror(code)), "replace", path)


def move(source: Path, target: Path) -> None:
    """Give a file or folder another name in the same file system, durably in both folders."""
    with guard("rename", source):
        syscalls.rename(source, target)
    sync_dir(target.parent)
    if source.parent != target.parent:
        sync_dir(source.parent)


def link_file(source: Path, target: Path) -> None:
    """Give a file a second name, durably; a copy where the file system has no links."""
    try:
        with guard("link", target):
            syscalls.link(source, target)
    except StorageError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        write_file(target, read_blocks(source))
        return
    sync_dir(target.parent)


def remove_file(path: Path, *, sync: bool = True) -> None:
    """Delete a file, durably; nothing happens where there is none."""
    with guard("delete", path):
        try:
            syscalls.unlink(path)
        except FileNotFoundError:
            return
    if sync:
        sync_dir(path.parent)


def read_blocks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of a file, a block at a time."""
    with guard("read", path), path.open("rb", buffering=0) as file:
        while block := file.read(size):
            yield block


# -- files that grow -------------------------------------------------------------------------------


class AppendFile:
    """A file held open for appending, reading back and syncing; see rules 1 and 2 above.

    The descriptor is closed when the last reference goes, never under a thread that still syncs it.
    """

    def __init__(self, path: Path) -> None:
        """Open an existing file. Raises StorageError."""
        self.path = path
        self._name = str(path)
        self._fd = -1
        with guard("open", path):
            self._fd = syscalls.open_file(path, os.O_RDWR | os.O_APPEND)
            found = os.fstat(self._fd)
        self.identity = (found.st_dev, found.st_ino)
        self._syncing = threading.Lock()
        self._written = 0
        self._synced = 0
        self._failed: StorageError | None = None

    def fileno(self) -> int:
        return self._fd

    def end(self) -> int:
        """The size of the file in bytes."""
        try:
            return os.fstat(self._fd).st_size
        except OSError as error:
            raise failure(error, "read", self.path) from error

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`."""
        with guard("read", self.path):
            return os.pread(self._fd, size, offset)

    def append(self, data: bytes) -> int:
        """Write `data` at the end in one call, and return a ticket for `sync`. Not durable yet."""
        try:
            _write_all(self._fd, data)
        except OSError as error:
            raise failure(error, "write to", self.path) from error
        self._written += 1
        return self._written

    def sync(self, ticket: int | None = None) -> None:
        """Make what was appended up to `ticket` (default: everything) durable.

        Raises StorageError, and from then on always: the descriptor can no longer be trusted.
        """
        wanted = self._written if ticket is None else ticket
        with self._syncing:
            if self._failed is not None:
                raise StorageError(str(self._failed), path=self.path, errno=self._failed.errno)
            if ticket is not None and self._synced >= wanted:
                return
            covers = self._written
            try:
                syscalls.fdatasync(self._fd)
            except OSError as error:
                self._failed = failure(error, "sync", self.path)
                raise self._failed from error
            self._synced = covers

    def truncate(self, size: int) -> None:
        """Cut the file back to `size` bytes; `sync` makes that durable."""
        with guard("cut back", self.path):
            syscalls.truncate(self._fd, size)

    def rewrite(self, offset: int) -> None:
        """Write the bytes from `offset` to the end over themselves, so that the next sync writes them again.

        After a failed sync the kernel holds pages it calls clean that never reached the disk.
        """
        with guard("write to", self.path):
            # Linux appends on pwrite to a descriptor opened for appending, so this takes its own.
            fd = syscalls.open_file(self.path, os.O_WRONLY)
            try:
                while block := os.pread(self._fd, 1 << 20, offset):
                    offset += syscalls.pwrite(fd, block, offset)
            finally:
                os.close(fd)

    def stale(self) -> bool:
        """True where the name no longer leads to the file held open: it was replaced or removed."""
        try:
            found = os.stat(self._name)
        except FileNotFoundError:
            return True
        except OSError as error:
            raise failure(error, "read", self.path) from error
        return (found.st_dev, found.st_ino) != self.identity

    def close(self) -> None:
        """Close the descriptor; only when no thread syncs it any more."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with suppress(OSError):
            self.close()


class SmallFile:
    """A file of a few bytes overwritten in place and never synced: for what is only a hint.

    Kept open between uses, as it is read and written with every commit; `refresh` follows the name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)
        self._fd = -1
        self._writable = False
        self._identity = (0, 0)
        self._opened = 0

    @property
    def held(self) -> int:
        """Which opening of the file is in use; 0 where none is."""
        return self._opened if self._fd >= 0 else 0

    def hold(self) -> int:
        """Have the file open for writing, made where there is none, and say which opening that is."""
        try:
            if not self._writable:
                self.close()
                self._open(os.O_RDWR | os.O_CREAT)
                self._writable = True
        except OSError as error:
            raise failure(error, "write", self.path) from error
        return self.held

    def refresh(self) -> None:
        """Let go of the file if the name leads elsewhere by now, or nowhere."""
        if self._fd >= 0:
            try:
                found = os.stat(self._name)
            except OSError:
                self.close()
            else:
                if (found.st_dev, found.st_ino) != self._identity:
                    self.close()

    def read(self, size: int) -> bytes | None:
        """The first `size` bytes; None where there is no file, or it may not be read."""
        if self._fd < 0:
            try:
                self._open(os.O_RDONLY)
            except OSError:
                return None
        try:
            return os.pread(self._fd, size, 0)
        except OSError:
            return None

    def write(self, data: bytes) -> None:
        """Overwrite the file from its start. Raises StorageError."""
        self.hold()
        try:
            syscalls.pwrite(self._fd, data, 0)
        except OSError as error:
            raise failure(error, "write", self.path) from error

    def _open(self, flags: int) -> None:
        self._fd = syscalls.open_file(self._name, flags)
        found = os.fstat(self._fd)
        self._identity = (found.st_dev, found.st_ino)
        self._opened += 1

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        fd, self._fd, self._writable = self._fd, -1, False
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with suppress(OSError):
            self.close()
