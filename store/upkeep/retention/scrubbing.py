"""Where the words of what is erased stand beside the journals: copies set aside, other records, other files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import durable, records, replacing
from store.cold import SUFFIX, ColdFile, is_cold
from store.errors import ChartkeepError
from store.layout import Layout
from store.replacing import Swap
from store.upkeep.retention.words import Words

if TYPE_CHECKING:
    from store.store import Store

_BLOCK = 1 << 20
_MOST = 100
"""Records listed that still hold a text."""
SET_ASIDE = ("damaged-", "replaced-")
"""Begin the names of folders that hold whole journals, or a whole state."""
BINARY = (".sqlite", ".db", ".damaged", "-wal", "-shm")


class Standing(NamedTuple):
    """A live record in which a text still stands that was erased elsewhere."""

    context: str
    key: str
    chart_id: str | None


def standing(store: Store, words: Words, gone: dict[str, set[str]]) -> list[Standing]:
    """Live records that hold a text of what is erased, but for those that are `gone`, by context; the first 100."""
    found: list[Standing] = []
    if not words.texts:
        return found
    with store.snapshot() as snap:
        for context in store.contexts.names():
            if not store.layout.journal(context).exists():
                continue
            journal = store.journal(context)
            for row in snap.live_records(context):
                if row.key in gone.get(context, ()):
                    continue
                raw = journal.record_raw(row.generation, row.offset, row.length)
                if raw is not None and words.found_in(raw):
                    record = snap.record(context, row.key)
                    found.append(Standing(context, row.key, record.chart_id if record else None))
                    if len(found) == _MOST:
                        return found
    for standing in _known(store, words, gone):
        found.append(standing)
        if len(found) == _MOST:
            break
    return found


def _known(store: Store, words: Words, gone: dict[str, set[str]]) -> Iterator[Standing]:
    """The same of records of knowledge, those of rejects among them: these hold what was submitted."""
    from store.knowledge.model import Filter

    for wanted in (Filter(), Filter(kinds=("validation",))) if store.library.contexts() else ():
        for row, raw in store.library.stream(wanted):
            held = raw is not None and row.key not in gone.get(row.context, ())
            if held and raw is not None and words.found_in(raw):
                yield Standing(row.context, row.key, None)


def copies(layout: Layout, keys: set[str], words: Words) -> tuple[list[Path], list[Path]]:
    """Files set aside that hold something of it: those to write anew without, and those to delete whole."""
    anew, whole = [], []
    for path in _files(layout.recovery):
        if path.name.endswith((*replacing.OWN, durable.TEMP_SUFFIX)):
            continue
        if is_cold(path) or path.name.endswith(BINARY):
            if _holds(path, words):
                whole.append(path)
        elif any(left is None for _, left in _lines(path, keys, words)):
            anew.append(path)
    return anew, whole


def folders(layout: Layout, keys: set[str], words: Words) -> list[Path]:
    """Damaged journals and replaced states, set aside whole, that may hold something of it.

    That is what held it for sure, or cannot be read line by line: damage may hide a word.
    """
    found = []
    for folder in sorted(layout.recovery.glob("*-*")):
        whole = folder.is_dir() and folder.name.startswith(SET_ASIDE)
        if whole and any(_doubtful(path, keys, words) for path in _files(folder)):
            found.append(folder)
    return found


def _doubtful(path: Path, keys: set[str], words: Words) -> bool:
    if path.name.endswith(BINARY):
        return True
    rest = b""
    try:
        for block in (*_blocks(path), b"\n"):
            *whole, rest = (rest + block).split(b"\n")
            if any(line and (not _readable(line) or _concerned(line, keys, words)) for line in whole):
                return True
    except ChartkeepError:
        return True
    return False


def _readable(line: bytes) -> bool:
    try:
        return isinstance(records.loads(line), dict)
    except records.BadJson:
        return False


def write_anew(path: Path, keys: set[str], words: Words) -> Swap:
    """Prepare a copy without what is erased, beside it."""
    left = (left for _, left in _lines(path, keys, words) if left is not None)
    return Swap(replacing.prepare(path, path, left), path)


def _lines(path: Path, keys: set[str], words: Words) -> Iterator[tuple[bytes, bytes | None]]:
    """Each line, and what is left of it: all or, where it holds something of it, nothing."""
    rest = b""
    for block in durable.read_blocks(path):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line, None if _concerned(line, keys, words) else line + b"\n"
    if rest:
        yield rest, None if _concerned(rest, keys, words) else rest


def _concerned(line: bytes, keys: set[str], words: Words) -> bool:
    """True for a record or journal line of one of `keys`, and for any other line that holds the words."""
    try:
        value = records.loads(line)
    except records.BadJson:
        return words.found_in(line)
    if not isinstance(value, dict):
        return words.found_in(line)
    if value.get("op") in ("put", "delete") and isinstance(value.get("key"), str):
        return value["key"] in keys
    if records.body_of(value).get("type") in ("entity", "relation"):
        return records.key_of(value, line) in keys
    return words.found_in(line)


def _holds(path: Path, words: Words) -> bool:
    """True where the words stand anywhere in a file; block borders do not hide them."""
    before = b""
    for block in _blocks(path):
        if words.found_in(before[-4096:] + block):
            return True
        before = block
    return False


def _blocks(path: Path) -> Iterator[bytes]:
    if path.name.endswith(SUFFIX):
        try:
            cold = ColdFile(path)
            for offset in range(0, cold.size, _BLOCK):
                yield cold.pread(_BLOCK, offset)
            return
        except ChartkeepError:
            pass  # not one of ours, or damaged: as it lies there
    yield from durable.read_blocks(path)


def _files(folder: Path) -> list[Path]:
    return sorted(Path(top) / name for top, _, names in os.walk(folder) for name in names)


def exports(store: Store, words: Words) -> tuple[list[str], list[str]]:
    """Files noted as exported to that hold the words; and those that could not be looked at, in sentences."""
    from store.upkeep.retention import exported

    found, said = [], []
    for export in exported.noted(store):
        try:
            if _holds(export.path, words):
                found.append(str(export.path))
        except ChartkeepError as error:
            said.append(f"{export.path} could not be looked at: {error}")
    return found, said


def unreachable(store: Store, words: Words) -> list[str]:
    """What holds the words and is not ours to change, in sentences."""
    layout, said = store.layout, []
    strays: Iterable[Path] = layout.root.glob("*.sync-conflict-*") if layout.root.is_dir() else ()
    for path in (*strays, *_files(layout.retired)):
        if not path.is_file():
            continue
        try:
            if _holds(path, words):
                said.append(f"{layout.relative(path)} still holds it: delete that file, or its context.")
        except ChartkeepError as error:
            said.append(f"{layout.relative(path)} could not be looked at: {error}")
    return said
