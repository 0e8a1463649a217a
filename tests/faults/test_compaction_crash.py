"""Compaction and freezing, refused or killed at each system call in turn: old or new, never neither, and it goes on.

A kill is a process that ends at the nth call without doing anything more: what it left is what the next
one finds.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import charts, open_store, syscalls
from store.errors import ReadOnly, StorageError
from store.store import Store
from store.upkeep import compaction
from tests.faults.tally import tally
from tests.stores import Opener, chart, live

CALLS = (
    *("open_file", "write", "pwrite", "fdatasync", "fsync"),
    *("rename", "link", "unlink", "mkdir", "truncate", "exchange"),
)
CODES = (errno.ENOSPC, errno.EIO, errno.EACCES)
FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
STEP = 1 if FULL else 3
"""Every call, or every third."""

WORK: dict[str, Callable[[Store], Any]] = {
    "compact": lambda store: compaction.compact(store, "default"),
    "freeze": compaction.freeze_all,
}


class Counting:
    """Counts the system calls of the store and does `at_nth` in the place of the nth."""

    def __init__(self, patch: pytest.MonkeyPatch, nth: int, at_nth: Callable[[], None]) -> None:
        self.count = 0
        self.nth = nth
        self.at_nth = at_nth
        for name in CALLS:
            patch.setattr(syscalls, name, self._wrapped(getattr(syscalls, name)))

    def _wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.count += 1
            if self.count == self.nth:
                self.at_nth()
            return real(*args)

        return call

    @property
    def reached(self) -> bool:
        return self.count >= self.nth


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


@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("work", WORK)
def test_a_refused_call_leaves_a_store_that_works(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, work: str, code: int
) -> None:
    store = opened("ann")
    name = made(store)
    facts = 6

    def refuse() -> None:
        raise OSError(code, os.strerror(code))

    for nth in range(1, 400, STEP):
        if work == "freeze":
            compaction.compact(store, "default")
        before = live(store)
        with monkeypatch.context() as patch:
            counting = Counting(patch, nth, refuse)
            try:
                WORK[work](store)
            except (StorageError, ReadOnly) as error:
                told = str(error)
            else:
                told = str(store.layout.home)
        if not counting.reached:
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
from store import open_store, syscalls
from store.upkeep import compaction
count, nth = 0, int(sys.argv[3])
store = open_store(sys.argv[1])
store.sync()
def wrapped(real):
    def call(*args):
        global count
        count += 1
        if count == nth:
            os._exit(9)
        return real(*args)
    return call
for name in sys.argv[4:]:
    setattr(syscalls, name, wrapped(getattr(syscalls, name)))
{"compact": lambda: compaction.compact(store, "default"), "freeze": lambda: compaction.freeze_all(store)}[sys.argv[2]]()
"""


def killed(folder: Path, work: str, nth: int) -> bool:
    """Run the work in a process that ends at the nth call; False where it came to its end."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), work, str(nth), *CALLS], check=False)
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
