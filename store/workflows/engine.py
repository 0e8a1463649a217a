"""Runs workflows: commits batch by batch, and goes on where a crash cut it short.

1. Items are staged and synced before the record that names them is committed; from then on all that
   counts stands in the journal.
2. A transaction holds the items, the records of what was refused, and the workflow's record with the
   new counts and cursor. So after a crash at any point the record says exactly what was done.
3. Whether to go on is read from the journal under its lock before each transaction: pause and cancel
   are records, whoever wrote them.
4. One process runs a workflow at a time (`claiming`); the counts are nobody else's to write.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import ChartkeepError, Refused, StorageError
from store.knowledge import writing
from store.model import Edit, Plan
from store.workflows import claiming, counting, lists, rejecting
from store.workflows.ahead import ahead
from store.workflows.following import follower
from store.workflows.record import Record, counted, dump, load, moved, shown, workflow_key
from store.workflows.submitting import atomic_enough, run_of
from store.workflows.types import Batch, Stopped, type_of

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.store import Store
    from store.workflows.lists import Held
    from store.workflows.model import Workflow

TOLD_SECONDS = 0.1
"""At least so long between two calls of `on_progress`."""
LOOK_SECONDS = 0.5
"""How often a type at work between two batches looks whether it is to stop."""
MANY = 20_000
"""Items of a workflow from which it pays to look after the interpreter."""
Progress = Callable[["Workflow"], None]


def run(
    store: Store, workflow_id: str, *, on_progress: Progress | None = None, patience: float = 0.3
) -> Workflow:
    """Run a pending or interrupted workflow to its end, in this thread; what became of it.

    Waits for a free worker first. Returns too where it was paused, cancelled or failed: see `state`
    and `note`. Raises Refused where it cannot run or somebody else runs it (after `patience`
    seconds), StorageError where not even the failure can be recorded. KeyboardInterrupt pauses it.
    """
    store.writable()
    _runnable(lists.held(store, workflow_id).record)
    with claiming.claimed(store, workflow_id, patience):
        found = lists.held(store, workflow_id)
        _runnable(found.record)
        with claiming.Heart(store.layout, workflow_id) as heart:
            runner = _Runner(store, found, heart, on_progress)
            with suppress(Stopped), claiming.slot(store, runner.waiting):
                runner.go()
    return lists.get(store, workflow_id)


def _runnable(record: Record) -> None:
    if record.job:
        raise Refused(f"{record.id} is a job of the upkeep: it is begun anew, not run again.")
    if record.undoing:
        raise Refused(f"{record.id} is being rolled back: finish that with `chartkeep workflows rollback`.")
    if record.state not in ("pending", "processing") or record.paused:
        state = "paused" if record.paused else record.state
        raise Refused(f"The workflow {record.id} is {state}: `chartkeep workflows resume` goes on with it.")


def start(store: Store, workflow_id: str) -> None:
    """Run a workflow in a process of its own, which goes on when this one ends."""
    place = store.layout.single or store.layout.root
    words = ["--store", str(place), "--json", "workflows", "run", workflow_id]
    _children[:] = [child for child in _children if child.poll() is None]
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "store.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "CHARTKEEP_BY": store.session.by},
        )
    except OSError as error:
        raise StorageError(f"No process could be started to run {workflow_id}: {error}.") from error
    _children.append(child)


_children: list[subprocess.Popen[bytes]] = []
"""Started by `start`, so that none is left a zombie."""


@contextmanager
def _collecting_seldom(items: int) -> Iterator[None]:
    """Let the garbage collector look less often while many small values are made: a tenth of the time."""
    before = gc.get_threshold()
    if items >= MANY and before[0] > 0:
        gc.set_threshold(max(before[0], 50_000), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Runner:
    """One run of one workflow, by the holder of its lock."""

    def __init__(
        self, store: Store, found: Held, heart: claiming.Heart, on_progress: Progress | None
    ) -> None:
        self._store = store
        self._context = found.context
        self._record = found.record
        self._ver = found.ver
        self._heart = heart
        self._on_progress = on_progress
        self._told = 0.0
        self._looked = time.monotonic()
        self._work = type_of(found.record.kind)
        self._run = replace(run_of(store, found.context, found.record), heard=self._at)
        self._follower = follower(store, found.context, found.record.total - found.record.processed)

    def waiting(self) -> None:
        """No worker is free: see whether it is still wanted. Raises Stopped."""
        self._tell()
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if claiming.asked_to_stop(self._store.layout, self._record.id):
                found = lists.held(self._store, self._record.id)
                if found.record.paused or found.record.ended_already:
                    raise Stopped

    def go(self) -> None:
        """From pending or interrupted to where it ends. Raises Stopped, what the disk refuses, KeyboardInterrupt."""
        record = self._record
        try:
            with (
                self._store.jobs.run(record.kind, record.title, record.total, elsewhere=True) as job,
                _collecting_seldom(record.total),
                self._follower,
            ):
                job.job.workflow = record.id
                self._begin()
                self._batches()
                self._move("completed", self._work.note(self._run))
        except Stopped:
            raise
        except (KeyboardInterrupt, SystemExit):
            with suppress(ChartkeepError, Stopped):
                self._move("processing", "stopped by whoever ran it", paused=True)
            raise
        except BaseException as error:  # noqa: BLE001 - the record says why it failed
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        """Record why it failed; where that cannot be, or the error is none of a person's, it goes on up."""
        told = str(error) if isinstance(error, ChartkeepError) else f"{type(error).__name__}: {error}"
        try:
            self._move("failed", told)
        except (ChartkeepError, Stopped):
            raise error from None
        if not isinstance(error, ChartkeepError):
            raise error

    def _begin(self) -> None:
        claiming.take_back(self._store.layout, self._record.id)
        now = clock.stamp()
        again = self._record.started is not None
        self._move(
            "processing",
            "goes on" if again else "",
            started=self._record.started or now,
            lost=False,
        )

    def _batches(self) -> None:
        if not self._record.atomic:
            with closing(self._made()) as batches:
                for batch in batches:
                    self._commit(batch)
            return
        whole = Batch(None)
        for batch in self._work.batches(self._run):
            whole = counting.joined(whole, batch)
            done = len(whole.items) + len(whole.edits) + len(whole.rejects)
            atomic_enough(self._store, self._record._replace(total=done))
            self._at(done, None)
        if whole.cursor is not None:
            self._commit(whole)

    def _made(self) -> Generator[Batch, None, None]:
        """The batches of the type, one ahead of what is written where that is allowed and pays."""
        batches = self._work.batches(self._run)
        if self._work.ahead and self._record.total >= MANY:
            batches = ahead(batches)
        yield from batches

    # -- transactions ------------------------------------------------------------------------------

    def _commit(self, batch: Batch) -> None:
        """Decide on a batch and commit it with the counts. Raises Stopped where it is to go no further."""
        made: list[Record] = []

        def plan(view: View) -> Plan:
            record = self._present(view)
            decision = self._work.decide(self._run, view, batch)
            refused = decision.rejects
            if record.atomic and refused:
                decision = decision._replace(edits=[], written=0, unchanged=0, missing={})
            edits = decision.edits
            edits += rejecting.edits(record.id, refused, self._run.items)
            after = counted(record, self._ver, **counting.after(record, batch, decision))
            if record.atomic and refused:
                after = self._all_refused(record, after, len(refused))
            edits.append(Edit("put", record.key, None, dump(after)))
            made[:] = [after]
            return Plan("workflow.batch", f"{record.title}: {decision.written:,} records", edits)

        self._append(plan)
        self._took(made[0])
        self._run.cursor = batch.cursor
        if made[0].state == "failed":
            raise Stopped

    def _all_refused(self, record: Record, after: Record, count: int) -> Record:
        note = f"{count:,} of {after.total:,} items were refused, so nothing was written"
        return moved(
            record, self._ver, "failed", by=self._store.session.by, at=clock.stamp(), note=note
        )._replace(processed=0, rejected=count, total=after.total)

    def _move(self, state: Any, note: str = "", **more: Any) -> None:
        """Commit a transition. Raises Stopped where somebody else made one."""
        made: list[Record] = []

        def plan(view: View) -> Plan:
            record = self._present(view)
            after = moved(
                record, self._ver, state, by=self._store.session.by, at=clock.stamp(), note=note, **more
            )
            made[:] = [after]
            step = "pause" if after.paused else after.state
            return Plan(
                f"workflow.{step}", f"{record.title}: {step}", [Edit("put", record.key, None, dump(after))]
            )

        self._append(plan)
        self._took(made[0], force=True)

    def _append(self, plan: Callable[[View], Plan]) -> None:
        _, tx = writing.append(self._store, self._context, plan, workflow=self._record.id, tell=False)
        if tx is not None:
            self._ver += 1
            self._follower.give(tx)

    def _present(self, view: View) -> Record:
        """The record as it stands now. Raises Stopped where somebody has ended or paused the workflow."""
        key = workflow_key(self._record.id)
        found = view.newest([key]).get(key)
        if found is None or found.deleted:
            raise Stopped
        if found.ver != self._ver:
            raw = view.raw(found)
            record = load(raw or b"{}")
            if record.paused or record.undoing or record.ended_already:
                raise Stopped
            self._record, self._ver = record, found.ver
        return self._record

    # -- telling -----------------------------------------------------------------------------------

    def _took(self, record: Record, *, force: bool = False) -> None:
        self._record = record
        self._heart.tell(
            state="running", processed=record.processed, rejected=record.rejected, total=record.total
        )
        self._tell(force=force)

    def _at(self, done: int, total: int | None) -> None:
        """A type at work between two batches. Raises Stopped."""
        record = self._record
        whole = total if total is not None else record.total
        self._heart.tell(
            state="running", processed=record.processed + done, rejected=record.rejected, total=whole
        )
        self._tell()
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if claiming.asked_to_stop(self._store.layout, record.id):
                found = lists.held(self._store, record.id).record
                if found.paused or found.undoing or found.ended_already:
                    raise Stopped

    def _tell(self, *, force: bool = False) -> None:
        if self._on_progress is None or (not force and time.monotonic() - self._told < TOLD_SECONDS):
            return
        self._told = time.monotonic()
        rate, left = self._heart.rate()
        told = shown(self._record, self._context, self._ver)
        beat = self._heart.told
        self._on_progress(
            told._replace(rate=rate, seconds_left=left, processed=beat["processed"], total=beat["total"])
        )
