"""Who points to what a deletion takes: clusters to members, instances to frames, frames and contexts to parents.

1. Records that may point are read through once, when a run begins, without the lock. Under the lock only what
   the journal has got since is read on: so what is known is never older than what is decided on.
2. Of each only its key, its version, and the hashes of the words by which it points are kept, in the order of its
   words: a hash of 64 bits that met by chance would keep one record too many, never delete one.
3. A version counts only while it is the newest of its key and live.
4. One that is to go itself counts where it will stay all the same: since it changed and is not meant any more, or
   since something that stays points to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from store.journal_read import OffChain
from store.knowledge.contracts import POINTING, targets, words_for
from store.knowledge.kinds import FAMILY, parts_of
from store.knowledge.looking import value_of
from store.knowledge.model import Filter

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.model import Position
    from store.workflows.types import Run

SHOWN = 5


class Pointers:
    """The records of one context that may point to others."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: list[tuple[str, int]] = []
        """(key, version) of each record that points."""
        self._by: dict[int, tuple[int, ...]] = {}
        """Numbers in `_known`, by the hash of a word."""
        self._end: Position | None = None
        self._read()

    def _read(self) -> None:
        """All there are now; what is written meanwhile is read on from where this began."""
        store, context = self._run.store, self._run.context
        self._known, self._by = [], {}
        journal = store.journal(context, FAMILY)
        self._end = journal.position()
        store.library.sync(context)
        for number, one in enumerate(store.library.stream(Filter(context=context, kinds=POINTING))):
            self._take(one.row.key, one.row.ver, one.raw)
            if number % 1000 == 0:
                self._run.at(0)

    def _take(self, key: str, ver: int, raw: bytes | None) -> None:
        value = None if raw is None else value_of(raw)
        if value is None:
            return
        number = (len(self._known),)
        self._known.append((key, ver))
        for word in set(targets(parts_of(key)[0], value)):
            at = hash(word)
            self._by[at] = self._by.get(at, ()) + number

    def follow(self, view: View) -> None:
        """Take in what was written since. Under the journal's lock, where `view` is its end."""
        if self._end == view.end:
            return
        journal = self._run.store.journal(self._run.context, FAMILY)
        if self._end is not None and (self._end.generation, self._end.offset) > (
            view.end.generation,
            view.end.offset,
        ):
            return  # a dry run, whose view is older
        try:
            for tx in journal.read(self._end, upto=view.end):
                for line in tx.lines:
                    if line.op == "put" and parts_of(line.key)[0] in POINTING:
                        self._take(line.key, line.ver, line.raw)
            self._end = view.end
        except (
            OffChain
        ):  # the journal was compacted: what pointed may have another place, not another version
            self._read()

    def to(self, view: View, key: str, raw: bytes | None) -> list[str]:
        """Live records that point to the one of a key, whose bytes are `raw`."""
        numbers = {number for word in words_for(key, raw) for number in self._by.get(hash(word), ())}
        if not numbers:
            return []
        known = [self._known[number] for number in sorted(numbers)]
        newest = view.newest([pointer for pointer, _ in known])
        return [
            pointer
            for pointer, ver in known
            if pointer != key
            and (found := newest.get(pointer)) is not None
            and found.ver == ver
            and not found.deleted
        ]


class Staying:
    """Which records of a deletion must stay, as of one view: kept for one decision only."""

    def __init__(self, pointers: Pointers, view: View, goes: Callable[[str], bool]) -> None:
        """goes(key): whether a record is still to be deleted by this very workflow, as far as criteria say."""
        pointers.follow(view)
        self._pointers = pointers
        self._view = view
        self._goes = goes
        self._to: dict[str, list[str]] = {}
        self._free: set[str] = set()

    def why(self, key: str) -> str:
        """What points to a record and stays; empty where nothing does."""
        stay = [pointer for pointer in self._pointing(key) if self._stays(pointer)]
        if not stay:
            return ""
        more = f" and {len(stay) - SHOWN} more" if len(stay) > SHOWN else ""
        return f"{', '.join(stay[:SHOWN])}{more} would point at nothing"

    def _pointing(self, key: str) -> list[str]:
        if key not in self._to:
            self._to[key] = self._pointers.to(self._view, key, self._view.live(key) if _named(key) else None)
        return self._to[key]

    def _stays(self, key: str) -> bool:
        """Whether a record that points stays, itself or since something that stays points to it."""
        todo, seen = [key], {key}
        while todo:
            here = todo.pop()
            if here in self._free:
                continue
            if not self._goes(here):
                return True
            todo += (others := [other for other in self._pointing(here) if other not in seen])
            seen.update(others)
        self._free |= seen
        return False


def _named(key: str) -> bool:
    """Whether others may point to a record of that kind by its name."""
    return parts_of(key)[0] in ("frame", "context")


def pointing_first(kinds: Iterable[str]) -> list[tuple[str, ...]]:
    """In which order records of these kinds are deleted; none named: of all.

    What points goes before what it points to, so that a deletion that was stopped leaves nothing behind that
    points at nothing. The last part is all that is left, of any kind where that is empty.
    """
    chosen = tuple(kinds)
    first: list[tuple[str, ...]] = [(kind,) for kind in POINTING if not chosen or kind in chosen]
    rest = tuple(kind for kind in chosen if kind not in POINTING)
    return first if chosen and not rest else [*first, rest]
