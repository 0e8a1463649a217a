"""A new generation of a journal of knowledge: what is live goes over, all else stays in the archive, whoever writes."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from store import clock, records, workflows
from store.store import Store
from store.upkeep import compaction
from tests.faults.cutting import AtCall, Killed
from tests.store.upkeep.knowing import analogy, delete, known, put
from tests.stores import Opener


@pytest.fixture
def full(store: Store) -> Store:
    put(store, *(analogy(n) for n in range(50)))
    put(store, *(analogy(n, tags=["again"]) for n in range(0, 50, 2)), ver=2)
    delete(store, "analogy:a7", 2)
    store.library.sync()
    return store


def errors(store: Store) -> list[str]:
    return [str(item) for item in store.verify() if item.severity != "info"]


def present(store: Store) -> dict[str, int]:
    """Keys and versions of the lines of the present generation."""
    return {line.key: line.ver for tx in store.journal("default", "knowledge").read() for line in tx.lines}


def test_what_is_live_goes_over_and_nothing_is_lost(full: Store) -> None:
    before = known(full)
    reckoned = compaction.estimate(full, "default", "knowledge")
    done = compaction.compact(full, "default", "knowledge")
    assert (reckoned.records, done.lines) == (49, 50), "the deletion too"
    assert done.dropped == 26
    assert known(full) == before
    assert set(present(full)) == {*before, "analogy:a7"}
    assert [row.ver for row in full.library.history("default", "analogy:a0")] == [2, 1]
    assert errors(full) == []
    full.library.rebuild()
    assert errors(full) == []
    assert len(full.library.history("default", "analogy:a7")) == 2


def test_old_deletions_are_left_behind_and_their_versions_still_count(full: Store) -> None:
    clock.fix(clock.now() + timedelta(days=91))
    compaction.compact(full, "default", "knowledge")
    assert "analogy:a7" not in present(full)
    from store.knowledge import writing
    from store.model import Edit, Plan

    raw = records.dumps(analogy(7))
    writing.write(
        full, "default", lambda _: Plan("knowledge.add", "Add", [Edit("put", "analogy:a7", None, raw)])
    )
    assert present(full)["analogy:a7"] == 3
    assert errors(full) == []


def test_without_an_index_it_is_made_first(full: Store, opened: Opener) -> None:
    before = known(full)
    full.close()
    for path in full.layout.index.parent.glob("knowledge*"):
        path.unlink()
    other = opened("bob")
    compaction.compact(other, "default", "knowledge")
    assert known(other) == before
    assert errors(other) == []


def test_a_workflow_goes_on_while_generations_begin(full: Store, opened: Opener) -> None:
    lines = [records.dumps(analogy(n)) for n in range(1000, 7000)]
    made = workflows.submit(full, "default", "import", lines)
    other = opened("bob")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            workflows.run(other, made.id)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    rounds = 0
    while thread.is_alive():
        compaction.compact(full, "default", "knowledge")
        rounds += 1
    thread.join()
    assert failed == []
    assert rounds > 1
    full.library.sync()
    done = workflows.get(full, made.id)
    assert (done.state, done.written) == ("completed", 6000)
    assert sum(key.startswith("analogy") for key in known(full)) == 6049
    assert errors(full) == []


@pytest.mark.parametrize("nth", range(1, 40, 3))
def test_one_that_is_killed_leaves_the_journal_as_it_was_or_the_next(
    full: Store, opened: Opener, tmp_path: Path, nth: int
) -> None:
    before = known(full)
    with pytest.MonkeyPatch.context() as patch:
        AtCall(patch, nth)
        try:
            compaction.compact(full, "default", "knowledge")
        except Killed:
            pass
    full.close()
    other = opened("bob")
    other.catch_up()
    assert known(other) == before
    assert errors(other) == []
    compaction.compact(other, "default", "knowledge")
    assert known(other) == before
    assert errors(other) == []
