"""What keys do in the library: the command table's first, then the ones every list has."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.binding import Binding, BindingType

from store.catalog import COMMANDS, Command
from tui import actions
from tui.keymap import shown
from tui.library_reading import TABS, Counts, Place, Query, Shown
from tui.panes.foot import Foot
from tui.screens.asking import Asking
from tui.widgets.library_detail import Detail
from tui.widgets.library_list import RecordList

if TYPE_CHECKING:
    from tui.app import ChartkeepApp


class LibraryKeys(Asking):
    """The part of the library screen that answers keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "half(1)", "Half a page down", show=False),
        Binding("ctrl+u", "half(-1)", "Half a page up", show=False),
        Binding("g,home", "first", "First", show=False),
        Binding("G,end", "last", "Last", show=False),
        Binding("space", "select", "Select", show=False),
        Binding("shift+tab", "tab(-1)", "Collection before", show=False),
        Binding("right_square_bracket", "context(1)", "Next context", show=False),
        Binding("left_square_bracket", "context(-1)", "Context before", show=False),
        Binding("l,right", "detail", "Record", show=False),
        Binding("h,left,backspace", "back", "Back", show=False),
        Binding("escape", "out", "Back", show=False),
        Binding("q", "leave", "Back to the charts", show=False),
        Binding("question_mark,f1", "help", "Help", show=False),
    ]

    foot: Foot
    records: RecordList
    detail: Detail
    doing: str
    query_now: Query
    counts: Counts
    shown: Shown | None
    trail: list[Place]
    """Records left behind by following references."""

    @property
    def desk(self) -> ChartkeepApp:
        """The app, by its own type."""
        return cast("ChartkeepApp", self.app)

    def change_query(self, query: Query) -> None:
        """List something else."""
        raise NotImplementedError

    def sum_up(self) -> None:
        """Say in the headings what is listed."""
        raise NotImplementedError

    def show_record(self, place: Place, *, keep: bool = False) -> None:
        """Read a record and show it."""
        raise NotImplementedError

    def take_key(self, key: str) -> bool:
        """Feed one key to the key map; False where it means nothing to it."""
        if self.holds_back(key):
            return True
        if self.focused not in (self.records, self.detail):
            return False
        keymap = self.desk.keymap
        tab = next((tab for tab in TABS if key == tab.digit), None)
        if tab is not None and not keymap.pending:
            self.change_query(self.query_now._replace(tab=tab.name))
            return True
        if key == "escape" and keymap.pending:
            keymap.clear()
            self._offer()
            return True
        found = keymap.feed("library", key)
        if found.command is not None:
            self.foot.pending("")
            self.run_command(found.command, found.times)
        elif found.taken:
            self.foot.pending(found.waiting)
            self._offer()
        return found.taken

    def run_command(self, command: Command, times: int | None = None) -> None:
        """Do what a command says."""
        self.doing = command.name
        if command.writes and self.desk.readonly:
            self.desk.say(f"{command.name}: this store is open for reading only.", error=True)
            return
        self.foot.quiet()
        self.show_hints()
        actions.run(self.desk.main, command, times)

    def _offer(self) -> None:
        """While a chord is half typed, the bottom line says what may follow."""
        keymap = self.desk.keymap
        if keymap.pending:
            offers = keymap.completions("library")
            self.foot.hints(tuple((shown(key), command.name) for key, command in offers))
        else:
            self.foot.pending("")
            self.show_hints()

    def show_hints(self) -> None:
        """Keys that help here."""
        readonly, keymap = self.desk.readonly, self.desk.keymap
        commands = [c for c in COMMANDS if c.when == "library" and c.footer and not (readonly and c.writes)]
        hints = [(keymap.first(command.id), command.short) for command in commands]
        self.foot.hints((("q", "Charts"), *hints), "read only" if readonly else "")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Forget what was half typed; the detail follows references."""
        self.desk.keymap.clear()
        self.foot.pending("")
        del event

    def action_move(self, delta: int) -> None:
        """Move by lines."""
        self._body.action_move(delta)

    def action_page(self, delta: int) -> None:
        """Move by screens."""
        self._body.action_page(delta)

    def action_half(self, delta: int) -> None:
        """Move by half screens."""
        self._body.action_half_page(delta)

    def action_first(self) -> None:
        """To the first line."""
        self._body.action_home()

    def action_last(self) -> None:
        """To the last line."""
        self._body.action_end()

    @property
    def _body(self) -> RecordList | Detail:
        return self.detail if self.focused is self.detail else self.records

    def action_select(self) -> None:
        """Select the record and go on to the next."""
        if self.focused is self.records:
            self.records.toggle()
            self.sum_up()

    def action_tab(self, delta: int) -> None:
        """Another collection."""
        names = [tab.name for tab in TABS]
        at = (names.index(self.query_now.tab) + delta) % len(names)
        self.change_query(self.query_now._replace(tab=names[at]))

    def action_context(self, delta: int) -> None:
        """Another context, or all of them."""
        contexts: list[str | None] = [None, *self.counts.contexts]
        now = self.query_now.context
        at = (contexts.index(now) if now in contexts else 0) + delta
        self.change_query(self.query_now._replace(context=contexts[at % len(contexts)]))

    def action_detail(self) -> None:
        """Give the record the keyboard."""
        if self.shown is not None:
            self.detail.focus(scroll_visible=False)

    def action_back(self) -> None:
        """Back from a followed record, else to the list."""
        if self.trail:
            self.show_record(self.trail.pop())
        elif self.focused is self.detail:
            self.records.focus(scroll_visible=False)

    def action_out(self) -> None:
        """One step back: from a followed record, the detail, the selection, the filter; else to the charts."""
        if self.trail or self.focused is self.detail:
            self.action_back()
        elif self.records.selected:
            self.records.unselect()
            self.sum_up()
        elif self.query_now.text:
            self.change_query(self.query_now._replace(text=""))
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Back to the charts."""
        query = self.query_now
        self.desk.memory.library = [query.tab, query.text, str(query.sort)]
        self.dismiss(None)

    def action_help(self) -> None:
        """Every command and its keys."""
        actions.by_id(self.desk.main, "show.help")
