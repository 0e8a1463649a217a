"""Running commands: what is planned is committed, whole, on the state it was planned on."""

from __future__ import annotations

import threading

import pytest

from store import charts, records
from store.committing import BEHIND
from store.errors import NotFound, UsageError
from store.model import Edit, Plan
from store.store import Store
from tests.stores import Opener, chart, live, size


def test_a_command_returns_what_it_committed(store: Store) -> None:
    change = store.run("default", charts.create_chart, "A finished book", "Ten pages")
    assert (change.context, change.command, change.by) == ("default", "chart.add", store.session.by)
    assert change.position == store.journal("default").position()
    (tx,) = store.journal("default").read()
    assert (tx.tx, tx.at, tx.by) == (change.tx, change.at, change.by)
    assert [line.key for line in tx.lines] == [edit.key for edit in change.edits]
    assert tx.meta is not None
    assert (tx.meta.session, tx.meta.label) == (store.session.id, change.label)


def test_each_key_counts_its_versions(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    step = f"e:{name}_action_1"
    for title in ("Draft it", "Draft it well"):
        store.run("default", charts.edit_text, step[2:], title)
    store.run("default", charts.remove, [step[2:]])
    store.undo()
    versions = [
        (line.op, line.ver) for tx in store.journal("default").read() for line in tx.lines if line.key == step
    ]
    assert versions == [("put", 1), ("put", 2), ("put", 3), ("delete", 4), ("put", 5)]


def test_a_key_written_twice_in_one_transaction_gets_two_versions(store: Store) -> None:
    def twice(_view: object) -> Plan:
        edits = [Edit("put", "e:a", {"type": "entity", "name": "a", "n": n}) for n in (1, 2)]
        return Plan("test", "Twice", edits)

    store.run("default", twice)
    assert [line.ver for tx in store.journal("default").read() for line in tx.lines] == [1, 2]
    assert live(store)["e:a"]["n"] == 2


def test_an_empty_plan_writes_nothing(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    before = size(store)
    change = store.run("default", charts.set_due, f"{name}_action_1", None)
    change = store.run("default", charts.set_due, f"{name}_action_1", None)
    after = size(store)
    assert change.empty
    assert (change.tx, change.position) == ("", None)
    store.run("default", charts.set_due, f"{name}_action_1", None)
    assert size(store) == after
    assert after >= before


def test_a_planner_that_refuses_writes_nothing_and_stops_nothing(store: Store) -> None:
    name = chart(store)
    before = size(store)
    with pytest.raises(NotFound):
        store.run("default", charts.add_step, "chart_none", "Draft")
    with pytest.raises(UsageError):
        store.run("default", charts.add_step, name, "  ")
    assert size(store) == before
    store.run("default", charts.add_step, name, "Draft")
    assert f"e:{name}_action_1" in live(store)


def test_a_planner_that_breaks_leaves_no_lock_behind(store: Store) -> None:
    name = chart(store)

    def broken(_view: object) -> Plan:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.run("default", broken)
    store.run("default", charts.add_step, name, "Draft")


def test_an_unknown_context_is_not_made(store: Store) -> None:
    with pytest.raises(NotFound, match="no context “wrok”"):
        store.run("wrok", charts.create_chart, "Book")
    assert store.contexts.names() == ["default"]


def test_a_command_sees_what_another_process_committed_a_moment_ago(opened: Opener) -> None:
    here, there = opened("ann"), opened("bob")
    name = chart(here)
    for n in range(3):
        there.run("default", charts.add_step, name, f"Bob's {n}")
        here.run("default", charts.add_step, name, f"Ann's {n}")
    titles = [step.title for step in here.chart("default", name).steps]
    assert titles == ["Bob's 0", "Ann's 0", "Bob's 1", "Ann's 1", "Bob's 2", "Ann's 2"]


def test_what_was_committed_is_acknowledged_though_the_index_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is derived: that it cannot follow is no reason to call a commit a failure."""
    from store.errors import StorageError

    chart(store)

    def full(_journal: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(store.index, "sync", full)

    def many(_view: object) -> Plan:
        return Plan(
            "test",
            "Many",
            [Edit("put", f"e:{n}", {"type": "entity", "name": str(n)}) for n in range(BEHIND + 1)],
        )

    change = store.run("default", many)
    assert change.tx
    monkeypatch.undo()
    with store.snapshot() as snap:
        assert snap.record("default", f"e:{BEHIND}") is not None


def test_threads_share_a_store(store: Store) -> None:
    """A write lane, a read lane and a third thread at once: every reader sees its own writes."""
    name = chart(store)
    failures: list[BaseException] = []

    def work(who: str) -> None:
        try:
            for n in range(15):
                change = store.run("default", charts.add_step, name, f"{who} {n}")
                with store.snapshot() as snap:
                    assert snap.record("default", f"e:{change.focus}") is not None, "not there yet"
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(store.chart("default", name).steps) == 45


def test_a_reader_waits_for_a_sync_that_another_thread_began(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`snapshot` holds this process's own changes, whoever is just bringing the index up to date."""
    name = chart(store)
    began, go = threading.Event(), threading.Event()
    sync = store.index.sync

    def slow(journal: object) -> object:
        began.set()
        go.wait(5)
        return sync(journal)  # type: ignore[arg-type]

    change = store.run("default", charts.add_step, name, "Draft")
    monkeypatch.setattr(store.index, "sync", slow)
    other = threading.Thread(target=store.sync)
    other.start()
    began.wait(5)
    threading.Timer(0.05, go.set).start()
    with store.snapshot() as snap:
        assert snap.record("default", f"e:{change.focus}") is not None
    other.join()


def test_records_keep_their_bytes_where_they_are_not_edited(store: Store) -> None:
    raw = b'{"type":"entity", "name":"odd",  "big":12345678901234567890123, "observations":[]}'

    def put(_view: object) -> Plan:
        return Plan("test", "Odd", [Edit("put", "e:odd", records.loads(raw), raw)])

    store.run("default", put)
    store.publish()
    assert store.layout.chart_file("default").read_bytes() == raw + b"\n"
