"""Recovery and restoring cut short at every system call: what was replaced or kept is whole, the next open goes on."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import charts, open_store, replacing
from store.errors import ChartkeepError
from store.store import Store
from store.upkeep.backup import open_repository
from store.upkeep.backup.taking import take
from store.upkeep.recovery import recover as recovery
from store.upkeep.recovery import restoring
from tests.faults.cutting import CODES, FULL, AtCall, Killed, named
from tests.faults.tally import tally
from tests.stores import Opener, chart, live

RECOVERY, RESTORE = (1, 1) if FULL else (11, 29)
"""One of so many system calls is tried as the one that fails."""


def cut_short(path: Path, nth: int, code: int | None, work: Callable[[Store], object]) -> bool:
    """Do `work` on the store at `path` with a fault at the `nth` call; False where it came to its end before."""
    store = open_store(path)
    store.index.position("default", "charts")
    with pytest.MonkeyPatch.context() as patch:
        at = AtCall(patch, nth, code)
        try:
            work(store)
        except (Killed, ChartkeepError):
            pass
        met = at.met
    try:
        store.close()
    finally:
        del store
        gc.collect()
    return met


def rounds(folder: Path, tmp_path: Path, step: int) -> Iterator[tuple[int, Path]]:
    """A fresh copy of the store for every `nth` call."""
    nth = 1
    while True:
        place = tmp_path / f"try{nth}" / ".coaia"
        shutil.copytree(folder, place, symlinks=True)
        yield nth, place
        shutil.rmtree(place.parent)
        nth += step
        assert nth < 4000


def errors(store: Store) -> list[str]:
    return [str(item) for item in store.verify() if item.severity == "error"]


@pytest.fixture
def hurt(folder: Path, opened: Opener) -> tuple[Path, dict[str, Any], bytes]:
    """A store with a journal that has a hole; its state before, and the journal's bytes before the hole."""
    store = opened("ann")
    name = chart(store, "Book", "Draft", "Print")
    chart(store, "House", "Plan")
    store.run("default", charts.add_fact, name, "Last")
    store.settle()
    state = live(store)
    store.close()
    journal = store.layout.journal("default")
    data = journal.read_bytes()
    journal.write_bytes(data[:2500] + bytes(1500) + data[4000:])
    before = data[:2500]
    return folder, state, before[: before.rfind(b"\n") + 1]


@pytest.mark.timeout(3600 if FULL else 150)
@pytest.mark.parametrize("code", [None, *CODES], ids=named)
def test_a_recovery_cut_short_is_done_by_the_next(
    hurt: tuple[Path, dict[str, Any], bytes], tmp_path: Path, code: int | None
) -> None:
    folder, state, _ = hurt
    damaged = (folder / ".journal/default/charts.jsonl").read_bytes()
    for nth, place in rounds(folder, tmp_path, RECOVERY):
        met = cut_short(place, nth, code, recovery.recover)
        with open_store(place) as store:
            recovery.recover(store)
            assert live(store) == state, nth
            assert errors(store) == [], nth
            assert recovery.recover(store).said == [], nth
            kept = [path.read_bytes() for path in place.glob(".recovery/damaged-*/default/charts.jsonl*")]
            assert damaged in kept, nth
            assert not replacing.begun(place)
            chart(store, "After")
        if not met:
            break
        tally(f"recovery, {named(code)}", calls=1, lost=0)


