"""Due dates: as people type them, as files hold them, spread over a chart, and said in words.

A day a person typed is kept as a day (`2026-12-01`); nothing is computed in hours, since a due
date is a day where the person sits.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from store import clock
from store.errors import UsageError

Due = str | date | None
"""A due date as planners take it: a day, a text (as typed or as files hold it), None for none."""

EXAMPLES = "fri, tomorrow, +2w, in 3 days, 1 dec, 12-01, 2026-12-01, eom, eoy, none"

_NONE = frozenset({"", "-", "none", "no", "never", "clear"})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_DAYS = {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SPAN = re.compile(
    r"(?P<in>in\s+)?(?P<sign>[+-])?\s*(?P<n>\d{1,5}|an?|one)\s*"
    r"(?P<unit>d|days?|w|wks?|weeks?|m|mo|mons?|months?|y|yrs?|years?)(?P<ago>\s+ago)?"
)
_MONTH_DAY = re.compile(r"(\d{1,2})-(\d{1,2})")
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?\s+([a-z]+)\.?(?:,?\s+(\d{4}))?")
_NAME_DAY = re.compile(r"([a-z]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?")


def parse_due(text: str, today: date) -> date | None:
    """The day a person means, or None where they want no due date (`none`, `-`, nothing at all).

    A weekday is the next one after today; `next fri` is the Friday of the next week, Monday
    first. A day without a year is the next such day, today included. Raises UsageError with
    examples for anything else.
    """
    words = " ".join(text.strip().lower().split())
    if words in _NONE:
        return None
    try:
        for reading in (_named, _weekday, _span, _iso, _month_day):
            found = reading(words, today)
            if found is not None:
                return found
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{text!r} is no date chartkeep can read. Write it like one of: {EXAMPLES}")


def file_due(due: Due, today: date | None = None) -> str | None:
    """A due date as files hold it. A text in one of the files' own shapes stays as it is."""
    if due is None:
        return None
    if isinstance(due, datetime):
        return clock.file_stamp(due)
    if isinstance(due, date):
        return due.isoformat()
    text = due.strip()
    if len(text) >= 10 and clock.day_of(text) is not None:
        return text
    found = parse_due(text, today or clock.today())
    return None if found is None else found.isoformat()


def day(due: Due) -> date | None:
    """The day a due date from a file names; None where it names none."""
    if due is None:
        return None
    if isinstance(due, datetime):
        return due.astimezone().date()
    return due if isinstance(due, date) else clock.day_of(due)


