"""A task that never ends by itself, for a process apart."""

from __future__ import annotations

import os
import time
from pathlib import Path

from store.store import Store
from store.upkeep.maintenance.tasks import Outcome


def hang(store: Store) -> Outcome:
    """Say which process this is, and wait."""
    (store.root / "hanging").write_text(str(os.getpid()))
    with store.jobs.run("words", "Wait for words"):
        while True:
            time.sleep(0.01)


def runs(folder: Path) -> int:
    """The process that hangs; 0 where none does."""
    try:
        pid = int((folder / "hanging").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return 0
    return 0 if state == "Z" else pid
