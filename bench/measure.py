"""What every benchmark shares: a figure with its floor and target, timing in turns, and the table.

A machine is never quiet, so a figure is worth something only beside its floor: the least that any
program would take for the same work, measured in the same run, taking turns with ours.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = ("figure", "floor", "ours", "ratio", "target", "")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. Without a target it is for information."""

    name: str
    unit: str
    ours: float
    floor: float | None = None
    most: float | None = None
    """Target: at most so many times the floor."""
    least: float | None = None
    """Target: at least so many times the floor, for rates."""
    limit: float | None = None
    """Target: at most this, in the figure's own unit."""
    least_of: float | None = None
    """Target: at least this, in the figure's own unit."""

    @property
    def ratio(self) -> float | None:
        """Ours in times the floor."""
        return self.ours / self.floor if self.floor else None

    @property
    def ok(self) -> bool:
        """False where a target is missed."""
        ratio = self.ratio
        return not (
            (self.most is not None and ratio is not None and ratio > self.most)
            or (self.least is not None and ratio is not None and ratio < self.least)
            or (self.limit is not None and self.ours > self.limit)
            or (self.least_of is not None and self.ours < self.least_of)
        )

    @property
    def target(self) -> str:
        """The targets in words."""
        parts = [
            f"<= {self.most:g}x" if self.most is not None else "",
            f">= {self.least:g}x" if self.least is not None else "",
            f"<= {self.limit:g} {self.unit}" if self.limit is not None else "",
            f">= {self.least_of:,.0f} {self.unit}" if self.least_of is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        verdict = "" if not self.target else "ok" if self.ok else "MISSED"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        floor = "" if self.floor is None else amount(self.floor, self.unit)
        return (self.name, floor, amount(self.ours, self.unit), ratio, self.target, verdict)

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "figure": self.name,
            "unit": self.unit,
            "floor": self.floor,
            "ours": self.ours,
            "ratio": self.ratio,
            "target": self.target,
            "ok": self.ok,
        }


def amount(value: float, unit: str) -> str:
    """A number with its unit, to three digits or so."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


class Bare:
    """What any durable write costs: append the bytes, fdatasync."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, data: bytes) -> None:
        os.write(self.fd, data)
        os.fdatasync(self.fd)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turns(rounds: int, works: dict[str, Callable[[], object]], *, warm: int = 0) -> dict[str, list[float]]:
    """Seconds of each call, by name: all works once, then all once more, so that noise hits all alike.

    The first `warm` rounds do not count.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(warm + rounds):
        for name, work in works.items():
            took = timed(work)
            if turn >= warm:
                times[name].append(took)
    return times


def median(values: Iterable[float]) -> float:
    """The median; what every figure is, unless its name says otherwise."""
    return statistics.median(values)


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def row(cells: Iterable[str]) -> str:
    """One line of the table."""
    name, floor, ours, ratio, target, verdict = cells
    return f"{name:<52}{floor:>15}{ours:>15}{ratio:>9}  {target:<22}{verdict}".rstrip()
