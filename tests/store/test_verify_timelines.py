"""Rules about dates and parents: what is wrong for sure, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.upkeep.verification.timelines import (
    Dates,
    before,
    circles,
    day_after,
    of_child,
    of_circle,
    of_record,
    of_step,
)

DAY, MORNING, EVENING = "2026-01-02", "2026-01-02T08:00:00Z", "2026-01-02T20:00:00.000Z"
NEXT, BEFORE = "2026-01-03T08:00:00.123456Z", "2026-01-01"


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        (MORNING, EVENING, True),
        (EVENING, MORNING, False),
        (DAY, MORNING, False),
        (MORNING, DAY, False),
        (BEFORE, MORNING, True),
        (DAY, NEXT, True),
        (NEXT, DAY, False),
        (None, MORNING, False),
        ("soon", MORNING, False),
        (MORNING, "", False),
        ("2026-01-02T08:00:00.000Z", "2026-01-02T08:00:00.900Z", False),
        ("2026-01-02T08:00:00.000Z", "2026-01-02T08:00:01.100Z", True),
        ("2026-01-02T10:00:00+02:00", MORNING, False),
    ],
)
def test_before(one, other, wrong):
    assert before(one, other) is wrong


def test_a_record_changed_or_completed_before_it_was_made():
    assert of_record(Dates(MORNING, EVENING, EVENING)) == []
    assert of_record(Dates(None, MORNING, MORNING)) == []
    (wrong,) = of_record(Dates(EVENING, MORNING))
    assert (wrong.code, MORNING in wrong.message, EVENING in wrong.message) == (
        "updated-before-created",
        True,
        True,
    )
    assert [item.code for item in of_record(Dates(EVENING, EVENING, MORNING))] == ["completed-before-created"]
    assert len(of_record(Dates(EVENING, BEFORE, BEFORE))) == 2


def test_due_dates_are_days():
    assert not day_after(EVENING, DAY)
    assert not day_after(DAY, DAY)
    assert day_after("2026-01-03", DAY)
    assert not day_after("2026-01-03", None)
    assert not day_after("whenever", DAY)
    assert [item.code for item in of_child("2026-01-03", DAY)] == ["child-due-after-parent"]
    assert [item.code for item in of_step("2026-01-03", DAY)] == ["step-due-after-chart"]
    assert of_child(DAY, "2026-01-03") == of_step(None, DAY) == []


def test_circles_are_found_once():
    assert circles({"a": None, "b": "a", "c": "b"}) == []
    assert circles({"a": "b", "b": "a", "c": "a", "d": None}) == [["a", "b"]]
    assert circles({"x": "a", "a": "b", "b": "c", "c": "a", "self": "self"}) == [["a", "b", "c"], ["self"]]
    assert circles({"a": "gone"}) == []
    assert of_circle(["a", "b"]) == (
        "circle",
        "charts hang in a circle: a under b under a; the oldest is shown as a root",
    )


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([*"abcdef", None])))
def test_a_chart_is_in_a_circle_if_going_up_leads_back_to_it(parents):
    def leads_back(start):
        current = parents.get(start)
        for _ in range(len(parents)):
            if current == start:
                return True
            current = parents.get(current) if current else None
        return False

    assert {name for circle in circles(parents) for name in circle} == {n for n in parents if leads_back(n)}
