"""What the panes ask of the store, as plain functions that run in the read lane.

Each takes the open store and plain values, makes one snapshot, and returns plain values:
nothing lazy, nothing that touches a widget.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock
from store.errors import NotFound
from store.model import ChartRow, ChartView, ContextInfo, StepRow
from tui.rows import Key, Look, any_row, chart_row
from tui.widgets.outline_model import Row

if TYPE_CHECKING:
    from store.store import Store

WINDOW = 120
"""Rows fetched with the first page; the rest come when they are scrolled to."""
UNFOLD_LIMIT = 4_000
"""Charts that `unfold everything` opens at most: more than anyone reads, and still at once."""
SAMPLED, MOST_SAMPLES = timedelta(days=90), 160
"""How far back the plots of the health pane go, and the points they are drawn from."""


class Query(NamedTuple):
    """What the outline shows."""

    context: str | None = None
    """None for all contexts together."""
    scope: Key | None = None
    """Chart the outline is rooted at."""
    text: str = ""
    """Filter; empty for none."""
    sort: str = "file"
    hide_done: bool = False


class Page(NamedTuple):
    """The outline as it stands: all top row ids, and the rows that are seen at once."""

    query: Query
    ids: array[int]
    rows: dict[int, Row]
    children: dict[Key, list[Row]]
    charts: dict[Key, Key]
    """Chart that a step telescoped into, by the step's key."""
    trail: tuple[tuple[Key, str], ...] = ()
    """Way from outside to the scope: (chart, title)."""


def contexts(store: Store) -> list[ContextInfo]:
    """The contexts with their figures."""
    return store.contexts.info()


def page(
    store: Store,
    query: Query,
    look: Look,
    opened: Iterable[Key] = (),
    first: int = 0,
    *,
    unfold_all: bool = False,
) -> Page:
    """The outline for `query`, with the children of the `opened` rows and a window of rows from `first`."""
    with store.snapshot() as snap:
        ids = _ids(snap, query)
        window = list(ids[first : first + WINDOW]) if first < len(ids) else list(ids[:WINDOW])
        rows = dict(zip(window, _rows(snap, window, look), strict=True))
        walk = _Walk(snap, look, {tuple(key) for key in opened})
        if unfold_all:
            walk.everything(list(ids[:UNFOLD_LIMIT]))
        else:
            walk.opened_charts(query.scope)
        trail = _trail(snap, query.scope)
    shown = {row_id: row for row_id, row in rows.items() if row is not None}
    return Page(query, ids, shown, walk.children, walk.charts, trail)


