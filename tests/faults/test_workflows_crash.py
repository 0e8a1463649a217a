"""A workflow is cut short at each system call in turn, and by kill -9 at any moment.

After going on every item is there exactly once, counts are right, what was refused is told once; a
rollback cut short and run again leaves the store as if the workflow had never run.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from store import open_store, workflows
from store.errors import ChartkeepError, NotFound, Refused
from store.store import Store
from store.workflows import claiming, following, undoing
from tests.batches import analogy, batch, file_of, indexed, state, versions
from tests.faults.cutting import CODES, FULL, AtCall, Killed, named
from tests.faults.tally import tally
from tests.stores import Opener

GOOD = [analogy(n) for n in range(25)]
RECORDS: list[Any] = [*GOOD[:12], b"torn {", *GOOD[12:], b'{"type":"analogy","id":[1]}', analogy(3)]
"""Three of them are refused, the last one as it comes twice."""
STEP = 1 if FULL else 3
ROUNDS = 60 if FULL else 6


class _Still:
    """In place of the heartbeat, which would make calls of its own at any time."""

    def __init__(self, *_: object) -> None:
        self.told = {"processed": 0, "rejected": 0, "total": 0}

    def __enter__(self) -> _Still:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, **told: Any) -> None:
        self.told.update(told)

    def rate(self) -> tuple[float, None]:
        return 0.0, None


class _NoFollower:
    """In place of the index following in a thread."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> _NoFollower:
        return self

    def __exit__(self, *_: object) -> None: ...

    def give(self, _: object) -> None: ...


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same calls in the same order every time."""
    monkeypatch.setattr(claiming, "Heart", _Still)
    monkeypatch.setattr("store.workflows.engine.follower", _NoFollower)
    monkeypatch.setattr(undoing, "PART", 10)


def small(store: Store) -> Store:
    store._settings = replace(store.settings, workflows_batch=10)
    return store


def submit_and_run(store: Store, path: Path) -> None:
    """As a person would: submit, or where that was done, go on."""
    try:
        found = workflows.get(store, "w")
    except NotFound:
        workflows.submit(store, "default", "import", path, id="w")
    else:
        if found.state == "completed":
            return
        workflows.resume(store, "w", detach=False)
    workflows.run(store, "w")


def check_done(store: Store, before: dict[str, bytes]) -> None:
    """All is there once, and said once."""
    done = workflows.get(store, "w")
    assert (done.state, done.total, done.processed) == ("completed", 28, 28), done
    assert (done.written, done.rejected, done.unchanged) == (25, 3, 0)
    assert state(store) == {**before, **{f"analogy:{item['id']}": orjson.dumps(item) for item in GOOD}}
    assert all(ver == 1 for key, ver in versions(store).items() if not key.startswith("workflow:"))
    assert sorted(one.line for one in workflows.rejects(store, "w")) == [13, 27, 28]
    store.library.sync()
    assert indexed(store) == set(state(store))


@pytest.mark.timeout(1800 if FULL else 110)
@pytest.mark.parametrize("code", (*CODES[:1], None) if not FULL else (*CODES, None), ids=named)
def test_a_workflow_cut_short_at_any_call_goes_on(tmp_path: Path, opened: Opener, code: int | None) -> None:
    from store import init_store

    path = file_of(tmp_path, RECORDS)
    nth = cut = 0
    while True:
        nth += STEP
        folder = init_store(tmp_path / f"s{nth}" / ".coaia")
        with small(open_store(folder)) as store:
            batch(store, [{"type": "concept", "id": "c", "name": "x"}], "first")
            before = state(store)
        met = _cut(folder, path, nth, code)
        cut += met
        with small(open_store(folder)) as store:
            submit_and_run(store, path)
            check_done(store, before)
            assert [item for item in store.verify() if item.severity == "error"] == []
        if not met:
            break
    tally("workflow cut short", **{named(code): cut})


def _cut(folder: Path, path: Path, nth: int, code: int | None) -> bool:
    """Run the batch until the nth call; whether it came to that."""
    with pytest.MonkeyPatch.context() as patch:
        store = small(open_store(folder))
        fault = AtCall(patch, nth, code)
        try:
            submit_and_run(store, path)
        except (Killed, ChartkeepError):
            pass
        if code is None:
            _drop(store)
    if code is not None:
        store.close()
    return fault.met


def _drop(store: Store) -> None:
    """As the system does with a process that was killed: its locks are free, nothing more is written."""
    store.close()


@pytest.mark.timeout(1800 if FULL else 110)
@pytest.mark.parametrize("code", [*CODES[:1], None], ids=named)
def test_a_rollback_cut_short_at_any_call_is_finished(tmp_path: Path, code: int | None) -> None:
    from store import init_store

    nth = cut = 0
    while True:
        nth += STEP
        folder = init_store(tmp_path / f"s{nth}" / ".coaia")
        with small(open_store(folder)) as store:
            batch(store, [*GOOD[:7], {"type": "concept", "id": "c", "name": "x"}], "first")
            before = state(store)
            batch(store, [{**item, "new": 1} for item in GOOD], "w", update=True)
        with pytest.MonkeyPatch.context() as patch:
            store = small(open_store(folder))
            fault = AtCall(patch, nth, code)
            try:
                workflows.rollback(store, "w")
            except (Killed, ChartkeepError):
                pass
        store.close()
        cut += fault.met
        with small(open_store(folder)) as store:
            with suppress(Refused):  # it was finished already
                workflows.rollback(store, "w")
            assert workflows.get(store, "w").state == "rolled back"
            assert state(store) == before
            assert max(versions(store)[f"analogy:{item['id']}"] for item in GOOD) == 3, "nothing twice"
            store.library.sync()
            assert indexed(store) == set(before)
        if not fault.met:
            break
    tally("rollback cut short", **{named(code): cut})


@pytest.mark.timeout(1800 if FULL else 110)
def test_kill_9_at_any_moment(folder: Path, tmp_path: Path) -> None:
    """A process of its own is killed again and again; each time another goes on."""
    count = 3000
    records: list[Any] = [analogy(n) for n in range(count)]
    records[100:100] = [b"torn"]
    records[2000:2000] = [analogy(5)]
    path = file_of(tmp_path, records)
    dice = random.Random(7)
    words = [sys.executable, "-c", _RUN, str(folder), str(path)]
    kills = 0
    for _ in range(ROUNDS):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(dice.random() * 0.15)
            kills += child.poll() is None
            child.kill()
    assert kills
    with open_store(folder) as store:
        submit_and_run(store, path)
        done = workflows.get(store, "w")
        assert (done.state, done.processed, done.written, done.rejected) == ("completed", count + 2, count, 2)
        assert len(state(store)) == count
        assert all(ver == 1 for key, ver in versions(store).items() if key.startswith("analogy:"))
        assert [one.line for one in workflows.rejects(store, "w")] == [101, 2001]
        assert [item for item in store.verify() if item.severity == "error"] == []
    tally("workflow, kill -9", kills=kills, lost=0, doubled=0)


_RUN = """
import sys
from dataclasses import replace
from pathlib import Path
from store import open_store
from store.workflows import following
from tests.faults.test_workflows_crash import submit_and_run
following.APART_FROM = 1000
store = open_store(sys.argv[1])
store._settings = replace(store.settings, workflows_batch=50)
print("begun", flush=True)
submit_and_run(store, Path(sys.argv[2]))
"""


@pytest.mark.parametrize("code", CODES, ids=named)
def test_what_submits_when_the_disk_refuses_leaves_no_half_workflow(
    tmp_path: Path, folder: Path, code: int
) -> None:
    path = file_of(tmp_path, RECORDS)
    store = small(open_store(folder))
    nth = 0
    while True:
        nth += 1
        with pytest.MonkeyPatch.context() as patch:
            fault = AtCall(patch, nth, code)
            with suppress(ChartkeepError):
                workflows.submit(store, "default", "import", path, id=f"w{nth}")
        known = {one.id for one in workflows.listing(store)}
        assert (f"w{nth}" in known) >= (not fault.met)
        if not fault.met:
            break
    for name in known:
        assert workflows.run(store, name).processed == 28
    store.close()
    assert os.path.exists(folder)
    assert following.APART_FROM > 1000
