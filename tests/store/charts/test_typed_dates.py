"""Due dates as people type them, said back in words, spread and rescaled."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.charts import dates
from store.errors import UsageError

TODAY = date(2026, 11, 21)  # a Saturday
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("today", "2026-11-21"),
        ("Tomorrow", "2026-11-22"),
        ("yesterday", "2026-11-20"),
        ("fri", "2026-11-27"),
        ("Friday", "2026-11-27"),
        ("sat", "2026-11-28"),
        ("this sat", "2026-11-21"),
        ("sun", "2026-11-22"),
        ("on monday", "2026-11-23"),
        ("next fri", "2026-11-27"),
        ("next sun", "2026-11-29"),
        ("tues", "2026-11-24"),
        ("+2w", "2026-12-05"),
        ("2w", "2026-12-05"),
        ("+3d", "2026-11-24"),
        ("in 3 days", "2026-11-24"),
        ("in a week", "2026-11-28"),
        ("+1m", "2026-12-21"),
        ("in 2 months", "2027-01-21"),
        ("+1y", "2027-11-21"),
        ("-2d", "2026-11-19"),
        ("3 days ago", "2026-11-18"),
        ("next week", "2026-11-28"),
        ("next month", "2026-12-21"),
        ("2026-12-01", "2026-12-01"),
        ("2026/12/01", "2026-12-01"),
        ("2026-12-01T10:00:00.000Z", "2026-12-01"),
        ("12-01", "2026-12-01"),
        ("11-21", "2026-11-21"),
        ("11-20", "2027-11-20"),
        ("1-5", "2027-01-05"),
        ("02-29", "2028-02-29"),
        ("1 dec", "2026-12-01"),
        ("dec 1", "2026-12-01"),
        ("1st December", "2026-12-01"),
        ("Dec 1, 2027", "2027-12-01"),
        ("1 sept", "2027-09-01"),
        ("3 may 2027", "2027-05-03"),
        ("eom", "2026-11-30"),
        ("end of month", "2026-11-30"),
        ("eow", "2026-11-22"),
        ("eoq", "2026-12-31"),
        ("eoy", "2026-12-31"),
    ],
)
def test_what_people_type(typed: str, expected: str) -> None:
    assert dates.parse_due(typed, TODAY) == date.fromisoformat(expected)


def test_next_week_is_not_this_one_on_a_monday() -> None:
    monday = date(2026, 11, 16)
    assert dates.parse_due("fri", monday) == date(2026, 11, 20)
    assert dates.parse_due("next fri", monday) == date(2026, 11, 27)


def test_a_month_on_from_its_last_day() -> None:
    assert dates.parse_due("+1m", date(2027, 1, 31)) == date(2027, 2, 28)
    assert dates.parse_due("+1y", date(2028, 2, 29)) == date(2029, 2, 28)


@pytest.mark.parametrize("typed", ["none", "-", "", "  ", "None"])
def test_words_for_no_due_date(typed: str) -> None:
    assert dates.parse_due(typed, TODAY) is None


@pytest.mark.parametrize(
    "typed", ["soon", "32 dec", "13-40", "2026-02-30", "12/01", "+w", "fr iday", "99999y", "dec", "0", "in"]
)
def test_anything_else_is_answered_with_examples(typed: str) -> None:
    with pytest.raises(UsageError, match=r"fri, tomorrow, \+2w"):
        dates.parse_due(typed, TODAY)


@given(st.text(max_size=20))
def test_no_text_breaks_it(typed: str) -> None:
    try:
        found = dates.parse_due(typed, TODAY)
    except UsageError:
        return
    assert found is None or isinstance(found, date)


@given(DAYS)
def test_every_day_reads_back_as_itself(day: date) -> None:
    assert dates.parse_due(day.isoformat(), TODAY) == day


@pytest.mark.parametrize(
    ("due", "words"),
    [
        ("2026-11-21", "today"),
        ("2026-11-22", "tomorrow"),
        ("2026-11-24", "in 3 days"),
        ("2026-11-20", "overdue 1 day"),
        ("2026-11-19", "overdue 2 days"),
        (None, ""),
        ("some day", ""),
    ],
)
def test_said_in_words(due: str | None, words: str) -> None:
    assert dates.describe(due, TODAY) == words


@pytest.mark.parametrize("text", ["2025-12-31", "2025-12-31T10:00:00Z", "2025-12-31T10:00:00.123Z"])
def test_the_files_own_shapes_are_kept_as_they_are(text: str) -> None:
    assert dates.file_due(text, TODAY) == text


def test_a_typed_day_is_kept_as_a_day() -> None:
    assert dates.file_due("fri", TODAY) == "2026-11-27"
    assert dates.file_due(date(2026, 12, 1), TODAY) == "2026-12-01"
    assert dates.file_due("none", TODAY) is None


class TestSpread:
    def test_evenly_with_room_before_the_end(self) -> None:
        assert dates.spread(TODAY, "2026-12-21", 2) == ["2026-12-01", "2026-12-11"]

    @given(DAYS, st.integers(0, 2000), st.integers(1, 60))
    def test_in_order_within_bounds_and_even(self, now: date, span: int, n: int) -> None:
        due = now + timedelta(days=span)
        found = [date.fromisoformat(text) for text in dates.spread(now, due.isoformat(), n)]
        assert len(found) == n
        assert found == sorted(found)
        assert all(now <= day <= due for day in found)
        gaps = [(b - a).days for a, b in zip([now, *found], [*found, due], strict=True)]
        assert max(gaps) - min(gaps) <= 1

    @given(DAYS, st.integers(0, 500), st.integers(1, 9))
    def test_a_past_due_date_is_never_passed(self, now: date, late: int, n: int) -> None:
        due = now - timedelta(days=late)
        assert dates.spread(now, due, n) == [due.isoformat()] * n

    def test_nothing_to_spread_to(self) -> None:
        assert dates.spread(TODAY, None, 3) == []
        assert dates.spread(TODAY, "2026-12-01", 0) == []


class TestRescale:
    def test_in_proportion(self) -> None:
        found = dates.rescale(
            [date(2026, 12, 1), date(2026, 12, 11)], date(2026, 12, 21), date(2026, 12, 6), TODAY
        )
        assert found == [date(2026, 11, 26), date(2026, 12, 1)]

    @given(
        st.lists(st.one_of(st.none(), st.integers(-50, 400)), max_size=12),
        st.integers(-50, 300),
        st.integers(-50, 600),
    )
    def test_order_kept_and_never_after_the_new_date(
        self, offsets: list[int | None], old: int, new: int
    ) -> None:
        given_days = [None if offset is None else TODAY + timedelta(days=offset) for offset in offsets]
        new_due = TODAY + timedelta(days=new)
        found = dates.rescale(given_days, TODAY + timedelta(days=old), new_due, TODAY)
        assert [day is None for day in found] == [day is None for day in given_days]
        pairs = sorted((a, b) for a, b in zip(given_days, found, strict=True) if a and b)
        assert [b for _, b in pairs] == sorted(b for _, b in pairs)
        assert all(day <= new_due for day in found if day)

    @given(st.lists(st.integers(1, 100), max_size=8), st.integers(100, 200))
    def test_the_same_date_moves_nothing(self, offsets: list[int], due: int) -> None:
        days = [TODAY + timedelta(days=offset) for offset in offsets]
        same = TODAY + timedelta(days=due)
        assert dates.rescale(days, same, same, TODAY) == days

    def test_what_is_overdue_stays(self) -> None:
        late = date(2026, 11, 1)
        assert dates.rescale([late], date(2026, 12, 21), date(2027, 1, 21), TODAY) == [late]

    def test_after_a_slipped_deadline_steps_are_spread_anew_in_their_order(self) -> None:
        found = dates.rescale(
            [date(2026, 11, 10), None, date(2026, 11, 1)], date(2026, 11, 15), date(2026, 12, 21), TODAY
        )
        assert found == [date(2026, 12, 11), None, date(2026, 12, 1)]
