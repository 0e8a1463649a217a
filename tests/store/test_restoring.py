"""Restoring: the whole store as a backup has it, charts and contexts as they were; nothing is lost by it."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store import charts, clock, open_store, records
from store.errors import ChartkeepError, Damaged, Locked, NotFound, ReadOnly, Refused, StorageError
from store.model import Edit, Plan
from store.store import Store
from store.upkeep.backup import open_repository
from store.upkeep.backup.taking import take
from store.upkeep.recovery import restore_past, restoring
from tests.stores import Opener, chart, live

BEGIN = datetime(2026, 11, 1, 12, tzinfo=UTC)


def states(store: Store) -> dict[str, Any]:
    return {name: state for name in store.contexts.names() if (state := live(store, name))}


def errors(store: Store) -> list[str]:
    found = [item for item in store.verify() if item.severity == "error"]
    return [str(item) for item in found if ".backup" not in item.path]


def files(folder: Path) -> dict[str, bytes]:
    """The files a backup holds, by name: journals and chart files."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.jsonl"))
        if not {".recovery", ".backup"} & set(path.parts) and path.name != "published.jsonl"
    }


def bring_back(store: Store, to: Path | None = None, id: str | None = None) -> restoring.Restored:
    repository = open_repository(store)
    return restoring.restore_store(store, repository, repository.find(id), to)


