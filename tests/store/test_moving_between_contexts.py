"""Charts move between contexts whole: through crashes, beside other people's edits, both ways at once."""

from __future__ import annotations

import threading

import pytest

from store import charts, transfer
from store.errors import ChartkeepError, NeedsConfirm, NotFound, Refused, StorageError
from store.model import Plan
from store.store import Store
from tests.stores import Opener, chart, live


def test_a_chart_moves_with_all_below_it(store: Store) -> None:
    name = chart(store, "Book", "Draft", "Write")
    child = store.run("default", charts.telescope, f"{name}_action_1", steps=["Inner"]).focus
    stays = chart(store, "Other")
    before = live(store)
    brought, taken = store.move("default", [name], "work")
    assert (brought.context, taken.context) == ("work", "default")
    assert set(live(store)) | set(live(store, "work")) == set(before)
    assert {f"e:{name}_chart", f"e:{child}_chart"} <= set(live(store, "work"))
    assert f"e:{stays}_chart" in live(store)
    assert store.chart("work", name).steps[0].child == child


def test_moving_nowhere_or_nothing_is_refused(store: Store) -> None:
    name = chart(store)
    with pytest.raises(Refused, match="already"):
        store.move("default", [name], "default")
    with pytest.raises(NotFound):
        store.move("default", ["chart_none"], "work")
    with pytest.raises(NotFound):
        store.move("none", [name], "work")
    assert f"e:{name}_chart" in live(store)


def test_archiving_asks_for_what_is_not_complete(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    with pytest.raises(NeedsConfirm):
        store.archive("default", [name])
    assert live(store, "archive") == {}
    before = live(store)
    store.archive("default", [name], confirmed=True)
    assert live(store) == {}
    store.unarchive([name])
    assert live(store, "archive") == {}
    assert live(store) == before


def test_a_crash_between_the_journals_is_finished_at_the_next_open(
    store: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = chart(store, "Book", "Draft")
    whole = set(live(store))
    _fail_second_half(store, monkeypatch)
    with pytest.raises(StorageError):
        store.move("default", [name], "work")
    monkeypatch.undo()
    assert set(live(store)) == set(live(store, "work")) == whole, "in both for a moment, never in neither"
    again = opened()
    again.catch_up()
    assert live(again) == {}
    assert set(live(again, "work")) == whole
    assert again.finish_moves() == 0
    again.undo()
    assert set(live(again)) == whole


def _fail_second_half(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal of the source takes nothing more once the target has its part."""
    from store.journal import Writer

    append = Writer.append

    def dies(self: Writer, drafts: object, **options: object) -> object:
        if self._journal.context == "default":
            raise StorageError("the power went")
        return append(self, drafts, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "append", dies)


def test_a_move_in_progress_is_not_taken_for_one_cut_short(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that opens the store between the two halves waits, and finds nothing to finish."""
    here, there = opened("ann"), opened("bob")
    name = chart(here, "Book", "Draft")
    finished: list[int] = []
    commit = here.commit
    opening: list[threading.Thread] = []

    def halfway(context: str, *args: object, **options: object) -> object:
        change = commit(context, *args, **options)  # type: ignore[arg-type]
        if context == "work":
            there.sync()
            thread = threading.Thread(target=lambda: finished.append(there.finish_moves()))
            thread.start()
            thread.join(0.1)
            opening.append(thread)
        return change

    monkeypatch.setattr(here, "commit", halfway)
    here.move("default", [name], "work")
    opening[0].join()
    assert finished == [0]
    here.sync()
    with here.snapshot() as snap:
        assert len(snap.transactions()) == 3, "the chart, and two halves of a move"


def test_an_edit_made_while_a_chart_moves_is_not_left_behind(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source stays locked until the charts are out of it: the edit comes before, or finds no chart."""
    here, there = opened("ann"), opened("bob")
    name = chart(here, "Book", "Draft")
    there.run("default", charts.note, f"{name}_action_1", "Before")
    commit = here.commit
    edited: list[object] = []
    editing: list[threading.Thread] = []

    def edit() -> None:
        try:
            edited.append(there.run("default", charts.note, f"{name}_action_1", "Meanwhile"))
        except ChartkeepError as error:
            edited.append(error)

    def halfway(context: str, *args: object, **options: object) -> object:
        change = commit(context, *args, **options)  # type: ignore[arg-type]
        if context == "work":
            editing.append(threading.Thread(target=edit))
            editing[0].start()
            editing[0].join(0.1)
        return change

    monkeypatch.setattr(here, "commit", halfway)
    here.move("default", [name], "work")
    editing[0].join()
    assert isinstance(edited[0], NotFound)
    assert live(here, "work")[f"e:{name}_action_1"]["observations"] == ["Draft", "Before"]
    assert live(here) == {}


def test_moves_both_ways_at_once_end_without_a_deadlock(opened: Opener) -> None:
    here, there = opened("ann"), opened("bob")
    one = chart(here, "One", "a")
    here.contexts.ensure("work")
    two = chart(here, "Two", "b", context="work")
    failures: list[BaseException] = []

    def move(store: Store, name: str, source: str, target: str) -> None:
        try:
            for _ in range(5):
                store.move(source, [name], target)
                store.move(target, [name], source)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [
        threading.Thread(target=move, args=(here, one, "default", "work")),
        threading.Thread(target=move, args=(there, two, "work", "default")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert f"e:{one}_chart" in live(here)
    assert f"e:{two}_chart" in live(here, "work")


def test_a_name_that_is_there_already_stops_the_move_before_anything_is_written(store: Store) -> None:
    name = chart(store, "Book")
    store.contexts.ensure("work")
    record = store.layout.chart_file("default")
    store.settle()
    store.layout.chart_file("work").write_bytes(record.read_bytes())
    store.catch_up()
    before = live(store)
    with pytest.raises(Refused, match="already has a record"):
        store.move("default", [name], "work")
    assert live(store) == before


def test_the_group_names_where_a_move_came_from_and_went(store: Store) -> None:
    group = transfer.group_name("a>b", "c/d")
    assert transfer.ends_of(transfer.group_name("work", "archive")) == ("work", "archive")
    assert group


def test_a_plan_for_nothing_moves_nothing(store: Store) -> None:
    """A transfer whose two plans are empty commits nothing on either side."""
    chart(store)
    before = live(store)

    def nothing(_source: object, _target: object, _ids: object) -> tuple[Plan, Plan]:
        return Plan("chart.move", "Nothing"), Plan("chart.move", "Nothing")

    changes = store.move("default", [], "work", planner=nothing)
    assert all(change.empty for change in changes)
    assert live(store) == before
