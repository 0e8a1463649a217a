"""Background work as the workflow pane and `status` show it: what runs, how far it is, how it ended.

Long jobs of the upkeep are told of in the journal too, for other processes (`store.workflows.upkeep_jobs`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Literal

from store import clock
from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.store import Store
    from store.workflows.upkeep_jobs import Told

JobState = Literal["waiting", "running", "completed", "failed"]
KEEP = 50
LONG_SECONDS = 0.5
"""From here on a job of the upkeep is told of in the journal."""
RECORDED = frozenset(
    ("backup", "verify", "restore", "recover", "drill", "compact", "retention", "erase", "rebuild", "freeze")
)
"""Kinds of jobs that are."""


@dataclass(slots=True)
class Job:
    """One piece of background work. `total` is 0 where it cannot be known beforehand."""

    id: int
    kind: str
    """`sync`, `publish`, `absorb`, `rebuild`, `verify`, `import`, `export`."""
    title: str
    state: JobState = "running"
    done: int = 0
    total: int = 0
    note: str = ""
    started: str = field(default_factory=clock.stamp)
    seconds: float = 0.0
    workflow: str = ""
    """Id of the workflow record that tells of it, too; empty where there is none."""


class Jobs:
    """The jobs of this process, newest last; listeners hear at most every 100 ms while one advances."""

    def __init__(self, store: Store | None = None) -> None:
        """Without a store nothing is told in a journal."""
        self._store = store
        self._jobs: deque[Job] = deque(maxlen=KEEP)
        self._ids = count(1)
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Job], None]] = []
        self._told = 0.0

    def listen(self, callback: Callable[[Job], None]) -> None:
        """Call `callback(job)` from the working thread when a job starts, advances or ends."""
        self._listeners.append(callback)

    def all(self) -> list[Job]:
        """Every job kept, newest first."""
        with self._lock:
            return list(reversed(self._jobs))

    @contextmanager
    def run(
        self, kind: str, title: str, total: int = 0, *, quiet: bool = False, elsewhere: bool = False
    ) -> Iterator[Progressing]:
        """A job that is running within the block; an exception marks it failed and goes on up.

        A quiet one is short: listeners hear of it when it has ended. One that is told of `elsewhere`, by
        the process or the workflow it is a part of, is not told of here.
        """
        job = Job(next(self._ids), kind, title, total=total)
        with self._lock:
            self._jobs.append(job)
        if not quiet:
            self._tell(job, force=True)
        begun = clock.monotonic()
        told = (
            None if elsewhere or self._store is None or kind not in RECORDED else _Telling(self._store, job)
        )
        try:
            yield Progressing(self, job, told)
            job.state = "completed"
            if job.total:
                job.done = job.total
        except BaseException as error:
            job.state = "failed"
            job.note = str(error) if isinstance(error, ChartkeepError) else f"{type(error).__name__}: {error}"
            raise
        finally:
            job.seconds = clock.monotonic() - begun
            if told is not None:
                told.end()
            self._tell(job, force=True)

    def _tell(self, job: Job, *, force: bool = False) -> None:
        moment = clock.monotonic()
        if not force and moment - self._told < 0.1:
            return
        self._told = moment
        for listener in self._listeners:
            listener(job)


class _Telling:
    """What a job has told in the journal: nothing, until it turns out to be long."""

    __slots__ = ("_begun", "_job", "_store", "_told")

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job = job
        self._begun = clock.monotonic()
        self._told: Told | None = None

    def look(self) -> None:
        """It goes on. Raises Cancelled where somebody asked for its end."""
        if clock.monotonic() - self._begun >= LONG_SECONDS and (told := self._made()) is not None:
            told.look()

    def end(self) -> None:
        """It has ended."""
        if self._job.seconds >= LONG_SECONDS and (told := self._made()) is not None:
            told.end()

    def _made(self) -> Told | None:
        if self._told is None and not self._store.readonly:
            from store.workflows.upkeep_jobs import Told

            self._told = Told(self._store, self._job)
        return self._told


class Progressing:
    """What a running job tells of itself."""

    __slots__ = ("_jobs", "_told", "job")

    def __init__(self, jobs: Jobs, job: Job, told: _Telling | None = None) -> None:
        self._jobs = jobs
        self._told = told
        self.job = job

    def at(self, done: int, total: int | None = None) -> None:
        """So much is done, of so much. Raises ChartkeepError where somebody cancelled the job."""
        self.job.done = done
        if total is not None:
            self.job.total = total
        self._jobs._tell(self.job)
        if self._told is not None:
            self._told.look()

    def note(self, text: str) -> None:
        """Say in words what came of it."""
        self.job.note = text