class Made:
    """A store with a backup of `then`, changed since."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.book = chart(store, "Book", "Draft")
        store.contexts.create("work")
        chart(store, "Job", context="work")
        store.settle()
        self.folder = store.root
        self.backup = take(store)
        self.then, self.files = states(store), files(store.root)
        store.run("default", charts.remove, self.book)
        self.house = chart(store, "House")
        store.contexts.create("later")
        chart(store, "Later", context="later")
        store.settle()
        self.now = states(store)


@pytest.fixture
def made(opened: Opener) -> Made:
    return Made(opened("ann"))


# -- the whole store -----------------------------------------------------------------------------------


def test_the_store_is_to_the_byte_what_it_was(made: Made) -> None:
    done = bring_back(made.store)
    assert states(made.store) == made.then
    assert files(made.folder) == made.files
    assert errors(made.store) == []
    assert sorted(made.store.contexts.names()) == ["default", "work"]
    assert not list(made.folder.glob(".restoring-*"))
    with made.store.snapshot() as snap:
        assert [row.title for row in snap.charts(["default"])] == ["Book"]
    assert done.replaced is not None


def test_what_was_replaced_is_a_store_of_its_own(made: Made, tmp_path: Path) -> None:
    done = bring_back(made.store)
    assert done.replaced is not None
    shutil.copytree(done.replaced, tmp_path / "old" / ".coaia")
    with open_store(tmp_path / "old") as old:
        old.sync()
        assert states(old) == made.now


def test_it_can_be_restored_back_and_forth(made: Made) -> None:
    later = take(made.store)
    bring_back(made.store, id=made.backup.id)
    assert states(made.store) == made.then
    bring_back(made.store, id=later.id)
    assert states(made.store) == made.now
    assert errors(made.store) == []
    assert len(list(made.folder.glob(".recovery/replaced-*"))) == 2


def test_an_open_process_carries_on(made: Made, opened: Opener) -> None:
    other = opened("bob")
    other.run("default", charts.add_fact, made.house, "Before")
    other.sync()
    bring_back(made.store)
    with pytest.raises(NotFound):
        other.run("default", charts.add_fact, made.house, "After")
    other.run("default", charts.add_fact, made.book, "After")
    other.settle()
    assert "After" in other.chart("default", made.book).reality
    assert errors(other) == []
    made.store.sync()
    assert live(made.store) == live(other)


def test_who_waits_for_a_lock_goes_on(made: Made, opened: Opener) -> None:
    other = opened("bob")
    other.sync()
    failed: list[ChartkeepError] = []
    names: list[str] = []

    def write() -> None:
        for number in range(12):
            try:
                names.append(chart(other, f"New {number}"))
            except ChartkeepError as error:
                failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    done = bring_back(made.store)
    thread.join()
    assert failed == []
    made.store.sync()
    state = live(made.store)
    assert done.replaced is not None
    old = (done.replaced / ".journal/default/charts.jsonl").read_text()
    assert [name for name in names if f"e:{name}_chart" not in state and name not in old] == []
    assert errors(made.store) == []


def test_a_damaged_store_is_restored(made: Made) -> None:
    path = made.store.layout.journal("default")
    made.store.close()
    path.write_bytes(b"garbage")
    (made.folder / "charts.jsonl").write_bytes(b"")
    with open_store(made.folder) as store:
        done = bring_back(store)
        assert states(store) == made.then
        assert errors(store) == []
    assert done.replaced is not None
    assert (done.replaced / ".journal/default/charts.jsonl").read_bytes() == b"garbage"


def test_a_chart_file_that_another_program_had_changed_is_as_it_was(opened: Opener) -> None:
    store = opened("ann")
    chart(store, "Book")
    store.settle()
    path = store.layout.chart_file("default")
    path.write_bytes(
        path.read_bytes() + b'{"type":"entity","name":"foreign","entityType":"x","observations":[]}\n'
    )
    take(store)
    before = path.read_bytes()
    store.catch_up()
    store.settle()
    chart(store, "House")
    store.settle()
    bring_back(store)
    store.catch_up()
    assert "e:foreign" in live(store)
    assert sorted(path.read_bytes().splitlines()) == sorted(before.splitlines())


def test_settings_and_archived_contexts_come_back(opened: Opener) -> None:
    store = opened("ann")
    store.contexts.create("old")
    chart(store, "Old", context="old")
    store.contexts.archive("old")
    store.layout.settings.write_text("[charts]\ndue_soon_days = 3\n")
    take(store)
    store.contexts.restore("old")
    store.layout.settings.write_text("[charts]\ndue_soon_days = 9\n")
    bring_back(store)
    assert store.contexts.archived() == ["old"]
    assert "old" not in store.contexts.names()
    assert "= 3" in store.layout.settings.read_text()


def test_archived_generations_come_back_plain(made: Made) -> None:
    from store.cold import freeze

    store = made.store
    store.journal("default").start_generation([])
    store.sync()
    archived = made.folder / ".journal/default/archive/charts.1.jsonl"
    data = archived.read_bytes()
    later = take(store)
    freeze(archived)
    bring_back(store, id=later.id)
    assert archived.read_bytes() == data
    assert not archived.with_name("charts.1.jsonl.zst").exists()
    assert errors(store) == []


# -- into a folder -------------------------------------------------------------------------------------


def test_into_a_new_folder(made: Made, tmp_path: Path) -> None:
    before = files(made.folder)
    done = bring_back(made.store, tmp_path / "new" / "place")
    assert done.replaced is None
    assert files(made.folder) == before
    with open_store(tmp_path / "new" / "place") as store:
        assert store.root == done.folder
        assert states(store) == made.then
        assert files(store.root) == made.files
        assert errors(store) == []


def test_a_folder_that_is_not_empty_is_refused(made: Made, tmp_path: Path) -> None:
    place = tmp_path / "full"
    place.mkdir()
    (place / "mine.txt").write_text("x")
    with pytest.raises(Refused, match="not empty"):
        bring_back(made.store, place)
    assert [path.name for path in place.iterdir()] == ["mine.txt"]
    with pytest.raises(Refused):
        bring_back(made.store, place / "mine.txt")


def test_a_single_chart_file(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "memory.jsonl"
    path.write_bytes(b"")
    store = opened("ann", path=path)
    context = store.contexts.names()[0]
    chart(store, "Book", context=context)
    store.settle()
    take(store)
    then, data = states(store), path.read_bytes()
    chart(store, "House", context=context)
    store.settle()
    bring_back(store)
    assert states(store) == then
    assert path.read_bytes() == data
    done = bring_back(store, tmp_path / "new")
    with open_store(done.folder / "memory.jsonl") as again:
        assert states(again) == then


# -- what goes wrong -----------------------------------------------------------------------------------


def unchanged(made: Made) -> None:
    assert states(made.store) == made.now
    assert not list(made.folder.glob(".recovery/replaced-*"))
    assert not list(made.folder.glob(".restoring-*"))
    assert errors(made.store) == []


def test_a_wrong_id_and_a_time_before_the_first_backup(made: Made) -> None:
    with pytest.raises(NotFound, match="no backup whose id"):
        bring_back(made.store, id="ffff")
    with pytest.raises(NotFound, match="before"):
        open_repository(made.store).find(at=BEGIN - timedelta(days=9000))
    unchanged(made)


def test_a_missing_piece_of_the_backup(made: Made) -> None:
    objects = sorted((made.folder / ".backup/objects").rglob("*"))
    next(path for path in objects if path.is_file()).unlink()
    with pytest.raises(Damaged, match="missing"):
        bring_back(made.store)
    unchanged(made)


def test_a_full_disk(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(made.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=10))
    with pytest.raises(StorageError, match="free some space"):
        bring_back(made.store)
    monkeypatch.undo()
    unchanged(made)


def test_bytes_that_are_written_wrong_are_noticed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from store import durable

    real = durable.write_file

    def wrong(path: Path, chunks: Any, **options: Any) -> None:
        real(path, chunks, **options)
        if ".restoring" in str(path) and path.name == "charts.jsonl":
            data = bytearray(path.read_bytes())
            data[100] ^= 1
            path.write_bytes(data)

    monkeypatch.setattr(durable, "write_file", wrong)
    with pytest.raises(Damaged, match="was not written as the backup"):
        bring_back(made.store)
    monkeypatch.undo()
    unchanged(made)


def test_what_a_restore_that_died_has_left_is_removed(made: Made) -> None:
    dead, alive = made.folder / ".restoring-999999999-ab", made.folder / ".restoring-1-ab"
    for folder in (dead, alive):
        (folder / ".journal").mkdir(parents=True)
        (folder / ".journal" / "half").write_bytes(b"x")
    bring_back(made.store)
    assert not dead.exists()
    assert alive.exists()


def test_a_store_for_reading_only_is_not_restored(made: Made, opened: Opener) -> None:
    reader = opened("bob", readonly=True)
    with pytest.raises(ReadOnly):
        bring_back(reader)


def test_a_lock_that_is_held_too_long(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    made.store._settings = replace(made.store.settings, lock_timeout=0.2)
    holder = open_store(made.folder)
    with holder.journal("work").locked(5.0, "thinking"), pytest.raises(Locked):
        bring_back(made.store)
    holder.close()
    unchanged(made)


# -- charts and contexts -------------------------------------------------------------------------------


@pytest.fixture
def story(opened: Opener) -> tuple[Store, str, list[dict[str, Any]]]:
    """A store with a change every hour, the chart's id, and the state after each."""
    store = opened("ann")
    told = []

    def note() -> None:
        told.append(live(store))

    clock.fix(BEGIN)
    book = chart(store, "Book", "Draft", "Print")
    note()
    for number, work in enumerate(
        (
            lambda: store.run("default", charts.add_fact, book, "Fact"),
            lambda: store.run("default", charts.telescope, f"{book}_action_1"),
            lambda: chart(store, "House"),
            lambda: store.run("default", charts.remove, [f"{book}_action_2"], confirmed=True),
            lambda: store.run("default", charts.remove, [book], confirmed=True),
        ),
        1,
    ):
        clock.fix(BEGIN + timedelta(hours=number))
        work()
        note()
    clock.fix(BEGIN + timedelta(hours=10))
    store.settle()
    return store, book, told


