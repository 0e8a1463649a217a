"""What the library lists, written to a file: one record a line, byte for byte as its journal has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import Refused, UsageError
from store.knowledge.model import Found
from tui.library_reading import SORTS, Place, Query

if TYPE_CHECKING:
    from store.jobs import Progressing
    from store.store import Store

CHUNK = 1 << 18
"""Bytes written at once."""


def check(path: Path) -> None:
    """Raise UsageError for a path that nothing can be written to, while the question still stands."""
    said = hint(str(path))
    if path.exists() or not path.parent.is_dir():
        raise UsageError(said)


def hint(line: str) -> str:
    """What a file name will lead to, while it is typed."""
    path = Path(line.strip()).expanduser()
    if not line.strip():
        return ""
    if path.exists():
        return f"{path} exists; choose another name."
    return "one JSON record a line" if path.parent.is_dir() else f"{path.parent} is no folder."


def write(store: Store, path: Path, query: Query, places: Sequence[Place] = ()) -> str:
    """Write these records, or all that the query lists, to a new file; a sentence that says so."""
    from store import durable

    if path.exists():
        raise Refused(f"{path} exists already. Name another file.")
    total = len(places) or store.library.count(query.filter)
    with store.jobs.run("export", f"Writing {path.name}", total) as job:
        counted = _Counting(job)
        durable.write_file(path.absolute(), counted.chunks(_records(store, query, places)))
    return f"Wrote {path}: {counted.records:,} records, {counted.bytes:,} bytes."


def _records(store: Store, query: Query, places: Sequence[Place]) -> Iterator[bytes]:
    found: Iterator[Found]
    if places:
        found = (store.library.record(context, key) for context, key in places)
    else:
        found = store.library.stream(query.filter, *SORTS[query.sort][:2])
    return (each.raw for each in found if each.raw is not None)


class _Counting:
    """Joins records into chunks and tells the job how far it is."""

    def __init__(self, job: Progressing) -> None:
        self._job = job
        self.records = self.bytes = 0

    def chunks(self, raws: Iterator[bytes]) -> Iterator[bytes]:
        """The lines, a few hundred kilobytes at once."""
        held = bytearray()
        for raw in raws:
            held += raw
            held += b"\n"
            self.records += 1
            if len(held) >= CHUNK:
                self.bytes += len(held)
                yield bytes(held)
                held.clear()
                self._job.at(self.records)
        self.bytes += len(held)
        yield bytes(held)
