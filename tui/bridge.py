"""The way from the UI to the store: a thread for changes, one for reads, one for long work.

The UI hands over a function and what to do with its result; the thread runs it and posts
a message; the app calls back in its own thread. Nothing here touches a widget. Of several
waiting reads under one name only the newest runs: a held key asks for one chart, not forty.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tui.messages import Answer, Failed


class Target(Protocol):
    """What receives the answers: the app."""

    def post_message(self, message: Any, /) -> bool: ...


class _Task(NamedTuple):
    name: str
    work: Callable[[], Any]
    then: Callable[[Any], None]
    otherwise: Callable[[Exception], bool] | None


class Lane:
    """One thread with a queue. Started with the first task."""

    def __init__(self, name: str, target: Target) -> None:
        self._name = name
        self._target = target
        self._tasks: deque[_Task] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False

    def ask(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        *,
        name: str = "",
        otherwise: Callable[[Exception], bool] | None = None,
    ) -> None:
        """Run `work` in the thread, then `then(result)` in the UI.

        A waiting task of the same non-empty `name` is dropped. `otherwise(error)` may deal with
        a failure; else the app shows it.
        """
        with self._wake:
            if self._closed:
                return
            if name:
                self._tasks = deque(task for task in self._tasks if task.name != name)
            self._tasks.append(_Task(name, work, then, otherwise))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name=f"chartkeep-{self._name}", daemon=True
                )
                self._thread.start()
            self._wake.notify()

    @property
    def idle(self) -> bool:
        """True where nothing waits or runs."""
        with self._wake:
            return not self._tasks and not self._busy

    def close(self, timeout: float = 10.0) -> None:
        """Let the tasks that wait run to their end, then stop the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def _serve(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                while not self._tasks:
                    if self._closed:
                        return
                    self._wake.wait()
                task = self._tasks.popleft()
                self._busy = True
            self._run(task)

    def _run(self, task: _Task) -> None:
        try:
            value = task.work()
        except Exception as error:  # noqa: BLE001 - the thread must outlive any failure; the app shows it
            self._target.post_message(Failed(error, task.name or self._name, task.otherwise))
        else:
            self._target.post_message(Answer(task.then, value))


class Bridge:
    """The lanes: `write` keeps the order of commands, `read` answers what panes ask, `work` holds up neither.

    `count` is for reads that may take a second and that nothing else may wait for.
    What takes seconds (verifying, backing up, compacting) goes to `work`; it is safe to break off.
    """

    def __init__(self, target: Target) -> None:
        self.write = Lane("write", target)
        self.read = Lane("read", target)
        self.work = Lane("work", target)
        self.count = Lane("count", target)

    @property
    def idle(self) -> bool:
        """True where no lane has anything to do."""
        return all(lane.idle for lane in (self.write, self.read, self.work, self.count))

    def close(self) -> None:
        """Finish the changes that wait, then stop."""
        self.write.close()
        self.read.close(1.0)
        self.work.close(1.0)
        self.count.close(1.0)
