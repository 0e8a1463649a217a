"""Bringing a damaged store back: everything that can be, from wherever it still is.

The order of sources: the journal with what is left of it, and backups where their bytes fit its chain
exactly; then, for values whose lines are lost, the chart file, the index, and the older versions that are
left. `recover` does all of it; `heal` only what loses and changes nothing, and is done by itself on open.

How one journal is mended, and what holds while that is done, is in `mend_journal`. Done twice, the second
time finds nothing to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock, durable, records, replacing
from store.errors import ChartkeepError, Locked, StorageError
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.layout import FAMILIES, FOUNDING
from store.model import Finding
from store.upkeep.recovery import mend_journal, mend_vectors
from store.upkeep.recovery.donors import Donors
from store.upkeep.recovery.recovery_log import RecoveryLog

if TYPE_CHECKING:
    from store.store import Store

LEFTOVER_SECONDS = 3600.0
"""Age from which a file that was being written aside counts as left behind by a crash."""
UNHEALED = "unhealed.json"


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
            mend_journal.look_only(store, context, family, donors, log)
        return Recovered(None, log.said, [], log.lines)
    store.writable()
    with store.jobs.run("recover", "Recover the store", total=len(places) + 2) as job:
        if _finish(store):
            log.say("An exchange of files that was cut short was finished.")
            places = list(_places(store))
        donors = Donors(store)
        for done, (context, family) in enumerate(places):
            job.at(done)
            mend_journal.mend(store, context, family, donors, log)
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
    try:
        if _finish(store):
            log.say("An exchange of files that a crash had cut short was finished.")
    except Locked as error:  # somebody else is about it
        return [str(error)]
    donors = Donors(store)
    for context, family in hurt(store):
        path = store.layout.journal(context, family)
        if _seen_before(store, path):
            log.said.append(_not_healed(context, family))
            continue
        try:
            mended = mend_journal.mend(store, context, family, donors, log, exact_only=True)
        except ChartkeepError as error:
            log.said.append(f"{context} could not be looked after: {error}")
            continue
        if mended:
            _healed(store, context, family)
        else:
            _remember(store, path)
            log.said.append(_not_healed(context, family))
    _remove_leftovers(store)
    if log.lines:
        with suppress(StorageError):  # what was mended counts for more than the note of it
            log.write()
    return log.said


def _healed(store: Store, context: str, family: str) -> None:
    """Have the index follow a journal that is whole again."""
    damage = store.library.damage if family == KNOWLEDGE else store.damage
    damage.pop(context, None)
    with suppress(ChartkeepError):
        if family == KNOWLEDGE:
            store.library.sync(context)
        else:
            store.sync(context)


def _not_healed(context: str, family: str) -> str:
    whose = "of knowledge " if family == KNOWLEDGE else ""
    return (
        f"The journal {whose}of “{context}” is damaged or missing, and its exact bytes are not to be had. `chartkeep recover` "
        "brings back all that can be."
    )


def hurt(store: Store) -> list[tuple[str, str]]:
    """(context, family) of journals seen to be damaged, or missing though they were written to."""
    found = [(name, "charts") for name in store.damage]
    found += [(name, KNOWLEDGE) for name in store.library.damage]
    found += [
        (name, family)
        for name in store.contexts.names()
        for family in FOUNDING
        if store.layout.lost(name, family)
    ]
    return list(dict.fromkeys(found))


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
        if (context, "charts") not in found and mend_journal.indexed(store, context, "charts") is not None:
            found[context, "charts"] = None
    yield from found


def _finish(store: Store) -> bool:
    done = replacing.finish(store.layout.home, store.settings.lock_timeout)
    if done:
        for context in store.contexts.names():
            store.forget(context)
    store.contexts.finish()
    return done


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
    if store.library.contexts():
        store.library.sync()
    mend_vectors.mend(store, log)
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
    kept = mend_journal.kept_at(store, log, path)
    durable.make_dirs(kept.parent)
    if not kept.exists():
        durable.link_file(path, kept)
    durable.write_file(path, published.moved(lambda position: position))
    log.note(f"{store.layout.relative(path)}: lines that could not be read were left out")


def _remove_leftovers(store: Store) -> int:
    """Remove what crashes left half written beside journals and in the recovery folder."""
    from store.upkeep.recovery.restoring import discard_old

    layout, removed = store.layout, discard_old(store.layout.home)
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
    indexes = {str(store.layout.index), str(store.layout.knowledge_index)}
    if any(item.path in indexes for item in left):
        store.rebuild()
        log.say("The index was made anew from the journals.")
        left = [item for item in store.verify() if item.severity == "error"]
    for item in left:
        log.note(f"still wrong: {item}")
    return left


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
