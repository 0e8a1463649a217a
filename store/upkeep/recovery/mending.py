"""One journal with all its generations: what is wrong with it, and what a mended one is made of.

`look` reads every generation by itself (`salvage`), the oldest first, each up to the point that is known
to have been acknowledged: what the next generation says of it, for the live one what the witness says,
and without a witness the index. Nothing is changed here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import records
from store.cold import FRAME, ColdFile, is_cold
from store.errors import ChartkeepError, Damaged
from store.journal_read import pread
from store.model import Position
from store.records import FORMAT, FORMAT_VERSION, NO_HASH, BadJson
from store.syscalls import failure
from store.upkeep.recovery.guessing import TAIL, fits
from store.upkeep.recovery.lines import Read, raw_lines
from store.upkeep.recovery.salvage import Salvage
from store.upkeep.recovery.salvaged import Donor, Salvaged

if TYPE_CHECKING:
    from store.journal import Journal
    from store.upkeep.recovery.donors import Donors

_CREATED = re.compile(rb'"created":"([^"]{10,40})"')
_MOST_HEADER = 1 << 16


class Source:
    """A file with a generation in it, open for reading; closed with its last reference."""

    def __init__(self, path: Path | None) -> None:
        """Without a path, or where a cold file is beyond reading, it is read as an empty one."""
        self.path = path
        self.why = "" if path is not None else "it is gone"
        self._fd = -1
        self._cold: ColdFile | None = None
        self.size = 0
        if path is None:
            return
        if is_cold(path):
            try:
                self._cold = ColdFile(path)
                self.size = self._cold.size
            except Damaged as error:
                self.why = str(error)
            return
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self.size = os.fstat(self._fd).st_size
        except OSError as error:
            raise failure(error, "read", path) from error

    def read(self, size: int, offset: int) -> bytes:
        """Bytes of the generation; frames of a cold file that cannot be read are NUL bytes."""
        if self._cold is None:
            return pread(self._fd, size, offset, self.path) if self._fd >= 0 and self.path else b""
        parts, end = [], min(offset + size, self.size)
        while offset < end:
            part = min(end, (offset // FRAME + 1) * FRAME) - offset
            try:
                parts.append(self._cold.pread(part, offset))
            except Damaged:
                parts.append(bytes(part))
            offset += part
        return b"".join(parts)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


@dataclass(slots=True)
class Part:
    """One generation of a journal."""

    number: int
    home: Path
    """Where it belongs, plain."""
    source: Source
    header: dict[str, Any] | None = None
    """What its first line says, where that can be read."""
    found: Salvaged = field(default_factory=lambda: Salvaged(0))
    until: Position | None = None

    @property
    def exact(self) -> bool:
        """True where all that was written is there to the byte."""
        return not self.found.gap and self.found.header and (self.until is None or self.found.met)

    @property
    def changed(self) -> bool:
        """True where the file has to be written anew even though nothing is missing."""
        return not self.found.untouched

    @property
    def end(self) -> Position:
        """Where it ends, if it is exact."""
        return Position(self.number, self.found.end.offset, self.found.end.hash)


@dataclass(slots=True)
class Mending:
    """What was found of one journal. `parts` are its generations, the oldest first."""

    context: str
    family: str
    parts: list[Part]
    witness: Position | None
    witness_bad: bool
    """The witness has to be set anew."""

    @property
    def broken(self) -> int | None:
        """Index of the first generation from which something is missing; None where everything is exact."""
        return next((index for index, part in enumerate(self.parts) if not part.exact), None)

    @property
    def needed(self) -> bool:
        """True where anything has to be done."""
        return self.broken is not None or self.witness_bad or any(part.changed for part in self.parts)

    @property
    def only_torn(self) -> bool:
        """True where nothing but a write that was cut off is in the way: the next commit sees to that."""
        live = self.parts[-1]
        others = any(part.changed for part in self.parts[:-1])
        return self.broken is None and not others and not self.witness_bad and bool(live.found.torn)


def look(journal: Journal, indexed: Position | None, donors: Donors, *, guess: bool = True) -> Mending:
    """Read every generation of a journal. `indexed` is how far the index has read it. Raises StorageError."""
    witness, garbled = journal.witness.read()
    parts = _parts(journal, witness, indexed)
    for index, part in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        part.until = _until(part, after, witness, indexed)
        known = parts[index - 1] if index else None
        part.found = Salvage(
            part.source.read,
            part.source.size,
            donors=_finder(journal, part, known, donors),
            until=part.until,
            guess=guess,
        ).run()
        part.header = _header(part) or part.header
    live = parts[-1]
    ahead = witness is not None and (witness.generation != live.number or not live.exact)
    return Mending(journal.context, journal.family, parts, witness, garbled or ahead)


def _parts(journal: Journal, witness: Position | None, indexed: Position | None) -> list[Part]:
    """All generations there should be, those that are gone too."""
    archived = journal.archived_generations()
    there = journal.path if os.path.lexists(journal.path) else None
    source = Source(there)
    header = read_header_of(source.read)
    stated = header["generation"] if header is not None else 0
    known = indexed.generation if indexed is not None and not stated else 0
    number = max(stated, witness.generation if witness is not None else known)
    number = number or max(archived, default=0) + 1
    live = Part(number, journal.path, source, header)
    if stated and stated != number:  # an earlier generation lies in the place of the live one
        live = Part(number, journal.path, Source(None))
    parts = {number: live}
    lowest = min([*archived, number])
    for generation in range(lowest, number):
        parts[generation] = _archived(journal, generation, generation in archived)
    while (first := parts[lowest].header) is not None and first.get("previous") is not None and lowest > 1:
        lowest -= 1
        parts[lowest] = _archived(journal, lowest, False)
    return [parts[generation] for generation in sorted(parts)]


def _archived(journal: Journal, generation: int, there: bool) -> Part:
    home = journal.archive / f"{journal.family}.{generation}.jsonl"
    source = Source(journal.archived(generation) if there else None)
    return Part(generation, home, source, read_header_of(source.read))


def _until(
    part: Part, after: Part | None, witness: Position | None, indexed: Position | None
) -> Position | None:
    """The point up to which a generation is known to have been written."""
    if after is not None:
        previous = after.header.get("previous") if after.header is not None else None
        if isinstance(previous, dict) and isinstance(previous.get("size"), int):
            return Position(part.number, previous["size"], str(previous.get("hash")))
        return None
    for place in (witness, indexed):
        if place is not None:
            return place if place.generation == part.number else None
    return None


def _finder(journal: Journal, part: Part, before: Part | None, donors: Donors) -> Any:
    def find() -> list[Donor]:
        found: list[Donor] = list(donors.of(journal.context, journal.family, part.number))
        line = _guessed_header(journal, part, before)
        return [_HeaderLine(line), *found] if line is not None else found

    return find


class _HeaderLine:
    """A header that was worked out, offered as a backup offers its bytes."""

    name = "what its first line must have said"

    def __init__(self, line: bytes) -> None:
        self._line = line

    def read(self, size: int, offset: int) -> bytes:
        return self._line[offset : offset + size]


def _guessed_header(journal: Journal, part: Part, before: Part | None) -> bytes | None:
    """The header line from what it must have said, where the line after it confirms it."""
    raws = raw_lines(part.source.read)
    broken = next(raws, None)
    created = _CREATED.search(broken.data) if broken is not None else None
    if broken is None or created is None:
        return None
    line = made_header(
        journal, part, before.end if before is not None else None, created[1].decode("ascii", "replace")
    )
    digest = line[-35:-3].decode("ascii")
    following = next(raws, None)
    return line if following is not None and fits(digest, following.data) else None


def made_header(journal: Journal, part: Part, before: Position | None, created: str) -> bytes:
    """The first line of a generation whose own is lost."""
    previous = None
    if before is not None:
        file = f"archive/{journal.family}.{before.generation}.jsonl"
        previous = {"file": file, "size": before.offset, "hash": before.hash}
    line, _ = records.encode_header(
        generation=part.number,
        created=created,
        context=journal.context,
        family=journal.family,
        previous=previous,
    )
    return line


def read_header_of(read: Read) -> dict[str, Any] | None:
    """What the first line says, where it is the one that was written. Raises TooNew by way of the journal."""
    line, newline, _ = read(_MOST_HEADER, 0).partition(b"\n")
    return parse_header(line + newline)


def parse_header(line: bytes) -> dict[str, Any] | None:
    """A header line as a value; None where it is none that was written by this program or an older one."""
    if len(line) <= TAIL or not fits(NO_HASH, line):
        return None
    try:
        value = records.loads(line)
        good = value["format"] == FORMAT and value["format_version"] <= FORMAT_VERSION
        good = good and isinstance(value["generation"], int)
    except (BadJson, KeyError, TypeError):
        return None
    return value if good else None


def _header(part: Part) -> dict[str, Any] | None:
    """What the salvaged header says."""
    if not part.found.header or not part.found.exact:
        return None
    first = part.found.exact[0]
    if first.data is not None:
        return parse_header(first.data.partition(b"\n")[0] + b"\n")
    return parse_header(part.source.read(_MOST_HEADER, first.offset).partition(b"\n")[0] + b"\n")


def too_new(journal: Journal) -> ChartkeepError | None:
    """The error of a journal that a newer chartkeep wrote: it is not ours to mend."""
    from store.errors import TooNew

    try:
        journal.opened(None)
    except TooNew as error:
        return error
    except ChartkeepError:
        return None
    return None
