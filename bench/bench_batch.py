"""A batch of analogies through the real engine: staged, checked, durable in transactions of 1,000, and indexed.

It runs in a process of its own, whose memory is measured, with that of the process that follows with the
index. The floor of the journal part is bare orjson, write and fdatasync of the same lines, 1,000 at a time,
in turns with ours. Beside it stands what is known of a comparable program: 181 analogies a second
published, 80 to 5,800 measured; 354.6 records in a MB.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from bench import knowledge
from bench.measure import Bare, Figure, in_turns, median, timed
from store import init_store, records
from store.journal import Draft, Journal
from store.model import TxMeta

ITEMS, FULL_ITEMS = 50_000, 200_000
FEW, MANY = 10_000, 200_000
CHUNK = 1000
ROUNDS = 3
OTHERS_RATE = 181.0
OTHERS_PER_MB = 354.6


def figures(*, full: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        folder = Path(name)
        items = FULL_ITEMS if full else ITEMS
        knowledge.write(folder / "drafts.jsonl", items)
        runs, floors = [], []
        for turn in range(ROUNDS):
            runs.append(_run(folder, items, archive=turn == 0))
            floors.append(timed(lambda: _least(folder)))
        rate, floor = median(items / run["seconds"] for run in runs), items / median(floors)
        name = f"analogies created, durable, indexed, of {items:,}"
        yield Figure(name, "/s", rate, floor, least_of=50_000)
        yield Figure("  beside 181/s published elsewhere (80 to 5,800 measured)", "/s", rate, OTHERS_RATE)
        yield from _journal(folder)
        sizes = runs[0]
        per_mb = items / ((sizes["journal"] + sizes["index"]) / 1e6)
        yield Figure("analogies per MB, journal and index", "/MB", per_mb, least_of=1000)
        yield Figure("  beside 354.6/MB published elsewhere", "/MB", per_mb, OTHERS_PER_MB)
        cold = items / (sizes["cold"] / 1e6)
        yield Figure("analogies per MB in the cold archive", "/MB", cold, least_of=10_000)
        yield from _memory(folder)


def _least(folder: Path) -> None:
    """The least any program does for it: read, parse, write and sync by 1,000, and a table with a key."""
    bare = Bare(folder / "least")
    database = folder / "least.sqlite"
    database.unlink(missing_ok=True)
    conn = sqlite3.connect(database, isolation_level=None)
    conn.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF")
    conn.execute(
        "CREATE TABLE items (seq INTEGER PRIMARY KEY, key TEXT, source TEXT, target TEXT, quality REAL)"
    )
    with (folder / "drafts.jsonl").open("rb") as file:
        while part := list(islice(file, CHUNK)):
            values = [orjson.loads(line) for line in part]
            bare.write(b"".join([orjson.dumps(value) + b"\n" for value in values]))
            rows = [(id(v), v["source_domain"], v["target_domain"], v["quality_score"]) for v in values]
            conn.execute("BEGIN")
            conn.executemany("INSERT INTO items (key, source, target, quality) VALUES (?, ?, ?, ?)", rows)
            conn.execute("COMMIT")
    conn.close()
    os.close(bare.fd)


def _memory(folder: Path) -> Iterator[Figure]:
    """What it takes for few and for many: the process that runs, and the one that indexes."""
    found = []
    for items in (FEW, MANY):
        knowledge.write(folder / "drafts.jsonl", items)
        found.append(_run(folder, items))
    few, many = found
    yield Figure(
        f"memory of the runner, {MANY:,} to {FEW:,} items", "MiB", many["memory"], few["memory"], most=1.5
    )
    yield Figure(f"memory of the indexing process, {MANY:,} items", "MiB", many["children"], limit=300)


# -- a whole run -------------------------------------------------------------------------------------

_RUN = """
import json, os, resource, sys, time
from pathlib import Path
from store import open_store, workflows
from store.knowledge.model import Filter
from store.upkeep import compaction
root, drafts, items, archive = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"
peak = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
size = lambda folder, glob: sum(path.stat().st_size for path in folder.glob(glob) if not path.is_symlink())
with open_store(root) as store:
    begun = time.perf_counter()
    made = workflows.submit(store, "default", "create", drafts, options={"kind": "analogy"})
    done = workflows.run(store, made.id)
    count = store.library.count(Filter(kinds=("analogy",)))
    seconds = time.perf_counter() - begun
    assert (done.state, done.written, count) == ("completed", items, items), done
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    told = {"seconds": seconds, "memory": peak(), "children": children}
    store.library.index.checkpoint()
    store.library.close()
    told["journal"] = store.layout.journal("default", "knowledge").stat().st_size
    told["index"] = size(store.layout.index.parent, "knowledge*")
    if archive:
        compaction.compact(store, "default", "knowledge")
        told["cold"] = sum(path.stat().st_size for path in compaction.freeze_all(store))
print(json.dumps(told))
"""


def _run(folder: Path, items: int, *, archive: bool = False) -> dict[str, Any]:
    """Create and process the drafts in a fresh store, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as name:
        root = init_store(Path(name) / ".coaia")
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                _RUN,
                str(root),
                str(folder / "drafts.jsonl"),
                str(items),
                str(int(archive)),
            ],
            cwd=Path(__file__).resolve().parent.parent,
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# -- the journal part --------------------------------------------------------------------------------


def _journal(folder: Path) -> Iterator[Figure]:
    """Transactions of 1,000 drafts through the journal alone, beside bare writes of the same lines."""
    made = list(islice(knowledge.drafts(20_000), 20_000))
    given = [
        [
            Draft(
                "put",
                f"analogy:{number:032x}",
                1,
                records.dumps({"type": "analogy", "id": f"{number:032x}", **draft}),
            )
            for number, draft in enumerate(made[begin : begin + CHUNK], begin)
        ]
        for begin in range(0, len(made), CHUNK)
    ]
    journal = Journal(
        folder / "journal" / "knowledge.jsonl", "default", "knowledge", recovery=folder / ".recovery"
    )
    meta = TxMeta("workflow.batch", "Create: 1,000 records", "bench", group="bench")
    with journal.writer() as writer:
        writer.append(given[0], by="bench", meta=meta)
    lines = [orjson.loads(line) for line in journal.path.read_bytes().splitlines()[1:]]
    values = [
        [{**lines[0], "key": one.key, "record": orjson.loads(one.raw or b"")} for one in part]
        for part in given
    ]
    bare = Bare(folder / "bare")

    def ours() -> None:
        for part in given:
            with journal.writer() as writer:
                writer.append(part, by="bench", meta=meta)

    def floor() -> None:
        for part in values:
            bare.write(b"".join([orjson.dumps(value) + b"\n" for value in part]))

    times = in_turns(5, {"ours": ours, "floor": floor}, warm=1)
    os.close(bare.fd)
    mine, least = (1e6 / len(made) * median(times[name]) for name in ("ours", "floor"))
    yield Figure("the journal part of it, a record", "µs", mine, least, most=3)
