"""Where a repository lies: a local folder, or anything that fsspec reaches by a URL.

Both do the same few things with names such as `objects/ab/ab12…`: a file is there whole under its
name or not at all. `fsspec` is imported when a URL is first used.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from store import clock, durable
from store.errors import ChartkeepError, NotFound, StorageError, UsageError
from store.syscalls import guard


class Stored(NamedTuple):
    """A file of a repository. `age` is seconds since it was written, where the place tells."""

    name: str
    size: int
    age: float | None


class Place(ABC):
    """Somewhere files can be kept. Every failure is a StorageError that names the place."""

    url: str
    """How messages name it: without a password."""

    @abstractmethod
    def names(self, folder: str) -> list[Stored]:
        """Every file below a folder; none where there is no such folder."""

    @abstractmethod
    def read(self, name: str, *, most: int, fresh: bool = False) -> bytes:
        """A file, up to `most` bytes of it. `fresh` asks for what is on the disk, not in its cache.

        Raises NotFound.
        """

    @abstractmethod
    def write(self, name: str, data: bytes, *, later: bool = False) -> None:
        """Write a file whole and durably, in the place of one that is there.

        With `later` its name, not its content, may be durable only after `settle`.
        """

    def settle(self) -> None:  # noqa: B027 - most places have nothing to do
        """Make durable the names of what was written `later`."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""

    def where(self, name: str) -> str:
        """A file as messages name it."""
        return f"{self.url.rstrip('/')}/{name}"


def place_of(text: str, base: Path) -> Place:
    """The place a setting or argument means: a URL, or a folder (a relative one from `base`)."""
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if "://" in text:
        return FsspecPlace(text)
    if not text.strip():
        raise UsageError("The place of a backup is a folder or a URL such as s3://bucket/folder.")
    return LocalPlace(base / Path(text).expanduser())


