"""What a store goes through while it is killed: `python -m tests.faults.workload STORE SEED`.

Edits, batches, publishing, absorbing, compaction and backups in an order drawn by chance, a line on
standard output for each that was acknowledged.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

from store import charts, open_store
from store.errors import NotFound, Refused
from store.store import Store

BATCH = 20
STEPS = ["a", "b", "c"]


def say(*words: str) -> None:
    print(*words, flush=True)


def make(store: Store, tag: str) -> None:
    say("chart", str(store.run("default", charts.create_chart, f"Book {tag}", "r", steps=STEPS).focus))


def edit(store: Store, tag: str) -> None:
    with store.snapshot() as snap:
        ids = snap.chart_ids("default")
    if ids:
        name = random.choice(ids)
        store.run("default", charts.add_fact, name, f"fact-{tag}")
        say("fact", name, f"fact-{tag}")


def batch(store: Store, tag: str) -> None:
    path = store.root.parent / f"batch-{tag}.md"
    path.write_text("\n".join(f"# batch-{tag}-{n}" for n in range(BATCH)), encoding="utf-8")
    store.import_file(path, "default")
    say("batch", tag)
    path.unlink()


def foreign(store: Store, tag: str) -> None:
    """Another program adds a line to the chart file."""
    store.settle()
    path = store.layout.chart_file("default")
    with path.open("ab") as file:
        file.write(b'{"type":"entity","name":"foreign-%b","observations":["x"]}\n' % tag.encode())
    store.absorb("default", at_rest=True)
    with store.state("default") as state:
        if state.get(f"e:foreign-{tag}") is not None:
            say("foreign", tag)


def publish(store: Store, _tag: str) -> None:
    store.settle()


def compact(store: Store, _tag: str) -> None:
    from store.upkeep import compaction

    compaction.compact(store, "default")
    say("compact")
    if random.random() < 0.3:
        compaction.freeze_all(store)


def back_up(store: Store, _tag: str) -> None:
    from store.upkeep.backup import taking

    say("backup", taking.take(store).id)


WORK: tuple[tuple[Callable[[Store, str], None], int], ...] = (
    (make, 10), (edit, 30), (batch, 3), (foreign, 4), (publish, 6), (compact, 2), (back_up, 2),
)  # fmt: skip


def main() -> None:
    random.seed(int(sys.argv[2]))
    store = open_store(Path(sys.argv[1]))
    store.catch_up()
    if random.random() < 0.5:
        store.start_background()
    say("open")
    count = 0
    while True:
        count += 1
        work = random.choices([item for item, _ in WORK], [weight for _, weight in WORK])[0]
        try:
            work(store, f"{sys.argv[2]}-{count}")
        except (NotFound, Refused) as error:
            print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
