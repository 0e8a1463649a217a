"""Power fails at any moment: every state a disk may then hold opens, with all that was acknowledged and nothing by halves."""

from __future__ import annotations

import os
import random
import re
import shutil
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
CUTS = None if FULL else 8
"""How many times the power is cut, evenly over all effects; None for behind each."""
HOLE = 1500
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


# -- stores that something has happened to before the power can fail ----------------------------------


def with_a_past(root: Path) -> list[str]:
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
    return [f"chart {stays}", f"fact {stays} Fact", f"chart {secret}"]


def erasing(store: Store, record: Recorder) -> None:
    """A chart is erased for good, and another one worked on."""
    from store.upkeep.retention.erasing import What, erase

    (secret,), (stays,) = (_ids(store, name) for name in ("work", "default"))
    record.said(f"going {secret}")
    erase(store, What(charts=(("work", secret),)))
    record.said(f"gone {secret}")
    store.run("default", charts.add_fact, stays, "Later")
    record.said(f"fact {stays} Later")


def _erased(store: Store, said: list[str], state: dict[str, Any], where: str) -> None:
    """There whole, or no word of it left in any file."""
    for name in _told(said, "going"):
        if f"e:{name}_chart" not in state:
            assert holding(store.layout.home, SECRET) == [], where
            assert holding(store.layout.home, name) == [], where


def with_a_hole(root: Path) -> list[str]:
    """A journal that reads as NULs for a stretch; the chart file has what was live."""
    with open_store(root) as store:
        names = [chart(store, title, "a", "b") for title in ("Book", "House")]
        store.run("default", charts.add_fact, names[0], "Fact")
        store.settle()
        journal = store.layout.journal("default")
    data = journal.read_bytes()
    journal.write_bytes(data[:2500] + bytes(HOLE) + data[2500 + HOLE :])
    return [*(f"chart {name}" for name in names), f"fact {names[0]} Fact"]


def recovering(store: Store, record: Recorder) -> None:
    """A damaged journal is recovered, then written to."""
    _recover(store)
    record.said(f"chart {chart(store, 'After', 'a', 'b')}")


def _recover(store: Store) -> None:
    from store.upkeep.recovery import recover as recovery

    recovery.recover(store)


def _damage_kept(store: Store, _said: list[str], _state: dict[str, Any], where: str) -> None:
    kept = store.layout.recovery.glob("damaged-*/default/charts.jsonl*")
    assert any(bytes(HOLE) in path.read_bytes() for path in kept), where


def with_a_backup(root: Path) -> list[str]:
    """A chart that is in a backup, and one that was made after it."""
    from store.upkeep.backup import taking

    with open_store(root) as store:
        then = chart(store, "Then", "a", "b")
        store.settle()
        taking.take(store)
        now = chart(store, "Now", "a", "b")
        store.settle()
    return [f"chart {then}", f"chart {now}"]


def restoring(store: Store, record: Recorder) -> None:
    """The whole store is brought back from its backup, then written to."""
    from store.upkeep.backup import open_repository
    from store.upkeep.recovery import restoring as bringing

    repository = open_repository(store)
    (then,) = _ids_in(repository, repository.find())
    (now,) = set(_ids(store, "default")) - {then}
    record.said(f"going {now}")
    bringing.restore_store(store, repository, repository.find())
    record.said(f"gone {now}")
    record.said(f"chart {chart(store, 'After', 'a', 'b')}")


def _ids_in(repository: Any, backup: Any) -> set[str]:
    journal = b"".join(repository.read(backup, ".journal/default/charts.jsonl"))
    return {key.decode() for key in re.findall(rb'"e:([^"]+)_chart"', journal)}


def _replaced_kept(store: Store, said: list[str], state: dict[str, Any], where: str) -> None:
    """What was replaced lies beside, whole."""
    for name in _told(said, "going"):
        if f"e:{name}_chart" not in state:
            kept = store.layout.recovery.glob("replaced-*/.journal/default/charts.jsonl")
            assert any(name.encode() in path.read_bytes() for path in kept), where


def _ids(store: Store, context: str) -> list[str]:
    with store.snapshot() as snap:
        return list(snap.chart_ids(context))


