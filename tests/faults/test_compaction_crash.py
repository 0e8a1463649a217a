"""Compaction and freezing, refused or killed at each system call in turn: old or new, never neither, and it goes on.

A kill is a process that ends at the nth call without doing anything more: what it left is what the next
one finds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import charts, open_store
from store.errors import ReadOnly, StorageError
from store.store import Store
from store.upkeep import compaction
from tests.faults.cutting import CODES, FULL, AtCall, named
from tests.faults.tally import tally
from tests.stores import Opener, chart, live

STEP = 1 if FULL else 3
"""Every call, or every third."""

WORK: dict[str, Callable[[Store], Any]] = {
    "compact": lambda store: compaction.compact(store, "default"),
    "freeze": compaction.freeze_all,
}


def made(store: Store) -> str:
    """A chart with a past, settled, and an archive to freeze."""
    name = chart(store, "A book", "Draft")
    for number in range(5):
        store.run("default", charts.add_fact, name, f"Fact {number}")
    store.settle()
    return name


def whole(store: Store, name: str, facts: int) -> None:
    """The store works and remembers everything."""
    store.catch_up()
    assert [str(item) for item in store.journal("default").check()] == []
    with store.snapshot() as snap:
        versions = snap.versions("default", f"e:{name}_current_reality")
    assert [version.ver for version in versions] == list(range(1, facts + 1))
    journal = store.journal("default")
    for version in versions:
        raw = journal.record_raw(version.generation, version.offset, version.length)
        assert raw is not None
        assert b"current_reality" in raw


@pytest.mark.parametrize("code", CODES, ids=named)
@pytest.mark.parametrize("work", WORK)
def test_a_refused_call_leaves_a_store_that_works(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, work: str, code: int
) -> None:
    store = opened("ann")
    name = made(store)
    facts = 6

    for nth in range(1, 400, STEP):
        if work == "freeze":
            compaction.compact(store, "default")
        before = live(store)
        with monkeypatch.context() as patch:
            at = AtCall(patch, nth, code)
            try:
                WORK[work](store)
            except (StorageError, ReadOnly) as error:
                told = str(error)
            else:
                told = str(store.layout.home)
        if not at.met:
            break
        assert str(store.layout.home) in told
        assert live(store) == before
        store.run("default", charts.add_fact, name, f"After {nth}")
        facts += 1
        whole(store, name, facts)
        assert list(store.layout.journals.rglob("*.ckpart")) == []
    else:
        pytest.fail("the work never came to its end")
    assert nth > 10
    tally(f"{work}, refused", calls=facts - 6, lost=0)


KILLED = """
import os, sys
import pytest
from store import open_store
from tests.faults.cutting import AtCall
from tests.faults.test_compaction_crash import WORK
store = open_store(sys.argv[1])
store.sync()
AtCall(pytest.MonkeyPatch(), int(sys.argv[3]), kill=lambda: os._exit(9))
WORK[sys.argv[2]](store)
"""


def killed(folder: Path, work: str, nth: int) -> bool:
    """Run the work in a process that ends at the nth call; False where it came to its end."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), work, str(nth)], check=False)
    assert done.returncode in (0, 9)
    return done.returncode == 9


@pytest.mark.parametrize("work", WORK)
def test_killed_at_any_call_it_goes_on(folder: Path, work: str) -> None:
    with open_store(folder) as store:
        name = made(store)
        compaction.compact(store, "default")
        before = live(store)
    facts = 6
    nth = 1
    while killed(folder, work, nth):
        with open_store(folder) as store:
            assert live(store) == before
            store.run("default", charts.add_fact, name, f"After {nth}")
            facts += 1
            whole(store, name, facts)
            compaction.compact(store, "default")
            if work == "freeze":
                compaction.freeze_all(store)
                compaction.compact(store, "default")
            whole(store, name, facts)
            assert list((folder / ".journal").rglob("*.ckpart")) == []
            before = live(store)
        nth += STEP
        assert nth < 400, "the work never came to its end"
    assert nth > 10
    with open_store(folder) as store:
        whole(store, name, facts)
        numbers = store.journal("default").generations()
        assert numbers == list(range(1, numbers[-1] + 1))
    tally(f"{work}, killed", calls=facts - 6, lost=0)
