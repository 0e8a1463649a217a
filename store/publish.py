"""Writing a chart file from the state, and the log of which states were published or absorbed.

Publishing swaps a complete new file with the live one by name. So other programs always read a
whole file, and what was replaced is in hand afterwards: a write that slipped in between is seen
and absorbed, never overwritten unread. Where the system cannot swap, the live file gets a second
name first, then the new one is renamed over it.

The log names, for each published or absorbed content, the journal position it stands for. It is
what lets absorbing ask "what can that program have read?". It is a hint, not the truth: losing it
costs certainty about deletions, never a record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

from store import clock, durable, records
from store.chartfile import Signature, signature
from store.errors import StorageError
from store.filelines import nonfinite
from store.model import Position
from store.syscalls import guard

SURE_SIZE = 16 << 20
"""Bytes up to which a replaced file is compared by content even where size, time and inode agree."""

KEEP_ENTRIES = 256
WINDOW_NS = 10_000_000_000
"""How long before it writes a program is taken to have read; a slower one is told by likeness."""

SLACK_NS = 1_000_000_000
"""Clocks and time stamps of file systems are this coarse."""

MOST_AROUND = 32
_BATCH = 1 << 18


@dataclass(slots=True)
class Published:
    """One publication: what is live now, and what it replaced."""

    path: Path
    """The file written: where `path` was a symbolic link, its target."""
    signature: Signature
    """Of the file now live, with digest."""
    lines: int
    replaced: Path | None = None
    """Where the replaced file lies; None where there was none. `discard` deletes it."""
    was: Signature | None = None
    """Signature of the replaced file just after the swap."""
    slipped: Path | None = None
    """`replaced`, where it did not hold what was expected: read it and absorb it."""

    def still_changing(self) -> bool:
        """True where the replaced file changed after the swap: a writer still had it open.

        Then its new content has to be absorbed too, from `replaced`. Ask again until it is quiet:
        each call compares with what the call before saw.
        """
        if self.replaced is None:
            return False
        now = signature(self.replaced)
        if now is None or self.was is None or now.same_stat(self.was):
            return False
        self.was = now
        self.slipped = self.replaced
        return True

    def discard(self) -> None:
        """Delete the replaced file, once it is absorbed and quiet."""
        if self.replaced is not None:
            durable.remove_file(self.replaced, sync=False)
            self.replaced = self.slipped = None


def publish(path: Path, lines: Iterable[bytes], *, expected: Signature | None) -> Published:
    """Replace the chart file at `path` by one holding `lines`, durably and in constant memory.

    `lines` are exact record bytes, entities before relations; comments are left out. `expected`
    is what the live file was last known to hold, None for no file; with its digest the comparison
    is by content. The file's permissions, and where possible its owner, stay. Raises
    StorageError; the live file is then as it was.
    """
    target = Path(os.path.realpath(path))
    durable.make_dirs(target.parent)
    hashed, count = blake2b(digest_size=16), _Count()
    temp = durable.write_aside(target, _batches(lines, hashed, count))
    made = signature(temp)
    assert made is not None, "it has just been written"
    made = made._replace(digest=hashed.hexdigest())
    _keep_owner(target, temp)
    done = Published(target, made, count.lines)
    try:
        done.replaced = _swap_in(temp, target)
    except StorageError:
        durable.remove_file(temp, sync=False)
        raise
    if done.replaced is not None:
        done.was = signature(done.replaced)
        if not _as_expected(done.replaced, done.was, expected):
            done.slipped = done.replaced
    return done


def published_form(raw: bytes) -> bytes | None:
    """The line other programs get to read for a record; None for a comment, which they cannot.

    NaN and infinities, which make JavaScript refuse the whole file, are written as null; the
    journal keeps them.
    """
    if raw.startswith(b'{"type":"comment"'):
        return None
    if nonfinite(raw):
        return records.dumps(published_value(records.loads(raw)))
    return raw.replace(b"\n", b" ") if b"\n" in raw else raw


def leftovers(path: Path) -> list[Path]:
    """Files a crash left beside the chart file at `path` while it was being published.

    One of them may be a foreign write that had slipped in: absorb each (never at rest, so that
    nothing is deleted for it) before removing it. Half-written ones of our own hold no news.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        return []
    start = f".{target.name}."
    with guard("read", target.parent):
        found = [entry for entry in target.parent.iterdir() if entry.name.startswith(start)]
    return sorted(entry for entry in found if entry.name.endswith(durable.TEMP_SUFFIX))


