"""The upkeep by a program that people work with: only where nobody else does it, and quick to end."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

import pytest

from store.store import Store
from store.upkeep.maintenance import attending, lease, maintain
from store.upkeep.maintenance.tasks import Outcome, Task
from tests.store.upkeep.hanging import runs as runs_of
from tests.stores import Opener, until

Runs = list[Store]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Stores for which the one task there is was done."""
    found: Runs = []

    def work(store: Store) -> Outcome:
        found.append(store)
        return Outcome()

    task = Task("count", "Count", lambda _: 0.05, work, apart=False)
    monkeypatch.setattr(maintain, "TASKS", (task,))
    monkeypatch.setattr(attending, "AGAIN_SECONDS", 0.1)
    return found


def still(runs: Runs) -> bool:
    """Whether nothing runs."""
    count = len(runs)
    time.sleep(0.4)
    return len(runs) == count


def test_it_does_what_is_due_until_the_store_is_closed(store: Store, runs: Runs) -> None:
    store.start_upkeep(after=0)
    store.start_upkeep(after=0)
    until(lambda: len(runs) > 2, "some runs")
    assert lease.holder(store) is not None
    store.close()
    assert lease.holder(store) is None
    assert still(runs)


def test_it_gives_way_to_another_process_and_takes_over_from_it(
    store: Store, opened: Opener, runs: Runs
) -> None:
    other = lease.Lease(opened())
    assert other.take(Event())
    store.start_upkeep(after=0)
    assert still(runs)
    other.give_back()
    until(lambda: runs, "a run")


def test_it_waits_until_the_person_has_begun(store: Store, runs: Runs) -> None:
    store.start_upkeep(after=30)
    assert still(runs)
    begun = time.monotonic()
    store.close()
    assert time.monotonic() - begun < 1


def test_the_setting_turns_it_off_and_on(store: Store, folder: Path, runs: Runs) -> None:
    (folder / "chartkeep.toml").write_text("[upkeep]\nin_ui = false\n")
    store.start_upkeep(after=0)
    assert still(runs)
    (folder / "chartkeep.toml").write_text("[upkeep]\nin_ui = true\n")
    until(lambda: runs, "a run")


def test_a_store_for_reading_only_gets_no_upkeep(opened: Opener, runs: Runs) -> None:
    opened(readonly=True).start_upkeep(after=0)
    assert still(runs)
    assert not runs


def test_closing_breaks_off_what_runs_within_a_second(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    task = Task("hang", "Hang", lambda _: 60.0, "tests.store.upkeep.hanging:hang")
    monkeypatch.setattr(maintain, "TASKS", (task,))
    store.start_upkeep(after=0)
    until(lambda: runs_of(folder), "the task")
    begun = time.monotonic()
    store.close()
    assert time.monotonic() - begun < 1
    assert not runs_of(folder)
