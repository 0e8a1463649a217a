"""An erasure cut short at any system call: not begun at all, or finished by the next to come. Never half."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from store import charts, open_store, replacing, syscalls
from store.errors import ChartkeepError, Damaged
from store.store import Store
from store.upkeep.retention import cutting
from store.upkeep.retention.erasing import What, erase
from tests.faults.cutting import CODES, FULL, AtCall, Killed, named
from tests.faults.tally import tally
from tests.store.test_erasing import SECRET, compacted, errors, holding, versions
from tests.stores import Opener, chart, live

STEP = 1 if FULL else 7


def filled(folder: Path) -> tuple[str, str]:
    """A store of two contexts with a secret chart that was moved, in several generations; ids of it and of another."""
    with open_store(folder) as store:
        other = chart(store, "A finished book", "Draft", "Edit")
        secret = chart(store, f"{SECRET} in spring", f"Book {SECRET}", "Pack")
        compacted(store)
        store.run("default", charts.add_fact, secret, f"No {SECRET} ticket")
        store.run("default", charts.add_fact, other, "It pours")
        store.contexts.create("work")
        store.move("default", [secret], "work")
        store.settle()
        aside = store.layout.recovery / "old.lines"
        aside.parent.mkdir(exist_ok=True)
        aside.write_bytes(f"half a line of {SECRET} in spring\nanother line\n".encode())
    return secret, other


def state(store: Store) -> Any:
    return [(versions(store, name), live(store, name)) for name in ("default", "work")]


def check(folder: Path, secret: str, before: Any, others: Any) -> bool:
    """The store is as before, or nothing of the secret is left; whether the latter."""
    with open_store(folder) as store:
        store.catch_up()
        store.settle()
        assert errors(store) == []
        assert not replacing.begun(folder)
        assert not replacing.noted(folder)
        assert replacing.waste(folder) == []
        after = state(store)
        done = bool(after != before)
        if done:
            assert after == others
            assert holding(folder, SECRET) == []
            assert holding(folder, secret) == []
        name = next(iter(after[0][1])).partition(":")[2].partition("_chart")[0]
        assert name
        return done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, Any, Any]:
    """The store to be copied for each attempt, what it holds, and what it is to hold afterwards."""
    folder = tmp_path_factory.mktemp("erasing") / ".coaia"
    from store import init_store

    init_store(folder)
    secret, other = filled(folder)
    with open_store(folder) as store:
        before = state(store)
    others = [
        (
            {place: value for place, value in found.items() if secret not in place[0]},
            {key: value for key, value in alive.items() if secret not in key},
        )
        for found, alive in before
    ]
    return folder, secret, other, before, others


@pytest.mark.timeout(1800 if FULL else 150)
@pytest.mark.parametrize("code", [None, *CODES], ids=named)
def test_stopped_at_each_call_it_is_whole_or_not_at_all(
    made: tuple[Path, str, str, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    source, secret, _, before, others = made
    seen = {True: 0, False: 0}
    nth = 1
    while True:
        folder = tmp_path / str(nth) / ".coaia"
        shutil.copytree(source, folder, symlinks=True)
        store = open_store(folder)
        store.catch_up()
        with monkeypatch.context() as patch:
            at = AtCall(patch, nth, code)
            try:
                erase(store, What(charts=(("work", secret),)))
            except (Killed, ChartkeepError):
                pass
        if code is None:
            store._index = store._background = None  # what it held in memory is gone with it
            store._journals.clear()
        store.close()
        seen[check(folder, secret, before, others)] += 1
        shutil.rmtree(folder.parent)
        if not at.met:
            break
        tally(f"erasing, {named(code)}", calls=1, half_done=0)
        nth += STEP
    assert seen[True] > 1
    assert seen[False] > 1


@pytest.mark.parametrize("name", [replacing.INTENT, replacing.OWED])
def test_a_damaged_note_of_what_is_to_be_done_is_told_and_not_obeyed(
    made: tuple[Path, str, str, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source, secret, *_ = made
    folder = tmp_path / ".coaia"
    shutil.copytree(source, folder, symlinks=True)

    def die(*_: object) -> None:
        raise Killed

    step = (replacing, "_do") if name == replacing.INTENT else (cutting, "conclude")
    with open_store(folder) as store:
        store.catch_up()
        with monkeypatch.context() as patch:
            patch.setattr(*step, die)
            with pytest.raises(Killed):
                erase(store, What(charts=(("work", secret),)))
    path = folder / ".recovery" / name
    raw = path.read_bytes()
    for at in range(0, len(raw), len(raw) // 10):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        before = [(file, file.stat().st_size) for file in sorted(folder.rglob("*.jsonl*"))]
        with open_store(folder) as store, pytest.raises(Damaged, match="delete that file"):
            store.catch_up()
        assert [(file, file.stat().st_size) for file in sorted(folder.rglob("*.jsonl*"))] == before
    path.write_bytes(raw)
    with open_store(folder) as store:
        store.catch_up()
    assert holding(folder, SECRET) == []


def test_what_is_owed_is_done_though_the_note_of_it_was_not_synced(
    made: tuple[Path, str, str, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files are replaced by then: only the index and the chart files are not made anew."""
    source, secret, _, before, others = made
    folder = tmp_path / ".coaia"
    shutil.copytree(source, folder, symlinks=True)
    rename, fsync = syscalls.rename, syscalls.fsync
    ended = refused = 0

    def last(old: Path, new: Path) -> None:
        nonlocal ended
        rename(old, new)
        ended += new.name == replacing.OWED and old.name == replacing.INTENT

    def refuse(fd: int) -> None:
        nonlocal refused
        if ended and not refused:
            refused = 1
            raise OSError(errno.EIO, "refused")
        fsync(fd)

    with open_store(folder) as store:
        store.catch_up()
        with monkeypatch.context() as patch:
            patch.setattr(syscalls, "rename", last)
            patch.setattr(syscalls, "fsync", refuse)
            with pytest.raises(ChartkeepError):
                erase(store, What(charts=(("work", secret),)))
    assert refused
    assert check(folder, secret, before, others)


