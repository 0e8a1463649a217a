"""Cutting lines out of journals for good: the generations rewritten, chained anew, and exchanged together.

From the first generation that loses a line on, every one is written anew, since each names the end of
the one before. What was live is archived, and the journal goes on with a new generation that begins
with the live records and with a transaction that says what was cut: counts, and of each generation the
end it had and the end it has. So positions anybody holds are off the chain, and read again.

1. All is prepared aside and synced before the intent says that it is decided (`pending`); a crash
   before that leaves the store as it was, one after it is finished by whoever opens the store next, or
   takes the lock of one of the journals.
2. The locks of all journals concerned, and of their chart files, are held from reading to exchanging.
3. What is archived is never chained anew without having been checked (`rechain.verified`).
4. The index is made anew in a new file: a page that SQLite has freed still holds what was in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock, durable, exchange, pending
from store.cold import freeze
from store.errors import ChartkeepError, Locked
from store.journal_next import exclusive
from store.model import Position
from store.publishing import Publishing
from store.upkeep import remaking
from store.upkeep.remaking import Cut

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
    folder = store.layout.journals
    durable.make_dirs(folder)
    with durable.Lock(folder / pending.LOCK).held(store.settings.lock_timeout, "erasing"):
        _finish(store)
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
    others: Callable[[], tuple[list[Path], list[Path]]] | None = None,
) -> dict[str, Any]:
    """Prepare and decide; the journals are exchanged when this returns. Call under all their locks.

    `others` prepares further files (copies set aside), and names those to be exchanged and those to
    go. `conclude` does the rest with the intent returned. Raises StorageError, Damaged: then nothing
    is changed.
    """
    folder = store.layout.journals
    pending.write(folder, {"state": pending.PREPARING})
    try:
        parts = [remaking.part(store, cut, desks.get(cut.journal.context)) for cut in cuts]
        swaps, gone = others() if others is not None else ([], [])
        intent = {
            "state": pending.SWAPPING,
            "at": clock.stamp(),
            "journals": parts,
            "others": {
                "swaps": [os.path.relpath(path, folder) for path in swaps],
                "remove": [os.path.relpath(path, folder) for path in gone],
            },
        }
    except BaseException:
        with suppress(ChartkeepError):  # else the next one to come does it
            _tidy(store)
        raise
    pending.write(folder, intent)
    for cut, part in zip(cuts, parts, strict=True):
        pending.exchange(folder, part)
        _reopen(cut.journal)
    return intent


def conclude(store: Store, desks: dict[str, Publishing], intent: dict[str, Any]) -> None:
    """What follows from an exchange: log of publications, index, chart files, copies set aside."""
    folder = store.layout.journals
    for part in intent["journals"]:
        if part["family"] == "charts" and part["context"] in desks:
            _follow(desks[part["context"]], part["positions"])
    if any(part["family"] == "charts" for part in intent["journals"]):
        store.rebuild()
        for name in ("chartkeep.damaged", "chartkeep.damaged-wal", "chartkeep.damaged-shm"):
            durable.remove_file(store.layout.index.with_name(name), sync=False)
    pending.exchange(folder, intent["others"])
    for desk in desks.values():
        desk.publish(None)
    for part in intent["journals"]:
        for name in part["freeze"]:
            if (folder / name).exists():
                freeze(folder / name)
    durable.remove_file(folder / pending.INTENT)


def _follow(desk: Publishing, positions: list[list[Any]]) -> None:
    """Lead the log of publications to where its positions lie now; again does no harm."""
    desk.log.lead({Position(*old): Position(*new) for old, new in positions})


def finish(store: Store) -> bool:
    """Finish a cut that was interrupted; True where there was one. Nothing while its maker is at work.

    A chart file that cannot be published, or an index that cannot be made, is left to the next one to
    open the store: that is no reason not to open it. Raises StorageError where journals cannot be exchanged.
    """
    folder = store.layout.journals
    if store.readonly or not pending.begun(folder):
        return False
    lock = durable.Lock(folder / pending.LOCK)
    try:
        lock.acquire(0.0, "finishing an erasure")
    except Locked:
        return False
    try:
        return _finish(store, quiet=True)
    finally:
        lock.release()


def _finish(store: Store, *, quiet: bool = False) -> bool:
    """Do what the intent says is still to be done. Call under the lock of cuts."""
    folder = store.layout.journals
    intent = pending.read(folder)
    if intent is None:
        return False
    if intent.get("state") != pending.SWAPPING:
        _tidy(store)
        return True
    contexts = {part["context"] for part in intent["journals"] if part["family"] == "charts"}
    with ExitStack() as stack:
        found: dict[str, Publishing] = {}
        for context in sorted(contexts):
            found[context] = Publishing(store, context)
            stack.enter_context(found[context].held())
        for part in intent["journals"]:
            journal = store.journal(part["context"], part["family"])
            with journal.locked(JOURNAL_SECONDS, "finishing an erasure", create=False):
                pending.exchange(folder, part)
            _reopen(journal)
        with suppress(ChartkeepError) if quiet else nullcontext():
            conclude(store, found, intent)
    return True


def _tidy(store: Store) -> None:
    """Remove what was prepared for a cut that was never decided."""
    layout = store.layout
    for path in pending.waste([layout.journals, layout.recovery]):
        durable.remove_file(path, sync=False)
    for path in layout.journals.rglob(f"*{durable.TEMP_SUFFIX}"):
        if not runs(path):
            durable.remove_file(path, sync=False)
    durable.remove_file(layout.journals / pending.INTENT)


def runs(temp: Path) -> bool:
    """True where the process that is writing a file aside, by the file's name, is alive."""
    pid = temp.name.removesuffix(durable.TEMP_SUFFIX).rpartition(".")[2].partition("-")[0]
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:
        pass
    return True


def _reopen(journal: Journal) -> None:
    """Let go of the files that were exchanged."""
    from store.journal_reader import JournalReader

    journal.forget_file()
    JournalReader.close(journal)
