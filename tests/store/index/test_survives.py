"""Crashes, damage and other processes: the index is trusted only where it stands on the journal's chain."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store.errors import StorageError
from store.index import Index, derive, rows, schema
from store.index.sync import Applier
from tests.store.index.conftest import Writer, chart, contents, entity

Fresh = Callable[..., dict[str, list[tuple[Any, ...]]]]


def test_a_crash_within_a_sync_leaves_the_old_state(
    index: Index, writer: Writer, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.put(*chart("chart_1", "One"))
    index.sync(writer.journal)
    before = contents(index)
    writer.put(*chart("chart_2", "Two", "step"))
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(derive, "derive", die)
        with pytest.raises(KeyboardInterrupt):
            index.sync(writer.journal)
    assert contents(index) == before
    index.sync(writer.journal)
    assert contents(index) == fresh(writer.journal)


def test_a_sync_ends_though_another_writes_faster(
    index: Index, writer: Writer, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first in (1, 2):  # an index that never read the journal, and one that did
        writer.put(entity("note", f"first {first}"))
        real, written = Applier.apply, 0

        def apply(*args: Any, real: Any = real, first: int = first) -> None:
            nonlocal written
            real(*args)
            written += 1
            assert written < 50
            writer.put(entity("note", f"{first} {written}"))

        with monkeypatch.context() as patch:
            patch.setattr(Applier, "apply", apply)
            index.sync(writer.journal)
    index.sync(writer.journal)
    assert contents(index) == fresh(writer.journal)


def _die_in_sync(path: Path, folder: Path) -> None:
    Applier.finish = lambda *_, **__: os._exit(9)  # type: ignore[method-assign,assignment,misc]
    Index.open(path).sync(Writer(folder).journal)


def test_a_process_killed_within_a_sync_leaves_the_old_state(
    index: Index, writer: Writer, fresh: Fresh, tmp_path: Path
) -> None:
    writer.put(*chart("chart_1", "One"))
    index.sync(writer.journal)
    before = contents(index)
    writer.put(*chart("chart_2", "Two"))
    process = multiprocessing.get_context("fork").Process(target=_die_in_sync, args=(index.path, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert contents(index) == before
    index.sync(writer.journal)
    assert contents(index) == fresh(writer.journal)


def _sync_often(path: Path, folder: Path, times: int) -> None:
    index, journal = Index.open(path), Writer(folder).journal
    for _ in range(times):
        index.sync(journal)


def test_processes_that_sync_and_rebuild_at_once_agree(
    index: Index, writer: Writer, fresh: Fresh, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=_sync_often, args=(index.path, tmp_path, 40)) for _ in range(3)]
    writer.put(*chart("chart_0", "Nought"))
    for process in others:
        process.start()
    for n in range(1, 30):
        writer.put(*chart(f"chart_{n}", f"Number {n}", "step", parentChart=f"chart_{n // 2}"))
        if n % 10 == 0:
            index.rebuild([writer.journal])
    for process in others:
        process.join()
        assert process.exitcode == 0
    index.sync(writer.journal)
    assert contents(index) == fresh(writer.journal)


def test_a_reader_goes_over_to_a_file_rebuilt_by_another(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One"))
    index.sync(writer.journal)
    with index.snapshot() as old:
        other = Index(index.path)
        other.rebuild([writer.journal])
        writer.put(*chart("chart_2", "Two"))
        other.sync(writer.journal)
        other.close()
        assert old.count() == 1
    with index.snapshot() as new:
        assert new.count() == 2
    left = [path.name for path in index.path.parent.glob("chartkeep-*.db")]
    assert left == [os.readlink(index.path)]


def test_a_snapshot_is_one_state_while_others_write(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        writer.put(*chart("chart_2", "Two"))
        done = threading.Thread(target=index.sync, args=(writer.journal,))
        done.start()
        done.join()
        assert snap.count() == 1
        with index.snapshot() as inner:
            assert inner.count() == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"this is no database at all" * 500),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + os.urandom(path.stat().st_size - 4096)),
        lambda path: path.unlink(),
    ],
    ids=["foreign", "empty", "cut", "garbled", "gone"],
)
def test_a_damaged_database_is_put_aside_and_made_anew(
    index: Index, writer: Writer, fresh: Fresh, damage: Callable[[Path], object]
) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    index.sync(writer.journal)
    index.close()
    real = Path(os.path.realpath(index.path))
    for suffix in ("-wal", "-shm"):
        real.with_name(real.name + suffix).unlink(missing_ok=True)
    damage(real)
    again = Index.open(index.path)
    again.sync(writer.journal)
    assert contents(again) == fresh(writer.journal)
    again.close()


def test_damage_met_by_a_query_is_told_and_mended(index: Index, writer: Writer, fresh: Fresh) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    index.sync(writer.journal)
    index.checkpoint()
    with sqlite3.connect(index.path) as conn:
        conn.execute("DROP TABLE steps")
    with pytest.raises(StorageError, match="try again"), index.snapshot() as snap:
        snap.steps("default", "chart_1")
    index.sync(writer.journal)
    assert contents(index) == fresh(writer.journal)
    assert (index.path.parent / "chartkeep.damaged").exists()


def test_another_schema_version_is_made_anew(
    index: Index, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.put(*chart("chart_1", "One"))
    index.sync(writer.journal)
    index.close()
    monkeypatch.setattr(Index, "schema", schema.CHARTS._replace(version="next"))
    again = Index.open(index.path)
    assert again.empty
    assert again.sync(writer.journal).reset
    with again.snapshot() as snap:
        assert snap.count() == 1
    again.close()


def test_a_journal_that_was_cut_back_is_read_anew(
    index: Index, writer: Writer, fresh: Fresh, tmp_path: Path
) -> None:
    writer.put(*chart("chart_1", "One"))
    end = writer.journal.position().offset
    writer.put(*chart("chart_2", "Two"))
    index.sync(writer.journal)
    writer.journal.close()
    with writer.journal.path.open("r+b") as file:
        file.truncate(end)
    for witness in tmp_path.rglob("*.witness"):
        witness.unlink()
    other = Writer(tmp_path)
    assert index.sync(other.journal).reset
    assert contents(index) == fresh(other.journal)


def test_damage_in_the_journal_leaves_what_lies_before_it(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One"))
    end = writer.journal.position().offset
    writer.put(*chart("chart_2", "Two"))
    writer.put(*chart("chart_3", "Three"))
    raw = bytearray(writer.journal.path.read_bytes())
    raw[end + 60] ^= 1
    writer.journal.path.write_bytes(bytes(raw))
    writer.journal.close()
    done = index.sync(writer.journal)
    assert done.damage is not None
    assert done.transactions == 1
    with index.snapshot() as snap:
        assert snap.chart_ids("default") == ["chart_1"]
    assert index.sync(writer.journal).transactions == 0


def test_a_new_generation_keeps_the_history(index: Index, writer: Writer, fresh: Fresh) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    writer.put(entity("action_step", "chart_1_action_1", "better", chartId="chart_1"))
    writer.delete("e:chart_1_current_reality")
    index.sync(writer.journal)
    with index.snapshot() as snap:
        live = [
            writer.journal.line_bytes(row.generation, row.offset, row.length)
            for row in snap.live_records("default")
        ]
        before = snap.versions("default", "e:chart_1_action_1")
    writer.journal.start_generation(live)
    done = index.sync(writer.journal)
    assert not done.reset
    assert done.lines == 0
    writer.put(entity("action_step", "chart_1_action_1", "best", chartId="chart_1"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        versions = snap.versions("default", "e:chart_1_action_1")
        assert versions[:2] == before
        assert versions[2].generation == 2
        record = snap.record("default", "e:chart_1_chart")
        assert record is not None
        assert record.generation == 2
    synced, rebuilt = contents(index), fresh(writer.journal)
    for name in ("records", "versions", "transactions", "charts", "steps"):
        assert synced[name] == rebuilt[name], name


def test_forgetting_a_context_leaves_the_others(
    index: Index, writer: Writer, fresh: Fresh, tmp_path: Path
) -> None:
    other = Writer(tmp_path, "work")
    writer.put(*chart("chart_1", "One", "step"))
    other.put(*chart("chart_1", "Another", "step"))
    index.sync(writer.journal)
    index.sync(other.journal)
    index.forget("work")
    assert contents(index) == fresh(writer.journal)
    assert index.position("work") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="locked"):
        Index.open(folder / "chartkeep.sqlite")


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError):
        Index.open(tmp_path / "file" / "chartkeep.sqlite")


def test_without_links_the_pages_are_copied(
    index: Index, writer: Writer, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    index.sync(writer.journal)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    writer.put(*chart("chart_2", "Two"))
    index.rebuild([writer.journal])
    assert contents(index) == fresh(writer.journal)


def test_seq_rises_with_the_journal_even_when_the_clock_goes_back() -> None:
    first = rows.next_seq(0, "2026-11-21T06:00:00.000000Z", 1)
    second = rows.next_seq(first, "2020-01-01T00:00:00.000000Z", 1)
    assert second > first
    assert rows.next_seq(second, "no date", 1) > second
    assert rows.next_seq(0, "9999-12-31T23:59:59Z", 1) < 1 << 63
