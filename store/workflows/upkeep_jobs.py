"""Long jobs of the upkeep as workflow records, so that every process sees them and can cancel them.

1. A job is told of in the knowledge journal of the default context only once it has run for half a
   second, and only where the store may be written: short ones leave nothing behind.
2. Whatever goes wrong here is no trouble of the job's. A lock that is taken is not waited for: the job
   itself may be what holds it. What could not be told at the beginning is told at the end.
3. The index is not asked: the job may be what makes it anew. The version of the record is known from
   the journal alone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from store import clock, durable, records
from store.errors import ChartkeepError, Locked
from store.knowledge import writing
from store.locks import Lock
from store.model import DEFAULT
from store.workflows import claiming
from store.workflows.record import Record, dump, load, moved
from store.workflows.staging import folder_of

if TYPE_CHECKING:
    from store.jobs import Job
    from store.store import Store
    from store.workflows.model import State

LOOK_SECONDS = 0.5
END_SECONDS = 1.0
"""How long the journal's lock is waited for when a job has ended."""


class Cancelled(ChartkeepError):
    """Somebody cancelled the job; what it had done stays."""


class Told:
    """What one running job tells in the journal."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job = job
        self._mark: writing.Mark | None = None
        self._lock: Lock | None = None
        self._begun = clock.monotonic()
        self._looked = -1e9
        stamp = f"{clock.now():%Y%m%dT%H%M%S}"
        self._record = Record(
            f"{job.kind}-{stamp}-{secrets.token_hex(2)}",
            job.kind,
            job.title,
            submitted=job.started,
            started=job.started,
            state="processing",
            by=store.session.by,
            job=True,
        )

    def look(self) -> None:
        """Now and then: begin to tell of it, tell how far it is. Raises Cancelled where somebody asked for that."""
        moment = clock.monotonic()
        if moment - self._looked < LOOK_SECONDS:
            return
        self._looked = moment
        if self._mark is None:
            with suppress(Exception):
                self._begin()
            return
        with suppress(Exception):
            self._beat(moment)
        if claiming.asked_to_stop(self._store.layout, self._record.id):
            raise Cancelled(f"“{self._job.title}” was cancelled; it can be begun anew at any time.")

    def end(self) -> None:
        """The job has ended, as it says itself."""
        with suppress(Exception):
            self._end()
        with suppress(Exception):
            if self._lock is not None:
                self._lock.release()
                self._lock.close()
                shutil.rmtree(folder_of(self._store.layout, self._record.id), ignore_errors=True)

    def _begin(self) -> None:
        layout = self._store.layout
        self._record = self._now()
        if self._lock is None:
            path = claiming.lock_of(layout, self._record.id)
            durable.make_dirs(path.parent)
            lock = Lock(path)
            lock.acquire(0.0, self._job.title)
            self._lock = lock
        with suppress(Locked):
            self._mark = writing.append_own(
                self._store,
                DEFAULT,
                self._record.key,
                lambda _ver, _raw: [dump(self._record)],
                label=self._job.title,
                workflow=self._record.id,
                timeout=0.0,
            )
            self._job.workflow = self._record.id

    def _end(self) -> None:
        state: State = "completed" if self._job.state == "completed" else "failed"
        now = self._now()

        def make(ver: int, raw: bytes | None) -> list[bytes]:
            """The last version; where nothing could be told before, the first one too."""
            stands = now if raw is None else load(raw)
            if stands.ended_already:  # somebody cancelled it: that is how it ended
                return []
            counted = stands._replace(total=now.total, processed=now.processed, title=now.title)
            at, by = clock.stamp(), self._store.session.by
            ended = moved(counted, max(ver, 1), state, by=by, at=at, note=self._job.note)
            return [dump(ended)] if raw is not None else [dump(now), dump(ended)]

        writing.append_own(
            self._store,
            DEFAULT,
            self._record.key,
            make,
            since=self._mark,
            label=self._job.title,
            workflow=self._record.id,
            timeout=END_SECONDS,
        )
        self._job.workflow = self._record.id

    def _now(self) -> Record:
        job = self._job
        return self._record._replace(total=job.total, processed=job.done, title=job.title)

    def _beat(self, moment: float) -> None:
        job = self._job
        rate = job.done / max(moment - self._begun, 1e-6)
        left = (job.total - job.done) / rate if rate > 0 and job.total else None
        told = claiming.Beat(
            clock.stamp(),
            os.getpid(),
            socket.gethostname(),
            "running",
            job.done,
            0,
            job.total,
            round(rate, 1),
            None if left is None else round(max(left, 0.0), 1),
        )
        path = folder_of(self._store.layout, self._record.id) / "beat.json"
        durable.write_file(path, records.dumps(told._asdict()), sync=False)
