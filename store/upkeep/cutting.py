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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock, durable, exchange, pending, records
from store.cold import SUFFIX, freeze
from store.errors import ChartkeepError, Locked
from store.journal_next import exclusive
from store.journal_read import ReadFile, pread
from store.model import Position, TxMeta
from store.publishing import Publishing
from store.rechain import Chain, Group, blocks, body_of, head_of, verified, with_meta
from store.records import Draft, encode_header, encode_lines
from store.upkeep.compaction import KEEP_DELETIONS
from store.upkeep.sieve import ERASED, NOWHERE, Head, Sieve, Tally

if TYPE_CHECKING:
    from store.journal import Journal
    from store.journal_read import Header
    from store.store import Store

Place = tuple[str, str]
"""(context, family) of a journal."""
JOURNAL_SECONDS = 60.0


@dataclass(slots=True)
class Cut:
    """What is to be cut of one journal, and what its journal says of it."""

    journal: Journal
    end: Position
    sieve: Sieve
    tally: Tally
    key: str
    """Of the record that tells of it."""
    record: dict[str, Any]
    meta: TxMeta
    carries: Callable[[Head], bool] = lambda _: True
    """Which live records the new generation begins with; the rest lies in the archive alone."""
    drops: bool = False
    """Generations at the beginning of which nothing is left go altogether."""


@dataclass(slots=True)
class _Making:
    """One journal while its new generations are prepared."""

    cut: Cut
    wanted: set[Position]
    """Positions that the log of publications names."""
    swaps: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    freeze: list[str] = field(default_factory=list)
    positions: list[list[Any]] = field(default_factory=list)
    proof: list[dict[str, Any]] = field(default_factory=list)
    live: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where the live records lie in the last generation as it is now: offset and length."""
    gone: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The same of the deletions that may still be needed."""
    marks: str = field(default_factory=lambda: clock.stamp(clock.now() - KEEP_DELETIONS))


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
        parts = [_part(store, cut, desks.get(cut.journal.context)) for cut in cuts]
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


# -- one journal -----------------------------------------------------------------------------------


def _part(store: Store, cut: Cut, desk: Publishing | None) -> dict[str, Any]:
    """Prepare all new files of one journal; what the intent says of them."""
    journal = cut.journal
    first = cut.tally.first
    assert first is not None, "nothing is cut of it"
    entries = desk.log.entries() if desk is not None and journal.family == "charts" else []
    made = _Making(cut, {where for entry in entries for where in (entry.position, *entry.bases)})
    previous: dict[str, Any] | None = None
    numbers = [number for number in journal.generations() if number >= first]
    for number in numbers:
        reader = journal.generation_file(number)
        if number == first and reader.header.previous is not None:
            previous = _stated(journal, number - 1)
        previous = _generation(store, made, reader, previous, last=number == numbers[-1])
    position = _next(store, made, previous)
    folder = store.layout.journals
    live = os.path.relpath(journal.path, folder)
    return {
        "context": journal.context,
        "family": journal.family,
        "live": live,
        # What was live is archived first, then the journal goes on; the older archives after that.
        "swaps": made.swaps[-2:] + made.swaps[:-2],
        "remove": made.remove,
        "freeze": made.freeze,
        "position": list(position),
        "positions": made.positions,
    }


def _stated(journal: Journal, number: int) -> dict[str, Any]:
    """What a generation says of the one before, `number`: where it ends."""
    reader = journal.generation_file(number)
    tail = pread(reader.fd, 35, reader.size - 35, reader.path)
    name = f"{journal.family}.{number}.jsonl"
    return {"file": f"archive/{name}", "size": reader.size, "hash": tail[:32].decode("ascii", "replace")}


