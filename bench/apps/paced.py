"""A runner that imports at a given pace, as a stream of records would come: `python -m bench.apps.paced STORE RATE SECONDS`.

The workflow is the ordinary one; only that each batch waits until it is due.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from store import open_store, records
from store.workflows import run, submit
from store.workflows.recording import Import
from store.workflows.types import TYPES, Batch, Run

RATE = 10_000


class Paced(Import):
    """Imports so many records a second."""

    def batches(self, run: Run) -> Iterator[Batch]:
        begun, done = time.monotonic(), 0
        for batch in super().batches(run):
            time.sleep(max(0.0, begun + done / RATE - time.monotonic()))
            yield batch
            done += len(batch.items)


def lines(count: int) -> Iterator[bytes]:
    """Typical analogies of some 350 bytes; every thousandth is one to be refused."""
    for number in range(count):
        yield records.dumps(
            {
                "type": "analogy",
                "id": f"analogy-{number}",
                "source_domain": f"domain {number % 17}",
                "target_domain": f"target {number % 13}",
                "quality_score": 7 if number % 1000 == 999 else (number % 100) / 100,
                "concept_mappings": {f"concept {number}": f"image {number}", "flow": "current"},
                "frame_mappings": {"Motion": "Change"},
                "tags": ["bench", f"t{number % 7}"],
                "metadata": {"origin": "bench", "number": number},
            }
        )


def main(words: list[str]) -> int:
    """Import, and print how many records a second it came to."""
    global RATE
    place, rate, seconds = words
    RATE = int(rate)
    TYPES["import"] = "bench.apps.paced:Paced"
    with open_store(place, program="bench") as store:
        made = submit(
            store, "default", "import", lines(int(RATE * float(seconds))), id="paced", title="Import paced"
        )
        begun = time.monotonic()
        done = run(store, made.id)
        print(f"{done.processed / (time.monotonic() - begun):.0f}", flush=True)
    return 0


if __name__ == "__main__":
    import bench.apps.paced as own

    sys.exit(own.main(sys.argv[1:]))