def test_a_writer_that_lives_on_finishes_what_the_dead_one_began(
    made: tuple[Path, str, str, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two renames somebody else commits: it is there afterwards, once."""
    source, secret, other, _, _ = made
    for nth in range(1, 9):
        folder = tmp_path / str(nth) / ".coaia"
        shutil.copytree(source, folder, symlinks=True)
        store, there = open_store(folder), open_store(folder)
        there.catch_up()
        there.run("default", charts.add_fact, other, "Before")
        renamed = 0
        real = syscalls.rename

        def rename(old: Path, new: Path, nth: int = nth, real: Any = real) -> None:
            nonlocal renamed
            if (
                str(new).endswith(".jsonl")
                and str(old) == f"{new}{replacing.PREPARED}"
                and (renamed := renamed + 1) == nth
            ):
                raise Killed
            real(old, new)

        with monkeypatch.context() as patch:
            patch.setattr(syscalls, "rename", rename)
            try:
                erase(store, What(charts=(("work", secret),)))
            except Killed:
                pass
        there.run("default", charts.add_fact, other, "After")
        there.run("work", charts.create_chart, "New", "r")
        there.close()
        with open_store(folder) as again:
            again.catch_up()
            again.settle()
            assert errors(again) == []
            assert again.chart("default", other).reality[-2:] == ("Before", "After")
            assert holding(folder, SECRET) == []
            assert len(again.snapshot().__enter__().chart_ids("work")) == 1
        shutil.rmtree(folder.parent)


WRITER = """
import sys, time
from store import charts, open_store
from store.errors import Locked
store = open_store(sys.argv[1])
for n in range(10000):
    time.sleep(0.005)  # each fact is written with all before it: thousands take the index long
    try:
        change = store.run("default", charts.add_fact, sys.argv[2], f"{sys.argv[3]} {n}")
    except Locked:
        continue
    print(f"{sys.argv[3]} {n}", flush=True)
"""


def test_two_processes_writing_while_it_runs_lose_nothing(folder: Path, opened: Opener) -> None:
    secret, other = filled(folder)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), other, name], stdout=subprocess.PIPE, text=True
        )
        for name in ("ann", "ben")
    ]
    said: list[str] = []

    def listen(child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        said.extend(line.strip() for line in child.stdout if line.endswith("\n"))

    threads = [threading.Thread(target=listen, args=[child]) for child in writers]
    for thread in threads:
        thread.start()
    store = opened("eve")
    while len(said) < 10:
        time.sleep(0.01)
    erase(store, What(charts=(("work", secret),)))
    between = len(said)
    erase(store, What(superseded=True))
    while len(said) < between + 20 and all(child.poll() is None for child in writers):
        time.sleep(0.01)
    assert all(child.poll() is None for child in writers)
    for child in writers:
        child.send_signal(signal.SIGKILL)
        child.wait()
    for thread in threads:
        thread.join()
    store.catch_up()
    facts = store.chart("default", other).reality
    assert [fact for fact in said if facts.count(fact) != 1] == []
    store.settle()
    assert errors(store) == []
    assert holding(folder, SECRET) == []
