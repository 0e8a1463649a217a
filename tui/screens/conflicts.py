"""What two sides changed at once: both values side by side, and a key for either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from store import clock
from store.errors import UsageError
from store.model import Change
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean, clean_lines, fit, wrap
from tui.widgets.lines import Lines, Pieces
from tui.widgets.listing import Item, Listing
from tui.widgets.prompt import LineInput

if TYPE_CHECKING:
    from store.conflicts import Choice, Conflict, Side
    from store.store import Store

GAP = "  │ "


class ConflictsScreen(ListDialog[None]):
    """Open conflicts of every context; the one under the cursor below, whole."""

    TITLE_TEXT = "Conflicts"
    KEYS_TEXT = "← h left   → l right   e edit   E editor   s skip   u undo   J K scroll   q closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "take('ours')", "Take the left"),
        Binding("right,l", "take('theirs')", "Take the right"),
        Binding("e", "edit", "Edit by hand"),
        Binding("E", "editor", "Edit in $EDITOR"),
        Binding("s,space", "move(1)", "Skip"),
        Binding("u", "undo", "Undo"),
        Binding("J,shift+down", "look(1)", "Down in the values", show=False),
        Binding("K,shift+up", "look(-1)", "Up in the values", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(empty=("", "  No conflicts: no two sides changed the same thing at once."))
        self.sides = Sides(id="dialog-sides")
        self.line = LineInput(id="dialog-line")
        self._open: dict[tuple[str, ...], Conflict] = {}
        self._edited: Conflict | None = None
        """The one whose value is being typed: the list may have changed under the line meanwhile."""
        self._settled: list[Change] = []
        """What was settled here, for undo; the last comes last."""

    def body(self) -> Sequence[Widget]:
        self.line.display = False
        return (self.list, self.sides, self.line)

    def start(self) -> None:
        """Ask which are open."""
        store = self.desk.store
        self.desk.bridge.read.ask(lambda: _read(store), self._show, name="conflicts")

    def others_changed(self) -> None:
        """Another one may have come, or somebody else settled one."""
        self.start()

    def _show(self, found: Sequence[Conflict]) -> None:
        if not self.is_attached:
            return
        self._open = {(one.row.context, one.row.id): one for one in found}
        several = len({one.row.context for one in found}) > 1
        self.list.show([_item(key, one, several=several) for key, one in self._open.items()])
        self._detail()

    @property
    def conflict(self) -> Conflict | None:
        """The one under the cursor."""
        item = self.chosen
        return self._open.get(tuple(item.key)) if item is not None else None

    def on_listing_moved(self, message: Listing.Moved) -> None:
        """Show both values of another one."""
        message.stop()
        self._detail()

    def _detail(self) -> None:
        self.sides.show(self.conflict)

    def action_look(self, delta: int) -> None:
        """Scroll values that are too long for their room."""
        self.sides.jump(self.sides.top_line + delta)

    # -- settling ----------------------------------------------------------------------------------

    def action_take(self, side: Choice) -> None:
        """Settle the conflict under the cursor with one of its values."""
        self._settle(side, self.conflict)

    def _settle(self, choice: Choice, one: Conflict | None) -> None:
        from store import conflicts

        store = self.desk.store
        if one is None or not self._writable():
            return

        def done(changes: list[Change]) -> None:
            self._settled += [change for change in changes if not change.empty]
            self.start()

        row = one.row
        self._change(lambda: conflicts.resolve(store, row.id, choice, row.context), done)

    def action_undo(self) -> None:
        """Open again what was settled here last."""
        if not self._settled:
            self.desk.say("Nothing was settled here yet.")
            return
        if not self._writable():
            return
        last, store = self._settled[-1], self.desk.store

        def done(_: list[Change]) -> None:
            self._settled.pop()
            self.start()

        self._change(lambda: store.undo(last.tx, last.context), done)

    def _change(
        self, work: Callable[[], Change | list[Change]], done: Callable[[list[Change]], None]
    ) -> None:
        def failed(_: Exception) -> bool:
            self.start()  # somebody else may have settled it meanwhile
            return False

        self.desk.change(work, done, otherwise=failed)

    def _writable(self) -> bool:
        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
        return not self.desk.readonly

    # -- a third value -----------------------------------------------------------------------------

    def action_edit(self) -> None:
        """Type a value into the line below; long ones and whole records go to the editor."""
        from store import conflicts

        one = self.conflict
        if one is None or not self._writable():
            return
        text = conflicts.editable(one)
        if "\n" in text or not one.row.path:
            self.action_editor()
            return
        self._edited = one
        self.line.value = text
        self.line.cursor_position = len(text)
        self.line.placeholder = one.field
        self.line.display = True
        self.line.focus(scroll_visible=False)

    def action_editor(self) -> None:
        """The value that stands in $EDITOR."""
        from store import conflicts
        from tui import editor

        one = self.conflict
        if one is None or not self._writable():
            return
        text = editor.hand_over(self.desk, conflicts.editable(one))
        if text is None:
            self.desk.say("Nothing was changed in the editor.")
        else:
            self._typed(one, text)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter in the line settles with what was typed; what cannot be taken stays to be corrected."""
        message.stop()
        if self._edited is not None and self._typed(self._edited, message.value):
            self._close_line()

    def _typed(self, one: Conflict, text: str) -> bool:
        from store import conflicts

        try:
            choice = conflicts.typed(one, text)
        except UsageError as error:
            self.desk.say(str(error), error=True)
            return False
        self._settle(choice, one)
        return True

    def _close_line(self) -> None:
        self._edited = None
        self.line.display = False
        self.list.focus(scroll_visible=False)

    def on_key(self, event: events.Key) -> None:
        """Escape takes the line back before it closes the list."""
        if event.key == "escape" and self.line.display:
            event.stop()
            event.prevent_default()
            self._close_line()


