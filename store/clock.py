"""The one clock: instants as UTC datetimes and as the text the files hold.

Nothing else in chartkeep asks the system for the time, so a test can set it. The order
of changes never comes from here: order is position in the journal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from time import monotonic, monotonic_ns
from time import time_ns as wall_ns

__all__ = [
    "day_of",
    "file_stamp",
    "fix",
    "monotonic",
    "monotonic_ns",
    "now",
    "parse",
    "stamp",
    "today",
    "try_parse",
    "wall_ns",
]

_fixed: datetime | None = None


def now() -> datetime:
    """The present instant, in UTC. `CHARTKEEP_NOW` (ISO 8601) fixes it, for screenshots and tests."""
    if _fixed is not None:
        return _fixed
    fixed = os.environ.get("CHARTKEEP_NOW")
    if fixed:
        return parse(fixed)
    return datetime.now(UTC)


def fix(instant: datetime | None) -> None:
    """Make `now` answer `instant` until called again with None."""
    global _fixed
    _fixed = instant


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """Within the block it is `instant`: how the demo store gets a past."""
    before = _fixed
    fix(instant)
    try:
        yield
    finally:
        fix(before)


def stamp(instant: datetime | None = None) -> str:
    """`instant` (default: now) as the journal writes it: `2026-11-21T06:00:00.123456Z`."""
    instant = (instant or now()).astimezone(UTC)
    return instant.isoformat(timespec="microseconds")[:26] + "Z"


def file_stamp(instant: datetime | None = None) -> str:
    """`instant` as the chart files write it, to the millisecond: `2026-11-21T06:00:00.123Z`."""
    return stamp(instant)[:-4] + "Z"


def parse(text: str) -> datetime:
    """Any of the four date shapes found in chart files as an instant in UTC.

    `2025-12-31` (midnight UTC), `…Z`, `.mmmZ`, `.uuuuuuZ`; an offset is honoured, a naive
    time is taken as UTC. Raises ValueError on anything else.
    """
    instant = datetime.fromisoformat(text.strip())
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def try_parse(text: object) -> datetime | None:
    """`parse`, but None for what is no date: files hold all kinds of things there."""
    if not isinstance(text, str):
        return None
    try:
        return parse(text)
    except ValueError:
        return None


def today() -> date:
    """The present day where the person sits: due dates are days, not instants."""
    return now().astimezone().date()


def day_of(text: str) -> date | None:
    """The calendar day a due date names, in any of its shapes; None if it names none.

    A date without a time is that very day everywhere; an instant is the local day it falls on.
    """
    text = text.strip()
    if len(text) == 10:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    instant = try_parse(text)
    if instant is None:
        return None
    if instant.timetz() == time(0, tzinfo=UTC):
        return instant.date()
    return instant.astimezone().date()
