"""What a model's folder holds, in one small file: `model.json` names every shard with its size and hash.

The manifest is the truth of a folder: a shard, a frozen part or an index that it does not name is not
there. It says how far the journals have been embedded in the same file as the shards that cover it.
Its last member is a hash of the rest, so a damaged one is known.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from store import durable, records
from store.errors import Damaged, TooNew
from store.model import Position
from store.syscalls import guard

NAME = "model.json"
FORMAT = "chartkeep-vectors"
VERSION = 1


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One file as the manifest names it."""

    file: str
    rows: int
    bytes: int
    hash: str
    """blake2b-128 of the file."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of one model in one context."""

    model: str
    made: bool
    """True where an embedder makes the vectors."""
    dimension: int
    form: str
    identity: str = ""
    """What the embedder says of itself: vectors of another identity cannot be compared."""
    chance: float = 0.0
    """Cosine up to which two texts may be alike by chance: it tells nothing."""
    changed: str = ""
    shards: tuple[ShardFile, ...] = ()
    frozen: ShardFile | None = None
    """What the embedder learned from the corpus, as `rows` texts."""
    index: ShardFile | None = None
    """The approximate index over the rows of the first `index_shards` shards."""
    index_shards: int = 0
    index_of: str = ""
    """Names those very shards: where they are others by now, the index is of no use."""
    measured: dict[str, Any] | None = None
    """recall and times of the index, and when that was measured."""
    seen: dict[str, tuple[int, int, str]] | None = None
    """How far each family of journals is embedded; None where nothing is, or all must be compared."""
    next: int = 1

    @property
    def rows(self) -> int:
        """Vectors in all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Bytes of all shards."""
        return sum(shard.bytes for shard in self.shards)

    def state(self, shards: int) -> str:
        """Names the very first so many shards."""
        digest = hashlib.blake2b(digest_size=16)
        for shard in self.shards[:shards]:
            digest.update(shard.hash.encode())
        return digest.hexdigest()

    @property
    def indexed(self) -> int:
        """Rows, from the first, that the approximate index can be asked for; 0 where it is of other shards."""
        if self.index is None or self.index_of != self.state(self.index_shards):
            return 0
        return sum(shard.rows for shard in self.shards[: self.index_shards])

    def position(self, family: str) -> Position | None:
        """The point of a journal up to which everything has its vector."""
        found = (self.seen or {}).get(family)
        return None if found is None else Position(*found)

    def seeing(self, family: str, position: Position) -> Manifest:
        """The same, embedded up to there."""
        place = (position.generation, position.offset, position.hash)
        return replace(self, seen={**(self.seen or {}), family: place})


def load(folder: Path) -> Manifest | None:
    """The manifest of a folder; None without one. Raises Damaged, TooNew, StorageError."""
    path = folder / NAME
    try:
        with guard("read", path):
            data = path.read_bytes()
    except OSError:
        if not path.exists():
            return None
        raise
    return parse(data, path)


def parse(data: bytes, path: Path) -> Manifest:
    """A manifest from its bytes. Raises Damaged, TooNew."""
    try:
        found = records.loads(data)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError("it is no manifest of vectors")
        if isinstance(found.get("format_version"), int) and found["format_version"] > VERSION:
            raise TooNew(
                f"{path} was written by a newer chartkeep (format {found['format_version']}, this one knows "
                f"{VERSION}). Install the newer version to use these vectors; nothing was changed."
            )
        if found.pop("hash", None) != _digest(found):
            raise ValueError("it is not what was written")
        del found["format"], found["format_version"]
        for name in ("frozen", "index"):
            found[name] = ShardFile(**found[name]) if found[name] else None
        found["shards"] = tuple(ShardFile(**shard) for shard in found["shards"])
        if found["seen"] is not None:
            found["seen"] = {family: tuple(place) for family, place in found["seen"].items()}
        return Manifest(**found)
    except (records.BadJson, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(
            f"{path}: {error}. Move its folder away and run `chartkeep vectors embed`, or bring it back from a backup.",
            path=path,
        ) from None


def save(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one before, durably."""
    body = {"format": FORMAT, "format_version": VERSION, **asdict(manifest)}
    durable.write_file(folder / NAME, records.dumps({**body, "hash": _digest(body)}) + b"\n")


def _digest(body: dict[str, Any]) -> str:
    return hashlib.blake2b(records.dumps(body), digest_size=16).hexdigest()
