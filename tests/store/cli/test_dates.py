"""Past instants as people type them, and due dates as they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from store import clock
from store.errors import UsageError
from store.headless import dates

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    clock.fix(NOW)
    yield
    clock.fix(None)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("now", timedelta()),
        ("2h", timedelta(hours=2)),
        ("3d ago", timedelta(days=3)),
        ("1 week ago", timedelta(weeks=1)),
        ("10min", timedelta(minutes=10)),
        ("2026-11-21T11:00:00Z", timedelta(hours=1)),
        ("2026-11-20 12:00+00:00", timedelta(days=1)),
    ],
)
def test_past_instants(text: str, ago: timedelta) -> None:
    assert dates.past(text) == NOW - ago


def test_a_day_alone_means_its_end() -> None:
    local = dates.past("2026-11-01").astimezone()
    assert (local.day, local.hour, local.minute) == (1, 23, 59)
    assert dates.past("yesterday").astimezone().date() == NOW.astimezone().date() - timedelta(days=1)


@pytest.mark.parametrize("text", ["", "someday", "25:00", "2026-13-01"])
def test_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="Write 2026-11-01"):
        dates.past(text)


@pytest.mark.parametrize(
    ("due", "done", "shown", "mark"),
    [
        (None, False, "", ""),
        ("2026-11-20", False, "overdue 1 day  2026-11-20", "overdue"),
        ("2026-11-20", True, "2026-11-20", ""),
        ("2026-11-21", False, "today  2026-11-21", "soon"),
        ("2026-11-26", False, "in 5 days  2026-11-26", "soon"),
        ("2027-11-26T00:00:00.000Z", False, "2027-11-26", ""),
        ("when it is ready", False, "when it is ready", ""),
    ],
)
def test_due_dates_say_how_far_away_they_are(due: str | None, done: bool, shown: str, mark: str) -> None:
    assert dates.due(due, done) == shown
    assert dates.urgency(due, done) == mark


def test_sizes_and_counts() -> None:
    assert dates.size(100) == "100 B"
    assert dates.size(1536) == "1.5 KiB"
    assert dates.size(3 * 1024**5) == "3145728.0 GiB"
    assert dates.plural(1, "chart") == "1 chart"
    assert dates.plural(2000, "chart") == "2,000 charts"
