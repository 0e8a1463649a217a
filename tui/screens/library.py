"""The library: every collection of records, to browse, filter, look at whole and change.

It routes: keys to commands, rows that come into view to the read lane, the record under the cursor to
the detail. What is asked of the store is in `library_reading`, what changes it in `actions.library*`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from store import clock
from store.errors import Locked
from store.headless.dates import size
from store.knowledge.model import Row
from tui import library_catching, library_filter
from tui import library_reading as reading
from tui.guard import Guarded
from tui.library_listing import Begun, Lister
from tui.library_reading import BY_TAB, SORTS, TABS, Counts, Place, Query, Shown
from tui.library_text import Line, Reference
from tui.panes.base import Heading
from tui.panes.foot import Foot
from tui.screens.library_keys import LibraryKeys
from tui.widgets.library_detail import Detail
from tui.widgets.library_list import Columns, RecordList
from tui.widgets.library_record import head, whole
from tui.widgets.library_tabs import Tabs

DEBOUNCE = 0.12
"""Seconds a held key must rest before the record under the cursor is read."""
SOON, RESTED = 0.3, 2.0
"""Seconds until a change shows in a list that has been at rest for so long; else see `library_listing.RENEW`."""
WAITING = 1.0
"""Seconds between two looks while the index is being brought up to date."""
SHOWN_BEHIND = 1 << 20
"""Bytes from which the heading says that the index lacks them."""


class LibraryScreen(Guarded, LibraryKeys):
    """A list of records and the one under the cursor in full."""

    CSS_PATH: ClassVar[list[str]] = ["../styles/library.tcss"]  # type: ignore[assignment]
    AUTO_FOCUS = "#records"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]

    def __init__(self, query: Query, follow: Place | None = None) -> None:
        """follow: a record to show from the beginning."""
        super().__init__()
        self.query_now = query
        self.foot = Foot()
        self.doing = ""
        self.counts = Counts([], {})
        self.shown: Shown | None = None
        self.trail: list[Place] = []
        self._follow = follow
        self._debounce: Timer | None = None
        self._renewal: Timer | None = None
        self._renewed = 0.0
        self._catching = False

    def compose(self) -> ComposeResult:
        mouse = self.desk.config.mouse
        self.lister = Lister(self.desk, self._listed, self._filled, self._not_filled)
        self.tabs = Tabs([(tab.digit, tab.name) for tab in TABS], id="tabs", mouse=mouse)
        self.heading = Heading("Library")
        self.records = RecordList(id="records", mouse=mouse)
        self.detail_heading = Heading("Record")
        self.detail = Detail(id="detail", mouse=mouse)
        yield self.tabs
        yield Horizontal(
            Vertical(self.heading, self.records, id="listed", classes="pane"),
            Vertical(self.detail_heading, self.detail, id="detailed", classes="pane"),
            id="library",
        )
        yield self.foot

    def on_mount(self) -> None:
        """Ask for the list."""
        self.records.empty = ("", "  Reading…")
        self.show_hints()
        self.ask_list(keep=False)
        self.catch_up()
        if self._follow is not None:
            self.show_record(self._follow)

    def on_unmount(self) -> None:
        """No timer goes on, and nothing is looked for."""
        self.lister.stop()
        for timer in (self._debounce, self._renewal):
            if timer is not None:
                timer.stop()

    # -- the list ----------------------------------------------------------------------------------

    def ask_list(self, *, keep: bool = True, anchor: Place | None = None) -> None:
        """Read the list: anew where it was, or with `keep` false another one from its beginning.

        anchor: the record the cursor shall stand on; else it stays on its own.
        """
        records = self.records
        if keep:
            known = records.pages.count
            self.lister.renew(anchor or records.place, records.cursor, records.top_line, known)
        else:
            self.lister.begin(self.query_now)

    def _listed(self, found: Begun, line: int) -> None:
        if not self.is_attached:
            return
        query, loaded, records = found.query, found.loaded, self.records
        self.counts = found.counts
        records.columns = Columns(
            kinds=len(BY_TAB[query.tab].kinds) != 1,
            contexts=query.context is None and self.counts.several,
            created=SORTS[query.sort][0] == "created",
        )
        records.mark(query.filter.words)
        records.empty = tuple(self._nothing())
        count = loaded.first + len(loaded.rows) if loaded.total is None else loaded.total
        cursor = line if loaded.at is None else loaded.at
        records.begin(count, loaded.first, loaded.rows, cursor, keep=found.kept)
        self.sum_up()
        if self.counts.behind and self._catching and self._renewal is None:
            self._renewal = self.set_timer(WAITING, self._renew)
        if not count:
            self.show_nothing()
        elif found.kept and self.shown is not None:
            self.show_record((self.shown.row.context, self.shown.row.key), keep=True)

    def _filled(self, first: int, rows: Sequence[Row], total: int | None) -> None:
        if self.is_attached:
            self.records.fill(first, rows, total)
            self.sum_up()

    def _not_filled(self) -> None:
        self.records.not_filled()

    @on(RecordList.Wanted)
    def _wanted(self, message: RecordList.Wanted) -> None:
        self.lister.rows(message.first, self.records.pages.count)

    def knowledge_changed(self, contexts: frozenset[str]) -> None:
        """Others changed records: look again, a few times a second at most."""
        if self._renewal is None and (self.query_now.context is None or self.query_now.context in contexts):
            rested = clock.monotonic() - self._renewed > RESTED
            self._renewal = self.set_timer(SOON if rested else self.lister.pause, self._renew)

    def _renew(self) -> None:
        self._renewal = None
        self._renewed = clock.monotonic()
        self.catch_up()
        if self.lister.busy:
            self._renewal = self.set_timer(self.lister.pause, self._renew)
        else:
            self.ask_list()

    def catch_up(self) -> None:
        """Have the index take in what it lacks; while there is much, the list shows it come."""
        if self._catching:
            return
        self._catching = True
        store = self.desk.store

        def done(_: object) -> None:
            self._catching = False
            if self.is_attached and self.counts.behind:
                self.ask_list()

        def failed(error: Exception) -> bool:
            done(None)
            return isinstance(error, Locked)

        self.desk.bridge.count.ask(
            lambda: library_catching.catch_up(store, self.query_now.context), done, otherwise=failed
        )

    def _nothing(self) -> Sequence[str]:
        """What stands where no record does."""
        if self.counts.behind:
            return ("", f"  Indexing: {size(self.counts.behind)} of the journal to go.")
        if self.query_now.text:
            return ("", "  Nothing like that.", "  Escape drops the filter.")
        if self.query_now.tab == "deleted":
            return ("", "  Nothing was deleted.")
        if self.counts.live.get("all"):
            return ("", f"  No {self.query_now.tab} here.")
        key = self.desk.keymap.first
        return (
            "",
            "  No records here yet.",
            f"  {key('library.import')} imports a JSONL file, with a preview of what would happen;",
            f"  {key('library.new')} makes one record. From the command line:",
            "  chartkeep batch import FILE.jsonl",
        )

    def change_query(self, query: Query) -> None:
        """List something else."""
        if query != self.query_now:
            self.query_now = query
            self.records.unselect()
            self.trail.clear()
            self.ask_list(keep=False)
            self.sum_up()

    def sum_up(self) -> None:
        """What is listed, in the headings."""
        query, records = self.query_now, self.records
        self.tabs.show(query.tab, self.counts.live)
        more = "" if self.lister.complete else "+"
        facts = [f"{len(records.pages):,}{more}", f"by {SORTS[query.sort][2]}"]
        if query.text:
            facts.insert(1, query.text)
        if self.counts.behind > SHOWN_BEHIND:
            facts.append(f"{size(self.counts.behind)} to be indexed")
        if records.selected:
            facts.insert(0, f"{len(records.selected):,} selected")
        self.heading.show(" · ".join(facts), f"{query.context or 'All contexts'}: {query.tab}")

    def context_for_new(self) -> str:
        """Where a new record goes: the context shown, else that of the record shown."""
        if self.query_now.context is not None:
            return self.query_now.context
        return self.target.context if self.target is not None else "default"

    def go_to(self, place: Place) -> None:
        """Show a record that was just written, in the list where it is listed."""
        self.trail.clear()
        self.ask_list(anchor=place)
        self.show_record(place)

    # -- the record --------------------------------------------------------------------------------

    @on(RecordList.Moved)
    def _moved(self) -> None:
        self.trail.clear()
        place = self.records.place
        if place is None:
            return
        if self._debounce is not None:
            self._debounce.stop()
            self._debounce = self.set_timer(DEBOUNCE, partial(self._rested, place))
            return
        self._debounce = self.set_timer(DEBOUNCE, partial(self._rested, None))
        self.show_record(place)

    def _rested(self, place: Place | None) -> None:
        if self._debounce is not None:
            self._debounce.stop()
        self._debounce = None
        if place is not None:
            self.show_record(place)

    @property
    def target(self) -> Row | None:
        """What commands are about: the record followed to or read just now, else the one under the cursor."""
        reading_it = bool(self.trail) or self.focused is self.detail or self.records.row is None
        if reading_it and self.shown is not None:
            return self.shown.row
        return self.records.row

    def show_record(self, place: Place, *, keep: bool = False) -> None:
        """Read a record and show it; with `keep` the one there is, anew."""
        store = self.desk.store
        self.desk.bridge.read.ask(
            lambda: reading.shown(store, place), partial(self._show, keep), name="library.record"
        )

    def _show(self, keep: bool, found: Shown | None) -> None:
        if not self.is_attached:
            return
        if found is None:
            self.show_nothing()
            return
        same = self.shown is not None and self.shown.row[:2] == found.row[:2]
        if keep and found == self.shown:
            return
        self.shown = found
        self.detail.show(partial(whole, found), keep=keep and same)
        self.detail_heading.show(*head(found, len(self.trail)))

    def show_nothing(self) -> None:
        """No record is under the cursor."""
        self.shown = None

        def nothing(_width: int) -> Sequence[Line]:
            return ()

        self.detail.show(nothing, keep=False)
        self.detail_heading.show("", "Record")

    @on(Detail.Followed)
    def _followed(self, message: Detail.Followed) -> None:
        self.follow(message.reference)

    def follow(self, reference: Reference) -> None:
        """Show the record a reference names, with a way back."""
        if self.shown is None:
            return
        store, here = self.desk.store, (self.shown.row.context, self.shown.row.key)
        if reference.word.startswith("chart:"):
            self.go_to_chart(here[0], reference.word.partition(":")[2])
            return

        def found(place: Place | None) -> None:
            if place is None:
                self.desk.say(f"There is no record called “{reference.word}” here.")
            elif self.is_attached:
                self.show_after(here, place)

        def look() -> Place | None:
            row = reading.lookup(store, here[0], reference)
            return None if row is None else (row.context, row.key)

        self.desk.bridge.read.ask(look, found, name="library.follow")

    def show_after(self, here: Place, place: Place) -> None:
        """Show a record, with a way back to another."""
        self._rested(None)
        self.trail.append(here)
        self.show_record(place)

    def go_to_chart(self, context: str, chart_id: str) -> None:
        """Leave for a chart in the hierarchy."""
        self.dismiss(None)
        self.desk.main.outline.jump((context, chart_id))
        self.desk.main.focus_pane("outline")

    @on(Tabs.Chosen)
    def _tab_chosen(self, message: Tabs.Chosen) -> None:
        self.change_query(self.query_now._replace(tab=message.name))

    # -- filter ------------------------------------------------------------------------------------

    def ask_filter(self) -> None:
        """Narrow the list while a text is typed; Enter keeps it, Escape goes back."""
        before = self.query_now

        def narrow(text: str) -> None:
            self.change_query(self.query_now._replace(text=text.strip()))

        def hint(text: str) -> str:
            problem = self.query_now._replace(text=text).typed.problem
            grammar = library_filter.GRAMMAR if self.size.width >= 110 else library_filter.SHORT_GRAMMAR
            return f"! {problem}" if problem else grammar

        self.ask(
            "Filter",
            narrow,
            value=before.text,
            hint=hint,
            on_change=narrow,
            on_cancel=lambda: self.change_query(before),
            allow_empty=True,
        )
