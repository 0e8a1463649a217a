"""What the library asks of the store, as plain functions that run in a lane of the bridge.

Each takes the open store and plain values and returns plain values; nothing here touches a widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.errors import ChartkeepError, NotFound
from store.knowledge.kinds import KINDS, OTHER, key_of
from store.knowledge.model import Filter, Found, Row, Sort
from tui import library_catching, library_filter
from tui.library_text import Reference, references

if TYPE_CHECKING:
    from store.index.knowledge.queries import Snapshot
    from store.store import Store

WINDOW = 200
"""Rows fetched at once: some screens of them."""
NEAR = 50_000
"""Records among which one is looked for in the lists of several contexts together."""
MOST_REFERENCES = 300
"""References of one record that are looked up, to show what they are called."""

Place = tuple[str, str]
"""(context, key) of a record."""


class Tab(NamedTuple):
    """One collection as the library shows it."""

    name: str
    """The collection's name, `all` or `deleted`."""
    kinds: tuple[str, ...]
    digit: str = ""
    """The number key that shows it."""


TABS = (
    Tab("all", (), "0"),
    *(Tab(kind.collection, (kind.name,), str(n)) for n, kind in enumerate(KINDS, 1)),
    Tab(OTHER.collection, (OTHER.name,)),
    Tab("deleted", ()),
)
BY_TAB = {tab.name: tab for tab in TABS}
SORTS: tuple[tuple[Sort, bool, str], ...] = (
    ("changed", True, "last change"),
    ("created", True, "age, newest first"),
    ("quality", True, "quality, best first"),
    ("title", False, "title"),
)
"""(sort, descending, in words), in the order in which the key goes through them."""


class Query(NamedTuple):
    """What the library lists."""

    context: str | None = None
    """None for every context."""
    tab: str = "all"
    text: str = ""
    """The filter as typed."""
    sort: int = 0
    """Which of SORTS."""

    @property
    def typed(self) -> library_filter.Typed:
        """The filter it means, and what of it was not understood."""
        tab = BY_TAB[self.tab]
        base = Filter(context=self.context, kinds=tab.kinds, deleted=self.tab == "deleted")
        return library_filter.parse(self.text, base)

    @property
    def filter(self) -> Filter:
        """The filter it means."""
        return self.typed.filter


class Loaded(NamedTuple):
    """A stretch of the list."""

    first: int
    rows: list[Row]
    total: int | None
    """How many there are in all; None where that is still to be counted."""
    at: int | None = None
    """Where the record is that was looked for; None where none was, or where it is far or gone."""


class Shown(NamedTuple):
    """A record as the detail shows it."""

    row: Row
    record: Any
    """Its value; None where it is deleted."""
    titles: dict[Reference, Row]
    """The records its references lead to, as far as they are there."""
    versions: int = 0
    size: int = 0
    """Bytes of the record."""


class Counts(NamedTuple):
    """Contexts, and how many live records each collection has in the one shown."""

    contexts: list[str]
    live: dict[str, int]
    behind: int = 0
    """Bytes of journal that the index lacks: what is listed is not all there is."""
    several: bool = False
    """True where the records are of more than one context."""


def counts(store: Store, context: str | None) -> Counts:
    """What the line of collections shows."""
    names = store.contexts.names()
    live: dict[str, int] = {}
    holding = set()
    for name, collection, number in store.library.collections(context):
        live[collection] = live.get(collection, 0) + number
        holding.add(name)
    own = {kind.collection for kind in KINDS if kind.own}
    live["all"] = sum(number for name, number in live.items() if name not in own)
    return Counts(names, live, library_catching.behind(store, context), len(holding) > 1)


