"""The upkeep of one store: what is due is done, one task at a time, until somebody says stop.

Index, journals and chart files are kept in step by the store's background thread all the while; here
the rest is done, by `tasks.TASKS` and `schedule`. Whoever runs this holds the lease.

1. One thread does one task at a time: none is ever begun twice at once.
2. A task that fails, in whatever way, stops no other. It shows as a failed job, is told once, and is
   tried again after a pause that grows.
3. A task broken off by a stop is as if it had not begun: it is due again when somebody takes over.
4. That a task in a process of its own begins is written down before: one that takes the whole process
   down with it is not begun again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from store import clock
from store.errors import ChartkeepError, Damaged, ReadOnly, StorageError
from store.store import Notice
from store.upkeep.maintenance import schedule, tasks
from store.upkeep.maintenance.apart import GRACE, Apart, Broken
from store.upkeep.maintenance.notify import Beat
from store.upkeep.maintenance.schedule import Moment, Past, Schedule
from store.upkeep.maintenance.tasks import SYNC, TASKS, Failed, Outcome, Task

if TYPE_CHECKING:
    from store.settings import Settings
    from store.store import Store

LOOK_SECONDS = 20.0
"""How often settings, damage and the clocks are looked at while nothing is due."""
SLACK = 0.1
"""Who comes by once in a while does what is due within that part of its period, at most `MOST_SLACK` seconds:
a timer is never quite on time."""
MOST_SLACK = 300.0


class TaskResult(NamedTuple):
    """How one run of a task went."""

    task: str
    title: str
    at: str
    """When it began."""
    seconds: float
    ok: bool
    did: bool
    """False where there was nothing to do."""
    note: str
    """What came of it, or why it failed."""
    damage: bool
    """True where damage was found."""


def exit_code(results: Sequence[TaskResult]) -> int:
    """0 where all went well, that of Damaged where damage was found, else 1."""
    if any(result.damage for result in results):
        return Damaged.exit_code
    return 0 if all(result.ok for result in results) else ChartkeepError.exit_code


class Maintainer:
    """Does the upkeep of an open store. Raises ReadOnly for one that may not be written."""

    def __init__(
        self,
        store: Store,
        tasks: Sequence[Task] | None = None,
        *,
        heard: Callable[[TaskResult], None] = lambda _: None,
        look: float = LOOK_SECONDS,
        grace: float = GRACE,
    ) -> None:
        """`heard` is told how each task went; `grace` are the seconds a task has to stop."""
        if store.readonly:
            raise ReadOnly(
                f"{store.root} is open for reading only, and upkeep changes files: nothing was done."
            )
        self._store = store
        self._tasks = tuple(TASKS if tasks is None else tasks)
        self._heard = heard
        self._look_seconds = look
        self._grace = grace
        self._path = schedule.path_of(store.layout)
        self._plan = Schedule({}, Moment.now())
        self._toml = _signature(store.layout.settings)
        self._hurt: frozenset[str] = frozenset()
        self._told: dict[str, str] = {}
        self._beat = Beat()

    # -- for as long as it runs --------------------------------------------------------------------

    def run(self, stop: Event) -> None:
        """Do what is due whenever it is due, until `stop` is set."""
        self._remember()
        while not stop.is_set():
            self._look()
            task = next((task for task in self._tasks if self._due_in(task) <= 0), None)
            if task is not None:
                self._do(task, stop)
                continue
            self._beat()
            soonest = min((self._due_in(task) for task in self._tasks), default=self._look_seconds)
            stop.wait(min(max(soonest, 0.01), self._look_seconds))

    def run_once(self, stop: Event | None = None) -> list[TaskResult]:
        """Bring the store into step, do what is due by what is remembered, each task once; how it went."""
        stop = stop or Event()
        self._remember()
        found = [self._do(SYNC, stop)]
        for task in self._tasks:
            if stop.is_set():
                break
            rest = schedule.pause(self._plan.past(task.name), task.period(self._settings))
            if self._due_in(task) <= min(SLACK * rest, MOST_SLACK):
                found.append(self._do(task, stop))
        found.append(self._do(SYNC, Event(), quiet=True))
        self._save()
        return [result for result in found if result is not None]

    # -- looking about -----------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return self._store.settings

    def _due_in(self, task: Task) -> float:
        return self._plan.due_in(task.name, task.period(self._settings), Moment.now())

    def _remember(self) -> None:
        self._plan = Schedule(schedule.load(self._path), Moment.now())
        if self._plan.corrected:
            self._save()

    def _look(self) -> None:
        """Settings that changed count from now on; new damage is seen to at once."""
        found = _signature(self._store.layout.settings)
        if found != self._toml:
            self._toml = found
            self._store.reload_settings()
            self._tell("settings", " ".join(self._settings.problems))
        hurt = frozenset(self._store.damage)
        if hurt - self._hurt:
            self._plan.hasten("heal")
        self._hurt = hurt

    # -- one task ----------------------------------------------------------------------------------

    def _do(self, task: Task, stop: Event, *, quiet: bool = False) -> TaskResult | None:
        """Run a task and say how it went; None where it was broken off, or `quiet` and all is well."""
        at, begun = clock.stamp(), time.monotonic()
        before = self._plan.begin(task.name, Moment.now())
        ok, outcome = True, Outcome()
        try:
            outcome = self._outcome(task, stop)
        except Broken:
            self._plan.take_back(task.name, before, Moment.now())
            self._save()
            return None
        except (ChartkeepError, OSError) as error:
            ok, outcome = False, Outcome(str(error), damage=_is_damage(error))
        except Exception as error:  # noqa: BLE001 - rule 2
            ok, outcome = False, Outcome(f"{type(error).__name__}: {error}")
        self._note(task, before, ok, outcome)
        seconds = time.monotonic() - begun
        result = TaskResult(task.name, task.title, at, seconds, ok, outcome.did, outcome.note, outcome.damage)
        if quiet and ok:
            return None
        self._heard(result)
        return result

    def _outcome(self, task: Task, stop: Event) -> Outcome:
        """What comes of a task. Raises what goes wrong, once it shows as a failed job; Broken."""
        running: Apart | None = None
        try:
            if task.wanted and not tasks.function(task.wanted)(self._store):
                return Outcome(did=False)
            if not task.apart:
                outcome: Outcome = tasks.function(task.work)(self._store)
                return outcome
            self._save()
            running = Apart(self._store, str(task.work), self._grace)
            return running.run(stop, self._beat)
        except Broken:
            raise
        except Exception as error:
            if running is None or not running.failed_jobs:
                with suppress(Failed), self._store.jobs.run(task.name, task.title):
                    raise Failed(str(error) or type(error).__name__) from error
            raise

    def _note(self, task: Task, before: Past, ok: bool, outcome: Outcome) -> None:
        """Remember how a task went, and tell what is news."""
        if ok:
            self._plan.succeed(task.name, Moment.now())
        else:
            self._plan.fail(task.name, outcome.note)
        if not ok:
            self._tell(task.name, f"Upkeep: “{task.title}” failed and will be tried again. {outcome.note}")
        elif outcome.damage:
            self._tell(task.name, f"Upkeep: damage was found. {outcome.note}".strip())
        else:
            self._tell(task.name, "")
        if task.apart or outcome.did or not ok or before.failures:
            self._save()

    def _tell(self, about: str, text: str) -> None:
        """Tell the person of a problem, once for as long as it stays the same; no text: there is none now."""
        before, self._told[about] = self._told.get(about, ""), text
        if text and text != before:
            self._store.tell(Notice("", frozenset(), own=False, text=text, problem=True))

    def _save(self) -> None:
        """Write down what is remembered; where that fails each task runs once more, no worse."""
        kept = {name: past for name, past in self._plan.pasts().items() if name != SYNC.name}
        try:
            schedule.save(self._path, kept)
        except StorageError as error:
            self._tell("state", f"Upkeep: it cannot be written down what was done. {error}")
        else:
            self._tell("state", "")


def _is_damage(error: BaseException) -> bool:
    return getattr(error, "exit_code", 0) == Damaged.exit_code


def _signature(path: Path) -> tuple[int, int, int]:
    """What tells one state of a file from another; zeros where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)
