"""Power fails at any moment: every state a disk may then hold opens, with all that was acknowledged and nothing by halves."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from store import charts, init_store, open_store
from store.store import Store
from tests.faults.powerloss import Disk, Op, Recorder
from tests.faults.tally import tally
from tests.store.test_erasing import SECRET, holding
from tests.stores import chart, live

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
DRAWN = 6 if FULL else 1
"""States drawn by chance at each point, beside the two extremes."""
EVERY = 1 if FULL else 3
"""Cut the power behind every so-manieth effect."""
PARTS = ("_chart", "_desired_outcome", "_current_reality", "_action_1", "_action_2")


def edits(store: Store, record: Recorder) -> None:
    """Charts, facts, an undo."""
    for n in range(3):
        record.said(f"chart {chart(store, f'Book {n}', 'a', 'b')}")
    name = chart(store, "Last", "a", "b")
    record.said(f"chart {name}")
    for n in range(3):
        store.run("default", charts.add_fact, name, f"Fact {n}")
        record.said(f"fact {name} Fact {n}")
    record.said(f"undoing {name} Fact 2")
    store.undo()
    record.said(f"undone {name} Fact 2")


def publishing(store: Store, record: Recorder) -> None:
    """The chart file is published, rewritten by another program, wiped by a third."""
    name = chart(store, "Ours", "a", "b")
    record.said(f"chart {name}")
    store.settle()
    path = store.layout.chart_file("default")
    theirs = b'{"type":"entity","name":"theirs","entityType":"note","observations":["x"]}\n'
    record.foreign(path, path.read_bytes() + theirs)
    store.absorb(at_rest=True)
    record.said("theirs")
    store.settle()
    record.foreign(path, b"")
    store.absorb(at_rest=True)
    store.settle()
    record.said(f"chart {name}")


def contexts(store: Store, record: Recorder) -> None:
    """A context is made, a chart moved there, the context renamed."""
    name = chart(store, "Moving", "a", "b")
    record.said(f"chart {name}")
    store.move("default", [name], "work")
    record.said(f"chart {name}")
    store.settle()
    store.contexts.rename("work", "craft")
    record.said(f"chart {name}")


def generations(store: Store, record: Recorder) -> None:
    """The journal is compacted between edits."""
    from store.upkeep import compaction

    name = chart(store, "Kept", "a", "b")
    for n in range(4):
        store.run("default", charts.add_fact, name, f"Fact {n}")
        record.said(f"fact {name} Fact {n}")
    compaction.compact(store, "default")
    record.said(f"fact {name} Fact 3")
    store.run("default", charts.add_fact, name, "Later")
    record.said(f"fact {name} Later")
    compaction.freeze_all(store)
    record.said(f"fact {name} Fact 0")


def backups(store: Store, record: Recorder) -> None:
    """A backup is taken between edits."""
    from store.upkeep.backup import taking

    name = chart(store, "Kept", "a", "b")
    record.said(f"chart {name}")
    record.said(f"backup {taking.take(store).id}")
    store.run("default", charts.add_fact, name, "Later")
    record.said(f"fact {name} Later")
    record.said(f"backup {taking.take(store).id}")


# -- what needs a store that has been through something before the power can fail ---------------------


def with_a_past(root: Path) -> None:
    """A chart that is to be erased, in two generations and two contexts, and one that stays."""
    from store.upkeep import compaction

    with open_store(root) as store:
        stays = chart(store, "Stays", "a", "b")
        secret = chart(store, f"{SECRET} in spring", "a", "b")
        store.run("default", charts.add_fact, secret, f"No {SECRET} ticket")
        compaction.compact(store, "default")
        store.run("default", charts.add_fact, stays, "Fact")
        store.move("default", [secret], "work")
        store.settle()


def erasing(store: Store, record: Recorder) -> None:
    """A chart is erased for good; another is worked on before and after."""
    from store.upkeep.erasing import What, erase

    (secret,) = _ids(store, "work")
    (stays,) = _ids(store, "default")
    record.said(f"fact {stays} Fact")
    record.said(f"erasing {secret}")
    erase(store, What(charts=(("work", secret),)))
    record.said(f"erased {secret}")
    store.run("default", charts.add_fact, stays, "Later")
    record.said(f"fact {stays} Later")


def with_a_hole(root: Path) -> None:
    """A journal part of which reads as zeros; the chart file has what was live."""
    with open_store(root) as store:
        name = chart(store, "Book", "a", "b")
        chart(store, "House", "a", "b")
        store.run("default", charts.add_fact, name, "Fact")
        store.settle()
        journal = store.layout.journal("default")
    data = journal.read_bytes()
    journal.write_bytes(data[:2500] + bytes(1500) + data[4000:])


def recovering(store: Store, record: Recorder) -> None:
    """A damaged journal is recovered and written to."""
    from store.upkeep import recovery

    with store.mirror("default").records() as records:
        names = [key[2:-6] for key in records if key.endswith("_chart")]
    for name in names:
        record.said(f"chart {name}")
    recovery.recover(store)
    record.said("recovered")
    name = chart(store, "After", "a", "b")
    record.said(f"chart {name}")


def with_a_backup(root: Path) -> None:
    """A chart that is in a backup, one that was made after it."""
    from store.upkeep.backup import taking

    with open_store(root) as store:
        chart(store, "Then", "a", "b")
        store.settle()
        taking.take(store)
        chart(store, "Now", "a", "b")
        store.settle()


def restoring(store: Store, record: Recorder) -> None:
    """The whole store is brought back from its backup and written to."""
    from store.upkeep import restoring as bringing
    from store.upkeep.backup import open_repository

    now = _ids(store, "default")
    repository = open_repository(store)
    for name in now:
        record.said(f"replacing {name}")
    bringing.restore_store(store, repository, repository.find())
    (then,) = _ids(store, "default")
    record.said(f"restored {then}")
    name = chart(store, "After", "a", "b")
    record.said(f"chart {name}")


def _cuts(trace: list[Op], begun: int) -> Iterator[tuple[int, Disk]]:
    for n in range(begun, len(trace) + 1):
        if (n - begun) % EVERY == 0 or n == len(trace):
            yield n, Disk(trace, n)


def _check(place: Path, said: list[str], where: str) -> None:
    with open_store(place) as store:
        store.catch_up()
        state = {key: value for name in store.contexts.names() for key, value in live(store, name).items()}
        for fact in said:
            kind, _, rest = fact.partition(" ")
            name, _, text = rest.partition(" ")
            if kind == "chart":
                missing = [part for part in PARTS if f"e:{name}{part}" not in state]
                assert not missing, f"{where}: {name} lacks {missing}"
            elif kind in ("fact", "undone"):
                held = text in state[f"e:{name}_current_reality"]["observations"]
                assert held or f"undoing {rest}" in said, f"{where}: {fact}"
                assert not (held and f"undone {rest}" in said), f"{where}: {fact}"
            elif kind == "theirs":
                assert "e:theirs" in state, where
            elif kind == "backup":
                _backed_up(store, name, where)
        for key in state:
            if key.endswith("_chart"):
                base = key.removesuffix("_chart")
                assert all(base + part in state for part in PARTS), f"{where}: half a command"
        store.settle()  # a chart file torn in the middle of another program's write is published again
        wrong = [item for item in store.verify() if item.severity == "error"]
        assert wrong == [], f"{where}: {wrong}"
        again = chart(store, "Works again")
        store.settle()
        assert f"e:{again}_chart" in live(store)


def _backed_up(store: Store, backup_id: str, where: str) -> None:
    from store.upkeep.backup import checking

    found = [item for item in checking.verify(store, backup_id) if item.severity == "error"]
    assert found == [], f"{where}: backup {backup_id}: {found}"
