"""The next generation of a journal: written aside while readers and writers go on, swapped in under the lock.

1. What is carried over are ranges of bytes: a line's hash is checked against the line before it, its place
   and hash are made anew, and the record within is never parsed. Damage is never carried over: it is told.
   Of many lines another process checks the hashes meanwhile (`line_check`); its answer is awaited before the swap.
2. Nearly everything is written and synced without the lock, as of a position of the journal. Under the lock
   follow only the newest versions of what was committed after it, deletions too. Where that position is no
   longer on the chain, or another generation began, nothing was done (`OffChain`) and the caller starts again.
3. The old generation is synced, then linked into the archive, durably, then the new one is renamed over its
   name. A crash leaves the old one in place or the new one with the old one archived whole. A file left
   aside by a crash is removed by the next compaction (`leftovers`).
4. The header names the generation before, with the size and hash at the position. Where more was committed
   after it, the last line carried over says in its `tx` where the generation before ended (`ends_as_told`).
5. One compaction at a time: callers hold `exclusive`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock
from store.carrying import CARRIED, Carrying, Place, not_written, said
from store.durable import (
    TEMP_SUFFIX,
    AppendFile,
    Lock,
    link_file,
    make_dirs,
    maker,
    move,
    remove_file,
    replace_file,
    write_aside,
)
from store.errors import StorageError
from store.journal_read import (
    OffChain,
    ReadFile,
    ends_transaction,
    pread,
    raw_lines,
)
from store.line_check import Check
from store.locks import running
from store.model import Position
from store.records import BadJson, Draft, decode_line, encode_header

if TYPE_CHECKING:
    from store.journal import Journal

__all__ = ["CARRIED", "Swapped", "compact", "ends_as_told", "exclusive", "leftovers", "start"]

_ROUNDS = 5
_FEW = 64
"""Keys committed meanwhile that are left to be carried over under the lock."""
_AGE = 86_400.0


class Swapped(NamedTuple):
    """A generation that was begun."""

    position: Position
    """The end of what was carried over."""
    archived: Path
    """Where the generation before lies now."""
    before: int
    """Bytes of it."""
    lines: int
    """Lines carried over."""
    locked: float
    """Seconds for which the journal's lock was held."""


@contextmanager
def exclusive(journal: Journal, timeout: float = 0.0) -> Iterator[None]:
    """Hold what keeps a second compaction of the journal out. Raises Locked."""
    with Lock(journal.path.with_suffix(".compact")).held(timeout, "compaction"):
        yield


def leftovers(path: Path) -> list[Path]:
    """Files that a crash left beside the journal at `path`, for the holder of `exclusive`."""
    found = path.parent.glob(f".{path.name}.*{TEMP_SUFFIX}")
    return sorted(file for file in found if _forsaken(file))


def _forsaken(file: Path) -> bool:
    """True where the process that wrote the file is gone, or the file is too old to be in use."""
    with suppress(OSError):
        if clock.now().timestamp() - file.stat().st_mtime > _AGE:
            return True
    return not running(maker(file))


# -- while readers and writers run -----------------------------------------------------------------


def compact(
    journal: Journal,
    start: Position,
    places: Iterable[Place],
    *,
    timeout: float = 60.0,
    told: Callable[[int], None] | None = None,
) -> Swapped:
    """Archive this generation and go on with the lines at `places`, which are the live ones as of `start`.

    `told(lines)` hears how many were carried over. Raises OffChain where `start` does not hold any more (rule 2),
    Damaged for a line that is not what was written, Locked, StorageError; the journal is as it was then.
    """
    reader = journal.opened(journal.witnessed())
    if reader is None or not ends_transaction(reader.fd, start, reader.header, journal.path):
        raise OffChain(f"{journal.path} has no transaction ending at {start}.")
    header, digest = _header(journal, start)
    carrying = Carrying(journal, len(header), digest)
    temp = _write(journal, reader, carrying, header, places, told)
    try:
        aside = AppendFile(temp)
        try:
            position, held_back = _catch_up(journal, aside, carrying, start)
            make_dirs(journal.archive)
            return _swap(journal, aside, carrying, position, held_back, timeout)
        finally:
            aside.close()
    except BaseException:
        with suppress(StorageError):
            remove_file(temp, sync=False)
        raise


def _write(
    journal: Journal,
    reader: ReadFile,
    carrying: Carrying,
    header: bytes,
    places: Iterable[Place],
    told: Callable[[int], None] | None,
) -> Path:
    """The new generation, written aside; where there are many lines they are checked by another process meanwhile."""
    columns = getattr(places, "columns", None)
    if columns is None or not isinstance(reader.fd, int):
        return write_aside(journal.path, carrying.chunks(header, places, told))
    check = Check(reader.fd, reader.header.generation, columns)
    try:
        temp = write_aside(
            journal.path, carrying.chunks(header, places, told, checked=reader.header.generation)
        )
        try:
            bad = check.bad(lambda size, at: pread(reader.fd, size, at, reader.path))
            if bad is not None:
                raise not_written(reader.fd, bad, reader.path)
        except BaseException:
            with suppress(StorageError):
                remove_file(temp, sync=False)
            raise
        return temp
    finally:
        check.stop()


