"""Verifying journals against reading and hashing the same bytes; the index; what a part at a time costs.

The floor reads the file in blocks and feeds them to one blake2b: no program that checks a keyed or
chained hash over every byte does with less. Lines are a little under 300 bytes, in transactions of 15.
Memory is that which a process of its own adds while it verifies.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from bench import stores
from bench.measure import Figure, in_turns, median
from store import records
from store.cold import freeze
from store.journal import Draft, Journal

LINES, FULL_LINES = 100_000, 1_000_000
EACH = 15


def figures(*, full: bool) -> Iterator[Figure]:
    lines = FULL_LINES if full else LINES
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        folder = Path(name)
        journal = filled(stores.journal_in(folder), lines)
        yield _chain(journal, lines)
        yield _memory(folder)
        yield _cold(journal, lines)
    charts = lines // stores.LINES_EACH
    with stores.copied(charts) as store:
        yield from _whole(store, charts)


def drafts(count: int) -> Iterator[Draft]:
    """Records of some 100 bytes, so that their lines come to a little under 300."""
    for number in range(count):
        record = {
            "type": "entity",
            "name": f"note_{number}",
            "entityType": "note",
            "observations": [stores.words(number, 3)],
        }
        yield Draft("put", f"e:note_{number}", 1, records.dumps(record))


def filled(journal: Journal, lines: int) -> Journal:
    """`journal` with so many lines."""
    rest = drafts(lines)
    while batch := list(islice(rest, 100 * EACH)):
        with journal.writer() as writer:
            for start in range(0, len(batch), EACH):
                writer.append(batch[start : start + EACH], by="bench", meta=stores.META)
    return journal


def _chain(journal: Journal, lines: int) -> Figure:
    def floor() -> None:
        hashed = blake2b(digest_size=16)
        with journal.path.open("rb", buffering=0) as file:
            while block := file.read(1 << 20):
                hashed.update(block)

    def ours() -> None:
        assert list(journal.check()) == []

    gc.collect()
    times = in_turns(7, {"ours": ours, "floor": floor}, warm=1)
    size = journal.path.stat().st_size / 1e6
    name = f"verify {lines:,} lines, {size:,.0f} MB"
    most = 2 if lines >= FULL_LINES else None  # starting a process counts for less in a large file
    return Figure(name, "ms", 1e3 * median(times["ours"]), 1e3 * median(times["floor"]), most=most)


_CHECK = """
import resource, sys
from pathlib import Path
from bench.stores import journal_in
journal = journal_in(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert list(journal.check()) == []
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def _memory(folder: Path) -> Figure:
    done = subprocess.run(
        [sys.executable, "-c", _CHECK, str(folder)],
        cwd=Path(__file__).resolve().parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return Figure("memory that verifying adds", "MiB", float(done.stdout), limit=32)


def _cold(journal: Journal, lines: int) -> Figure:
    """The same generation archived and compressed; the floor also decompresses it."""
    from store.cold import ColdFile

    journal.start_generation([])
    cold = ColdFile(freeze(journal.archived(1)))

    def floor() -> None:
        hashed = blake2b(digest_size=16)
        for block in cold.blocks():
            hashed.update(block)

    times = in_turns(3, {"ours": lambda: list(journal.check()), "floor": floor})
    name = f"verify {lines:,} lines, compressed"
    return Figure(name, "ms", 1e3 * median(times["ours"]), 1e3 * median(times["floor"]))


def _whole(path: Path, charts: int) -> Iterator[Figure]:
    """A store with index and chart file: all of it, and a call of the rolling verification."""
    from store.store import open_store
    from store.upkeep.verification import verify

    with open_store(path) as store:
        begun = time.perf_counter()
        found = store.verify()
        yield Figure(f"verify a store of {charts:,} charts whole", "s", time.perf_counter() - begun)
        assert not [item for item in found if item.severity == "error"], found[:3]
        verify.rolling(store, 0.05)
        calls = [_timed_call(store) for _ in range(20)]
        yield Figure("a call of the rolling verification, median", "ms", 1e3 * median(calls))


def _timed_call(store: object) -> float:
    from store.upkeep.verification import verify

    begun = time.perf_counter()
    verify.rolling(store, 0.05)  # type: ignore[arg-type]
    return time.perf_counter() - begun
