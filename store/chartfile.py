"""Reading a chart file: the `charts*.jsonl` other programs write, in whatever state they left it.

Nothing in a file makes this fail. What cannot be read becomes a finding that names file, line
and offset, and its bytes are handed out to be kept; all other lines stay usable. The file is read
as a stream in one pass, which also yields its digest. A caller who holds the current versions
passes `known`, and lines whose bytes it knows are not parsed at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, NamedTuple

import orjson

from store import durable, records
from store.errors import StorageError
from store.filelines import depth, is_text, is_utf8, nonfinite, quick_key, split_lines
from store.model import Finding, Json, Severity
from store.syscalls import guard

KEEP_BYTES = 64 << 20
"""Bytes of broken lines held in memory; beyond that only where they lie."""

DEEPEST = 200
"""Levels of nesting; what lies deeper no reader and writer of JSON agrees on."""

MANY = 1000
"""Findings of one kind kept for a file; the rest is counted."""

HOPELESS = 10_000
"""Broken lines before the first good one after which a file is not looked through further."""

_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 20
_OTHER_SCHEMAS = (frozenset({"from_entity", "to_entity"}), frozenset({"id", "outcome", "reality", "steps"}))


class FileLine(NamedTuple):
    """One record of a chart file. `raw` is the line without its end and outer blanks."""

    line_no: int
    offset: int
    raw: bytes
    key: str
    kind: str
    """`entity`, `relation`, `comment` or `other`."""

    @property
    def value(self) -> Json:
        """The record, parsed anew on each call; a comment as the record that keeps it."""
        value: Json = records.comment_record(self.raw) if self.kind == "comment" else records.loads(self.raw)
        return value


class Broken(NamedTuple):
    """A line that is no record. `data` is its bytes with the line end, None where there are too many."""

    line_no: int
    offset: int
    data: bytes | None
    length: int


class Signature(NamedTuple):
    """What identifies the content a file had at one moment. `digest` is blake2b-128, where it was read."""

    size: int
    mtime_ns: int
    ino: int
    digest: str | None = None

    def same_stat(self, other: Signature) -> bool:
        """True where size, time and inode agree: the usual, cheap test."""
        return self[:3] == other[:3]

    def same_content(self, other: Signature) -> bool:
        """True where both digests are known and agree; where one is not, `same_stat`."""
        if self.digest is None or other.digest is None:
            return self.same_stat(other)
        return self.size == other.size and self.digest == other.digest


@dataclass(slots=True)
class ChartFile:
    """A chart file as read. `lines` holds what has to be looked at, in file order."""

    path: Path
    signature: Signature
    """Taken when reading began; with digest."""
    lines: list[FileLine] = field(default_factory=list)
    unchanged: set[str] = field(default_factory=set)
    """Keys of lines whose very bytes `known` recognised; they are not in `lines`."""
    first: dict[str, int] = field(default_factory=dict)
    """Line number of the first line of every key in the file."""
    broken: list[Broken] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    exists: bool = True
    steady: bool = True
    """False where the file changed while it was read: read it again."""
    torn: bool = False
    """The last line ends in the middle of a record."""
    usable: bool = True
    """False where it is no chart file at all: some other format, nothing but broken lines."""

    @property
    def whole(self) -> bool:
        """True where every line was read: what is missing is missing from the file."""
        return self.exists and self.steady and self.usable and not self.broken

    @property
    def count(self) -> int:
        """Good lines, duplicates included, those of unchanged records counted once."""
        return len(self.lines) + len(self.unchanged)


def signature(path: Path, *, digest: bool = False) -> Signature | None:
    """The signature of a file now, None where there is none. `digest` reads it whole."""
    with guard("read", path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
    text = None
    if digest:
        hashed = blake2b(digest_size=16)
        for block in durable.read_blocks(path):
            hashed.update(block)
        text = hashed.hexdigest()
    return Signature(found.st_size, found.st_mtime_ns, found.st_ino, text)


def read_chart_file(path: Path, *, known: Callable[[str, bytes], bool] | None = None) -> ChartFile:
    """Read a chart file whole, whatever is in it.

    `known(key, raw)` says whether these bytes are the current version of that record. A missing
    file is read as one that does not exist. Raises StorageError where it is not a plain file, or
    the system does not let it be read.
    """
    with guard("read", path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            file = ChartFile(path, Signature(0, 0, 0), exists=False, usable=False)
            _Reader(file, None).note("warning", "missing-file", "there is no such file")
            return file
        if not S_ISREG(found.st_mode):
            raise StorageError(f"Cannot read {path}: it is not a plain file; name a chart file.", path=path)
        with path.open("rb", buffering=0) as handle:
            before = _stat(handle)
            file = ChartFile(path, before)
            reader = _Reader(file, known)
            digest = reader.read(handle)
            file.steady = _stat(handle) == before
    file.signature = before._replace(digest=digest)
    reader.finish()
    return file


def dangling(lines: Iterable[FileLine], name: str = "") -> list[Finding]:
    """Relations and parents in `lines` that lead nowhere: information, never an error.

    `lines` must be the whole file (read without `known`); `name` is what findings call it.
    """
    names: set[str] = set()
    charts: set[str] = set()
    ends: list[tuple[FileLine, str, str]] = []
    for line in lines:
        body = records.body_of(line.value)
        metadata = body.get("metadata") if isinstance(body.get("metadata"), dict) else {}
        if line.kind == "entity":
            names.add(line.key[2:])
            charts.add(line.key[2:].removesuffix("_chart"))
            charts.update(_texts(metadata, "chartId"))
            ends.extend((line, "parent chart", text) for text in _texts(metadata, "parentChart"))
            ends.extend((line, "parent step", text) for text in _texts(metadata, "parentActionStep"))
        elif line.kind == "relation":
            ends.extend((line, "relation end", text) for text in _texts(body, "from", "to"))
    return [
        Finding(
            "info", "dangling", f"the {role} “{text}” is not in the file", name, line.line_no, line.offset
        )
        for line, role, text in ends
        if text not in names and text not in charts
    ][:MANY]


def broken_bytes(file: ChartFile, source: Path | None = None) -> Iterator[bytes]:
    """The bytes of all broken lines, in order; those not in memory from `source` (default: the file)."""
    for broken in file.broken:
        if broken.data is not None:
            yield broken.data
            continue
        with guard("read", source or file.path), (source or file.path).open("rb") as handle:
            handle.seek(broken.offset)
            left = broken.length
            while left and (block := handle.read(min(left, _BLOCK))):
                left -= len(block)
                yield block


def quarantine(recovery: Path, name: str, stamp: str, data: bytes | Iterable[bytes]) -> Path:
    """Keep bytes in the `.recovery` folder, durably, under a name that is new; returns the path.

    `name` says what they are (`charts-work.jsonl`), `stamp` when they were found.
    """
    durable.make_dirs(recovery)
    base = re.sub(r"[^\w.\-]", "_", f"{stamp.replace(':', '')}-{name}")
    path, number = recovery / base, 1
    while path.exists():
        number += 1
        path = recovery / f"{base}.{number}"
    durable.write_file(path, data)
    return path


class _Reader:
    """One pass over one file."""

    def __init__(self, file: ChartFile, known: Callable[[str, bytes], bool] | None) -> None:
        self.file = file
        self._known = known
        self._noted: dict[str, int] = {}
        self._kept = 0
        self._any = False
        self._stopped = False

    def read(self, handle: BinaryIO) -> str:
        """Read every line; returns the digest of all bytes."""
        digest = blake2b(digest_size=16)
        line_no = 0
        for offset, raw, length, ended in split_lines(handle, digest):
            line_no += 1
            if self._stopped:
                continue
            if raw is None:
                self.note("error", "long-line", f"a line of {length:,} bytes is no record", line_no, offset)
                self._broken(line_no, offset, None, length)
            else:
                self._line(line_no, offset, raw, ended)
        return digest.hexdigest()

    def finish(self) -> None:
        """What can be said only of the whole."""
        file = self.file
        if not file.signature.size:
            self.note("warning", "empty-file", "the file is empty")
        if file.broken and not file.lines and not file.unchanged:
            file.usable = False
        if not file.usable:
            self.note(
                "error", "not-a-chart-file", "the file holds another format, not one record to a line", 1, 0
            )
        for code, count in self._noted.items():
            if count > MANY:
                file.findings.append(
                    Finding("warning", code, f"{count - MANY:,} more of these", file.path.name)
                )

    def note(
        self, severity: Severity, code: str, message: str, line: int | None = None, offset: int | None = None
    ) -> None:
        """Record a finding, unless there are too many of its kind already."""
        self._noted[code] = count = self._noted.get(code, 0) + 1
        if count <= MANY:
            self.file.findings.append(Finding(severity, code, message, self.file.path.name, line, offset))

    def _once(self, severity: Severity, code: str, message: str, line: int, offset: int) -> None:
        if code not in self._noted:
            self.note(severity, code, message, line, offset)

    def _line(self, line_no: int, offset: int, raw: bytes, ended: bool) -> None:
        whole = raw
        if line_no == 1 and raw.startswith(_BOM):
            self.note("warning", "bom", "the file begins with a byte order mark", 1, 0)
            raw = raw[len(_BOM) :]
        if raw.endswith(b"\r"):
            self._once("info", "crlf", "lines end in CR LF", line_no, offset)
        raw = raw.strip(b" \t\r\n")
        if not raw:
            return
        if not self._any and not self.file.broken and raw.startswith(b"["):
            self.file.usable = False
        if not ended:
            self._once("info", "no-newline", "there is no newline at the end", line_no, offset)
        if raw.startswith(b"#"):
            self._comment(line_no, offset, raw)
        elif (reason := self._record(line_no, offset, raw)) is not None:
            code = "broken-line" if ended else "torn-line"
            self.file.torn = self.file.torn or not ended
            self.note("error", code, reason, line_no, offset)
            self._broken(line_no, offset, whole + b"\n" if ended else whole, len(whole) + ended)
        else:
            self._any = True

    def _comment(self, line_no: int, offset: int, raw: bytes) -> None:
        self.note("info", "comment", "a comment, which other programs cannot read", line_no, offset)
        key = records.key_of(records.comment_record(raw), raw)
        self._add(FileLine(line_no, offset, raw, key, "comment"))

    def _record(self, line_no: int, offset: int, raw: bytes) -> str | None:
        """Take in a record line; where it is none, the reason."""
        if self._known is not None and (key := quick_key(raw)) is not None and self._known(key, raw):
            if self._seen(key, line_no, offset):
                self._add(FileLine(line_no, offset, raw, key, records.kind_of(key)))
            else:
                self.file.unchanged.add(key)
            return None
        try:
            value = records.loads(raw)
        except records.BadJson as error:
            return "not UTF-8" if not is_utf8(raw) else f"not JSON: {error}"
        if not isinstance(value, dict):
            return "a JSON value, but not an object"
        if raw.count(b"{") + raw.count(b"[") > DEEPEST and depth(value) > DEEPEST:
            return "nested too deeply"
        key = records.key_of(value, raw)
        if not is_text(key):
            # No engine takes such a name: kept byte for byte, like a record of an unknown kind.
            key = "x:" + blake2b(raw, digest_size=8).hexdigest()
        self._seen(key, line_no, offset)
        line = FileLine(line_no, offset, raw, key, records.kind_of(key))
        self._shape(line, value)
        self._add(line)
        return None

    def _seen(self, key: str, line_no: int, offset: int) -> bool:
        """Note the key's line; True where an earlier line has the same key."""
        first = self.file.first.setdefault(key, line_no)
        if first != line_no:
            self.note(
                "warning", "duplicate-name", f"the same record as in line {first}: {key}", line_no, offset
            )
        return first != line_no

    def _add(self, line: FileLine) -> None:
        self.file.first.setdefault(line.key, line.line_no)
        self.file.lines.append(line)

    def _broken(self, line_no: int, offset: int, data: bytes | None, length: int) -> None:
        self._kept += length
        self.file.broken.append(Broken(line_no, offset, data if self._kept <= KEEP_BYTES else None, length))
        if not self._any and len(self.file.broken) >= HOPELESS:
            self.file.usable, self._stopped = False, True

    def _shape(self, line: FileLine, value: Json) -> None:
        """Findings about a good line that others may stumble over."""
        where = (line.line_no, line.offset)
        raw = line.raw
        if b"NaN" in raw or b"Infinity" in raw or b"\\ud" in raw or b"\\uD" in raw:
            self._unusual(line)
        if isinstance(value.get("data"), dict) and records.body_of(value) is not value:
            self._once("info", "wrapper", 'records lie in a {"type":…,"data":…} wrapper', *where)
        if line.kind == "other" and "type" not in value:
            names = value.keys()
            if any(schema <= names for schema in _OTHER_SCHEMAS) or "from_entity" in names:
                self._once(
                    "warning", "foreign-schema", "records of another schema, kept byte for byte", *where
                )
            else:
                self._once("info", "unknown-shape", "an object of no known type, kept byte for byte", *where)

    def _unusual(self, line: FileLine) -> None:
        try:
            orjson.loads(line.raw)
        except ValueError:
            where = (line.line_no, line.offset)
            if nonfinite(line.raw):
                self.note("warning", "not-a-number", "NaN or Infinity, which is no JSON", *where)
            elif not is_text(line.value):
                self.note("info", "lone-surrogate", "half of a surrogate pair in a text", *where)


def _texts(record: Json, *names: str) -> list[str]:
    return [text for name in names if isinstance(text := record.get(name), str)]


def _stat(handle: BinaryIO) -> Signature:
    found = os.fstat(handle.fileno())
    return Signature(found.st_size, found.st_mtime_ns, found.st_ino)
