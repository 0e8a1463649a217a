"""What was submitted to workflows: lines that hold something erased are blanked, each to its very length.

So the cursors of workflows that have not ended still lead to where they led; a blank line is refused as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable, records, replacing
from store.knowledge.kinds import key_of
from store.layout import Layout
from store.replacing import Swap
from store.upkeep.retention.words import content_of

if TYPE_CHECKING:
    from store.upkeep.retention.words import Words


def concerned(layout: Layout, keys: set[str], words: Words) -> list[Path]:
    """The files of submitted items that hold something of it. Raises StorageError."""
    folder = layout.workflows
    files = sorted(folder.glob("*/*.jsonl")) if folder.is_dir() else []
    return [path for path in files if any(old != new for old, new in _lines(path, keys, words))]


def write_anew(path: Path, keys: set[str], words: Words) -> Swap:
    """Prepare a file of submitted items without what is erased, beside it."""
    return Swap(replacing.prepare(path, path, (new for _, new in _lines(path, keys, words))), path)


def _lines(path: Path, keys: set[str], words: Words) -> Iterator[tuple[bytes, bytes]]:
    """Each line, and what is left of it."""
    rest, number = b"", 0
    workflow = path.parent.name
    for block in durable.read_blocks(path):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            number += 1
            yield line + b"\n", _left(line, f"{workflow}/{number}", keys, words) + b"\n"
    if rest:
        yield rest, _left(rest, f"{workflow}/{number + 1}", keys, words)


def _left(line: bytes, place: str, keys: set[str], words: Words) -> bytes:
    return b" " * len(line) if key_of("validation", place) in keys or _holds(line, keys, words) else line


def _holds(line: bytes, keys: set[str], words: Words) -> bool:
    """True for a record that is erased, by its key or by all it says, and for a broken line with its words."""
    try:
        value = records.loads(line)
    except records.BadJson:
        return bool(words.texts) and words.found_in(line)
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("record"), dict) and isinstance(value.get("key"), str):  # of a restore
        return value["key"] in keys
    kind, name = value.get("type"), value.get("id")
    if isinstance(kind, str) and isinstance(name, str) and key_of(kind, name) in keys:
        return True
    return content_of(value) in words.contents
