"""Reading a journal: its header, whole transactions with the chain checked, and what damage looks like.

Reading takes no lock and holds one block in memory. A transaction is given only when all of its
lines are there; what follows the last whole one is either a *torn tail* (a write that was cut
off, nothing in it was ever acknowledged) or *damage*. It is torn where

- it ends without a newline, or its bad line holds NUL bytes (a block the disk never got; JSON
  escapes them), or all its lines are good and the last ones are missing, and
- no line after it belongs to another transaction.

Everything else that breaks the chain is damage, named by file, line and offset.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from store.cold import ColdFile, is_cold
from store.errors import ChartkeepError, Damaged, TooNew
from store.model import Op, Position, TxMeta
from store.records import FORMAT, FORMAT_VERSION, NO_HASH, BadJson, chain, loads
from store.syscalls import failure
from store.txmeta import meta_of

BLOCK = 1 << 18
Source = int | ColdFile
"""Where the bytes of a generation come from: a descriptor, or a cold archive."""

_HEADER_MAX = 1 << 16
_TAIL = 41
"""Bytes of `,"_h":"<32 hex>"}` at the end of a line, without the newline."""

_LINE_END = re.compile(rb',"_t":\["[0-9a-f]+",(\d+),(\d+)\],"_h":"([0-9a-f]{32})"\}\n\Z')
_LINE_START = re.compile(rb',"_t":\["([0-9a-f]+)",\d+,\d+\],"_h":"[0-9a-f]{32}"\}\Z')


class Line(NamedTuple):
    """One record version in a journal. `raw` is the record's own bytes, None for a delete."""

    generation: int
    offset: int
    length: int
    """Bytes of the whole line, its newline with it."""
    op: Op
    key: str
    ver: int
    at: str
    by: str
    raw: bytes | None

    def value(self) -> Any:
        """The record as a value; None for a delete."""
        return None if self.raw is None else loads(self.raw)


class Tx(NamedTuple):
    """One transaction, whole. `end` is the offset after its last line, `hash` that line's `_h`."""

    tx: str
    generation: int
    offset: int
    end: int
    at: str
    by: str
    meta: TxMeta | None
    lines: tuple[Line, ...]
    hash: str

    @property
    def position(self) -> Position:
        """The point right after it."""
        return Position(self.generation, self.end, self.hash)


class OffChain(ChartkeepError, LookupError):
    """A position that is not on the journal's chain: whoever holds it must start again from the beginning."""


class Header(NamedTuple):
    """A journal's first line."""

    generation: int
    created: str
    context: str
    family: str
    previous: dict[str, Any] | None
    end: int
    hash: str

    @property
    def position(self) -> Position:
        """The point before the first transaction."""
        return Position(self.generation, self.end, self.hash)


class Tail(NamedTuple):
    """Where the last whole transaction ends, and why the bytes after it, if any, are none."""

    position: Position
    size: int
    """Bytes after `position`; 0 where there are none."""
    damage: Damaged | None
    """Set where those bytes are damage and not merely torn."""


class ReadFile:
    """One generation of a journal, plain or cold, held open for reading; closed when the last reference goes."""

    def __init__(self, path: Path) -> None:
        """Open and check the header. Raises StorageError, Damaged, TooNew."""
        self.path = path
        self.fd: Source = -1
        if is_cold(path):
            self.fd = ColdFile(path)
            self.identity = self.fd.identity
        else:
            try:
                self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                found = os.fstat(self.fd)
            except OSError as error:
                raise failure(error, "read", path) from error
            self.identity = (found.st_dev, found.st_ino)
        self.header = read_header(self.fd, path)

    @property
    def size(self) -> int:
        """Bytes of the generation, as it would be plain."""
        return size_of(self.fd, self.path)

    def __del__(self) -> None:
        if isinstance(self.fd, int) and self.fd >= 0:
            os.close(self.fd)


def pread(source: Source, size: int, offset: int, path: Path) -> bytes:
    """`os.pread` of a generation, with its errors told as StorageError. Raises Damaged for a cold one."""
    if isinstance(source, ColdFile):
        return source.pread(size, offset)
    try:
        return os.pread(source, size, offset)
    except OSError as error:
        raise failure(error, "read", path) from error


