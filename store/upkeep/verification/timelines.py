"""What dates and parents can be, as rules over plain values; nothing here reads a store.

Files of other programs hold dates of all shapes, and some that cannot be. A rule finds only what is
wrong for sure: a date that cannot be read is no date, a day without a time fits any time of that
day, and a second more or less is a matter of clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from store import clock

SLACK = timedelta(seconds=1)


class Dates(NamedTuple):
    """What a record says of itself, in whatever shape its file holds it."""

    created: str | None = None
    updated: str | None = None
    completed: str | None = None


class Wrong(NamedTuple):
    """One thing that cannot be: a stable code, and words for a person."""

    code: str
    message: str


def before(one: str | None, other: str | None) -> bool:
    """True where the instant `one` lies before `other` for sure."""
    first, second = clock.try_parse(one), clock.try_parse(other)
    if first is None or second is None:
        return False
    if _is_day(one) or _is_day(other):
        return first.date() < second.date()
    return first + SLACK < second


def day_after(one: str | None, other: str | None) -> bool:
    """True where the due date `one` is a later day than `other`."""
    first = clock.day_of(one) if one else None
    second = clock.day_of(other) if other else None
    return first is not None and second is not None and first > second


def of_record(dates: Dates) -> list[Wrong]:
    """What cannot be about one record's own dates."""
    found = []
    if before(dates.updated, dates.created):
        found.append(
            Wrong("updated-before-created", f"changed on {dates.updated}, but made on {dates.created}")
        )
    if before(dates.completed, dates.created):
        found.append(
            Wrong("completed-before-created", f"completed on {dates.completed}, but made on {dates.created}")
        )
    return found


def of_child(due: str | None, parent_due: str | None) -> list[Wrong]:
    """What cannot be about a chart's due date under its parent's."""
    if not day_after(due, parent_due):
        return []
    return [Wrong("child-due-after-parent", f"due on {due}, after the chart it hangs under, {parent_due}")]


def of_step(due: str | None, chart_due: str | None) -> list[Wrong]:
    """What cannot be about a step's due date in its chart."""
    if not day_after(due, chart_due):
        return []
    return [Wrong("step-due-after-chart", f"due on {due}, after its chart, {chart_due}")]


def circles(parents: Mapping[str, str | None]) -> list[list[str]]:
    """Charts that are each other's parents, each circle once, beginning where it was first met."""
    done: set[str] = set()
    found = []
    for start in parents:
        trail: dict[str, None] = {}
        current: str | None = start
        while current is not None and current not in done and current not in trail:
            trail[current] = None
            current = parents.get(current)
        if current is not None and current in trail:
            walked = list(trail)
            found.append(walked[walked.index(current) :])
        done.update(trail)
    return found


def of_circle(circle: Iterable[str]) -> Wrong:
    """What to say of charts that form a circle."""
    names = list(circle)
    way = " under ".join([*names, names[0]])
    return Wrong("circle", f"charts hang in a circle: {way}; the oldest is shown as a root")


def _is_day(text: str | None) -> bool:
    return text is not None and len(text.strip()) == 10
