"""When each task of the upkeep is due: plain rules over plain values, and the file that remembers.

1. A task that was not done for however long (sleep, a machine switched off) is due once, not as often
   as it was missed.
2. Time passed is the larger of what the wall clock and what the monotonic clock say. So a clock set
   back stops nothing, and one set forward lets every task run once, not again and again. A last run
   that lies in the future counts as one that was now, and is written down as such (`Schedule.look`).
3. After a failure a task is tried again sooner or later than its period: after one minute, two, four,
   at most an hour. One that began and was never heard of again (its process was killed) has failed.
4. What is remembered is a hint: a file that is lost or cannot be read makes each task run once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, durable, records

if TYPE_CHECKING:
    from store.layout import Layout

STATE = ".upkeep.json"
FIRST_RETRY = 60.0
"""Seconds until a task that failed is tried again; twice as long with every failure in a row."""
LAST_RETRY = 3600.0
"""The longest such pause."""
CUT_SHORT = "it was cut short: the process ended while it ran"


class Past(NamedTuple):
    """What is remembered of a task."""

    tried: datetime | None = None
    """When it last began."""
    done: datetime | None = None
    """When it last ended well."""
    failures: int = 0
    """Failures in a row since."""
    error: str = ""
    """How the last one failed."""


class Moment(NamedTuple):
    """An instant by both clocks."""

    wall: datetime
    mono: float

    @classmethod
    def now(cls) -> Moment:
        """The present one."""
        return cls(clock.now(), clock.monotonic())


class _Known(NamedTuple):
    """The past of a task, and its age in seconds when `mono` was: how rule 2 is kept."""

    past: Past
    age: float
    mono: float


def pause(past: Past, period: float) -> float:
    """Seconds from the beginning of the last run to the next."""
    if past.failures:
        return min(FIRST_RETRY * 2.0 ** min(past.failures - 1, 30), LAST_RETRY)
    return period


class Schedule:
    """The pasts of all tasks in the light of both clocks. Writes nothing itself."""

    def __init__(self, pasts: Mapping[str, Past], moment: Moment) -> None:
        self._known: dict[str, _Known] = {}
        self.corrected = False
        """True where a last run lay in the future: what is remembered should be written anew."""
        for name, past in pasts.items():
            self._known[name] = self._look(past, moment)

    def _look(self, past: Past, moment: Moment) -> _Known:
        age = 0.0
        if past.tried is not None:
            age = (moment.wall - past.tried).total_seconds()
            if age < 0:
                past, age, self.corrected = past._replace(tried=moment.wall), 0.0, True
        return _Known(past, age, moment.mono)

    def past(self, name: str) -> Past:
        """What is remembered of a task."""
        known = self._known.get(name)
        return known.past if known is not None else Past()

    def pasts(self) -> dict[str, Past]:
        """Of all of them, to be written down."""
        return {name: known.past for name, known in self._known.items()}

    def due_in(self, name: str, period: float, moment: Moment) -> float:
        """Seconds until a task with this period is due; 0 where it is."""
        known = self._known.get(name)
        if known is None or known.past.tried is None:
            return 0.0
        by_wall = (moment.wall - known.past.tried).total_seconds()
        passed = max(by_wall, known.age + moment.mono - known.mono)
        return max(0.0, pause(known.past, period) - passed)

    # -- what happens to a task --------------------------------------------------------------------

    def begin(self, name: str, moment: Moment) -> Past:
        """It begins; until it is heard of again it counts as cut short. Returns its past until now."""
        before = self.past(name)
        self._set(
            name, before._replace(tried=moment.wall, failures=before.failures + 1, error=CUT_SHORT), moment
        )
        return before

    def succeed(self, name: str, moment: Moment) -> None:
        """It ended well."""
        self._update(name, self.past(name)._replace(done=moment.wall, failures=0, error=""))

    def fail(self, name: str, error: str) -> None:
        """It failed."""
        self._update(name, self.past(name)._replace(error=error))

    def hasten(self, name: str) -> None:
        """It is due at once, whatever its period."""
        self._known.pop(name, None)

    def take_back(self, name: str, before: Past, moment: Moment) -> None:
        """It was broken off because the upkeep stops: as if it had not begun."""
        self._known[name] = self._look(before, moment)

    def _set(self, name: str, past: Past, moment: Moment) -> None:
        self._known[name] = _Known(past, 0.0, moment.mono)

    def _update(self, name: str, past: Past) -> None:
        known = self._known.get(name)
        if known is not None:
            self._known[name] = known._replace(past=past)


# -- what is remembered from one run of the program to the next --------------------------------------


def path_of(layout: Layout) -> Path:
    """The file that remembers."""
    return layout.journals / STATE


def load(path: Path) -> dict[str, Past]:
    """What is remembered, by task; nothing where the file is not there or makes no sense."""
    try:
        value = records.loads(path.read_bytes())
    except (OSError, records.BadJson):
        return {}
    tasks = value.get("tasks") if isinstance(value, dict) else None
    items = tasks.items() if isinstance(tasks, dict) else ()
    return {name: _past(found) for name, found in items if isinstance(found, dict)}


def save(path: Path, pasts: Mapping[str, Past]) -> None:
    """Remember. Raises StorageError."""
    tasks = {name: _document(past) for name, past in sorted(pasts.items())}
    durable.make_dirs(path.parent)
    durable.write_file(path, records.dumps({"tasks": tasks}) + b"\n")


def failing(pasts: Mapping[str, Past]) -> dict[str, str]:
    """How the last run of each task that failed did so, by name; not of one that runs, or was cut short."""
    return {name: past.error for name, past in pasts.items() if past.failures and past.error != CUT_SHORT}


def _past(found: dict[str, Any]) -> Past:
    failures, error = found.get("failures"), found.get("error")
    return Past(
        _instant(found.get("tried")),
        _instant(found.get("done")),
        failures if isinstance(failures, int) and not isinstance(failures, bool) and failures > 0 else 0,
        error if isinstance(error, str) else "",
    )


def _instant(text: Any) -> datetime | None:
    instant = clock.try_parse(text)
    # Far from now it is no time of ours; sums with it could leave the range of dates.
    near = timedelta(days=366 * 200)
    return instant if instant is not None and abs(instant - clock.now()) < near else None


def _document(past: Past) -> dict[str, Any]:
    return {
        "tried": clock.stamp(past.tried) if past.tried else None,
        "done": clock.stamp(past.done) if past.done else None,
        "failures": past.failures,
        "error": past.error,
    }
