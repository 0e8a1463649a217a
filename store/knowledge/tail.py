"""What was written to a journal of knowledge after the index last followed: places of lines, nothing of what they say.

See `store.knowledge.writing`, rules 1 and 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from store.index.knowledge.single import Newest
from store.journal_read import OffChain
from store.knowledge.met import Met

if TYPE_CHECKING:
    from store.journal import Journal, Line, Tx
    from store.model import Position

TAIL_BYTES = 48 << 20
"""Bytes of journal that are read to learn what the index lacks; where it lags further it is synced first.

So much takes a tenth of a second. Waiting for the index would take longer: it is written to at that moment.
"""

SIFTED_FROM = 5_000
"""Keys asked for from which a filter of those that are there pays."""


class Behind(Exception):
    """The index lags too far, or is of another history: sync it, then plan again."""


class Tail:
    """The newest version of every key written after a position; used under the journal's lock only."""

    def __init__(self, after: Position | None) -> None:
        self.upto = after
        self.versions: dict[str, tuple[Line, str | None]] = {}
        """The newest line of each key, and the workflow that wrote it."""
        self._ends = {after}
        self._asked = 0
        self._met: Met | None = None
        self.parts: deque[tuple[Position, tuple[Line, ...]]] = deque()

    def apply(self, tx: Tx) -> None:
        """Take in a transaction that begins where the tail ends."""
        workflow = tx.meta.group if tx.meta is not None else None
        self.versions.update({line[4]: (line, workflow) for line in tx.lines})
        if self._met is not None:
            self._met.add([line[4] for line in tx.lines])
        self.upto = tx.position
        self.parts.append((tx.position, tx.lines))
        self._ends.add(tx.position)

    def trim(self, indexed: Position | None) -> None:
        """Let go of what the index has by now. Raises OffChain where its position is none of the tail's."""
        if indexed not in self._ends:
            raise OffChain("The index is elsewhere.")
        while self.parts and indexed is not None and self.parts[0][0].offset <= indexed.offset:
            for line in self.parts.popleft()[1]:
                known = self.versions.get(line[4])
                if known is not None and known[0] is line:
                    del self.versions[line[4]]
        self._ends = {indexed, *(end for end, _ in self.parts)}

    def get(self, key: str) -> Newest | None:
        """The newest version of a key; None where it was not written since."""
        found = self.versions.get(key)
        if found is None:
            return None
        line, workflow = found
        return Newest(line.ver, line.op == "delete", line.generation, line.offset, line.length, workflow)

    def sifted(self, keys: list[str], hashes: Callable[[], Iterable[Sequence[int]]]) -> list[str]:
        """Those of keys unknown here that the index may have; `hashes` gives those of all it has, in parts.

        From some thousand on a filter is made of what the index has, and meets all that is written after.
        """
        self._asked += len(keys)
        if self._asked < SIFTED_FROM:
            return keys
        if self._met is None:
            self._met = Met()
            for part in hashes():
                self._met.add_hashes(part)
            self._met.add(list(self.versions))
        return self._met.sift(keys)

    def extend(self, journal: Journal, end: Position) -> None:
        """Read on to the end of the journal. Raises Behind where that is much, OffChain."""
        if self.upto == end:
            return
        begun = self.upto.offset if self.upto is not None else 0
        if end.offset - begun > TAIL_BYTES:
            raise Behind
        for tx in journal.read(self.upto, upto=end):
            self.apply(tx._replace(lines=tuple(line._replace(raw=None) for line in tx.lines)))
        self.upto = end