def load(store: Store, query: Query, first: int, known: int | None = None) -> Loaded:
    """The rows from `first` on. `known`: how many there are; the far half is read from its end.

    Skipping rows costs time: of a million the last are asked for in the opposite order, where that is
    the same order backwards; by quality it is not, since what has none stands last in both.
    """
    sort, descending, _ = SORTS[query.sort]
    found = query.filter
    if known is not None and first > known // 2 and sort != "quality":
        end = min(first + WINDOW, known)
        rows = store.library.rows(
            found, sort=sort, descending=not descending, limit=end - first, offset=known - end
        )
        return Loaded(first, rows[::-1], known)
    rows = store.library.rows(found, sort=sort, descending=descending, limit=WINDOW, offset=first)
    ended = len(rows) < WINDOW and (rows or not first)
    return Loaded(first, rows, first + len(rows) if ended else known)


def reload(store: Store, query: Query, anchor: Place | None, top: int) -> Loaded:
    """The list anew, about the record the cursor was on; `top` was the first line on screen.

    All of it is of one state: others may write a thousand records between two questions.
    """
    found = query.filter
    sort, descending, _ = SORTS[query.sort]
    with store.library.snapshot() as snap:
        total = snap.count(found)
        at = None if anchor is None or not total else _place_of(snap, query, anchor)
        middle = top + WINDOW // 4 if at is None else at
        first = max(0, min(middle - WINDOW // 2, total - WINDOW))
        if first > total // 2 and sort == "changed":
            end = min(first + WINDOW, total)
            ids = snap.ids(found, sort, not descending, end - first, total - end)[::-1]
        else:
            ids = snap.ids(found, sort, descending, WINDOW, first)
        rows = snap.rows_of(ids)
    there = at is not None and at - first < len(rows) and (rows[at - first][:2] == anchor)
    return Loaded(first, rows, total, at if there else None)


def _place_of(snap: Snapshot, query: Query, anchor: Place) -> int | None:
    """How many records stand before one; by another sort than the last change all are put in order for it."""
    number = snap.number(*anchor)
    if number is None:
        return None
    found = query.filter
    sort, descending, _ = SORTS[query.sort]
    if sort == "changed" and query.context is not None:
        return snap.before(found, number, descending)
    most = NEAR if sort == "changed" else None
    walk = snap.ids(found, sort, descending, most)
    return walk.index(number) if number in walk else None


def shown(store: Store, place: Place, ver: int | None = None) -> Shown | None:
    """A record whole, with what its references lead to; None where there is no such record."""
    try:
        found: Found = store.library.record(*place, ver)
    except NotFound:
        return None
    record: Any = None
    if found.raw is not None:
        try:
            record = records.loads(found.raw)
        except ValueError:
            record = found.raw.decode("utf-8", "replace")
    titles = _resolved(store, place[0], references(record)[:MOST_REFERENCES])
    versions = found.row.ver
    return Shown(found.row, record, titles, versions, len(found.raw or b""))


def _resolved(store: Store, context: str, wanted: Sequence[Reference]) -> dict[Reference, Row]:
    found: dict[Reference, Row] = {}
    for reference in dict.fromkeys(wanted):
        row = lookup(store, context, reference)
        if row is not None:
            found[reference] = row
    return found


def lookup(store: Store, context: str, reference: Reference) -> Row | None:
    """The live record a reference names by key, id or name; None where there is none such."""
    for word in _words(reference):
        try:
            return store.library.record(context, word).row
        except (ChartkeepError, ValueError):
            continue
    if not reference.kind:
        return None
    rows = store.library.rows(
        Filter(context=context, kinds=(reference.kind,), words=reference.word), limit=20
    )
    same = [row for row in rows if reference.word in (row.name, row.title)]
    return same[0] if same else None


def _words(reference: Reference) -> list[str]:
    kinds = [reference.kind] if reference.kind else []
    as_key = [reference.word] if ":" in reference.word else []
    return [*as_key, *(key_of(kind, reference.word) for kind in kinds)]


def with_form(query: Query, name: str, value: str) -> Query:
    """The query narrowed by one more form of the filter, or without it where it has it."""
    return query._replace(text=library_filter.added(query.text, library_filter.form(name, value)))