class _Count:
    lines = 0


def _batches(lines: Iterable[bytes], hashed: Any, count: _Count) -> Iterator[bytes]:
    """The bytes of the file in pieces worth a system call each, hashed and counted on the way."""
    batch: list[bytes] = []
    size = 0
    for raw in lines:
        line = published_form(raw)
        if line is None:
            continue
        count.lines += 1
        batch.append(line)
        size += len(line)
        if size >= _BATCH:
            piece = b"\n".join(batch) + b"\n"
            hashed.update(piece)
            yield piece
            batch.clear()
            size = 0
    if batch:
        piece = b"\n".join(batch) + b"\n"
        hashed.update(piece)
        yield piece


def published_value(value: Any) -> Any:
    """`published_form` of a parsed record: null for every number that is none."""
    if isinstance(value, dict):
        return {name: published_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [published_value(item) for item in value]
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return None
    return value


def _keep_owner(target: Path, temp: Path) -> None:
    """Give the new file the owner of the one it replaces, where this user may."""
    with suppress(OSError):
        old, new = target.stat(), temp.stat()
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.chown(temp, old.st_uid, old.st_gid)


def _swap_in(temp: Path, target: Path) -> Path | None:
    """Make `temp` the live file; returns where the replaced one lies, None where there was none."""
    if not target.exists():
        try:
            durable.link_file(temp, target)
        except StorageError as error:
            if not target.exists():
                raise error
        else:
            durable.remove_file(temp, sync=False)
            return None
    if durable.exchange_file(temp, target):
        durable.sync_dir(target.parent)
        return temp
    second = temp.with_name(temp.name.removesuffix(durable.TEMP_SUFFIX) + ".old" + durable.TEMP_SUFFIX)
    durable.link_file(target, second)
    durable.replace_file(temp, target)
    return second


def _as_expected(replaced: Path, was: Signature | None, expected: Signature | None) -> bool:
    if was is None or expected is None:
        return False
    if expected.digest is None or (was.same_stat(expected) and was.size > SURE_SIZE):
        return was.same_stat(expected)
    found = signature(replaced, digest=True)
    return found is not None and found.same_content(expected)


class Entry(NamedTuple):
    """One line of the log: the content with this signature stands for this position."""

    kind: Literal["publish", "absorb"]
    at: str
    position: Position
    signature: Signature
    lines: int
    bases: tuple[Position, ...] = ()
    """Of an absorption: what the file was compared with. The file showed their values, not ours."""


class PublishedLog:
    """`.journal/<context>/published.jsonl`: what was published and absorbed, newest last.

    Writers hold the lock under which the chart file is published. The file is bounded; lines that
    cannot be read are passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: Signature | None = None
        self._entries: list[Entry] = []

    def entries(self) -> list[Entry]:
        """Every entry kept, oldest first; read again only where the file changed."""
        now = signature(self.path)
        if now is None:
            self._read, self._entries = None, []
        elif self._read is None or not now.same_stat(self._read):
            data = b"".join(durable.read_blocks(self.path))
            self._entries = [entry for line in data.split(b"\n") if (entry := _entry(line)) is not None]
            self._read = now
        return self._entries

    def last(self, kind: Literal["publish", "absorb"] | None = None) -> Entry | None:
        """The newest entry (of that kind), or None."""
        return next((entry for entry in reversed(self.entries()) if kind in (None, entry.kind)), None)

    def knows(self, found: Signature) -> bool:
        """True where a file that looks like this has been published or absorbed: no need to read it."""
        return any(entry.signature.same_stat(found) for entry in self.entries())

    def holds(self, found: Signature | None) -> bool:
        """True where that very content has been published or absorbed: what was erased since is no news in it."""
        return found is not None and any(
            entry.signature.digest is not None and entry.signature.same_content(found)
            for entry in self.entries()
        )

    def around(self, mtime_ns: int) -> list[Position]:
        """The positions a program can have read that wrote at `mtime_ns`, newest first.

        Those published or absorbed within ten seconds before (and a clock's slack after), the one
        that was live when that window began, and the newest of all.
        """
        entries = self.entries()
        inside = [
            entry
            for entry in entries
            if mtime_ns - WINDOW_NS <= entry.signature.mtime_ns <= mtime_ns + SLACK_NS
        ][-MOST_AROUND:]
        before = [entry for entry in entries if entry.signature.mtime_ns < mtime_ns - WINDOW_NS]
        chosen = [*before[-1:], *inside, *entries[-1:]]
        if not before and not inside:
            chosen = [*entries[:1], *chosen]
        return sorted(
            {position for entry in chosen for position in (entry.position, *entry.bases)}, reverse=True
        )

    def pool(self) -> dict[Position, tuple[Position, ...]]:
        """Every position kept, in which the most similar one is looked for, each with its bases."""
        found: dict[Position, tuple[Position, ...]] = {}
        for entry in reversed(self.entries()):
            found[entry.position] = (*found.get(entry.position, ()), *entry.bases)
        return found

    def published(self, position: Position, done: Published) -> None:
        """Note that the file now live holds the state at `position`."""
        self._add(Entry("publish", clock.stamp(), position, done.signature, done.lines))

    def absorbed(
        self, position: Position, found: Signature, lines: int, bases: Iterable[Position] = ()
    ) -> None:
        """Note that the content with this signature has been absorbed, up to `position`.

        `bases` are what it was compared with (`Absorption.positions`): until the next publication
        the file shows values as old as those, and the next program to write can have read them.
        """
        kept = tuple(sorted(set(bases), reverse=True)[:MOST_AROUND])
        self._add(Entry("absorb", clock.stamp(), position, found, lines, kept))

    def lead(self, places: dict[Position, Position]) -> None:
        """Note other positions for the same contents: of a journal that was written anew on purpose.

        Files that look like them stay known: what was erased since is no news in them.
        """
        led = [
            entry._replace(
                position=places.get(entry.position, entry.position),
                bases=tuple(places.get(base, base) for base in entry.bases),
            )
            for entry in self.entries()
        ]
        if led != self.entries():
            durable.write_file(self.path, b"".join(map(_line, led[-KEEP_ENTRIES:])))

    def moved(self, where: Callable[[Position], Position]) -> bytes:
        """The log as it is to be once its journal was chained anew: `where` gives a position's new place.

        It gives the very position back where nothing before it has changed. Other entries know their
        content no longer: a file that looks like it may hold what the journal has lost.
        """
        kept = []
        for entry in self.entries():
            position, seen = where(entry.position), entry.signature
            if position is not entry.position:
                seen = seen._replace(size=-1, digest=None)
            kept.append(
                entry._replace(position=position, signature=seen, bases=tuple(map(where, entry.bases)))
            )
        return b"".join(map(_line, kept))

    def _add(self, entry: Entry) -> None:
        kept = [*self.entries(), entry]
        if self._read is None or len(kept) > 2 * KEEP_ENTRIES:
            durable.make_dirs(self.path.parent)
            durable.write_file(self.path, b"".join(_line(item) for item in kept[-KEEP_ENTRIES:]), sync=False)
            return
        file = durable.AppendFile(self.path)
        try:
            end = file.end()
            torn = end > 0 and file.read(end - 1, 1) != b"\n"
            file.append((b"\n" if torn else b"") + _line(entry))
        finally:
            file.close()


def _line(entry: Entry) -> bytes:
    value = {
        "kind": entry.kind,
        "at": entry.at,
        **entry.position._asdict(),
        **entry.signature._asdict(),
        "lines": entry.lines,
        "bases": entry.bases,
    }
    return records.dumps(value) + b"\n"


def _entry(line: bytes) -> Entry | None:
    """The entry in a line of the log; None where there is none to be read."""
    try:
        value = records.loads(line)
        position = Position(int(value["generation"]), int(value["offset"]), str(value["hash"]))
        digest = value["digest"]
        found = Signature(
            int(value["size"]), int(value["mtime_ns"]), int(value["ino"]), digest and str(digest)
        )
        kind: Literal["publish", "absorb"] = "absorb" if value["kind"] == "absorb" else "publish"
        bases = tuple(Position(int(one), int(two), str(three)) for one, two, three in value.get("bases", ()))
        return Entry(kind, str(value["at"]), position, found, int(value["lines"]), bases)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
        return None
