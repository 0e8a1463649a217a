"""Compaction: everything stays readable, nobody is held up, nothing written meanwhile is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store import charts, clock, durable, journal_next
from store.carrying import Carrying
from store.errors import Damaged, Locked, NotFound, ReadOnly
from store.journal import Draft
from store.model import VersionRow
from store.store import Store
from store.upkeep import compaction
from tests.stores import Opener, chart, live

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fixed_clock() -> None:
    clock.fix(NOW)


def aged(store: Store, days: int) -> None:
    """Let time pass."""
    clock.fix(NOW + timedelta(days=days))


def busy(store: Store, facts: int = 30) -> str:
    """A chart with a past."""
    name = chart(store, "A book", "Draft", "Edit")
    for number in range(facts):
        store.run("default", charts.add_fact, name, f"Fact {number}")
    return name


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Have `do` happen once the new generation is written aside and before it is put in place."""
    real = durable.write_aside

    def write_aside(path: Path, chunks: object) -> Path:
        temp = real(path, chunks)  # type: ignore[arg-type]
        do()
        return temp

    monkeypatch.setattr(journal_next, "write_aside", write_aside)


def errors(store: Store) -> list[str]:
    return [str(item) for item in store.verify() if item.severity != "info"]


def rebuilt(store: Store) -> tuple[object, object]:
    """What the index knows of the whole history, before and after it was made anew."""

    def known() -> object:
        with store.snapshot() as snap:
            return (
                [row._replace(seq=0) for row in snap.transactions(limit=10_000)],
                sorted(snap.live_places("default")),
                [row.key for row in snap.live_records("default")],
            )

    before = known()
    store.rebuild()
    return before, known()


# -- nothing is forgotten --------------------------------------------------------------------------


@pytest.mark.parametrize("cold", [False, True])
def test_history_past_and_undo_stay(opened: Opener, cold: bool) -> None:
    store = opened("ann")
    name = busy(store)
    clock.fix(NOW + timedelta(hours=1))
    store.run("default", charts.add_fact, name, "Late")
    store.settle()
    state, before = live(store), store.chart("default", name, at=NOW)
    with store.snapshot() as snap:
        rows = snap.transactions(limit=1000)
    done = compaction.compact(store, "default")
    assert done.after < done.before / 3
    assert done.lines == len(state)
    assert done.dropped > 30
    if cold:
        assert compaction.freeze_all(store) == [done.archived.with_name("charts.1.jsonl.zst")]
        assert not done.archived.exists()
    assert live(store) == state
    assert store.chart("default", name, at=NOW) == before
    assert "Late" not in before.reality
    with store.snapshot() as snap:
        assert snap.transactions(limit=1000) == rows
    store.undo(rows[5].tx)
    assert rows[5].label.split()[-1] not in " ".join(store.chart("default", name).reality)
    store.undo()
    first, second = rebuilt(store)
    assert first == second
    store.settle()
    assert errors(store) == []


def test_a_chart_file_is_published_as_before(store: Store) -> None:
    busy(store)
    store.settle()
    before = store.layout.chart_file("default").read_bytes()
    compaction.compact(store, "default")
    store.settle()
    assert store.layout.chart_file("default").read_bytes() == before
    assert store.absorb() == []


def test_generations_follow_one_another(store: Store) -> None:
    name = busy(store)
    for number in range(3):
        assert compaction.compact(store, "default").generation == number + 2
        store.run("default", charts.add_fact, name, f"After {number}")
        compaction.freeze_all(store)
    assert store.journal("default").generations() == [1, 2, 3, 4]
    assert len(store.chart("default", name).reality) == 34
    for row in (rows := _versions(store, f"e:{name}_current_reality")):
        raw = store.journal("default").record_raw(row.generation, row.offset, row.length)
        assert raw is not None
    assert [row.ver for row in rows] == list(range(1, 35))
    first, second = rebuilt(store)
    assert first == second


def _versions(store: Store, key: str) -> list[VersionRow]:
    with store.snapshot() as snap:
        return snap.versions("default", key)


# -- deletions -------------------------------------------------------------------------------------


def _marks(store: Store) -> list[tuple[str, int]]:
    """The deletions the live generation holds."""
    lines = [tx.lines[0] for tx in store.journal("default").read()]
    return [(line.key, line.ver) for line in lines if line.raw is None]


def _deleted(store: Store) -> tuple[str, str]:
    """A chart that was deleted, and the key of its first step."""
    chart(store, "Stays")
    name = chart(store, "Goes", "step")
    store.run("default", charts.remove, [name])
    return name, f"e:{name}_action_1"


