"""The one way knowledge is written: plan on the very end of the journal, append, acknowledge when synced.

The newest version of a key is known from the knowledge index and, for what it has not seen yet, from
the *tail*: places of the lines written since, kept by this process from one write to the next. So a
writer need not wait for the index, which may follow in a thread or a process of its own.

1. Index and tail are looked at under the journal's lock, the index in one snapshot; together they
   cover the journal to its very end, else the index is synced first and the plan made again.
2. The tail is let go of where the index has passed it, and started again from the index's position
   wherever the two do not fit: after a failed write, a new generation, a rebuilt index.
3. A version is one more than the newest there ever was of that key, deletions included.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol
from weakref import WeakKeyDictionary, WeakSet

from store import records
from store.errors import NotFound
from store.index.knowledge.single import Newest
from store.journal_read import OffChain
from store.knowledge.kinds import FAMILY
from store.knowledge.tail import Behind, Tail
from store.model import Change, Plan, Position, TxMeta
from store.records import Draft

__all__ = [
    "Behind",
    "Mark",
    "Newest",
    "Planner",
    "Stood",
    "View",
    "append",
    "append_own",
    "begin",
    "history",
    "looking",
    "newest",
    "write",
]

if TYPE_CHECKING:
    from store.journal import Journal, Tx
    from store.store import Store


MANY = 200
"""Keys asked for at once from which they are sifted first."""


class Indexed(Protocol):
    """What is asked of a snapshot of the knowledge index."""

    def position(self, context: str, family: str = ...) -> Position | None: ...

    def newest(self, context: str, keys: Sequence[str]) -> Mapping[str, Newest]: ...

    def hashes(self, context: str) -> Iterator[Sequence[int]]: ...


class View:
    """What stands in one context's knowledge journal at its end. Valid under the journal's lock only."""

    def __init__(self, context: str, journal: Journal, tail: Tail, snap: Indexed, end: Position) -> None:
        self.context = context
        self.end = end
        self._journal = journal
        self._tail = tail
        self._snap = snap
        self._seen: dict[str, Newest | None] = {}

    def newest(self, keys: Iterable[str]) -> dict[str, Newest]:
        """The newest version of each of these keys that there ever was, deletions included."""
        seen, versions = self._seen, self._tail.versions
        wanted = list(keys)
        unknown = [key for key in wanted if key not in seen]
        if unknown:
            seen.update(dict.fromkeys(unknown))
            for key in unknown:
                if key in versions:
                    seen[key] = self._tail.get(key)
            asked = [key for key in unknown if seen[key] is None]
            if len(asked) >= MANY:
                asked = self._tail.sifted(asked, lambda: self._snap.hashes(self.context))
            if asked:
                seen.update(self._snap.newest(self.context, asked))
        return {key: found for key in wanted if (found := seen[key]) is not None}

    def live(self, key: str) -> bytes | None:
        """The bytes of the live record of a key; None where there is none. Raises StorageError."""
        found = self.newest((key,)).get(key)
        return None if found is None else self.raw(found)

    def recent(self, prefix: str) -> list[str]:
        """Keys that begin so and were written, or deleted, since what the index holds."""
        return [key for key in self._tail.versions if key.startswith(prefix)]

    def raw(self, version: Newest) -> bytes | None:
        """The bytes of a version; None where it is a deletion. Raises StorageError."""
        if version.deleted:
            return None
        return self.place(version.generation, version.offset, version.length)

    def place(self, generation: int, offset: int, length: int) -> bytes | None:
        """The record of the line at a place; None for a deletion. Raises StorageError."""
        return self._journal.record_raw(generation, offset, length)


Planner = Callable[[View], Plan]


_tails: WeakKeyDictionary[Journal, Tail] = WeakKeyDictionary()
_written: WeakSet[Journal] = WeakSet()
"""Journals this process has written to: one of them that is gone was renamed or archived by another."""
_guard = threading.Lock()


def begin(store: Store, context: str) -> None:
    """Before knowledge is written: the store must be writable and the context known. Raises ReadOnly, NotFound.

    The first journal is made while nobody can rename the context: it would be there twice.
    """
    store.writable()
    journal = store.journal(context, FAMILY)
    if journal in _written:
        store.contexts.require(context)
        return
    if journal.path.exists():
        store.contexts.forget(context)
        store.contexts.require(context)
    else:
        with store.contexts.steady():
            store.contexts.forget(context)
            store.contexts.require(context)
            journal = store.journal(context, FAMILY)
            with journal.locked(store.settings.lock_timeout, context):
                journal.ready()
    _written.add(journal)


class Stood(NamedTuple):
    """A version of a key: when it was taken in, and its bytes; None for a deletion."""

    ver: int
    at: str
    raw: bytes | None


def newest(store: Store, context: str, key: str) -> Stood | None:
    """The newest version of a key at the end of the journal; None where there never was one.

    Nothing is written and nobody is waited for: what the index lacks is read from the journal.
    """
    return next(history(store, context, key), None)


def history(store: Store, context: str, key: str) -> Iterator[Stood]:
    """Every version of a key, newest first, in the same way; each is read when it is asked for."""
    journal = store.journal(context, FAMILY)
    for again in (True, True, False):
        with store.library.index.snapshot() as snap:
            position = snap.position(context, FAMILY)
            rows = snap.versions(context, key)
        later: list[Stood] = []
        try:
            for tx in journal.read_on(position) if position is not None else journal.read():
                later.extend(Stood(line.ver, tx.at, line.raw) for line in tx.lines if line.key == key)
        except OffChain:
            if not again:
                raise
            store.library.sync(context)
            continue
        break
    yield from reversed(later)
    for row in rows:
        if not later or row.ver < later[0].ver:
            raw = None if row.op == "delete" else journal.record_raw(row.generation, row.offset, row.length)
            yield Stood(row.ver, row.at, raw)


@contextmanager
def looking(store: Store, context: str) -> Iterator[View]:
    """What stands in a context, for those who only look: as of now, whoever writes meanwhile.

    What the index lacks is read from the journal, as far as that is little; else the index is synced first.
    """
    journal = store.journal(context, FAMILY)
    for again in (True, True, False):
        with store.library.index.snapshot() as snap:
            position = snap.position(context, FAMILY)
            tail = Tail(position)
            try:
                tail.extend(journal, journal.position())
            except (Behind, OffChain):
                if not again:
                    raise
            else:
                yield View(context, journal, tail, snap, journal.position())
                return
        store.library.sync(context)


def write(
    store: Store,
    context: str,
    plan: Planner,
    *,
    workflow: str | None = None,
    timeout: float | None = None,
) -> Change:
    """Plan on the present end of the journal and commit: returns once the change is on disk.

    An empty plan writes nothing. `workflow` is the workflow that everything written belongs to. Raises
    what the plan raises (nothing is written then), Locked, StorageError, Damaged, ReadOnly, NotFound.
    """
    made, tx = append(store, context, plan, workflow=workflow, timeout=timeout)
    by = store.session.by
    if tx is None:
        return Change(context, "", "", by, made.command, made.label, (), made.focus, tuple(made.hints))
    return Change(
        context,
        tx.tx,
        tx.at,
        by,
        made.command,
        made.label,
        tuple(made.edits),
        made.focus,
        tuple(made.hints),
        tx.position,
    )


def append(
    store: Store,
    context: str,
    plan: Planner,
    *,
    workflow: str | None = None,
    timeout: float | None = None,
    tell: bool = True,
) -> tuple[Plan, Tx | None]:
    """`write`, with the transaction itself; without `tell` the caller sees to it that the index follows."""
    begin(store, context)
    waits = store.settings.lock_timeout if timeout is None else timeout
    for again in (True, True, False):
        try:
            made, tx = _append(store, context, plan, workflow, waits)
            break
        except (Behind, OffChain):
            if not again:
                raise
            store.library.sync(context)
    if tx is not None and tell:
        from store.store import Notice

        store.library.written(context, tx)
        store.tell(Notice(context, frozenset(), own=True, knowledge=True))
    return made, tx


class Mark(NamedTuple):
    """Where a record of this process's own was last written, and as which version."""

    position: Position
    ver: int
    raw: bytes


