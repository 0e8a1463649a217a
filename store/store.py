"""The store as its users see it: run commands, read, undo, keep in step.

A command is a plain function from a view of the state to a plan (`store.charts`). `Store.run`
is the one way a plan becomes a transaction: it takes the journal's lock, lets the function
plan on the very end of the journal, appends, and returns once the bytes are on disk. The index,
the chart file and listeners follow after.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec

from store import layout as places
from store.contexts import Contexts
from store.errors import ChartkeepError, Damaged, NotFound, ReadOnly, Refused
from store.jobs import Jobs
from store.layout import Layout
from store.mirror import Behind, Mirror
from store.model import Change, Plan, Position, TxMeta
from store.session import Session, new_session
from store.state import State
from store.syscalls import guard

if TYPE_CHECKING:
    from datetime import datetime

    from store.background import Background
    from store.charts import View
    from store.index import Index, Snapshot, Synced
    from store.journal import Journal, Tx
    from store.model import ChartView, Finding
    from store.settings import Settings

P = ParamSpec("P")
Planner = Callable[Concatenate["View", P], Plan]
BEHIND = 5_000
"""Records committed by a process without a background thread before it syncs the index in passing."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something changed: ask the index again. `charts` is None where everything may have."""

    context: str
    charts: frozenset[str] | None
    own: bool
    """True where this process made the change."""
    text: str = ""
    """For the person, where there is something to tell."""
    problem: bool = False
    """True where `text` tells of something that went wrong."""


class CaughtUp(NamedTuple):
    """What `Store.catch_up` found: words for the person, and what the index took in."""

    said: list[str]
    synced: list[Synced]


