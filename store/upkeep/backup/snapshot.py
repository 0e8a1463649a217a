"""What a backup is of: the other files first, then every journal at one consistent moment.

1. *Chart files and logs are read before the positions of the journals.* So a chart file never
   shows what the journals of the backup do not hold, and what is published anew after a restore is
   never older than what it was.
2. *Positions are those of one moment.* They are read twice; where both readings agree, all of them
   held at once in between, since journals only grow. Where writers are too busy for that, moves are
   held off, every journal is locked, in order, and they are read once more: moves are the only ones
   to take two journals' locks, so nobody waits in a circle.
3. *The bytes up to a position never change within a generation*, and the file read is the one that
   was open when the position was taken, whatever its name leads to later.
4. *Staged items of workflows are read after the positions*: they are on disk before the journal names
   the workflow, and stay until long after it has ended. Of *vectors* the manifests are read first, since
   shards only join; where merging took some away meanwhile, all of them are read again.
5. *Contexts renamed or put away meanwhile* would be in it twice or not at all: their names are
   looked at again afterwards, and everything once more where they changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store import durable, replacing
from store.chartfile import signature
from store.errors import ChartkeepError, Damaged, StorageError
from store.journal_read import holds, pread, read_header
from store.journal_reader import NOWHERE
from store.layout import FAMILIES
from store.model import Position
from store.publish import PublishedLog
from store.syscalls import guard
from store.upkeep.backup.manifest import HOME_FOLDERS

if TYPE_CHECKING:
    from store.store import Store

TRIES = 5
RECOVERY_MOST = 16 << 20
"""Files set aside that are larger stay out of backups: copies of whole journals, replaced states."""
_SKIPPED = (".lock", ".witness", durable.TEMP_SUFFIX, *replacing.OWN)
_BEAT = "beat.json"
"""A heartbeat says nothing of another time."""
_LATER = (".vectors", ".workflows")
_GENERATION = re.compile(rf"({'|'.join(FAMILIES)})\.(\d+)\.jsonl(\.zst)?")
_HASH_END = re.compile(rb'"_h":"([0-9a-f]{32})"\}\n\Z')


class Plain(NamedTuple):
    """A file to be copied whole: where a backup names it, and where it lies."""

    path: str
    source: Path


@dataclass(slots=True)
class Generation:
    """A generation of a journal, open for reading up to `size`. Closed when the last reference goes."""

    path: str
    context: str
    family: str
    number: int
    source: Any
    """A descriptor, or a ColdFile."""
    name: Path
    size: int
    hash: str
    """Hash at its end; "" where the journal is damaged."""
    mtime_ns: int
    mode: int
    inode: int
    live: bool
    cold: bool = False

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes. Raises StorageError."""
        parts = []
        while size > 0 and (part := pread(self.source, size, offset, self.name)):
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return b"".join(parts)

    def holds(self, position: Position) -> bool:
        """True where a line ends there with that hash."""
        return position.offset <= self.size and holds(self.source, position, self.name)

    def __del__(self) -> None:
        if isinstance(self.source, int) and self.source >= 0:
            os.close(self.source)


@dataclass(slots=True)
class Others:
    """The files of a store that are no journals."""

    files: list[Plain] = field(default_factory=list)
    published: list[str] = field(default_factory=list)


def outline(store: Store) -> object:
    """What must be the same before and after: the contexts, and those put away."""
    layout = store.layout
    retired = sorted(entry.name for entry in layout.retired.iterdir()) if layout.retired.is_dir() else []
    return layout.contexts(), sorted(layout.families()), retired


# -- other files -----------------------------------------------------------------------------------


def others(store: Store) -> Others:
    """Chart files first, then settings and what lies in the folders beside them (rule 1)."""
    found, layout = Others(), store.layout
    for context in layout.contexts():
        path = layout.chart_file(context)
        if path.is_file():
            name = path.relative_to(layout.root).as_posix()
            if _as_published(path, layout.journal_dir(context)):
                found.published.append(name)
            else:
                found.files.append(Plain(name, path))
    known = {layout.root / name for name in found.published} | {file.source for file in found.files}
    own = () if layout.single is not None else sorted(layout.root.glob("*.jsonl"))
    for path in (*own, layout.settings):
        if path not in known and path.is_file():
            found.files.append(Plain(path.relative_to(layout.root).as_posix(), path))
    for folder in HOME_FOLDERS:
        if folder not in _LATER:
            found.files.extend(_below(layout.home, folder))
    return found


def vectors(store: Store) -> list[Plain]:
    """The vectors of every context: of each folder the manifest first (rule 4)."""
    files = _below(store.layout.home, ".vectors")
    return sorted(files, key=lambda file: (file.source.parent, file.source.suffix != ".json", file.path))


def staged(store: Store) -> list[Plain]:
    """What was submitted to workflows."""
    return [file for file in _below(store.layout.home, ".workflows") if file.source.name != _BEAT]


