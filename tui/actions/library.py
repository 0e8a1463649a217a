"""The library: opening it, and what its keys do that changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from tui.actions import Handler, handles, target

if TYPE_CHECKING:
    from store.knowledge.model import Row
    from tui.library_reading import Place, Query
    from tui.screens.library import LibraryScreen
    from tui.screens.main import MainScreen

InLibrary = Callable[["LibraryScreen", int], None]


def in_library(command_id: str) -> Callable[[InLibrary], InLibrary]:
    """Register what a command of the library does; where the library is not open it is opened."""

    def register(act: InLibrary) -> InLibrary:
        @wraps(act)
        def run(screen: MainScreen, times: int | None) -> None:
            found = current(screen)
            if found is None:
                show(screen, None)
            else:
                act(found, times or 1)

        handler: Handler = run
        handles(command_id)(handler)
        return act

    return register


def current(screen: MainScreen) -> LibraryScreen | None:
    """The library, where it is on the screen."""
    from tui.screens.library import LibraryScreen

    top = screen.desk.screen
    return top if isinstance(top, LibraryScreen) else None


@handles("library.show")
def show(screen: MainScreen, _times: int | None) -> None:
    open_at(screen, _remembered(screen))


def open_at(screen: MainScreen, query: Query, follow: Place | None = None) -> None:
    """Open the library with this query, `follow` shown at once."""
    from tui.screens.library import LibraryScreen
    from tui.widgets.thrift import economise

    library = LibraryScreen(query, follow)
    economise(library)
    screen.desk.push_screen(library)


def _remembered(screen: MainScreen) -> Query:
    """What the library showed when it was left, in the context that is shown now."""
    from tui.library_reading import BY_TAB, SORTS, Query

    context = screen.outline.query_now.context
    kept = screen.desk.memory.library
    if len(kept) != 3 or kept[0] not in BY_TAB or not kept[2].isdecimal():
        return Query(context)
    return Query(context, kept[0], kept[1], int(kept[2]) % len(SORTS))


@in_library("library.open")
def open_record(library: LibraryScreen, _times: int) -> None:
    """From the list to the record; in the record, to what the line names."""
    if library.focused is not library.detail:
        library.action_detail()
        return
    reference = library.detail.reference
    if reference is None:
        library.detail.next_reference()
    else:
        library.follow(reference)


@in_library("library.filter")
def filter_live(library: LibraryScreen, _times: int) -> None:
    library.ask_filter()


@in_library("library.sort")
def sort(library: LibraryScreen, times: int) -> None:
    from tui.library_reading import SORTS

    query = library.query_now
    library.change_query(query._replace(sort=(query.sort + times) % len(SORTS)))


@in_library("library.collection")
def collection(library: LibraryScreen, times: int) -> None:
    library.action_tab(times)


@in_library("library.facets")
def facets(library: LibraryScreen, _times: int) -> None:
    from tui.screens.library_facets import FacetsScreen

    def chosen(found: tuple[str, str] | None) -> None:
        if found is not None:
            from tui.library_reading import with_form

            library.change_query(with_form(library.query_now, *found))

    library.app.push_screen(FacetsScreen(library.query_now), chosen)


@in_library("library.history")
def history(library: LibraryScreen, _times: int) -> None:
    from tui.screens.library_history import HistoryScreen

    row = meant(library)
    if row is not None:
        library.app.push_screen(HistoryScreen(row))


def meant(library: LibraryScreen) -> Row | None:
    """The record a command is about; None, and said, where there is none."""
    row = library.target
    if row is None:
        library.desk.say("There is no record here.")
    return row


@in_library("library.similar")
def similar(library: LibraryScreen, _times: int) -> None:
    from tui.screens.similar import SimilarScreen

    row = meant(library)
    if row is None:
        return

    def go(found: Place | None) -> None:
        if found is None:
            return
        if found[1].startswith("chart:"):
            library.go_to_chart(found[0], found[1].partition(":")[2])
        else:
            library.show_after((row.context, row.key), found)

    library.app.push_screen(SimilarScreen(row.context, row.key, row.title), go)


@handles("similar.show")
def similar_to_chart(screen: MainScreen, _times: int | None) -> None:
    """Charts and records like the chart under the cursor."""
    from tui.screens.similar import SimilarScreen

    found = target(screen)
    if found is None:
        screen.desk.say("There is no chart here.")
        return
    view = screen.chart.view
    same = view is not None and (view.row.context, view.row.chart_id) == (found.context, found.chart_id)
    title = view.outcome if same and view is not None else found.text

    def go(place: Place | None) -> None:
        if place is None:
            return
        if place[1].startswith("chart:"):
            screen.outline.jump((place[0], place[1].partition(":")[2]))
            screen.focus_pane("outline")
        else:
            from tui.library_reading import Query

            open_at(screen, Query(place[0]), follow=place)

    screen.app.push_screen(SimilarScreen(found.context, f"chart:{found.chart_id}", title), go)


@in_library("library.import")
def import_file(library: LibraryScreen, _times: int) -> None:
    from tui.library_reading import BY_TAB
    from tui.screens.batch import BatchScreen

    kinds = BY_TAB[library.query_now.tab].kinds
    context = library.query_now.context or library.context_for_new()
    library.app.push_screen(BatchScreen(context, kinds[0] if len(kinds) == 1 else ""))


@in_library("library.write")
def write(library: LibraryScreen, _times: int) -> None:
    """Ask for a file and write what is listed there, one record a line."""
    from tui import library_exporting as exporting

    query, store = library.query_now, library.desk.store
    places = list(library.records.selected)
    what = f"{len(places):,} selected records" if places else f"{len(library.records.pages):,} records"

    def go(line: str) -> None:
        path = Path(line.strip()).expanduser()
        exporting.check(path)
        library.desk.say("Writing…")
        library.desk.bridge.work.ask(
            lambda: exporting.write(store, path, query, places),
            lambda said: library.desk.say(said, whole=True),
        )

    library.ask(f"Write {what} to", go, placeholder="records.jsonl", hint=exporting.hint)