def test_a_young_deletion_is_carried_over(store: Store) -> None:
    _, key = _deleted(store)
    store.settle()
    for _ in range(3):
        aged(store, 29)
        compaction.compact(store, "default")
        assert (key, 2) in _marks(store)
    first, second = rebuilt(store)
    assert first == second


def test_a_deletion_made_while_the_generation_was_written_is_kept_by_the_next_one_too(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = opened("ann"), opened("bob")
    busy(store)
    name = chart(store, "Goes")
    meanwhile(monkeypatch, lambda: other.run("default", charts.remove, [name]))
    compaction.compact(store, "default")
    monkeypatch.undo()
    store.settle()
    for _ in range(2):
        compaction.compact(store, "default")
        assert (f"e:{name}_chart", 2) in _marks(store)
    assert list(store.journal("default").check()) == []


def test_an_old_deletion_goes_once_the_chart_file_was_published(store: Store) -> None:
    _, key = _deleted(store)
    aged(store, 91)
    compaction.compact(store, "default")
    assert (key, 2) in _marks(store), "an older value is in the chart file as last published"
    compaction.compact(store, "default")
    assert (key, 2) in _marks(store)
    store.publish()
    compaction.compact(store, "default")
    assert _marks(store) == []


def test_versions_count_on_and_undo_works_after_the_mark_has_gone(opened: Opener) -> None:
    store = opened("ann")
    _, key = _deleted(store)
    store.settle()
    aged(store, 91)
    compaction.compact(store, "default")
    compaction.freeze_all(store)
    assert _marks(store) == []
    store.rebuild()
    store.undo()
    assert [(row.ver, row.op) for row in _versions(store, key)] == [(1, "put"), (2, "delete"), (3, "put")]
    assert key in live(store)
    assert errors(store) == [] or all("lags" in item for item in errors(store))


def test_a_context_in_which_all_was_deleted_keeps_its_marks(store: Store) -> None:
    name = chart(store, "Goes")
    store.run("default", charts.remove, [name])
    store.settle()
    aged(store, 400)
    compaction.compact(store, "default")
    assert _marks(store)
    assert live(store) == {}


# -- while others work -----------------------------------------------------------------------------


def test_what_is_committed_meanwhile_is_carried_over(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = opened("ann"), opened("bob")
    name = busy(store)
    gone = chart(store, "Goes")
    other.sync()

    def work() -> None:
        other.run("default", charts.add_fact, name, "Meanwhile 1")
        other.run("default", charts.remove, [gone])
        for number in range(90):
            chart(other, f"New {number}")
        other.run("default", charts.add_fact, name, "Meanwhile 2")

    meanwhile(monkeypatch, work)
    compaction.compact(store, "default")
    monkeypatch.undo()
    facts = store.chart("default", name).reality
    assert facts[-2:] == ("Meanwhile 1", "Meanwhile 2")
    assert f"e:{gone}_chart" not in live(store)
    assert len([key for key in live(store) if key.endswith("_chart")]) == 91
    other.run("default", charts.add_fact, name, "After")
    assert store.journal("default").generations() == [1, 2]
    store.settle()
    assert errors(store) == []
    first, second = rebuilt(store)
    assert first == second


def test_what_is_committed_last_of_all_is_carried_over(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look without the lock and the lock."""
    store, other = opened("ann"), opened("bob")
    name = busy(store)
    gone = chart(store, "Goes")
    other.sync()

    def work(path: Path) -> None:
        durable.make_dirs(path)
        other.run("default", charts.add_fact, name, "Last of all")
        other.run("default", charts.remove, [gone])

    monkeypatch.setattr(journal_next, "make_dirs", work)
    compaction.compact(store, "default")
    monkeypatch.undo()
    state = live(store)
    assert "Last of all" in state[f"e:{name}_current_reality"]["observations"]
    assert f"e:{gone}_chart" not in state
    assert list(store.journal("default").check()) == []


@pytest.mark.parametrize("late", [False, True])
def test_an_archive_that_lost_its_end_is_found(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Also where its end came after the state that was written aside: the last line carried over tells."""
    store, other = opened("ann"), opened("bob")
    name = busy(store)
    if late:
        meanwhile(monkeypatch, lambda: other.run("default", charts.add_fact, name, "Meanwhile"))
    done = compaction.compact(store, "default")
    monkeypatch.undo()
    assert list(store.journal("default").check()) == []
    data = done.archived.read_bytes()
    done.archived.write_bytes(data[: data.rindex(b"\n", 0, -1) + 1])
    assert [item.code for item in store.journal("default").check()] == ["changed-generation"]


def test_an_index_left_behind_goes_on(opened: Opener) -> None:
    store, other = opened("ann"), opened("bob")
    name = busy(store)
    behind = other.index.position("default")
    journal = store.journal("default")
    with store.snapshot() as snap:
        places = list(snap.live_places("default"))
    store.run("default", charts.add_fact, name, "Not in the index")
    start = journal.position()
    newest = [line[:3] for tx in journal.read(store.index.position("default")) for line in tx.lines]
    with journal_next.exclusive(journal):
        journal.compact(start, [*places, *newest])
    assert other.index.position("default") != behind or behind is None
    position = other.index.position("default")
    assert position is not None
    assert position.generation == 1
    # A command needs no index that has followed: what is new around the beginning is a tail.
    other.run("default", charts.add_fact, name, "Planned on the tail")
    assert other.index.position("default") == position
    assert other.chart("default", name).reality[-2:] == ("Not in the index", "Planned on the tail")
    done = other.sync("default")[0]
    assert not done.reset
    first, second = rebuilt(other)
    assert first == second


def test_without_the_hint_the_index_follows_first(opened: Opener) -> None:
    store, other = opened("ann"), opened("bob")
    name = busy(store)
    other.run("default", charts.add_fact, name, "Seen")
    compaction.compact(store, "default")
    store.journal("default").start_generation(_live_lines(store))
    store.journal("default").carried.path.unlink()
    other.run("default", charts.add_fact, name, "Works")
    assert other.chart("default", name).reality[-2:] == ("Seen", "Works")


def _live_lines(store: Store) -> list[bytes]:
    with store.snapshot() as snap:
        return [store.journal("default").line_bytes(*place) for place in snap.live_places("default")]


WRITER = """
import sys
from store import charts, open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
for n in range(int(sys.argv[3])):
    change = store.run("default", charts.create_chart, f"{sys.argv[2]} {n}", "r")
    print(change.focus, flush=True)
    if n % 5 == 0:
        store.run("default", charts.add_fact, change.focus, "more")
"""


def test_processes_that_write_meanwhile_lose_nothing(folder: Path, opened: Opener) -> None:
    clock.fix(None)
    store = opened()
    busy(store, 5)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), who, "120"], stdout=subprocess.PIPE, text=True
        )
        for who in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    said: list[str] = []
    readers = [threading.Thread(target=lambda out=writer.stdout: said.extend(out)) for writer in writers]
    for reader in readers:
        reader.start()
    generations = 1
    while any(writer.poll() is None for writer in writers):
        generations = compaction.compact(store, "default").generation
    for reader in readers:
        reader.join()
    assert all(writer.returncode == 0 for writer in writers)
    assert generations > 3
    names = [line.strip() for line in said]
    assert len(names) == len(set(names)) == 240
    state = live(store)
    assert all(f"e:{name}_chart" in state for name in names)
    store.sync()  # the last of what others wrote may have come after the last compaction
    with store.snapshot() as snap:
        made = [row for row in snap.transactions(limit=10_000) if row.command == "chart.add"]
        assert len(made) == 241
        for name in names:
            assert [row.ver for row in snap.versions("default", f"e:{name}_chart")] in ([1], [1, 2])
    store.settle()
    assert errors(store) == []
    first, second = rebuilt(store)
    assert first == second