def hour(number: float) -> datetime:
    return BEGIN + timedelta(hours=number, minutes=30)


@pytest.mark.parametrize("number", range(6))
def test_a_context_as_it_was_at_any_time(story: tuple[Store, str, list[dict[str, Any]]], number: int) -> None:
    store, _, told = story
    last = live(store)
    with restore_past.past_of(store, "default", hour(number)) as past:
        change = restore_past.restore_context(store, "default", past, "then")
    assert live(store) == told[number]
    assert change.command == "restore" or change.empty
    if not change.empty:
        store.undo()
        assert live(store) == last
    assert errors(store) == []


def test_a_deleted_chart_comes_back_with_the_keys_it_had(
    story: tuple[Store, str, list[dict[str, Any]]],
) -> None:
    store, book, told = story
    with restore_past.past_of(store, "default", hour(2)) as past:
        assert restore_past.find_charts(past, ["Book"]) == [book]
        assert restore_past.find_charts(past, [book[-6:]]) == [book]
        plan = restore_past.planned(store, "default", past, "then", [book])
        change = restore_past.restore_charts(store, "default", [book], past, "then")
    assert len(plan.edits) == len(change.edits)
    state = live(store)
    assert told[2].items() <= state.items()
    assert any("House" in str(record) for record in state.values()), "made since, elsewhere: it stays"
    assert store.chart("default", book).steps[0].child is not None
    store.undo()
    assert live(store) == told[-1]


