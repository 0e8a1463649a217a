"""The outline without its keys: what it is given, what it asks for, where its cursor is, how it is drawn.

A cursor move repaints two lines and nothing else; rows are asked for by window with `NeedRows`
and given with `supply`; until then a dim placeholder stands in their place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from textual.strip import Strip

from tui.widgets import outline_messages
from tui.widgets.cells import clean, cut
from tui.widgets.drawn import Drawn, Piece
from tui.widgets.outline_draw import Place, row_pieces
from tui.widgets.outline_model import Key, OutlineModel, Row

REPEAT_S = 0.075
"""Moves closer together than this come from a held key."""


class OutlineCore(Drawn):
    """What is shown and where the cursor is. All state beside cursor and scroll is in `model`."""

    CursorMoved = outline_messages.CursorMoved
    Activated = outline_messages.Activated
    NeedRows = outline_messages.NeedRows
    FoldRequested = outline_messages.FoldRequested
    FoldAllRequested = outline_messages.FoldAllRequested
    Folded = outline_messages.Folded
    SelectionChanged = outline_messages.SelectionChanged

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        ascii_only: bool = False,
        mouse: bool = True,
        empty: Sequence[str] = (),
    ) -> None:
        """empty: lines to show where there is nothing (what to press)."""
        super().__init__(id=id, classes=classes, ascii_only=ascii_only, mouse=mouse)
        self.model = OutlineModel()
        self.empty: tuple[str, ...] = tuple(empty)
        self.wanted: set[Key] = set()
        self._cursor = 0
        self._anchor: int | None = None
        self._ranging = False
        self._highlight = ""
        self._strips: dict[tuple[int, str], Strip] = {}
        self._strips_width = 0
        self._asked: set[int] = set()
        self._asking = False
        self._moved_at = 0.0
        self.at_once: Callable[[Key | None], None] | None = None
        """Called within the key press, before the message, for what is to be drawn in the same frame."""
        self._moved_by = 0

    # ------------------------------------------------------------------ what is shown

    @property
    def cursor(self) -> int:
        """The line the cursor is on; 0 where there are no rows."""
        return self._cursor

    @property
    def cursor_key(self) -> Key | None:
        """The identity of the row under the cursor, where it is known."""
        return self.model.key(self._cursor)

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor, where it is known."""
        return self.model.row(self._cursor)

    @property
    def highlight(self) -> str:
        """Text marked wherever it occurs in a title (case does not count)."""
        return self._highlight

    @highlight.setter
    def highlight(self, text: str) -> None:
        text = text.casefold()
        if text != self._highlight:
            self._highlight = text
            self._all_changed()

    def load(self, ids: Iterable[int], cursor: int = 0) -> None:
        """Show other top rows (a context, a filter): folds and selection start anew."""
        self.model.load(ids)
        self._cursor = max(0, min(cursor, len(self.model) - 1))
        self._anchor, self._ranging = None, False
        self._asked.clear()
        self._lines_changed(moved=True)

    def show(self, rows: Sequence[Row]) -> None:
        """Show a list that is small and known whole; the cursor stays on its row."""
        ids = self.model._intern(rows)
        old = self._cursor
        self._cursor = self.model.replace(ids, cursor=old)
        self.set_top(old, self._cursor)

    def supply(self, at: int | Sequence[int], rows: Iterable[Row | None]) -> None:
        """Give rows that were asked for: by top position, or by the ids of the request."""
        under = self.cursor_key
        changed = set(self.model.supply(at, rows))
        self._asked.difference_update(at if not isinstance(at, int) else changed)
        for known in [cell for cell in self._strips if cell[0] in changed]:
            del self._strips[known]
        top = self.top_line
        window = self.model.ids[top : top + self.size.height]
        self.redraw([top + n for n, row_id in enumerate(window) if row_id in changed])
        self._unfold_wanted(window)
        if self.cursor_key != under:
            self._tell()

    def unfold(self, key: Key, children: Iterable[Row]) -> None:
        """Show the children of a row below it (the answer to `FoldRequested`, or fresh ones)."""
        done = self.model.unfold(key, children)
        if done is None:
            return
        line, added = done
        self.wanted.discard(key)
        if self._cursor > line:
            old = self._cursor
            self._cursor = max(line, old + added)
            if line < self.top_line:
                self.jump(self.top_line + added)
        self._lines_changed(start=line)
        self.post_message(self.Folded(self))

    def unfold_many(self, children: Mapping[Key, Sequence[Row]]) -> None:
        """Unfold many rows at once; the cursor stays on its row."""
        before, old, key = self.model.ids, self._cursor, self.cursor_key
        self.model.unfold_many(children)
        self._cursor = self.model._nearest(before, old, key)
        self.set_top(old, self._cursor)
        self.post_message(self.Folded(self))

    def replace(
        self,
        ids: Iterable[int],
        *,
        rows: Mapping[int, Row] | None = None,
        children: Mapping[Key, Sequence[Row]] | None = None,
    ) -> None:
        """Take in a change from outside: cursor, scroll offset, folds and selection stay on their rows."""
        old, key = self._cursor, self.cursor_key
        self._asked.clear()
        self._cursor = self.model.replace(ids, rows=rows, children=children, cursor=old)
        self._anchor, self._ranging = None, False
        self.set_top(old, self._cursor)
        if self.cursor_key != key:
            self._tell()

    def set_top(self, old: int, new: int) -> None:
        """Keep the cursor on the same line of the screen though its row moved from `old` to `new`."""
        top = self.top_line + new - old
        self.set_lines(max(1, len(self.model)))
        if top != self.top_line:
            self.jump(top)
        self._lines_changed()

    def reveal(self, key: Key) -> bool:
        """Put the cursor on a row; False where it is not visible (folded away, filtered out)."""
        line = self.model.line_of(key)
        if line is None:
            return False
        self.move_to(line)
        return True

    def _lines_changed(self, start: int = 0, *, moved: bool = False) -> None:
        """Lines from `start` on are others now."""
        self.set_lines(max(1, len(self.model)))
        self._cursor = max(0, min(self._cursor, len(self.model) - 1))
        self.keep_visible(self._cursor, len(self.model))
        if start > self.top_line:
            bottom = self.top_line + self.size.height
            self._strips.clear()
            self.redraw(range(start, bottom))
        else:
            self._all_changed()
        self._ask_soon()
        if moved:
            self._tell()

    def _all_changed(self) -> None:
        self._strips.clear()
        self.refresh()

    def forget_lines(self) -> None:
        """Drop cached strips."""
        self._strips.clear()

    def on_resize(self) -> None:
        """Keep the cursor in view and ask for the rows a taller widget shows."""
        self._strips.clear()
        self.set_lines(max(1, len(self.model)))
        self.keep_visible(self._cursor, len(self.model))
        self._ask_soon()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for rows that came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._ask_soon()

    # ------------------------------------------------------------------ asking

    def _ask_soon(self) -> None:
        """Ask once the present handler is done: it may be about to supply what is missing."""
        if not self._asking and self.is_running:
            self._asking = True
            self.call_next(self._ask)

    def _ask(self) -> None:
        """Ask for unknown rows around the screen, once each, and for two screens more while at it."""
        self._asking = False
        height = self.size.height
        if not height:
            return
        top, model = self.top_line, self.model
        near = model.missing(top - height // 2, top + height + height // 2)
        if not near or self._asked.issuperset(near):
            return
        lo, hi = max(0, top - 2 * height), min(len(model), top + 3 * height)
        ids = tuple(i for i in model.missing(lo, hi) if i >= 0 and i not in self._asked)
        self._asked.update(ids)
        if ids:
            self.post_message(self.NeedRows(self, model.top_position(lo), model.top_position(hi), ids))

    def _unfold_wanted(self, window: Sequence[int]) -> None:
        """Ask for the children of rows that the session remembers as unfolded, as they come into view."""
        if not self.wanted:
            return
        for row_id in window:
            row = self.model.rows.get(row_id)
            if row and row.children and row.key in self.wanted and row_id not in self.model.opened:
                self.post_message(self.FoldRequested(self, row.key))

    # ------------------------------------------------------------------ moving

    def move_to(self, line: int, *, select: bool = False) -> None:
        """Put the cursor on a line (kept within the list); `select` extends the selection up to it."""
        line = max(0, min(line, len(self.model) - 1))
        old = self._cursor
        if select or self._ranging:
            self._extend(old, line)
        elif self._anchor is not None:
            self._anchor = None
        if line == old:
            return
        now = time.monotonic()
        step = line - old
        repeat = now - self._moved_at < REPEAT_S and (step > 0) == (self._moved_by > 0)
        self._moved_at, self._moved_by = now, step
        self._cursor = line
        self.redraw([old, line])
        self.keep_visible(line, len(self.model))
        if self.at_once is not None and not repeat:
            self.at_once(self.cursor_key)
        self.post_message(self.CursorMoved(self, self.cursor_key, repeat))

    def _tell(self) -> None:
        self.post_message(self.CursorMoved(self, self.cursor_key, False))

    @property
    def ranging(self) -> bool:
        """Whether every move of the cursor extends the selection."""
        return self._ranging

    def set_range(self, on: bool) -> None:
        """Begin a range at the cursor's row, or end it; what is selected stays."""
        self._ranging, self._anchor = on and bool(len(self.model)), None
        if self._ranging:
            self._extend(self._cursor, self._cursor)

    def _extend(self, old: int, new: int) -> None:
        if not len(self.model):
            return
        if self._anchor is None:
            self._anchor = old
        before = set(self.model.selected)
        for line in range(min(self._anchor, old), max(self._anchor, old) + 1):
            self.model.selected.discard(self.model.ids[line])
        self.model.select_range(self._anchor, new)
        self._selection_changed(before ^ self.model.selected)

    def _selection_changed(self, ids: set[int]) -> None:
        if not ids:
            return
        for cell in [cell for cell in self._strips if cell[0] in ids]:
            del self._strips[cell]
        top = self.top_line
        self.redraw([top + n for n, i in enumerate(self.model.ids[top : top + self.size.height]) if i in ids])
        self.post_message(self.SelectionChanged(self))

    # ------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        """One line of the screen, from the cache where it can be."""
        width, height = self.size
        line = y + self.top_line
        count = len(self.model)
        if line >= count:
            text = self.empty[line] if not count and line < len(self.empty) else ""
            return self.strip([(cut(clean(text), width), "muted")], width)
        thumb = self._thumb(y, height, count)
        if line == self._cursor:
            return self.strip(self._row_pieces(line, width, thumb), width, over="cursor")
        if width != self._strips_width:
            self._strips.clear()  # painted before the news of the size came
            self._strips_width = width
        cell = (self.model.ids[line], thumb)
        strip = self._strips.get(cell)
        if strip is None:
            if len(self._strips) > 4096:
                self._strips.clear()
            strip = self._strips[cell] = self.strip(self._row_pieces(line, width, thumb), width)
        return strip

    def _thumb(self, y: int, height: int, count: int) -> str:
        """The last cell of a line: where in a longer list the screen is."""
        if count <= height:
            return ""
        size = max(1, height * height // count)
        at = (height - size) * self.top_line // (count - height)
        return self.signs.thumb if at <= y < at + size else " "

    def _row_pieces(self, line: int, width: int, thumb: str) -> list[Piece]:
        """What a line shows."""
        model = self.model
        at = Place(model.depths[line], model.is_open(line), model.ids[line] in model.selected)
        return row_pieces(model.row(line), at, width, self.signs, thumb=thumb, needle=self._highlight)
