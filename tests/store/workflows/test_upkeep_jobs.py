"""Long jobs of the upkeep are records that every process sees and can cancel; short ones leave nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import workflows
from store.errors import ChartkeepError
from store.locks import Lock
from store.store import Store
from store.workflows import upkeep_jobs
from store.workflows.upkeep_jobs import Cancelled
from tests.batches import analogy, batch, versions
from tests.stores import Opener


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job is long, and looks whenever it tells of itself."""
    monkeypatch.setattr("store.jobs.LONG_SECONDS", 0.0)
    monkeypatch.setattr(upkeep_jobs, "LOOK_SECONDS", 0.0)


def journal(store: Store) -> Path:
    return store.layout.journal("default", "knowledge")


def test_a_short_job_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.jobs.LONG_SECONDS", 30.0)
    with store.jobs.run("backup", "Back up") as job:
        job.at(1, 2)
    assert not journal(store).exists()
    assert not store.layout.workflows.exists()


@pytest.mark.usefixtures("long")
def test_kinds_that_come_all_the_time_are_never_told(store: Store) -> None:
    for kind in ("sync", "publish", "absorb", "import"):
        with store.jobs.run(kind, "x") as job:
            job.at(1, 2)
    with store.jobs.run("backup", "of another process", elsewhere=True) as job:
        job.at(1, 2)
    assert not journal(store).exists()


@pytest.mark.usefixtures("long")
def test_a_long_job_is_listed_while_it_runs_and_when_it_has_ended(store: Store, opened: Opener) -> None:
    other = opened()
    with store.jobs.run("backup", "Back up") as job:
        job.at(1, 4)
        job.at(2, 4)
        (found,) = workflows.listing(other)
        assert (found.kind, found.title, found.shown) == ("backup", "Back up", "processing")
        assert (found.processed, found.total) == (2, 4)
        assert job.job.workflow == found.id
        job.note("all is well")
    (found,) = workflows.listing(other)
    assert (found.state, found.processed, found.note) == ("completed", 4, "all is well")
    assert [step.state for step in workflows.steps(other, found.id)] == ["processing", "completed"]
    assert not (store.layout.workflows / found.id).exists()


@pytest.mark.usefixtures("long")
def test_it_is_cancelled_where_it_tells_of_itself(store: Store, opened: Opener) -> None:
    other = opened(by="bob@work")

    def work() -> None:
        with store.jobs.run("verify", "Verify") as job:
            job.at(1, 4)
            workflows.cancel(other, job.job.workflow)
            job.at(2, 4)

    with pytest.raises(Cancelled, match="was cancelled"):
        work()
    (found,) = workflows.listing(other)
    assert (found.state, found.by) == ("cancelled", "bob@work")
    assert store.jobs.all()[0].state == "failed"


@pytest.mark.usefixtures("long")
def test_a_failed_job_says_why(store: Store) -> None:
    with pytest.raises(ChartkeepError), store.jobs.run("backup", "Back up"):
        raise ChartkeepError("The place is full.")
    (found,) = workflows.listing(store)
    assert (found.state, found.note) == ("failed", "The place is full.")


@pytest.mark.usefixtures("long")
def test_a_job_that_holds_the_journal_is_told_when_it_has_ended(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    store.close()
    with store.jobs.run("compact", "Compact") as job, Lock(journal(store).with_suffix(".lock")).held():
        job.at(1, 4)
        job.at(2, 4)
    (found,) = [one for one in workflows.listing(store) if one.kind == "compact"]
    assert [step.state for step in workflows.steps(store, found.id)] == ["processing", "completed"]


@pytest.mark.usefixtures("long")
def test_trouble_with_telling_is_no_trouble_of_the_job(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.knowledge import writing

    def broken(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(writing, "append_own", broken)
    with store.jobs.run("backup", "Back up") as job:
        job.at(1, 4)
        job.at(2, 4)
    assert store.jobs.all()[0].state == "completed"
    assert not journal(store).exists()


@pytest.mark.usefixtures("long")
def test_a_store_that_is_only_read_tells_nothing(folder: Path, opened: Opener) -> None:
    store = opened(readonly=True)
    with store.jobs.run("verify", "Verify") as job:
        job.at(1, 4)
    assert not (folder / ".journal" / "default" / "knowledge.jsonl").exists()
    assert not (folder / ".workflows").exists()


@pytest.mark.usefixtures("long")
def test_jobs_cannot_be_resumed_or_rolled_back(store: Store) -> None:
    with store.jobs.run("backup", "Back up") as job:
        job.at(1, 4)
        for act in (workflows.pause, workflows.resume, workflows.rollback, workflows.run):
            with pytest.raises(ChartkeepError, match="job of the upkeep"):
                act(store, job.job.workflow)  # type: ignore[operator]


@pytest.mark.usefixtures("long")
def test_it_is_told_though_the_journal_begins_a_new_generation_meanwhile(store: Store) -> None:
    from store.upkeep import compaction

    batch(store, [analogy(n) for n in range(50)], "w")
    with store.jobs.run("backup", "Back up") as job:
        job.at(1, 4)
        compaction.compact(store, "default", "knowledge")
        job.at(2, 4)
    found = {one.id: one.state for one in workflows.listing(store)}
    assert found[job.job.workflow] == "completed"
    assert workflows.get(store, job.job.workflow).ver == 2


@pytest.mark.usefixtures("long")
def test_it_is_told_whole_where_the_journal_was_replaced_meanwhile(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    before = {path: path.read_bytes() for path in journal(store).parent.glob("knowledge.[jw]*")}
    with store.jobs.run("restore", "Restore") as job:
        job.at(1, 4)
        assert job.job.workflow
        for path, data in before.items():  # as a restore does, from a backup that was taken before
            path.unlink()
            path.write_bytes(data)
        job.at(2, 4)
    store.library.sync()
    assert [step.state for step in workflows.steps(store, job.job.workflow)] == ["processing", "completed"]
    assert versions(store)[f"workflow:{job.job.workflow}"] == 2
