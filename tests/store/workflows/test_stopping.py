"""Workflows are paused, cancelled, interrupted and gone on with; several run at once, within a cap."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from store import workflows
from store.errors import NotFound, Refused
from store.store import Store
from store.workflows import claiming, lists
from store.workflows.model import Workflow
from store.workflows.record import load
from tests.batches import analogy, batch, state, versions
from tests.stores import Opener, until


@pytest.fixture(autouse=True)
def small_batches(store: Store) -> None:
    """Several transactions for few items."""
    store._settings = replace(store.settings, workflows_batch=10)


def submitted(store: Store, count: int, workflow_id: str, start: int = 0) -> str:
    items = [orjson.dumps(analogy(n)) for n in range(start, start + count)]
    return workflows.submit(store, "default", "import", items, id=workflow_id).id


def run_until(store: Store, workflow_id: str, count: int, then: object) -> Workflow:
    """Run, and do something once so many items are through."""
    done: list[int] = []

    def heard(one: Workflow) -> None:
        if one.processed >= count and not done:
            done.append(1)
            then()  # type: ignore[operator]

    import store.workflows.engine as engine

    before, engine.TOLD_SECONDS = engine.TOLD_SECONDS, 0.0
    try:
        return workflows.run(store, workflow_id, on_progress=heard)
    finally:
        engine.TOLD_SECONDS = before


def test_a_pause_by_another_process_holds_after_the_present_transaction(store: Store, opened: Opener) -> None:
    other = opened(by="bob@work")
    submitted(store, 60, "w")
    found = run_until(store, "w", 20, lambda: workflows.pause(other, "w"))
    assert (found.state, found.paused, found.shown) == ("processing", True, "paused")
    assert found.processed == 20
    with pytest.raises(Refused, match="paused"):
        workflows.run(store, "w")
    workflows.resume(store, "w", detach=False)
    done = workflows.run(store, "w")
    assert (done.state, done.written) == ("completed", 60)
    assert len(state(store)) == 60
    trail = [(step.state, step.by) for step in workflows.steps(store, "w")]
    assert [name for name, _ in trail] == [
        "pending",
        "processing",
        "paused",
        "processing",
        "processing",
        "completed",
    ]
    assert trail[2][1] == "bob@work"


def test_cancelled_ones_keep_what_they_wrote_and_can_go_on(store: Store, opened: Opener) -> None:
    other = opened()
    submitted(store, 60, "w")
    found = run_until(store, "w", 30, lambda: workflows.cancel(other, "w"))
    assert (found.state, found.processed, len(state(store))) == ("cancelled", 30, 30)
    with pytest.raises(Refused, match="cancelled"):
        workflows.run(store, "w")
    workflows.resume(store, "w", detach=False)
    assert workflows.run(store, "w").written == 60
    assert set(versions(store).values()) >= {1}
    assert all(ver == 1 for key, ver in versions(store).items() if key.startswith("analogy:"))


def test_what_makes_no_sense_is_refused(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    for act in (workflows.pause, workflows.cancel, workflows.resume, workflows.run):
        with pytest.raises(Refused, match="completed"):
            act(store, "w")
    with pytest.raises(NotFound, match="no workflow"):
        workflows.pause(store, "other")


def test_ctrl_c_pauses(store: Store) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    submitted(store, 60, "w")
    with pytest.raises(KeyboardInterrupt):
        run_until(store, "w", 20, stop)
    found = workflows.get(store, "w")
    assert (found.paused, found.processed) == (True, 20)
    workflows.resume(store, "w", detach=False)
    assert workflows.run(store, "w").written == 60


def test_one_that_fails_says_why_and_goes_on_where_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.errors import StorageError
    from store.workflows import staging

    submitted(store, 60, "w")
    real = staging.chunks

    def broken(*words: object) -> object:
        for number, found in enumerate(real(*words)):  # type: ignore[arg-type]
            if number == 3:
                raise StorageError("Cannot read items: the disk reported an input/output error.")
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(staging, "chunks", broken)
        found = workflows.run(store, "w")
    assert (found.state, found.processed) == ("failed", 30)
    assert "input/output" in found.note
    workflows.resume(store, "w", detach=False)
    assert workflows.run(store, "w").written == 60


def test_one_whose_process_was_killed_shows_as_interrupted_and_goes_on(store: Store) -> None:
    submitted(store, 2000, "w")
    code = (
        "import sys, os; from store import open_store, workflows; from dataclasses import replace\n"
        "store = open_store(sys.argv[1]); store._settings = replace(store.settings, workflows_batch=10)\n"
        "def heard(one):\n  if one.processed >= 100: os.kill(os.getpid(), 9)\n"
        "workflows.run(store, 'w', on_progress=heard)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(store.root)], check=False, timeout=60)
    found = workflows.get(store, "w")
    assert found.shown == "interrupted"
    assert 100 <= found.processed < 2000
    workflows.resume(store, "w", detach=False)
    done = workflows.run(store, "w")
    assert (done.state, done.written, done.rejected) == ("completed", 2000, 0)
    assert all(ver == 1 for key, ver in versions(store).items() if key.startswith("analogy:"))


def test_a_detached_process_runs_it(store: Store) -> None:
    submitted(store, 30, "w")
    workflows.start(store, "w")
    until(lambda: workflows.get(store, "w").state == "completed", seconds=60)
    assert len(state(store)) == 30


def test_nobody_runs_what_runs(store: Store) -> None:
    submitted(store, 30, "w")
    with claiming.claimed(store, "w"):
        with pytest.raises(Refused, match="being run already, by"):
            workflows.run(store, "w")
        with pytest.raises(Refused, match="runs already"):
            workflows.resume(store, "w", detach=False)


def test_no_more_run_at_once_than_there_are_workers(store: Store, opened: Opener) -> None:
    store._settings = replace(store.settings, workflows_workers=1)
    submitted(store, 30, "w")
    with claiming.slot(store, lambda: None):
        waiter = threading.Thread(target=workflows.run, args=(store, "w"))
        waiter.start()
        until(lambda: workflows.get(store, "w").note == "waiting for a free worker")
        assert workflows.get(store, "w").state == "pending"
    waiter.join(30)
    assert workflows.get(store, "w").state == "completed"


def test_one_that_waits_for_a_worker_can_be_cancelled(store: Store) -> None:
    store._settings = replace(store.settings, workflows_workers=1)
    submitted(store, 30, "w")
    with claiming.slot(store, lambda: None):
        waiter = threading.Thread(target=workflows.run, args=(store, "w"))
        waiter.start()
        until(lambda: claiming.runner(store.layout, "w"))
        workflows.cancel(store, "w")
        waiter.join(30)
        assert not waiter.is_alive()
    assert workflows.get(store, "w").state == "cancelled"
    assert state(store) == {}


def test_several_at_once_on_one_store(store: Store, opened: Opener) -> None:
    stores = [store, *(opened() for _ in range(2))]
    for one in stores:
        one._settings = replace(store.settings, workflows_batch=7, workflows_workers=3)
    for number in range(3):
        submitted(store, 100, f"w{number}", number * 80)
    threads = [
        threading.Thread(target=workflows.run, args=(one, f"w{number}")) for number, one in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = [workflows.get(store, f"w{number}") for number in range(3)]
    assert [one.state for one in found] == ["completed"] * 3
    assert [one.processed for one in found] == [100] * 3
    assert sum(one.written for one in found) == len(state(store)) == 260
    assert sum(one.unchanged for one in found) == 40
    assert all(ver == 1 for key, ver in versions(store).items() if key.startswith("analogy:"))


def test_counts_stand_in_the_transaction_of_what_they_count(store: Store) -> None:
    batch(store, [*map(analogy, range(25)), b"bad"], "w")
    processed = written = 0
    for tx in store.journal("default", "knowledge").read():
        assert tx.meta is not None
        assert tx.meta.group == "w"
        records = [line for line in tx.lines if line.key.startswith("analogy:")]
        refused = [line for line in tx.lines if line.key.startswith("validation:")]
        (own,) = [load(line.raw or b"") for line in tx.lines if line.key == "workflow:w"]
        written += len(records)
        processed += len(records) + len(refused)
        assert (own.processed, own.written) == (processed, written)
    assert lists.held(store, "w").record.cursor[0] == 26


def test_batches_made_ahead_come_to_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import store.workflows.engine as engine

    monkeypatch.setattr(engine, "MANY", 0)
    submitted(store, 200, "w")
    found = run_until(store, "w", 50, lambda: workflows.pause(store, "w"))
    assert (found.paused, found.processed) == (True, 50)
    assert [thread.name for thread in threading.enumerate() if "batches" in thread.name] == []
    workflows.resume(store, "w", detach=False)
    assert workflows.run(store, "w").written == 200
    assert list(state(store)) == [f"analogy:a{n}" for n in range(200)]


def test_what_goes_wrong_ahead_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import store.workflows.engine as engine
    from store.errors import StorageError
    from store.workflows import staging

    monkeypatch.setattr(engine, "MANY", 0)
    submitted(store, 60, "w")
    real = staging.chunks

    def broken(*words: object) -> object:
        yield next(real(*words))  # type: ignore[arg-type]
        raise StorageError("The disk reported an error.")

    with monkeypatch.context() as patch:
        patch.setattr(staging, "chunks", broken)
        found = workflows.run(store, "w")
    assert (found.state, found.processed, found.note) == ("failed", 10, "The disk reported an error.")


@pytest.mark.parametrize("apart", [False, True])
def test_the_index_follows_while_it_runs(
    store: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    from store.knowledge.model import Filter
    from store.workflows import following

    monkeypatch.setattr(following, "APART_FROM", 0 if apart else 10**9)
    other = opened()
    submitted(store, 60, "w")

    def look() -> None:
        until(lambda: other.library.count(Filter()) >= 10, "the index to follow", seconds=30)

    assert run_until(store, "w", 30, look).written == 60
    assert other.library.count(Filter()) == 60
    odd = [
        {"type": "fable", "id": "ü", "name": "Ünïq 😀"},
        {"type": "concept", "id": "c", "name": "x", "n": 12345678901},
        b"torn",
    ]
    batch(store, [*odd, analogy(3, tags=["a", "b"]), analogy(99)], "odd", update=True)
    assert [item for item in store.verify() if item.severity == "error"] == [], "as if it were rebuilt"


def test_a_writer_waits_for_an_index_that_is_far_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.workflows import following

    monkeypatch.setattr(following, "APART_FROM", 0)
    monkeypatch.setattr(following, "MOST_WAITING", 1)
    submitted(store, 60, "w")
    assert workflows.run(store, "w").written == 60


def test_a_process_for_the_index_that_hangs_or_dies_is_done_without(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from store.knowledge.model import Filter
    from store.workflows import following

    monkeypatch.setattr(following, "APART_FROM", 0)
    monkeypatch.setattr(following, "MOST_WAITING", 1)
    monkeypatch.setattr(following, "PATIENCE", 0.2)
    for number, (words, size) in enumerate((("sleep 100", 9000), ("false", 9000), ("sleep 100", 0))):
        fake = tmp_path / f"python{number}"
        fake.write_text(f"#!/bin/sh\nexec {words}\n")
        fake.chmod(0o755)
        monkeypatch.setattr(following.sys, "executable", str(fake))
        items = [orjson.dumps(analogy(n, text="x" * size)) for n in range(number * 60, number * 60 + 60)]
        workflows.submit(store, "default", "import", items, id=f"w{number}")
        assert workflows.run(store, f"w{number}").written == 60
        assert store.library.count(Filter()) == (number + 1) * 60


def test_without_a_process_for_the_index_it_is_brought_up_to_date_at_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.knowledge.model import Filter
    from store.workflows import following

    monkeypatch.setattr(following, "APART_FROM", 0)
    monkeypatch.setattr(following.sys, "executable", "/nonexistent/python")
    submitted(store, 60, "w")
    assert workflows.run(store, "w").written == 60
    assert store.library.count(Filter()) == 60
