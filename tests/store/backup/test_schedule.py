"""Which backup is due: the largest whose time has come, one at a time, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import clock
from store.settings import Settings
from store.store import Store
from store.upkeep.backup.manifest import KINDS, Kind
from store.upkeep.backup.schedule import drill_due, due, pick
from store.upkeep.backup.taking import take
from tests.store.backup.restored import settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = Settings()


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], "full"),
        ([("full", 2 * HOUR)], "incremental"),
        ([("full", HOUR / 2)], None),
        ([("full", 2 * DAY)], "differential"),
        ([("full", 2 * DAY), ("differential", 2 * HOUR)], "incremental"),
        ([("full", 2 * DAY), ("differential", 5 * HOUR), ("incremental", HOUR / 2)], None),
        ([("full", 8 * DAY), ("differential", HOUR / 2)], "full"),
        ([("full", 60 * DAY), ("incremental", 59 * DAY)], "full"),
        ([("incremental", HOUR / 2)], "full"),
        ([("full", -HOUR), ("full", 3 * DAY), ("differential", HOUR / 2)], None),
        ([("full", 3 * DAY), ("differential", -HOUR)], "differential"),
        ([("full", -1000 * DAY)], "full"),
    ],
)
def test_the_largest_kind_whose_time_has_come(
    taken: list[tuple[Kind, timedelta]], expected: Kind | None
) -> None:
    assert pick([(kind, NOW - age) for kind, age in taken], NOW, RULES) == expected


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-100_000, 100_000)), max_size=20))
def test_once_it_is_taken_nothing_more_is_due(taken: list[tuple[Kind, int]]) -> None:
    times = [(kind, NOW - timedelta(minutes=age)) for kind, age in taken]
    kind = pick(times, NOW, RULES)
    if kind is not None:
        assert pick([*times, (kind, NOW)], NOW, RULES) is None


def test_a_store_that_slept_for_weeks_takes_one_backup(store: Store) -> None:
    clock.fix(NOW)
    assert due(store) == "full"
    take(store)
    assert due(store) is None
    clock.fix(NOW + timedelta(minutes=61))
    assert due(store) == "incremental"
    clock.fix(NOW + 30 * DAY)
    assert due(store) == "full"
    assert take(store).kind == "full"
    assert due(store) is None
    clock.fix(NOW + 30 * DAY - HOUR)
    assert due(store) == "full", "the one from the future does not count"
    settings(store, enabled="false")
    assert due(store) is None


def test_drills_are_due_once_there_is_something_to_try(store: Store) -> None:
    from store.upkeep.backup.drilling import drill

    clock.fix(NOW)
    assert not drill_due(store)
    take(store)
    assert drill_due(store)
    drill(store)
    assert not drill_due(store)
    clock.fix(NOW + 8 * DAY)
    assert drill_due(store)
