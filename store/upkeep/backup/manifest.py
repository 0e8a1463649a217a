"""What a backup says of itself: which files it holds, of which chunks, and what it stands on.

A full backup names every file. A differential or incremental one names its parent and only what is
new: files that changed, files that are gone, and for a file that has grown (a journal) the bytes
from where the parent's copy ends. So its size does not grow with the store's.

A generation of a journal goes by its plain name, `archive/charts.3.jsonl`, whether the store holds
it plain or compressed. A chart file that is just as it was published is not copied: it is named in
`published`, and is published anew from its journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from store import records
from store.errors import Damaged, TooNew
from store.model import Finding, Position

if TYPE_CHECKING:
    from store.layout import Layout

FORMAT = "chartkeep.backup"
FORMAT_VERSION = 1
CHUNK = 4 << 20
"""Bytes in the longest chunk. Full backups cut journals at multiples of it, so that chunks repeat."""

Kind = Literal["full", "differential", "incremental"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HOME_FOLDERS = (".journal", ".archived", ".recovery", ".vectors", ".workflows")
"""Folders that lie in `layout.home`; everything else a backup holds lies in `layout.root`."""


class Chunk(NamedTuple):
    """A piece of a file. `name` is the hash of its bytes; `stored` the bytes it takes in the repository."""

    size: int
    name: str
    stored: int


class Journalled(NamedTuple):
    """Which generation of which journal a file is. `hash` is that at its end; "" where it is damaged."""

    context: str
    family: str
    generation: int
    hash: str


class BackedFile(NamedTuple):
    """One file of a backup, whole."""

    path: str
    """POSIX path: in `layout.home` where it begins with one of `HOME_FOLDERS`, else in `layout.root`."""
    size: int
    chunks: tuple[Chunk, ...]
    mtime_ns: int
    mode: int
    inode: int
    settled: bool
    """False where it was changed so shortly before it was read that its time proves nothing."""
    journal: Journalled | None = None
    live: bool = False
    """True for the generation of a journal that was appended to."""
    cold: bool = False
    """True where the store held it compressed; here its plain bytes are meant."""

    @property
    def position(self) -> Position | None:
        """Where the journal ended; None for other files and for a damaged journal."""
        if self.journal is None or not self.journal.hash:
            return None
        return Position(self.journal.generation, self.size, self.journal.hash)

    @property
    def hash(self) -> str:
        """Changes where the content does: the hash of its chunks' names."""
        from hashlib import sha256

        return sha256("".join(chunk.name for chunk in self.chunks).encode()).hexdigest()


class Entry(NamedTuple):
    """A file as a manifest names it: its own chunks follow the first `kept` bytes of the parent's `of`."""

    file: BackedFile
    of: str | None = None
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup, as it is written."""

    seq: int
    """Counts the backups of a repository: their order, whatever the clock said."""
    at: str
    kind: Kind
    parent: str | None
    entries: dict[str, Entry]
    gone: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    """Chart files that are published anew from their journals."""
    damaged: tuple[str, ...] = ()
    """Journals that were damaged when they were copied, as they were."""
    bytes: int = 0
    stored: int = 0
    files: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as lists show it."""

    id: str
    name: str
    """Its manifest's file name."""
    seq: int
    at: str
    kind: Kind
    parent: str | None
    bytes: int
    """What it restores."""
    stored: int
    """What taking it added to the repository."""
    files: int
    seconds: float
    damaged: tuple[str, ...] = ()
    drilled: str | None = None
    """When it last passed a restore drill."""
    failed: str = ""
    """Why it last failed a drill or a verification, unless it has passed one since."""
    problems: tuple[Finding, ...] = field(default=(), compare=False)
    """What went wrong beside it when it was taken: off-site copies."""

    @property
    def good(self) -> bool:
        """False where it is known to hold damage."""
        return not self.damaged and not self.failed


def target(layout: Layout, path: str) -> Path:
    """Where a file of a backup belongs in a store."""
    home = path.partition("/")[0] in HOME_FOLDERS
    return (layout.home if home else layout.root).joinpath(*PurePosixPath(path).parts)


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    return records.dumps(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "seq": manifest.seq,
            "at": manifest.at,
            "kind": manifest.kind,
            "parent": manifest.parent,
            "bytes": manifest.bytes,
            "stored": manifest.stored,
            "count": manifest.files,
            "seconds": round(manifest.seconds, 3),
            "gone": list(manifest.gone),
            "published": list(manifest.published),
            "damaged": list(manifest.damaged),
            "files": {path: _plain(entry) for path, entry in manifest.entries.items()},
        }
    )


