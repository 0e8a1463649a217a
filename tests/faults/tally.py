"""Counts what the fault tests did, over all test processes; `make faults` prints the sums at the end."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

ENV = "CHARTKEEP_TALLY"


def tally(what: str, **counts: int) -> None:
    """Add to the counts of a kind of fault."""
    path = os.environ.get(ENV)
    if path:
        line = json.dumps([what, counts]) + "\n"
        with open(path, "a", encoding="utf-8") as file:
            file.write(line)


def lines(path: Path) -> list[str]:
    """The sums, a line for each kind of fault."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in path.read_text(encoding="utf-8").splitlines():
        what, counts = json.loads(line)
        for name, count in counts.items():
            sums[what][name] += count
    return [
        f"{what}: " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
        for what, counts in sorted(sums.items())
    ]
