"""Run the benchmarks and print one table: figure, floor, ours, ratio, target, and whether it is met.

    python -m bench                 all of them, at sizes that take a few minutes
    python -m bench command cli     those named
    python -m bench --full          at the sizes the targets are set for
    python -m bench --json          one JSON document per figure and line

The exit code is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module

from bench.measure import HEAD, Figure, row

BENCHMARKS = {
    "journal": "one durable transaction, streaming read, a large batch",
    "command": "adding a step, in small and large stores",
    "crowd": "eight processes that commit at once",
    "compaction": "a new generation of a journal half of which is superseded",
    "index": "rebuild and sync of the index",
    "verify": "verification of journals, index and a whole store",
    "queries": "what the screens ask the index",
    "cli": "headless commands",
    "importing": "the first look at a bare chart file",
    "batch": "a batch of analogies: rate, journal part, size, memory",
    "stream": "records streamed with the chain checked",
    "screen": "start, memory, idle and keys of the app through a terminal",
    "workflow_pane": "what the UI costs while it shows an import of 10,000 records a second",
    "maintain": "what the upkeep costs while nothing is due",
    "backup": "full and incremental backups, restore",
    "vectors": "archives of vectors, their recall, search and embedding",
    "live": "another program's write until it is on screen",
}


def main() -> int:
    """Run what was asked for; 1 where a target is missed."""
    listing = "\n".join(f"  {name:<15}{what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"Measure chartkeep beside its floors.\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    parser.add_argument("--full", action="store_true", help="the sizes the targets are set for; takes long")
    parser.add_argument("--json", action="store_true", help="one JSON document per figure")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if not options.json:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
        print(row(HEAD), flush=True)
    missed = 0
    for name in options.names or BENCHMARKS:
        for figure in import_module(f"bench.bench_{name}").figures(full=options.full):
            missed += not figure.ok
            show(figure, as_json=options.json)
    return int(missed > 0)


def show(figure: Figure, *, as_json: bool) -> None:
    """Print one figure as soon as it is there."""
    print(json.dumps(figure.plain()) if as_json else row(figure.cells()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
