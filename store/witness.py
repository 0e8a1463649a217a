"""The witness: a small file beside a journal that says where its last acknowledged commit ended.

It is how a shortened or replaced journal is noticed, and where a new process starts reading
instead of at the beginning. It is written after the sync and never synced itself: after a power
cut it may be behind, or garbled, but never ahead of what is on disk. So it is a lower bound.

It is written when the journal's lock is released already, and by then the journal may have been
replaced, with another witness beside it (a restore, a recovery). So a writer holds the witness it is
going to write while it has the lock, and what it writes to one that was replaced goes nowhere. Whoever
reads without the lock sees that the witness is still the same once the journal is open.
"""

from __future__ import annotations

import threading
from hashlib import blake2b
from pathlib import Path

import orjson

from store.durable import SmallFile
from store.model import Position

_SIZE = 160


class Witness:
    """The last commit of one journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SmallFile(path)
        self._mutex = threading.Lock()
        self._seen: tuple[bytes, Position] | None = None

    def read(self) -> tuple[Position | None, bool]:
        """The position, None where there is none; and whether the file is there but garbled."""
        return self.read_held()[:2]

    def read_held(self) -> tuple[Position | None, bool, int]:
        """As `read`, and which file it was read from, for `same`."""
        with self._mutex:
            self._file.refresh()
            found, garbled = self._look()
            return found, garbled, self._file.held

    def same(self, held: int) -> bool:
        """True where the witness that was read is still the one that lies there."""
        with self._mutex:
            self._file.refresh()
            return self._file.held == held

    def hold(self) -> int:
        """Have the witness of the journal as it is now open for writing; for `advance`. Raises StorageError.

        Call under the journal's lock: nobody replaces the two then.
        """
        with self._mutex:
            self._file.refresh()
            return self._file.hold()

    def _look(self) -> tuple[Position | None, bool]:
        for _ in range(2):  # a reader may catch a writer in the middle
            raw = self._file.read(_SIZE)
            if not raw:
                return None, False
            if self._seen is not None and raw == self._seen[0]:
                return self._seen[1], False
            found = _decode(raw)
            if found is not None:
                self._seen = raw, found
                return found, False
        return None, True

    def advance(self, position: Position, held: int | None = None) -> None:
        """Move it forward to `position`; it never goes back within a generation. Raises StorageError.

        Only the one that was `held`, where that is given: nothing happens if it was replaced since.
        """
        with self._mutex:
            if held is not None and held != self._file.held:
                return
            found, _ = self._look()
            if found is None or (found.generation, found.offset) < (position.generation, position.offset):
                self._file.write(_encode(position))


def _encode(position: Position) -> bytes:
    body = orjson.dumps(list(position))
    return b"%b %b" % (_sum(body), body.ljust(_SIZE - 18)) + b"\n"


def _decode(raw: bytes) -> Position | None:
    body = raw[17:].rstrip()
    if raw[:16] != _sum(body) or raw[16:17] != b" ":
        return None
    generation, offset, digest = orjson.loads(body)
    return Position(generation, offset, digest)


def _sum(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).hexdigest().encode("ascii")
