"""The vectors of one model in memory: its shards read and put together, kept between the questions of a process.

Of several vectors of one key the last counts. Float16 is held as float32, since a question would
convert it anew each time (68 ms for 100,000 x 384); int8 stays int8: a block of it converted and
multiplied at a time takes no longer than float32 whole (7 ms, 8 to 13 ms), in a quarter of the memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from store.errors import Damaged
from store.knowledge.kinds import parts_of
from store.vectors import archive, forms

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from store.vectors.folder import Folder
    from store.vectors.manifest import Manifest, ShardFile

BLOCK = 1024
"""Rows of int8 that are multiplied at once: they and their float32 stay in the processor's cache."""
KEPT = 1 << 30
"""Bytes of vectors a process keeps between questions."""
_MOST_PARTS = 16


class Table:
    """All vectors of one state of a model. Not changed once made, but for what is worked out when first asked."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.keys: list[str] = []
        self.versions = np.zeros(0, np.int64)
        self.damage: list[Damaged] = []
        """Shards that could not be used; the rest is searched all the same."""
        self._parts: list[tuple[NDArray[Any], NDArray[np.float32] | None]] = []
        self._room: NDArray[Any] | None = None
        self._row_of: dict[str, int] | None = None
        self._current: NDArray[np.bool_] | None = None
        self._kinds: tuple[list[str], NDArray[np.uint16]] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def bytes(self) -> int:
        """Memory the vectors take."""
        return sum(vectors.nbytes for vectors, _ in self._parts)

    @property
    def row_of(self) -> dict[str, int]:
        """The row that counts for each key."""
        if self._row_of is None:
            self._row_of = {key: row for row, key in enumerate(self.keys)}
        return self._row_of

    @property
    def current(self) -> NDArray[np.bool_]:
        """Which rows count: False for those another of the same key comes after."""
        if self._current is None:
            rows = np.zeros(len(self.keys), np.bool_)
            rows[np.fromiter(self.row_of.values(), np.int64, len(self.row_of))] = True
            self._current = rows
        return self._current

    def of_kinds(self, kinds: Iterable[str]) -> NDArray[np.bool_]:
        """Which rows are of one of these kinds."""
        if self._kinds is None:
            numbers: dict[str, int] = {}
            codes = np.fromiter(
                (numbers.setdefault(parts_of(key)[0], len(numbers)) for key in self.keys),
                np.uint16,
                len(self.keys),
            )
            self._kinds = list(numbers), codes
        names, codes = self._kinds
        return np.isin(codes, [names.index(kind) for kind in set(kinds) if kind in names])

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """These rows as float32, of length 1."""
        made = np.empty((len(rows), self.manifest.dimension), np.float32)
        start = 0
        for vectors, scales in self._parts:
            here = np.flatnonzero((rows >= start) & (rows < start + len(vectors)))
            at = rows[here] - start
            made[here] = forms.decode(vectors[at], None if scales is None else scales[at])
            start += len(vectors)
        return made

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cosine of every row with a vector of length 1."""
        made = np.empty(len(self.keys), np.float32)
        start = 0
        for vectors, scales in self._parts:
            out = made[start : start + len(vectors)]
            if scales is None:
                np.dot(vectors, query, out=out)
            else:
                _scores_of_codes(vectors, query, out)
                out *= scales
            start += len(vectors)
        return made

    def add(self, shard: archive.Shard) -> None:
        """Take in the rows of another shard."""
        self._follow(shard.keys)
        held = np.int8 if shard.scales is not None else np.float32
        if self._room is None:
            vectors = shard.vectors.astype(held, copy=False)
        else:
            vectors = self._room[len(self.keys) : len(self.keys) + len(shard.keys)]
            vectors[:] = shard.vectors
        self._parts.append((vectors, shard.scales))
        self.keys.extend(shard.keys)
        self.versions = np.concatenate((self.versions, shard.versions))

    def _follow(self, keys: list[str]) -> None:
        """What was worked out already, with the rows of these keys more."""
        if self._row_of is None:
            return
        first = len(self.keys)
        after = {key: first + row for row, key in enumerate(keys)}
        current = np.concatenate((self.current, np.zeros(len(keys), np.bool_)))
        current[[self._row_of[key] for key in after if key in self._row_of]] = False
        current[list(after.values())] = True
        self._current = current
        self._row_of.update(after)
        self._kinds = None

    def reserve(self) -> Table:
        """Make room for all rows in one piece: one product for a question, and large pages of memory."""
        held = np.int8 if self.manifest.form == "int8" else np.float32
        self._room = np.empty((self.manifest.rows, self.manifest.dimension), held)
        return self

    def joined(self) -> Table:
        """The same in one piece, where it is in many, or was read into one."""
        if self._room is not None or len(self._parts) > _MOST_PARTS:
            scales = [scales for _, scales in self._parts if scales is not None]
            if self._room is not None:
                vectors, self._room = self._room[: len(self.keys)], None
            else:
                vectors = np.concatenate([vectors for vectors, _ in self._parts])
            self._parts = [(vectors, np.concatenate(scales) if scales else None)] if len(vectors) else []
        return self

    def going_on(self, manifest: Manifest) -> Table:
        """A table of a later state that begins with the shards of this one."""
        made = Table(manifest)
        made.keys, made.versions = list(self.keys), self.versions
        made._parts = list(self._parts)
        made._row_of, made._current = dict(self.row_of), self.current
        return made


