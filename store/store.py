"""The store as its users see it: run commands, read, undo, keep in step.

A command is a plain function from a view of the state to a plan (`store.charts`); `Store.run`
commits it (`store.committing`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store import layout as places
from store import replacing
from store.committing import Committing, Notice
from store.errors import Damaged, NotFound
from store.layout import FOUNDING, Layout
from store.mirror import Mirror
from store.model import Change
from store.session import new_session
from store.state import State
from store.syscalls import guard

if TYPE_CHECKING:
    from datetime import datetime

    from store.background import Background
    from store.index import Snapshot, Synced
    from store.model import ChartView, Finding

__all__ = ["CaughtUp", "Notice", "Store", "init_store", "open_store"]


class CaughtUp(NamedTuple):
    """What `Store.catch_up` found: words for the person, and what the index took in."""

    said: list[str]
    synced: list[Synced]


class Store(Committing):
    """One open store. Safe to use from several threads; close it when done.

    Make one with `open_store`.
    """

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def state(self, context: str) -> Iterator[State]:
        """A view of a context's committed state, for planning that spans two contexts."""
        journal = self.journal(context)
        end = journal.position()
        if (indexed := self.index.position(context)) is None or indexed.generation != end.generation:
            self.sync(context)
        with State(context, journal, end, Mirror(), self.index.snapshot) as state:
            yield state

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A consistent view of the index that holds at least this process's own changes."""
        for context in list(self._dirty):
            self.sync(context)
        with self.index.snapshot() as snap:
            yield snap

    def chart(self, context: str, chart_id: str, *, at: datetime | None = None) -> ChartView:
        """One chart whole; with `at`, as it was at that instant. Raises NotFound."""
        from store import reading

        with self.snapshot() as snap:
            return reading.chart_view(self, snap, context, chart_id, at)

    # -- history -----------------------------------------------------------------------------------

    def undo(self, tx: str | None = None, context: str | None = None) -> list[Change]:
        """Take back this person's last command, or the transaction named. See `store.history`."""
        from store import history

        return history.undo(self, tx, context)

    def redo(self) -> list[Change]:
        """Do again what the last undo took back."""
        from store import history

        return history.redo(self)

    # -- between contexts --------------------------------------------------------------------------

    def move(self, context: str, chart_ids: Sequence[str], target: str, **options: Any) -> list[Change]:
        """Move charts with all below them to another context, which is made if it is not there."""
        from store import transfer

        return transfer.move(self, context, chart_ids, target, **options)

    def archive(self, context: str, chart_ids: Sequence[str], **options: Any) -> list[Change]:
        """Move completed charts to `completed-charts.jsonl`."""
        from store import transfer

        return transfer.archive(self, context, chart_ids, **options)

    def unarchive(self, chart_ids: Sequence[str], **options: Any) -> list[Change]:
        """Bring archived charts back to the context each came from."""
        from store import transfer

        return transfer.unarchive(self, chart_ids, **options)

    # -- keeping in step ---------------------------------------------------------------------------

    def take_news(self, context: str) -> tuple[bool, frozenset[str] | None]:
        """Whether the index has gone on since this was last asked, and the charts concerned (None: any)."""
        with self._lock:
            return context in self._news, self._news.pop(context, frozenset())

    def lag(self, context: str) -> int:
        """Bytes of a context's journal that the index has not seen."""
        position = self.index.position(context, "charts")
        try:
            size = self.layout.journal(context).stat().st_size
        except OSError:
            return 0
        return max(0, size - (position.offset if position is not None else 0))

    def absorb(self, context: str | None = None, *, at_rest: bool | None = None) -> list[str]:
        """Take in what other programs wrote to the chart files; returns what happened, in words.

        A file from which something is gone is given a moment to come to rest, unless `at_rest` says
        whether it is: what looks like deletions may be a program in the middle of its writing.
        """
        from store import exchange

        said = []
        for name in [context] if context else self.contexts.names():
            said.extend(exchange.absorb_at_rest(self, name, at_rest))
        return said

    def publish(self, context: str | None = None) -> list[str]:
        """Write the chart files anew where they lag the journals; returns the contexts written."""
        from store import exchange

        names = [context] if context else self.contexts.names()
        return [name for name in names if exchange.publish(self, name)]

    def catch_up(self) -> CaughtUp:
        """Everything a one-shot command needs before it reads: foreign changes in, index current."""
        if not self.readonly:
            self.contexts.finish()
        said = self.heal()
        try:
            synced = self._take_in(said)
        except Damaged as error:
            self._hurt(error)
            healed = self.heal()
            if self.damage:
                raise
            said.extend(healed)
            synced = self._take_in(said)
        if self.damage and (healed := self.heal()):
            said.extend(healed)
            synced = self.sync()
        self.finish_moves()
        said.extend(f"Only what lies before the damage is shown. {error}" for error in self.damage.values())
        return CaughtUp(said, synced)

    def _take_in(self, said: list[str]) -> list[Synced]:
        from store import exchange

        for context in self.contexts.names():
            exchange.tidy(self, context)
        said.extend(self.absorb())
        return self.sync()

    def _hurt(self, error: Damaged) -> None:
        """Keep that a journal is damaged, for `heal`."""
        for context in self.contexts.names():
            if self.layout.journal(context) == error.path:
                self.damage[context] = error

    def heal(self) -> list[str]:
        """Put right what is seen to be wrong, where nothing can be lost by it; what happened, in words.

        Looks at next to nothing unless something was seen: a crash, a damaged journal, a missing one.
        """
        layout = self.layout
        begun = replacing.begun(layout.home)
        lost = any(layout.lost(name, family) for name in self.contexts.names() for family in FOUNDING)
        seen = bool(self.damage or (self._library is not None and self._library.damage))
        if self.readonly or not (begun or seen or lost):
            return []
        from store.upkeep.recovery import recover as recovery

        return recovery.heal(self)

    def finish_moves(self) -> int:
        """Finish moves between contexts that a crash cut short; how many there were."""
        from store import transfer

        return 0 if self.readonly else transfer.finish_moves(self)

    def settle(self) -> None:
        """Everything a one-shot command owes after it wrote: index current, chart files published."""
        self.sync()
        if not self.readonly:
            self.publish()

    def rebuild(self) -> None:
        """Make the indexes of charts and of knowledge anew from the journals."""
        names = [name for name in self.contexts.names() if self.layout.journal(name).exists()]
        with self.jobs.run("rebuild", "Rebuild the index") as job:
            self.index.rebuild([self.journal(name) for name in names], job.at)
        if self.library.contexts() or self.layout.knowledge_index.exists():
            self.library.rebuild()

    def import_file(self, path: str | os.PathLike[str], context: str) -> Change:
        """Bring the charts of a chart file (JSONL) or an outline (Markdown) into a context, in one transaction."""
        from store.importing import plan_import

        source = Path(path).expanduser()
        if not source.is_file():
            raise NotFound(f"{source} is not a file. Name a chart file (JSONL) or an outline (Markdown).")
        with (
            self.jobs.run("import", f"Import {source.name}") as job,
            guard("read", source),
            source.open("rb") as lines,
        ):
            change = self.run(context, plan_import, lines, source=source.name)
            job.note(f"{len(change.edits):,} records taken in")
        return change

    def verify(self, *, backups: bool = False, quick: bool = False) -> list[Finding]:
        """Read everything and name what is wrong with it. See `store.upkeep.verification.verify`."""
        from store.upkeep.verification import verify

        return verify.verify(self, backups=backups, quick=quick)

    def status(self) -> dict[str, Any]:
        """Measured figures about the store, as plain JSON."""
        from store.upkeep.health import status as health

        return health.status(self)

    def start_background(self, *, patient: bool = False) -> None:
        """Keep index, journals and chart files in step from a thread, until closed.

        A patient one hears of changes some tenths of a second later, and costs less while there are none.
        """
        from store.background import Background

        if self._background is None:
            self._background = Background(self, self.settings, patient=patient)
            self._background.start()

    def start_upkeep(self, after: float | None = None) -> None:
        """Do the upkeep from a thread wherever no other process does it, until closed.

        `after` so many seconds, so that it is not in the way of who has just begun to work.
        """
        from store.upkeep.maintenance.attending import AFTER, Attendant

        if self._attendant is None and not self.readonly:
            self._attendant = Attendant(self, AFTER if after is None else after)
            self._attendant.start()

    @property
    def background(self) -> Background | None:
        """The thread that `start_background` started."""
        return self._background

    # -- telling -----------------------------------------------------------------------------------

    def on_change(self, callback: Callable[[Notice], None]) -> None:
        """Call `callback(notice)` from a background thread whenever something changed."""
        self._listeners.append(callback)

    def tell(self, notice: Notice) -> None:
        for listener in self._listeners:
            listener(notice)

    def close(self) -> None:
        """Stop upkeep and background, which publishes what it owes, and let go of files and connections."""
        if self._attendant is not None:
            self._attendant.close()
            self._attendant = None
        if self._background is not None:
            self._background.close()
            self._background = None
        if self._library is not None:
            self._library.close()
        with self._lock:
            self._library = None
            for journal in self._journals.values():
                journal.close()
            self._journals.clear()
            self._mirrors.clear()
            if self._index is not None:
                self._index.close()
                self._index = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def init_store(path: str | os.PathLike[str] | None = None) -> Path:
    """Make a store with an empty default context; the store's folder. One that is there stays as it is.

    A folder that is not called `.coaia` gets one made inside it.
    """
    from store import durable

    root = Path(path or Path.cwd()).expanduser().absolute()
    if root.name != places.STORE_NAME and root.suffix != ".jsonl":
        root = root / places.STORE_NAME
    layout = Layout.of(root)
    durable.make_dirs(layout.root)
    chart_file = layout.chart_file(layout.contexts()[0] if layout.contexts() else "default")
    if not chart_file.exists():
        durable.write_file(chart_file, b"")
    return root


def open_store(
    path: str | os.PathLike[str] | None = None, *, program: str = "script", readonly: bool = False
) -> Store:
    """Open the store at `path`, or the one `find_store` finds.

    Raises NotFound where there is none, StorageError or ReadOnly where it cannot be used.
    """
    found = places.find_store(path)
    if not found.exists():
        raise NotFound(
            f"There is no store at {found}. Make one with `chartkeep init`, or name another with --store."
        )
    from store import access

    layout, readonly = access.usable(Layout.of(found), readonly)
    return Store(layout, new_session(program), readonly=readonly)
