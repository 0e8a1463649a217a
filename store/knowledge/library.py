"""The knowledge of a store as everybody reads it: lists, single records, histories, words, facets.

A `Library` belongs to a Store (`store.library`). It brings its index up to date from the journals of
knowledge, and answers from one consistent state: rows from the index, records from the journal's bytes.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, Damaged, NotFound, Refused, UsageError
from store.index.knowledge.handle import KnowledgeIndex
from store.index.knowledge.queries import Snapshot
from store.knowledge import reading
from store.knowledge.kinds import FAMILY
from store.knowledge.model import Filter, Found, Row, Sort

if TYPE_CHECKING:
    from store.index import Synced
    from store.index.knowledge.single import Written
    from store.journal import Tx
    from store.model import VersionRow
    from store.store import Store

NEAR = 2_000
"""Rows from the beginning of a list up to which each page is asked for by itself."""
BEHIND = 4_000
"""Lines this process has written that may wait for somebody to read."""
CANDIDATES = 6
"""Records named where a word means several."""


class Library:
    """The knowledge of one store. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index: KnowledgeIndex | None = None
        self._lock = threading.RLock()
        self._dirty: dict[str, int] = {}
        self._written: dict[str, list[Tx]] = {}
        self._held = 0
        self._kept: tuple[object, array[int]] | None = None
        self.damage: dict[str, Damaged] = {}
        """Journals of knowledge read only up to a damaged line, by context."""

    @property
    def index(self) -> KnowledgeIndex:
        """The derived index, opened when first asked for."""
        with self._lock:
            if self._index is None:
                self._index = KnowledgeIndex.open(self._store.layout.knowledge_index)
                self._index.renewed = self._store._reread
            return self._index

    def contexts(self) -> list[str]:
        """The contexts that have a journal of knowledge."""
        return [context for context, family in self._store.layout.families() if family == FAMILY]

    def close(self) -> None:
        """Let go of the connections, after what this process has written is indexed: others look there for it."""
        for context in list(self._dirty):
            with suppress(ChartkeepError):
                self.sync(context)
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    # -- keeping in step ---------------------------------------------------------------------------

    def written(self, context: str, tx: Tx) -> None:
        """Hear of a transaction that was just committed here: the next snapshot holds it.

        It is kept until then, so that it need not be read back; where much has come together it is indexed at
        once. Trouble with that is met by whoever reads next: the transaction is committed all the same.
        """
        with self._lock:
            self._dirty[context] = self._dirty.get(context, 0) + 1
            self._written.setdefault(context, []).append(tx)
            self._held += len(tx.lines)
            full = self._held > BEHIND
        if full:
            with suppress(ChartkeepError):
                self.sync(context)

    def sync(self, context: str | None = None, known: Sequence[Tx] = ()) -> list[Synced]:
        """Bring the index up to the end of the journals of one context, or of all.

        `known` are transactions that this process has just written to the one named: they are not read back.
        Raises StorageError.
        """
        done = []
        for name in [context] if context is not None else self.contexts():
            with self._lock:
                dirt = self._dirty.get(name)
                kept = self._written.pop(name, [])
                self._held -= sum(len(tx.lines) for tx in kept)
            if self._store.layout.journal(name, FAMILY).exists():
                synced = self.index.sync(self._store.journal(name, FAMILY), [*kept, *known])
                if synced.damage is not None:
                    self.damage[name] = synced.damage
                else:
                    self.damage.pop(name, None)
                done.append(synced)
            with self._lock:
                if dirt is not None and self._dirty.get(name) == dirt:
                    del self._dirty[name]
        return done

    def lag(self, context: str) -> tuple[int, int]:
        """Bytes of a context's journal, and how many of them the index has not seen."""
        try:
            size = self._store.layout.journal(context, FAMILY).stat().st_size
        except OSError:
            return 0, 0
        position = self.index.position(context)
        return size, abs(size - (position.offset if position is not None else 0))

    def rebuild(self) -> None:
        """Make the index anew from the journals."""
        journals = [self._store.journal(name, FAMILY) for name in self.contexts()]
        with self._store.jobs.run("rebuild", "Rebuild the index of knowledge") as job:
            self.index.rebuild(journals, job.at)

    def forget(self, context: str) -> None:
        """Take a context that was renamed or archived out of the index."""
        self.index.forget(context)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A consistent view of the index that holds at least this process's own changes."""
        for context in list(self._dirty):
            self.sync(context)
        with self.index.snapshot() as snap:
            yield snap

    # -- lists -------------------------------------------------------------------------------------

    def rows(
        self,
        wanted: Filter,
        sort: Sort = "changed",
        descending: bool = True,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """The records a filter means, in order. Equal ones go by their place in the journal."""
        with self.snapshot() as snap:
            if snap.plan(wanted).rest is None:
                return snap.rows_of(self._ids(snap, wanted, sort, descending, limit, offset))
            end = None if limit is None else offset + limit
            return [found.row for found in islice(self._found(snap, wanted, sort, descending), offset, end)]

    def _ids(
        self, snap: Snapshot, wanted: Filter, sort: Sort, descending: bool, limit: int | None, offset: int
    ) -> array[int]:
        """The rows of one page. Far from the beginning all numbers are kept while nothing changes."""
        end = None if limit is None else offset + limit
        if sort == "match":
            return reading.ranked(snap, wanted, end)[offset:]
        if offset <= NEAR:
            return snap.ids(wanted, sort, descending, limit, offset)
        return self._all(snap, wanted, sort, descending)[offset:end]

    def _all(self, snap: Snapshot, wanted: Filter, sort: Sort, descending: bool) -> array[int]:
        asked = (wanted, sort, descending, snap.stamp())
        with self._lock:
            if self._kept is not None and self._kept[0] == asked:
                return self._kept[1]
        found = snap.ids(wanted, sort, descending)
        with self._lock:
            self._kept = (asked, found)
        return found

    def count(self, wanted: Filter) -> int:
        """How many records a filter means."""
        with self.snapshot() as snap:
            if snap.plan(wanted).rest is None:
                return snap.count(wanted)
            return sum(1 for _ in self._found(snap, wanted, None, False))

    def stream(self, wanted: Filter, sort: Sort | None = None, descending: bool = False) -> Iterator[Found]:
        """The records a filter means with their exact bytes, one after the other, in constant memory.

        All are of the state at the beginning, whatever is written meanwhile. Without `sort` they come in
        the order of the journals.
        """
        with self.snapshot() as snap:
            yield from self._found(snap, wanted, sort, descending)

    def _found(self, snap: Snapshot, wanted: Filter, sort: Sort | None, descending: bool) -> Iterator[Found]:
        return reading.found(self._store, snap, wanted, sort, descending)

    # -- single records ----------------------------------------------------------------------------

    def record(self, context: str, key: str, ver: int | None = None) -> Found:
        """One record with its bytes, as it is or as its version `ver` was. Raises NotFound."""
        with self.snapshot() as snap:
            row = snap.row(context, key)
            if row is None:
                raise NotFound(
                    f"There is no record {key} in {context}. `chartkeep query` lists what there is."
                )
            if ver is None or ver == row.ver:
                return Found(row, reading.raw_of(self._store, row))
            return reading.as_it_was(self._store, snap, row, ver)

    def newest(self, context: str, key: str) -> Found | None:
        """One record as it is, deleted or not; None where there never was one."""
        with self.snapshot() as snap:
            row = snap.row(context, key)
            return None if row is None else Found(row, reading.raw_of(self._store, row))

    def history(self, context: str, key: str) -> list[VersionRow]:
        """Every version of a record, newest first. Raises NotFound where there never was one."""
        with self.snapshot() as snap:
            found = snap.versions(context, key)
        if not found:
            raise NotFound(f"There is no record {key} in {context}. `chartkeep query` lists what there is.")
        return found

    def find(self, word: str, context: str | None = None) -> Row:
        """The record a person means: by its key, its id, the beginning of its id, or words it holds.

        A live one wins over a deleted one. Raises NotFound, and Refused where several are meant.
        """
        text = word.strip()
        if not text:
            raise UsageError("Name a record: its key, its id or how that begins, or words of its title.")
        with self.snapshot() as snap:
            for found in reading.meant(snap, text, context, CANDIDATES):
                if len(found) == 1:
                    return found[0]
                if found:
                    raise Refused(_several(word, found))
        where = f" in {context}" if context else ""
        raise NotFound(f"There is no record “{word}”{where}. `chartkeep query` lists what there is.")

    # -- what there is -----------------------------------------------------------------------------

    def collections(self, context: str | None = None) -> list[tuple[str, str, int]]:
        """(context, collection, live records) of everything there is, in the order lists show it."""
        with self.snapshot() as snap:
            return snap.collections(context)

    def tags(
        self, context: str | None = None, kinds: Sequence[str] = (), limit: int | None = None
    ) -> list[tuple[str, int]]:
        """(tag, live records that have it), the most used first."""
        with self.snapshot() as snap:
            return snap.tags(context, kinds, limit)

    def domains(
        self, context: str | None = None, kinds: Sequence[str] = (), limit: int | None = None
    ) -> list[tuple[str, int, int]]:
        """(domain, live records with it as source, as target), the most used first."""
        with self.snapshot() as snap:
            return snap.domains(context, kinds, limit)

    def workflows(
        self, context: str | None = None, *, open_only: bool = False, limit: int | None = None
    ) -> list[Found]:
        """Workflows, the newest submitted first; with `open_only` those pending and processing.

        As the index is: nothing is synced for it.
        """
        with self.index.snapshot() as snap:
            ids = snap.workflows(context, open_only=open_only, limit=limit)
            return list(reading.with_bytes(self._store, snap.rows_of(ids)))

    def written_by(self, context: str, workflow: str, after: int = 0, limit: int = 1000) -> list[Written]:
        """Versions that a workflow wrote, chartkeep's own records too, in order, each with what stood before.

        Those behind the number `after`, at most `limit`.
        """
        with self.snapshot() as snap:
            return snap.written_by(context, workflow, after, limit)


def _several(word: str, found: Sequence[Row]) -> str:
    named = "; ".join(f"{row.key} “{row.title}” in {row.context}" for row in found[: CANDIDATES - 1])
    more = " and more" if len(found) >= CANDIDATES else ""
    return f"“{word}” may mean several records: {named}{more}. Give the key of one."
