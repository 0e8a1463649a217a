"""Writing a context's chart file from its state, and absorbing whatever slips in meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import sleep

from store import publish as writing
from store.absorbing import Absorbed, Absorbing
from store.chartfile import Signature, signature
from store.errors import StorageError
from store.journal_reader import NOWHERE
from store.model import Position
from store.publish import Published

ROUNDS = 8
"""Publications tried in a row against a program that keeps writing in between."""
QUIET_SECONDS = 0.02
"""How long a one-shot command watches a replaced file for a writer that still holds it open."""

Linger = Callable[[Callable[[], bool]], None]
"""Takes a function to call a little later, and again until it answers False."""
Heard = Callable[[Absorbed], None]
"""Hears what came of looking at a chart file on the way."""


class Publishing(Absorbing):
    """The whole desk: publishing always absorbs first."""

    def publish(self, linger: Linger | None, heard: Heard | None = None) -> bool:
        """Absorb, then write the live file until it holds the state; True where it was written.

        `heard` is told what came of absorbing.
        """
        written = False
        for _ in range(ROUNDS):
            absorbed = self.absorb(None)
            if heard is not None:
                heard(absorbed)
            self.waiting = absorbed.again and self._foreign_pending()
            if self.waiting or self.foreign():
                return written
            if not self.behind():
                return written
            done, position = self._write()
            written = True
            self.log.published(position, done)
            self._settle(done, linger)
        return written

    def foreign(self) -> bool:
        """True where the live file holds another format and nothing of ours ever was in it."""
        entries = self.log.entries()
        return bool(entries) and all(entry.position == NOWHERE for entry in entries) and self.path.exists()

    def _foreign_pending(self) -> bool:
        """A foreign file waits to be at rest: replacing it now would hide its deletions."""
        return not self.known()

    def _write(self) -> tuple[Published, Position]:
        store = self.store
        journal = store.journal(self.context)
        end = journal.position()
        store.sync(self.context)
        with store.index.snapshot() as snap:
            position = self._indexed(snap.position(self.context, "charts"), end)
            total = snap.counts().get(self.context, {}).get("records", 0)
            with store.jobs.run("publish", f"Publish {self.path.name}", total, quiet=total < 20_000) as job:

                def lines() -> Iterator[bytes]:
                    for done, row in enumerate(snap.live_records(self.context)):
                        raw = journal.record_raw(row.generation, row.offset, row.length)
                        if raw is not None and (line := writing.published_form(raw)) is not None:
                            yield line
                        if done % 1000 == 0:
                            job.at(done)

                return writing.publish(self.path, lines(), expected=self._expected()), position

    def _indexed(self, position: Position | None, end: Position) -> Position:
        """The state that is published: never one from before `end`, as of an index that could not follow."""
        if position is None and self._never_written():
            return end
        if position is None or position < end:
            raise StorageError(
                f"{self.path} is not published: the index has not come to the end of “{self.context}”. "
                "Run `chartkeep verify`; nothing is lost.",
                path=self.path,
            )
        return position

    def _expected(self) -> Signature | None:
        """What the live file is known to hold."""
        found = signature(self.path)
        if found is None or (found.size == 0 and self.log.last() is None):
            return found
        return next((e.signature for e in reversed(self.log.entries()) if e.signature.same_stat(found)), None)

    def _settle(self, done: Published, linger: Linger | None) -> None:
        """Absorb what slipped in while the file was swapped; let the replaced file go once it is quiet."""
        if done.slipped is not None:
            self.absorb(False, done.slipped)
            done.slipped = None
        if linger is not None:
            linger(lambda: self._look_again(done))
            return
        sleep(QUIET_SECONDS)
        while done.still_changing():
            self.absorb(False, done.replaced)
            sleep(QUIET_SECONDS)
        done.discard()

    def _look_again(self, done: Published) -> bool:
        """Whether the replaced file was still written to; then that is absorbed, else the file goes."""
        with self.held():
            if not self.store.layout.journal(self.context).exists():
                return False  # renamed or archived since; the next one to open the store looks at it
            if done.still_changing():
                self.absorb(False, done.replaced)
                return True
            done.discard()
            return False
