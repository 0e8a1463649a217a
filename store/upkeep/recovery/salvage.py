"""What can still be read of a damaged journal: every good line, and exactly where something is missing.

The chain of hashes says which line comes next, wherever it lies. So at a break the next line is looked
for, in this order: among the lines nearby (swapped, doubled), in the damaged line itself (`guessing`), in
backups of the same generation. As long as one of these fits, the history is the very one that was written.
Where none fits there is a *gap*: what follows is taken up again at the next good line, and from there on
the lines can only be chained anew (`rechain`).

Everything runs in constant memory: a salvage is a list of ranges, not of lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from store.errors import ChartkeepError
from store.model import Position
from store.records import NO_HASH, Parts
from store.upkeep.recovery.guessing import fits, mend
from store.upkeep.recovery.lines import HASH, PLACE, Raw, Read, inner_line, line_at, raw_lines, well_formed
from store.upkeep.recovery.salvaged import Bad, Donor, Piece, Salvaged

_BLOCK = 1 << 18
WINDOW = 512
"""Lines after a break among which the next one is looked for."""
REMEMBERED = 8192
"""Hashes of lines taken last, by which a repeated line is told."""
MOST_BAD = 1000


class _Feed:
    """The lines of the damaged file, with a look ahead."""

    def __init__(self, read: Read) -> None:
        self._lines = raw_lines(read)
        self._ahead: deque[Raw] = deque()
        self.number = 1
        """Line number, from 1, of the next line."""

    def peek(self, nth: int = 0) -> Raw | None:
        while len(self._ahead) <= nth:
            raw = next(self._lines, None)
            if raw is None:
                return None
            self._ahead.append(raw)
        return self._ahead[nth]

    def take(self) -> Raw:
        raw = self.peek()
        assert raw is not None
        self.number += 1
        return self._ahead.popleft()

    def put_back(self, raw: Raw) -> None:
        self.number -= 1
        self._ahead.appendleft(raw)


class Salvage:
    """One walk through one generation; `run` once."""

    def __init__(
        self,
        read: Read,
        size: int,
        *,
        donors: Callable[[], Sequence[Donor]] = tuple,
        until: Position | None = None,
        guess: bool = True,
    ) -> None:
        """`until` is a point known to have been acknowledged; `guess` whether damaged lines are mended.

        `donors` are looked for at the first break that needs one.
        """
        self.found = Salvaged(size)
        self._feed = _Feed(read)
        self._find_donors = donors
        self._donors: list[Donor] | None = None
        self._until = until
        self._guess = guess
        self._hash: str | None = NO_HASH
        self._at: int | None = 0
        """Where the next line lay when it was written; None where that is not known."""
        self._pool: list[Raw] = []
        self._recent: deque[str] = deque(maxlen=REMEMBERED)
        self._last: bytes = b""
        self._met = until is None
        self._taken = True
        """Whether a line was taken since the last gap."""

    def run(self) -> Salvaged:
        """Walk to the end."""
        while self._next():
            pass
        self._conclude()
        return self.found

    def _next(self) -> bool:
        raw = self._feed.peek()
        if raw is not None and self._hash is not None and fits(self._hash, raw.data):
            self._feed.take()
            self._own(raw)
            return True
        if self._nearby() or (raw is not None and self._mended(raw)) or self._donated(raw is None):
            return True
        if raw is None:
            return False
        if self._nothing_follows(raw):
            while (rest := self._feed.peek()) is not None:
                self._bad(self._feed.take(), "it was cut off and never acknowledged")
                self.found.torn += rest.length
            return True
        self._over_gap(raw)
        return True

    def _nothing_follows(self, raw: Raw) -> bool:
        """True where what is left was never acknowledged: a write that was cut off."""
        if not self._acknowledged() or self._at is None:
            return False
        place = PLACE.search(self._last)
        open_tx = int(place[1], 16) if place is not None and place[2] != place[3] else self._at
        rest = [raw]
        for ahead in range(1, WINDOW):
            later = self._feed.peek(ahead)
            if later is None:
                break
            rest.append(later)
        else:
            return False
        if self._until is None and rest[0].data[-1:] == b"\n" and all(one.data for one in rest):
            return False
        if raw.data[-1:] == b"\n":
            return not any(self._fresh(one.data) for one in rest)
        places = [found for one in rest if (found := PLACE.search(one.data)) is not None]
        return all(int(one[1], 16) == open_tx for one in places)

    def _fresh(self, data: bytes) -> bool:
        """True for a good line that was not taken yet."""
        parts = well_formed(data)
        return parts is not None and parts.hash not in self._recent

    # -- taking ------------------------------------------------------------------------------------

    def _own(self, raw: Raw) -> None:
        pieces = self.found.after if self.found.gap else self.found.exact
        last = pieces[-1] if pieces else None
        if last is not None and last.data is None and last.offset + last.length == raw.offset:
            pieces[-1] = last._replace(length=last.length + raw.length)
        else:
            pieces.append(Piece(raw.offset, raw.length, place=self._place_of(raw.data)))
        self._took(raw.data)

    def _other(self, data: bytes, source: str) -> None:
        pieces = self.found.after if self.found.gap else self.found.exact
        last = pieces[-1] if pieces else None
        if last is not None and last.data is not None and last.source == source and last.length < _BLOCK:
            pieces[-1] = last._replace(length=last.length + len(data), data=last.data + data)
        else:
            pieces.append(Piece(-1, len(data), data, source, self._place_of(data)))
        self.found.taken[source] = self.found.taken.get(source, 0) + 1
        self._took(data)

    def _place_of(self, data: bytes) -> tuple[int, int]:
        """Where a line stood when it was written; asked beyond a gap only."""
        place = PLACE.search(data) if self.found.gaps else None
        return (int(place[1], 16), int(place[2])) if place is not None else (0, 0)

    def _took(self, data: bytes) -> None:
        self._taken = True
        if not self._last and not self.found.gaps:
            self.found.header = True
        self._hash = data[-35:-3].decode("ascii")
        self._recent.append(self._hash)
        if self._at is not None:
            self._at += len(data)
        elif (place := PLACE.search(data)) is not None and place[2] == b"1":
            self._at = int(place[1], 16) + len(data)
        self._last = data
        if not self._met and self._until is not None and self._at == self._until.offset:
            self._met = self._hash == self._until.hash

    def _bad(self, raw: Raw, why: str) -> None:
        if len(self.found.bad) < MOST_BAD:
            self.found.bad.append(Bad(self._feed.number - 1, raw.offset, raw.length, why))
        else:
            self.found.more_bad += 1

    # -- the next line, wherever it lies -----------------------------------------------------------

    def _nearby(self) -> bool:
        """A line put aside before, or one further on in the file."""
        if self._hash is None:
            return False
        for index, raw in enumerate(self._pool):
            if fits(self._hash, raw.data):
                del self._pool[index]
                self._own(raw)
                return True
        for ahead in range(1, WINDOW):
            later = self._feed.peek(ahead)
            if later is None:
                return False
            if self._can_follow(later.data) and fits(self._hash, later.data):
                for _ in range(ahead):
                    self._set_aside(self._feed.take())
                self._own(self._feed.take())
                return True
        return False

    def _can_follow(self, data: bytes) -> bool:
        """False where a line's own place says that it is not the next one: spares hashing it."""
        place = PLACE.search(data)
        if place is None:
            return False
        start, nth = int(place[1], 16), int(place[2])
        return self._at is None or (start == self._at if nth == 1 else start < self._at)

    def _set_aside(self, raw: Raw) -> None:
        place = HASH.search(raw.data)
        if place is not None and place[1].decode() in self._recent:
            self._bad(raw, "the line is there twice")
        elif place is not None:
            self._bad(raw, "the line is out of its place")
            self._pool.append(raw)
            if len(self._pool) > 2 * WINDOW:
                self._stray(self._pool.pop(0))
        else:
            self._bad(raw, "the line is not what was written there")

    def _mended(self, raw: Raw) -> bool:
        """The line that was written, from the damaged one."""
        if not self._guess or self._hash is None or not raw.data:
            return False
        following = self._feed.peek(1)
        found = mend(raw.data, self._hash, following.data if following is not None else None)
        if found is None:
            return False
        self._feed.take()
        self._bad(raw, "a byte of it had changed; it was put right by its hash")
        if found.joined:
            self._feed.take()
        if found.rest:
            size = len(found.rest)
            self._feed.put_back(Raw(raw.offset + raw.length - size, found.rest, size))
        self._other(found.line, "its hash")
        return True

    def _donated(self, ended: bool) -> bool:
        """The line from a backup; after the file's end only where it is known to go on."""
        if self._hash is None or self._at is None or (ended and self._acknowledged()):
            return False
        if self._donors is None:
            self._donors = list(self._find_donors())
        for donor in list(self._donors):
            try:
                line = line_at(donor.read, self._at)
            except ChartkeepError:
                self._donors.remove(donor)
                continue
            if line is not None and fits(self._hash, line):
                self._other(line, donor.name)
                self._pass_over(line)
                return True
        return False

    def _pass_over(self, line: bytes) -> None:
        """Leave out the damaged line that lay where the donated one belongs."""
        raw = self._feed.peek()
        if raw is None or self._hash is None or fits(self._hash, raw.data):
            return
        if raw.data == line:
            self._feed.take()
        elif (found := PLACE.search(raw.data)) is None or found[4].decode() == self._hash:
            self._bad(self._feed.take(), "the line is not what was written there")

    def _acknowledged(self) -> bool:
        """True where all that is known to have been acknowledged was found: what follows may be missing."""
        return self._met or (
            self._until is not None and self._at is not None and self._at > self._until.offset
        )

    # -- gaps --------------------------------------------------------------------------------------

    def _over_gap(self, raw: Raw) -> None:
        """Nothing fits: go on at this line if it reads well, else behind it."""
        self._feed.take()
        parts = well_formed(raw.data)
        if parts is None and (inner := inner_line(raw)) is not None:
            self._wrong(raw._replace(length=raw.length - inner.length), b"")
            self._feed.put_back(inner)
        elif parts is None or self._in_its_place(parts):
            self._wrong(raw, raw.data)
        elif parts.hash in self._recent or (not self.found.gaps and self._before(parts)):
            self._bad(raw, "the line is there twice")
        else:
            self._open_gap(raw.offset)
            self._at = parts.start if parts.nth == 1 else None
            self.found.unchecked += 1
            self._own(raw)

    def _wrong(self, raw: Raw, data: bytes) -> None:
        """A line that is lost; where its hash can still be read, the next one is checked against that."""
        self._bad(raw, "the line is not what was written there")
        self._open_gap(raw.offset)
        stated = HASH.search(data)
        self._hash = stated[1].decode() if stated is not None else None
        self._at = self._at + raw.length if self._at is not None and stated is not None else None
        self._last = data

    def _before(self, parts: Parts) -> bool:
        """True for a line from before this point, where all that was written before it was found."""
        if self._at is None:
            return False
        before = PLACE.search(self._last)
        start, nth = (int(before[1], 16), int(before[2])) if before is not None else (0, 0)
        return parts.start < self._at and (parts.start, parts.nth) <= (start, nth)

    def _open_gap(self, offset: int) -> None:
        if not self.found.gaps:
            self._close_exact()
        if self._taken:  # else it is the same gap still
            self.found.gaps.append((self._feed.number - 1, offset))
            self._taken = False

    def _close_exact(self) -> None:
        """Note where the exact part ends, and where its last whole transaction does."""
        found = self.found
        size = sum(piece.length for piece in found.exact)
        found.end = Position(0, size, self._hash or NO_HASH)
        place = PLACE.search(self._last)
        found.keep = int(place[1], 16) if place is not None and place[2] != place[3] else size

    def _in_its_place(self, parts: Parts) -> bool:
        """True where the line stands where it belongs, so that a wrong hash means wrong bytes."""
        if self._hash is None or self._at is None:
            return False
        if parts.nth == 1:
            return parts.start == self._at
        before = PLACE.search(self._last)
        return before is not None and (int(before[1], 16), int(before[2]) + 1) == (parts.start, parts.nth)

    def _stray(self, raw: Raw) -> None:
        """A good line that fitted nowhere: after a gap it is kept all the same."""
        parts = well_formed(raw.data)
        if self.found.gaps and parts is not None and parts.hash not in self._recent:
            self.found.unchecked += 1
            self.found.after.append(Piece(raw.offset, raw.length, place=(parts.start, parts.nth)))

    def _conclude(self) -> None:
        found = self.found
        if not found.gaps:
            self._close_exact()
            if not self._acknowledged():  # the journal was shortened
                found.gaps.append((self._feed.number, found.size))
        for raw in self._pool:
            self._stray(raw)
        found.after.sort(key=lambda piece: piece.place)
        found.met = self._met