def append_own(
    store: Store,
    context: str,
    key: str,
    make: Callable[[int, bytes | None], list[bytes]],
    *,
    since: Mark | None = None,
    label: str,
    workflow: str,
    timeout: float,
) -> Mark | None:
    """Add versions of a record whose key nobody else begins, without asking the index or waiting for other locks.

    `make(ver, raw)` is given the newest version (0 and None where there is none since the beginning) and
    makes those that follow. Raises Locked after `timeout` seconds, StorageError, Damaged, ReadOnly.
    """
    store.writable()
    store.contexts.require(context)
    journal = store.journal(context, FAMILY)
    with journal.writer(timeout, label, create=journal not in _written) as writer:
        _written.add(journal)
        ver, raw = (0, None) if since is None else _newest_since(journal, key, since, writer.position)
        drafts = [Draft("put", key, ver + n, made) for n, made in enumerate(make(ver, raw), 1)]
        if not drafts:
            return since
        meta = TxMeta("workflow.job", label, store.session.id, group=workflow)
        tx = writer.append(drafts, by=store.session.by, meta=meta)
    store.library.written(context, tx)
    return Mark(tx.position, drafts[-1].ver, drafts[-1].raw or b"{}")


def _newest_since(journal: Journal, key: str, since: Mark, end: Position) -> tuple[int, bytes | None]:
    """Version and bytes of a key that was written at a mark: read from there on, else the whole generation.

    A journal that another was put in the place of, by a restore, may not have the key at all.
    """
    for after, known in ((since.position, (since.ver, since.raw)), (None, (0, None))):
        found: tuple[int, bytes | None] = known
        try:
            for tx in journal.read(after, upto=end):
                for line in tx.lines:
                    if line.key == key:
                        found = line.ver, line.raw
        except OffChain:
            continue
        return found
    return 0, None


