"""Compaction of a journal half of which is superseded, beside a durable plain copy of the same file.

The rewriting goes through the charts in another order than the writing, as people do. Ours runs in a
process of its own, whose memory is measured; writers in other processes wait only while the lock is held.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench import stores
from bench.measure import Figure, median, timed
from store import init_store, open_store, records
from store.charts import names
from store.journal import Draft

LINES, FULL_LINES = 100_000, 1_000_000
COPIES = 3
BLOCK = 1 << 20


def figures(*, full: bool) -> Iterator[Figure]:
    lines = FULL_LINES if full else LINES
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        store = _half_superseded(Path(name), lines)
        journal = stores.journal_of(store).path
        floors = [timed(lambda: _copy(journal)) for _ in range(COPIES)]
        done = subprocess.run(
            [sys.executable, "-c", _COMPACT, str(store)],
            cwd=Path(__file__).resolve().parent.parent,
            check=True,
            capture_output=True,
            text=True,
        )
        ours = json.loads(done.stdout)
        archived = store / ".journal/default/archive/charts.1.jsonl"
        floors += [timed(lambda: _copy(archived)) for _ in range(COPIES)]
        floor = median(floors)
        assert ours["dropped"] == ours["lines"] == lines // 2 // stores.LINES_EACH * stores.LINES_EACH
        yield Figure(f"compaction of {lines:,} lines, half superseded", "s", ours["seconds"], floor, most=6)
        yield Figure("memory of the process that compacts", "MiB", ours["memory"], limit=300)
        yield Figure("time for which writers wait", "ms", 1e3 * ours["locked"], limit=50)
        yield Figure("the index following", "s", ours["followed"], floor)


def _half_superseded(folder: Path, lines: int) -> Path:
    """A store with an index, in whose journal every record was written twice."""
    store = init_store(folder)
    charts = lines // 2 // stores.LINES_EACH
    with open_store(store) as opened:
        journal = stores.fill(opened.journal("default"), charts)
        rest = _again(charts)
        while batch := list(islice(rest, stores.CHUNK)):
            with journal.writer() as writer:
                writer.append(batch, by="bench", meta=stores.META)
        opened.rebuild()
        opened.index.checkpoint()
    return store


def _again(charts: int) -> Iterator[Draft]:
    """Every record once more, chart after chart, all over the store."""
    for place in range(charts):
        number = place * 7919 % charts
        for record in (*stores.entities(number), *stores.relations(number)):
            record["metadata"] = {**record.get("metadata", {}), "updatedAt": "2026-11-21T08:00:00.000Z"}
            yield Draft("put", names.key_of(record), 2, records.dumps(record))


def _copy(path: Path) -> None:
    """The floor: read the file, write it beside, fsync."""
    copy = path.with_suffix(".copy")
    source = os.open(path, os.O_RDONLY)
    target = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    while block := os.read(source, BLOCK):
        os.write(target, block)
    os.fsync(target)
    os.close(source)
    os.close(target)
    copy.unlink()


_COMPACT = """
import json, resource, sys, time
from store import open_store
from store.upkeep import compaction
store = open_store(sys.argv[1])
begun = time.perf_counter()
done = compaction.compact(store, "default")
whole = time.perf_counter() - begun
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({**done._asdict(), "archived": "", "followed": whole - done.seconds, "memory": memory}))
"""
