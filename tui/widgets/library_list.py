"""The records of the library: a list of any length, drawn a screen at a time, with selected ones marked.

Rows that are not held yet are drawn as a mark and asked for with `Wanted`; whoever answers it calls
`fill`. Nothing here depends on how many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from textual.message import Message
from textual.strip import Strip

from store import clock
from store.knowledge.kinds import kind_of
from store.knowledge.model import Row
from tui.widgets.cells import clean, cut, fit, fit_right, width_of
from tui.widgets.drawn import Piece
from tui.widgets.library_pages import Mapped, Pages
from tui.widgets.listing import Item, Listing
from tui.widgets.outline_draw import marked
from tui.widgets.signs import Signs, short_date

Place = tuple[str, str]

WIDE = 90
"""Cells from which tags stand beside the titles."""


class RecordList(Listing):
    """Rows with a cursor that stays on its record while others change the list."""

    class Wanted(Message):
        """Rows came into view that are not held: from `first` on."""

        def __init__(self, first: int) -> None:
            super().__init__()
            self.first = first

        def can_replace(self, message: Message) -> bool:
            """Only what is in view now matters."""
            return isinstance(message, RecordList.Wanted)

    def __init__(self, *, id: str | None = None, mouse: bool = True, ascii_only: bool = False) -> None:
        super().__init__(id=id, mouse=mouse, ascii_only=ascii_only)
        self.pages: Pages[Row] = Pages()
        self.items: Sequence[Item] = Mapped(self.pages, _item)
        self.selected: dict[Place, None] = {}
        self.columns = Columns()
        self._words: tuple[str, ...] = ()
        self._asked = False

    # ------------------------------------------------------------------ rows

    @property
    def row(self) -> Row | None:
        """The row under the cursor, where it is held."""
        return self.pages.get(self.cursor)

    @property
    def place(self) -> Place | None:
        """(context, key) of the record under the cursor."""
        row = self.row
        return None if row is None else (row.context, row.key)

    def begin(self, count: int, first: int, rows: Sequence[Row], cursor: int = 0, *, keep: bool) -> None:
        """Show another list, or with `keep` the same one anew, with the cursor on that line."""
        before, top = self.place, self.top_line
        self.pages = Pages(count)
        self.pages.put(first, rows)
        self.items = Mapped(self.pages, _item)
        shift = cursor - self.cursor
        self._cursor = max(0, min(cursor, count - 1))
        self.set_lines(max(1, count))
        self.jump(top + shift if keep else 0)
        self.keep_visible(self._cursor, count)
        self.refresh()
        if self.place != before:
            self._tell()

    def fill(self, first: int, rows: Sequence[Row], count: int | None = None) -> None:
        """Take in rows that were wanted."""
        self._asked = False
        lacked = self.row is None
        if count is not None and count != self.pages.count:
            self.pages.count = count
            self._cursor = max(0, min(self._cursor, count - 1))
            self.set_lines(max(1, count))
        self.pages.put(first, rows)
        self.refresh()
        if lacked and self.row is not None:
            self._tell()

    def not_filled(self) -> None:
        """What was wanted could not be had: it may be wanted again."""
        self._asked = False

    def _tell(self) -> None:
        self.post_message(self.Moved(self, self.place))

    # ------------------------------------------------------------------ selection

    def toggle(self, times: int = 1) -> None:
        """Select or unselect the record under the cursor and go on to the next."""
        for _ in range(times):
            place = self.place
            if place is None:
                return
            if place in self.selected:
                del self.selected[place]
            else:
                self.selected[place] = None
            self.redraw([self.cursor])
            if self.cursor + 1 >= len(self.items):
                return
            self.move_to(self.cursor + 1)

    def unselect(self, places: Iterable[Place] | None = None) -> None:
        """Select nothing any more, or these not."""
        for place in list(self.selected) if places is None else places:
            self.selected.pop(place, None)
        self.refresh()

    # ------------------------------------------------------------------ drawing

    def mark(self, words: str) -> None:
        """Mark these words in the titles."""
        self.highlight = words.casefold().split()[0] if words.split() else ""

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        line = y + self.top_line
        if line >= len(self.items):
            return super().render_line(y)
        width = self.size.width
        row = self.pages.get(line)
        if row is None:
            self._want()
            pieces: list[Piece] = [(f"  {self.signs.ellipsis}", "muted")]
        else:
            chosen = (row.context, row.key) in self.selected
            pieces = self.columns.pieces(row, max(1, width - 1), self.signs, chosen, self.highlight)
        return self.strip(pieces, width, over="cursor" if line == self.cursor else "")

    def _want(self) -> None:
        if not self._asked:
            self._asked = True
            self.call_after_refresh(self.ask)

    def ask(self) -> None:
        """Ask for what is in view, and some more of it."""
        self.post_message(self.Wanted(max(0, self.top_line - self.page_lines)))


class Columns:
    """Which columns the rows have besides their titles, and how they are drawn."""

    def __init__(self, *, kinds: bool = True, contexts: bool = False, created: bool = False) -> None:
        """kinds: say what each record is. created: show when it was made, not when it was changed."""
        self.kinds, self.contexts, self.created = kinds, contexts, created
        self._today = clock.today()

    def pieces(self, row: Row, width: int, signs: Signs, chosen: bool, needle: str = "") -> list[Piece]:
        """A row on one line of exactly `width` cells; its kind gives way before its title does."""
        right = "  ".join(part for part in self._right(row, width) if part)
        right = f"  {right}" if right else ""
        room = max(1, width - 2 - width_of(right))
        sign = signs.selected if chosen else "×" if row.deleted else " "
        tags = ""
        if width >= WIDE and row.tags:
            tags = "  " + cut(clean(" ".join(row.tags)), room // 3)
        style = "bold" if chosen else "muted" if row.deleted else ""
        title = marked(fit(clean(row.title), room - width_of(tags), signs.ellipsis), style, needle)
        return [(f"{sign} ", "stalled" if chosen else "muted"), *title, (tags, "muted"), (right, "muted")]

    def _right(self, row: Row, width: int) -> list[str]:
        when = self.when(row)
        quality = "" if row.quality is None else f"{row.quality:.2f}"
        kind = kind_of(row.kind).title if kind_of(row.kind).code else clean(row.kind)
        return [
            fit(cut(kind, 14), 14) if self.kinds and width >= 56 else "",
            fit(cut(clean(row.context), 10), 10) if self.contexts and width >= 46 else "",
            fit_right(quality, 5) if width >= 34 else "",
            fit_right(when, 10) if width >= 40 else "",
        ]

    def when(self, row: Row) -> str:
        """When the record was changed or made, in as few cells as say it."""
        text = row.created if self.created else row.changed_at
        instant = clock.try_parse(text)
        return short_when(instant, self._today) if instant is not None else clean(text or "")


def short_when(instant: datetime, today: date) -> str:
    """The time of an instant of today, else its day."""
    local = instant.astimezone()
    return f"{local:%H:%M}" if local.date() == today else short_date(local.date().isoformat(), today)


def _item(row: Row | None) -> Item:
    return Item("", "") if row is None else Item((row.context, row.key), row.title)
