"""The built-in demo store: a handful of charts in three contexts, with some weeks of history behind them.

Between them the charts are in every state a chart can be in: complete, overdue, due soon, stalled,
worded as a problem, telescoped twice. What else is known (`demo_knowledge`) came in by two workflows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from store import clock, demo_knowledge
from store.charts import add_fact, add_step, complete, create_chart, note, telescope
from store.layout import demo_store
from store.model import DEFAULT
from store.store import Store, init_store, open_store


def make_demo(path: Path | None = None, *, fresh: bool = False) -> Path:
    """Make the demo store at `path` (default: in the user data directory) unless it is there; its folder."""
    root = path or demo_store()
    if fresh and root.exists():
        shutil.rmtree(root)
    if root.exists() and any(root.iterdir()):
        return root
    init_store(root)
    with open_store(root, program="demo") as store:
        for context in ("health", "work"):
            store.contexts.create(context)
        _Past(store).tell()
        store.settle()
    return root


class _Past:
    """Plays the history of the demo store, day by day."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = clock.now()
        self.charts: dict[str, tuple[str, str]] = {}

    def tell(self) -> None:
        """What happened, in the order in which it did."""
        for days, happened in sorted(self._happenings(), key=lambda item: -item[0]):
            with self._ago(days):
                happened()

    def _happenings(self) -> Iterator[tuple[float, Callable[[], object]]]:
        yield (
            41,
            lambda: self._chart(
                "garden",
                DEFAULT,
                "The garden gives vegetables from April to October",
                ["Two raised beds lie fallow", "The soil test came back: good"],
                160,
                ["Draw the bed plan", "Order seed", "Build the cold frame", "Sow the first bed"],
            ),
        )
        yield (
            33,
            lambda: self._chart(
                "release",
                "work",
                "Two colleagues run the release without me",
                ["Only I can release"],
                25,
                ["Write it down", "Let them do one"],
            ),
        )
        yield (
            29,
            lambda: self._chart(
                "run",
                "health",
                "I run ten kilometres with ease — 十公里 🏃",
                ["I run three kilometres and am out of breath"],
                75,
                ["Run three times a week", "Five kilometres without stopping", "Sign up for the spring run"],
            ),
        )
        yield 26, lambda: self._done("release", 0)
        yield (
            24,
            lambda: self._chart(
                "course",
                DEFAULT,
                "I play three Chopin nocturnes from memory for friends",
                ["I can play one nocturne with the score", "I practise twice a week"],
                85,
                [
                    "Learn the B-flat minor nocturne by heart",
                    "Play it once a week for someone",
                    "Choose the other two",
                ],
            ),
        )
        yield (
            21,
            lambda: self._chart(
                "reports",
                "work",
                "Fix the slow reports",
                ["Month-end reports take 40 minutes"],
                18,
                ["Measure where the time goes", "Cache the ledger totals"],
            ),
        )
        yield 17, lambda: self._done("run", 0)
        yield from self._launch()
        yield 11, lambda: demo_knowledge.tell_frames(self.store, DEFAULT)
        yield 9, lambda: self._done("release", 1)
        yield 9 - 0.01, lambda: self.store.run("work", complete, self.charts["release"][1])
        yield 7, lambda: demo_knowledge.tell_analogies(self.store, DEFAULT)
        yield 6, lambda: self._done("course", 0)
        yield 5, lambda: self._done("run", 1)
        yield (
            1,
            lambda: self.store.run(
                DEFAULT, add_fact, self.charts["course"][1], "Maria offered her piano room"
            ),
        )

    def _launch(self) -> Iterator[tuple[float, Callable[[], object]]]:
        """The chart that telescopes twice."""
        yield (
            15,
            lambda: self._chart(
                "launch",
                "work",
                "Version 2 is in the hands of a thousand happy users",
                ["The beta has 140 users", "Sign-up still needs an invitation"],
                45,
                ["Open sign-up to everyone", "Write the launch story", "Answer every question within a day"],
            ),
        )
        yield 13, lambda: self._telescope("open", "launch", 0, "Invitations are sent by hand")
        for number, title in enumerate(
            ("Remove the invitation gate", "Watch the load for a week", "Tell the waiting list")
        ):
            yield 13 - 0.1 * (number + 1), lambda title=title: self._step("open", title)  # type: ignore[misc]
        yield 4, lambda: self._done("open", 0)
        yield (
            3,
            lambda: self.store.run("work", note, self._steps("launch")[1], "Two users agreed to be quoted"),
        )
        yield 2, lambda: self._telescope("load", "open", 1, "No dashboard yet")
        yield 1.9, lambda: self._step("load", "Graph requests and errors")

    @contextmanager
    def _ago(self, days: float) -> Iterator[None]:
        with clock.at(self.now - timedelta(days=days)):
            yield

    def _chart(
        self, name: str, context: str, outcome: str, reality: list[str], days: int, steps: list[str]
    ) -> None:
        due = (clock.today() + timedelta(days=days)).isoformat()
        made = self.store.run(context, create_chart, outcome, reality, due=due, steps=steps)
        self.charts[name] = (context, made.focus or "")

    def _telescope(self, name: str, above: str, step: int, reality: str) -> None:
        context = self.charts[above][0]
        made = self.store.run(context, telescope, self._steps(above)[step], reality=[reality])
        self.charts[name] = (context, made.focus or "")

    def _step(self, chart: str, title: str) -> None:
        context, chart_id = self.charts[chart]
        self.store.run(context, add_step, chart_id, title)

    def _steps(self, chart: str) -> list[str]:
        with self.store.snapshot() as snap:
            return [step.name for step in snap.steps(*self.charts[chart])]

    def _done(self, chart: str, step: int) -> None:
        self.store.run(self.charts[chart][0], complete, self._steps(chart)[step])