def _append(
    store: Store, context: str, plan: Planner, workflow: str | None, timeout: float
) -> tuple[Plan, Tx | None]:
    journal = store.journal(context, FAMILY)
    tx = None
    try:
        with journal.writer(timeout, f"knowledge of {context}", create=False) as writer:
            with store.library.index.snapshot() as snap:
                tail = _tail(journal, snap.position(context, FAMILY), writer.position)
                view = View(context, journal, tail, snap, writer.position)
                made = plan(view)
                drafts = _drafts(view, made)
            if not drafts:
                return made, None
            meta = TxMeta(made.command, made.label, store.session.id, group=workflow)
            tx = writer.append(drafts, by=store.session.by, meta=meta)
            tail.apply(tx)
    except NotFound:
        if not journal.path.exists():  # renamed or archived meanwhile by another process
            store.forget(context)
            store.contexts.forget(context)
        raise
    except BaseException:
        if tx is not None:
            _forget(journal)  # the tail holds what may have been cut back
        raise
    return made, tx


def _tail(journal: Journal, indexed: Position | None, end: Position) -> Tail:
    """What the journal holds beyond the index, up to its end. Raises Behind, OffChain."""
    if indexed is not None and indexed.generation != end.generation:
        raise Behind
    if indexed is None and end.generation > 1:
        raise Behind
    with _guard:
        tail = _tails.get(journal)
    if tail is not None:
        try:
            tail.trim(indexed)
            tail.extend(journal, end)
            return tail
        except OffChain:
            pass
    tail = Tail(indexed)
    tail.extend(journal, end)
    with _guard:
        _tails[journal] = tail
    return tail


def _forget(journal: Journal) -> None:
    with _guard:
        _tails.pop(journal, None)


def _drafts(view: View, plan: Plan) -> list[Draft]:
    """The edits of a plan with the version each key gets next."""
    edits = plan.edits
    newest = view.newest([edit.key for edit in edits])
    given: dict[str, int] = {}
    drafts = []
    new = tuple.__new__
    for op, key, record, given_raw in edits:
        ver = given.get(key)
        if ver is None:
            found = newest.get(key)
            ver = found.ver if found is not None else 0
        given[key] = ver = ver + 1
        raw = None if op == "delete" else records.dumps(record) if given_raw is None else given_raw
        drafts.append(new(Draft, (op, key, ver, raw)))
    return drafts
