"""Cold archives: generations that nobody writes any more, as seekable zstd beside what is hot.

The format is zstd's own seekable one, in frames of 1 MiB with checksums, so `zstd -d` reads it too and
one line costs one frame. pyzstd writes it; reading is done here by `pread`, so that threads share a file,
damage is told by frame, and no file, whatever it claims of itself, takes more than `CACHE` bytes.

1. `freeze` removes the plain file only when the compressed one is on disk under its name and has been
   read back to the very bytes. A crash before that leaves the plain file; where both are there the plain
   one counts (`archived` in `journal_reader`), and the next `freeze` finishes.
2. Whatever is wrong with a cold file is a `Damaged` that names the file and the offset of the frame.
"""

from __future__ import annotations

import os
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import Any

from store.durable import read_blocks, remove_file, replace_file, write_aside
from store.errors import Damaged, StorageError
from store.syscalls import failure, guard

SUFFIX = ".zst"
FRAME = 1 << 20
"""Bytes of journal in one frame."""
LEVEL = 9
CACHE = 8 << 20
"""Bytes of decompressed frames kept at hand, of all cold files together."""

_MOST_FRAME = 4 << 20
_MOST_FRAMES = 1 << 20
_FOOTER = Struct("<IBI")
_HEAD = Struct("<II")
_TABLE_MAGIC, _SEEKABLE_MAGIC = 0x184D2A5E, 0x8F92EAB1
_CHECKSUM, _RESERVED = 0x80, 0x7C


def is_cold(path: Path) -> bool:
    """True for the name of a cold archive."""
    return path.suffix == SUFFIX


def cold_name(path: Path) -> Path:
    """Where the cold form of the plain file `path` lies."""
    return path.with_name(path.name + SUFFIX)