class Sides(Lines):
    """The two values of one conflict in two columns, who wrote them and when, and what was there before."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._conflict: Conflict | None = None

    def show(self, conflict: Conflict | None) -> None:
        """Draw another one."""
        self._conflict = conflict
        self.jump(0)
        self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        one = self._conflict
        if one is None:
            return ()
        room = max(8, (width - len(GAP)) // 2)
        left = _column("← here", one.ours, one.stands == "ours", room)
        right = _column("→ there", one.theirs, one.stands == "theirs", room)
        lines: list[Pieces] = []
        for n in range(max(len(left), len(right))):
            (text, style), (beside, other) = (
                column[n] if n < len(column) else ("", "") for column in (left, right)
            )
            lines.append(((fit(text, room), style), (GAP, "muted"), (fit(beside, room), other)))
        if one.row.base is not None:
            lines.append(((fit(f"before: {_text(one, one.row.base)}", width), "muted"),))
        if one.row.now not in (one.ours.value, one.theirs.value):
            lines.append(((fit(f"now: {_text(one, one.row.now)}", width), "muted"),))
        return lines


def _column(name: str, side: Side, stands: bool, room: int) -> list[tuple[str, str]]:
    """One value: a head, the text, then who and when; the one that stands says so in words."""
    from store.conflicts import who

    head = f"{name}  ▸ stands" if stands else name
    told = ", ".join(filter(None, (clean(who(side.by)), _when(side.at))))
    plain = "" if side.value is not None else "muted"
    lines = [(head, "heading" if stands else "bold")]
    lines += [(text, plain) for line in clean_lines(side.text) for text in wrap(line, room)]
    return lines + [(text, "muted") for text in wrap(told, room)]


def _text(one: Conflict, value: str | None) -> str:
    from store.conflicts import in_words

    return clean(in_words(one.row.path, value))


def _when(at: str) -> str:
    instant = clock.try_parse(at)
    return "" if instant is None else _short(instant.astimezone(), clock.now().astimezone())


def _short(instant: datetime, now: datetime) -> str:
    return f"{instant:%H:%M:%S}" if instant.date() == now.date() else f"{instant:%d %b %Y %H:%M}"


def _read(store: Store) -> list[Conflict]:
    from store.conflicts import conflicts

    return conflicts(store)


def _item(key: tuple[str, ...], one: Conflict, *, several: bool) -> Item:
    chart = f"{one.row.context} ▸ {one.chart}" if several else one.chart
    return Item(key, one.what, chart, "problem")
