"""How the library's list is read: its first rows at once, how many there are and their order beside.

Of a million records the first rows take milliseconds, but counting, ordering and conditions that only the
records themselves can answer may take seconds. So:

1. The first rows, and those that come into view, are asked of the read lane.
2. What goes through every record runs in the lane for counting, and gives up as soon as another list is asked for.
3. By last change rows are asked for by their place. In any other order the numbers of all rows are
   read once, so that no place in the list costs more than another.
4. A condition that only records can answer is looked through from the beginning; what is found is shown as
   it is found, and at MOST_FOUND it stops.
5. A list that others change is read again no more often than a part of the time it takes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from store import clock
from store.knowledge.model import Row
from tui import library_reading as reading
from tui.library_reading import SORTS, WINDOW, Counts, Loaded, Place, Query

if TYPE_CHECKING:
    from store.store import Store
    from tui.app import ChartkeepApp

MOST_FOUND = 20_000
"""Records shown of those that a condition means which only the records can answer."""
PART = 0.25
"""Seconds after which what was found so far is shown."""
RENEW = 1.0
"""Seconds between two looks at a list that others change all the time; at least SHARE times what a look takes."""
SHARE = 5
LOOKED_AT = 500
"""Records looked through between two looks at whether they are still wanted."""
SMALL = 5_000
"""Rows up to which a list is ordered anew whenever others change it."""


class Begun(NamedTuple):
    """A list from its beginning, or anew."""

    query: Query
    loaded: Loaded
    counts: Counts
    seconds: float
    order: array[int] | None = None
    """The numbers of all rows; None where they are asked for by place."""
    slow: bool = False
    """True where only the records can answer: not counted, looked through."""
    kept: bool = False


Show = Callable[[Begun, int], object]
"""(what was read, line of the cursor)"""
Fill = Callable[[int, Sequence[Row], int | None], object]
"""(place of the first row, rows, how many there are in all)"""


class Lister:
    """Reads one list after the other; answers come in the UI's thread and only for the list asked for last."""

    def __init__(self, desk: ChartkeepApp, show: Show, fill: Fill, failed: Callable[[], object]) -> None:
        self._desk = desk
        self._show, self._fill, self._failed = show, fill, failed
        self.query = Query()
        self.order: array[int] | None = None
        self.slow = False
        self.complete = True
        """False while rows are still being counted or found."""
        self.pause = RENEW
        """Seconds to wait before the list is read again."""
        self.busy = False
        self._number = 0
        """Of the list: what was asked for one before is not shown."""

    def stop(self) -> None:
        """Nothing is wanted any more."""
        self._number += 1

    # -- from the beginning ------------------------------------------------------------------------

    def begin(self, query: Query) -> None:
        """Read another list; the cursor goes to its first row."""
        self.query, self.order, self.slow = query, None, False
        self._number += 1
        self._read(partial(first_look, self._desk.store, query), 0)

    def renew(self, anchor: Place | None, line: int, top: int, known: int) -> None:
        """Read the same list again, the cursor on `anchor`, which was on `line`.

        One that only records can answer stays as it is where the cursor is far from its beginning.
        """
        if self.slow and line >= WINDOW:
            return
        self._number += 1
        store, query = self._desk.store, self.query
        if self.slow:
            self._read(partial(first_look, store, query, kept=True), line)
        elif query.sort == 0 or known <= SMALL:
            self._read(partial(look_again, store, query, anchor, top), line)
        else:
            self._order(line, top, anchor)

    def _read(self, work: Callable[[], Begun], line: int) -> None:
        self.busy = True
        number = self._number
        self._desk.bridge.read.ask(
            work, partial(self._begun, number, line), name="library", otherwise=self._not_read
        )

    def _begun(self, number: int, line: int, found: Begun) -> None:
        self.busy = False
        if number != self._number:
            return
        self.order, self.slow = found.order, found.slow
        self.complete = found.loaded.total is not None
        self.pause = max(RENEW, SHARE * found.seconds)
        self._show(found, line)
        if self.complete:
            return
        if self.slow:
            self._gather()
        elif self.query.sort == 0:
            self._count()
        else:
            self._order()

    def _not_read(self, _error: Exception) -> bool:
        self.busy = False
        self._failed()
        return False

    # -- what takes longer -------------------------------------------------------------------------

    def _count(self) -> None:
        store, query, number = self._desk.store, self.query, self._number

        def counted(total: int) -> None:
            if number == self._number:
                self.complete = True
                self._fill(0, (), total)

        self._desk.bridge.count.ask(
            lambda: store.library.count(query.filter), counted, name="library", otherwise=self._not_read
        )

    def _order(self, line: int | None = None, top: int = 0, anchor: Place | None = None) -> None:
        """Read the numbers of all rows; with `line` the list was shown before and is shown anew."""
        store, query, number = self._desk.store, self.query, self._number
        self.busy = line is not None

        def ordered(found: Begun) -> None:
            self.busy = False
            if number != self._number:
                return
            self.order, self.complete = found.order, True
            self.pause = max(RENEW, SHARE * found.seconds)
            if line is None:
                self._fill(0, (), found.loaded.total)
            else:
                self._show(found, line)

        self._desk.bridge.count.ask(
            partial(in_order, store, query, anchor, line or 0, top),
            ordered,
            name="library",
            otherwise=self._not_read,
        )

    def _gather(self) -> None:
        """Show what is found as it is found."""
        desk, query, number = self._desk, self.query, self._number

        def tell(first: int, rows: list[Row], total: int | None) -> None:
            def in_ui() -> None:
                if number == self._number:
                    self.complete = total is not None
                    self._fill(first, rows, first + len(rows))

            desk.call_soon(in_ui)

        self._desk.bridge.count.ask(
            lambda: gather(desk.store, query, lambda: number == self._number, tell),
            lambda _: None,
            name="library",
            otherwise=self._not_read,
        )

    # -- rows that come into view ------------------------------------------------------------------

    def rows(self, first: int, known: int) -> None:
        """Ask for the rows from `first` on, of `known` ones."""
        store, query, order, number = self._desk.store, self.query, self.order, self._number

        def got(loaded: Loaded) -> None:
            if number == self._number:
                self._fill(loaded.first, loaded.rows, None)

        self._desk.bridge.read.ask(
            lambda: (
                by_number(store, order, first)
                if order is not None
                else reading.load(store, query, first, known)
            ),
            got,
            name="library.rows",
            otherwise=self._not_read,
        )