def _as_published(chart_file: Path, journal_dir: Path) -> bool:
    """True where a chart file is the very one that was published last: its journal makes it anew."""
    now = signature(chart_file)
    last = PublishedLog(journal_dir / "published.jsonl").last()
    return (
        now is not None
        and last is not None
        and last.kind == "publish"
        and last.signature.same_stat(now)
        and last.position != NOWHERE
    )


def _below(home: Path, folder: str) -> Iterator[Plain]:
    """The files in a folder of the store, but for journals, which are copied by position, and hints."""
    for base, folders, names in os.walk(home / folder):
        here = Path(base).relative_to(home)
        folders.sort()
        if folder == ".recovery":
            folders[:] = [name for name in folders if not name.startswith("replaced")]
        for name in sorted(names):
            path = Path(base) / name
            if name.endswith(_SKIPPED) or path.is_symlink() or _is_journal(here, name):
                continue
            with suppress(FileNotFoundError):
                if path.is_file() and (folder != ".recovery" or path.stat().st_size <= RECOVERY_MOST):
                    yield Plain((here / name).as_posix(), path)


def _is_journal(here: Path, name: str) -> bool:
    if here.parts[0] != ".journal":
        return False
    if len(here.parts) == 2:
        return name.endswith(".jsonl") and name.removesuffix(".jsonl") in FAMILIES
    return len(here.parts) == 3 and here.parts[2] == "archive" and _GENERATION.fullmatch(name) is not None


# -- journals --------------------------------------------------------------------------------------


def journals(store: Store) -> list[Generation]:
    """Every generation of every journal, the live ones as of one moment (rule 2). Raises Locked, StorageError."""
    for _ in range(TRIES):
        first, second = _positions(store), _positions(store)
        if first == second and (pinned := _pinned(store, second)) is not None:
            return pinned
    with ExitStack() as stack:
        timeout, what = store.settings.lock_timeout, "a backup"
        durable.make_dirs(store.layout.journals)
        stack.enter_context(durable.Lock(store.layout.journals / ".moves.lock").held(timeout, what))
        for context, family in sorted(store.layout.families()):
            stack.enter_context(store.journal(context, family).locked(timeout, what, create=False))
        pinned = _pinned(store, _positions(store))
    if pinned is None:
        raise ChartkeepError("The journals changed their files while they were locked; try the backup again.")
    return pinned


def _positions(store: Store) -> dict[tuple[str, str], Position | None]:
    """The end of every journal that has a file; None where it is damaged."""
    found: dict[tuple[str, str], Position | None] = {}
    for context, family in store.layout.families():
        try:
            position = store.journal(context, family).position()
        except Damaged:
            found[context, family] = None
        else:
            if position != NOWHERE:
                found[context, family] = position
    return found


def _pinned(store: Store, positions: dict[tuple[str, str], Position | None]) -> list[Generation] | None:
    """Those positions with their files open (rule 3), and the archives; None where a file was changed meanwhile."""
    made: list[Generation] = []
    for (context, family), position in sorted(positions.items()):
        path = store.layout.journal(context, family)
        try:
            with guard("read", path):
                live = _opened(path, f".journal/{context}/{path.name}", context, family, position)
                if live is None:
                    return None
                made.append(live)
                made.extend(_archived(path.parent / "archive", context, family, live.number))
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # archived or compressed this moment
                return None
            raise
    return made


def _opened(path: Path, name: str, context: str, family: str, position: Position | None) -> Generation | None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stat = os.fstat(fd)
    told = (stat.st_mtime_ns, stat.st_mode & 0o777, stat.st_ino, True)
    made = Generation(name, context, family, 0, fd, path, stat.st_size, "", *told)
    if position is None:
        with suppress(Damaged):
            made.number = read_header(fd, path).generation
        return made
    if read_header(fd, path).generation != position.generation or not made.holds(position):
        return None
    made.number, made.size, made.hash = position
    return made


def _archived(folder: Path, context: str, family: str, below: int) -> Iterator[Generation]:
    """The earlier generations of a journal, plain or compressed, each under its plain name."""
    found: dict[int, str] = {}
    if folder.is_dir():
        for name in sorted(
            entry.name for entry in folder.iterdir()
        ):  # a plain one comes before its compressed copy
            match = _GENERATION.fullmatch(name)
            if match is not None and match[1] == family:
                found.setdefault(int(match[2]), name)
    for number, name in sorted(found.items()):
        if number < below or not below:
            plain = name.removesuffix(".zst")
            yield _archive(folder / name, f".journal/{context}/archive/{plain}", context, family, number)


def _archive(path: Path, name: str, context: str, family: str, number: int) -> Generation:
    cold = path.suffix == ".zst"
    stat = path.stat()
    source: Any = None
    if cold:
        from store.cold import ColdFile

        source = ColdFile(path)
        size = source.size
    else:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        size = stat.st_size
    told = (stat.st_mtime_ns, stat.st_mode & 0o777, stat.st_ino, False, cold)
    made = Generation(name, context, family, number, source, path, size, "", *told)
    end = _HASH_END.search(made.read(max(0, size - 64), min(64, size)))
    made.hash = end[1].decode("ascii") if end else ""
    return made
