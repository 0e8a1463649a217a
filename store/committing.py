"""From a plan to a transaction: the one way a command is committed.

`Committing.commit` takes the journal's lock, lets a plain function plan on the very end of the
journal, appends what it planned, and returns once the bytes are on disk. Index, chart file and
listeners follow after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from store.contexts import Contexts
from store.errors import ChartkeepError, Damaged, NotFound, ReadOnly, Refused
from store.jobs import Jobs
from store.layout import Layout
from store.mirror import Behind, Mirror
from store.model import Change, Plan, Position, TxMeta
from store.session import Session
from store.state import State

if TYPE_CHECKING:
    from store.background import Background
    from store.charts import View
    from store.index import Index, Synced
    from store.journal import Journal, Tx
    from store.knowledge.library import Library
    from store.settings import Settings
    from store.store import Store
    from store.upkeep.maintenance.attending import Attendant

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
    shown_by: str = ""
    """Id of the command that shows more of what `text` says."""
    knowledge: bool = False
    """True where the context's knowledge changed, not its charts."""


class Committing:
    """What an open store is made of, and how a plan becomes a transaction."""

    def __init__(self, layout: Layout, session: Session, *, readonly: bool = False) -> None:
        self.layout = layout
        self.session = session
        self.readonly = readonly
        self.jobs = Jobs(self._whole)
        self.contexts = Contexts(self._whole)
        self.damage: dict[str, Damaged] = {}
        """Journals read only up to a damaged line, by context: what comes before it is shown."""
        self._index: Index | None = None
        self._library: Library | None = None
        self._journals: dict[tuple[str, str], Journal] = {}
        self._mirrors: dict[str, Mirror] = {}
        self._dirty: dict[str, int] = {}
        self._begun: set[str] = set()
        self._news: dict[str, frozenset[str] | None] = {}
        self._index_at: dict[str, Position] = {}
        """How far the index was when this process last brought it on, by context."""
        self._settings: Settings | None = None
        self._background: Background | None = None
        self._attendant: Attendant | None = None
        self._listeners: list[Callable[[Notice], None]] = []
        self._lock = threading.RLock()

    @property
    def _whole(self) -> Store:
        return cast("Store", self)

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

    def reload_settings(self) -> None:
        """Read `chartkeep.toml` again when a setting is next asked for."""
        self._settings = None

    @property
    def index(self) -> Index:
        """The derived index, opened when first asked for."""
        with self._lock:
            if self._index is None:
                from store.index import Index

                self._index = Index.open(self.layout.index, readonly=False)
                self._index.renewed = self._reread
            return self._index

    @property
    def library(self) -> Library:
        """The knowledge of the store: analogies, frames, concepts and all that is not a chart."""
        with self._lock:
            if self._library is None:
                from store.knowledge.library import Library

                self._library = Library(self._whole)
            return self._library

    def _reread(self) -> None:
        """Let go of the journals held open for reading. Takes no lock: who calls it may hold the index's."""
        from store.journal_reader import JournalReader

        for journal in list(self._journals.values()):
            JournalReader.close(journal)

    def journal(self, context: str, family: str = "charts") -> Journal:
        """The journal of a context and family of collections."""
        with self._lock:
            journal = self._journals.get((context, family))
            if journal is None:
                from store.journal import Journal

                path = self.layout.journal(context, family)
                journal = Journal(path, context, family, recovery=self.layout.recovery)
                if path.exists():
                    index = self.library.index if family == "knowledge" else self.index
                    position = index.position(context, family)
                    if position is not None:
                        with suppress(Damaged):  # said by whoever reads it; recovery needs the journal
                            journal.trust(position)
                self._journals[context, family] = journal
            return journal

    def mirrors(self) -> list[Mirror]:
        """What this process remembers of each context it has changed."""
        with self._lock:
            return list(self._mirrors.values())

    def forget(self, context: str) -> None:
        """Drop what is held in memory of a context that was renamed or archived."""
        with self._lock:
            for place in [place for place in self._journals if place[0] == context]:
                self._journals.pop(place).close()
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
            sides = (tuple(made.conflicts), tuple(made.resolves))
            return TxMeta(made.command, made.label, self.session.id, undoes, redoes, group, *sides)

        for again in (True, True, False):  # a new generation may begin once more in between
            try:
                made, tx = self._append(context, plan, who, meta)
                break
            except Behind:
                if not again:
                    raise
                self.sync(context)
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

        if not exchange.begun(self._whole, context):
            exchange.absorb(self._whole, context, at_rest=True)
            if (odd := exchange.foreign_format(self._whole, context)) is not None:
                raise Refused(
                    f"{odd} holds no charts but something else, and publishing would replace it: nothing was "
                    "written. Move that file away, or use another context."
                )
        if not self.layout.journal(context).exists():
            self._make_journal(context)
        self._begun.add(context)

    def _make_journal(self, context: str) -> None:
        """The first command of a context: nobody may rename it meanwhile, or it would be there twice."""
        with self.contexts.steady():
            self.contexts.forget(context)
            self.contexts.require(context)
            journal = self.journal(context)
            with journal.locked(self.settings.lock_timeout, context):
                journal.ready()

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

    # -- the index follows -------------------------------------------------------------------------

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
