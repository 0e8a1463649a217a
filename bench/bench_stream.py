"""Streaming every record of a context as its exact bytes, the hash chain checked on the way.

The floor reads and hashes the same journal line by line as the chain asks, and gives nothing. Beside it
stands what a comparable program publishes: 110,845 records a second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from bench import knowledge
from bench.measure import Figure, median, timed
from store import init_store, open_store, workflows

ITEMS, FULL_ITEMS = 100_000, 400_000
ROUNDS = 5
OTHERS_RATE = 110_845.0


def figures(*, full: bool) -> Iterator[Figure]:
    items = FULL_ITEMS if full else ITEMS
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        root = init_store(Path(name) / ".coaia")
        drafts = Path(name) / "drafts.jsonl"
        knowledge.write(drafts, items)
        with open_store(root) as store:
            made = workflows.submit(store, "default", "create", drafts, options={"kind": "analogy"})
            workflows.run(store, made.id)
            store.library.sync()
            journal = store.layout.journal("default", "knowledge")
        floors, ours, alone = [], [], []
        for _ in range(ROUNDS):
            floors.append(items / timed(lambda: _hash(journal)))
            ours.append(_streamed(root, items, helped=True))
            alone.append(_streamed(root, items, helped=False))
        rate, floor = median(one["rate"] for one in ours), median(floors)
        yield Figure(f"streaming {items:,} records, chain checked", "/s", rate, floor, least_of=400_000)
        yield Figure("  beside 110,845/s published elsewhere", "/s", rate, OTHERS_RATE)
        yield Figure("  by one process alone", "/s", median(one["rate"] for one in alone), floor)
        yield Figure(
            "memory of the process that streams", "MiB", median(one["memory"] for one in ours), limit=120
        )


def _hash(path: Path) -> None:
    digest = b""
    with path.open("rb") as file:
        for line in file:
            digest = blake2b(digest + line[:-43], digest_size=16).hexdigest().encode()


_STREAM = """
import json, sys, time
from pathlib import Path
from store import open_store
from store.knowledge.model import Filter
from store.knowledge.streaming import stream
with open_store(Path(sys.argv[1])) as store:
    store.library.sync()
    begun = time.perf_counter()
    count = sum(map(len, stream(store, Filter(kinds=("analogy",)), helped=sys.argv[3] == "1")))
    seconds = time.perf_counter() - begun
    assert count == int(sys.argv[2]), count
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"rate": count / seconds, "memory": peak}))
"""


def _streamed(root: Path, items: int, *, helped: bool) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _STREAM, str(root), str(items), str(int(helped))],
        cwd=Path(__file__).resolve().parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