def size_of(source: Source, path: Path) -> int:
    """Bytes of a generation, as it would be plain."""
    if isinstance(source, ColdFile):
        return source.size
    try:
        return os.fstat(source).st_size
    except OSError as error:
        raise failure(error, "read", path) from error


def read_header(fd: Source, path: Path) -> Header:
    """The first line, checked. Raises Damaged, TooNew, StorageError."""
    line, newline, _ = pread(fd, _HEADER_MAX, 0, path).partition(b"\n")
    try:
        if not newline:
            raise BadJson("it has no whole first line")
        found = loads(line)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise BadJson("its first line is no journal header")
        version = found.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise TooNew(
                f"{path} was written by a newer chartkeep (format {version}, this one knows "
                f"{FORMAT_VERSION}). Install the newer version to open it; nothing was changed."
            )
        if chain(NO_HASH, line[:-_TAIL]) != found["_h"]:
            raise BadJson("its first line is not what was written")
        return Header(
            found["generation"],
            found["created"],
            found["context"],
            found["family"],
            found["previous"],
            len(line) + 1,
            found["_h"],
        )
    except (BadJson, KeyError) as error:
        why = error.args[0] if isinstance(error, BadJson) else "its first line lacks members"
        raise damaged(path, 1, 0, f"{why}") from None


def damaged(path: Path, line: int, offset: int, why: str) -> Damaged:
    """A Damaged error that says where, why, and what to do."""
    return Damaged(
        f"{path}, line {line}, offset {offset}: {why}. Nothing is written to a damaged journal; "
        "run `chartkeep verify` to see all of the damage, and restore a backup.",
        path=path,
        line=line,
        offset=offset,
    )


def holds(fd: Source, position: Position, path: Path) -> bool:
    """True where a line ends at `position.offset` with `position.hash`. One small read."""
    want = b'"%b"}\n' % position.hash.encode("ascii", "replace")
    start = position.offset - len(want)
    return start >= 0 and pread(fd, len(want), start, path) == want


def ends_transaction(fd: Source, position: Position, header: Header, path: Path) -> bool:
    """True where `position` is on this journal's chain and a transaction (or the header) ends there."""
    if position.generation != header.generation or position.offset < header.end:
        return False
    if position.offset == header.end:
        return position.hash == header.hash
    size = min(128, position.offset)
    found = _LINE_END.search(pread(fd, size, position.offset - size, path))
    return found is not None and found[1] == found[2] and found[3].decode("ascii") == position.hash


def line_number(fd: Source, offset: int, path: Path) -> int:
    """The number, from 1, of the line that starts at `offset`."""
    number, at = 1, 0
    while at < offset:
        block = pread(fd, min(BLOCK, offset - at), at, path)
        if not block:
            break
        number += block.count(b"\n")
        at += len(block)
    return number


