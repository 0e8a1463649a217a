"""One task of the upkeep in a process of its own, so that the one that goes on stays small and quick.

The child writes a JSON document to a line: how its jobs are, what there is to tell, how it ended. It
is told to stop by SIGTERM, or by the end of its standard input: so it never outlives its parent, not
even one that was killed. What it does is safe against kill -9; being stopped loses no more than that.

1. Exactly one of `end`, `error` and `stopped` is the last line of a child that could still write it.
2. A child that ends without one has failed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from threading import Event
from typing import IO, TYPE_CHECKING, Any

from store import records
from store.errors import ChartkeepError
from store.upkeep.maintenance.tasks import Failed, Outcome, function

if TYPE_CHECKING:
    from store.jobs import Job, Progressing
    from store.store import Notice, Store

LOOK_SECONDS = 0.2
"""How often a child that says nothing is looked at, and how late a stop is heed."""
GRACE = 2.0
"""Seconds that a child has to stop before it is killed."""
NICE = 10
_STOPPED = 128 + signal.SIGTERM


class Broken(Exception):
    """The task was broken off because the upkeep stops."""


# -- the parent's side -----------------------------------------------------------------------------


class Apart:
    """A task, running; its jobs and notices show as those of this process."""

    def __init__(self, store: Store, work: str, grace: float = GRACE) -> None:
        self._store = store
        self._grace = grace
        self._jobs: dict[int, tuple[Progressing, ExitStack]] = {}
        self._said: list[str] = []
        self.failed_jobs = 0
        """Jobs of the child that ended badly: they show already that the task did."""
        place = store.layout.single or store.layout.root
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(place), work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "CHARTKEEP_BY": store.session.by},
        )

    def run(self, stop: Event, beat: Callable[[], None] = lambda: None) -> Outcome:
        """Wait for what comes of it, calling `beat` now and then. Raises Failed; Broken where `stop` came first."""
        last: dict[str, Any] = {}
        try:
            for line in _lines(self._process, stop, beat):
                found = _document(line)
                if found is None:
                    self._said = [*self._said[-9:], line.decode(errors="replace")]
                else:
                    self._heard(found)
                    last = found
            return self._ended(last, stop)
        finally:
            self._end()

    def _ended(self, last: dict[str, Any], stop: Event) -> Outcome:
        if "end" in last:
            return Outcome(*last["end"])
        if stop.is_set() or "stopped" in last:
            raise Broken
        if "error" in last:
            raise Failed(*last["error"])
        code = self._process.wait()
        raise Failed(f"its process ended with code {code}. {' '.join(self._said)}".strip())

    def _end(self) -> None:
        """Whatever happened, leave no process and no running job behind."""
        process = self._process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(self._grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        for number in list(self._jobs):
            self._close(number, "it was broken off")

    def _heard(self, found: dict[str, Any]) -> None:
        if "job" in found:
            self._job(*found["job"])
        elif "notice" in found:
            from store.store import Notice

            context, text, problem, shown_by = found["notice"]
            self._store.tell(
                Notice(context, frozenset(), own=False, text=text, problem=problem, shown_by=shown_by)
            )

    def _job(self, number: int, kind: str, title: str, state: str, done: int, total: int, note: str) -> None:
        if number not in self._jobs:
            ending = ExitStack()
            running = self._store.jobs.run(kind, title, total, elsewhere=True)
            self._jobs[number] = (ending.enter_context(running), ending)
        job, _ = self._jobs[number]
        job.job.title = title
        if state == "running":
            job.at(done, total)
            return
        job.note(note)
        self._close(number, note if state == "failed" else "")

    def _close(self, number: int, why: str) -> None:
        """A job has ended: badly, where there is a reason."""
        _, ending = self._jobs.pop(number)
        with suppress(Failed), ending:
            if why:
                self.failed_jobs += 1
                raise Failed(why)


def _lines(process: subprocess.Popen[bytes], stop: Event, beat: Callable[[], None]) -> Iterator[bytes]:
    """The lines a child writes, as they come, until it ends or `stop` is set."""
    out = process.stdout
    assert out is not None
    rest = b""
    with selectors.DefaultSelector() as ready:
        ready.register(out, selectors.EVENT_READ)
        while not stop.is_set():
            beat()
            if not ready.select(LOOK_SECONDS):
                continue
            data = os.read(out.fileno(), 1 << 16)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines


def _document(line: bytes) -> dict[str, Any] | None:
    with suppress(records.BadJson):
        found = records.loads(line)
        if isinstance(found, dict):
            return found
    return None


# -- the child's side ------------------------------------------------------------------------------


class _Stop(BaseException):
    """SIGTERM came."""


def main(words: list[str]) -> int:
    """Do one task of one store: `PATH module:function`; tells how it went on standard output."""
    place, work = words
    out = _Teller(sys.stdout.buffer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal it goes to the parent too, which decides
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_until_alone, daemon=True).start()
    with suppress(OSError):
        os.nice(NICE)
    try:
        outcome = _work(place, work, out)
    except _Stop:
        out.tell({"stopped": True})
        return _STOPPED
    except ChartkeepError as error:
        out.tell({"error": [str(error), error.exit_code]})
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the parent tells of it; a traceback would be lost
        out.tell({"error": [f"{type(error).__name__}: {error}", 1]})
        return 1
    out.tell({"end": list(outcome)})
    return 0


def _work(place: str, work: str, out: _Teller) -> Outcome:
    from store.store import open_store

    with open_store(place, program="upkeep") as store:
        store.jobs.listen(out.job)
        store.on_change(out.notice)
        outcome: Outcome = function(work)(store)
        return outcome


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Stop


def _until_alone() -> None:
    """Stop when the parent is gone, or has let go."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2 * GRACE)
    os._exit(_STOPPED)


class _Teller:
    """Writes documents to a stream, one to a line, from whichever thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def tell(self, document: dict[str, Any]) -> None:
        with self._lock, suppress(OSError):
            self._stream.write(records.dumps(document) + b"\n")
            self._stream.flush()

    def job(self, job: Job) -> None:
        self.tell({"job": [job.id, job.kind, job.title, job.state, job.done, job.total, job.note]})

    def notice(self, notice: Notice) -> None:
        if notice.text:
            self.tell({"notice": [notice.context, notice.text, notice.problem, notice.shown_by]})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
