"""The index of knowledge brought up to date for the library, without holding up the screen.

Little is read in by this process. Much (after an import on another machine, or where the index was
lost) is read in by a process of its own, so that this one stays quick; a workflow that runs sees
to the index itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from store.errors import StorageError
from store.knowledge.kinds import FAMILY

if TYPE_CHECKING:
    from store.store import Store

HEAVY = 8 << 20
"""Bytes of journal from which they are read in by a process of its own."""


def behind(store: Store, context: str | None) -> int:
    """Bytes of the journals of one context, or of all, that the index lacks."""
    return sum(_lag(store, name) for name in _contexts(store, context))


def catch_up(store: Store, context: str | None) -> None:
    """Have the index take in what it lacks. Raises StorageError, Locked."""
    from store.workflows import lists

    for name in _contexts(store, context):
        if _lag(store, name) > HEAVY:
            _apart(store, name)
        lists.catch_up(store, name, HEAVY)


def _contexts(store: Store, context: str | None) -> list[str]:
    there = store.library.contexts()
    return [name for name in there if context is None or name == context]


def _lag(store: Store, context: str) -> int:
    position = store.library.index.position(context, FAMILY)
    try:
        size = store.layout.journal(context, FAMILY).stat().st_size
    except OSError:
        return 0
    return max(0, size - (position.offset if position is not None else 0))


def _apart(store: Store, context: str) -> None:
    """A headless question of one context: it reads the journal in before it answers."""
    place = store.layout.single or store.layout.root
    words = ["--store", str(place), "--context", context, "query", "all", "--count"]
    if store.readonly:
        words.insert(0, "--read-only")
    with store.jobs.run("index", f"Index the knowledge of {context}", _lag(store, context)) as job:
        before = job.job.total
        child = subprocess.Popen(
            [sys.executable, "-m", "store.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "CHARTKEEP_BY": store.session.by},
        )
        while True:
            try:
                _, said = child.communicate(timeout=0.25)
                break
            except subprocess.TimeoutExpired:
                job.at(max(0, before - _lag(store, context)))
        if child.returncode:
            text = said.decode(errors="replace").strip()[-500:]
            raise StorageError(f"Indexing the knowledge of “{context}” failed: {text}")
