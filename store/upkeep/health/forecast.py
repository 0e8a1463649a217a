"""Straight lines through samples: how fast a figure grows, and when the disk is full.

Plain functions over points (seconds, value) in any order. A clock that was set back makes points
overlap, never a division by zero: where time does not pass there is no line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

DAY = 86400.0
MONTH = 30 * DAY
FEWEST = 5
"""Points from which a line is drawn."""

Point = tuple[float, float]


class Line(NamedTuple):
    """value = level + slope * (seconds - middle)."""

    slope: float
    level: float
    middle: float

    def at(self, seconds: float) -> float:
        """The value on the line at an instant."""
        return self.level + self.slope * (seconds - self.middle)


class Growth(NamedTuple):
    """How much is added in a month."""

    percent: float
    """Of what there was when the month began; negative where it shrinks."""
    bytes: float


def line(points: Sequence[Point], spanning: float) -> Line | None:
    """The line of least squares; None for too few points, or points that span less than `spanning` seconds."""
    if len(points) < FEWEST:
        return None
    times = [seconds for seconds, _ in points]
    if max(times) - min(times) < max(spanning, 1.0):
        return None
    middle = math.fsum(times) / len(points)
    level = math.fsum(value for _, value in points) / len(points)
    spread = math.fsum((seconds - middle) ** 2 for seconds in times)
    slope = math.fsum((seconds - middle) * (value - level) for seconds, value in points) / spread
    found = Line(slope, level, middle)
    return found if all(map(math.isfinite, found)) else None


def growth(points: Sequence[Point], spanning: float = 3 * DAY) -> Growth | None:
    """Growth a month of a size in bytes; None where nothing can be said yet."""
    found = line(points, spanning)
    if found is None:
        return None
    now = max(seconds for seconds, _ in points)
    begun = min(seconds for seconds, _ in points)
    base = found.at(max(begun, now - MONTH))
    if base <= 0:
        return None
    added = found.slope * MONTH
    return Growth(100 * added / base, added)


def days_left(points: Sequence[Point], free: float, spanning: float = DAY) -> float | None:
    """Days until nothing of `free` bytes is left, at the pace of the points; None where there are too few.

    Never negative. Infinite where free space does not shrink, or lasts a hundred years: that is no forecast.
    """
    found = line(points, spanning)
    if found is None:
        return None
    if found.slope >= 0:
        return math.inf
    days = max(0.0, free) / -found.slope / DAY
    return days if days < 36500 else math.inf