def _scores_of_codes(
    codes: NDArray[np.generic], query: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    block = np.empty((BLOCK, codes.shape[1]), np.float32)
    for start in range(0, len(codes), BLOCK):
        some = codes[start : start + BLOCK]
        np.copyto(block[: len(some)], some)
        np.dot(block[: len(some)], query, out=out[start : start + len(some)])


def nearest(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The rows of the highest scores, the highest first; equal ones in order of rows.

    The maxima of groups of 32 rows tell how high a score must be: 0.2 ms for 100,000, a fifth of argpartition.
    """
    count = min(count, len(scores))
    if count == 0:
        return np.zeros(0, np.int64)
    groups = len(scores) // 32
    if groups > 4 * count:
        peaks = scores[: groups * 32].reshape(groups, 32).max(axis=1)
        least = np.partition(peaks, groups - count)[groups - count]
        rows = np.flatnonzero(scores >= least)
    else:
        rows = np.arange(len(scores))
    order = np.lexsort((rows, -scores[rows]))[:count]
    return rows[order]


# -- kept between questions ------------------------------------------------------------------------

_kept: OrderedDict[Path, Table] = OrderedDict()
_lock = threading.Lock()


def table_of(folder: Folder) -> Table | None:
    """The vectors of a model as they are now; None where there are none. Raises Damaged, StorageError."""
    made = folder.read(lambda manifest: _table(folder, manifest))
    if made is not None:
        with _lock:
            _kept[folder.path] = made
            _kept.move_to_end(folder.path)
            while len(_kept) > 1 and sum(table.bytes for table in _kept.values()) > KEPT:
                _kept.popitem(last=False)
    return made


def forget() -> None:
    """Let go of what is kept."""
    with _lock:
        _kept.clear()


def _table(folder: Folder, manifest: Manifest) -> Table:
    with _lock:
        kept = _kept.get(folder.path)
    shards = manifest.shards
    if kept is not None and not kept.damage and _same(kept.manifest, manifest, len(kept.manifest.shards)):
        if len(kept.manifest.shards) == len(shards):
            kept.manifest = manifest
            return kept
        table, shards = kept.going_on(manifest), shards[len(kept.manifest.shards) :]
    else:
        table = Table(manifest).reserve()
    for shard in shards:
        try:
            table.add(read_shard(folder, manifest, shard))
        except Damaged as error:
            table.damage.append(error)
    return table.joined()


def read_shard(folder: Folder, manifest: Manifest, shard: ShardFile) -> archive.Shard:
    """One shard, checked against the manifest. Raises Damaged, StorageError."""
    return archive.unpack(
        folder.path / shard.file, dimension=manifest.dimension, form=manifest.form, rows=shard.rows
    )


def _same(one: Manifest, other: Manifest, shards: int) -> bool:
    alike = (one.model, one.dimension, one.form) == (other.model, other.dimension, other.form)
    return alike and one.shards == other.shards[:shards]
