"""Contexts: found by scanning, made, renamed with their history, put away and brought back; whole, whatever happens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from store import charts, durable, exchange, records
from store.errors import Damaged, NotFound, Refused, StorageError, UsageError
from store.store import Store
from tests.stores import DATA, Opener, chart, live


def made(store: Store, context: str = "work") -> str:
    """A context with one chart, published; the chart's id."""
    store.contexts.ensure(context)
    name = chart(store, "Book", "Draft", context=context)
    store.settle()
    return name


def test_contexts_are_the_chart_files_there_are(folder: Path, store: Store) -> None:
    for name in (
        "charts-work.jsonl",
        "charts-Zeit & Raum.jsonl",
        "completed-charts.jsonl",
        "charts-work.sync-conflict-20260101-120000-ABCDEF.jsonl",
        "charts-.jsonl",
        "notes.jsonl",
        "charts.jsonl.bak",
    ):
        (folder / name).write_bytes(b"")
    assert store.contexts.names() == ["default", "work", "Zeit & Raum", "archive"]


def test_a_conflict_copy_is_never_touched(folder: Path, store: Store) -> None:
    copy = folder / "charts.sync-conflict-20260101-120000-ABCDEF.jsonl"
    copy.write_bytes(b'{"type":"entity","name":"other"}\n')
    chart(store)
    store.catch_up()
    store.settle()
    assert copy.read_bytes() == b'{"type":"entity","name":"other"}\n'
    assert "e:other" not in live(store)


def test_a_chart_file_put_there_becomes_a_context(folder: Path, store: Store) -> None:
    data = (DATA / "spiral" / "charts-work.jsonl").read_bytes()
    (folder / "charts-work.jsonl").write_bytes(data)
    store.catch_up()
    assert len(live(store, "work")) == len(data.splitlines())
    assert [info.name for info in store.contexts.info()] == ["default", "work"]


def test_a_context_is_made_once(store: Store) -> None:
    store.contexts.create("health")
    assert store.layout.chart_file("health").read_bytes() == b""
    with pytest.raises(Refused, match="is a context “health” already"):
        store.contexts.create("health")
    assert store.contexts.ensure("health") == "health"


@pytest.mark.parametrize(
    "name", ["", " a", "a/b", "../up", "default", "archive", "charts-x", "a.jsonl", "x" * 80, ".a"]
)
def test_names_that_make_no_file_name_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a context"):
        store.contexts.create(name)


def test_renaming_takes_file_and_history_along(store: Store) -> None:
    name = made(store)
    store.run("work", charts.complete, f"{name}_action_1")
    before = live(store, "work")
    store.contexts.rename("work", "play")
    assert store.contexts.names() == ["default", "play"]
    assert live(store, "play") == before
    with store.snapshot() as snap:
        assert len(snap.versions("play", f"e:{name}_action_1")) == 2
        assert snap.chart_ids("work") == []
    store.undo()
    assert not store.chart("play", name).steps[0].done
    with pytest.raises(NotFound):
        store.run("work", charts.add_step, name, "More")


def test_a_renamed_context_can_have_its_name_back(store: Store) -> None:
    name = made(store)
    for _ in range(2):
        store.contexts.rename("work", "play")
        store.contexts.rename("play", "work")
    assert f"e:{name}_chart" in live(store, "work")


def test_a_context_without_a_journal_yet_is_renamed(folder: Path, store: Store) -> None:
    (folder / "charts-work.jsonl").write_bytes((DATA / "spiral" / "charts-work.jsonl").read_bytes())
    count = len((DATA / "spiral" / "charts-work.jsonl").read_bytes().splitlines())
    store.contexts.rename("work", "play")
    assert len(live(store, "play")) == count


def test_what_must_stay_where_it_is(store: Store) -> None:
    made(store)
    for name in ("default", "archive"):
        with pytest.raises((UsageError, NotFound)):
            store.contexts.rename(name, "other")
    with pytest.raises(NotFound, match="no context “none”"):
        store.contexts.rename("none", "other")
    store.contexts.create("play")
    with pytest.raises(Refused, match="already"):
        store.contexts.rename("work", "play")


def test_archiving_and_bringing_back(store: Store) -> None:
    name = made(store)
    before = live(store, "work")
    place = store.contexts.archive("work")
    assert sorted(entry.name for entry in place.iterdir()) == ["charts-work.jsonl", "journal"]
    assert store.contexts.names() == ["default"]
    assert store.contexts.archived() == ["work"]
    assert [(info.name, info.archived) for info in store.contexts.info()] == [
        ("default", False),
        ("work", True),
    ]
    with pytest.raises(Refused, match="archived context “work”"):
        store.contexts.create("work")
    store.contexts.restore("work")
    assert store.contexts.archived() == []
    assert live(store, "work") == before
    store.run("work", charts.add_step, name, "More")
    with pytest.raises(NotFound):
        store.contexts.restore("work")