class LocalPlace(Place):
    """A folder. Files are written aside, synced and renamed, their folder synced after."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)
        self._unsettled: set[Path] = set()

    def names(self, folder: str) -> list[Stored]:
        found = []
        present = clock.wall_ns()
        top = self.folder / folder
        with guard("read", top):
            for base, _, files in os.walk(top, onerror=_unless_missing):
                for file in files:
                    path = Path(base) / file
                    with suppress(FileNotFoundError):
                        stat = path.stat()
                        name = path.relative_to(self.folder).as_posix()
                        found.append(Stored(name, stat.st_size, (present - stat.st_mtime_ns) / 1e9))
        return found

    def read(self, name: str, *, most: int, fresh: bool = False) -> bytes:
        path = self.folder / name
        try:
            with guard("read", path), path.open("rb", buffering=0) as file:
                if fresh and hasattr(os, "posix_fadvise"):
                    with suppress(OSError):
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                return all_of(file, most)
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NotFound(f"{path} is missing.") from None
            raise

    def write(self, name: str, data: bytes, *, later: bool = False) -> None:
        path = self.folder / name
        durable.make_dirs(path.parent)
        durable.replace_file(durable.write_aside(path, data), path, sync=not later)
        if later:
            self._unsettled.add(path.parent)

    def settle(self) -> None:
        while self._unsettled:
            durable.sync_dir(self._unsettled.pop())

    def delete(self, name: str) -> None:
        path = self.folder / name
        if path.parent.is_dir():
            durable.remove_file(path)

    def size(self, name: str) -> int | None:
        path = self.folder / name
        with guard("read", path):
            try:
                return path.stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def all_of(file: Any, most: int) -> bytes:
    """The next `most` bytes of an open file, fewer only at its end."""
    parts, left = [], most
    while left > 0 and (part := file.read(min(left, 1 << 22))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


_WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "az", "adl", "oci", "r2", "memory"}
"""Protocols where a file appears under its name only once it is there whole."""


_PASSWORD = re.compile(r"//([^/@:]*):[^/@]*@")
_S3 = {"use_listings_cache": False, "config_kwargs": {"connect_timeout": 10, "read_timeout": 60}}
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": _S3,
    "s3a": _S3,
    "sftp": {"timeout": 20},
    "ssh": {"timeout": 20},
}
"""So that a place which does not answer holds up no backup for long; only what its protocol takes."""


class _Absent(StorageError):
    """There is no such file or folder at a place."""


class FsspecPlace(Place):
    """A place that fsspec reaches: `s3://bucket/folder`, `sftp://host/folder`, …"""

    def __init__(self, url: str) -> None:
        self.url = _PASSWORD.sub(r"//\1:…@", url)
        self._target = url
        self._protocol = url.partition("://")[0]
        self._fs: Any = None
        self._root = ""

    @contextmanager
    def _reaching(self, doing: str, name: str) -> Iterator[Any]:
        """The file system; whatever goes wrong with it as a StorageError."""
        try:
            yield self._opened()
        except ChartkeepError:
            raise
        except FileNotFoundError as error:
            raise _Absent(f"Cannot {doing} {self.where(name)}: there is no such place ({error}).") from error
        except Exception as error:
            why = str(error).strip() or type(error).__name__
            raise StorageError(
                f"Cannot {doing} {self.where(name)}: {why.splitlines()[0]} "
                "Check that the place can be reached and what it asks for to let you in."
            ) from error

    def _opened(self) -> Any:
        if self._fs is None:
            try:
                from fsspec.core import url_to_fs

                options = _OPTIONS.get(self._protocol, {})
                fs, root = url_to_fs(self._target, skip_instance_cache=True, **options)
            except ImportError as error:
                extra = {"s3": "s3", "sftp": "sftp", "ssh": "sftp"}.get(self._protocol, "offsite")
                raise ChartkeepError(
                    f"{self.url} cannot be used: {error}. Install what it takes: pip install 'chartkeep[{extra}]'"
                ) from None
            except ValueError as error:
                raise UsageError(f"{self.url} is no place fsspec knows: {error}.") from None
            self._fs, self._root = fs, str(root).rstrip("/")
        return self._fs

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def names(self, folder: str) -> list[Stored]:
        try:
            with self._reaching("list", folder) as fs:
                fs.invalidate_cache()
                found = fs.find(self._path(folder), detail=True)
        except _Absent:
            return []
        start = len(self._root.lstrip("/")) + 1
        return [
            Stored(path.lstrip("/")[start:], int(info["size"] or 0), _age(info))
            for path, info in found.items()
            if info["type"] == "file"
        ]

    def read(self, name: str, *, most: int, fresh: bool = False) -> bytes:  # noqa: ARG002
        try:
            with self._reaching("read", name) as fs, fs.open(self._path(name), "rb") as file:
                return all_of(file, most)
        except _Absent:
            raise NotFound(f"{self.where(name)} is missing.") from None

    def write(self, name: str, data: bytes, *, later: bool = False) -> None:  # noqa: ARG002
        with self._reaching("write", name) as fs:
            path = self._path(name)
            if self._protocol in _WHOLE:
                fs.pipe_file(path, data)
                return
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            temp = f"{path}.{token_hex(4)}{durable.TEMP_SUFFIX}"
            fs.pipe_file(temp, data)
            fs.mv(temp, path)

    def delete(self, name: str) -> None:
        with suppress(_Absent), self._reaching("delete", name) as fs:
            fs.rm_file(self._path(name))

    def size(self, name: str) -> int | None:
        try:
            with self._reaching("look at", name) as fs:
                fs.invalidate_cache()
                return int(fs.info(self._path(name))["size"])
        except _Absent:
            return None


def _age(info: dict[str, Any]) -> float | None:
    from datetime import UTC, datetime

    for member in ("LastModified", "mtime", "modified", "last_modified", "created"):
        value = info.get(member)
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return clock.wall_ns() / 1e9 - moment.timestamp()
        if isinstance(value, int | float):
            return clock.wall_ns() / 1e9 - value
    return None