def _told(said: list[str], kind: str) -> list[str]:
    return [fact.partition(" ")[2] for fact in said if fact.partition(" ")[0] == kind]


class Case(NamedTuple):
    """What is done while it is recorded, and what is asked of every state beyond what was acknowledged."""

    work: Callable[[Store, Recorder], None]
    before: Callable[[Path], list[str]] = lambda _root: []
    """Prepares the store; what it acknowledges."""
    first: Callable[[Store], None] = lambda _store: None
    """What a person does first who finds the store in such a state."""
    asked: Callable[[Store, list[str], dict[str, Any], str], None] = lambda *_: None


CASES = (
    *(Case(work) for work in (edits, publishing, contexts, generations, backups)),
    Case(erasing, with_a_past, asked=_erased),
    Case(recovering, with_a_hole, first=_recover, asked=_damage_kept),
    Case(restoring, with_a_backup, asked=_replaced_kept),
)


@pytest.mark.timeout(3600 if FULL else 150)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.work.__name__)
def test_every_legal_state_of_the_disk_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    root = init_store(tmp_path / "recorded" / ".coaia")
    said = case.before(root)
    with monkeypatch.context() as patch:
        recorder = Recorder(patch, root)
        begun = len(recorder.trace)
        with open_store(root) as store:
            case.work(store, recorder)
    states = 0
    dice = random.Random(11)
    for n, disk in _cuts(recorder.trace, begun):
        for lost in disk.states(dice, DRAWN):
            place = tmp_path / "after" / ".coaia"
            place.mkdir(parents=True)
            disk.make(place, lost, dice)
            where = f"cut behind effect {n} ({recorder.trace[n - 1]}), lost {sorted(lost)}"
            _check(place, case, said + disk.said, where)
            shutil.rmtree(place.parent)
            states += 1
    assert states > 20
    tally(f"power loss, {case.work.__name__}", states=states, effects=len(recorder.trace) - begun)


def _cuts(trace: list[Op], begun: int) -> Iterator[tuple[int, Disk]]:
    every = 1 if CUTS is None else max(1, (len(trace) - begun) // CUTS)
    for n in range(begun, len(trace) + 1):
        if (n - begun) % every == 0 or n == len(trace):
            yield n, Disk(trace, n)


def _check(place: Path, case: Case, said: list[str], where: str) -> None:
    with open_store(place) as store:
        case.first(store)
        store.catch_up()
        state = {key: value for name in store.contexts.names() for key, value in live(store, name).items()}
        for fact in said:
            _holds(store, state, said, fact, where)
        for key in state:
            if key.endswith("_chart"):
                base = key.removesuffix("_chart")
                assert all(base + part in state for part in PARTS), f"{where}: half a command"
        store.settle()  # a chart file torn in the middle of another program's write is published again
        case.asked(store, said, state, where)
        wrong = [item for item in store.verify() if item.severity == "error"]
        assert wrong == [], f"{where}: {wrong}"
        again = chart(store, "Works again")
        store.settle()
        assert f"e:{again}_chart" in live(store)


def _holds(store: Store, state: dict[str, Any], said: list[str], fact: str, where: str) -> None:
    """What was said is so."""
    kind, _, rest = fact.partition(" ")
    name, _, text = rest.partition(" ")
    if kind == "chart" and f"going {name}" not in said:
        missing = [part for part in PARTS if f"e:{name}{part}" not in state]
        assert not missing, f"{where}: {name} lacks {missing}"
    elif kind == "gone":
        assert f"e:{name}_chart" not in state, f"{where}: {fact}"
    elif kind in ("fact", "undone"):
        held = text in state[f"e:{name}_current_reality"]["observations"]
        assert held or f"undoing {rest}" in said, f"{where}: {fact}"
        assert not (held and f"undone {rest}" in said), f"{where}: {fact}"
    elif kind == "theirs":
        assert "e:theirs" in state, where
    elif kind == "backup":
        _backed_up(store, name, where)


def _backed_up(store: Store, backup_id: str, where: str) -> None:
    from store.upkeep.backup import checking

    found = [item for item in checking.verify(store, backup_id) if item.severity == "error"]
    assert found == [], f"{where}: backup {backup_id}: {found}"