def _plain(entry: Entry) -> dict[str, Any]:
    file = entry.file
    plain: dict[str, Any] = {
        "size": file.size,
        "mtime": file.mtime_ns,
        "mode": file.mode,
        "inode": file.inode,
        "settled": file.settled,
        "chunks": [list(chunk) for chunk in file.chunks],
    }
    if entry.of is not None:
        plain["from"] = [entry.of, entry.kept]
    if file.journal is not None:
        plain |= {"journal": list(file.journal), "live": file.live, "cold": file.cold}
    return plain


def decode(raw: bytes, where: str) -> Manifest:
    """The manifest in `raw`. Raises Damaged naming `where`, TooNew."""
    try:
        value = records.loads(raw)
        if value["format"] != FORMAT:
            raise ValueError("it is no manifest of a backup")
        if value["format_version"] > FORMAT_VERSION:
            raise TooNew(f"{where} was written by a newer chartkeep. Install the newer version to read it.")
        if value["kind"] not in KINDS:
            raise ValueError("its kind is unknown")
        parent = value["parent"]
        if (parent is None) != (value["kind"] == "full"):
            raise ValueError("its parent is missing")
        return Manifest(
            int(value["seq"]),
            str(value["at"]),
            value["kind"],
            None if parent is None else str(parent),
            {path: _entry(path, plain) for path, plain in value["files"].items()},
            _texts(value["gone"]),
            _texts(value["published"]),
            _texts(value["damaged"]),
            int(value["bytes"]),
            int(value["stored"]),
            int(value["count"]),
            float(value["seconds"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Damaged(f"{where}: the manifest cannot be read ({error}).") from None


def _entry(path: str, plain: dict[str, Any]) -> Entry:
    _check_path(path)
    chunks = tuple(Chunk(int(size), _name(name), int(stored)) for size, name, stored in plain["chunks"])
    if any(not 0 < chunk.size <= CHUNK for chunk in chunks):
        raise ValueError(f"{path}: a chunk of no possible size")
    of, kept = plain.get("from", (None, 0))
    size, kept = int(plain["size"]), int(kept)
    if kept < 0 or kept + sum(chunk.size for chunk in chunks) != size:
        raise ValueError(f"{path}: its chunks do not make its size")
    journal = None
    if (told := plain.get("journal")) is not None:
        context, family, generation, digest = told
        journal = Journalled(str(context), str(family), int(generation), str(digest))
    return Entry(
        BackedFile(
            path,
            size,
            chunks,
            int(plain["mtime"]),
            int(plain["mode"]),
            int(plain["inode"]),
            bool(plain["settled"]),
            journal,
            bool(plain.get("live")),
            bool(plain.get("cold")),
        ),
        None if of is None else str(of),
        kept,
    )


def _name(text: Any) -> str:
    """The name of an object; it becomes part of a path."""
    if isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return text
    raise ValueError("a chunk's name is no hash")


def _check_path(path: str) -> None:
    """Raise ValueError for a path that leaves the store: manifests may come from anywhere."""
    pure = PurePosixPath(path)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\0" in path or pure.as_posix() != path:
        raise ValueError(f"“{path}” is no path in a store")


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("a list of texts was expected")
    return tuple(values)


def resolve(chain: Iterable[tuple[str, Manifest]]) -> dict[str, BackedFile]:
    """Every file of the last backup of a chain of (where, manifest), the full one first, by path.

    Raises Damaged where one builds on what its parent does not hold.
    """
    files: dict[str, BackedFile] = {}
    for where, manifest in chain:
        before = files
        files = {path: file for path, file in before.items() if path not in manifest.gone}
        for path, entry in manifest.entries.items():
            head: tuple[Chunk, ...] | None = ()
            if entry.of is not None:
                base = before.get(entry.of)
                head = None if base is None else _first(base.chunks, entry.kept)
                if head is None:
                    raise Damaged(f"{where}: {path} goes on from what its parent does not hold.")
            files[path] = entry.file._replace(chunks=(*(head or ()), *entry.file.chunks))
    return files


def _first(chunks: tuple[Chunk, ...], size: int) -> tuple[Chunk, ...] | None:
    """The chunks of the first `size` bytes; None where no chunk ends there."""
    end = 0
    for number, chunk in enumerate(chunks):
        if end >= size:
            return chunks[:number] if end == size else None
        end += chunk.size
    return chunks if end == size else None
