"""One context's chart file, journal and log of publications: what absorbing and publishing share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from store import durable, replacing
from store.chartfile import signature
from store.model import Position
from store.publish import PublishedLog

if TYPE_CHECKING:
    from store.store import Store


class Desk:
    """One context's chart file, journal and log of publications, while they are worked on."""

    def __init__(self, store: Store, context: str) -> None:
        self.store = store
        self.context = context
        self.path = store.layout.chart_file(context)
        self.folder = store.layout.journal_dir(context)
        self.log = PublishedLog(self.folder / "published.jsonl")
        self.waiting = False
        """Set where publishing was put off until the foreign file is at rest."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        """`held`; without a journal, no context is renamed meanwhile either: its file lies under no old name."""
        with ExitStack() as stack:
            if not self.store.readonly and not self.store.layout.journal(self.context).exists():
                stack.enter_context(self.store.contexts.steady())
            stack.enter_context(self.held())
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        timeout = self.store.settings.lock_timeout
        if not self.store.readonly:  # who finishes that may need this very lock
            replacing.finish(self.store.layout.home, timeout)
        durable.make_dirs(self.folder)
        lock = durable.Lock(self.folder / "chartfile.lock")
        with lock.held(timeout, f"chart file of {self.context}"):
            yield

    def end(self) -> Position | None:
        """The journal's end; None where there is no journal."""
        journal = self.store.journal(self.context)
        return journal.position() if journal.path.exists() else None

    def behind(self) -> bool:
        """True where the live file is not known to hold the state at the journal's end."""
        end, last = self.end(), self.log.last()
        if end is None or (last is None and not self.path.exists() and self._never_written()):
            return False
        return last is None or last.position != end or bool(last.bases) or not self.path.exists()

    def begun(self) -> bool:
        """True where the journal holds a transaction."""
        return self.end() is not None and not self._never_written()

    def _never_written(self) -> bool:
        """True where the journal holds no transaction: its first command was refused."""
        return next(iter(self.store.journal(self.context).read()), None) is None

    def known(self) -> bool:
        found = signature(self.path)
        return found is None or self.log.knows(found)
