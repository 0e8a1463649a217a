"""Whatever the bytes of a file are, reading it ends in an answer or a clear error."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.faults.fuzz import run, targets
from tests.faults.tally import tally

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
SECONDS = 60.0 if FULL else 1.5
NAMES = (
    "journal", "chart-file", "witness", "published-log", "settings", "cold-archive",
    "backup-config.json", "backup-manifests", "backup-objects",
)  # fmt: skip


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", NAMES)
def test_no_input_ends_in_a_traceback_or_a_hang(tmp_path: Path, name: str) -> None:
    seeds, read = targets(tmp_path)[name]
    cases = run(name, seeds, read, tmp_path, random.Random(3), time.monotonic() + SECONDS)
    assert cases > 0
    tally(f"fuzzer, {name}", cases=cases, finds=0)