class Scanner:
    """Walks the transactions of one open journal from a position; `tail` says how it ended.

    One scanner serves one walk, in one thread.
    """

    def __init__(self, fd: Source, path: Path, start: Position, *, upto: int | None = None) -> None:
        self.fd = fd
        self.path = path
        self.position = start
        self.upto = upto
        self.tail: Tail | None = None

    def transactions(self) -> Iterator[Tx]:
        """Whole transactions, in order. Raises Damaged.

        A mismatch is looked at twice: a writer may have cut back a failed write in between.
        """
        yield from self._walk()
        for _ in range(2):
            if self.tail is None or self.tail.damage is None:
                return
            time.sleep(0.01)
            yield from self._walk()
        if self.tail is not None and self.tail.damage is not None:
            raise self.tail.damage

    def _walk(self) -> Iterator[Tx]:
        """One pass from `position` to the end or the first bad byte; sets `tail`."""
        generation, offset, digest = self.position
        last = digest.encode()
        lines: list[Line] = []
        origin, total, meta = b"", 0, None
        new, read = tuple.__new__, orjson.loads  # this loop runs a million times: no calls it can do without
        for line in raw_lines(self.fd, offset, self.path, self.upto):
            body = line[:-_TAIL]
            last = blake2b(last + body, digest_size=16).hexdigest().encode()
            if line[-_TAIL:] != b',"_h":"' + last + b'"}':
                break
            text, _, rest = body.partition(b',"record":')
            raw, _, place = rest.rpartition(b',"_t":[')
            if not rest:
                text, _, place = body.rpartition(b',"_t":[')
            try:
                head = read(text + b"}")
            except ValueError:
                head = _head(text)
                if not head:
                    break
            if not lines:
                meta, origin, total = head.get("tx"), b'"%x",' % offset, _total(place)
            nth = len(lines) + 1
            if place != b"%b%d,%d]" % (origin, nth, total):
                break
            start, offset = offset, offset + len(line) + 1
            op, key, ver, at, by = head["op"], head["key"], head["ver"], head["at"], head["by"]
            lines.append(new(Line, (generation, start, offset - start, op, key, ver, at, by, raw or None)))
            if nth == total:
                self.position = end = new(Position, (generation, offset, last.decode()))
                yield _transaction(end, lines, meta)
                lines = []
        self.tail = self._judge(offset)

    def _judge(self, bad: int) -> Tail:
        """What the bytes after the last whole transaction are; `bad` is where reading stopped."""
        end = self.position.offset
        size = size_of(self.fd, self.path) - end
        if size <= 0 or (self.upto is not None and end >= self.upto):
            return Tail(self.position, 0, None)
        if self._cut_off(bad) and not self._others_follow(end):
            return Tail(self.position, size, None)
        number = line_number(self.fd, bad, self.path)
        why = "the line is not what was written there, or a line before it is missing or doubled"
        return Tail(self.position, size, damaged(self.path, number, bad, why))

    def _others_follow(self, end: int) -> bool:
        """True where a line after `end` belongs to a transaction that starts elsewhere."""
        for line in raw_lines(self.fd, end, self.path, None):
            found = _LINE_START.search(line)
            if found is not None and int(found[1], 16) != end:
                return True
        return False

    def _cut_off(self, bad: int) -> bool:
        """True where the line at `bad` is cut off, missing, or was never written out."""
        at = bad
        while block := pread(self.fd, BLOCK, at, self.path):
            line, newline, _ = block.partition(b"\n")
            if b"\0" in line:
                return True
            if newline:
                return False
            at += len(block)
        return True


def _head(text: bytes) -> dict[str, Any]:
    """A line's members before the record, where orjson refused them; none where they are not JSON."""
    try:
        found = loads(text + b"}")
    except BadJson:
        return {}
    return found if isinstance(found, dict) else {}


def _transaction(end: Position, lines: list[Line], meta: dict[str, Any] | None) -> Tx:
    """The transaction of `lines`, which ends at `end`."""
    first = lines[0]
    where = f"{end.generation}:{first.offset:x}"
    told = meta_of(meta) if meta is not None else None
    fields = (
        where,
        end.generation,
        first.offset,
        end.offset,
        first.at,
        first.by,
        told,
        tuple(lines),
        end.hash,
    )
    return tuple.__new__(Tx, fields)


def _total(place: bytes) -> int:
    """How many lines the transaction has, by the `_t` of one; 0 where that is none."""
    count = place[place.rfind(b",") + 1 : -1]
    return int(count) if count.isdigit() else 0


def raw_lines(fd: Source, offset: int, path: Path, upto: int | None) -> Iterator[bytes]:
    """Whole lines without their newline from `offset`, a block in memory; stops at `upto` or the end."""
    parts: list[bytes] = []
    while upto is None or offset < upto:
        want = BLOCK if upto is None else min(BLOCK, upto - offset)
        block = pread(fd, want, offset, path)
        if not block:
            return
        offset += len(block)
        parts.append(block)
        if b"\n" in block:
            whole = b"".join(parts).split(b"\n")
            parts = [whole.pop()]
            yield from whole
