"""The journal: one durable transaction, a streaming read with the chain checked, a large batch.

Floors: append and fdatasync of the same bytes; orjson parsing the same lines; one write and
fdatasync of the same bytes.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from bench import stores
from bench.measure import Bare, Figure, in_turns, median
from store.journal import Draft

COMMITS = 500


def figures(*, full: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        folder = Path(name)
        yield _append(folder, COMMITS * (4 if full else 1))
        yield _batch(folder)
        yield _read(folder, 1_000_000 if full else 60_000)


def _append(folder: Path, commits: int) -> Figure:
    journal = stores.journal_in(folder / "append")
    drafts = _drafts(3)
    stores.commit(journal, drafts)
    start = journal.path.stat().st_size
    stores.commit(journal, drafts)
    data = journal.path.read_bytes()[start:]
    bare = Bare(folder / "bare")
    times = in_turns(
        commits, {"ours": lambda: stores.commit(journal, drafts), "floor": lambda: bare.write(data)}
    )
    return Figure(
        "journal: a durable transaction of 3 lines",
        "ms",
        1e3 * median(times["ours"]),
        1e3 * median(times["floor"]),
        most=2,
    )


def _batch(folder: Path) -> Figure:
    journal = stores.journal_in(folder / "batch")
    drafts = _drafts(10_000)
    stores.commit(journal, drafts)
    data = journal.path.read_bytes()
    bare = Bare(folder / "bare-batch")
    times = in_turns(5, {"ours": lambda: stores.commit(journal, drafts), "floor": lambda: bare.write(data)})
    return Figure(
        "journal: 10,000 records in one transaction",
        "ms",
        1e3 * median(times["ours"]),
        1e3 * median(times["floor"]),
    )


def _read(folder: Path, lines: int) -> Figure:
    journal = stores.fill(stores.journal_in(folder / "read"), lines // stores.LINES_EACH, chunk=3)

    def parse() -> None:
        with journal.path.open("rb") as file:
            for line in file:
                orjson.loads(line)

    def read() -> None:
        for _ in journal.read():
            pass

    gc.collect()
    gc.freeze()
    times = in_turns(5, {"ours": read, "floor": parse}, warm=1)
    per_line = 1e6 / lines
    ours, floor = (per_line * median(times[name]) for name in ("ours", "floor"))
    return Figure(f"journal: streaming read of {lines:,} lines, a line", "µs", ours, floor, most=3)


def _drafts(count: int) -> list[Draft]:
    return list(islice(stores.drafts(count // stores.LINES_EACH + 1), count))
