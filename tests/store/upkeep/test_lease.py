"""One lease per store: held by one, waited for by others, free when its holder dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from threading import Event, Thread

import pytest

from store.errors import Locked
from store.store import Store
from store.upkeep.maintenance import lease
from store.upkeep.maintenance.lease import Lease
from tests.stores import Opener, until

HOLD = """
import sys, threading
from store import open_store
from store.upkeep.maintenance.lease import Lease
with open_store(sys.argv[1]) as store:
    mine = Lease(store)
    mine.take(threading.Event())
    print("held", flush=True)
    threading.Event().wait()
"""


def holding(folder: Path) -> subprocess.Popen[bytes]:
    """A process that holds the lease until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_nobody_holds_it_at_first_and_asking_makes_nothing(store: Store) -> None:
    assert lease.holder(store) is None
    assert not lease.path_of(store.layout).exists()


def test_the_holder_is_named_until_it_gives_it_back(store: Store) -> None:
    mine = Lease(store)
    assert mine.take(Event())
    assert f"pid {os.getpid()}" in (lease.holder(store) or "")
    mine.give_back()
    assert lease.holder(store) is None


def test_a_second_one_is_told_who_holds_it(store: Store, opened: Opener) -> None:
    held = Lease(store)
    assert held.take(Event())
    with pytest.raises(Locked, match=f"pid {os.getpid()}"):
        Lease(opened()).take(Event(), wait=0.1)


def test_who_waits_can_be_stopped(store: Store, opened: Opener) -> None:
    held, stop, got = Lease(store), Event(), []
    assert held.take(Event())
    waiting = Thread(target=lambda: got.append(Lease(opened()).take(stop)))
    waiting.start()
    stop.set()
    waiting.join(5)
    assert got == [False]


def test_asking_who_holds_it_keeps_nobody_from_taking_it(store: Store) -> None:
    mine = Lease(store)
    for _ in range(20):
        assert lease.holder(store) is None
        assert mine.take(Event(), wait=0)
        assert lease.holder(store) is not None
        mine.give_back()


def test_it_is_had_although_somebody_is_just_asking(store: Store) -> None:
    mine = Lease(store)
    assert mine.take(Event())
    threading.Timer(0.01, mine.give_back).start()
    assert Lease(store).take(Event(), wait=0)


def test_the_second_takes_over_when_the_first_is_killed(store: Store, folder: Path) -> None:
    first = holding(folder)
    second, taken = Lease(store), Event()
    waiting = Thread(target=lambda: second.take(Event()) and taken.set())
    waiting.start()
    assert f"pid {first.pid}" in (lease.holder(store) or "")
    assert not taken.wait(0.6)
    first.send_signal(signal.SIGKILL)
    first.wait(5)
    until(taken.is_set, "the lease")
    waiting.join(5)
    assert f"pid {os.getpid()}" in (lease.holder(store) or "")
    second.give_back()
