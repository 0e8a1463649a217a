"""What the UI costs while another process imports 10,000 records a second and the workflow pane shows it.

The app runs in a terminal of its own; CPU is of its process alone, over some seconds of the import. The
floor is the same app on the same store with nothing going on.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench import ptybench, stores
from bench.bench_cli import program
from bench.bench_screen import READY
from bench.measure import Figure, median

RATE = 10_000
SECONDS = 8.0
ROUNDS, FULL_ROUNDS = 1, 3
CHARTS = 200
LIMIT = 5.0
"""Per cent of a CPU."""
VIEWS = {
    "the pane": ("g", "w"),
    "the pane, zoomed": ("g", "w", "_"),
    "the workflow's own screen": ("g", "w", "enter"),
}
"""What is looked at, and the keys that lead there."""


def figures(*, full: bool) -> Iterator[Figure]:
    for view, keys in VIEWS.items():
        seen = [_watched(keys) for _ in range(FULL_ROUNDS if full else ROUNDS)]
        idle, busy, sent, rate = (median(values) for values in zip(*seen, strict=True))
        yield Figure(f"CPU of the UI at 10,000 records/s, {view}", "%", busy, idle, limit=LIMIT)
        yield Figure(f"written to the terminal, {view}", "B/s", sent)
        yield Figure(f"records imported meanwhile, {view}", "/s", rate)


def _watched(keys: tuple[str, ...]) -> tuple[float, float, float, float]:
    """(per cent of a CPU at rest, during the import, bytes a second then, records a second)."""
    with stores.copied(CHARTS) as store:
        (store / "chartkeep.toml").write_text("[upkeep]\nin_ui = false\n")
        with ptybench.Terminal([*program(), "--store", str(store)]) as terminal:
            terminal.wait_for(READY, 30)
            terminal.settle(1.5)
            idle, _ = _spent(terminal, 2.0)
            runner = _runner(store)
            try:
                terminal.wait_for("Import paced", 60)
                for key in keys:
                    terminal.press(key)
                    terminal.settle(0.3)
                terminal.wait_for(r"\d/s", 20)
                busy, sent = _spent(terminal, SECONDS)
                terminal.parse()
                if "left" not in terminal.text():
                    raise RuntimeError(f"the import is not on the screen any more:\n{terminal.text()}")
                rate = float(runner.communicate(timeout=120)[0])
            finally:
                runner.kill()
                runner.wait()
        return idle, busy, sent, rate


def _runner(store: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "bench.apps.paced", str(store), str(RATE), str(SECONDS + 8)]
    root = Path(__file__).resolve().parent.parent
    return subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=root)


def _spent(terminal: ptybench.Terminal, seconds: float) -> tuple[float, float]:
    """(per cent of a CPU, bytes a second) of the app's own process over some seconds."""
    own = psutil.Process(terminal.process.pid)
    before, sent, begun = sum(own.cpu_times()[:2]), terminal.received, ptybench.monotonic()
    while (left := begun + seconds - ptybench.monotonic()) > 0:
        terminal.read(left)
    took = ptybench.monotonic() - begun
    return 100 * (sum(own.cpu_times()[:2]) - before) / took, (terminal.received - sent) / took
