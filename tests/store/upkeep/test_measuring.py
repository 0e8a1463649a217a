"""What is measured of a store: growth by its journals, superseded bytes, reads from memory, backups, lag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from store import charts, clock
from store.store import Store
from store.upkeep.backup.attempts import Attempt, note
from store.upkeep.health import measuring
from store.upkeep.health.measuring import measure
from tests.stores import Opener, chart, size

NOW = clock.parse("2026-11-21T12:00:00Z")


@contextmanager
def ago(**units: float) -> Iterator[None]:
    with clock.at(NOW - timedelta(**units)):
        yield


@pytest.fixture(autouse=True)
def _now() -> None:
    clock.fix(NOW)


def step(store: Store, name: str) -> str:
    with store.snapshot() as snap:
        return snap.steps("default", name)[0].name


def test_growth_by_the_journals_is_what_the_last_month_wrote(store: Store) -> None:
    with ago(days=100):
        chart(store, "Old", "One")
    before = size(store)
    with ago(days=3):
        chart(store, "New", "One")
    facts = measure(store).facts
    written = size(store) - before
    assert facts.growth_bytes == written
    assert facts.growth == pytest.approx(100 * written / (facts.store_bytes - written))


def test_growth_goes_on_over_generations(store: Store) -> None:
    with ago(days=100):
        chart(store, "Old", "One")
    before = size(store)
    with ago(days=3):
        chart(store, "New", "One")
    written = size(store) - before
    journal = store.journal("default")
    live = [journal.line_bytes(1, line.offset, line.length) for tx in journal.read() for line in tx.lines]
    journal.start_generation(live)
    store.sync()
    with ago(days=1):
        chart(store, "Newest", "One")
    found = measure(store).facts.growth_bytes
    assert found is not None
    assert found >= written


def test_a_young_store_has_no_growth_yet(store: Store) -> None:
    with ago(days=29):
        chart(store, "Young")
    assert measure(store).facts.growth is None


def test_superseded_bytes_are_those_of_no_live_record(store: Store) -> None:
    name = chart(store, "A book", "One")
    store.sync()
    assert measure(store).facts.superseded_bytes < size(store) / 2
    for number in range(200):
        store.run("default", charts.edit_text, step(store, name), f"Another text {number}")
    store.sync()
    facts = measure(store).facts
    journal = store.journal("default")
    newest = {line.key: line for tx in journal.read() for line in tx.lines}
    assert facts.superseded_bytes == size(store) - sum(line.length for line in newest.values())


def test_reads_of_a_chart_at_hand_are_from_memory(opened: Opener, store: Store) -> None:
    name = chart(store, "A book", "One")
    store.sync()
    store.close()
    again = opened()
    again.run("default", charts.add_fact, name, "A fact")
    first = measure(again).facts
    assert first.misses > 0
    for number in range(20):
        again.run("default", charts.add_fact, name, f"Fact {number}")
    later = measure(again).facts
    assert later.misses == first.misses
    assert later.hits > first.hits


def test_a_process_that_planned_nothing_has_read_nothing(opened: Opener, store: Store) -> None:
    chart(store)
    facts = measure(opened()).facts
    assert (facts.hits, facts.misses) == (0, 0)


def test_lag_is_the_age_of_the_oldest_line_the_index_lacks(store: Store) -> None:
    with ago(hours=9):
        chart(store, "Read")
    store.sync()
    with ago(hours=2):
        chart(store, "Not read")
    with ago(hours=1):
        chart(store, "Not read either")
    lag = measuring.waiting(store)
    assert lag.lag_seconds == 7200
    assert 0 < lag.lag_bytes < size(store)
    assert lag.unpublished == ("default",)
    store.settle()
    assert measuring.waiting(store)[:3] == (0, 0.0, ())


def test_attempts_at_backups_of_the_last_month_count(store: Store) -> None:
    def attempt(days: float, ok: bool, what: str = "backup") -> None:
        at = clock.stamp(NOW - timedelta(days=days))
        note(store, Attempt(at, what, "here", "full", "id", ok, 1.0, 1, 1, "" if ok else "full"))

    chart(store)
    for days, ok in ((40, False), (20, True), (10, False), (1, True)):
        attempt(days, ok)
    attempt(2, True, "drill")
    attempt(0.5, False, "drill")
    facts = measure(store).facts
    assert facts.attempts == (2, 3)
    assert facts.drill_at == NOW - timedelta(days=2)
    assert facts.backup_at == NOW - timedelta(days=1)


def test_every_figure_is_measured_without_charts(store: Store) -> None:
    facts = measure(store, probe=True).facts
    assert facts.query_ms is not None
    assert facts.fsync_ms is not None
    assert facts.age is None