def spread(now: date, due: Due, n: int) -> list[str]:
    """`n` due dates from `now` to `due`, evenly and in order, with room before the end as the peers leave it.

    Days as text. Where `due` is not after `now`, all are `due`: never after the parent's.
    Without a due date there is nothing to spread to: `[]`.
    """
    start = now.astimezone().date() if isinstance(now, datetime) else now
    end = day(due)
    if end is None or n <= 0:
        return []
    total = max((end - start).days, 0)
    first = min(start, end)
    return [
        (first + timedelta(days=(2 * total * i + n + 1) // (2 * (n + 1)))).isoformat()
        for i in range(1, n + 1)
    ]


def rescale(
    dates: Sequence[date | None], old_due: date | None, new_due: date, today: date
) -> list[date | None]:
    """Due dates of open steps after the chart's own moves from `old_due` to `new_due`.

    What lies ahead of today moves in proportion; what is overdue stays, and nothing ends up
    after `new_due`. Where the old due date is gone or past there is no proportion: the steps are
    spread anew from today, in the order of their dates. A step without a date stays without.
    """
    if old_due is None or old_due <= today:
        order = sorted((at for at, value in enumerate(dates) if value), key=lambda at: (dates[at], at))
        fresh = spread(today, new_due, len(order))
        placed = dict(zip(order, fresh, strict=True))
        return [date.fromisoformat(placed[at]) if at in placed else None for at in range(len(dates))]
    old_span = (old_due - today).days
    new_span = max((new_due - today).days, 0)

    def moved(value: date) -> date:
        ahead = (value - today).days
        if ahead > 0:
            value = today + timedelta(days=(2 * ahead * new_span + old_span) // (2 * old_span))
        return min(value, new_due)

    return [None if value is None else moved(value) for value in dates]


def describe(due: Due, today: date) -> str:
    """How far off a due date is: `today`, `in 3 days`, `overdue 2 days`; empty where there is none."""
    when = day(due)
    if when is None:
        return ""
    days = (when - today).days
    if days in (0, 1):
        return ("today", "tomorrow")[days]
    amount = f"{abs(days)} day" + ("s" if abs(days) != 1 else "")
    return f"in {amount}" if days > 0 else f"overdue {amount}"


def _named(words: str, today: date) -> date | None:
    """Words for a day or the end of a span."""
    fixed = {
        "today": 0, "tod": 0, "now": 0, "tomorrow": 1, "tom": 1, "tmr": 1, "yesterday": -1, "next week": 7,
    }  # fmt: skip
    if words in fixed:
        return today + timedelta(days=fixed[words])
    if words == "next month":
        return _add_months(today, 1)
    if words == "next year":
        return _add_months(today, 12)
    if words in ("eow", "end of week"):
        return today + timedelta(days=6 - today.weekday())
    if words in ("eom", "end of month"):
        return _month_end(today.year, today.month)
    if words in ("eoq", "end of quarter"):
        return _month_end(today.year, (today.month + 2) // 3 * 3)
    if words in ("eoy", "end of year"):
        return date(today.year, 12, 31)
    return None


def _weekday(words: str, today: date) -> date | None:
    lead, _, name = words.rpartition(" ")
    number = _SHORT_DAYS.get(name)
    if number is None:
        number = next((at for at, full in enumerate(_DAYS) if name in (full, full[:2], full[:3])), None)
    if number is None or lead not in ("", "next", "this", "on"):
        return None
    if lead == "next":
        return today + timedelta(days=7 - today.weekday() + number)
    ahead = (number - today.weekday()) % 7
    return today + timedelta(days=ahead if ahead or lead == "this" else 7)


def _span(words: str, today: date) -> date | None:
    match = _SPAN.fullmatch(words)
    if match is None:
        return None
    number = int(match["n"]) if match["n"].isdigit() else 1
    if match["sign"] == "-" or match["ago"]:
        number = -number
    unit = match["unit"][0]
    if unit in "dw":
        return today + timedelta(days=number * (7 if unit == "w" else 1))
    return _add_months(today, number * (12 if unit == "y" else 1))


def _iso(words: str, _today: date) -> date | None:
    if not re.match(r"\d{4}[-/.]?\d", words):
        return None
    return clock.day_of(words.replace("/", "-").upper()) or date.fromisoformat(words)


def _month_day(words: str, today: date) -> date | None:
    """A month and a day, perhaps with a year: `12-01`, `1 dec`, `dec 1`, `Dec 1, 2026`."""
    year: str | None = None
    if match := _MONTH_DAY.fullmatch(words):
        month, number = int(match[1]), int(match[2])
    elif (match := _DAY_NAME.fullmatch(words)) and (found := _month(match[2])):
        month, number, year = found, int(match[1]), match[3]
    elif (match := _NAME_DAY.fullmatch(words)) and (found := _month(match[1])):
        month, number, year = found, int(match[2]), match[3]
    else:
        return None
    if year is not None:
        return date(int(year), month, number)
    for ahead in range(9):  # 29 February may be eight years off
        try:
            value = date(today.year + ahead, month, number)
        except ValueError:
            continue
        if value >= today:
            return value
    return None


def _month(name: str) -> int | None:
    if len(name) < 3:
        return None
    return next((at for at, full in enumerate(_MONTHS, 1) if full.startswith(name)), None)


def _add_months(start: date, months: int) -> date:
    """The same day some months on; the last of the month where it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])
