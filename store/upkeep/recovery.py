"""Bringing a damaged store back: everything that can be, from wherever it still is.

The order of sources: the journal with what is left of it, and backups where their bytes fit its chain
exactly; then, for values whose lines are lost, the chart file, the index, and the older versions that are
left. `recover` does all of it; `heal` only what loses and changes nothing, and is done by itself on open.

1. Damaged files are kept whole below `.recovery/damaged-<stamp>/` before anything takes their place.
2. A mended journal takes the damaged one's place by one exchange of files (`swapping`), under its lock:
   whatever moment a crash comes, the next open finds the one or finishes the other.
3. Done twice, the second time finds nothing to do.
4. Where nothing is missing in the end, the journal is to the byte what it was; else it says what is
   missing in a transaction of the command `recover`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock, durable, records
from store.errors import ChartkeepError, StorageError
from store.layout import FAMILIES
from store.model import Finding, Position, TxMeta
from store.records import Draft
from store.upkeep import mending, swapping
from store.upkeep.bringing import Bringing
from store.upkeep.donors import Donors
from store.upkeep.mending import Mending
from store.upkeep.recovery_log import RecoveryLog
from store.upkeep.rewriting import Rewriting
from store.upkeep.swapping import Swap

if TYPE_CHECKING:
    from store.journal import Journal
    from store.rechain import Chain
    from store.store import Store

LEFTOVER_SECONDS = 3600.0
"""Age from which a file that was being written aside counts as left behind by a crash."""
UNHEALED = "unhealed.json"
_MOST_NAMED = 200


class Recovered(NamedTuple):
    """What came of a recovery. `findings` is what is still wrong, `said` what happened in a few words."""

    log: Path | None
    said: list[str]
    findings: list[Finding]
    lines: list[str]
    """The log, line by line."""


def recover(store: Store, dry_run: bool = False) -> Recovered:
    """Bring back all that can be. With `dry_run` only say what would be done.

    Raises ReadOnly, Locked, StorageError; the store is then as it was, or an exchange of whole files has
    begun that the next open finishes.
    """
    log = RecoveryLog(store.layout)
    places = list(_places(store))
    if dry_run:
        donors = Donors(store)
        for context, family in places:
            _look_only(store, context, family, donors, log)
        return Recovered(None, log.said, [], log.lines)
    store.writable()
    with store.jobs.run("recover", "Recover the store", total=len(places) + 2) as job:
        if _finish(store):
            log.say("An exchange of files that was cut short was finished.")
            places = list(_places(store))
        donors = Donors(store)
        for done, (context, family) in enumerate(places):
            job.at(done)
            _mend(store, context, family, donors, log)
        if donors.problem:
            log.note(f"backups could not be asked: {donors.problem}")
        job.at(len(places))
        _follow(store, log)
        left = _left(store, log)
        path = log.write()
        job.note(log.said[-1] if log.said else "nothing was wrong")
    return Recovered(path, log.said, left, log.lines)


def heal(store: Store) -> list[str]:
    """Do what is safe without asking; what happened, in words.

    An exchange that was cut short is finished. A damaged journal is put right where the exact bytes are
    to be had; else it is left as it is, and a person has to ask for `recover`.
    """
    if store.readonly:
        return []
    log = RecoveryLog(store.layout)
    if _finish(store):
        log.say("An exchange of files that a crash had cut short was finished.")
    donors = Donors(store)
    for context in hurt(store):
        path = store.layout.journal(context)
        if _seen_before(store, path):
            log.said.append(_not_healed(context))
            continue
        try:
            mended = _mend(store, context, "charts", donors, log, exact_only=True)
        except ChartkeepError as error:
            log.said.append(f"{context} could not be looked after: {error}")
            continue
        if mended:
            store.damage.pop(context, None)
            with suppress(ChartkeepError):
                store.sync(context)
        else:
            _remember(store, path)
            log.said.append(_not_healed(context))
    _remove_leftovers(store)
    if log.lines:
        with suppress(StorageError):  # what was mended counts for more than the note of it
            log.write()
    return log.said


def _not_healed(context: str) -> str:
    return (
        f"The journal of “{context}” is damaged or missing, and its exact bytes are not to be had. `chartkeep recover` "
        "brings back all that can be."
    )


def hurt(store: Store) -> list[str]:
    """Contexts whose journal was seen to be damaged, or is missing though it was written to."""
    names: dict[str, object] = dict.fromkeys(store.damage)
    names.update((name, store.damage.get(name)) for name in store.contexts.names() if store.layout.lost(name))
    return list(names)


def _places(store: Store) -> Iterator[tuple[str, str]]:
    """Every journal there is or was."""
    found = dict.fromkeys(store.layout.families())
    folders = store.layout.journals
    for folder in sorted(folders.iterdir()) if folders.is_dir() else ():
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        for family in FAMILIES:
            traces = (folder / f"{family}.witness", folder / "archive")
            if traces[0].exists() or any(traces[1].glob(f"{family}.*.jsonl*")):
                found[folder.name, family] = None
    for context in store.contexts.names():
        if (context, "charts") not in found and _indexed(store, context, "charts") is not None:
            found[context, "charts"] = None
    yield from found


def _finish(store: Store) -> bool:
    done = swapping.finish(store.layout.home, store.settings.lock_timeout)
    if done:
        for context in store.contexts.names():
            store.forget(context)
    store.contexts.finish()
    return done


# -- one journal -----------------------------------------------------------------------------------


def _look_only(store: Store, context: str, family: str, donors: Donors, log: RecoveryLog) -> None:
    journal = store.journal(context, family)
    if (newer := mending.too_new(journal)) is not None:
        log.say(str(newer))
        return
    found = mending.look(journal, _indexed(store, context, family), donors)
    if not found.needed:
        return
    _tell(found, log, "would be")
    if found.broken is not None:
        with _bringing(store, found) as bringing:
            log.brought(bringing.brought)


def _mend(
    store: Store, context: str, family: str, donors: Donors, log: RecoveryLog, *, exact_only: bool = False
) -> bool:
    """Mend one journal; True where it is whole now."""
    layout, timeout = store.layout, store.settings.lock_timeout
    journal = store.journal(context, family)
    if (newer := mending.too_new(journal)) is not None:
        log.say(str(newer))
        return False
    indexed = _indexed(store, context, family)
    locks = [journal.path.with_name("chartfile.lock"), journal.lock.path]
    with ExitStack() as stack:
        stack.enter_context(swapping.alone(layout.home, timeout, "recovery"))
        durable.make_dirs(journal.path.parent)
        stack.enter_context(durable.Lock(locks[0]).held(timeout, "recovery"))
        stack.enter_context(journal.locked(timeout, "recovery"))
        found = mending.look(journal, indexed, donors)
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
        kept = [swap._replace(kept=_kept(store, log, swap.target)) for swap in swaps]
        swapping.decide(layout.home, kept, locks=locks, positions={journal.witness.path: end})
        journal.forget_file()
    _forget(store, context, rebuilt=found.broken is not None)
    return True


def _forget(store: Store, context: str, *, rebuilt: bool) -> None:
    """Have this process look at the journal anew, and the index too where places have changed."""
    store.forget(context)
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
    with _bringing(store, found) as bringing, _metas(store, found.context) as meta:
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
    if found.family == "charts":
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
    from store.upkeep.rewriting import bytes_of

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
    if found.family != "charts":
        yield Bringing(store, found.context, None)
        return
    with store.index.snapshot() as snap:
        bringing = Bringing(store, found.context, snap)
        bringing.find(found.parts[found.broken or 0 :])
        yield bringing


@contextmanager
def _metas(store: Store, context: str) -> Iterator[Callable[[int, int], TxMeta | None]]:
    from store.index.remembered import meta_at

    with store.index.snapshot() as snap:
        yield lambda generation, offset: meta_at(snap, context, generation, offset)


def _indexed(store: Store, context: str, family: str) -> Position | None:
    return store.index.position(context, family)


def _kept(store: Store, log: RecoveryLog, target: Path) -> Path:
    """Where the damaged file stays."""
    folder = store.layout.recovery / f"damaged-{log.stamp}"
    return folder / os.path.relpath(target, store.layout.journals)


# -- what follows the journals ---------------------------------------------------------------------


def _follow(store: Store, log: RecoveryLog) -> None:
    """Index, chart files, logs of publications and leftovers."""
    from store import exchange

    for context in store.contexts.names():
        _mend_log(store, context, log)
        exchange.tidy(store, context)
        store.sync(context)
        for text in exchange.absorb_at_rest(store, context):
            log.say(text)
        store.sync(context)
        if exchange.publish(store, context):
            log.note(f"{store.layout.chart_file(context).name} was published anew")
    removed = _remove_leftovers(store)
    if removed:
        log.note(f"{removed} files that a crash had left half written were removed")


def _mend_log(store: Store, context: str, log: RecoveryLog) -> None:
    """Leave out the lines of the log of publications that cannot be read."""
    from store.publish import PublishedLog

    path = store.layout.journal_dir(context) / "published.jsonl"
    if not path.exists():
        return
    published = PublishedLog(path)
    count = b"".join(durable.read_blocks(path)).count(b"\n")
    if count == len(published.entries()):
        return
    kept = _kept(store, log, path)
    durable.make_dirs(kept.parent)
    if not kept.exists():
        durable.link_file(path, kept)
    durable.write_file(path, published.moved(lambda position: position))
    log.note(f"{store.layout.relative(path)}: lines that could not be read were left out")


def _remove_leftovers(store: Store) -> int:
    """Remove what crashes left half written beside journals and in the recovery folder."""
    layout, removed = store.layout, 0
    folders = [layout.recovery]
    if layout.journals.is_dir():
        folders += [folder for folder in (layout.journals, *layout.journals.rglob("*")) if folder.is_dir()]
    for folder in folders:
        for path in folder.glob(f".*{durable.TEMP_SUFFIX}"):
            with suppress(OSError):
                if clock.wall_ns() / 1e9 - path.stat().st_mtime > LEFTOVER_SECONDS:
                    durable.remove_file(path, sync=False)
                    removed += 1
    return removed


def _left(store: Store, log: RecoveryLog) -> list[Finding]:
    """What is still wrong; an index that differs is made anew first."""
    left = [item for item in store.verify() if item.severity == "error"]
    if any(item.path == str(store.layout.index) for item in left):
        store.rebuild()
        log.say("The index was made anew from the journals.")
        left = [item for item in store.verify() if item.severity == "error"]
    for item in left:
        log.note(f"still wrong: {item}")
    return left


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


# -- what could not be healed is not looked at over and over ----------------------------------------


def _state_of(path: Path) -> list[int]:
    try:
        found = os.stat(path)
    except OSError:
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _seen_before(store: Store, path: Path) -> bool:
    known = _unhealed(store)
    return os.path.relpath(path, store.layout.home) in known and known[
        os.path.relpath(path, store.layout.home)
    ] == _state_of(path)


def _unhealed(store: Store) -> dict[str, list[int]]:
    with suppress(OSError, records.BadJson):
        value = records.loads((store.layout.recovery / UNHEALED).read_bytes())
        if isinstance(value, dict):
            return value
    return {}


def _remember(store: Store, path: Path) -> None:
    known = {**_unhealed(store), os.path.relpath(path, store.layout.home): _state_of(path)}
    with suppress(StorageError):
        durable.make_dirs(store.layout.recovery)
        durable.write_file(store.layout.recovery / UNHEALED, records.dumps(known), sync=False)
