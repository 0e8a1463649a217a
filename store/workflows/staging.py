"""The staged items of a workflow: what was submitted, copied aside and synced before anything else.

They lie in `.workflows/<id>/items.jsonl` and are read a block at a time. A cursor is `[line, offset]`:
so many lines were gone through, so many bytes they took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from store import durable
from store.errors import NotFound, UsageError
from store.syscalls import guard
from store.workflows.types import Staged

if TYPE_CHECKING:
    from store.layout import Layout

BLOCK = 1 << 18
ITEMS = "items.jsonl"
Source = Path | IO[bytes] | Iterable[bytes] | None
"""Where items come from: a file by its path, one that is open, or the items one by one."""


def folder_of(layout: Layout, workflow_id: str) -> Path:
    """Where a workflow keeps what belongs to it."""
    return layout.workflows / workflow_id


def items_of(layout: Layout, workflow_id: str) -> Path:
    """Its staged items."""
    return folder_of(layout, workflow_id) / ITEMS


def stage(path: Path, source: Source) -> int:
    """Write the items to `path`, synced; how many lines they are. Raises StorageError, NotFound, UsageError."""
    counter = _Counter()
    durable.write_file(path, counter.counted(blocks(source)))
    return counter.lines


def blocks(source: Source) -> Iterator[bytes]:
    """The bytes of the items, each on a line. Raises NotFound, StorageError, UsageError."""
    if isinstance(source, Path):
        if not source.is_file():
            raise NotFound(f"{source} is not a file. Name a file with one record on each line (JSONL).")
        yield from durable.read_blocks(source)
    elif source is not None and hasattr(source, "read"):
        while block := source.read(BLOCK):
            yield block
    else:
        for item in source or ():
            if b"\n" in item.rstrip(b"\n"):
                raise UsageError("An item holds a line break: each must be one line of JSON.")
            yield item if item.endswith(b"\n") else item + b"\n"


class _Counter:
    """Counts the lines that go through it."""

    def __init__(self) -> None:
        self.lines = 0

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        last = b""
        for chunk in chunks:
            self.lines += chunk.count(b"\n")
            last = chunk[-1:] or last
            yield chunk
        if last and last != b"\n":
            self.lines += 1


def lines_in(path: Path) -> int:
    """How many lines a file has. Raises StorageError."""
    counter = _Counter()
    for _ in counter.counted(durable.read_blocks(path)):
        pass
    return counter.lines


def chunks(path: Path, cursor: Any, size: int, longest: int) -> Iterator[tuple[list[Staged], list[int]]]:
    """The items after a cursor, at most `size` at a time, each with the cursor after them."""
    line, offset = cursor or (0, 0)
    found: list[Staged] = []
    new = tuple.__new__
    for raw, length, whole in _lines(path, offset, longest):
        line += 1
        offset += length
        found.append(
            new(Staged, (line, raw, True) if whole and len(raw) <= longest else (line, raw[:longest], False))
        )
        if len(found) >= size:
            yield found, [line, offset]
            found = []
    if found:
        yield found, [line, offset]


def _lines(path: Path, offset: int, longest: int) -> Iterator[tuple[bytes, int, bool]]:
    """(line without its newline, bytes it takes, whether it is whole) from `offset` on, a block at a time."""
    rest, skipped = b"", 0
    with guard("read", path), path.open("rb", buffering=0) as file:
        file.seek(offset)
        while block := file.read(BLOCK):
            first, newline, more = block.partition(b"\n")
            if len(rest) > longest:
                skipped += len(first)
            else:
                rest += first
            if not newline:
                continue
            yield rest, len(rest) + skipped + 1, not skipped
            *lines, rest = more.split(b"\n")
            skipped = 0
            for line in lines:
                yield line, len(line) + 1, True
        if rest:
            yield rest, len(rest) + skipped, not skipped
