"""Clocks jump and differ between hosts: the order is that of the journal, and nothing hangs on a time."""

from __future__ import annotations

from datetime import timedelta

from store import charts, clock
from store.store import Store
from tests.faults.tally import tally
from tests.stores import Opener, chart


def test_a_clock_set_back_an_hour_changes_no_order(store: Store) -> None:
    now = clock.now()
    name = chart(store, "Book", "a")
    step = f"{name}_action_1"
    for n, hours in enumerate((0, 1, 0, -1, 3, -5)):
        clock.fix(now + timedelta(hours=hours))
        store.run("default", charts.edit_text, step, f"Wording {n}")
        assert store.chart("default", name).steps[0].title == f"Wording {n}"
    with store.snapshot() as snap:
        assert [row.ver for row in snap.versions("default", f"e:{step}")] == list(range(1, 8))
        labels = [row.label for row in snap.transactions(limit=3)]
    assert "Wording 5" in labels[0]
    clock.fix(now - timedelta(hours=9))
    store.undo()
    assert store.chart("default", name).steps[0].title == "Wording 4"
    store.rebuild()
    assert store.chart("default", name).steps[0].title == "Wording 4"
    tally("clocks", jumps=7)


def test_two_hosts_whose_clocks_differ_keep_the_order_of_the_journal(opened: Opener) -> None:
    fast, slow = opened("ann@fast"), opened("bob@slow")
    now = clock.now()
    name = chart(fast, "Book", "a")
    step = f"{name}_action_1"
    for n in range(6):
        store, skew = ((fast, 2), (slow, -2))[n % 2]
        clock.fix(now + timedelta(hours=skew))
        store.run("default", charts.edit_text, step, f"Wording {n}")
    clock.fix(now)
    for store in (fast, slow):
        assert store.chart("default", name).steps[0].title == "Wording 5"
        with store.snapshot() as snap:
            told = [row.by.partition("@")[0] for row in reversed(snap.transactions(limit=6))]
        assert told == ["ann", "bob"] * 3
    slow.settle()
    fast.settle()
    assert b"Wording 5" in slow.layout.chart_file("default").read_bytes()
    tally("clocks", hosts=2)