def test_a_second_compaction_waits_for_its_turn(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = opened(), opened()
    busy(store)
    met: list[Exception] = []

    def too() -> None:
        with pytest.raises(Locked) as caught:
            compaction.compact(other, "default")
        met.append(caught.value)

    meanwhile(monkeypatch, too)
    assert compaction.compact(store, "default").generation == 2
    assert "compaction" in str(met[0])


def test_a_journal_that_was_put_back_meanwhile_is_compacted_as_it_is_now(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = opened("ann"), opened("bob")
    name = busy(store)
    times = iter([lambda: other.journal("default").start_generation(_live_lines(other))])
    meanwhile(monkeypatch, lambda: next(times, lambda: None)())
    assert compaction.compact(store, "default").generation == 3
    assert len(store.chart("default", name).reality) == 31


# -- what is in the way ----------------------------------------------------------------------------


def test_damage_is_told_and_never_carried_over(store: Store) -> None:
    busy(store)
    store.settle()
    with store.snapshot() as snap:
        places = list(snap.live_places("default"))
    path = store.layout.journal("default")
    whole = path.read_bytes()
    for _, offset, length in places[::3]:
        for at in (5, length // 2, length - 20):
            data = bytearray(whole)
            data[offset + at] ^= 4
            path.write_bytes(bytes(data))
            carrying = Carrying(store.journal("default"), 300, "0" * 32)
            with pytest.raises(Damaged) as caught:
                list(carrying.blocks(places))
            assert caught.value.offset in (offset, places[0][1])
    path.write_bytes(bytes(data))
    with pytest.raises(Damaged, match="offset"):
        compaction.compact(store, "default")
    assert path.read_bytes() == bytes(data)
    assert list(path.parent.glob(".*")) == []


def test_what_a_crash_left_aside_is_removed(store: Store) -> None:
    busy(store)
    folder = store.layout.journal("default").parent
    dead = folder / ".charts.jsonl.4194399-00aa.ckpart"
    ours = folder / f".charts.jsonl.{os.getpid()}-00aa.ckpart"
    for file in (dead, ours):
        file.write_bytes(b"x")
    compaction.compact(store, "default")
    assert not dead.exists()
    assert ours.exists(), "its process lives"


def test_a_foreign_file_in_the_archive_is_kept_aside(store: Store) -> None:
    busy(store)
    archive = store.journal("default").archive
    archive.mkdir()
    (archive / "charts.1.jsonl").write_bytes(b"what is this?")
    compaction.compact(store, "default")
    kept = list(store.layout.recovery.glob("default-charts.1.jsonl-*"))
    assert [file.read_bytes() for file in kept] == [b"what is this?"]
    assert list(store.journal("default").check()) == []


def test_only_a_journal_that_is_there_is_compacted(opened: Opener) -> None:
    store = opened()
    with pytest.raises(NotFound):
        compaction.compact(store, "nowhere")
    busy(store)
    with pytest.raises(ReadOnly):
        compaction.compact(opened(readonly=True), "default")


def test_a_cold_archive_that_is_damaged_is_told_by_file_and_offset(store: Store) -> None:
    name = busy(store)
    compaction.compact(store, "default")
    path = compaction.freeze_all(store)[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(bytes(data))
    with pytest.raises(Damaged, match=r"charts\.1\.jsonl\.zst, offset 0"):
        store.chart("default", name, at=NOW)
    assert any(item.severity == "error" for item in store.verify())
    assert store.chart("default", name).reality[-1] == "Fact 29"
    store.rebuild()
    assert store.chart("default", name).reality[-1] == "Fact 29"


# -- other families, and when it pays --------------------------------------------------------------


def test_a_family_without_an_index_is_compacted_too(store: Store) -> None:
    journal = store.journal("default", "activity")
    for number in range(200):
        with journal.writer() as writer:
            writer.append(
                [Draft("put", f"m:{number % 10}", number // 10 + 1, b'{"value":%d}' % number)], by="ann"
            )
    with journal.writer() as writer:
        writer.append([Draft("delete", "m:3", 21, None)], by="ann")
    done = compaction.compact(store, "default", "activity")
    assert (done.lines, done.dropped) == (10, 191)
    lines = [tx.lines[0] for tx in journal.read()]
    assert [(line.key, line.ver) for line in lines] == [
        ("m:3", 21),
        *((f"m:{number}", 20) for number in range(10) if number != 3),
    ]
    aged(store, 91)
    assert compaction.compact(store, "default", "activity").lines == 9
    assert list(journal.check()) == []


def test_compaction_is_due_by_size_and_share(folder: Path, opened: Opener) -> None:
    (folder / "chartkeep.toml").write_text("[upkeep]\ncompact_megabytes = 0.02\ncompact_share = 0.5\n")
    store = opened()
    name = chart(store, "A book")
    assert compaction.due(store) == []
    store.contexts.create("work")
    for number in range(60):
        store.run("default", charts.add_fact, name, f"Fact {number}")
        chart(store, f"Work {number}", context="work")
    assert store.layout.journal("work").stat().st_size > 20_000
    assert compaction.due(store) == [("default", "charts")]
    saving = compaction.estimate(store, "default")
    assert saving.share > 0.5
    done = compaction.compact(store, "default")
    assert abs(done.after - saving.after) < saving.after / 5
    assert compaction.due(store) == []


def test_archives_turn_cold_with_age(folder: Path, opened: Opener) -> None:
    clock.fix(None)
    (folder / "chartkeep.toml").write_text("[upkeep]\ncold_days = 30\n")
    store = opened()
    busy(store)
    compaction.compact(store, "default")
    assert compaction.freeze_old(store) == []
    clock.fix(datetime.now(UTC) + timedelta(days=31))
    assert [path.name for path in compaction.freeze_old(store)] == ["charts.1.jsonl.zst"]
    assert compaction.freeze_old(store) == []
    assert store.journal("default").archived(1).name == "charts.1.jsonl.zst"
    assert list(store.journal("default").check()) == []


def test_it_shows_as_a_job(store: Store) -> None:
    busy(store)
    compaction.compact(store, "default")
    compaction.freeze_all(store)
    kinds = {job.kind: job for job in store.jobs.all()}
    assert "lines in the archive only" in kinds["compact"].note
    assert kinds["freeze"].state == "completed"
