"""The hierarchy: charts and steps of a context, or of a chart telescoped into."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from tui import reading
from tui.panes.base import Pane
from tui.reading import Page, Query
from tui.rows import Key, Look
from tui.widgets.outline import Outline
from tui.widgets.outline_messages import (
    Activated,
    CursorMoved,
    FoldAllRequested,
    Folded,
    FoldRequested,
    NeedRows,
    SelectionChanged,
)
from tui.widgets.outline_model import Row


class OutlinePane(Pane):
    """Keeps the query that is shown, and asks for pages of it."""

    TITLE = "Charts"

    class CursorOn(Message):
        """The cursor stands on a row; `repeat` while a key is held."""

        def __init__(self, key: Key | None, repeat: bool) -> None:
            super().__init__()
            self.key = key
            self.repeat = repeat

    class Entered(Message):
        """Enter on a row."""

        def __init__(self, key: Key) -> None:
            super().__init__()
            self.key = key

    class Shown(Message):
        """Another page is shown: its query, and the way to its scope."""

        def __init__(self, page: Page) -> None:
            super().__init__()
            self.page = page

    def __init__(self, *, id: str, mouse: bool) -> None:
        super().__init__(id=id)
        self.outline = Outline(id="outline", mouse=mouse)
        self.query_now = Query()
        self.look: Look | None = None
        self.charts: dict[Key, Key] = {}
        self.total = 0
        self.trail: tuple[tuple[Key, str], ...] = ()
        self._cursor_wanted: Key | None = None
        self._also: tuple[Key, ...] = ()
        self._ids: array[int] = array("q")
        self._children: dict[Key, list[Row]] = {}
        self._unfolded: set[Key] = set()
        """What is unfolded, in this query and in those shown before."""

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.outline

    @property
    def body(self) -> Outline:
        return self.outline

    # -- showing -----------------------------------------------------------------------------------

    def fresh_look(self) -> Look:
        """States are judged by the present day and the settings."""
        self.look = Look.now(self.desk.config.settings, contexts=self.query_now.context is None)
        return self.look

    def remember_unfolded(self, keys: Iterable[Key]) -> None:
        """Take over what was unfolded the last time."""
        self._unfolded.update(keys)

    def show_page(self, page: Page, cursor: Key | None = None) -> None:
        """Show a page that is another one than before; the cursor goes to `cursor` where it is there."""
        self._cursor_wanted = None
        self.query_now = page.query
        self._take(page)
        self.outline.highlight = page.query.text
        self.outline.load(page.ids)
        self.outline.supply(list(page.rows), page.rows.values())
        if page.children:
            self.outline.unfold_many(by_key(page))
        if cursor is not None and self.outline.cursor_key != cursor and not self.outline.reveal(cursor):
            self._cursor_wanted = cursor
        self.post_message(self.Shown(page))

    def ask(self, query: Query, cursor: Key | None = None, opened: Iterable[Key] | None = None) -> None:
        """Fetch and show another query; folds stay where they apply."""
        look = Look.now(self.desk.config.settings, contexts=query.context is None)
        self.look = look
        open_keys = self.unfolded_keys() if opened is None else list(opened)
        store = self.desk.store
        self.desk.bridge.read.ask(
            lambda: reading.page(store, query, look, open_keys),
            lambda page: self.show_page(page, cursor),
            name="query",
        )

    def refresh_page(self, cursor: Key | None = None, opened: Iterable[Key] = ()) -> None:
        """Fetch the same query again after a change; the cursor stays on its row, or goes to `cursor`."""
        query, look, store = self.query_now, self.fresh_look(), self.desk.store
        open_keys = [*self.open_keys(), *opened, *self._also]
        first = self.outline.model.top_position(max(0, self.outline.top_line))
        self._cursor_wanted = cursor or self._cursor_wanted
        self.desk.bridge.read.ask(
            lambda: reading.page(store, query, look, open_keys, first), self._replace, name="outline"
        )

    def also_open(self, keys: tuple[Key, ...]) -> None:
        """Unfold these rows, too, where they are not: something was added below them."""
        missing = tuple(key for key in keys if key not in self.open_keys())
        if missing:
            self._also = missing
            self.refresh_page()

    def go_out(self, scope: Key | None, inside: Key) -> None:
        """Root the outline further out, with the way to the chart `inside` unfolded and the cursor on it."""
        self.jump(inside, self.query_now._replace(scope=scope, text=""))

    def jump(self, chart: Key, query: Query | None = None) -> None:
        """Go to a chart wherever it is: another context, another scope, folded away."""
        if query is None:
            context = self.query_now.context
            query = self.query_now._replace(
                context=context if context in (None, chart[0]) else chart[0],
                scope=None,
                text="",
                hide_done=False,
            )
        look = Look.now(self.desk.config.settings, contexts=query.context is None)
        self.look = look
        store, opened = self.desk.store, self.unfolded_keys()
        self.desk.bridge.read.ask(
            lambda: reading.locate(store, query, look, chart, opened),
            lambda found: self.show_page(found[0], found[1]),
            name="query",
        )

    def _replace(self, page: Page) -> None:
        if page.query != self.query_now:
            self.refresh_page()
            return
        if page.query.scope is not None and not page.ids:
            self.ask(page.query._replace(scope=None))
            return
        if not self._is_shown(page):
            self._take(page)
            self.outline.replace(page.ids, rows=page.rows, children=by_key(page))
            self.post_message(self.Shown(page))
        self._also = tuple(key for key in self._also if key not in page.children)
        if self._cursor_wanted is not None and self.outline.reveal(self._cursor_wanted):
            self._cursor_wanted = None

    def _is_shown(self, page: Page) -> bool:
        """Whether the outline shows this very page already: then nothing is painted again."""
        model = self.outline.model
        return (
            page.query == self.query_now
            and page.trail == self.trail
            and page.ids == self._ids
            and page.children == self._children
            and all(model.rows.get(row_id) == row for row_id, row in page.rows.items())
        )

    def _take(self, page: Page) -> None:
        self.charts.update(page.charts)
        self.total = len(page.ids)
        self._ids, self._children = page.ids, page.children
        self.trail = page.trail
        self.outline.empty = self._empty(page.query)

    def _empty(self, query: Query) -> tuple[str, ...]:
        """What to press where there is nothing to show."""
        key = self.desk.keymap.first
        if query.text:
            return ("", f"  Nothing holds “{query.text}”.", f"  {key('find.clear')} shows everything again.")
        if self.desk.readonly:
            return ("", "  No charts here.", f"  {key('context.next')} goes to the next context.")
        return (
            "",
            "  No charts here yet.",
            f"  {key('chart.add_line')} starts one in a line,",
            f"  {key('chart.add')} with a form.",
            f"  {key('show.help')} shows every key.",
        )

    def open_keys(self) -> list[Key]:
        """Keys of the rows that are unfolded."""
        return [_key(key) for key in self.outline.model.open_keys()]

    def unfolded_keys(self) -> list[Key]:
        """Everything the person unfolded and did not fold since, shown at the moment or not."""
        self._unfolded.update(self.open_keys())
        return list(self._unfolded)

    # -- what the person points at -----------------------------------------------------------------

    @property
    def key(self) -> Key | None:
        """The row under the cursor."""
        key = self.outline.cursor_key
        return None if key is None else _key(key)

    def near(self, reach: int) -> list[Key]:
        """Keys of the charts around the cursor, nearest first: what the next moves will show."""
        model, at = self.body.model, self.body.cursor
        steps = (sign * distance for distance in range(1, reach + 1) for sign in (1, -1))
        found = (model.key(at + step) for step in steps if 0 <= at + step < len(model))
        return list(dict.fromkeys((key[0], key[1]) for key in found if isinstance(key, tuple)))

    @property
    def row(self) -> Row | None:
        """The row under the cursor, as it is drawn."""
        return self.outline.cursor_row

    def targets(self) -> list[Key]:
        """The selected rows, else the one under the cursor."""
        selected = [_key(key) for key in self.outline.model.selected_keys()]
        return selected or ([self.key] if self.key else [])

    def chart_of(self, key: Key) -> Key:
        """The chart a row opens: itself, or the one its step telescoped into; else the one that holds it."""
        return key if len(key) == 2 else self.charts.get(key, key[:2])

    # -- what the widget asks ----------------------------------------------------------------------

    @on(NeedRows)
    def _need_rows(self, message: NeedRows) -> None:
        message.stop()
        store, ids, look = self.desk.store, message.ids, self.look or self.fresh_look()
        self.desk.bridge.read.ask(
            lambda: reading.fetch(store, ids, look), lambda rows: self.outline.supply(ids, rows)
        )

    @on(FoldRequested)
    def _fold_requested(self, message: FoldRequested) -> None:
        message.stop()
        self.unfold(_key(message.key))

    def unfold(self, key: Key) -> None:
        """Fetch the rows below a row and show them."""
        store, look, chart = self.desk.store, self.look or self.fresh_look(), self.chart_of(key)

        def show(found: tuple[list[Row], dict[Key, Key]]) -> None:
            rows, charts = found
            self.charts.update(charts)
            self._children = {**self._children, key: rows}
            self.outline.unfold(key, rows)

        self.desk.bridge.read.ask(lambda: reading.children(store, chart, look), show)

    @on(FoldAllRequested)
    def _fold_all_requested(self, message: FoldAllRequested) -> None:
        message.stop()
        store, query, look = self.desk.store, self.query_now, self.fresh_look()

        def show(page: Page) -> None:
            self.charts.update(page.charts)
            self.outline.unfold_many(by_key(page))
            if len(page.children) >= reading.UNFOLD_LIMIT:
                self.desk.say(
                    f"Unfolded the first {reading.UNFOLD_LIMIT:,} charts; the rest unfold one by one."
                )

        self.desk.bridge.read.ask(
            lambda: reading.page(store, query, look, unfold_all=True), show, name="unfold-all"
        )

    @on(CursorMoved)
    def _cursor_moved(self, message: CursorMoved) -> None:
        message.stop()
        self.post_message(self.CursorOn(None if message.key is None else _key(message.key), message.repeat))

    @on(Activated)
    def _activated(self, message: Activated) -> None:
        message.stop()
        self.post_message(self.Entered(_key(message.key)))

    @on(SelectionChanged)
    def _selection_changed(self, message: SelectionChanged) -> None:
        message.stop()
        self.sum_up()

    @on(Folded)
    def _folded(self, message: Folded) -> None:
        message.stop()
        opened = set(self.open_keys())
        shown = {
            _key(row.key) for row_id in self.outline.model.ids if (row := self.outline.model.rows.get(row_id))
        }
        self._unfolded = {key for key in self._unfolded if key not in shown} | opened
        self._children = {key: rows for key, rows in self._children.items() if key in opened}

    def sum_up(self) -> None:
        """Say in the heading how many there are, and what narrows or orders them."""
        query = self.query_now
        parts = []
        if selected := len(self.outline.model.selected):
            parts.append(f"{selected} selected{', range' if self.outline.ranging else ''}")
        if query.text:
            parts.append(f"/{query.text}: {self.total:,}")
        elif query.scope is None:
            parts.append(f"{self.total:,}")
        if query.hide_done:
            parts.append("open only")
        if query.sort != "file":
            parts.append(f"by {query.sort}")
        self.heading.show(" · ".join(parts))


def by_key(page: Page) -> dict[str | Key, list[Row]]:
    """The children of a page, as the widget's wider type of keys wants them."""
    found: dict[str | Key, list[Row]] = {}
    for key, rows in page.children.items():
        found[key] = rows
    return found


def _key(key: object) -> Key:
    return key if isinstance(key, tuple) else (str(key),)
