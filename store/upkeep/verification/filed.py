"""What lies in the store's folders beside the journals: chart files, leftovers, settings, backups.

| code | severity | means |
|---|---|---|
| codes of `store.chartfile` | as there | what readers of a chart file stumble over, by line |
| `missing-chart-file` | warning | it is published anew |
| `not-published` | info | the chart file lags its journal; the next publication catches up |
| `not-absorbed` | info | another program wrote to it, and that is not taken in yet |
| `chart-file-differs` | error | its bytes are not what was published, though its size and time are |
| `leftover` | info | a crash left a file half-written; it is removed by itself |
| `setting` | warning | a setting that cannot be used |
| `backup-unreadable` | warning | the backups cannot be looked at |
| `backup-manifest`, `backup-parent`, `backup-chunk` | error | the newest backup is not whole |
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable
from store.errors import ChartkeepError, Damaged, NotFound, StorageError
from store.locks import running
from store.model import Finding

if TYPE_CHECKING:
    from store.chartfile import Signature
    from store.publish import Entry
    from store.store import Store

LARGE = 16 << 20
"""Bytes of a chart file from which its lines are not read again where it is just as it was published."""

_LAGS = "it lags its journal; the next publication catches up"
_LINE = re.compile(r"(?P<path>.+?), line (?P<line>\d+): (?P<why>.+)", re.DOTALL)


def chart_file(store: Store, context: str) -> Iterator[Finding]:
    """What is wrong with the chart file of a context."""
    from store import exchange
    from store.chartfile import read_chart_file

    path = store.layout.chart_file(context)
    if not path.exists():
        if store.layout.journal(context).exists():
            why = "the chart file is missing; it is published anew."
            yield Finding("warning", "missing-chart-file", why, str(path))
        return
    try:
        if not path.stat().st_size and not exchange.begun(store, context):
            return  # a context just made: there is nothing to miss in it
        if path.stat().st_size > LARGE and _as_published(store, context):
            yield from _in_step(store, context, None)
            return
        file = read_chart_file(path)
        yield from file.findings
        if file.steady:
            yield from _in_step(store, context, file.signature)
    except StorageError as error:
        yield Finding("error", "unreadable", str(error), str(path))
    except ChartkeepError:
        return  # the journal's trouble, named by its own verification


def _as_published(store: Store, context: str) -> bool:
    """True where the file holds, byte for byte, something published: lines of our own making."""
    from store.chartfile import signature
    from store.publishing import Publishing

    desk = Publishing(store, context)
    found = signature(desk.path, digest=True)
    return found is not None and any(
        entry.kind == "publish" and entry.signature.digest == found.digest for entry in desk.log.entries()
    )


def _in_step(store: Store, context: str, found: Signature | None) -> Iterator[Finding]:
    """Whether the file holds what was published last, and that is the state; None for bytes known as published."""
    from store.publishing import Publishing

    desk = Publishing(store, context)
    path = str(desk.path)
    if desk.end() is None:
        return
    if found is None:
        if desk.behind():
            yield Finding("info", "not-published", _LAGS, path)
        return
    alike = [entry for entry in desk.log.entries() if entry.signature.same_stat(found)]
    if not alike:
        why = "another program wrote to it, or it was put there; it is taken in with the next sync"
        yield Finding("info", "not-absorbed", why, path)
    elif not any(_same_bytes(entry, found) for entry in alike):
        why = "its bytes are not what was published, though its size and time are: publish it anew with a change"
        yield Finding("error", "chart-file-differs", why, path)
    elif desk.behind():
        yield Finding("info", "not-published", _LAGS, path)


def _same_bytes(entry: Entry, found: Signature) -> bool:
    return entry.signature.same_content(found)


def retired(store: Store) -> Iterator[Finding]:
    """Damage in the journals of contexts that were put away."""
    from store import journal_verify
    from store.journal_reader import JournalReader
    from store.layout import FAMILIES

    for context in store.contexts.archived():
        folder = store.layout.retired / context / "journal"
        for family in FAMILIES:
            path = folder / f"{family}.jsonl"
            if path.exists() or path.with_suffix(".witness").exists():
                reader = JournalReader(path, context, family, recovery=store.layout.recovery)
                yield from journal_verify.verify(reader)


def leftovers(store: Store) -> Iterator[Finding]:
    """Files that programs which have ended left half-written anywhere in the store."""
    layout = store.layout
    for top, _, names in os.walk(layout.home):
        for name in names:
            path = Path(top) / name
            if name.endswith(durable.TEMP_SUFFIX) and not running(durable.maker(path)):
                why = "left half-written by a program that has ended; it is removed by itself"
                yield Finding("info", "leftover", why, str(path))


def settings(store: Store) -> Iterator[Finding]:
    """Settings that cannot be used, as the file stands now."""
    from store.settings import load

    for problem in load(store.layout.settings).problems:
        found = _LINE.fullmatch(problem)
        if found is None:
            yield Finding("warning", "setting", problem, str(store.layout.settings))
        else:
            yield Finding("warning", "setting", found["why"], found["path"], int(found["line"]))


def newest_backup(store: Store) -> Iterator[Finding]:
    """Whether the newest backup's manifest can be read, and the pieces it is made of are all there."""
    from store.upkeep.backup import opening
    from store.upkeep.backup.repository import object_name

    try:
        place = opening.home_place(store)
        if opening.read_config(place) is None:
            return
        repository = opening.open_repository(store)
        names = repository.names()
        if not names:
            return
        newest = names[0]
        where = place.where(newest.name)
        try:
            files = repository.files(newest)
        except (Damaged, NotFound) as error:
            yield Finding("error", "backup-manifest", str(error), where)
            return
        wanted = {chunk.name: path for path, file in files.items() for chunk in file.chunks}
        for name, path in sorted(wanted.items()):
            if place.size(object_name(name)) is None:
                why = f"a piece of {path} in the backup {newest.id} is missing"
                yield Finding("error", "backup-chunk", why, place.where(object_name(name)))
    except ChartkeepError as error:
        yield Finding("warning", "backup-unreadable", str(error), str(store.layout.backups))


def every_backup(store: Store) -> Iterator[Finding]:
    """What reading every backup back finds."""
    from store.upkeep.backup.checking import findings_of

    yield from findings_of(store)
