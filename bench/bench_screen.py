"""The app in a terminal, beside a bare Textual app with a Tree of 200 nodes, and 100,000 charts beside 200.

A key's time is until the last thing it changes on the screen: the cursor and the chart pane that
follows it. Programs take turns, each started afresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench import ptybench, stores
from bench.measure import Figure, median, percentile

FEW, MANY = 200, 100_000
ROUNDS, FULL_ROUNDS = 3, 7
READY = "stands in full"
KEYS = ("down",) * 20 + ("up",) * 10 + ("down",) * 10
FLOOR = [sys.executable, str(Path(__file__).parent / "apps" / "tree200.py")]


class Runs:
    """What was seen of one program over all rounds."""

    def __init__(self, command: list[str], ready: str) -> None:
        self.command = command
        self.ready = ready
        self.seen: list[ptybench.Session] = []

    def again(self) -> None:
        self.seen.append(ptybench.run(self.command, self.ready, keys=KEYS))

    def value(self, name: str) -> float:
        """The median over the rounds."""
        return median([getattr(session, name) for session in self.seen])

    def times(self, name: str) -> list[float]:
        """Of every key that changed something."""
        found = (getattr(key, name) for session in self.seen for key in session.keys)
        return [value for value in found if value is not None]


def figures(*, full: bool) -> Iterator[Figure]:
    from bench.bench_cli import program

    bare = Runs(FLOOR, "Action step 1.2")
    few, many = (Runs([*program(), "--store", str(stores.kept(charts))], READY) for charts in (FEW, MANY))
    for _ in range((FULL_ROUNDS if full else ROUNDS) + 1):
        for runs in (bare, few, many):
            runs.again()
    for runs in (bare, few, many):
        del runs.seen[0]  # byte code and pages of the first round
    yield from _beside(few, bare, f"{FEW} charts", start=1.6, key=1.5, late=2.0, memory=True)
    yield from _beside(many, few, f"{MANY:,} charts to {FEW}", start=1.5, key=1.5, late=1.5, memory=False)


def _beside(
    ours: Runs, floor: Runs, what: str, *, start: float, key: float, late: float, memory: bool
) -> Iterator[Figure]:
    sizes = {"kb_key": 1024.0, "held": 2048.0, "page": 15 * 1024.0} if memory else {}
    yield Figure(
        f"first useful frame, {what}", "ms", ours.value("ready_ms"), floor.value("ready_ms"), most=start
    )
    yield Figure(
        f"memory, {what}", "MiB", ours.value("rss_mib"), floor.value("rss_mib"),
        limit=60 if memory else None, most=None if memory else 1.5,
    )  # fmt: skip
    yield Figure(f"written while idle, {what}", "B/s", ours.value("idle_bytes_s"), limit=0)
    yield Figure(f"CPU while idle, {what}", "%", ours.value("idle_cpu"), floor.value("idle_cpu"))
    for name, member in (("key to cursor", "first"), ("key to all at rest", "last")):
        mine, theirs = ours.times(member), floor.times(member)
        yield Figure(f"{name}, median, {what}", "ms", median(mine), median(theirs), most=key)
        yield Figure(
            f"{name}, p95, {what}", "ms", percentile(mine, 0.95), percentile(theirs, 0.95), most=late
        )
    yield Figure(
        f"bytes per key, {what}",
        "B",
        median(ours.times("sent")),
        median(floor.times("sent")),
        limit=sizes.get("kb_key"),
    )
    yield Figure(
        f"bytes per held key, {what}",
        "B",
        ours.value("held_bytes"),
        floor.value("held_bytes"),
        limit=sizes.get("held"),
    )
    yield Figure(f"held key, lag, {what}", "ms", ours.value("held_lag_ms"), floor.value("held_lag_ms"))
    yield Figure(
        f"bytes per page down, {what}",
        "B",
        ours.value("page_bytes"),
        floor.value("page_bytes"),
        limit=sizes.get("page"),
    )
    yield Figure(f"quitting, {what}", "ms", ours.value("quit_ms"), floor.value("quit_ms"))
