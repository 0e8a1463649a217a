"""Power loss without pulling a plug: record what the store does to the disk, then make what a disk may hold afterwards.

`Recorder` stands in for the functions of `store.syscalls`, does the real work, and keeps a trace of its
effects. `Disk` replays a trace up to some point and gives states a file system may legally show after
a power cut there:

1. What was synced is there: the bytes of a file up to its last fsync or fdatasync, the names of a folder
   up to its last fsync.
2. Every later effect may be there, or not, or (for a write) in part, in any order; a hole reads as NULs.
3. A name that was moved is at its old place or its new one, never at both or at neither; an exchange is
   whole or not at all.
4. A file has lasting content only by its own sync: the name of a file that was never synced may lead to
   nothing but NULs, or to an empty file.

The index is derived and never synced; it is left out, so that every state has to do without it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from store import syscalls

SECTOR = 512
LEFT_OUT = (".index",)


class Op(NamedTuple):
    """One effect. `file` numbers a file (not its name); names are relative to the recorded folder."""

    kind: str
    """write, cut, sync, make, name, unname, rename, exchange, folder, sync-folder, said"""
    file: int = -1
    offset: int = 0
    data: bytes = b""
    name: str = ""
    other: str = ""


class Recorder:
    """Records every effect below `root` from the moment it is made until `stop`."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.root = root
        self.trace: list[Op] = []
        self._numbers: dict[int, int] = {}
        self._count = 0
        self._before()
        for name in (
            "open_file", "write", "pwrite", "truncate", "fdatasync", "fsync",
            "rename", "link", "unlink", "mkdir", "exchange",
        ):  # fmt: skip
            patch.setattr(syscalls, name, getattr(self, f"_{name}")(getattr(syscalls, name)))

    def said(self, what: str) -> None:
        """Something was acknowledged: from here on it must survive."""
        self.trace.append(Op("said", name=what))

    def foreign(self, path: Path, data: bytes) -> None:
        """Another program replaces a file, durably."""
        temp = path.with_suffix(".foreign")
        temp.write_bytes(data)
        number = self._new(temp.stat().st_ino)
        name = self._name(path)
        os.replace(temp, path)
        self.trace += [
            Op("name", number, name=name),
            Op("write", number, 0, data),
            Op("sync", number),
            Op("sync-folder", name=_folder(name)),
        ]

    # -- the calls -------------------------------------------------------------------------------------

    def _before(self) -> None:
        """What is there already, as durable."""
        seen = []
        for top, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            here = self._name(Path(top))
            self.trace.append(Op("folder", name=here))
            seen.append(here)
            for name in names:
                path = Path(top, name)
                number = self._new(path.stat().st_ino)
                self.trace.append(Op("name", number, name=self._name(path)))
                self.trace.append(Op("write", number, 0, path.read_bytes()))
                self.trace.append(Op("sync", number))
        self.trace += [Op("sync-folder", name=here) for here in seen]

    def _new(self, inode: int) -> int:
        self._count += 1
        self._numbers[inode] = self._count
        return self._count

    def _name(self, path: str | Path) -> str:
        return os.path.relpath(path, self.root)

    def _inside(self, path: str | Path) -> bool:
        name = self._name(path)
        return not name.startswith("..") and name.split(os.sep)[0] not in LEFT_OUT

    def _file(self, fd: int) -> int | None:
        return self._numbers.get(os.fstat(fd).st_ino)

    def _open_file(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: str | Path, flags: int, mode: int = 0o666) -> int:
            made = bool(flags & os.O_CREAT) and not os.path.lexists(path)
            fd = real(path, flags, mode)
            if made and self._inside(path):
                self.trace.append(Op("name", self._new(os.fstat(fd).st_ino), name=self._name(path)))
            return fd

        return call

    def _write(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(fd: int, data: bytes | memoryview) -> int:
            number = self._file(fd)
            written = real(fd, data)
            if number is not None:
                at = os.lseek(fd, 0, os.SEEK_CUR) - written
                self.trace.append(Op("write", number, at, bytes(data[:written])))
            return written

        return call

    def _pwrite(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(fd: int, data: bytes | memoryview, offset: int) -> int:
            written = real(fd, data, offset)
            if (number := self._file(fd)) is not None:
                self.trace.append(Op("write", number, offset, bytes(data[:written])))
            return written

        return call

    def _truncate(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(fd: int, size: int) -> None:
            real(fd, size)
            if (number := self._file(fd)) is not None:
                self.trace.append(Op("cut", number, size))

        return call

    def _sync(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(fd: int) -> None:
            real(fd)
            if os.path.isdir(f"/proc/self/fd/{fd}"):
                path = os.readlink(f"/proc/self/fd/{fd}")
                if self._inside(path):
                    self.trace.append(Op("sync-folder", name=self._name(path)))
            elif (number := self._file(fd)) is not None:
                self.trace.append(Op("sync", number))

        return call

    _fdatasync = _fsync = _sync

    def _two_names(self, kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(one: Path, other: Path) -> Any:
                done = real(one, other)
                if self._inside(one) and not done:
                    self.trace.append(Op(kind, name=self._name(one), other=self._name(other)))
                return done

            return call

        return wrap

    def _rename(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return self._two_names("rename")(real)

    def _link(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return self._two_names("link")(real)

    def _exchange(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return self._two_names("exchange")(real)

    def _unlink(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path) -> None:
            real(path)
            if self._inside(path):
                self.trace.append(Op("unname", name=self._name(path)))

        return call

    def _mkdir(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path) -> None:
            real(path)
            if self._inside(path):
                self.trace.append(Op("folder", name=self._name(path)))

        return call


class Disk:
    """What a disk may hold after a power cut behind the first `upto` effects of a trace."""

    def __init__(self, trace: list[Op], upto: int) -> None:
        self.ops = trace[:upto]
        self.said = [op.name for op in self.ops if op.kind == "said"]
        self._synced: dict[int, int] = {}
        self._folder_synced: dict[str, int] = {}
        for n, op in enumerate(self.ops):
            if op.kind == "sync":
                self._synced[op.file] = n
            elif op.kind == "sync-folder":
                self._folder_synced[op.name] = n
        self.loose = [n for n, op in enumerate(self.ops) if self._is_loose(n, op)]
        """Effects that a power cut may take away."""

    def _is_loose(self, n: int, op: Op) -> bool:
        if op.kind in ("write", "cut"):
            return self._synced.get(op.file, -1) < n
        if op.kind in ("name", "unname", "rename", "link", "exchange", "folder"):
            folders = {_folder(name) for name in (op.name, op.other) if name}
            return all(self._folder_synced.get(folder, -1) < n for folder in folders)
        return False

    def states(self, dice: random.Random, count: int) -> Iterator[set[int]]:
        """Sets of effects that were lost: none of the loose ones, all of them, then `count` drawn by chance."""
        yield set()
        yield set(self.loose)
        for _ in range(count):
            share = dice.choice((0.1, 0.5, 0.9))
            yield {n for n in self.loose if dice.random() < share}

    def make(self, target: Path, lost: set[int], dice: random.Random) -> None:
        """Write the state without the effects in `lost` to the empty folder `target`."""
        data: dict[int, bytearray] = {}
        names: dict[str, int] = {}
        folders = {"."}
        for n, op in enumerate(self.ops):
            if op.kind == "write":
                if n not in lost:
                    part = op.data
                    if n in self.loose and dice.random() < 0.3:
                        part = part[: dice.randrange(len(part) + 1) // SECTOR * SECTOR]
                    _put(data.setdefault(op.file, bytearray()), op.offset, part)
            elif n in lost:
                continue
            elif op.kind == "cut":
                content = data.setdefault(op.file, bytearray())
                del content[op.offset :]
                content.extend(bytes(op.offset - len(content)))
            else:
                _rename(op, names, folders)
        for folder in sorted(folders):
            (target / folder).mkdir(parents=True, exist_ok=True)
        for name, number in names.items():
            path = target / name
            if path.parent.is_dir():
                path.write_bytes(data.get(number, b""))


def _folder(name: str) -> str:
    return os.path.dirname(name) or "."


def _put(content: bytearray, offset: int, part: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(part)] = part


def _rename(op: Op, names: dict[str, int], folders: set[str]) -> None:
    """An effect on names; one whose source was lost before has none."""
    if op.kind == "name":
        names[op.name] = op.file
    elif op.kind == "folder":
        folders.add(op.name)
    elif op.kind == "unname":
        names.pop(op.name, None)
    elif op.kind == "link" and op.name in names:
        names[op.other] = names[op.name]
    elif op.kind == "exchange" and op.name in names and op.other in names:
        names[op.name], names[op.other] = names[op.other], names[op.name]
    elif op.kind == "rename":
        _move(op, names, folders)


def _move(op: Op, names: dict[str, int], folders: set[str]) -> None:
    if op.name in names:
        names[op.other] = names.pop(op.name)
    elif op.name in folders:
        inner = op.name + os.sep
        for name in [name for name in names if name.startswith(inner)]:
            names[op.other + os.sep + name[len(inner) :]] = names.pop(name)
        for name in [name for name in folders if name == op.name or name.startswith(inner)]:
            folders.discard(name)
            folders.add(op.other + name[len(op.name) :])