# -- cut short -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("what", ["rename", "archive", "restore"])
def test_what_a_crash_cuts_short_is_finished_at_the_next_open(
    store: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch, what: str, after: int
) -> None:
    made(store)
    before = live(store, "work")
    if what == "restore":
        store.contexts.archive("work")
    moves = []
    move = durable.move

    def dies(source: Path, target: Path) -> None:
        if len(moves) == after:
            raise StorageError("the power went")
        moves.append(source)
        move(source, target)

    monkeypatch.setattr(durable, "move", dies)
    remove = durable.remove_file
    if after == 2:  # everything moved, but the intent is still there

        def kept(path: Path, **options: bool) -> None:
            if path.name == ".renaming.json":
                raise StorageError("the power went")
            remove(path, **options)

        monkeypatch.setattr(durable, "remove_file", kept)
    with pytest.raises(StorageError):
        {
            "rename": lambda: store.contexts.rename("work", "play"),
            "archive": lambda: store.contexts.archive("work"),
            "restore": lambda: store.contexts.restore("work"),
        }[what]()
    monkeypatch.undo()
    again = opened()
    again.catch_up()
    name = {"rename": "play", "archive": None, "restore": "work"}[what]
    assert again.contexts.names() == ["default", *([name] if name else [])]
    assert again.contexts.archived() == (["work"] if what == "archive" else [])
    if name is None:
        name = again.contexts.restore("work")
    assert live(again, name) == before
    assert not (again.layout.journals / ".renaming.json").exists()
    assert not again.contexts.finish()


def test_a_store_moved_before_it_was_finished_is_finished_where_it_is(
    folder: Path, tmp_path: Path, opened: Opener
) -> None:
    store = opened()
    made(store)
    before = live(store, "work")
    intent = [[".journal/work", ".journal/play"], ["charts-work.jsonl", "charts-play.jsonl"]]
    (folder / ".journal" / ".renaming.json").write_bytes(records.sealed(intent))
    store.close()
    folder.rename(tmp_path / "elsewhere")
    again = opened(path=tmp_path / "elsewhere")
    again.catch_up()
    assert live(again, "play") == before


def test_nobody_takes_a_half_renamed_chart_file_for_a_new_context(
    folder: Path, store: Store, opened: Opener
) -> None:
    """Between the two moves the file lies under the old name without a journal: it is not imported anew."""
    made(store)
    before = live(store, "work")
    intent = [[".journal/work", ".journal/play"], ["charts-work.jsonl", "charts-play.jsonl"]]
    (folder / ".journal" / ".renaming.json").write_bytes(records.sealed(intent))
    (folder / ".journal" / "work").rename(folder / ".journal" / "play")
    other = opened()
    other.absorb("work")
    assert other.contexts.names() == ["default", "play"]
    assert live(other, "play") == before


# -- several processes -----------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["rename", "archive"])
def test_a_process_that_still_holds_the_old_journal_is_told(opened: Opener, what: str) -> None:
    here, there = opened("ann"), opened("bob")
    name = made(here)
    there.run("work", charts.add_step, name, "Bob's")
    before = live(here, "work")
    if what == "rename":
        here.contexts.rename("work", "play")
    else:
        here.contexts.archive("work")
    for _ in range(2):
        with pytest.raises(NotFound):
            there.run("work", charts.create_chart, "Bob's other book")
    assert "work" not in there.contexts.names()
    there.catch_up()
    there.settle()
    assert "work" not in here.contexts.names()
    if what == "rename":
        there.run("play", charts.add_step, name, "Bob's second")
        assert len(live(here, "play")) > len(before)
    else:
        here.contexts.restore("work")
        assert live(here, "work") == before
        there.run("work", charts.add_step, name, "Bob's second")


def test_locks_left_under_an_old_name_do_not_hold_up_its_next_owner(folder: Path, store: Store) -> None:
    made(store)
    before = live(store, "work")
    store.contexts.rename("work", "play")
    left = folder / ".journal" / "work"
    left.mkdir()
    (left / "chartfile.lock").touch()
    store.contexts.rename("play", "work")
    assert store.contexts.names() == ["default", "work"]
    assert live(store, "work") == before


def test_commands_and_renames_at_once_lose_nothing(opened: Opener) -> None:
    here, there = opened("ann"), opened("bob")
    name = made(here)
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        count = 0
        while not stop.is_set() and count < 60:
            for context in ("work", "play"):
                try:
                    there.run(context, charts.note, f"{name}_action_1", f"Note {count}")
                    acknowledged.append(f"Note {count}")
                    count += 1
                except NotFound:
                    continue

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(3):
        here.contexts.rename("work", "play")
        here.contexts.rename("play", "work")
    stop.set()
    thread.join()
    assert here.contexts.names() == ["default", "work"]
    assert live(here, "work")[f"e:{name}_action_1"]["observations"] == ["Draft", *acknowledged]


def test_a_command_that_comes_while_its_context_is_renamed_makes_no_second_one(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = opened("ann"), opened("bob")
    made(here)
    real = exchange.begun

    def renamed_before(store: Store, context: str) -> bool:
        monkeypatch.setattr(exchange, "begun", real)
        here.contexts.rename("work", "play")
        return real(store, context)

    monkeypatch.setattr(exchange, "begun", renamed_before)
    with pytest.raises(NotFound):
        chart(there, "Another", context="work")
    assert here.contexts.names() == ["default", "play"]
    here.contexts.rename("play", "work")


def test_a_context_made_by_another_process_is_seen(opened: Opener) -> None:
    here, there = opened("ann"), opened("bob")
    name = made(there, "health")
    assert here.contexts.names() == ["default", "health"]
    here.run("health", charts.add_step, name, "Mine")
    here.sync()
    assert len(here.chart("health", name).steps) == 2


def test_a_damaged_intent_is_told_and_not_obeyed(store: Store, folder: Path) -> None:
    made(store)
    raw = records.sealed([[".journal/work", ".journal/craft"], ["charts-work.jsonl", "charts-craft.jsonl"]])
    path = folder / ".journal" / ".renaming.json"
    for damaged in (b"", raw[:20], raw.replace(b"craft", b"crafy"), raw.replace(b"[[", b"[{", 1)):
        path.write_bytes(damaged)
        with pytest.raises(Damaged, match="delete that file"):
            store.contexts.finish()
    assert store.contexts.names() == ["default", "work"]
    path.unlink()
