"""The signs and short dates the drawn widgets share: colour is never the only sign.

A state is a word (`done`, `overdue`, `soon`, `stalled`, `problem`, or empty); each has a sign in
Unicode and one in ASCII, and a component style of the same name in `drawn.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple

from store import clock

State = Literal["", "done", "overdue", "soon", "stalled", "problem"]


class Signs(NamedTuple):
    """The characters a terminal can show."""

    opened: str
    closed: str
    done: str
    overdue: str
    soon: str
    stalled: str
    problem: str
    selected: str
    fact: str
    guide: str
    ellipsis: str
    thumb: str
    todo: str
    full: str
    empty: str
    paused: str
    ended: str
    undone: str

    def of(self, state: State) -> str:
        """The sign of a state; a blank for none."""
        return str(getattr(self, state)) if state else " "


UNICODE = Signs("▾", "▸", "✓", "!", "~", "z", "?", "●", "·", "│", "…", "▐", "○", "━", "─", "‖", "×", "«")
ASCII = Signs("v", ">", "x", "!", "~", "z", "?", "*", "-", "|", "~", "|", "o", "#", "-", "=", "/", "<")


def state_of(due: str | None, done: bool, today: date, soon_days: int = 7) -> State:
    """The state a due date and completion give on `today`: done, overdue, soon, or none."""
    if done:
        return "done"
    day = clock.day_of(due) if due else None
    if day is None:
        return ""
    left = (day - today).days
    return "overdue" if left < 0 else "soon" if left <= soon_days else ""


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def short_date(due: str | None, today: date) -> str:
    """`Nov 30` within half a year of today, else `2027-12-01`; what is no date is shown as it is."""
    if not due:
        return ""
    day = clock.day_of(due)
    if day is None:
        return due
    if abs((day - today).days) <= 180:
        return f"{_MONTHS[day.month - 1]} {day.day}"
    return day.isoformat()
