"""Finding a chart of any context by a few letters, and searching every text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from tui.screens.dialog import ListDialog
from tui.widgets.listing import Item
from tui.widgets.signs import State

if TYPE_CHECKING:
    from store.model import ChartRow, Hit
    from store.store import Store

LIMIT = 200


class SearchScreen(ListDialog[tuple[str, ...]]):
    """The chart to go to: (context, chart id, name); None for closed."""

    SEARCH = "words, or the beginnings of words"
    KEYS_TEXT = "enter goes there   esc closes"

    def __init__(self, *, charts_only: bool) -> None:
        super().__init__(empty=("", "  Type to search every context.", "  Nothing found shows nothing."))
        self.charts_only = charts_only

    def title_text(self) -> str:
        return "Jump to a chart" if self.charts_only else "Search all text"

    def start(self) -> None:
        self._ask("")

    def on_input_changed(self, message: Input.Changed) -> None:
        """Search again; only the newest request waits."""
        message.stop()
        self._ask(message.value.strip())

    def _ask(self, text: str) -> None:
        store, charts_only = self.desk.store, self.charts_only
        self.desk.bridge.read.ask(
            lambda: _found(store, text, charts_only), lambda items: self._show(items, text), name="search"
        )

    def _show(self, items: list[Item], text: str) -> None:
        if self.is_attached:
            self.list.show(items, keep=False, highlight=text)

    def action_choose(self) -> None:
        item = self.chosen
        if item is not None and isinstance(item.key, tuple):
            self.dismiss(item.key)


def _found(store: Store, text: str, charts_only: bool) -> list[Item]:
    """What holds the text: charts, or everything. Without a text, the charts changed last."""
    with store.snapshot() as snap:
        if not text:
            ids = list(snap.roots(None, sort="updated"))[:LIMIT]
            return [_chart_item(row) for row in snap.rows(ids) if row is not None]
        hits: list[Hit] = snap.search(text, limit=LIMIT)
    kinds = {"outcome", "desired_outcome", "chart", "structural_tension_chart", "title"}
    chosen = [hit for hit in hits if not charts_only or hit.kind in kinds]
    seen: set[tuple[str, ...]] = set()
    items = []
    for hit in chosen:
        key = (
            (hit.context, hit.chart_id)
            if charts_only
            else (hit.context, hit.chart_id, hit.name, hit.text[:40])
        )
        if key not in seen:
            seen.add(key)
            items.append(_hit_item(key, hit, charts_only))
    return items


def _chart_item(row: ChartRow) -> Item:
    return Item((row.context, row.chart_id), row.title, row.context, "done" if row.done else "")


def _hit_item(key: tuple[str, ...], hit: Hit, charts_only: bool) -> Item:
    state: State = "done" if hit.done else ""
    if charts_only:
        return Item(key, hit.title, hit.context, state)
    return Item(key, hit.text, f"{hit.title} · {hit.context}", state)
