"""Cutting lines out of journals for good: the generations rewritten, chained anew, and replaced together.

From the first generation that loses a line on, every one is written anew, since each names the end of
the one before. What was live is archived, and the journal goes on with a new generation that begins
with the live records and with a transaction that says what was cut: counts, and of each generation the
end it had and the end it has. So positions anybody holds are off the chain, and read again.

1. All is prepared aside and synced before it is decided that it takes its place (`replacing`); a crash
   before that leaves the store as it was, one after it is finished by whoever opens the store next, or
   takes the lock of a journal. What follows, log of publications, indexes, vectors and chart files, is done here, by
   the next to open the store if need be (`finish`).
2. The locks of all journals concerned, and of their chart files, are held from reading to replacing.
3. What is archived is never chained anew without having been checked (`rechain.verified`).
4. The index is made anew in a new file: a page that SQLite has freed still holds what was in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from store import clock, durable, exchange, replacing
from store.cold import freeze
from store.errors import ChartkeepError, Locked
from store.journal_next import exclusive
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.model import Position
from store.publishing import Publishing
from store.replacing import Swap
from store.upkeep.retention import likeness, remaking
from store.upkeep.retention.remaking import Cut

if TYPE_CHECKING:
    from store.journal import Journal
    from store.store import Store

Place = tuple[str, str]
"""(context, family) of a journal."""
JOURNAL_SECONDS = 60.0


# -- locks -----------------------------------------------------------------------------------------


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold off every other cut, and finish one that was cut short. Raises Locked."""
    durable.make_dirs(store.layout.journals)
    with replacing.alone(store.layout.home, store.settings.lock_timeout, "erasing"):
        _follow(store)
        yield


@contextmanager
def desks(store: Store, contexts: Iterable[str]) -> Iterator[dict[str, Publishing]]:
    """The chart files of some contexts, what others wrote to them taken in; nobody moves or publishes."""
    timeout = store.settings.lock_timeout
    contexts = sorted(set(contexts))
    for context in contexts:
        exchange.tidy(store, context)
    with ExitStack() as stack:
        stack.enter_context(store.contexts.steady())
        moves = durable.Lock(store.layout.journals / ".moves.lock")
        stack.enter_context(moves.held(timeout, "erasing"))
        found: dict[str, Publishing] = {}
        for context in contexts:
            desk = found[context] = Publishing(store, context)
            stack.enter_context(desk.held())
            desk.absorb(None)
        yield found


@contextmanager
def journals(store: Store, places: Iterable[Place]) -> Iterator[dict[Place, Position]]:
    """The ends of some journals, while their locks are held. Raises Damaged, Locked, ReadOnly."""
    with ExitStack() as stack:
        found = {}
        for place in sorted(set(places)):
            if store.layout.journal(*place).exists():
                journal = store.journal(*place)
                stack.enter_context(exclusive(journal, JOURNAL_SECONDS))
                writer = journal.writer(JOURNAL_SECONDS, "erasing", create=False)
                found[place] = stack.enter_context(writer).position
        yield found


# -- cutting ---------------------------------------------------------------------------------------


def carry_out(
    store: Store,
    desks: dict[str, Publishing],
    cuts: Sequence[Cut],
    others: Callable[[], list[Swap]] | None = None,
) -> dict[str, Any]:
    """Prepare and decide; the journals are replaced when this returns. Call under all their locks.

    `others` prepares further files (copies set aside). `conclude` does the rest with what is returned.
    Raises StorageError, Damaged: then nothing is changed, or the next to come finishes.
    """
    home = store.layout.home
    replacing.begin(home)
    try:
        parts = [remaking.part(store, cut, desks.get(cut.journal.context)) for cut in cuts]
        then = {"at": clock.stamp(), "journals": [part.then for part in parts]}
        replacing.decide(
            home,
            [swap for part in parts for swap in part.swaps] + (others() if others is not None else []),
            locks=[cut.journal.lock.path for cut in cuts],
            positions={cut.journal.witness.path: part.end for cut, part in zip(cuts, parts, strict=True)},
            strict=False,
            then=then,
        )
    except BaseException:
        if not replacing.begun(home):
            with suppress(ChartkeepError):  # else the next one to come does it
                if replacing.owed(home) is None:  # the last rename may be done and only its sync refused
                    replacing.discard(home)
        raise
    finally:
        for cut in cuts:
            _reopen(cut.journal)
    return then


def conclude(store: Store, desks: dict[str, Publishing], then: dict[str, Any]) -> None:
    """What follows once files were replaced: log of publications, index, chart files. May be done again."""
    for part in then["journals"]:
        if part["family"] == "charts" and part["context"] in desks:
            places = {Position(*old): Position(*new) for old, new in part["positions"]}
            desks[part["context"]].log.lead(places)
    if any(part["family"] in ("charts", KNOWLEDGE) for part in then["journals"]):
        store.rebuild()
        for name in ("chartkeep.damaged", "knowledge.damaged"):
            for suffix in ("", "-wal", "-shm"):
                durable.remove_file(store.layout.index.with_name(name + suffix), sync=False)
    for context in dict.fromkeys(part["context"] for part in then["journals"]):
        families = {part["family"] for part in then["journals"] if part["context"] == context}
        likeness.drop(store, context, families)
    for desk in desks.values():
        desk.publish(None)
    for part in then["journals"]:
        for name in part["freeze"]:
            if (path := store.layout.home / name).exists():
                freeze(path)
    replacing.settle(store.layout.home)


def finish(store: Store) -> bool:
    """Finish a cut that was interrupted; True where there was one. Nothing while its maker is at work.

    A chart file that cannot be published, or an index that cannot be made, is left to the next one to
    open the store: that is no reason not to open it. Raises StorageError where files cannot be replaced.
    """
    home = store.layout.home
    if store.readonly:
        return False
    try:
        done = replacing.finish(home, store.settings.lock_timeout)
        if not replacing.noted(home):
            return done
        with replacing.alone(home, 0.0, "finishing an erasure"):
            return _follow(store, quiet=True) or done
    except Locked:
        return False


def _follow(store: Store, *, quiet: bool = False) -> bool:
    """Do what is owed since journals were replaced. Call under the lock of those who replace files."""
    then = replacing.owed(store.layout.home)
    if then is None:
        return False
    contexts = {part["context"] for part in then["journals"] if part["family"] == "charts"}
    with ExitStack() as stack:
        found: dict[str, Publishing] = {}
        for context in sorted(contexts):
            found[context] = Publishing(store, context)
            stack.enter_context(found[context].held())
        for part in then["journals"]:
            _reopen(store.journal(part["context"], part["family"]))
        with suppress(ChartkeepError) if quiet else nullcontext():
            conclude(store, found, then)
    return True


def _reopen(journal: Journal) -> None:
    """Let go of the files that were replaced."""
    from store.journal_reader import JournalReader

    journal.forget_file()
    JournalReader.close(journal)
