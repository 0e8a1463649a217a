"""One journal mended: looked at, written anew aside, and exchanged, under its lock.

1. Damaged files are kept whole below `.recovery/damaged-<stamp>/` before anything takes their place.
2. The mended files take their places together (`replacing`): whatever moment a crash comes, the next open
   finds the damaged journal as it was, or finishes.
3. Where nothing is missing in the end, the journal is to the byte what it was; else it says what is
   missing in a transaction of the command `recover`, in the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from store import clock, durable, records, replacing
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.model import Position, TxMeta
from store.records import Draft
from store.replacing import Swap
from store.upkeep.recovery import mending
from store.upkeep.recovery.bringing import Bringing
from store.upkeep.recovery.bringing_knowledge import BringingKnowledge
from store.upkeep.recovery.mending import Mending
from store.upkeep.recovery.rewriting import Rewriting, bytes_of

if TYPE_CHECKING:
    from store.journal import Journal
    from store.rechain import Chain
    from store.store import Store
    from store.upkeep.recovery.donors import Donors
    from store.upkeep.recovery.recovery_log import RecoveryLog

CHARTS = "charts"
_MOST_NAMED = 200


def look_only(store: Store, context: str, family: str, donors: Donors, log: RecoveryLog) -> None:
    journal = store.journal(context, family)
    if (newer := mending.too_new(journal)) is not None:
        log.say(str(newer))
        return
    found = mending.look(journal, indexed(store, context, family), donors)
    if not found.needed:
        return
    _tell(found, log, "would be")
    if found.broken is not None:
        with _bringing(store, found) as bringing:
            log.brought(bringing.brought)


def mend(
    store: Store, context: str, family: str, donors: Donors, log: RecoveryLog, *, exact_only: bool = False
) -> bool:
    """Mend one journal; True where it is whole now."""
    layout, timeout = store.layout, store.settings.lock_timeout
    journal = store.journal(context, family)
    if (newer := mending.too_new(journal)) is not None:
        log.say(str(newer))
        return False
    known = indexed(store, context, family)
    locks = [journal.path.with_name("chartfile.lock"), journal.lock.path]
    with ExitStack() as stack:
        stack.enter_context(replacing.alone(layout.home, timeout, "recovery"))
        durable.make_dirs(journal.path.parent)
        stack.enter_context(durable.Lock(locks[0]).held(timeout, "recovery"))
        stack.enter_context(journal.locked(timeout, "recovery"))
        found = mending.look(journal, known, donors)
        if not found.needed:
            journal.suspect = False
            return True
        if exact_only and found.broken is not None:
            return False
        _tell(found, log, "was")
        end: Position | None
        if found.broken is None:
            swaps, end = _exact(journal, found, log)
        else:
            swaps, end = _anew(store, journal, found, log)
        kept = [swap._replace(kept=kept_at(store, log, swap.target)) for swap in swaps]
        replacing.decide(layout.home, kept, locks=locks, positions={journal.witness.path: end})
        journal.forget_file()
    _forget(store, context, family, rebuilt=found.broken is not None)
    return True


def _forget(store: Store, context: str, family: str, *, rebuilt: bool) -> None:
    """Have this process look at the journal anew, and the index too where places have changed."""
    store.forget(context)
    if family == KNOWLEDGE:
        store.library.damage.pop(context, None)
        if rebuilt:
            store.library.index.forget(context)
            store.library.sync(context)
    elif family == CHARTS:
        store.damage.pop(context, None)
        if rebuilt:
            store.index.forget(context)
            store.sync(context)


def _exact(journal: Journal, found: Mending, log: RecoveryLog) -> tuple[list[Swap], Position]:
    """Swaps that put a journal right to the byte."""
    writing = Rewriting(journal, lambda _generation, _offset: None)
    swaps: list[Swap] = []
    for part in found.parts:
        if part.changed:
            swaps.append(Swap(writing.exact(part), part.home))
            _drop_cold(swaps, part)
    live = found.parts[-1]
    if swaps:
        log.say(f"{_name(found)}: the journal is whole again, to the byte.")
    return swaps, live.end._replace(offset=live.found.keep, hash=_hash_at(live))


def _anew(
    store: Store, journal: Journal, found: Mending, log: RecoveryLog
) -> tuple[list[Swap], Position | None]:
    """Swaps that put what is left of a journal in place of the damaged one, and where that ends."""
    first = found.broken or 0
    swaps = []
    with _bringing(store, found) as bringing, _metas(store, found.context, found.family) as meta:
        writing = Rewriting(journal, meta)
        for part in found.parts[:first]:
            if part.changed:
                swaps.append(Swap(writing.exact(part), part.home))
                _drop_cold(swaps, part)
        before = found.parts[first - 1].end if first else None
        for part in found.parts[first:]:
            last = _closing(store, found, bringing, log) if part is found.parts[-1] else None
            swaps.append(Swap(writing.anew(part, before, last), part.home))
            _drop_cold(swaps, part)
            before = writing.end
    log.brought(bringing.brought)
    _tell_brought(found, bringing, log)
    if found.family == CHARTS:
        from store.publish import PublishedLog

        published = PublishedLog(journal.path.with_name("published.jsonl"))
        if published.entries():
            moved = published.moved(writing.moved.position)
            swaps.append(Swap(durable.write_aside(published.path, moved), published.path))
    return swaps, before


def _drop_cold(swaps: list[Swap], part: mending.Part) -> None:
    """The compressed form of a generation that was mended goes; it is compressed again in its time."""
    path = part.source.path
    if path is not None and path != part.home and path.suffix == ".zst":
        swaps.append(Swap(None, path))


def _hash_at(part: mending.Part) -> str:
    """The hash at the end of the last whole transaction."""
    if part.found.keep == part.found.end.offset:
        return part.found.end.hash
    tail = b""
    for block in bytes_of(part.found.exact, part.source.read, part.found.keep):
        tail = (tail + block)[-64:]
    return tail[-35:-3].decode("ascii")


def _closing(
    store: Store, found: Mending, bringing: Bringing, log: RecoveryLog
) -> Callable[[Chain], tuple[list[bytes], str]]:
    """The transaction that says in the journal itself what was lost."""
    lost = [item for item in bringing.brought if not (item.newest and item.source)]
    note = {
        "type": "recovery",
        "id": log.stamp,
        "log": f"{store.layout.recovery.name}/recovery-{log.stamp}.log",
        "gaps": [
            {"generation": part.number, "line": line, "offset": offset}
            for part in found.parts
            for line, offset in part.found.gaps[:_MOST_NAMED]
        ],
        "lost": [[item.row.key, item.row.ver, item.row.by, item.row.at] for item in lost[:_MOST_NAMED]],
        "lost_count": len(lost),
    }
    key = f"x:recovery:{log.stamp}"
    # Put and deleted at once: the history holds it, chart files do not.
    drafts = [Draft("put", key, 1, records.dumps(note)), Draft("delete", key, 2, None), *bringing.drafts]
    meta = TxMeta("recover", _label(bringing), store.session.id)

    def lines(chain: Chain) -> tuple[list[bytes], str]:
        return records.encode_lines(
            drafts, offset=chain.offset, previous=chain.hash, at=clock.stamp(), by=store.session.by, meta=meta
        )

    return lines


def _label(bringing: Bringing) -> str:
    back = len(bringing.drafts)
    lost = sum(not (item.newest and item.source) for item in bringing.brought)
    words = [f"{back:,} record{'s' * (back != 1)} brought back"] if back else []
    words += [f"{lost:,} version{'s' * (lost != 1)} lost"] if lost else []
    return "Recover the journal: " + (", ".join(words) or "a part of it is missing")


@contextmanager
def _bringing(store: Store, found: Mending) -> Iterator[Bringing]:
    """What the index and the chart file still have of what is missing."""
    if found.family == KNOWLEDGE:
        with store.library.index.snapshot() as known:
            bringing_known = BringingKnowledge(store, found.context, known)
            bringing_known.find(found.parts[found.broken or 0 :])
            yield bringing_known
        return
    if found.family != CHARTS:
        yield Bringing(store, found.context, None)
        return
    with store.index.snapshot() as snap:
        bringing = Bringing(store, found.context, snap)
        bringing.find(found.parts[found.broken or 0 :])
        yield bringing


@contextmanager
def _metas(store: Store, context: str, family: str) -> Iterator[Callable[[int, int], TxMeta | None]]:
    """What transactions said of themselves, by their places, as far as an index knows."""
    from store.index import remembered
    from store.index.knowledge import remembered as known

    if family == CHARTS:
        with store.index.snapshot() as snap:
            yield lambda generation, offset: remembered.meta_at(snap, context, generation, offset)
    elif family == KNOWLEDGE:
        with store.library.index.snapshot() as other:
            yield lambda generation, offset: known.meta_at(other, context, generation, offset)
    else:
        yield lambda _generation, _offset: None


def indexed(store: Store, context: str, family: str) -> Position | None:
    """How far the index has read a journal; None where it has not, or none holds that family."""
    if family == KNOWLEDGE:
        return store.library.index.position(context, family)
    return store.index.position(context, family)


def kept_at(store: Store, log: RecoveryLog, target: Path) -> Path:
    """Where the damaged file stays."""
    folder = store.layout.recovery / f"damaged-{log.stamp}"
    return folder / os.path.relpath(target, store.layout.journals)


# -- telling ---------------------------------------------------------------------------------------


def _name(found: Mending) -> str:
    return f"{found.context}/{found.family}"


def _tell(found: Mending, log: RecoveryLog, verb: str) -> None:
    """What is wrong, and what is (or would be) done about it."""
    count = sum(len(part.found.bad) + part.found.more_bad for part in found.parts)
    gaps = sum(len(part.found.gaps) for part in found.parts)
    if found.broken is not None:
        log.say(
            f"{_name(found)}: the journal {verb} mended with what is left of it; something is missing at "
            f"{gaps or 1} place{'s' * (gaps > 1)}."
        )
    elif count or any(part.changed for part in found.parts):
        log.say(f"{_name(found)}: the journal {verb} put right to the byte; {count} lines were wrong.")
    else:
        log.say(f"{_name(found)}: the note of the last commit {verb} written anew.")
    log.found(found)


def _tell_brought(found: Mending, bringing: Bringing, log: RecoveryLog) -> None:
    log.say(f"{_name(found)}: {_label(bringing).partition(': ')[2]}.")
    log.facts.setdefault("journals", []).append(
        {
            "context": found.context,
            "family": found.family,
            "brought_back": [[i.row.key, i.row.ver, i.source] for i in bringing.brought if i.source],
            "lost": [[i.row.key, i.row.ver] for i in bringing.brought if not i.source],
        }
    )
