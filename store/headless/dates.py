"""Dates as people read them, and the past instants they name with `--at`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from store import clock
from store.errors import UsageError

SOON = 7
"""Days before a due date from which it is shown as due soon."""

_AGO = re.compile(r"(\d+)\s*(min|mo|h|d|w|m|y)[a-z]*(?:\s+ago)?")
_UNITS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.0, "mo": 30.0, "y": 365.0}


def due(text: str | None, done: bool = False, today: date | None = None) -> str:
    """A due date as the day it names, after how far away it is; empty where there is none.

    The day stands last, so that days line up at the right. What is no date is shown as it
    stands, since files hold all kinds of things there.
    """
    if not text:
        return ""
    day = clock.day_of(text)
    if day is None:
        return text
    days = (day - (today or clock.today())).days
    return day.isoformat() if done or days > SOON * 4 else f"{_distance(days)}  {day.isoformat()}"


def urgency(text: str | None, done: bool) -> str:
    """`overdue`, `soon` or empty: how a due date is to be marked."""
    day = clock.day_of(text) if text and not done else None
    if day is None:
        return ""
    days = (day - clock.today()).days
    return "overdue" if days < 0 else "soon" if days <= SOON else ""


def moment(text: str | None) -> str:
    """An instant in local time to the minute: `2026-11-21 07:46`."""
    instant = clock.try_parse(text)
    if instant is None:
        return text or ""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M")


def past(text: str) -> datetime:
    """The past instant a person means: an ISO date or time, `14:30`, `yesterday`, `2h`, `3d ago`.

    A day alone means its end, so that what was done on it is seen. Raises UsageError.
    """
    words = text.strip().lower()
    local = clock.now().astimezone()
    if words in ("now", "today"):
        return clock.now()
    if words == "yesterday":
        return _end_of(local - timedelta(days=1))
    if match := _AGO.fullmatch(words):
        return clock.now() - timedelta(days=int(match[1]) * _UNITS[match[2]])
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", words):
            return datetime.combine(local.date(), time.fromisoformat(words.zfill(len("00:00"))), local.tzinfo)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words):
            return _end_of(datetime.combine(datetime.fromisoformat(words), time(), local.tzinfo))
        instant = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
    except ValueError:
        raise UsageError(
            f"“{text}” is no time. Write 2026-11-01, 2026-11-01 14:30, 14:30, yesterday, 2h or 3d ago."
        ) from None
    return instant if instant.tzinfo else instant.astimezone()


def size(count: int | float) -> str:
    """Bytes as people read them: `14.2 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def plural(count: int, noun: str) -> str:
    """`1 chart`, `2 charts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _distance(days: int) -> str:
    # As `store.charts.describe` says it, which would load every rule of charts for a list.
    if days in (0, 1):
        return ("today", "tomorrow")[days]
    return f"in {plural(days, 'day')}" if days > 0 else f"overdue {plural(-days, 'day')}"


def _end_of(day: datetime) -> datetime:
    return day.replace(hour=23, minute=59, second=59, microsecond=999999)