@pytest.fixture
def backed(folder: Path, opened: Opener) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A store with a backup of an earlier state: that state and the present one, by context."""
    store = opened("ann")
    name = chart(store, "Book", "Draft")
    store.contexts.create("work")
    chart(store, "Job", context="work")
    store.settle()
    take(store)
    then = states(store)
    store.run("default", charts.remove, name)
    chart(store, "House")
    store.contexts.create("later")
    chart(store, "Later", context="later")
    store.settle()
    now = states(store)
    store.close()
    return folder, then, now


def states(store: Store) -> dict[str, Any]:
    return {name: state for name in store.contexts.names() if (state := live(store, name))}


def bring_back(store: Store) -> restoring.Restored:
    repository = open_repository(store)
    return restoring.restore_store(store, repository, repository.find())


@pytest.mark.timeout(3600 if FULL else 150)
@pytest.mark.parametrize("code", [None, *CODES], ids=named)
def test_a_restore_cut_short_leaves_the_one_state_or_the_other(
    backed: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path, code: int | None
) -> None:
    folder, then, now = backed
    seen = set()
    for nth, place in rounds(folder, tmp_path, RESTORE):
        met = cut_short(place, nth, code, bring_back)
        decided = replacing.begun(place)
        with open_store(place) as store:
            store.catch_up()
            store.settle()
            found = states(store)
            assert found in (then, now), nth
            assert found == then or not decided, nth
            assert errors(store) == [], nth
            seen.add(found == then)
            if found == then:
                assert_whole_beside(place, now, tmp_path)
            chart(store, "After")
            store.settle()
            bring_back(store)
            assert states(store) == then
            assert not list(place.glob(".restoring-*"))
        if not met:
            break
        tally(f"restore, {named(code)}", calls=1, lost=0)
    assert seen == {True, False}


def test_whoever_writes_next_finishes_what_was_decided(
    backed: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path, opened: Opener
) -> None:
    folder, then, _ = backed
    for nth, place in rounds(folder, tmp_path, 5):
        other = opened("bob", path=place)
        other.sync()
        met = cut_short(place, nth, None, bring_back)
        assert met
        if not replacing.begun(place):
            continue
        made = chart(other, "After")
        assert not replacing.begun(place)
        other.sync()
        state = live(other)
        assert f"e:{made}_chart" in state
        assert then["default"].items() <= state.items()
        assert errors(other) == []
        break


def assert_whole_beside(place: Path, now: dict[str, Any], tmp_path: Path) -> None:
    """The state that was replaced lies in `.recovery`, and is a store of its own."""
    (replaced,) = place.glob(".recovery/replaced-*")
    again = tmp_path / "again" / ".coaia"
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(replaced, again)
    with open_store(again) as store:
        store.sync()
        assert states(store) == now


WRITER = """
import sys
from store import charts, open_store
from store.errors import ChartkeepError
store = open_store(sys.argv[1])
store.start_background()
print("ready", flush=True)
n = 0
while True:
    n += 1
    try:
        made = store.run("default", charts.create_chart, f"Book {n}", "r", steps=["a"])
    except ChartkeepError as error:
        print("error", type(error).__name__, flush=True)
        continue
    print("made", made.focus, flush=True)
"""


def test_a_writer_at_work_carries_on_after_a_restore(
    backed: tuple[Path, dict[str, Any], dict[str, Any]], opened: Opener
) -> None:
    folder, then, _ = backed
    words = [sys.executable, "-c", WRITER, str(folder)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    made: list[str] = []
    try:
        while len(made) < 20:
            made += told(child.stdout.readline())
        store = opened("bob", path=folder)
        done = bring_back(store)
        after: list[str] = []
        while len(after) < 40:
            after += told(child.stdout.readline())
    finally:
        child.kill()
        made += after if "after" in locals() else []
        for line in child.stdout:
            made += told(line)
        child.wait()
    store.catch_up()
    state = live(store)
    assert done.replaced is not None
    with open_store(copied(done.replaced, folder.parent / "old" / ".coaia")) as old:
        old.sync()
        before = live(old)
    for name in made:  # acknowledged before the exchange, or after it: never nowhere
        assert f"e:{name}_chart" in state or f"e:{name}_chart" in before
    assert then["default"].items() <= state.items()
    assert errors(store) == []


def told(line: str) -> list[str]:
    return [line.split()[1]] if line.startswith("made") and line.endswith("\n") else []


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_a_writer_at_work_carries_on_after_a_recovery(folder: Path, opened: Opener) -> None:
    store = opened("ann")
    chart(store, "First")
    store.settle()
    words = [sys.executable, "-c", WRITER, str(folder)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    made: list[str] = []
    try:
        while len(made) < 10:
            made += told(child.stdout.readline())
        journal = store.layout.journal("default")
        with store.journal("default").locked(10.0, "damaging it"):
            size = journal.stat().st_size
            with journal.open("r+b") as file:
                file.seek(size // 2)
                file.write(b"####")
        recovery.recover(store)
        after: list[str] = []
        while len(after) < 30:
            after += told(child.stdout.readline())
        made += after
    finally:
        child.kill()
        for line in child.stdout:
            made += told(line)
        child.wait()
    store.catch_up()
    state = live(store)
    assert [name for name in made if f"e:{name}_chart" not in state] == []
    assert errors(store) == []
