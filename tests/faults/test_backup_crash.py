"""The disk refuses, is full, or the power goes, at each system call of a backup: earlier backups stay good."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from store import charts, init_store, open_store, syscalls
from store.errors import StorageError
from store.store import Store
from store.upkeep.backup import open_repository
from store.upkeep.backup.checking import verify
from store.upkeep.backup.drilling import drill
from store.upkeep.backup.keeping import prune
from store.upkeep.backup.taking import take
from tests.faults.cutting import CODES, AtCall, named
from tests.faults.tally import tally
from tests.store.backup.restored import out, settings, states, stored
from tests.stores import chart, live

KEEP_ONE = {f"keep_{name}": "0" for name in ("daily", "weekly", "monthly", "yearly")} | {"keep_hourly": "1"}


DOINGS: dict[str, Callable[[Store], Any]] = {
    "incremental": lambda store: take(store, "incremental"),
    "full": lambda store: take(store, "full"),
    "prune": prune,
}


@pytest.mark.parametrize("code", CODES, ids=named)
@pytest.mark.parametrize("doing", DOINGS)
def test_a_refused_call_hurts_no_earlier_backup(
    store: Store, monkeypatch: pytest.MonkeyPatch, doing: str, code: int
) -> None:
    settings(store, **KEEP_ONE)
    name = chart(store, "Book", "Draft")
    take(store)
    take(store, "full")
    before = stored(store)
    for nth in range(1, 200):
        store.run("default", charts.add_fact, name, f"Fact {nth}")
        with monkeypatch.context() as patch:
            at = AtCall(patch, nth, code)
            with suppress(StorageError):
                DOINGS[doing](store)
        if doing != "prune":
            assert before.items() <= stored(store).items()
        if nth % 5 == 0:
            assert verify(store, all=True) == []
        if not at.met:
            break
        if doing == "prune":
            take(store, "full")
        before = stored(store)
    else:
        pytest.fail("it never came to its end")
    assert nth > 5
    tally(f"backup, {doing}, refused", calls=nth - 1, backups_hurt=0)
    take(store)
    assert verify(store, all=True) == []
    drill(store)


@pytest.mark.parametrize("doing", DOINGS)
def test_a_killed_backup_is_none_and_the_next_one_works(tmp_path: Path, doing: str) -> None:
    """Killed between any two system calls, in a process of its own."""
    folder = init_store(tmp_path / ".coaia")
    with open_store(folder) as store:
        settings(store, **KEEP_ONE)
        name = chart(store, "Book", "Draft")
        take(store)
        take(store, "full")
        expected = {one.id for one in open_repository(store).backups()}
    nth = 0
    killed = True
    while killed:
        nth += 1
        child = os.fork()
        if not child:
            status = 1
            try:
                patch = pytest.MonkeyPatch()
                with open_store(folder) as mine:
                    mine.run("default", charts.add_fact, name, f"Fact {nth}")
                    AtCall(patch, nth, kill=lambda: os._exit(9))
                    DOINGS[doing](mine)
                    patch.undo()
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, 9)
        killed = code == 9
        with open_store(folder) as store:
            found = open_repository(store)
            ids = {one.id for one in found.backups()}
            assert found.findings() == []
            assert doing == "prune" or expected <= ids
            if nth % 7 == 0 or not killed:
                assert verify(store, all=True) == []
                take(store)
                assert (
                    states(out(store, found.find(), tmp_path / str(nth)))["default"].keys()
                    == live(store).keys()
                )
            expected = {one.id for one in open_repository(store).backups()}
            if doing == "prune" and killed:
                take(store, "full")
    assert nth > 5
    tally(f"backup, {doing}, killed", calls=nth - 1, backups_hurt=0)
    with open_store(folder) as store:
        prune(store)
        assert not list(store.layout.backups.rglob("*.ckpart"))
        drill(store)


def test_a_full_disk_gets_back_what_the_backup_took(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.layout.home / ".vectors").mkdir()
    for number in range(6):
        (store.layout.home / ".vectors" / str(number)).write_bytes(os.urandom(10_000))
    take(store, "full")
    for number in range(6):
        (store.layout.home / ".vectors" / str(number)).write_bytes(os.urandom(10_000))
    before = stored(store)
    with monkeypatch.context() as patch:
        AtCall(patch, 25, errno.ENOSPC)
        with pytest.raises(StorageError, match="disk is full"):
            take(store)
    assert stored(store) == before
    assert take(store).kind == "incremental"


def test_what_is_not_read_back_as_written_is_no_backup(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(store, "Book")
    take(store)
    before = open_repository(store).names()
    chart(store, "Other")
    real = syscalls.write

    def wrong(fd: int, data: bytes | memoryview) -> int:
        return real(fd, bytes(data)[:-1] + b"?")

    with monkeypatch.context() as patch:
        patch.setattr(syscalls, "write", wrong)
        with pytest.raises(StorageError, match="not read back"):
            take(store)
    assert open_repository(store).names() == before
