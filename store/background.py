"""The store's own thread: it keeps index, journals and chart files in step while people work.

It hears of own commits and of other programs' writes, then syncs the index, absorbs foreign
changes, and publishes chart files, coalesced: a burst of edits is published once, after it.
What it does shows as jobs; what came of it goes out as notices.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from store import clock
from store.errors import ChartkeepError
from store.knowledge.kinds import FAMILY
from store.store import Notice
from store.watch import PATIENT_STEP_MS, STEP_MS, Watcher

if TYPE_CHECKING:
    from store.absorbing import Absorbed
    from store.apart import Apart
    from store.jobs import Progressing
    from store.settings import Settings
    from store.store import Store

REST_SECONDS = 0.35
"""A chart file unchanged for so long is at rest: its deletions may be believed."""
HEARTBEAT = 2.0
"""Seconds between looks at the files themselves, for events that got lost."""
PATIENT_HEARTBEAT = 10.0
"""The same where nobody looks at a screen: with 150 contexts a look takes 8 ms."""
APART_SECONDS = 0.25
"""How often a process that does heavy work is asked how far it is."""
KNOWLEDGE_SECONDS = 0.5
"""A batch of knowledge commits ten times a second; it is told of so often."""
UNREAD_SECONDS = 1.0
"""Knowledge that nobody has indexed for so long, with nothing written meanwhile, is indexed here."""
SMALL = 8 << 20
"""Bytes of it at most: a screen must not stand still for more."""
RATION = 5.0
"""A large chart file is published at most for one part in so many of the time."""
AGAIN = 3.0
"""Seconds after which what failed (a full disk, a held lock) is tried again."""
LINGER = 1.0
"""Seconds after which a replaced chart file is looked at for a write that came late."""
PATIENCE = 10.0
"""A burst of edits puts publishing off by at most so many publish delays."""


class Background:
    """Started once per open store by the UI or a server; `close` stops it and publishes what is owed."""

    def __init__(self, store: Store, settings: Settings, *, patient: bool = False) -> None:
        self._store = store
        self._delay = settings.publish_delay
        self._wake = threading.Condition()
        self._events: dict[tuple[str, str], None] = {}
        self._due: dict[tuple[str, str], float] = {}
        self._latest: dict[str, float] = {}
        self._apart: dict[str, tuple[Apart, Progressing, ExitStack]] = {}
        self._pace: dict[str, float] = {}
        self._when_due = {
            "publish": self._publish,
            "chart": self._chart_file,
            "apart": self._look_apart,
            "knowledge": self._tell_knowledge,
        }
        self._knowledge: dict[str, tuple[int, int]] = {}
        """Size of a journal of knowledge, and how much of it was not indexed, when it was last looked at."""
        self._looks: list[tuple[float, str, Callable[[], bool]]] = []
        self._patient = patient
        self._heartbeat = PATIENT_HEARTBEAT if patient else HEARTBEAT
        self._closing = False
        self._busy = False
        self._healed: set[str] = set()
        self._problems: dict[tuple[str, ...], str] = {}
        self.watcher = Watcher(
            store.layout,
            self.poke,
            mode=settings.watch,
            poll_seconds=settings.poll_seconds,
            step_ms=PATIENT_STEP_MS if patient else STEP_MS,
        )
        self._thread = threading.Thread(target=self._serve, name="chartkeep-background", daemon=True)

    def start(self) -> None:
        self._busy = True
        self._thread.start()

    def poke(self, context: str, kind: str) -> None:
        """Something happened: `commit`, `journal`, `knowledge`, `chart` or `contexts`."""
        with self._wake:
            self._events[(context, kind)] = None
            self._wake.notify()

    def close(self, timeout: float = 30.0) -> None:
        """Stop; what is committed but not yet published is published first."""
        self.watcher.stop()
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def problem(self) -> str:
        """What goes wrong in the background and has not gone well since, for the health pane."""
        return next(reversed(list(self._problems.values())), "")

    @property
    def idle(self) -> bool:
        """True where nothing is owed."""
        with self._wake:
            return not self._events and not self._due and not self._busy

    # -- the thread --------------------------------------------------------------------------------

    def _serve(self) -> None:
        self._guard(self._begin)
        self.watcher.start()
        looked = clock.monotonic()
        while True:
            events = self._next()
            for context, kind in events:
                self._guard(self._handle, context, kind)
            for context, kind in self._fallen_due():
                if not self._guard(self._when_due[kind], context) and kind != "apart":
                    self._schedule(context, kind, AGAIN)
            self._guard(self._look_at_replaced)
            if self._closing and not self._events:
                break
            if clock.monotonic() - looked > self._heartbeat:
                looked = clock.monotonic()
                self._guard(self.watcher.look)
        for running, _, ending in self._apart.values():
            running.stop()
            ending.close()
        self._guard(self._settle)
        self._guard(self._last_look)
        if self._looks:
            self._guard(self._settle)

    def _next(self) -> list[tuple[str, str]]:
        with self._wake:
            self._busy = False
            if not self._events and not self._closing:
                dues = [*self._due.values(), *(due for due, _, _ in self._looks)]
                soonest = min(dues, default=clock.monotonic() + self._heartbeat)
                self._wake.wait(max(0.0, min(soonest - clock.monotonic(), self._heartbeat)))
            self._busy = True
            events = list(self._events)
            self._events.clear()
        return events

    def _fallen_due(self) -> list[tuple[str, str]]:
        moment = clock.monotonic()
        with self._wake:
            ready = [item for item, due in self._due.items() if due <= moment]
            for item in ready:
                del self._due[item]
        return ready

    def _guard(self, work: Callable[..., object], *args: str) -> bool:
        """Do some work; what goes wrong is told once, and kept as a problem until the same work goes well."""
        what = (work.__name__, *args)
        try:
            work(*args)
        except (ChartkeepError, OSError) as error:
            told = self._problems.get(what)
            self._problems[what] = str(error)
            if told != str(error):
                self._store.tell(Notice("", frozenset(), own=False, text=str(error), problem=True))
            return False
        self._problems.pop(what, None)
        return True

    def _settle(self) -> None:
        """Publish what is owed before the end; large files by a process that outlives this one.

        A service may leave none behind, and has the time.
        """
        from store.apart import Apart, is_large

        store = self._store
        for context in store.contexts.names():
            if store.readonly or not is_large(store, context):
                store.sync(context)
                store.publish(context)
            elif self._owed(context) and self._patient:
                store.publish(context)
            elif self._owed(context):
                Apart(store, context, outlive=True)

    def _owed(self, context: str) -> bool:
        from store import exchange

        return exchange.unpublished(self._store, context)

    # -- heavy work, done by another process -------------------------------------------------------

    def _begin_apart(self, context: str, title: str) -> None:
        from store.apart import Apart

        if context not in self._apart:
            ending = ExitStack()
            job = ending.enter_context(self._store.jobs.run("sync", title))
            self._apart[context] = (Apart(self._store, context), job, ending)
        self._schedule(context, "apart", APART_SECONDS)

    def _look_apart(self, context: str) -> None:
        running, job, ending = self._apart[context]
        try:
            if not running.done(job):
                self._schedule(context, "apart", APART_SECONDS)
                return
        except ChartkeepError:
            with ending:
                del self._apart[context]
                raise
        ending.close()
        del self._apart[context]
        self._pace[context] = job.job.seconds
        self._store.tell(Notice(context, None, own=False))

    # -- the parts ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        store = self._store
        if not store.readonly:
            self._guard(store.contexts.finish)
        self._guard(self._heal)
        for context in store.contexts.names():
            self._guard(self._tidy, context)
            self._guard(self._chart_file, context)
            self._guard(self._sync, context)
            self._schedule(context, "publish", self._delay)
        self._guard(store.finish_moves)
        for context, family in store.layout.families():
            if family == FAMILY:  # looked at in a moment, when the watches are set
                self._handle(context, "knowledge")
        store.tell(Notice("", None, own=False))

    def _heal(self) -> None:
        """Put right by itself what can be, and tell of it."""
        for text in self._store.heal():
            if text not in self._healed or not self._store.damage:  # what could not be healed is said once
                self._healed.add(text)
                self._store.tell(Notice("", None, own=False, text=text))

    def _tidy(self, context: str) -> None:
        from store import exchange

        exchange.tidy(self._store, context)

    def _handle(self, context: str, kind: str) -> None:
        if kind == "contexts":
            self.watcher.refresh()
            for name in self._store.contexts.names():  # events from before it was watched are lost
                self._sync(name)
            self._store.tell(Notice("", None, own=False))
        elif kind == "chart":
            self._chart_file(context)
        elif kind == "knowledge":
            with self._wake:
                self._due.setdefault((context, kind), clock.monotonic() + KNOWLEDGE_SECONDS)
        else:
            self._sync(context, own=kind == "commit")
            self._schedule(context, "publish", self._delay)

    def _schedule(self, context: str, kind: str, delay: float) -> None:
        """Do `kind` after `delay`; a later call puts it off, within reason."""
        if self._store.readonly and kind == "publish":
            return
        moment = clock.monotonic()
        if kind == "publish":
            delay = max(delay, self._pace.get(context, 0.0) * RATION)
        with self._wake:
            latest = moment + delay
            if kind == "publish":
                latest = self._latest.setdefault(context, moment + delay * PATIENCE)
            self._due[(context, kind)] = min(moment + delay, max(latest, moment))

    def _sync(self, context: str, *, own: bool = False) -> None:
        from store.apart import HEAVY

        store = self._store
        if context in self._apart:
            return
        if store.lag(context) > HEAVY:
            self._begin_apart(context, f"Index {context}")
            return
        store.sync(context)
        news, charts = store.take_news(context)
        if news or own:
            store.tell(Notice(context, charts, own=own))
        if context in store.damage:
            self._heal()
        if context in store.damage:
            raise store.damage[context]

    def _chart_file(self, context: str) -> None:
        from store import exchange
        from store.apart import is_heavy

        if self._store.readonly and not self._store.layout.shadowed(context):
            return
        if context not in self._store.contexts.names():
            return
        if context in self._apart:
            return
        if is_heavy(self._store, context):
            self._begin_apart(context, f"Read {self._store.layout.chart_file(context).name}")
            return
        done = exchange.absorb(self._store, context)
        if done.again:
            self._schedule(context, "chart", REST_SECONDS)
        if done.changed:
            self._sync(context)
        if done.changed or done.republish:
            self._schedule(context, "publish", self._delay)
        self._say(context, done)

    def _say(self, context: str, done: Absorbed) -> None:
        for text, command in done.telling():
            self._store.tell(Notice(context, frozenset(), own=False, text=text, shown_by=command))

    def _tell_knowledge(self, context: str) -> None:
        """Tell that knowledge changed. Who wrote it indexes it; where nobody does (it died), this process does."""
        last, now = self._knowledge.get(context), self._store.library.lag(context)
        if now[1] and now == last and now[1] <= SMALL:
            self._store.library.sync(context)
            now = self._store.library.lag(context)
        elif now[1]:
            with self._wake:
                self._due.setdefault((context, "knowledge"), clock.monotonic() + UNREAD_SECONDS)
        self._knowledge[context] = now
        if now != last:
            self._store.tell(Notice(context, frozenset(), own=False, knowledge=True))

    def _publish(self, context: str) -> None:
        from store import exchange
        from store.apart import is_large

        self._latest.pop(context, None)
        if context not in self._store.contexts.names():
            return
        if is_large(self._store, context):
            if self._owed(context):
                self._begin_apart(context, f"Publish {self._store.layout.chart_file(context).name}")
            return
        if exchange.publish(
            self._store,
            context,
            linger=lambda look: self._linger(context, look),
            heard=lambda done: self._say(context, done),
        ):
            self._store.tell(Notice(context, frozenset(), own=True))

    def _linger(self, context: str, look: Callable[[], bool]) -> None:
        with self._wake:
            self._looks.append((clock.monotonic() + LINGER, context, look))

    def _last_look(self) -> None:
        self._look_at_replaced(now=True)

    def _look_at_replaced(self, *, now: bool = False) -> None:
        """Look once more at files that were replaced a moment ago: a slow writer may have held one open."""
        moment = clock.monotonic()
        with self._wake:
            ready = [item for item in self._looks if now or item[0] <= moment]
            self._looks = [item for item in self._looks if item not in ready]
        for _, context, look in ready:
            if look():
                self._linger(context, look)
                self.poke(context, "journal")