def _generation(
    store: Store, made: _Making, reader: ReadFile, previous: dict[str, Any] | None, *, last: bool
) -> dict[str, Any] | None:
    """Prepare one generation without what goes; what the next one says of it."""
    cut, old = made.cut, reader.header
    journal, folder = cut.journal, store.layout.journals
    header, digest = encode_header(
        generation=old.generation,
        created=old.created,
        context=old.context,
        family=old.family,
        previous=previous,
    )
    chain = Chain(header, digest, old.generation)
    target = journal.archive / f"{journal.family}.{old.generation}.jsonl"
    was = old.position
    _lead(made, was, chain.position)

    def lines() -> Iterator[bytes]:
        nonlocal was
        for group in verified(reader, cut.end.offset if last else None):
            before = chain.position
            bodies = cut.sieve.remake(group)
            out = chain.lines(bodies)
            _placed(made, group, before, chain.position)
            was = Position(group.generation, group.end, group.hash)
            if last:
                _living(made, bodies, out, before.offset)
            yield from out

    prepared = pending.prepare(target, reader.path, blocks(header, lines()))
    cold = target.with_name(target.name + SUFFIX)
    if cold.exists():
        made.remove.append(os.path.relpath(cold, folder))
        made.freeze.append(os.path.relpath(target, folder))
    empty = cut.drops and previous is None and chain.offset == len(header)
    if empty:
        durable.remove_file(prepared, sync=False)
        made.remove.append(os.path.relpath(target, folder))
    else:
        made.swaps.append(os.path.relpath(target, folder))
    made.proof.append(
        {
            "generation": old.generation,
            "lines": cut.tally.by_generation.get(old.generation, 0),
            "was": {"size": was.offset, "hash": was.hash},
            "now": None if empty else {"size": chain.offset, "hash": chain.hash},
        }
    )
    if empty:
        return None
    return {"file": f"archive/{target.name}", "size": chain.offset, "hash": chain.hash}


def _placed(made: _Making, group: Group, before: Position, after: Position) -> None:
    """Remember where a transaction came to lie, for those that refer to it."""
    sieve = made.cut.sieve
    if group.tx in sieve.refs:
        sieve.moved[group.tx] = f"{after.generation}:{before.offset:x}" if after != before else NOWHERE
    _lead(made, Position(group.generation, group.end, group.hash), after)


def _lead(made: _Making, old: Position, new: Position) -> None:
    if old in made.wanted:
        made.positions.append([list(old), list(new)])


def _living(made: _Making, bodies: Sequence[bytes], lines: Sequence[bytes], at: int) -> None:
    """Bring the places of what is live along by one transaction that starts at `at`."""
    for body, line in zip(bodies, lines, strict=True):
        head = head_of(body)
        key = head["key"]
        if head["op"] == "put":
            made.gone.pop(key, None)
            made.live[key] = (at, len(line))  # one that is there keeps its place in the order
        else:
            made.live.pop(key, None)
            made.gone.pop(key, None)
            if head["at"] >= made.marks and ERASED not in head:
                made.gone[key] = (at, len(line))
        at += len(line)


def _next(store: Store, made: _Making, previous: dict[str, Any] | None) -> Position:
    """Prepare the generation that the journal goes on with; its end."""
    cut, journal = made.cut, made.cut.journal
    old: Header = journal.generation_file(cut.end.generation).header
    header, digest = encode_header(
        generation=old.generation + 1,
        created=clock.stamp(),
        context=journal.context,
        family=journal.family,
        previous=previous,
    )
    chain = Chain(header, digest, old.generation + 1)
    record = {**cut.record, "generations": made.proof}
    drafts = [Draft("put", cut.key, 1, records.dumps(record)), Draft("delete", cut.key, 2, None)]

    def lines() -> Iterator[bytes]:
        yield from _carried(made, chain)
        told, chain.hash = encode_lines(
            drafts,
            offset=chain.offset,
            previous=chain.hash,
            at=clock.stamp(),
            by=store.session.by,
            meta=cut.meta,
        )
        chain.offset += sum(map(len, told))
        yield from told

    pending.prepare(journal.path, journal.path, blocks(header, lines()))
    made.swaps.append(os.path.relpath(journal.path, store.layout.journals))
    return chain.position


def _carried(made: _Making, chain: Chain) -> Iterator[bytes]:
    """What is live of the generation before, in its order there, each a transaction of its own."""
    if not made.live and not made.gone:
        return
    cut = made.cut
    name = f"{cut.journal.family}.{cut.end.generation}.jsonl{pending.PREPARED}"
    reader = ReadFile(cut.journal.archive / name)
    for offset, length in (*made.gone.values(), *made.live.values()):
        body = body_of(pread(reader.fd, length, offset, reader.path))
        if cut.carries(head_of(body)):
            yield from chain.lines([with_meta(body, None)])
    made.live.clear()
    made.gone.clear()
