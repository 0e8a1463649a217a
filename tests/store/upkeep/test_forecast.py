"""Lines through samples: growth a month, and when the disk is full. Whatever the clock did."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.upkeep.health.forecast import DAY, MONTH, days_left, growth, line

GB = 1e9
Points = st.lists(
    st.tuples(st.floats(0, 4e9, allow_nan=False), st.floats(0, 1e15, allow_nan=False)), max_size=40
)


def steady(first: float, per_day: float, days: int = 30) -> list[tuple[float, float]]:
    return [(day * DAY, first + per_day * day) for day in range(days + 1)]


def test_a_disk_that_loses_a_gigabyte_a_day_lasts_as_many_days_as_it_has_gigabytes() -> None:
    assert days_left(steady(50 * GB, -1 * GB), 20 * GB) == pytest.approx(20)


def test_a_disk_that_gains_room_lasts() -> None:
    assert days_left(steady(50 * GB, 1 * GB), 80 * GB) == math.inf
    assert days_left(steady(50 * GB, 0), 50 * GB) == math.inf


def test_what_lasts_a_hundred_years_is_no_forecast() -> None:
    assert days_left(steady(1000 * GB, -1000), 1000 * GB) == math.inf


def test_growth_is_of_what_there_was_when_the_month_began() -> None:
    found = growth(steady(100e6, 1e6))
    assert found is not None
    assert found.percent == pytest.approx(30)
    assert found.bytes == pytest.approx(30e6)


def test_growth_of_a_short_time_is_reckoned_for_a_month() -> None:
    found = growth(steady(100e6, 1e6, days=5))
    assert found is not None
    assert found.bytes == pytest.approx(30e6)


def test_a_saw_of_compactions_is_a_line() -> None:
    saw = [(day * DAY, 100e6 + 1e6 * day - (20e6 if day % 2 else 0)) for day in range(31)]
    found = growth(saw)
    assert found is not None
    assert 25 < found.percent < 40


def test_too_few_points_or_too_short_a_time_say_nothing() -> None:
    assert days_left(steady(50 * GB, -GB)[:4], GB) is None
    assert days_left([(minute * 60.0, GB - minute) for minute in range(100)], GB) is None
    assert growth([(hour * 3600.0, 1e6 + hour) for hour in range(50)]) is None
    assert line([(5.0, 1.0)] * 100, 0) is None


@given(Points, st.floats(-1e15, 1e15, allow_nan=False))
def test_a_forecast_is_never_negative_and_never_fails(points: list[tuple[float, float]], free: float) -> None:
    found = days_left(points, free)
    assert found is None or found >= 0


@given(Points)
def test_growth_is_finite_or_unknown(points: list[tuple[float, float]]) -> None:
    found = growth(points)
    assert found is None or (math.isfinite(found.percent) and math.isfinite(found.bytes))


@given(st.floats(1, 1e6), st.integers(1, 29))
def test_a_clock_set_back_bends_the_line_but_breaks_nothing(per_day: float, when: int) -> None:
    """From some day on every sample says an hour too early: the forecast hardly moves."""
    points = [
        (seconds - (3600 if n > when else 0), value)
        for n, (seconds, value) in enumerate(steady(1e9, -per_day))
    ]
    found = days_left(points, per_day * 10)
    assert found is not None
    assert found == pytest.approx(10, rel=0.05)


def test_the_month_is_the_last_one() -> None:
    year = steady(100e6, 1e6, days=365)
    found = growth(year)
    assert found is not None
    assert found.percent == pytest.approx(100 * 30e6 / (100e6 + 335e6), rel=0.01)
    assert MONTH == 30 * DAY