def test_what_came_below_a_chart_since_goes(story: tuple[Store, str, list[dict[str, Any]]]) -> None:
    store, book, told = story
    with restore_past.past_of(store, "default", hour(2)) as past:
        restore_past.restore_charts(store, "default", [book], past, "then")
    with restore_past.past_of(store, "default", hour(0)) as past:
        restore_past.restore_charts(store, "default", [book], past, "then")
    state = live(store)
    assert {key: value for key, value in state.items() if key in told[0]} == told[0]
    assert not [key for key in state if key in told[2] and key not in told[0]]


def test_what_was_elsewhere_then_goes_back_there(opened: Opener) -> None:
    store = opened("ann")
    clock.fix(BEGIN)
    book, house = chart(store, "Book", "Draft"), chart(store, "House")
    told = live(store)
    clock.fix(BEGIN + timedelta(hours=1))

    def below(view: Any) -> Plan:
        held = view.get(f"e:{house}_chart")
        record = {**held.record, "metadata": {**held.record["metadata"], "parentChart": book}}
        return Plan("x", "x", [Edit("put", f"e:{house}_chart", record)])

    store.run("default", below)
    with restore_past.past_of(store, "default", hour(0)) as past:
        restore_past.restore_charts(store, "default", [book], past, "then")
    assert live(store) == told


def test_a_chart_whose_parent_is_gone_comes_back_without_the_tie(opened: Opener) -> None:
    store = opened("ann")
    clock.fix(BEGIN)
    book = chart(store, "Book", "Draft")
    child = store.run("default", charts.telescope, f"{book}_action_1").focus
    assert child is not None
    record = {"type": "relation", "from": f"{child}_chart", "to": f"{book}_chart", "relationType": "ties"}
    tie = Edit("put", records.key_of(record, b""), record)
    store.run("default", lambda _view: Plan("x", "x", [tie]))
    clock.fix(BEGIN + timedelta(hours=1))
    store.run("default", charts.remove, [book], confirmed=True)
    with restore_past.past_of(store, "default", hour(0)) as past:
        restore_past.restore_charts(store, "default", [child], past, "then")
    state = live(store)
    assert f"e:{child}_chart" in state
    assert tie.key not in state


def test_nothing_is_written_where_nothing_differs(story: tuple[Store, str, list[dict[str, Any]]]) -> None:
    store, _, _ = story
    with restore_past.past_of(store, "default", hour(9)) as past:
        assert restore_past.restore_context(store, "default", past, "then").empty


def test_a_time_before_everything_and_a_chart_that_was_not_there(
    story: tuple[Store, str, list[dict[str, Any]]],
) -> None:
    store, book, told = story
    with (
        pytest.raises(NotFound, match="held nothing"),
        restore_past.past_of(store, "default", BEGIN - timedelta(days=1)),
    ):
        pass
    with restore_past.past_of(store, "default", hour(0)) as past:
        with pytest.raises(NotFound):
            restore_past.find_charts(past, ["House"])
        with pytest.raises(NotFound):
            restore_past.restore_charts(store, "default", [book, "chart_1"], past, "then")
    assert live(store) == told[-1]


def test_charts_and_contexts_from_a_backup(made: Made) -> None:
    store = made.store
    repository = open_repository(store)
    with restore_past.past_in(store, repository, made.backup, "default") as past:
        restore_past.restore_charts(store, "default", [made.book], past, "then")
    assert made.then["default"].items() <= live(store).items()
    assert f"e:{made.house}_chart" in live(store)
    store.undo()
    assert states(store) == made.now
    store.contexts.archive("work")
    with restore_past.past_in(store, repository, made.backup, "work") as past, pytest.raises(Refused):
        restore_past.restore_context(store, "work", past, "then")
    with (
        pytest.raises(NotFound, match="holds no context"),
        restore_past.past_in(store, repository, made.backup, "later"),
    ):
        pass


def test_a_context_that_is_gone_is_made_again(made: Made) -> None:
    store = made.store
    store.close()
    shutil.rmtree(made.folder / ".journal" / "work")
    (made.folder / "charts-work.jsonl").unlink()
    with open_store(made.folder) as again:
        again.catch_up()
        repository = open_repository(again)
        with restore_past.past_in(again, repository, made.backup, "work") as past:
            restore_past.restore_context(again, "work", past, "then")
        again.settle()
        assert live(again, "work") == made.then["work"]
        assert errors(again) == []
