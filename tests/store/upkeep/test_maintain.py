"""Maintaining a store: what is due is done, what fails stops nothing else, and a stop is heeded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from store import clock
from store.errors import Locked, ReadOnly, StorageError
from store.store import Notice, Store
from store.upkeep.maintenance import lease, schedule
from store.upkeep.maintenance.apart import Apart, Broken
from store.upkeep.maintenance.maintain import Maintainer, exit_code
from store.upkeep.maintenance.notify import notify
from store.upkeep.maintenance.schedule import Past
from store.upkeep.maintenance.tasks import TASKS, Failed, Outcome, Task, function
from tests.store.upkeep.hanging import runs
from tests.stores import Opener, chart, until

NOW = clock.parse("2026-11-21T12:00:00Z")
HERE = __name__


class Count:
    """A task that counts its runs and fails where told to."""

    def __init__(self, name: str = "count", period: float = 3600.0) -> None:
        self.runs = 0
        self.error: Exception | None = None
        self.outcome = Outcome("counted")
        self.task = Task(name, name.title(), lambda _: period, self, apart=False)

    def __call__(self, store: Store) -> Outcome:
        self.runs += 1
        if self.error is not None:
            raise self.error
        return self.outcome


def names(results: list[Any]) -> list[str]:
    """The tasks that were run, but for the sync before them."""
    return [result.task for result in results if result.task != "sync"]


def told(store: Store) -> list[Notice]:
    """What is told from now on."""
    found: list[Notice] = []
    store.on_change(lambda notice: found.append(notice) if notice.text else None)
    return found


# -- once ------------------------------------------------------------------------------------------


def test_once_does_what_is_due_and_remembers_it(store: Store, opened: Opener) -> None:
    clock.fix(NOW)
    count = Count()
    assert names(Maintainer(store, [count.task]).run_once()) == ["count"]
    assert names(Maintainer(opened(), [count.task]).run_once()) == []
    clock.fix(NOW + timedelta(hours=1))
    assert names(Maintainer(opened(), [count.task]).run_once()) == ["count"]
    assert count.runs == 2


def test_a_timer_that_comes_a_little_early_is_let_in(store: Store) -> None:
    count = Count()
    clock.fix(NOW)
    Maintainer(store, [count.task]).run_once()
    clock.fix(NOW + timedelta(minutes=59, seconds=30))
    assert names(Maintainer(store, [count.task]).run_once()) == ["count"]
    clock.fix(NOW + timedelta(minutes=99))
    assert names(Maintainer(store, [count.task]).run_once()) == []


def test_once_syncs_and_publishes(store: Store, folder: Path) -> None:
    made = chart(store, "Seen by others")
    assert made not in (folder / "charts.jsonl").read_text()
    results = Maintainer(store, []).run_once()
    assert results[0].task == "sync"
    assert made in (folder / "charts.jsonl").read_text()


def test_a_task_that_fails_stops_no_other_and_is_told_once(store: Store) -> None:
    clock.fix(NOW)
    bad, good, heard = Count("bad"), Count("good"), told(store)
    bad.error = StorageError("the disk is full")
    maintainer = Maintainer(store, [bad.task, good.task])
    first = maintainer.run_once()
    assert [(one.task, one.ok) for one in first if one.task != "sync"] == [("bad", False), ("good", True)]
    assert exit_code(first) == 1
    assert [job.state for job in store.jobs.all() if job.kind == "bad"] == ["failed"]
    assert store.jobs.all()[0].note == "the disk is full"
    clock.fix(NOW + timedelta(minutes=1))
    assert names(maintainer.run_once()) == ["bad"]
    assert len(heard) == 1
    assert "the disk is full" in heard[0].text
    assert heard[0].problem


def test_status_names_what_fails_and_who_does_the_upkeep(store: Store) -> None:
    bad, mine = Count("bad"), lease.Lease(store)
    bad.error = StorageError("the disk is full")
    assert mine.take(Event())
    Maintainer(store, [bad.task]).run_once()
    upkeep = store.status()["upkeep"]
    assert upkeep["failing"] == {"bad": "the disk is full"}
    assert f"pid {os.getpid()} " in upkeep["holder"]
    mine.give_back()
    assert store.status()["upkeep"]["holder"] is None


def test_failures_are_tried_again_less_often_also_by_another_process(store: Store, opened: Opener) -> None:
    clock.fix(NOW)
    bad = Count("bad", 7 * 86400)
    bad.error = RuntimeError("a bug")
    Maintainer(store, [bad.task]).run_once()
    clock.fix(NOW + timedelta(seconds=60))
    Maintainer(opened(), [bad.task]).run_once()
    clock.fix(NOW + timedelta(seconds=100))
    Maintainer(opened(), [bad.task]).run_once()
    assert bad.runs == 2
    clock.fix(NOW + timedelta(hours=3))
    bad.error = None
    results = Maintainer(opened(), [bad.task]).run_once()
    assert exit_code(results) == 0
    assert schedule.load(schedule.path_of(store.layout))["bad"].failures == 0


def test_a_problem_that_comes_back_is_told_again(store: Store) -> None:
    count, heard = Count(period=0.0), told(store)
    maintainer = Maintainer(store, [count.task])
    for number, error in enumerate((StorageError("full"), None, StorageError("full"))):
        clock.fix(NOW + timedelta(hours=2 * number))
        count.error = error
        maintainer.run_once()
    assert [notice.text.rpartition(". ")[2] for notice in heard] == ["full", "full"]


def test_damage_gives_its_own_exit_code(store: Store) -> None:
    count, heard = Count(), told(store)
    count.outcome = Outcome("charts.jsonl, line 3: wrong hash", damage=True)
    assert exit_code(Maintainer(store, [count.task]).run_once()) == 8
    assert "line 3" in heard[0].text


def test_a_task_that_found_nothing_to_do_is_not_remembered_as_cut_short(store: Store) -> None:
    done = WORDS._replace(work="store.upkeep.maintenance.tasks:freeze")
    with running(Maintainer(store, [done], look=0.05)):
        until(lambda: remembered(store).get("apart", Past()).done, "the end of the task")
        assert remembered(store)["apart"].failures == 0


def remembered(store: Store) -> dict[str, Past]:
    return schedule.load(schedule.path_of(store.layout))


def test_a_task_that_has_nothing_to_do_costs_no_job(store: Store) -> None:
    count = Count()
    idle = count.task._replace(wanted=lambda _: False)
    results = Maintainer(store, [idle]).run_once()
    assert (count.runs, results[-1].did, results[-1].ok) == (0, False, True)
    assert not [job for job in store.jobs.all() if job.kind == "count"]


def test_a_look_that_fails_is_a_failure_of_its_task(store: Store) -> None:
    def look(_: Store) -> bool:
        raise StorageError("the folder is gone")

    results = Maintainer(store, [Count().task._replace(wanted=look)]).run_once()
    assert (results[-1].ok, results[-1].note) == (False, "the folder is gone")


def test_a_store_for_reading_only_is_refused(folder: Path, opened: Opener) -> None:
    with pytest.raises(ReadOnly, match="reading only"):
        Maintainer(opened(readonly=True))


def test_a_state_that_cannot_be_written_stops_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("no space for the state")

    monkeypatch.setattr(schedule, "save", refuse)
    heard, count = told(store), Count()
    assert exit_code(Maintainer(store, [count.task]).run_once()) == 0
    assert count.runs == 1
    assert len(heard) == 1


def test_every_task_of_the_table_can_be_done(store: Store, folder: Path) -> None:
    """The real ones, each in its process: a store that is looked after for the first time."""
    chart(store, "A kept book", "Write", "Read")
    results = Maintainer(store).run_once()
    assert [(one.task, one.note) for one in results if not one.ok or one.damage] == []
    assert names(results) == [task.name for task in TASKS]
    assert any((folder / ".backup").rglob("manifests/*"))
    later = Maintainer(store).run_once()
    assert exit_code(later) == 0
    assert names(later) == []


def test_shards_of_vectors_are_merged_once_they_are_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.vectors import collection, keeping

    (task,) = [one for one in TASKS if one.name == "merge"]
    task = task._replace(apart=False, work=function(task.work), period=lambda _: 0.0)
    monkeypatch.setattr(keeping, "MANY", 2)
    for number in range(3):
        assert Maintainer(store, [task]).run_once()[-1].note == ""
        chart(store, f"Book {number}")
        collection.embed_missing(store, "default")
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "merge", raising(Locked("somebody embeds")))
        assert Maintainer(store, [task]).run_once()[-1].ok
    assert [model.shards for model in collection.models(store)] == [3]
    done = Maintainer(store, [task]).run_once()[-1]
    assert (done.ok, done.note) == (True, "2 shards of vectors fewer")
    assert [model.shards for model in collection.models(store)] == [1]
    while not collection.merge_due(store):
        chart(store, "Paper")
        collection.embed_missing(store, "default")
    monkeypatch.setattr(keeping, "merge", raising(StorageError("no space")))
    assert not Maintainer(store, [task]).run_once()[-1].ok


def raising(error: Exception) -> Any:
    """A function that raises it."""

    def refuse(*_: Any) -> None:
        raise error

    return refuse


def test_the_functions_named_in_the_table_are_there() -> None:
    for task in TASKS:
        assert callable(function(task.work))
        assert not task.wanted or callable(function(task.wanted))


# -- apart -----------------------------------------------------------------------------------------

HANGS = "tests.store.upkeep.hanging:hang"
WORDS = Task("apart", "Apart", lambda _: 3600.0, f"{HERE}:works")


def works(store: Store) -> Outcome:
    """Done in the child: a job, a word, an outcome."""
    with store.jobs.run("words", "Count words", 10) as job:
        job.at(5)
        job.note("ten words")
    store.tell(Notice("default", frozenset(), own=False, text="there was a word", problem=True))
    return Outcome(f"pid {os.getpid()}")


def fails(store: Store) -> Outcome:
    with store.jobs.run("words", "Count words"):
        raise StorageError("no room for words")


def dies(store: Store) -> Outcome:
    print("it hurts", flush=True)
    os._exit(3)


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a child import the functions above."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.mark.usefixtures("importable")
class TestApart:
    def test_it_is_done_by_another_process_and_shows_here(self, store: Store) -> None:
        heard = told(store)
        result = Maintainer(store, [WORDS]).run_once()[-1]
        assert result.ok, result.note
        assert result.note.startswith("pid ")
        assert result.note != f"pid {os.getpid()}"
        job = next(job for job in store.jobs.all() if job.kind == "words")
        assert (job.title, job.state, job.total, job.note) == ("Count words", "completed", 10, "ten words")
        assert [(one.text, one.problem) for one in heard] == [("there was a word", True)]

    def test_its_error_is_ours_and_one_job_shows_it(self, store: Store) -> None:
        task = WORDS._replace(work=f"{HERE}:fails")
        result = Maintainer(store, [task]).run_once()[-1]
        assert (result.ok, result.note) == (False, "no room for words")
        failed = [job for job in store.jobs.all() if job.state == "failed"]
        assert [(job.kind, job.note) for job in failed] == [("words", "no room for words")]

    def test_one_that_dies_has_failed_with_what_it_said_last(self, store: Store) -> None:
        result = Maintainer(store, [WORDS._replace(work=f"{HERE}:dies")]).run_once()[-1]
        assert not result.ok
        assert "code 3" in result.note
        assert "it hurts" in result.note

    def test_one_that_is_broken_off_leaves_nothing_and_is_due_again(self, store: Store, folder: Path) -> None:
        stop, task = Event(), WORDS._replace(work=HANGS)
        maintainer = Maintainer(store, [task])
        serving = Thread(target=maintainer.run, args=(stop,))
        serving.start()
        until(lambda: runs(folder), "the child")
        stop.set()
        serving.join(5)
        assert not serving.is_alive()
        assert not runs(folder)
        assert [job.state for job in store.jobs.all() if job.kind == "words"] == ["failed"]
        past = schedule.load(schedule.path_of(store.layout))["apart"]
        assert (past.failures, past.tried) == (0, None)

    def test_it_ends_when_its_parent_is_killed(self, store: Store, folder: Path) -> None:
        code = (
            "import sys, threading\nfrom store import open_store\nfrom store.upkeep.maintenance.apart import Apart\n"
            "Apart(open_store(sys.argv[1]), sys.argv[2]).run(threading.Event())"
        )
        parent = subprocess.Popen([sys.executable, "-c", code, str(folder), HANGS])
        until(lambda: runs(folder), "the child")
        parent.kill()
        parent.wait(5)
        until(lambda: not runs(folder), "the end of the child")

    def test_a_stop_before_it_began_is_heeded(self, store: Store) -> None:
        stop = Event()
        stop.set()
        with pytest.raises(Broken):
            Apart(store, HANGS).run(stop)


# -- all the time ----------------------------------------------------------------------------------


@contextmanager
def running(maintainer: Maintainer) -> Iterator[None]:
    """The maintainer in a thread, stopped at the end."""
    stop = Event()
    thread = Thread(target=maintainer.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def test_tasks_are_done_again_and_again(store: Store) -> None:
    count, rare = Count(period=0.05), Count("rare")
    with running(Maintainer(store, [count.task, rare.task])):
        until(lambda: count.runs >= 4, "four runs")
    assert rare.runs == 1


def test_a_task_is_never_begun_twice_at_once(store: Store) -> None:
    now, most = [], []

    def work(_: Store) -> Outcome:
        now.append(1)
        most.append(len(now))
        time.sleep(0.03)
        now.pop()
        return Outcome()

    slow = Task("slow", "Slow", lambda _: 0.0, work, apart=False)
    with running(Maintainer(store, [slow])):
        until(lambda: len(most) >= 5, "five runs")
    assert set(most) == {1}


def test_settings_that_change_count_at_once(store: Store, folder: Path) -> None:
    count = Count()
    task = count.task._replace(period=lambda settings: settings.upkeep_sample_minutes * 60)
    heard = told(store)
    with running(Maintainer(store, [task], look=0.05)):
        until(lambda: count.runs == 1, "the first run")
        (folder / "chartkeep.toml").write_text("[upkeep]\nsample_minutes = 0.1\nsparkle = 1\n")
        until(lambda: heard, "a word about the settings")
        assert "sparkle" in heard[0].text
        assert store.settings.upkeep_sample_minutes == 0.1


def test_new_damage_is_seen_to_at_once(store: Store) -> None:
    from store.errors import Damaged

    heal = Count("heal")
    with running(Maintainer(store, [heal.task], look=0.05)):
        until(lambda: heal.runs == 1, "the first run")
        store.damage["default"] = Damaged("line 3")
        until(lambda: heal.runs == 2, "another run")
        time.sleep(0.2)
    assert heal.runs == 2


# -- the program -----------------------------------------------------------------------------------


def program(folder: Path, *words: str, **env: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "store.cli", "--store", str(folder), "maintain", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env}
    )


def held(store: Store, process: subprocess.Popen[bytes]) -> Any:
    return until(lambda: f"pid {process.pid} " in (lease.holder(store) or ""), "the lease", 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_what_is_owed_is_published(
    store: Store, folder: Path, number: signal.Signals
) -> None:
    (folder / "chartkeep.toml").write_text("[store]\npublish_delay = 60\n")
    process = program(folder)
    held(store, process)
    made = chart(store, "Published at the end")
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert time.monotonic() - begun < 8
    assert b"Stopped." in out
    assert made in (folder / "charts.jsonl").read_text()
    assert lease.holder(store) is None


def test_the_second_takes_over_when_the_first_is_killed(store: Store, folder: Path) -> None:
    first = program(folder)
    held(store, first)
    second = program(folder)
    assert second.stderr is not None
    assert f"pid {first.pid} ".encode() in second.stderr.readline()
    first.kill()
    first.communicate()
    held(store, second)
    second.terminate()
    second.communicate(timeout=20)
    assert second.returncode == 0


def test_once_prints_a_json_document_per_task(folder: Path) -> None:
    process = program(folder, "--once", "--json")
    out, _ = process.communicate(timeout=60)
    documents = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert {task.name for task in TASKS} <= {one["task"] for one in documents}
    assert set(documents[0]) == {"task", "title", "at", "seconds", "ok", "did", "note", "damage"}


def test_once_gives_way_to_who_does_it_already(store: Store, folder: Path) -> None:
    mine = lease.Lease(store)
    assert mine.take(Event())
    process = program(folder, "--once", "--wait", "0")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 5
    assert f"pid {os.getpid()}".encode() in err
    mine.give_back()


def test_once_ends_with_8_where_there_is_damage_that_cannot_be_healed(store: Store, folder: Path) -> None:
    for number in range(3):
        chart(store, f"Outcome {number}")
    store.close()
    journal = folder / ".journal" / "default" / "charts.jsonl"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 600] = bytes(600)
    journal.write_bytes(data)
    (folder / "charts.jsonl").unlink()
    shutil.rmtree(folder / ".index")
    process = program(folder, "--once")
    process.communicate(timeout=60)
    assert process.returncode == 8


def test_read_only_is_refused(folder: Path) -> None:
    process = program(folder, "--read-only")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 6
    assert b"reading only" in err


# -- systemd ---------------------------------------------------------------------------------------


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        yield sock


def test_the_service_manager_is_told(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    assert notify("READY=1")
    assert manager.recv(100) == b"READY=1"
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname() + "-gone")
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "relative")
    assert not notify("READY=1")


def test_an_abstract_socket_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"chartkeep-{os.getpid()}-{threading.get_ident()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify("WATCHDOG=1")
        assert sock.recv(100) == b"WATCHDOG=1"


def test_a_service_says_when_it_is_ready_alive_and_stopping(folder: Path, manager: socket.socket) -> None:
    process = program(folder, NOTIFY_SOCKET=manager.getsockname())
    said = [manager.recv(200)]
    while said[-1] != b"WATCHDOG=1":
        said.append(manager.recv(200))
    assert said[0].startswith(b"READY=1")
    process.terminate()
    while said[-1] != b"STOPPING=1":
        said.append(manager.recv(200))
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_service_that_waits_for_the_lease_is_alive_too(
    store: Store, folder: Path, manager: socket.socket
) -> None:
    mine = lease.Lease(store)
    assert mine.take(Event())
    process = program(folder, NOTIFY_SOCKET=manager.getsockname())
    assert manager.recv(200).startswith(b"READY=1")
    assert manager.recv(200) == b"WATCHDOG=1"
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    mine.give_back()


def test_a_failure_with_a_code_keeps_it() -> None:
    assert Failed("damaged", 8).exit_code == 8
