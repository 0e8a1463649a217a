"""Knowledge brought back as it was: from the journal's own past, from a backup, one record or all of a context."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import clock, records, workflows
from store.errors import NotFound
from store.index.knowledge import past
from store.index.knowledge.past import Forgotten
from store.knowledge import editing, writing
from store.model import Edit, Plan
from store.store import Store
from store.upkeep import compaction
from store.upkeep.backup import open_repository
from store.upkeep.backup.taking import take
from store.upkeep.recovery import restore_knowledge
from store.upkeep.retention.erasing import What, erase
from store.workflows.kinds_restoring import Step, line_of, step_of
from tests.batches import batch, state
from tests.faults.cutting import AtCall, Killed
from tests.stores import Opener

NOW = clock.parse("2026-11-21T12:00:00Z")


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    clock.fix(NOW)
    yield
    clock.fix(None)


def at(hours: float) -> Any:
    moment = NOW + timedelta(hours=hours)
    clock.fix(moment)
    return moment


def raw(number: int, text: str = "", kind: str = "concept") -> bytes:
    """A record whose bytes are not as chartkeep would write them."""
    return b'{ "type":"%s", "id":"c%d", "name":"c%d", "definition":%s}' % (
        kind.encode(), number, number, records.dumps(text),
    )  # fmt: skip


def add(store: Store, number: int, text: str = "") -> None:
    editing.add(store, "default", raw(number, text))


def put(store: Store, number: int, text: str) -> None:
    editing.put(store, "default", f"concept:c{number}", raw(number, text))


def changed(store: Store) -> dict[str, bytes]:
    """At 0 h c0..c4, at 2 h changed, deleted, revived, added; what stood at 1 h."""
    at(0)
    for number in range(5):
        add(store, number, "then")
    editing.delete(store, "default", "concept:c4")
    then = state(store)
    at(2)
    put(store, 0, "later")
    put(store, 0, "latest")
    editing.delete(store, "default", "concept:c1")
    add(store, 4, "revived")
    add(store, 5, "new")
    at(3)
    return then


def run(store: Store, then: Any, keys: tuple[str, ...] = ()) -> Any:
    made = restore_knowledge.submit(store, then, "then", keys)
    return workflows.run(store, made.id)


def restore(store: Store, moment: Any, *keys: str) -> Any:
    return run(store, restore_knowledge.then_of(store, "default", moment, keys), keys)


def test_a_context_is_to_the_byte_what_it_was_and_the_rollback_takes_it_back(store: Store) -> None:
    then = changed(store)
    now = state(store)
    moment = NOW + timedelta(hours=1)
    planned = restore_knowledge.planned(store, restore_knowledge.then_of(store, "default", moment))
    assert (planned.put, planned.deleted) == (2, 2)
    assert set(planned.examples) == {
        ("put", "concept:c0"), ("put", "concept:c1"), ("delete", "concept:c4"), ("delete", "concept:c5"),
    }  # fmt: skip
    assert state(store) == now, "nothing was written"
    done = restore(store, moment)
    assert (done.state, done.written, done.rejected) == ("completed", 4, 0)
    assert state(store) == then
    assert [row.ver for row in store.library.history("default", "concept:c0")] == [4, 3, 2, 1]
    assert restore(store, moment).total == 0
    workflows.rollback(store, done.id)
    assert state(store) == now
    assert [item for item in store.verify() if item.severity == "error"] == []


def test_it_goes_on_from_one_generation_to_the_next(store: Store) -> None:
    then = changed(store)
    compaction.compact(store, "default", "knowledge")
    put(store, 2, "after")
    restore(store, NOW + timedelta(hours=1))
    assert state(store) == then


def test_single_records_by_key(store: Store) -> None:
    then = changed(store)
    now = state(store)
    done = restore(store, NOW + timedelta(hours=1), "concept:c0", "concept:c5")
    assert done.written == 2
    expected = {**now, "concept:c0": then["concept:c0"]}
    del expected["concept:c5"]
    assert state(store) == expected


def test_a_record_that_would_break_a_contract_today_stays(store: Store) -> None:
    at(0)
    add(store, 1)
    editing.add(store, "default", b'{"type":"cluster","id":"k","name":"k","members":[{"key":"concept:c1"}]}')
    at(2)
    editing.delete(store, "default", ["cluster:k", "concept:c1"])
    add(store, 2)
    editing.add(store, "default", b'{"type":"cluster","id":"m","name":"m","members":[{"key":"concept:c2"}]}')
    at(3)
    for key in ("cluster:k", "concept:c2"):
        done = restore(store, NOW + timedelta(hours=1), key)
        assert (done.written, done.rejected) == (0, 1)
        (refused,) = workflows.rejects(store, done.id)
        assert refused.code == "contract"
    assert set(state(store)) == {"concept:c2", "cluster:m"}
    assert restore(store, NOW + timedelta(hours=1), "cluster:k", "concept:c1").written == 2
    assert set(state(store)) == {"concept:c2", "cluster:m", "cluster:k", "concept:c1"}


def test_what_somebody_changes_after_it_was_asked_for_stays(store: Store) -> None:
    then = changed(store)
    found = restore_knowledge.then_of(store, "default", NOW + timedelta(hours=1))
    made = restore_knowledge.submit(store, found, "then")
    put(store, 0, "at the last moment")
    editing.restore(store, "default", "concept:c1")  # as it was: nothing left to do
    done = workflows.run(store, made.id)
    assert (done.written, done.unchanged, done.rejected) == (2, 1, 1)
    (refused,) = workflows.rejects(store, done.id)
    assert refused.code == "no-longer"
    assert state(store) == {**then, "concept:c0": raw(0, "at the last moment")}


def test_what_was_forgotten_is_not_guessed_at_and_a_backup_knows_it(store: Store) -> None:
    then = changed(store)
    backup = take(store)
    erase(store, What(keys=("concept:c0",), superseded=True))
    now = state(store)
    moment = NOW + timedelta(hours=1)
    with pytest.raises(Forgotten, match="concept:c0"):
        restore_knowledge.then_of(store, "default", moment)
    assert restore_knowledge.then_of(store, "default", moment, ["concept:c1"])
    assert state(store) == now
    put(store, 2, "after the backup")
    add(store, 7, "after the backup")
    with restore_knowledge.then_in(store, open_repository(store), backup, "default", moment) as found:
        assert run(store, found).rejected == 0
    assert state(store) == then
    with restore_knowledge.then_in(store, open_repository(store), backup, "default") as found:
        run(store, found)
    assert state(store) == now


def test_a_version_in_between_that_was_forgotten_is_noticed(store: Store) -> None:
    """What stood may have been that one, and is not taken to be the one before it."""
    at(0)
    add(store, 0, "first")
    at(2)
    put(store, 0, "second")
    at(4)
    put(store, 0, "third")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "_COLUMNS", past._COLUMNS.replace("i.ver", "i.ver + (i.ver > 2)"))
        with pytest.raises(Forgotten):
            restore_knowledge.then_of(store, "default", NOW + timedelta(hours=3))
    restore(store, NOW + timedelta(hours=3))
    assert state(store)["concept:c0"] == raw(0, "second")


def test_a_backup_without_knowledge_restores_none(store: Store) -> None:
    changed(store)
    backup = take(store)
    found = restore_knowledge.then_in(store, open_repository(store), backup, "other")
    with pytest.raises(NotFound, match="no knowledge of “other”; it holds default"), found:
        pass


def test_before_there_was_anything_there_was_nothing(store: Store) -> None:
    changed(store)
    done = restore(store, NOW - timedelta(hours=1))
    assert state(store) == {}
    assert store.library.workflows("default")[0].row.id == done.id, "the audit trail stays"
    with pytest.raises(NotFound):
        restore_knowledge.then_of(store, "elsewhere", NOW)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_transaction_of_many_stood_whole_from_its_very_instant_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(past, "PART", size)
    at(0)
    edits = [Edit("put", f"concept:c{number}", None, raw(number, "then")) for number in range(7)]
    writing.write(store, "default", lambda _: Plan("knowledge.put", "Put", edits))
    then = state(store)
    at(1)
    batch(store, [raw(number, "later") for number in range(3, 9)], "second", update=True)
    assert restore(store, NOW).written == 6
    assert state(store) == then


@pytest.mark.parametrize("nth", range(1, 260, 23))
def test_a_restore_cut_short_is_finished_by_whoever_resumes_it(
    store: Store, opened: Opener, nth: int
) -> None:
    object.__setattr__(store.settings, "workflows_batch", 1)
    then = changed(store)
    found = restore_knowledge.then_of(store, "default", NOW + timedelta(hours=1))
    made = restore_knowledge.submit(store, found, "then")
    with pytest.MonkeyPatch.context() as patch:
        AtCall(patch, nth)
        try:
            workflows.run(store, made.id)
        except Killed:
            pass
    store.close()
    other = opened("bob")
    other.catch_up()
    if workflows.get(other, made.id).state != "completed":
        workflows.resume(other, made.id, detach=False)
        workflows.run(other, made.id)
    assert state(other) == then
    assert max(row.ver for row in other.library.history("default", "concept:c0")) == 4, "nothing twice"


def test_what_is_erased_is_not_brought_back_by_what_was_staged(store: Store) -> None:
    changed(store)
    found = restore_knowledge.then_of(store, "default", NOW + timedelta(hours=1))
    made = restore_knowledge.submit(store, found, "then")
    erase(store, What(keys=("concept:c0",)))
    done = workflows.run(store, made.id)
    assert done.rejected == 1
    assert "concept:c0" not in state(store)
    assert "concept:c1" in state(store)
    (refused,) = workflows.rejects(store, made.id)
    assert refused.code == "blank"
    assert b"c0" not in (store.layout.workflows / made.id / "items.jsonl").read_bytes()


@given(
    st.text(min_size=1),
    st.integers(0, 1 << 40),
    st.none() | st.dictionaries(st.text(), st.floats(allow_nan=False) | st.text()),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_step_comes_back_as_it_was_staged(key: str, ver: int, value: dict[str, Any] | None) -> None:
    body = None if value is None else b" " + records.dumps(value)
    step = Step(key, ver, body)
    assert step_of(line_of(step)) == step


def test_it_is_told_of_once_however_long_it_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a workflow, and not as a job of the upkeep of the same kind beside it."""
    monkeypatch.setattr("store.jobs.LONG_SECONDS", 0.0)
    monkeypatch.setattr("store.workflows.upkeep_jobs.LOOK_SECONDS", 0.0)
    changed(store)
    done = restore(store, NOW + timedelta(hours=1))
    assert [one.id for one in workflows.listing(store)] == [done.id]
