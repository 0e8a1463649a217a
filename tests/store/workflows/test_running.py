"""A batch is submitted, run, seen, and run again; what is refused is told; nothing is there twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from store import workflows
from store.errors import Refused, UsageError
from store.store import Store
from store.workflows import claiming, staging
from tests.batches import analogy, batch, file_of, indexed, lines, state, versions
from tests.stores import Opener


@pytest.fixture(autouse=True)
def small_batches(store: Store) -> None:
    """Several transactions for few items."""
    store._settings = replace(store.settings, workflows_batch=10)


def test_a_file_is_taken_in_byte_for_byte(store: Store, tmp_path: Path) -> None:
    odd = b'{ "id":"odd", "type":"analogy" ,"n":12345678901234567890123, "source_domain":"x"}'
    path = file_of(tmp_path, [analogy(n) for n in range(25)] + [odd])
    made = workflows.submit(store, "default", "import", path)
    assert (made.state, made.total, made.source) == ("pending", 26, "batch.jsonl")
    done = workflows.run(store, made.id)
    assert (done.state, done.processed, done.written, done.rejected) == ("completed", 26, 26, 0)
    found = state(store)
    assert found["analogy:odd"] == odd
    assert list(found.values())[:25] == [orjson.dumps(analogy(n)) for n in range(25)]
    assert indexed(store) == set(found)
    assert done.missing == {"quality_score": 1, "target_domain": 1}


def test_the_audit_trail_has_every_transition_with_time_and_author(opened: Opener, store: Store) -> None:
    one = opened(by="ada@home")
    submitted = workflows.submit(
        one, "default", "import", [orjson.dumps(analogy(n)) for n in range(30)], id="w"
    )
    workflows.run(store, submitted.id)
    trail = workflows.steps(store, "w")
    assert [step.state for step in trail] == ["pending", "processing", "completed"]
    assert [step.processed for step in trail] == [0, 0, 30]
    assert trail[0].by == "ada@home"
    assert trail[-1].by == store.session.by
    assert [step.at for step in trail] == sorted(step.at for step in trail)


def test_what_is_refused_is_told_with_line_and_reason(store: Store) -> None:
    done = batch(
        store, [analogy(0), b'{"type":"analogy","id":["x"]}', analogy(1), b"not json", analogy(0)], "w"
    )
    assert (done.state, done.written, done.rejected, done.processed) == ("completed", 2, 3, 5)
    assert done.shown == "completed, 3 rejected"
    told = list(workflows.rejects(store, "w"))
    assert [(one.line, one.code) for one in told] == [(2, "bad-id"), (4, "not-json"), (5, "duplicate-id")]
    assert told[1].item == "not json"
    assert "line 1" in told[2].reason
    assert len(list(workflows.rejects(store, "w", 2))) == 2


def test_an_id_that_comes_again_in_a_later_transaction_is_refused(store: Store) -> None:
    done = batch(store, [*map(analogy, range(15)), analogy(3, note="other")], "w")
    assert (done.written, done.rejected) == (15, 1)
    assert [one.code for one in workflows.rejects(store, "w")] == ["duplicate-id"]


def test_a_repeated_run_adds_nothing_twice(store: Store) -> None:
    without_id = {"type": "concept", "name": "bridge"}
    records = [*map(analogy, range(12)), without_id, without_id]
    first = batch(store, records, "one")
    assert (first.written, first.unchanged) == (13, 1)
    before = versions(store)
    again = batch(store, records, "two")
    assert (again.written, again.unchanged, again.rejected) == (0, 14, 0)
    after = versions(store)
    assert {key: after[key] for key in before if not key.startswith("workflow:")} == {
        key: ver for key, ver in before.items() if not key.startswith("workflow:")
    }


def test_created_drafts_are_there_once_however_often_they_are_submitted(store: Store) -> None:
    drafts = [{"source_domain": "a", "target_domain": "b", "quality_score": 0.5, "n": n} for n in range(3)]
    named = {"idempotency_key": "mine", "source_domain": "a", "target_domain": "c", "quality_score": 1}
    first = batch(store, [*drafts, named], "one", kind="create", options={"kind": "analogy"})
    again = batch(store, [*drafts, named], "two", kind="create", options={"kind": "analogy"})
    assert (first.written, again.written, again.unchanged) == (4, 0, 4)
    made = [orjson.loads(raw) for raw in state(store).values()]
    assert [one["workflow_id"] for one in made] == ["one"] * 4
    other = batch(
        store, [{**named, "target_domain": "z"}], "three", kind="create", options={"kind": "analogy"}
    )
    assert [one.code for one in workflows.rejects(store, other.id)] == ["exists"], (
        "the same key, other content"
    )


def test_other_content_is_refused_unless_it_is_an_update(store: Store) -> None:
    batch(store, [analogy(1), analogy(2)], "one")
    refused = batch(store, [analogy(1, note="new"), analogy(2)], "two")
    assert (refused.written, refused.unchanged, refused.rejected) == (0, 1, 1)
    assert [one.code for one in workflows.rejects(store, "two")] == ["exists"]
    renewed = batch(store, [analogy(1, note="new"), analogy(2)], "three", update=True)
    assert (renewed.written, renewed.unchanged, renewed.rejected) == (1, 1, 0)
    assert orjson.loads(state(store)["analogy:a1"])["note"] == "new"
    assert versions(store)["analogy:a1"] == 2


def test_a_reused_id_is_refused_in_every_context(store: Store) -> None:
    batch(store, [analogy(1)], "w")
    store.contexts.create("work")
    for context in ("default", "work"):
        with pytest.raises(Refused, match="already"):
            workflows.submit(store, context, "import", [b"{}"], id="w")
    assert staging.items_of(store.layout, "w").exists(), "what the first one staged is not touched"


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "slot-1", "x" * 101, "ä"])
def test_an_id_that_could_not_name_a_folder_is_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        workflows.submit(store, "default", "import", [b"{}"], id=name)


def test_all_or_nothing(store: Store) -> None:
    bad = batch(store, [*map(analogy, range(30)), b"torn"], "bad", atomic=True)
    assert (bad.state, bad.written, bad.rejected) == ("failed", 0, 1)
    assert "nothing was written" in bad.note
    assert state(store) == {}
    good = batch(store, list(map(analogy, range(30))), "good", atomic=True)
    assert (good.state, good.written) == ("completed", 30)
    transactions = [tx for tx in store.journal("default", "knowledge").read() if len(tx.lines) > 2]
    assert len(transactions) == 1


def test_all_or_nothing_has_a_limit_that_is_told(store: Store) -> None:
    store._settings = replace(store.settings, workflows_atomic_most=10)
    with pytest.raises(Refused, match=r"at most 10 items; this has 11.*workflows\.atomic_most"):
        workflows.submit(
            store, "default", "import", [orjson.dumps(analogy(n)) for n in range(11)], id="w", atomic=True
        )
    assert workflows.listing(store) == []
    assert not staging.folder_of(store.layout, "w").exists(), "nothing of it is left"
    workflows.submit(
        store, "default", "import", [orjson.dumps(analogy(n)) for n in range(10)], id="w", atomic=True
    )


def test_a_deleted_record_comes_back_with_its_next_version(store: Store) -> None:
    from store.knowledge import writing
    from store.model import Edit, Plan

    batch(store, [analogy(1)], "one")
    writing.write(store, "default", lambda _: Plan("knowledge.delete", "d", [Edit("delete", "analogy:a1")]))
    assert state(store) == {}
    done = batch(store, [analogy(1)], "two")
    assert done.written == 1
    assert versions(store)["analogy:a1"] == 3
    assert store.library.record("default", "analogy:a1").row.ver == 3


def test_a_line_that_is_too_long_is_refused_and_read_past(store: Store, tmp_path: Path) -> None:
    store._settings = replace(store.settings, workflows_line_megabytes=0.001)
    path = file_of(tmp_path, [analogy(1), analogy(2, text="x" * 700_000), analogy(3)])
    done = workflows.run(store, workflows.submit(store, "default", "import", path, id="w").id)
    assert (done.written, done.rejected) == (2, 1)
    (one,) = workflows.rejects(store, "w")
    assert (one.line, one.code, one.whole) == (2, "too-long", False)


def test_rejects_can_be_tried_again_as_a_workflow_of_their_own(store: Store) -> None:
    batch(store, [analogy(1)], "first")
    batch(store, [analogy(1, note="x"), analogy(2), b"bad"], "w")
    again = workflows.run(store, workflows.retry(store, "w").id)
    assert (again.id, again.total, again.rejected) == ("w-retry-1", 2, 2)
    assert workflows.retry(store, "w").id == "w-retry-2"
    with pytest.raises(Refused, match="Nothing of the workflow"):
        workflows.retry(store, "first")


def test_a_preview_says_what_would_happen_and_writes_nothing(store: Store, tmp_path: Path) -> None:
    batch(store, [analogy(1), analogy(2)], "w")
    before = store.layout.journal("default", "knowledge").read_bytes()
    records = [
        analogy(1),
        analogy(2, note="x"),
        analogy(3),
        b"bad",
        *map(analogy, range(10, 25)),
        analogy(10),
    ]
    found = workflows.preview(store, "default", "import", file_of(tmp_path, records), update=True)
    assert (found.total, found.new, found.changed, found.unchanged, found.rejected) == (20, 16, 1, 1, 2)
    assert [line for line, _, _ in found.changed_examples] == [2]
    assert len(found.new_examples) == 10
    assert [one.line for one in found.rejects] == [4, 20]
    assert store.layout.journal("default", "knowledge").read_bytes() == before
    assert not (store.layout.workflows / "preview").exists()


def test_progress_is_told_while_it_runs(store: Store) -> None:
    made = workflows.submit(store, "default", "import", [orjson.dumps(analogy(n)) for n in range(55)], id="w")
    told: list[int] = []
    workflows.run(store, made.id, on_progress=lambda one: told.append(one.processed))
    assert told[-1] == 55
    assert told == sorted(told)
    assert claiming.beat(store.layout, "w") is None, "no heartbeat is left behind"


def test_a_store_of_charts_gets_no_journal_of_knowledge(store: Store) -> None:
    from tests.stores import chart

    chart(store, "A finished book", "First")
    store.settle()
    store.verify()
    assert workflows.listing(store) == []
    assert not store.layout.journal("default", "knowledge").exists()
    assert not store.layout.workflows.exists()


def test_a_batch_may_go_to_any_context(store: Store) -> None:
    store.contexts.create("work")
    batch(store, [analogy(1)], "w", context="work")
    assert set(state(store, "work")) == {"analogy:a1"}
    assert state(store) == {}
    assert [one.context for one in workflows.listing(store)] == ["work"]
    assert workflows.listing(store, context="default") == []
    assert lines([]) == b""
