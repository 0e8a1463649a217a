"""Workflow status: what runs, waits and ran, of this process and of others.

The list is asked for when something says that it changed. While a workflow runs and its line can be
seen, its heartbeat is read twice a second: one small file, no index and no journal.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from store.jobs import Job
from store.workflows.model import Workflow
from tui import works
from tui.panes.base import Pane
from tui.widgets.jobs import TITLE, Work, WorkList, WorkWords
from tui.widgets.listing import Listing

BEAT = 0.5
"""Seconds between looks at the heartbeats of what runs."""
REST, LONG_REST = 0.5, 2.0
"""Seconds that at least lie between two lists; the longer while one runs, for its heartbeat tells more."""


class WorkflowsPane(Pane):
    """Works under a cursor, the one under it in words below."""

    TITLE = "Workflows"

    class Opened(Message):
        """One is to be shown in full."""

    def __init__(self, *, id: str, mouse: bool = True) -> None:
        super().__init__(id=id)
        self.list = WorkList(
            id="workflows", mouse=mouse, empty="Nothing has run yet; batches, sync and verify show here."
        )
        self.words = WorkWords(id="work-words")
        self.jobs: list[Job] = []
        self.workflows: list[Workflow] = []
        self._listed: list[Workflow] = []
        """As they were listed: each heartbeat is laid over that, not over the one before."""
        self._works: list[Work] = []
        self._beats: Timer | None = None
        self._stale = False
        """Whether it shows less than is known."""
        self._behind = 0
        """What the index lacked at the last list: it is asked to catch up once for that."""
        self._asked = 0.0
        self._due: Timer | None = None
        self._lines = -1
        """That the words below have now."""

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.list
        yield self.words

    @property
    def body(self) -> WorkList:
        return self.list

    # -- what is shown -----------------------------------------------------------------------------

    def show(self, jobs: list[Job]) -> None:
        """Show these jobs beside the workflows."""
        self.jobs = jobs
        self._show()

    def refresh_list(self, *, at_once: bool = False) -> None:
        """Ask for the workflows again, at once or as soon as the last list is old enough."""
        if not self.desk.opened or (self._due is not None and not at_once):
            return
        wait = self._asked + (REST if self._beats is None else LONG_REST) - time.monotonic()
        if wait > 0 and not at_once:
            self._due = self.set_timer(wait, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        if self._due is not None:
            self._due.stop()
        self._due, self._asked = None, time.monotonic()
        store = self.desk.store
        self.desk.bridge.read.ask(lambda: works.listing(store), self.take, name="workflows")

    def take(self, found: works.Listed) -> None:
        """Show these workflows; look after those that run, and after an index that a runner left behind."""
        self._listed = found.workflows
        self._take(found.workflows)
        if found.behind and found.behind != self._behind and not self.desk.readonly:
            store = self.desk.store
            self.desk.bridge.work.ask(
                lambda: works.catch_up(store), lambda _: self.refresh_list(), name="catch up"
            )
        self._behind = found.behind

    def _take(self, found: Sequence[Workflow]) -> None:
        self.workflows = list(found)
        runs = any(map(works.runs, found))
        if runs and self._beats is None:
            self._beats = self.set_interval(BEAT, self._look)
        elif not runs and self._beats is not None:
            self._beats.stop()
            self._beats = None
        self._show()
        renew = getattr(self.app.screen, "works_changed", None)
        if renew is not None:
            renew()

    def _look(self) -> None:
        """Read the heartbeats, where somebody sees what comes of it."""
        if not self.seen:
            return
        store, running = self.desk.store, [one for one in self._listed if works.runs(one)]

        def took(found: list[Workflow]) -> None:
            """One whose runner is gone has ended, or was cut off: its record says which."""
            now = {(one.context, one.id): one for one in found if works.runs(one)}
            if len(now) < len(found):
                self._ask()
            self._take([now.get((one.context, one.id), one) for one in self.workflows])

        self.desk.bridge.read.ask(lambda: works.beats(store, running), took, name="beats")

    @property
    def seen(self) -> bool:
        """Whether a line or the heading shows what runs, or a screen above that is about it."""
        screen = self.app.screen
        if screen is not self.screen:
            return hasattr(screen, "works_changed")
        return self.display and all(node.display for node in self.ancestors if isinstance(node, Widget))

    def uncovered(self) -> None:
        """No screen is above any more."""
        if self._stale:
            self._show()

    def _show(self) -> None:
        self._stale = self.app.screen is not self.screen
        if self._stale:  # beneath a screen that lets it shine through, a line would repaint them all
            return
        self._works = works.works(self.workflows, self.jobs)
        self.heading.show(summary(self._works))
        if not self.folded:
            self.list.show_works(self._works)
            self._say()

    def _say(self) -> None:
        work = self.list.work
        self.words.show(work)
        lines = len(self.words.draw(max(1, self.size.width - 1)))
        if work is None or (self.size.width > 4 * TITLE and not work.note):
            lines = 0
        lines = min(lines, 4, self.size.height // 2)
        if self._lines != lines:  # a layout costs more than all the rest
            self._lines = lines
            self.words.display = lines > 0
            self.words.styles.height = max(1, lines)

    def unfolded(self) -> None:
        self._show()

    def on_resize(self) -> None:
        """A narrow line says less, so that more is said below it."""
        if self._works:
            self._say()

    # -- what is under the cursor ------------------------------------------------------------------

    @property
    def chosen(self) -> Workflow | None:
        """The workflow under the cursor; None for a job, which has no record."""
        work = self.list.work
        return self.find(work.key) if work is not None else None

    def find(self, key: object) -> Workflow | None:
        """A workflow by (context, id)."""
        return next((one for one in self.workflows if (one.context, one.id) == key), None)

    @on(Listing.Moved)
    def _moved(self, message: Listing.Moved) -> None:
        message.stop()
        self._say()

    @on(Listing.Chosen)
    def _chosen(self, message: Listing.Chosen) -> None:
        message.stop()
        self.post_message(self.Opened())


def summary(found: Sequence[Work]) -> str:
    """One line: what runs and how far it is, else what waits for somebody, else that all is quiet."""
    going = [work for work in found if work.state == "processing"]
    if going:
        first = going[0]
        more = f" · +{len(going) - 1}" if len(going) > 1 else ""
        return f"{first.title} {first.share}".rstrip() + more
    counts = [(state, sum(work.state == state for work in found)) for state in ("interrupted", "paused")]
    counts += [("waiting", sum(work.state == "pending" for work in found))]
    counts += [("failed", sum(work.state == "failed" for work in found))]
    words = [f"{count} {state}" for state, count in counts if count]
    return " · ".join(words) if words else "idle" if found else ""
