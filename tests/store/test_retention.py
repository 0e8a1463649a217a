"""Retention: what is old is put away, compressed and forgotten as its rule says, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store import charts, clock, records
from store.cold import is_cold
from store.store import Store
from store.upkeep.health import metrics
from store.upkeep.retention import retain as retention
from store.upkeep.rules import parse_rule
from tests.store.test_erasing import errors, versions
from tests.stores import chart, live

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def ruled(store: Store) -> Callable[..., Store]:
    """The store with rules, by collection."""

    def rule(**rules: str) -> Store:
        from dataclasses import replace

        given = {name: parse_rule(text) for name, text in rules.items()}
        store._settings = replace(store.settings, retention=given)
        return store

    return rule


def sampled(store: Store, *days: float) -> None:
    """One sample for each age in days."""
    for number, age in enumerate(days):
        at = clock.stamp(NOW - DAY * age)
        metrics.append(
            store, {"type": "metric", "id": f"m{number}-{age}", "at": at, "figures": {"n": float(age)}}
        )


def ages(store: Store, *, live_only: bool = False) -> list[float]:
    """The ages in days of the samples there are, oldest first, each once."""
    journal = store.journal("default", "activity")
    numbers = journal.generations()
    found: dict[str, float] = {}
    for number in numbers[-1:] if live_only else numbers:
        for tx in journal.read_generation(number):
            for line in tx.lines:
                if line.raw is not None and line.key.startswith("x:metric"):
                    found[line.key] = line.value()["figures"]["n"]
    return sorted(found.values(), reverse=True)


def test_without_rules_nothing_is_forgotten(store: Store) -> None:
    clock.fix(NOW)
    sampled(store, 9000, 1)
    assert retention.apply(store, at_once=True).empty
    assert ages(store) == [9000, 1]


def test_metrics_older_than_the_rule_are_forgotten_and_the_journal_says_so(ruled: Any) -> None:
    store = ruled(metrics="delete 30d")
    clock.fix(NOW)
    sampled(store, 90, 31, 29, 0)
    done = retention.apply(store, at_once=True)
    assert done.parts[0].forgotten == {"metrics": 2}
    assert ages(store) == [29, 0]
    assert errors(store) == []
    journal = store.journal("default", "activity")
    told = [
        (tx, line)
        for number in journal.generations()
        for tx in journal.read_generation(number)
        for line in tx.lines
        if line.key.startswith("x:retention:") and line.raw
    ]
    assert len(told) == 1
    tx, line = told[0]
    assert tx.meta is not None
    assert tx.meta.command == "retention"
    assert line.value()["versions"] == {"metrics": 2}
    assert line.value()["rules"] == {"metrics": "delete 30d"}
    assert retention.apply(store, at_once=True).empty


def test_what_is_warm_lies_in_the_archive_only(ruled: Any) -> None:
    store = ruled(metrics="warm 10d")
    clock.fix(NOW)
    sampled(store, 90, 31, 9, 0)
    assert retention.apply(store, dry_run=True).parts[0].put_away == 2
    assert ages(store, live_only=True) == [90, 31, 9, 0]
    assert retention.apply(store, at_once=True).parts[0].put_away == 2
    assert ages(store, live_only=True) == [9, 0]
    assert ages(store) == [90, 31, 9, 0]
    assert [int(sample.figures["n"]) for sample in metrics.samples(store)] == [90, 31, 9, 0]
    sampled(store, 0.5)
    assert retention.apply(store, at_once=True).empty


def test_archives_turn_cold_and_are_forgotten_whole(ruled: Any) -> None:
    store = ruled(metrics="warm 10d, cold 20d, delete 60d")
    clock.fix(NOW)
    sampled(store, 50, 40)
    store.journal("default", "activity").start_generation([])
    sampled(store, 15, 0)
    done = retention.apply(store, at_once=True).parts[0]
    assert len(done.frozen) == 1
    journal = store.journal("default", "activity")
    assert is_cold(journal.archived(1))
    assert ages(store) == [50, 40, 15, 0]
    clock.fix(NOW + 45 * DAY)
    retention.apply(store, at_once=True)
    assert ages(store) == [15, 0]
    assert not journal.archived(1).exists()
    assert errors(store) == []
    assert [int(sample.figures["n"]) for sample in metrics.samples(store)] == [15, 0]


def test_charts_lose_old_superseded_versions_and_old_deletions_only(ruled: Any) -> None:
    store = ruled(charts="delete 100d")
    clock.fix(NOW - 400 * DAY)
    kept, gone = chart(store, "Book", "Draft"), chart(store, "Trip", "Pack")
    clock.fix(NOW - 300 * DAY)
    store.run("default", charts.add_fact, kept, "Rain")
    store.run("default", charts.remove, gone)
    clock.fix(NOW - 5 * DAY)
    store.run("default", charts.add_fact, kept, "Sun")
    store.settle()
    state, file = live(store), store.layout.chart_file("default").read_bytes()
    clock.fix(NOW)
    planned = retention.apply(store, dry_run=True).parts[0]
    done = retention.apply(store, at_once=True).parts[0]
    assert planned.forgotten == done.forgotten
    assert live(store) == state
    assert store.layout.chart_file("default").read_bytes() == file
    left = versions(store)
    assert not any(gone in key for key, _ in left)
    reality = f"e:{kept}_current_reality"
    # The first leaves a line that keeps its place; the second was superseded five days ago.
    assert left[reality, 1][3] is None
    assert b"Rain" in left[reality, 2][3]
    assert b"Sun" in left[reality, 3][3]
    assert errors(store) == []
    assert store.undo()[0].label.startswith("Undo")
    assert retention.apply(store, at_once=True).empty


def test_in_the_background_a_tenth_is_let_go_by(ruled: Any) -> None:
    store = ruled(metrics="delete 30d")
    clock.fix(NOW)
    sampled(store, 32, 0)
    assert retention.apply(store).empty
    clock.fix(NOW + 2 * DAY)
    assert retention.apply(store).parts[0].forgotten == {"metrics": 1}


def test_a_damaged_journal_says_so_and_the_others_go_on(ruled: Any) -> None:
    store = ruled(metrics="delete 30d", charts="delete 30d")
    clock.fix(NOW)
    sampled(store, 90, 0)
    with clock.at(NOW - 90 * DAY):
        name = chart(store)
    store.close()
    path = store.layout.journal("default")
    data = path.read_bytes().replace(name.encode(), name.encode()[::-1], 1)
    path.write_bytes(data)
    done = retention.apply(store, at_once=True)
    by_family = {part.family: part for part in done.parts}
    assert by_family["charts"].problem
    assert by_family["activity"].forgotten == {"metrics": 1}
    assert path.read_bytes() == data


def test_records_are_in_the_collection_of_their_type() -> None:
    key = records.key_of({"type": "metric", "id": "m1"}, b"")
    assert retention.collection_of("activity", key) == "metrics"
    assert retention.collection_of("charts", "e:chart_1_chart") == "charts"
    assert retention.collection_of("knowledge", "analogy:a") == "analogies"
    assert retention.collection_of("knowledge", "note:a") == "others"
