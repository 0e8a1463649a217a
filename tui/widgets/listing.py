"""A drawn list of items with a detail column: activity, search hits, contexts, the errors log.

Items come as any sequence; only those on screen are ever looked at, so a sequence may fetch lazily.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.widgets.cells import clean, cut, fit, fit_right, width_of
from tui.widgets.drawn import Drawn, Piece
from tui.widgets.outline_draw import marked
from tui.widgets.outline_model import Key
from tui.widgets.signs import Signs, State


class Item(NamedTuple):
    """One line: sign, title, and a detail at the right. `key` is what outlives a refresh."""

    key: Key
    title: str
    detail: str = ""
    state: State = ""
    dim: bool = False
    bold: bool = False
    lead: str = ""
    """A column before the title, such as a time; all of one width."""


class Listing(Drawn):
    """Draws items with a cursor, which stays on its item over a refresh."""

    class Moved(Message):
        """The cursor stands on another item."""

        def __init__(self, listing: Listing, key: Key | None) -> None:
            super().__init__()
            self.listing = listing
            self.key = key

        @property
        def control(self) -> Listing:
            """The listing it came from."""
            return self.listing

    class Chosen(Moved):
        """Enter or a double click."""

    def __init__(
        self,
        items: Sequence[Item] = (),
        *,
        id: str | None = None,
        ascii_only: bool = False,
        mouse: bool = True,
        empty: Sequence[str] = (),
    ) -> None:
        """empty: lines to show where there are no items."""
        super().__init__(id=id, ascii_only=ascii_only, mouse=mouse)
        self.items = items
        self.empty = tuple(empty)
        self.highlight = ""
        self._cursor = 0

    @property
    def cursor(self) -> int:
        """The line the cursor is on."""
        return self._cursor

    @property
    def cursor_item(self) -> Item | None:
        """The item under the cursor."""
        return self.items[self._cursor] if self._cursor < len(self.items) else None

    def show(self, items: Sequence[Item], *, keep: bool = True, highlight: str = "") -> None:
        """Draw these items; with `keep` the cursor follows its item, else it goes to the first.

        highlight: text marked wherever it occurs in a title.
        """
        old = self.cursor_item
        was, before = self.items, self.top_line
        self.items, self.highlight = items, highlight.casefold()
        line = 0
        if keep:
            found = next((n for n, item in enumerate(items) if old and item.key == old.key), None)
            line = min(self._cursor, max(0, len(items) - 1)) if found is None else found
        shift, self._cursor = line - self._cursor, line
        self.set_lines(max(1, len(items)))
        if shift:
            self.jump(before + shift if keep else 0)
        self.keep_visible(line, len(items))
        if was is not items or shift or highlight:
            self.refresh()
        if (new := self.cursor_item) is None or old is None or new.key != old.key:
            self.post_message(self.Moved(self, new.key if new else None))

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, kept within the list."""
        line = max(0, min(line, len(self.items) - 1))
        old, self._cursor = self._cursor, line
        if old == line or not self.items:
            return
        self.redraw([old, line])
        self.keep_visible(line, len(self.items))
        self.post_message(self.Moved(self, self.items[line].key))

    def action_move(self, delta: int) -> None:
        """Move by lines."""
        self.move_to(self._cursor + delta)

    def action_page(self, delta: int) -> None:
        """Move by screens, the text with the cursor."""
        self._scroll_move(delta * max(1, self.page_lines - 2))

    def action_half_page(self, delta: int) -> None:
        """Move by half screens, the text with the cursor."""
        self._scroll_move(delta * max(1, self.page_lines // 2))

    def _scroll_move(self, lines: int) -> None:
        self.jump(self.top_line + lines)
        self.move_to(self._cursor + lines)

    def action_home(self) -> None:
        """To the first item."""
        self.move_to(0)

    def action_end(self) -> None:
        """To the last item."""
        self.move_to(len(self.items) - 1)

    def action_activate(self) -> None:
        """Post `Chosen` for the item under the cursor."""
        if (item := self.cursor_item) is not None:
            self.post_message(self.Chosen(self, item.key))

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self.set_lines(max(1, len(self.items)))
        self.keep_visible(self._cursor, len(self.items))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width, line = self.size.width, y + self.top_line
        if line >= len(self.items):
            text = self.empty[line] if not self.items and line < len(self.empty) else ""
            return self.strip([(cut(clean(text), width), "muted")], width)
        pieces = item_pieces(self.items[line], max(1, width - 1), self.signs, self.highlight)
        return self.strip(pieces, width, over="cursor" if line == self._cursor else "")

    async def _on_click(self, event: events.Click) -> None:
        """Click: move there; double: choose."""
        where = event.get_content_offset(self)
        if self.mouse and where is not None and self.top_line + where.y < len(self.items):
            event.stop()
            self.move_to(self.top_line + where.y)
            if event.chain == 2:
                self.action_activate()


def item_pieces(item: Item, width: int, signs: Signs, needle: str = "") -> list[Piece]:
    """An item on one line of exactly `width` cells; the detail gives way before the title does."""
    lead = cut(clean(item.lead) + " ", width // 3) if item.lead else ""
    sign = f"{signs.of(item.state)} "
    room = max(0, width - width_of(lead) - 2)
    detail = clean(item.detail)
    right = min(width_of(detail) + 2, max(0, room - min(width_of(clean(item.title)), max(12, room * 2 // 3))))
    right = right if right >= min(6, width_of(detail) + 2) else 0
    plain = "bold" if item.bold else "muted" if item.dim or item.state == "done" else ""
    title = marked(fit(clean(item.title), room - right, signs.ellipsis), plain, needle)
    tail = "  " + fit_right(detail, right - 2, signs.ellipsis) if right else ""
    return [(lead, "muted"), (sign, item.state), *title, (tail, "muted")]