class _Frames:
    """Decompressed frames, the least recently used forgotten first; shared by all cold files."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._size = 0
        self._mutex = threading.Lock()

    def get(self, name: tuple[Any, ...]) -> bytes | None:
        with self._mutex:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def put(self, name: tuple[Any, ...], data: bytes) -> None:
        with self._mutex:
            if name not in self._kept:
                self._kept[name] = data
                self._size += len(data)
            while self._size > CACHE:
                self._size -= len(self._kept.popitem(last=False)[1])


_frames = _Frames()


class ColdFile:
    """One cold archive open for reading; safe to share between threads, closed with its last reference."""

    def __init__(self, path: Path) -> None:
        """Open it and read its table of frames. Raises StorageError, Damaged."""
        self.path = path
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            found = os.fstat(self._fd)
        except OSError as error:
            raise failure(error, "read", path) from error
        self.identity = (found.st_dev, found.st_ino)
        self._name = (*self.identity, found.st_size, found.st_mtime_ns)
        self._packed = array("q", [0])
        self._plain = array("q", [0])
        self._read_table(found.st_size)

    @property
    def size(self) -> int:
        """Bytes of the plain file."""
        return self._plain[-1]

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` plain bytes from `offset`; fewer only at the end. Raises StorageError, Damaged."""
        end = min(offset + size, self.size)
        parts = []
        while offset < end:
            number = bisect_right(self._plain, offset) - 1
            start = self._plain[number]
            part = self._frame(number)[offset - start : end - start]
            parts.append(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def blocks(self) -> Iterator[bytes]:
        """The plain bytes, a frame at a time."""
        for number in range(len(self._plain) - 1):
            yield self._frame(number)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    # -- frames ------------------------------------------------------------------------------------

    def _frame(self, number: int) -> bytes:
        found = _frames.get((*self._name, number))
        if found is None:
            found = self._decompressed(number)
            _frames.put((*self._name, number), found)
        return found

    def _decompressed(self, number: int) -> bytes:
        from pyzstd import DParameter, ZstdDecompressor, ZstdError

        start, wanted = self._packed[number], self._plain[number + 1] - self._plain[number]
        packed = self._read(self._packed[number + 1] - start, start)
        unpacking = ZstdDecompressor(None, {DParameter.windowLogMax: 23})
        try:
            data = unpacking.decompress(packed, wanted + 1)
        except (ZstdError, EOFError) as error:
            raise self._damaged(start, f"this frame cannot be read ({error})") from None
        if len(data) != wanted or not unpacking.eof or unpacking.unused_data:
            raise self._damaged(start, "this frame is not of the length that the table of frames says")
        return data

    def _read_table(self, size: int) -> None:
        """Fill the offsets of the frames, in this file and in the plain one."""
        if size < _HEAD.size + _FOOTER.size:
            raise self._damaged(0, f"{size} bytes are no compressed archive")
        place = size - _FOOTER.size
        count, flags, magic = _FOOTER.unpack(self._read(_FOOTER.size, place))
        if magic != _SEEKABLE_MAGIC or flags & _RESERVED:
            raise self._damaged(
                place, "it does not end as a compressed archive does: it was cut or overwritten"
            )
        entry = 12 if flags & _CHECKSUM else 8
        length = _HEAD.size + count * entry + _FOOTER.size
        place = size - length
        if count > _MOST_FRAMES or place < 0:
            raise self._damaged(size - _FOOTER.size, f"it claims to have {count:,} frames")
        table = self._read(length, place)
        if _HEAD.unpack_from(table) != (_TABLE_MAGIC, length - _HEAD.size):
            raise self._damaged(place, "its table of frames is not there")
        packed = plain = 0
        for at in range(_HEAD.size, length - _FOOTER.size, entry):
            here, there = _HEAD.unpack_from(table, at)
            if not 0 < there <= _MOST_FRAME or not 0 < here <= there + (there >> 7) + 1024:
                raise self._damaged(packed, f"its table of frames claims {here:,} bytes for {there:,}")
            packed, plain = packed + here, plain + there
            self._packed.append(packed)
            self._plain.append(plain)
        if packed != place:
            raise self._damaged(place, "its frames are not as long together as its table of frames says")

    def _read(self, size: int, offset: int) -> bytes:
        try:
            data = os.pread(self._fd, size, offset)
        except OSError as error:
            raise failure(error, "read", self.path) from error
        if len(data) != size:
            raise self._damaged(offset, "it was cut short")
        return data

    def _damaged(self, offset: int, why: str) -> Damaged:
        return Damaged(
            f"{self.path}, offset {offset}: {why}. Run `chartkeep recover`, which looks for a copy that is whole.",
            path=self.path,
            offset=offset,
        )


def blocks(path: Path) -> Iterator[bytes]:
    """The plain bytes of an archive, cold or not, in blocks. Raises StorageError, Damaged."""
    return ColdFile(path).blocks() if is_cold(path) else read_blocks(path)


def freeze(path: Path) -> Path:
    """Compress the plain archive at `path`, durably, then remove it; where the cold one lies.

    Finishes what a crash cut short. Raises StorageError where the disk refuses or the file changes
    meanwhile; the plain file is then as it was.
    """
    target = cold_name(path)
    if not path.exists() and target.exists():
        return target
    with guard("read", path):
        before = path.stat()
    if not (target.exists() and _holds(target, _digest(read_blocks(path, FRAME)))):
        hashed = blake2b()
        temp = write_aside(target, _compressed(path, hashed))
        try:
            if not _holds(temp, hashed.digest()):
                raise StorageError(
                    f"{target} did not read back as {path}, which stays as it is. Check the disk.",
                    path=target,
                )
        except BaseException:
            remove_file(temp, sync=False)
            raise
        replace_file(temp, target)
    with guard("read", path):
        after = path.stat()
    if (before.st_ino, before.st_size, before.st_mtime_ns) != (
        after.st_ino,
        after.st_size,
        after.st_mtime_ns,
    ):
        raise StorageError(f"{path} was changed while it was compressed; it stays as it is.", path=path)
    remove_file(path)
    return target


def _compressed(path: Path, hashed: Any) -> Iterator[bytes]:
    """The bytes of the cold file, made on the way; `hashed` is fed the plain ones."""
    from pyzstd import CParameter, SeekableZstdFile

    made = BytesIO()
    options: dict[int, int] = {
        CParameter.compressionLevel: LEVEL,
        CParameter.windowLog: 20,
        CParameter.checksumFlag: 1,
    }
    with SeekableZstdFile(made, "w", level_or_option=options, max_frame_content_size=FRAME) as file:
        for block in read_blocks(path, FRAME):
            hashed.update(block)
            file.write(block)
            yield _taken(made)
    yield _taken(made)


def _taken(made: BytesIO) -> bytes:
    """What was written to `made` since it was last asked."""
    data = made.getvalue()
    made.seek(0)
    made.truncate()
    return data


def _digest(plain: Iterator[bytes]) -> bytes:
    hashed = blake2b()
    for block in plain:
        hashed.update(block)
    return hashed.digest()


def _holds(path: Path, digest: bytes) -> bool:
    """True where the cold file reads back, from the disk as far as one can tell, to these bytes."""
    try:
        return _digest(ColdFile(path).blocks()) == digest
    except Damaged:
        return False