class Store:
    """One open store. Safe to use from several threads; close it when done.

    Make one with `open_store`.
    """

    def __init__(self, layout: Layout, session: Session, *, readonly: bool = False) -> None:
        self.layout = layout
        self.session = session
        self.readonly = readonly
        self.jobs = Jobs()
        self.contexts = Contexts(self)
        self.damage: dict[str, Damaged] = {}
        """Journals read only up to a damaged line, by context: what comes before it is shown."""
        self._index: Index | None = None
        self._journals: dict[str, Journal] = {}
        self._mirrors: dict[str, Mirror] = {}
        self._dirty: dict[str, int] = {}
        self._begun: set[str] = set()
        self._news: dict[str, frozenset[str] | None] = {}
        self._index_at: dict[str, Position] = {}
        """How far the index was when this process last brought it on, by context."""
        self._settings: Settings | None = None
        self._background: Background | None = None
        self._listeners: list[Callable[[Notice], None]] = []
        self._lock = threading.RLock()

    # -- parts -------------------------------------------------------------------------------------

    @property
    def root(self) -> Path:
        """The folder that holds the chart files."""
        return self.layout.root

    @property
    def settings(self) -> Settings:
        """What `chartkeep.toml` says, and the defaults for the rest."""
        if self._settings is None:
            from store import settings

            self._settings = settings.load(self.layout.settings)
        return self._settings

    @property
    def index(self) -> Index:
        """The derived index, opened when first asked for."""
        with self._lock:
            if self._index is None:
                from store.index import Index

                self._index = Index.open(self.layout.index, readonly=False)
            return self._index

    def journal(self, context: str) -> Journal:
        """The charts journal of a context."""
        with self._lock:
            journal = self._journals.get(context)
            if journal is None:
                from store.journal import Journal

                path = self.layout.journal(context)
                journal = Journal(path, context, "charts", recovery=self.layout.recovery)
                if path.exists():
                    position = self.index.position(context, "charts")
                    if position is not None:
                        journal.trust(position)
                self._journals[context] = journal
            return journal

    def forget(self, context: str) -> None:
        """Drop what is held in memory of a context that was renamed or archived."""
        with self._lock:
            journal = self._journals.pop(context, None)
            if journal is not None:
                journal.close()
            self._mirrors.pop(context, None)
            self._dirty.pop(context, None)
            self._begun.discard(context)

    # -- writing -----------------------------------------------------------------------------------

    def run(self, context: str, planner: Planner[P], /, *args: P.args, **kwargs: P.kwargs) -> Change:
        """Plan on the present state and commit: returns once the change is on disk.

        An empty plan writes nothing and returns an empty Change. Raises what the planner raises
        (nothing is written then), Locked, StorageError, Damaged, ReadOnly.
        """
        return self.commit(context, lambda state: planner(state, *args, **kwargs))

    def commit(
        self,
        context: str,
        plan: Callable[[State], Plan],
        *,
        undoes: str | None = None,
        redoes: str | None = None,
        group: str | None = None,
        by: str | None = None,
    ) -> Change:
        """`run` for a plan made by any function of the State, with what undo and moves record beside it."""
        if by is None:
            self.begin(context)
        who = by or self.session.by

        def meta(made: Plan) -> TxMeta:
            return TxMeta(made.command, made.label, self.session.id, undoes, redoes, group)

        try:
            made, tx = self._append(context, plan, who, meta)
        except Behind:
            self.sync(context)
            made, tx = self._append(context, plan, who, meta)
        if tx is None:
            return Change(context, "", "", who, made.command, made.label, (), made.focus, tuple(made.hints))
        self._committed(context, len(tx.lines))
        return Change(
            context,
            tx.tx,
            tx.at,
            who,
            made.command,
            made.label,
            tuple(made.edits),
            made.focus,
            tuple(made.hints),
            tx.position,
        )

    def _append(
        self, context: str, plan: Callable[[State], Plan], who: str, meta: Callable[[Plan], TxMeta]
    ) -> tuple[Plan, Tx | None]:
        """Plan under the journal's lock and write; no transaction where there is nothing to write."""
        journal = self.journal(context)
        mirror = self._mirrors.setdefault(context, Mirror())
        known = context in self._begun
        with (
            self._noticing_its_end(context),
            mirror.forgetting_on_error(),
            journal.writer(self.settings.lock_timeout, context, create=not known) as writer,
        ):
            with State(context, journal, writer.position, mirror, self.index.snapshot) as state:
                made = plan(state)
                drafts = state.drafts(made.edits)
            if not drafts:
                return made, None
            tx = writer.append(drafts, by=who, meta=meta(made))
            mirror.apply(tx)
        return made, tx

    def begin(self, context: str) -> None:
        """Before a command: the context must be there, and its chart file taken into its journal.

        Raises ReadOnly, NotFound, and Refused where the chart file holds something else.
        """
        self.writable()
        self.contexts.require(context)
        if context in self._begun:
            return
        from store import exchange

        if not exchange.begun(self, context):
            exchange.absorb(self, context, at_rest=True)
            if (odd := exchange.foreign_format(self, context)) is not None:
                raise Refused(
                    f"{odd} holds no charts but something else, and publishing would replace it: nothing was "
                    "written. Move that file away, or use another context."
                )
        if self.layout.journal(context).exists():
            self._begun.add(context)

    @contextmanager
    def _noticing_its_end(self, context: str) -> Iterator[None]:
        """A context that another process renamed or archived meanwhile is forgotten here too."""
        try:
            yield
        except NotFound:
            if not self.layout.journal(context).exists():
                self.forget(context)
                self.contexts.forget(context)
            raise

    def _committed(self, context: str, count: int) -> None:
        """Have the index follow: at once when it has fallen far behind, else when somebody reads."""
        with self._lock:
            behind = self._dirty[context] = self._dirty.get(context, 0) + count
        if self._background is not None:
            self._background.poke(context, "commit")
        elif behind > BEHIND:
            with suppress(
                ChartkeepError
            ):  # it is committed all the same; whoever reads next meets the trouble
                self.sync(context)

    def writable(self) -> None:
        """Raise ReadOnly where this session may not write."""
        if self.readonly:
            raise ReadOnly(
                f"{self.root} is open for reading only. Open it without --read-only to change charts."
            )

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def state(self, context: str) -> Iterator[State]:
        """A view of a context's committed state, for planning that spans two contexts."""
        journal = self.journal(context)
        with State(context, journal, journal.position(), Mirror(), self.index.snapshot) as state:
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

    def find_chart(self, chart_id: str) -> tuple[str, str]:
        """(context, chart id) of a chart by its id, looked for in every context. Raises NotFound."""
        with self.snapshot() as snap:
            for context in self.contexts.names():
                if snap.rowid(context, chart_id) is not None:
                    return context, chart_id
        raise NotFound(f"No chart {chart_id} in {self.root}. See `chartkeep list`.")

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

    def sync(self, context: str | None = None) -> list[Synced]:
        """Bring the index up to the end of the journals of one context, or of all."""
        done = []
        for name in [context] if context else self.contexts.names():
            # Clean only once it is synced: whoever reads in between has to wait for that too.
            dirt = self._dirty.get(name)
            if self.layout.journal(name).exists():
                elsewhere = self._moved_elsewhere(name)
                done.append(self._synced(name, self.index.sync(self.journal(name)), elsewhere))
            with self._lock:
                if dirt is not None and self._dirty.get(name) == dirt:
                    del self._dirty[name]
        return done

    def _moved_elsewhere(self, context: str) -> bool:
        """Whether another process has brought the index on since this one last looked: that is news here."""
        if self._background is None:
            return False
        last = self._index_at.get(context)
        return last is not None and self.index.position(context, "charts") != last

    def _synced(self, context: str, synced: Synced, elsewhere: bool) -> Synced:
        """Keep what a sync found until the background thread has told everybody of it."""
        if synced.damage is not None:
            self.damage[context] = synced.damage
        else:
            self.damage.pop(context, None)
        if self._background is None:
            return synced
        position = self.index.position(context, "charts")
        if position is not None:
            self._index_at[context] = position
        if synced.lines or elsewhere:
            with self._lock:
                before = self._news.get(context, frozenset())
                whole = synced.reset or elsewhere or before is None
                self._news[context] = None if whole else frozenset(before or ()) | frozenset(synced.charts)
        return synced

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
        from store import exchange

        if not self.readonly:
            self.contexts.finish()
        for context in self.contexts.names():
            exchange.tidy(self, context)
        said = self.absorb()
        synced = self.sync()
        self.finish_moves()
        said.extend(f"Only what lies before the damage is shown. {error}" for error in self.damage.values())
        return CaughtUp(said, synced)

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
        """Make the index anew from the journals."""
        names = [name for name in self.contexts.names() if self.layout.journal(name).exists()]
        with self.jobs.run("rebuild", "Rebuild the index") as job:
            self.index.rebuild([self.journal(name) for name in names], job.at)

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

    def verify(self) -> list[Finding]:
        """Read everything and name what is wrong with it."""
        from store.upkeep import verify

        return verify.verify(self)

    def status(self) -> dict[str, Any]:
        """Measured figures about the store, as plain JSON."""
        from store.upkeep import health

        return health.status(self)

    def start_background(self) -> None:
        """Keep index, journals and chart files in step from a thread, until closed."""
        from store.background import Background

        if self._background is None:
            self._background = Background(self, self.settings)
            self._background.start()

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
        """Stop the background, which publishes what it owes, and let go of files and connections."""
        if self._background is not None:
            self._background.close()
            self._background = None
        with self._lock:
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