def locate(
    store: Store, query: Query, look: Look, chart: Key, opened: Iterable[Key] = ()
) -> tuple[Page, Key]:
    """A page on which a chart is visible, and the row it is on: its own, or that of the step it came from."""
    with store.snapshot() as snap:
        way = [above for above, _ in snap.trail(chart[0], chart[1])] + [chart[1]]
        if query.scope is not None and query.scope[1] in way:
            way = way[way.index(query.scope[1]) :]
        else:
            query = query._replace(scope=None)
        at: Key = (chart[0], way[0])
        unfolded = []
        for above, below in pairwise(way):
            unfolded.append(at)
            at = _row_of(snap, (chart[0], above), below)
        ids = _ids(snap, query)
        root = snap.rowid(chart[0], way[0])
    first = ids.index(root) if root is not None and root in ids else 0
    return page(store, query, look, [*opened, *unfolded], max(0, first - WINDOW // 2)), at


def _row_of(snap: Any, above: Key, chart_id: str) -> Key:
    """The row of a sub-chart below its parent."""
    for row in snap.unfolding(above[0], above[1]):
        if isinstance(row, StepRow) and row.child == chart_id:
            return (row.context, row.chart_id, row.name)
    return (above[0], chart_id)


def fetch(store: Store, ids: Sequence[int], look: Look) -> list[Row | None]:
    """Rows for the ids that came into view."""
    with store.snapshot() as snap:
        return _rows(snap, ids, look)


def children(store: Store, chart: Key, look: Look) -> tuple[list[Row], dict[Key, Key]]:
    """The rows below a chart, and the charts its steps telescoped into."""
    with store.snapshot() as snap:
        walk = _Walk(snap, look, set())
        return walk.rows_below(chart), walk.charts


def chart(store: Store, key: Key) -> ChartView:
    """One chart whole. Raises NotFound where it is gone."""
    return store.chart(key[0], key[1])


def charts(store: Store, keys: Sequence[Key]) -> list[ChartView]:
    """Several charts; those that are gone are left out."""
    found = []
    for key in keys:
        with suppress(NotFound):
            found.append(store.chart(key[0], key[1]))
    return found


def _ids(snap: Any, query: Query) -> array[int]:
    if query.scope is not None:
        row_id = snap.rowid(query.scope[0], query.scope[1])
        return array("q", () if row_id is None else (row_id,))
    names = None if query.context is None else [query.context]
    if query.text:
        return array("q", snap.matching(query.text, names))
    return array("q", snap.roots(names, sort=query.sort, hide_done=query.hide_done))


def _rows(snap: Any, ids: Sequence[int], look: Look) -> list[Row | None]:
    found: list[ChartRow | None] = snap.rows(ids)
    return [None if row is None else chart_row(row, look) for row in found]


def _trail(snap: Any, scope: Key | None) -> tuple[tuple[Key, str], ...]:
    if scope is None:
        return ()
    context, chart_id = scope[0], scope[1]
    row = snap.chart(context, chart_id)
    way = tuple(((context, above), title) for above, title in snap.trail(context, chart_id))
    return way if row is None else (*way, ((context, chart_id), row.title))


class _Walk:
    """Collects the rows below unfolded charts, going down only where something is open."""

    def __init__(self, snap: Any, look: Look, opened: set[Key]) -> None:
        self._snap = snap
        self._look = look
        self._opened = opened
        self.children: dict[Key, list[Row]] = {}
        self.charts: dict[Key, Key] = {}

    def rows_below(self, chart: Key) -> list[Row]:
        """The rows of a chart's steps and child charts."""
        found: list[ChartRow | StepRow] = self._snap.unfolding(chart[0], chart[1])
        for row in found:
            if isinstance(row, StepRow) and row.child:
                self.charts[(row.context, row.chart_id, row.name)] = (row.context, row.child)
        return [any_row(row, self._look) for row in found]

    def opened_charts(self, scope: Key | None) -> None:
        """Everything unfolded: charts by their own keys, steps found on the way down."""
        for key in [*self._opened, *([scope] if scope else [])]:
            if len(key) == 2:
                self._down(key, key, everything=False)

    def everything(self, ids: list[int]) -> None:
        """Every chart of `ids` and all below, up to the limit."""
        for row in self._snap.rows(ids):
            if row is not None and row.children and len(self.children) < UNFOLD_LIMIT:
                key = (row.context, row.chart_id)
                self._down(key, key, everything=True)

    def _down(self, key: Key, chart: Key, *, everything: bool) -> None:
        todo = [(key, chart)]
        while todo and len(self.children) < UNFOLD_LIMIT:
            key, chart = todo.pop()
            if key in self.children:
                continue
            rows = self.rows_below(chart)
            if not rows:
                continue
            self.children[key] = rows
            for row in rows:
                below = tuple(row.key)
                if row.children and (everything or below in self._opened):
                    todo.append((below, self.charts.get(below, below)))


def status(store: Store) -> dict[str, Any]:
    """The store's status; its growth by minute where there is but one day of it. `series` holds
    (instant, value) by figure, from the samples of the last months.
    """
    found = dict(store.status())
    found["series"] = _series(store)
    if len(found["growth"]) < 2:
        with store.snapshot() as snap:
            found["growth"] = [row for row in snap.growth(minutes=True) if row["versions"]]
    return found


def _series(store: Store) -> dict[str, list[tuple[datetime, float]]]:
    from store.upkeep.health import metrics

    found: dict[str, list[tuple[datetime, float]]] = {}
    for sample in metrics.samples(store, clock.now() - SAMPLED, MOST_SAMPLES):
        for name, value in sample.figures.items():
            found.setdefault(name, []).append((sample.at, value))
    return found
