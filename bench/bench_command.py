"""Adding a step, durably, against a bare append and fdatasync of the same bytes.

In a store of 10 charts and in one of 10,000. *Again* is the next step of a chart that this
process has just worked on, as people work; *another* a chart it has never read, each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import stores
from bench.measure import Bare, Figure, median, timed
from store.charts import add_step
from store.store import Store, open_store

SMALL, LARGE = 10, 10_000
ROUNDS = 120
CHARTS_IN_TURN = 10


class Adding:
    """Adds steps to the charts of one store and writes the same bytes bare, in turns."""

    def __init__(self, path: Path, store: Store) -> None:
        self.store = store
        self.journal = store.journal("default").path
        self.bare = Bare(path.parent / "bare")
        self.ours: list[float] = []
        self.floor: list[float] = []

    def step(self, number: int, turn: int) -> None:
        before = self.journal.stat().st_size
        cid = stores.chart_id(number)
        self.ours.append(timed(lambda: self.store.run("default", add_step, cid, f"Step of turn {turn}")))
        with self.journal.open("rb") as file:
            file.seek(before)
            data = file.read()
        self.floor.append(timed(lambda: self.bare.write(data)))


def figures(*, full: bool) -> Iterator[Figure]:
    rounds = ROUNDS * (3 if full else 1)
    with ExitStack() as stack:
        small, large, cold = (
            _adding(stack, path)
            for path in (stack.enter_context(stores.copied(n)) for n in (SMALL, LARGE, LARGE))
        )
        for turn in range(CHARTS_IN_TURN):
            for adding in (small, large):
                adding.step(turn, 0)
        for adding in (small, large):
            adding.ours.clear()
            adding.floor.clear()
        for turn in range(rounds):
            small.step(turn % CHARTS_IN_TURN, turn)
            large.step(turn % CHARTS_IN_TURN, turn)
            cold.step((turn * 7919 + 5000) % LARGE, turn)
    for name, adding in ((f"{SMALL} charts, again", small), (f"{LARGE:,} charts, again", large)):
        yield Figure(
            f"add a step, {name}", "ms", 1e3 * median(adding.ours), 1e3 * median(adding.floor), most=2
        )
    yield Figure(
        f"add a step, {LARGE:,} charts, another", "ms", 1e3 * median(cold.ours), 1e3 * median(cold.floor)
    )
    yield Figure(
        f"add a step, {LARGE:,} charts to {SMALL}",
        "ms",
        1e3 * median(large.ours),
        1e3 * median(small.ours),
        most=1.3,
    )


def _adding(stack: ExitStack, path: Path) -> Adding:
    return Adding(path, stack.enter_context(open_store(path)))
