"""When tasks of the upkeep are due, whatever the clocks do, and what is remembered from run to run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.upkeep.maintenance import schedule
from store.upkeep.maintenance.schedule import CUT_SHORT, FIRST_RETRY, LAST_RETRY, Moment, Past, Schedule

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = 3600.0
HOURLY = "hourly"


def moment(seconds: float = 0.0, wall: float | None = None) -> Moment:
    """So many seconds after noon by the monotonic clock; the wall clock may say otherwise."""
    return Moment(NOON + timedelta(seconds=seconds if wall is None else wall), 1000.0 + seconds)


def ran(at: Moment) -> Schedule:
    """A schedule in which the hourly task was done at a moment."""
    plan = Schedule({}, at)
    plan.begin(HOURLY, at)
    plan.succeed(HOURLY, at)
    return plan


def test_what_was_never_done_is_due() -> None:
    assert Schedule({}, moment()).due_in(HOURLY, HOUR, moment()) == 0


def test_a_task_is_due_when_its_period_has_passed_since_it_began() -> None:
    plan = ran(moment())
    assert plan.due_in(HOURLY, HOUR, moment(600)) == HOUR - 600
    assert plan.due_in(HOURLY, HOUR, moment(HOUR)) == 0


def test_a_shorter_period_counts_at_once() -> None:
    assert ran(moment()).due_in(HOURLY, 300, moment(400)) == 0


def test_after_three_days_of_sleep_a_task_is_due_once() -> None:
    """A monotonic clock stands still while the machine sleeps: the wall clock tells (rule 1)."""
    plan, woken = ran(moment()), moment(5, wall=3 * 24 * HOUR)
    assert plan.due_in(HOURLY, HOUR, woken) == 0
    plan.begin(HOURLY, woken)
    plan.succeed(HOURLY, woken)
    assert plan.due_in(HOURLY, HOUR, moment(6, wall=3 * 24 * HOUR + 1)) == HOUR - 1


def test_a_clock_set_back_holds_up_nothing() -> None:
    plan = ran(moment())
    assert plan.due_in(HOURLY, HOUR, moment(HOUR, wall=-24 * HOUR)) == 0


def test_a_run_in_the_future_counts_as_now_and_is_written_down_so() -> None:
    """Also for a program that is started anew each hour, which has no monotonic clock of before."""
    future = {HOURLY: Past(NOON + timedelta(days=400), NOON + timedelta(days=400))}
    plan = Schedule(future, moment())
    assert plan.corrected
    assert plan.due_in(HOURLY, HOUR, moment()) == HOUR
    again = Schedule(plan.pasts(), moment(HOUR))
    assert not again.corrected
    assert again.due_in(HOURLY, HOUR, moment(HOUR)) == 0


def test_what_was_remembered_ages_by_either_clock() -> None:
    plan = Schedule({HOURLY: Past(NOON - timedelta(minutes=30))}, moment())
    assert plan.due_in(HOURLY, HOUR, moment(60)) == pytest.approx(HOUR / 2 - 60)
    assert plan.due_in(HOURLY, HOUR, moment(HOUR / 2, wall=-HOUR)) == 0


def test_failures_are_tried_again_less_and_less_often() -> None:
    plan, pauses = Schedule({}, moment()), []
    for _ in range(9):
        plan.begin(HOURLY, moment())
        plan.fail(HOURLY, "the disk is full")
        pauses.append(plan.due_in(HOURLY, 7 * 24 * HOUR, moment()))
    assert pauses[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    assert pauses[-1] == LAST_RETRY
    plan.begin(HOURLY, moment())
    plan.succeed(HOURLY, moment())
    assert plan.due_in(HOURLY, 7 * 24 * HOUR, moment()) == 7 * 24 * HOUR
    assert plan.past(HOURLY) == Past(NOON, NOON)


def test_a_task_that_killed_its_process_is_not_begun_again_at_once() -> None:
    plan = Schedule({}, moment())
    plan.begin(HOURLY, moment())
    after = Schedule(plan.pasts(), moment(1))
    assert after.past(HOURLY).error == CUT_SHORT
    assert after.due_in(HOURLY, HOUR, moment(1)) == FIRST_RETRY - 1


def test_a_task_broken_off_by_a_stop_is_as_if_it_had_not_begun() -> None:
    plan = ran(moment())
    before = plan.begin(HOURLY, moment(2 * HOUR))
    plan.take_back(HOURLY, before, moment(2 * HOUR + 5))
    assert plan.past(HOURLY) == Past(NOON, NOON)
    assert plan.due_in(HOURLY, HOUR, moment(2 * HOUR + 5)) == 0


def test_times_of_a_task_without_a_past_stay_unknown_when_it_is_taken_back() -> None:
    plan = Schedule({}, moment())
    plan.take_back(HOURLY, plan.begin(HOURLY, moment()), moment(1))
    assert plan.due_in(HOURLY, HOUR, moment(1)) == 0


@given(
    period=st.floats(1, 1e7),
    steps=st.lists(
        st.tuples(st.floats(0, 5000), st.floats(-1e8, 1e8) | st.just(0.0)), min_size=1, max_size=60
    ),
)
def test_no_clock_can_stop_a_task_nor_make_it_storm(period: float, steps: list[tuple[float, float]]) -> None:
    """Time passes in steps; with each the wall clock may be set by any amount. Rule 2."""
    plan, mono, wall = Schedule({}, Moment(NOON, 0.0)), 0.0, 0.0
    since, forward, runs = 0.0, 1, 0
    for passed, jump in steps:
        mono, wall = mono + passed, wall + passed + jump
        since += passed
        forward += jump > 0
        now = Moment(NOON + timedelta(seconds=wall), mono)
        due = plan.due_in(HOURLY, period, now) == 0
        assert due or since < period, "the monotonic clock alone makes it due"
        if due:
            plan.begin(HOURLY, now)
            plan.succeed(HOURLY, now)
            runs, since = runs + 1, 0.0
            assert plan.due_in(HOURLY, period, now) == pytest.approx(period)
    assert runs <= forward + mono / period + 1e-6


# -- what is remembered -----------------------------------------------------------------------------

instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(
    st.dictionaries(
        st.text(max_size=9),
        st.builds(Past, instants | st.none(), instants | st.none(), st.integers(0, 99), st.text(max_size=20)),
        max_size=5,
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, pasts: dict[str, Past]) -> None:
    path = tmp_path_factory.getbasetemp() / "journal" / "state.json"
    schedule.save(path, pasts)
    assert schedule.load(path) == pasts


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"tasks":7}',
        b'{"tasks":{"hourly":3}}',
        b"\xff\x00",
        b'{"tasks":{"hourly":{"tried":"yesterday","failures":"many","error":{}}}}',
        b'{"tasks":{"hourly":{"tried":"0001-01-01","failures":true}}}',
    ],
)
def test_a_state_that_makes_no_sense_costs_one_run(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text)
    assert Schedule(schedule.load(path), moment()).due_in(HOURLY, HOUR, moment()) == 0


def test_a_missing_state_costs_one_run(tmp_path: Path) -> None:
    assert schedule.load(tmp_path / "none") == {}


def test_failing_tasks_are_named_with_the_reason() -> None:
    pasts = {
        "a": Past(failures=2, error="full"),
        "b": Past(done=NOON),
        "c": Past(failures=1, error=CUT_SHORT),
    }
    assert schedule.failing(pasts) == {"a": "full"}
