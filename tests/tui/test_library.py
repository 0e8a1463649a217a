"""The library screen: what a person sees of the records, finds among them and does to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key

from store import records, workflows
from store.knowledge import writing
from store.knowledge.kinds import key_of
from store.knowledge.library import Library
from store.knowledge.model import Row
from store.model import Edit, Plan
from store.store import Store, open_store
from tests.tui.conftest import Desk, Opener
from tui import editor, library_listing, library_reading
from tui.library_reading import SORTS, Query
from tui.screens.library import LibraryScreen
from tui.screens.library_edit import RecordDialog


def put(store: Store, made: Iterable[dict[str, Any]], context: str = "default") -> None:
    """Write records in one transaction."""
    edits = [
        Edit("put", key_of(record["type"], record["id"]), None, records.dumps(record)) for record in made
    ]
    plan = Plan("knowledge.put", f"Put {len(edits)} records", edits)
    writing.append(store, context, lambda _: plan, tell=False)


FRAME = {
    "type": "frame",
    "id": "motion",
    "name": "Motion",
    "definition": "Something goes from one place to another.",
    "core_elements": ["theme", "path"],
    "lexical_units": ["go", "fly", "swim"],
}
RECORDS: list[dict[str, Any]] = [
    FRAME,
    {
        "type": "frame_instance",
        "id": "flight-1",
        "frame": "motion",
        "bindings": {"theme": "a swallow", "path": "south"},
        "confidence": 0.75,
    },
    {
        "type": "concept",
        "id": "bird",
        "name": "bird",
        "roles": ["flier"],
        "odd": {"nested": {"deeply": [1, 2]}},
    },
    {
        "type": "cluster",
        "id": "animals",
        "name": "Animals",
        "members": [{"key": "concept:bird", "strength": 0.9}, {"key": "concept:gone", "strength": 0.25}],
        "centroid": [0.5] * 32,
        "coherence": 0.8,
    },
    *(
        {
            "type": "analogy",
            "id": f"a{n}",
            "source_domain": ("biology", "music")[n % 2],
            "target_domain": "engineering",
            "quality_score": round(n / 20, 2),
            "tags": ["even" if n % 2 == 0 else "odd", "all"],
            "relation": f"wing number {n}",
        }
        for n in range(20)
    ),
    {"type": "saying", "id": "s1", "text": "of a kind nobody knows"},
]


ROW = Row(
    "default", "analogy:0", "analogy", "0", "row", 1, False, 0.5, None, None, None, (), None,
    "2026-11-20T10:00:00Z", "2026-11-21T08:30:00Z", 1, 0, 10,
)  # fmt: skip


@pytest.fixture
def filled(store_path: Path) -> Path:
    """The store with a few records of most kinds."""
    with open_store(store_path, program="seed") as store:
        put(store, RECORDS)
        put(store, [{"type": "concept", "id": "w", "name": "work"}], "work")
        store.library.sync()
    return store_path


def library(desk: Desk) -> LibraryScreen:
    """The library on the screen."""
    screen = desk.app.screen
    assert isinstance(screen, LibraryScreen), screen
    return screen


def titles(desk: Desk) -> list[str]:
    """The titles of the records that are listed."""
    pages = library(desk).records.pages
    return [row.title for n in range(len(pages)) if (row := pages.get(n)) is not None]


async def opened(d: Desk) -> LibraryScreen:
    """Open the library of every context."""
    await d.press("g", "l")
    return library(d)


# -- looking ---------------------------------------------------------------------------------------


async def test_it_lists_what_there_is_and_shows_the_first_whole(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        assert len(titles(d)) == 25
        assert screen.counts.live["analogies"] == 20
        assert "of a kind nobody knows" in d.screen()
        assert "default: all" in d.screen()
        await d.press("q")
        assert d.app.screen is d.app.main


async def test_number_keys_tab_and_brackets_choose_collection_and_context(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("2")
        assert titles(d) == ["Motion"]
        await d.press("tab")
        assert titles(d) == ["motion"]
        await d.press("shift+tab", "shift+tab")
        assert screen.query_now.tab == "analogies"
        await d.press("4", "right_square_bracket")
        assert (screen.query_now.context, titles(d)) == ("work", ["work"])
        await d.press("right_square_bracket")
        assert screen.query_now.context is None
        assert sorted(titles(d)) == ["bird", "work"]
        await d.press("left_square_bracket", "left_square_bracket", "0")
        assert len(titles(d)) == 25
        for _ in range(10):
            await d.press("tab")
        assert (screen.query_now.tab, titles(d)) == ("others", ["of a kind nobody knows"])


async def test_the_filter_narrows_while_it_is_typed(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("slash")
        assert "tag:x" in d.screen()
        await d.type("tag:even >=0.5", end="")
        assert len(titles(d)) == 5
        await d.press("escape")
        assert len(titles(d)) == 25
        await d.press("slash")
        await d.type("domain:music wing")
        assert len(titles(d)) == 10
        assert "domain:music wing" in d.screen()
        assert d.app.focused is screen.records
        await d.press("escape")
        assert len(titles(d)) == 25


async def test_what_is_typed_before_the_field_is_there_goes_into_it(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        for key in ("slash", *"tag:even"):
            d.app.post_message(Key(key if len(key) > 1 or key.isalpha() else "colon", key))
        await d.settle()
        assert screen.query_now.text == "tag:even"
        await d.press("enter")
        assert isinstance(d.app.screen, LibraryScreen)
        assert len(titles(d)) == 10


async def test_a_half_typed_condition_is_told_of_below_the_field(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("slash")
        await d.type("where:quality_score >", end="")
        assert "! " in d.screen().splitlines()[-1]
        await d.type("= 0.9 and relation contains 'number'", end="")
        assert len(titles(d)) == 2


async def test_sorts_go_round(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("1", "S", "S")
        qualities = [row.quality for n in range(20) if (row := screen.records.pages.get(n))]
        assert qualities == sorted(qualities, key=lambda each: -(each or 0))
        await d.press("S")
        assert titles(d) == sorted(titles(d))
        await d.press("S")
        assert screen.query_now.sort == 0


async def test_enter_reads_the_record_and_follows_what_it_names(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("3")
        assert "(Motion)" in await d.seen("(Motion)")
        await d.press("enter")
        assert d.app.focused is screen.detail
        await d.press("enter", "enter")
        await d.seen("Something goes")
        assert "Something goes from one place" in d.screen()
        assert screen.shown is not None
        assert screen.shown.row.key == "frame:motion"
        await d.press("backspace")
        assert screen.shown.row.key == "frame_instance:flight-1"
        await d.press("escape")
        assert d.app.focused is screen.records


async def test_a_cluster_shows_its_members_and_unknown_members_show_too(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("5")
        text = await d.seen("32 numbers")
        assert "0.90" in text
        assert "0.25" in text
        assert "(bird)" in text
        assert "32 numbers" in text
        await d.press("4")
        assert "nested" in await d.seen("nested")
        assert "1, 2" in d.screen()


async def test_tags_and_domains_filter(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("t")
        assert "engineering" in d.screen()
        await d.type("music")
        assert screen.query_now.text == "domain:music"
        assert len(titles(d)) == 10
        await d.press("t")
        await d.type("domain music")
        assert screen.query_now.text == ""


async def test_a_million_rows_are_read_a_screen_at_a_time_and_never_by_the_ui(
    desk: Opener, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total, asked = 1_000_000, []

    def rows(
        self: Library, wanted: Any, sort: str, descending: bool, limit: int, offset: int = 0
    ) -> list[Row]:
        asked.append((threading.current_thread().name, limit))
        places = range(total)[:: 1 if descending else -1][offset : offset + limit]
        return [ROW._replace(key=f"analogy:{n}", id=str(n), title=f"row {n}") for n in places]

    monkeypatch.setattr(Library, "rows", rows)
    monkeypatch.setattr(Library, "count", lambda self, wanted: total)
    async with desk(filled) as d:
        screen = await opened(d)
        assert len(screen.records.items) == total
        await d.press("G")
        assert "row 999999" in d.screen()
        await d.press("pageup", "pageup", "pageup")
        assert "row 99990" in d.screen()
        await d.press("g")
        assert "row 0 " in d.screen()
    assert {name for name, _ in asked} == {"chartkeep-read"}
    assert len(asked) < 15
    assert sum(1 for _ in screen.records.pages.held()) < 2_000


async def test_a_list_others_change_keeps_the_cursor_on_its_record(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("j", "j", "j", "j")
        place, line = screen.records.place, screen.records.cursor
        with open_store(filled, program="other") as other:
            put(other, [{"type": "concept", "id": f"new{n}", "name": f"new {n}"} for n in range(7)])
        for _ in range(100):
            if len(screen.records.items) == 32:
                break
            await d.pilot.pause(0.05)
        assert len(screen.records.items) == 32
        await d.settle()
        assert (screen.records.place, screen.records.cursor) == (place, line + 7)


@pytest.mark.parametrize("text", ["", "wing", "tag:even >0.2", "domain:music"])
@pytest.mark.parametrize("sort", range(len(SORTS)))
def test_a_list_read_again_has_every_record_on_its_own_line(filled: Path, text: str, sort: int) -> None:
    query = Query("default", "analogies", text, sort)
    with open_store(filled, program="look") as store:
        rows = store.library.rows(query.filter, *SORTS[sort][:2])
        assert rows
        for n, row in enumerate(rows):
            again = library_reading.reload(store, query, (row.context, row.key), 0)
            assert (again.at, again.total, again.rows) == (n, len(rows), rows)
        assert library_reading.reload(store, query, ("default", "frame:motion"), 0).at is None
        everywhere = query._replace(context=None)
        assert (
            library_reading.reload(store, everywhere, (rows[-1].context, rows[-1].key), 0).at == len(rows) - 1
        )


async def test_an_empty_store_says_how_to_begin(desk: Opener, store_path: Path) -> None:
    async with desk(store_path, size=(80, 24)) as d:
        await opened(d)
        assert "No records here yet." in d.screen()
        assert "chartkeep batch import" in d.screen()
        for key in ("enter", "s", "H", "E", "d", "d", "space", "G", "R"):
            await d.press(key)
        assert isinstance(d.app.screen, LibraryScreen)


async def test_a_store_for_reading_can_be_read_and_refuses_the_rest(desk: Opener, filled: Path) -> None:
    async with desk(filled, readonly=True) as d:
        await opened(d)
        assert len(titles(d)) == 25
        assert "read only" in d.screen()
        for keys in (("a",), ("d", "d"), ("D",), ("E",), ("R",), ("i",)):
            await d.press(*keys)
            assert isinstance(d.app.screen, LibraryScreen)
            assert "reading only" in d.screen().splitlines()[-1]


async def test_what_is_listed_is_written_byte_for_byte(desk: Opener, filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    async with desk(filled) as d:
        await opened(d)
        await d.press("slash")
        await d.type("tag:even")
        await d.press("w")
        await d.type(str(target))
        await d.seen("Wrote")
        assert len(target.read_bytes().splitlines()) == 10
        even = [records.dumps(each) for each in RECORDS if "even" in each.get("tags", ())]
        assert sorted(target.read_bytes().splitlines()) == sorted(even)
        await d.press("w")
        await d.type(str(target))
        assert "exists" in d.screen()
        await d.press("escape", "escape", "1", "j", "space", "w")
        await d.type(str(tmp_path / "one.jsonl"))
        await d.seen("Wrote")
        assert (tmp_path / "one.jsonl").read_bytes() == records.dumps(RECORDS[-3]) + b"\n"


async def test_looking_through_records_ends_when_another_list_is_asked_for(filled: Path) -> None:
    with open_store(filled, program="look") as store:
        query = Query("default", "all", "where:relation contains 'no such thing'")
        assert library_listing.by_records(store, query)
        looked: list[int] = []
        told: list[tuple[int, list[Row], int | None]] = []
        library_listing.gather(
            store, query, lambda: bool(looked.append(1)) or len(looked) < 1, lambda *found: told.append(found)
        )
        assert (len(looked), told) == (1, [])
        library_listing.gather(
            store,
            query._replace(text="where:relation contains 'number 1'"),
            lambda: True,
            lambda *found: told.append(found),
        )
        assert told[-1][2] == len(told[-1][1]) == 11


async def test_help_lists_the_librarys_keys_and_does_what_is_chosen(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("question_mark")
        await d.type("sort records")
        assert d.app.screen is screen
        assert screen.query_now.sort == 1


async def test_clicks_choose_collections_and_records(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.pilot.click("#records", offset=(5, 3))
        await d.settle()
        assert screen.records.cursor == 3
        at = d.screen().splitlines()[0].index("frames")
        await d.pilot.click("#tabs", offset=(at, 0))
        await d.settle()
        assert screen.query_now.tab == "frames"


async def test_it_opens_where_it_was_left(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("1", "S", "q", "g", "l")
        assert library(d).query_now == Query("default", "analogies", "", 1)


async def test_history_shows_who_changed_what_and_two_versions_beside(desk: Opener, filled: Path) -> None:
    with open_store(filled, program="other") as other:
        put(other, [{**FRAME, "definition": "Something moves.", "odd": 1}])
        put(other, [{**FRAME, "definition": "It moves.", "odd": 1}])
    async with desk(filled) as d:
        await opened(d)
        await d.press("2", "H")
        text = await d.seen("From version 2 to 3")
        assert "- Something moves." in text
        assert "+ It moves." in text
        assert "odd" not in text
        await d.press("G", "m", "g")
        text = await d.seen("From version 1 to 3")
        assert "- Something goes from one place to another." in text
        assert "odd" in text
        await d.press("q")
        assert isinstance(d.app.screen, LibraryScreen)


async def test_similar_says_how_it_was_measured_and_goes_there(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("2", "s")
        text = await d.seen("(lexical)")
        print(text)
        assert "exact search" in text
        assert "motion" in text
        await d.press("enter")
        await d.settle()
        assert screen.shown is not None
        assert screen.shown.row.key != "frame:motion"
        await d.press("backspace")
        assert screen.shown.row.key == "frame:motion"


async def test_charts_like_the_one_under_the_cursor(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        was = d.under
        await d.press("g", "k")
        text = await d.seen("(lexical)")
        assert f"Similar to “{was}”" in text
        charts = [line for line in text.splitlines() if "chart · " in line]
        assert charts
        await d.press("enter")
        await d.settle()
        assert d.under != was or isinstance(d.app.screen, LibraryScreen)


# -- changing --------------------------------------------------------------------------------------


def live(path: Path, key: str, context: str = "default") -> Any:
    """The record as another process finds it; None where it is deleted."""
    with open_store(path, program="look") as other:
        other.library.sync()
        raw = other.library.record(context, key).raw
        return None if raw is None else records.loads(raw)


async def test_deleting_asks_and_restoring_brings_it_back(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("1", "d", "d")
        assert "Delete “music → engineering”?" in d.screen()
        await d.press("n")
        assert len(titles(d)) == 20
        await d.press("d", "d", "y")
        await d.settle()
        assert len(titles(d)) == 19
        assert live(filled, "analogy:a19") is None
        while screen.query_now.tab != "deleted":
            await d.press("tab")
        assert titles(d) == ["music → engineering"]
        await d.press("R")
        await d.settle()
        assert titles(d) == []
        assert live(filled, "analogy:a19") == RECORDS[-2]


async def test_selected_records_are_deleted_in_one_transaction(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("1", "space", "j", "space")
        assert [key for _, key in screen.records.selected] == ["analogy:a19", "analogy:a17"]
        assert "2 selected" in d.screen()
        await d.press("d", "d", "y")
        await d.settle()
        assert len(titles(d)) == 18
        assert not screen.records.selected
        with d.app.store.library.snapshot() as snap:
            txs = {snap.versions("default", f"analogy:a{n}")[0].tx for n in (17, 19)}
        assert len(txs) == 1


async def test_what_others_point_to_is_deleted_only_after_a_second_question(
    desk: Opener, filled: Path
) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("2", "d", "d", "y")
        assert "would point at nothing" in await d.seen("would point at nothing")
        assert live(filled, "frame:motion") is not None
        await d.press("y")
        await d.settle()
        assert live(filled, "frame:motion") is None


async def test_an_edit_is_checked_member_by_member_before_it_is_kept(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("1", "E")
        dialog = d.app.screen
        assert isinstance(dialog, RecordDialog)
        dialog.text.text = dialog.text.text.replace("0.95", "7")
        await d.press("ctrl+s")
        assert d.app.screen is dialog
        assert "quality_score: expected a number from 0 to 1" in d.screen()
        dialog.text.text = dialog.text.text.replace(" 7,", " 0.97,")
        await d.press("ctrl+s")
        await d.settle()
        assert live(filled, "analogy:a19") == {**RECORDS[-2], "quality_score": 0.97}
        assert "0.97" in await d.seen("0.97")


async def test_an_edit_of_what_somebody_changed_meanwhile_is_refused_and_not_lost(
    desk: Opener, filled: Path
) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("2", "E")
        first = d.app.screen
        assert isinstance(first, RecordDialog)
        with open_store(filled, program="other") as other:
            put(other, [{**FRAME, "definition": "theirs"}])
        first.text.text = first.text.text.replace("Something goes", "Mine goes")
        await d.press("ctrl+s")
        await d.seen("somebody else has changed")
        second = d.app.screen
        assert isinstance(second, RecordDialog)
        assert "Mine goes" in second.text.text
        assert "somebody else has changed" in d.screen()
        assert live(filled, "frame:motion")["definition"] == "theirs"
        await d.press("escape")
        assert "Throw away" in d.screen()
        await d.press("n", "ctrl+s")
        await d.settle()
        assert live(filled, "frame:motion")["definition"].startswith("Mine goes")
        assert isinstance(d.app.screen, LibraryScreen)


async def test_what_was_typed_is_not_thrown_away_unasked(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        await opened(d)
        await d.press("2", "E")
        dialog = d.app.screen
        assert isinstance(dialog, RecordDialog)
        await d.press("x", "escape")
        assert "Throw away" in d.screen()
        await d.press("escape")
        assert d.app.screen is dialog
        await d.press("escape", "y")
        assert isinstance(d.app.screen, LibraryScreen)


async def test_a_new_record_begins_as_a_draft_of_its_collection(desk: Opener, filled: Path) -> None:
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("4", "a")
        dialog = d.app.screen
        assert isinstance(dialog, RecordDialog)
        assert "name" in d.screen()
        assert "! name" in d.screen()
        dialog.text.text = '{"type": "concept", "name": "fish", "roles": ["swimmer"]}'
        await d.press("ctrl+s")
        await d.settle()
        assert sorted(titles(d)) == ["bird", "fish"]
        assert screen.target is not None
        assert screen.target.title == "fish"
        assert (live(filled, screen.target.key) or {})["roles"] == ["swimmer"]
        await d.press("0", "a")
        assert "New record of which kind?" in d.screen()


async def test_the_editor_is_used_where_one_is_named(
    desk: Opener, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = []

    def hand_over(desk: Any, text: str, *, suffix: str) -> str:
        edited.append(suffix)
        return text.replace("Something goes", "A thing goes")

    monkeypatch.setenv("EDITOR", "ed")
    monkeypatch.setattr(editor, "hand_over", hand_over)
    async with desk(filled) as d:
        await opened(d)
        await d.press("2", "E")
        await d.settle()
        assert edited == [".json"]
        assert live(filled, "frame:motion")["definition"].startswith("A thing goes")


async def test_deleting_by_criteria_says_first_what_it_means(
    desk: Opener, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(workflows, "start", lambda store, flow: started.append(flow), raising=False)
    async with desk(filled) as d:
        screen = await opened(d)
        await d.press("1", "D")
        await d.press("enter")
        assert "Say which" in d.screen()
        await d.type("where:quality_score <")
        assert "not understood" in d.screen()
        await d.press("ctrl+u")
        await d.type("tag:odd <0.6")
        text = await d.seen("Delete 6 records?")
        assert text.count("(analogy:a") == 6
        assert "Nothing was deleted yet" in text
        await d.press("enter")
        assert not started
        await d.press("n", "D", "ctrl+u")
        await d.type("tag:odd <0.6")
        await d.seen("Delete 6 records?")
        await d.press("y")
        await d.seen("Deleting 6 records")
        assert len(started) == 1
        workflows.run(d.app.store, started[0])
        d.app.store.library.sync()
        screen.ask_list()
        await d.settle()
        assert len(titles(d)) == 14
        assert all("odd" not in row.tags or (row.quality or 0) >= 0.6 for row in rows_of(screen))


async def test_a_dry_run_says_what_stays_since_others_point_there(desk: Opener, filled: Path) -> None:
    with open_store(filled, program="other") as other:
        put(other, [{"type": "cluster", "id": "k", "name": "k", "members": [{"key": "analogy:a11"}]}])
    async with desk(filled) as d:
        await opened(d)
        await d.press("1", "D")
        await d.type("tag:odd <0.6")
        text = await d.seen("Delete 5 records?")
        assert "Delete 5 records?" in text
        assert "6 records are meant" in text
        assert "1 of them stay" in text
        assert "analogy:a11 is to be deleted, and cluster:k would point at nothing" in text
        await d.press("n")


def rows_of(screen: LibraryScreen) -> list[Row]:
    """The rows that are held."""
    return [row for _, row in screen.records.pages.held()]


async def test_restoring_an_earlier_version_from_the_history(desk: Opener, filled: Path) -> None:
    with open_store(filled, program="other") as other:
        put(other, [{**FRAME, "definition": "theirs"}])
    async with desk(filled, boxes=True) as d:
        await opened(d)
        await d.press("2", "R")
        await d.seen("From version 1 to 2")
        await d.press("R")
        assert "present version" in await d.seen("present version")
        await d.press("j", "R")
        await d.press("y")
        await d.settle()
        assert live(filled, "frame:motion") == FRAME
