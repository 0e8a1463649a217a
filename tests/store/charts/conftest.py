"""Every test here sits on Saturday 21 November 2026, at noon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from store import clock
from tests.store.charts.memory import Memory

TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    clock.fix(NOON)
    yield
    clock.fix(None)


@pytest.fixture
def later() -> object:
    """Call it to let a day pass."""

    def pass_a_day(days: int = 1) -> None:
        clock.fix(NOON + timedelta(days=days))

    return pass_a_day


@pytest.fixture
def view() -> Memory:
    return Memory()