# -- in the lanes ----------------------------------------------------------------------------------


def first_look(store: Store, query: Query, *, kept: bool = False) -> Begun:
    """The first rows of a list; how many there are where that is known at once."""
    started = clock.monotonic()
    slow = by_records(store, query)
    loaded = reading.load(store, query, 0)
    return Begun(
        query,
        loaded,
        reading.counts(store, query.context),
        clock.monotonic() - started,
        slow=slow,
        kept=kept,
    )


def look_again(store: Store, query: Query, anchor: Place | None, top: int) -> Begun:
    """A list anew, about the record the cursor is on."""
    started = clock.monotonic()
    loaded = reading.reload(store, query, anchor, top)
    return Begun(query, loaded, reading.counts(store, query.context), clock.monotonic() - started, kept=True)


def in_order(store: Store, query: Query, anchor: Place | None, line: int, top: int) -> Begun:
    """The numbers of all rows of a list, and the rows about the line the cursor was on."""
    started = clock.monotonic()
    sort, descending, _ = SORTS[query.sort]
    with store.library.snapshot() as snap:
        order = snap.ids(query.filter, sort, descending)
        first = max(0, min(max(line, top) - WINDOW // 2, len(order) - WINDOW))
        rows = snap.rows_of(order[first : first + WINDOW])
    at = next((n for n, row in enumerate(rows, first) if (row.context, row.key) == anchor), None)
    loaded = Loaded(first, rows, len(order), at)
    return Begun(
        query,
        loaded,
        reading.counts(store, query.context),
        clock.monotonic() - started,
        order=order,
        kept=True,
    )


def by_number(store: Store, order: array[int], first: int) -> Loaded:
    """The rows from `first` on of an order that was read before. Those changed since are left out."""
    with store.library.snapshot() as snap:
        return Loaded(first, snap.rows_of(order[first : first + WINDOW]), None)


def by_records(store: Store, query: Query) -> bool:
    """Whether only the records themselves can answer a filter."""
    with store.library.snapshot() as snap:
        return snap.plan(query.filter).rest is not None


def gather(
    store: Store,
    query: Query,
    wanted: Callable[[], bool],
    tell: Callable[[int, list[Row], int | None], object],
) -> None:
    """Look through the records while they are wanted, and tell of what was found so far."""
    from store.knowledge import reading as bytes_of

    sort, descending, _ = SORTS[query.sort]
    held: list[Row] = []
    first, told = 0, clock.monotonic()
    with store.library.snapshot() as snap:
        plan = snap.plan(query.filter)
        walk = iter(snap.walk(plan, query.context, sort, descending))
        while (part := list(islice(walk, LOOKED_AT))) and first + len(held) < MOST_FOUND:
            if not wanted():
                return
            for each in bytes_of.with_bytes(store, snap.rows_of(part)):
                if plan.rest is None or bytes_of.holds(each, plan.rest.test):
                    held.append(each.row)
            if held and clock.monotonic() - told >= PART:
                tell(first, held, None)
                first, held, told = first + len(held), [], clock.monotonic()
    tell(first, held, first + len(held))
