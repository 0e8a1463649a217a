"""Keeping a context's journal and its chart file in step: absorb what others wrote, publish what we hold.

Both happen under one lock per context, so that of several chartkeeps on one store only one
reads and writes the chart file at a time. The order is always: absorb first, publish after. A
file that cannot be trusted is kept whole in `.recovery/` before it is replaced.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from store import durable
from store import publish as writing
from store.absorbing import Absorbed, other_format
from store.catalog import BY_ID
from store.chartfile import read_chart_file, signature
from store.locks import running
from store.publishing import Heard, Linger, Publishing

if TYPE_CHECKING:
    from store.store import Store

__all__ = [
    "Absorbed",
    "absorb",
    "absorb_at_rest",
    "begun",
    "foreign_format",
    "publish",
    "tidy",
    "unpublished",
]

WAITS, WAIT_SECONDS = 10, 0.1
"""How often, and how long at a time, a one-shot command waits for a chart file to be at rest."""


def absorb(store: Store, context: str, *, at_rest: bool | None = None) -> Absorbed:
    """Take in what another program wrote to the chart file of `context` since it was last read.

    `at_rest` is judged by the file's age unless given. Does next to nothing where the file is as
    it was left. Raises Locked, StorageError, Damaged.
    """
    if store.readonly and not store.layout.shadowed(context):
        return Absorbed()
    desk = Publishing(store, context)
    found = signature(desk.path)
    if found is not None and desk.log.knows(found):
        return Absorbed(republish=desk.behind())
    with desk.entered():
        return desk.absorb(at_rest)


def absorb_at_rest(store: Store, context: str, at_rest: bool | None = None) -> list[str]:
    """`absorb`, waiting a moment for a file that is being written to come to rest; what was said."""
    done = absorb(store, context, at_rest=at_rest)
    said = _advised(done)
    for _ in range(WAITS if at_rest is None else 0):
        if not done.again:
            break
        sleep(WAIT_SECONDS)
        done = absorb(store, context)
        said.extend(_advised(done))
    return said


def _advised(done: Absorbed) -> list[str]:
    """What was said, with the subcommand that shows more of it."""
    words = ((text, BY_ID[command].cli if command else "") for text, command in done.telling())
    return [f"{text}: `chartkeep {cli}` lists what to choose from" if cli else text for text, cli in words]


def begun(store: Store, context: str) -> bool:
    """True where the journal of a context holds a transaction."""
    return Publishing(store, context).begun()


def foreign_format(store: Store, context: str) -> Path | None:
    """The chart file of a context without charts, where it holds another format: it is never replaced."""
    desk = Publishing(store, context)
    found = signature(desk.path)
    if found is None or not found.size or desk.begun() or not other_format(read_chart_file(desk.path)):
        return None
    return desk.path


def tidy(store: Store, context: str) -> None:
    """Absorb and remove what a crash during a publication left beside the chart file."""
    if store.readonly:
        return
    desk = Publishing(store, context)
    if not _abandoned(desk.path):
        return
    with desk.entered():
        for path in _abandoned(desk.path):
            if desk.log.holds(signature(path, digest=True)) or not desk.absorb(False, path).unread:
                durable.remove_file(path)


def _abandoned(chart_file: Path) -> list[Path]:
    """Leftovers of programs that have ended: one that runs may still watch the file it replaced."""
    own = str(os.getpid())
    found = [(path, durable.maker(path)) for path in writing.leftovers(chart_file)]
    return [path for path, pid in found if pid == own or not running(pid)]


def publish(store: Store, context: str, *, linger: Linger | None = None, heard: Heard | None = None) -> bool:
    """Write the chart file of `context` where it does not hold the state; True where it was written.

    The replaced file is watched for a moment for writers that still hold it open; with `linger`
    that happens later.

    A foreign change that slipped in is absorbed first, one that slips in meanwhile after, so
    nothing of either side is lost; `heard` is told of the former. Raises Locked, StorageError, Damaged.
    """
    if store.readonly:
        return False
    desk = Publishing(store, context)
    if not desk.behind() and desk.known():
        return False
    written = False
    for _ in range(WAITS):
        with desk.entered():
            written = desk.publish(linger, heard) or written
            if linger is not None or not desk.waiting:
                return written
        sleep(WAIT_SECONDS)
    return written


def unpublished(store: Store, context: str) -> bool:
    """True where the chart file does not hold what the journal holds."""
    return Publishing(store, context).behind()