def _catch_up(
    journal: Journal, aside: AppendFile, carrying: Carrying, position: Position
) -> tuple[Position, dict[str, Place]]:
    """Carry over what was committed meanwhile until little is left for the lock; where that is, and one line kept back.

    One is kept back since the last line carried over has to say where the generation ended (rule 4).
    """
    kept: dict[str, Place] = {}
    for _ in range(_ROUNDS):
        late, position = _newest(journal, position)
        kept.update(late)
        if len(late) <= _FEW:
            break
        *first, last = kept
        aside.append(b"".join(carrying.blocks(kept.pop(key) for key in first)))
        kept = {last: kept[last]}
    aside.sync()
    return position, kept


def _newest(journal: Journal, after: Position) -> tuple[dict[str, Place], Position]:
    """The place of the newest version of each key committed after a position, and the end of them."""
    found: dict[str, Place] = {}
    for tx in journal.read(after):
        for line in tx.lines:
            found.pop(line.key, None)
            found[line.key] = line[:3]
        after = tx.position
    return found, after


def _swap(
    journal: Journal,
    aside: AppendFile,
    carrying: Carrying,
    position: Position,
    kept: dict[str, Place],
    timeout: float,
) -> Swapped:
    """What has to happen under the lock."""
    with journal.locked(timeout, "compaction", create=False):
        begun = clock.monotonic()
        file, end = journal.ready(create=False)
        if end.generation != position.generation:
            raise OffChain(f"{journal.path} has begun generation {end.generation} meanwhile.")
        late, _ = _newest(journal, position)
        if rest := list({**kept, **late}.values()):
            data = b"".join(carrying.blocks(rest[:-1]))
            aside.append(data + carrying.sealing(rest[-1], end))
            aside.sync()
        _sync(journal, file)
        made = _put_in_place(journal, aside.path, end, carrying)
        archived = journal.plain_archive(end.generation)
        return Swapped(made, archived, end.offset, carrying.lines, clock.monotonic() - begun)


def _sync(journal: Journal, file: AppendFile) -> None:
    """Make the generation that ends durable; where that fails its descriptor is not used again."""
    try:
        file.sync()
    except StorageError:
        journal.forget_file(file)
        raise


def _put_in_place(journal: Journal, temp: Path, end: Position, carrying: Carrying) -> Position:
    """Link the present generation into the archive and rename the new one over it; the new end."""
    archived = journal.plain_archive(end.generation)
    if archived.exists() and not archived.samefile(journal.path):
        # Not this generation, whose name it has: kept, since nobody knows where it comes from.
        make_dirs(journal.recovery)
        move(archived, journal.recovery / f"{journal.context}-{archived.name}-{clock.file_stamp()}")
    if not archived.exists():  # else an earlier attempt got this far
        link_file(journal.path, archived)
    replace_file(temp, journal.path)
    journal.forget_file()
    made = Position(end.generation + 1, carrying.offset, carrying.hash)
    try:
        journal.witness.advance(made)
        journal.carried.advance(made)
    except StorageError as error:
        journal.note("warning", "witness-not-written", str(error))
    return made


# -- under the lock, from whatever the caller has --------------------------------------------------


def start(
    journal: Journal, file: AppendFile, end: Position, live: Iterable[bytes | Draft], by: str
) -> Position:
    """Begin the next generation with the lines and drafts of `live`; the new position. Wants the journal's lock."""
    _sync(journal, file)
    header, digest = _header(journal, end)
    carrying = Carrying(journal, len(header), digest)
    temp = write_aside(journal.path, carrying.given(header, live, by))
    make_dirs(journal.archive)
    return _put_in_place(journal, temp, end, carrying)


def _header(journal: Journal, end: Position) -> tuple[bytes, str]:
    archived = journal.plain_archive(end.generation)
    return encode_header(
        generation=end.generation + 1,
        created=clock.stamp(),
        context=journal.context,
        family=journal.family,
        previous={"file": f"archive/{archived.name}", "size": end.offset, "hash": end.hash},
    )


# -- checking --------------------------------------------------------------------------------------


def ends_as_told(newer: ReadFile, end: Position) -> bool:
    """True where a generation may end at `end` by what the one after it, `newer`, says (rule 4)."""
    told = newer.header.previous
    if told is None:
        return False
    for line in raw_lines(newer.fd, newer.header.end, newer.path, None):
        if b',"tx":{' not in line:
            continue
        with suppress(BadJson):
            meta = decode_line(line).tx
            if meta is not None and meta.get("cmd") == CARRIED:
                return meta.get("group") == said(end)
            if meta is not None:  # what was carried over ended before
                break
    return (told.get("size"), told.get("hash")) == (end.offset, end.hash)
