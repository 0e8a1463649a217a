"""Heavy work in a process of its own, so that the one with the screen stays small and quick.

Taking in or indexing hundreds of thousands of records keeps an interpreter busy for many
seconds and grows its memory for good. The headless `sync` does just that work; what it did is
seen afterwards in the files, like any other program's doing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from store.chartfile import signature
from store.errors import StorageError
from store.publish import PublishedLog

if TYPE_CHECKING:
    from store.jobs import Progressing
    from store.store import Store

HEAVY = 8 << 20
"""Bytes of chart file, or of journal not yet indexed, from which the work is done apart."""


def is_heavy(store: Store, context: str) -> bool:
    """True where bringing a context up to date means reading very much."""
    chart_file = signature(store.layout.chart_file(context))
    if chart_file is not None and chart_file.size > HEAVY and not store.readonly:
        log = PublishedLog(store.layout.journal_dir(context) / "published.jsonl")
        if not log.knows(chart_file):
            return True
    return store.lag(context) > HEAVY


def is_large(store: Store, context: str) -> bool:
    """True where writing a context's chart file takes long enough to be felt."""
    return _size(store.layout.chart_file(context)) > HEAVY


class Apart:
    """One `chartkeep sync` of one context, running."""

    def __init__(self, store: Store, context: str, *, outlive: bool = False) -> None:
        """Start it; with `outlive` it goes on when this process ends."""
        place = store.layout.single or store.layout.root
        words = ["--store", str(place), "--context", context, "--json", "sync"]
        if store.readonly:
            words.insert(0, "--read-only")
        self.context = context
        self._journal = store.layout.journal(context)
        self._expected = max(
            1,
            2 * (found.size if (found := signature(store.layout.chart_file(context))) else 0),
            _size(self._journal),
        )
        environment = {**os.environ, "CHARTKEEP_BY": store.session.by}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "store.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if outlive else subprocess.PIPE,
            start_new_session=outlive,
            env=environment,
        )

    def done(self, job: Progressing) -> bool:
        """Whether it has ended; tells `job` how far it is. Raises StorageError where it failed."""
        code = self._process.poll()
        if code is None:
            job.at(min(_size(self._journal), self._expected), self._expected)
            return False
        said = self._process.stderr.read().decode(errors="replace").strip() if self._process.stderr else ""
        if code:
            raise StorageError(
                f"Bringing “{self.context}” up to date failed (exit code {code}): {said[-500:]}"
            )
        return True

    def stop(self) -> None:
        """End it; what it has committed stays, and the next one goes on from there."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)


def _size(path: os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
