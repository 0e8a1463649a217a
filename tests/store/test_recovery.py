"""Recovering a store: exact bytes where they are to be had, values from elsewhere where not, and all of it said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from store import charts, clock, durable, open_store, records
from store.errors import Damaged, TooNew
from store.store import Store
from store.upkeep.backup.taking import take
from store.upkeep.recovery import recover as recovery
from store.upkeep.recovery import recovery_log
from tests.stores import Opener, chart, live

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"


class Kept(NamedTuple):
    """A store that was closed, and what was in it."""

    folder: Path
    data: bytes
    state: dict[str, Any]
    book: str

    @property
    def journal(self) -> Path:
        return self.folder / ".journal/default/charts.jsonl"


def fill(store: Store) -> str:
    book = chart(store, "Book", "Draft", "Print")
    house = chart(store, "House", "Plan", "Build")
    for number in range(4):
        store.run("default", charts.add_fact, book if number % 2 else house, f"Fact {number}")
    store.run("default", charts.set_due, book, "2030-01-02")
    store.undo()
    store.run("default", charts.complete, f"{house}_action_1", done=True)
    store.run("default", charts.remove, [f"{book}_action_2"], confirmed=True)
    store.settle()
    return book


@pytest.fixture
def kept(folder: Path, opened: Opener) -> Kept:
    store = opened("ann")
    book = fill(store)
    data, state = store.layout.journal("default").read_bytes(), live(store)
    store.close()
    return Kept(folder, data, state, book)


@pytest.fixture
def backed(folder: Path, opened: Opener) -> Kept:
    """The same, with a backup of all of it."""
    store = opened("ann")
    book = fill(store)
    data, state = store.layout.journal("default").read_bytes(), live(store)
    take(store)
    store.close()
    return Kept(folder, data, state, book)


def errors(store: Store) -> list[str]:
    return [str(item) for item in store.verify() if item.severity == "error"]


def recovered(opened: Opener, folder: Path) -> tuple[Store, recovery.Recovered]:
    """A store recovered, found whole, with nothing left to do, and fit to be written to."""
    store = opened("bob", path=folder)
    done = recovery.recover(store)
    assert errors(store) == [], done.lines
    assert done.findings == []
    assert recovery.recover(store).said == []
    return store, done


def hole(data: bytes, at: int, size: int) -> bytes:
    return data[:at] + b"#" * size + data[at + size :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a hole": lambda data: data[:4000] + bytes(1200) + data[5200:],
    "garbage": lambda data: hole(data, 4000, 900),
    "garbage at the end": lambda data: hole(data, len(data) - 700, 700),
    "shortened": lambda data: data[:-1500],
    "half": lambda data: data[: len(data) // 2],
    "header only": lambda data: data[: data.find(b"\n") + 1],
    "empty": lambda data: b"",
    "no header": lambda data: data[data.find(b"\n") + 1 :],
    "header garbage": lambda data: b"#" * 60 + data[60:],
    "lines gone": lambda data: b"".join(data.splitlines(True)[:9] + data.splitlines(True)[14:]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_record_has_its_newest_value_after_any_damage(kept: Kept, opened: Opener, damage: str) -> None:
    kept.journal.write_bytes(DAMAGE[damage](kept.data))
    hurt = kept.journal.read_bytes()
    store, done = recovered(opened, kept.folder)
    assert live(store) == kept.state
    (log,) = kept.folder.glob(".recovery/recovery-*.log")
    assert done.log == log
    assert "journal" in log.read_text()
    (whole,) = kept.folder.glob(".recovery/damaged-*/default/charts.jsonl")
    assert whole.read_bytes() == hurt
    (told,) = recovery_log.history(store.layout)
    assert told["log"] == log.name
    store.run("default", charts.add_fact, kept.book, "After")
    assert "After" in store.chart("default", kept.book).reality


@pytest.mark.parametrize("damage", DAMAGE)
def test_with_a_backup_the_bytes_are_as_before(backed: Kept, opened: Opener, damage: str) -> None:
    backed.journal.write_bytes(DAMAGE[damage](backed.data))
    store, done = recovered(opened, backed.folder)
    assert backed.journal.read_bytes() == backed.data
    assert live(store) == backed.state
    assert done.said


@pytest.mark.parametrize("with_backup", [False, True])
def test_a_journal_that_is_gone(kept: Kept, opened: Opener, with_backup: bool) -> None:
    if with_backup:
        take(opened())
    kept.journal.unlink()
    store, _ = recovered(opened, kept.folder)
    assert live(store) == kept.state
    assert (kept.journal.read_bytes() == kept.data) == with_backup


@pytest.mark.timeout(1800 if FULL else 150)
def test_a_flipped_byte_needs_nothing_else(kept: Kept, opened: Opener) -> None:
    shutil.rmtree(kept.folder / ".index")
    (kept.folder / "charts.jsonl").unlink()
    for at in range(7, len(kept.data), 13 if FULL else len(kept.data) // 9):
        kept.journal.write_bytes(kept.data[:at] + bytes([kept.data[at] ^ 4]) + kept.data[at + 1 :])
        with open_store(kept.folder) as store:
            recovery.recover(store)
            assert errors(store) == []
        assert kept.journal.read_bytes() == kept.data


def test_the_history_says_what_was_lost(kept: Kept, opened: Opener) -> None:
    kept.journal.write_bytes(DAMAGE["a hole"](kept.data))
    store, done = recovered(opened, kept.folder)
    last = list(store.journal("default").read())[-1]
    assert last.meta is not None
    assert last.meta.command == "recover"
    assert "lost" in last.meta.label or "brought back" in last.meta.label
    assert last.by.startswith("bob")
    note = last.lines[0].value()
    assert note["type"] == "recovery"
    assert note["gaps"]
    with store.snapshot() as snap:
        assert snap.transactions(limit=1)[0].command == "recover"
    assert b"recovery" not in (kept.folder / "charts.jsonl").read_bytes()
    text = "\n".join(done.lines)
    assert "written by ann" in text
    assert "offset" in text


def test_what_lies_before_the_damage_stays_to_the_byte(kept: Kept, opened: Opener) -> None:
    kept.journal.write_bytes(hole(kept.data, 4000, 900))
    recovered(opened, kept.folder)
    begun = kept.data.rfind(b",1,", 0, 3900)
    start = kept.data.rfind(b"\n", 0, begun) + 1
    assert kept.journal.read_bytes()[:start] == kept.data[:start]


def test_transactions_keep_their_grouping_author_and_undo(kept: Kept, opened: Opener) -> None:
    before = list(opened().journal("default").read())
    kept.journal.write_bytes(hole(kept.data, 1200, 300))
    store, _ = recovered(opened, kept.folder)
    after = list(store.journal("default").read())
    known = {(tx.at, len(tx.lines)): tx for tx in after}
    shifted = [tx for tx in before if tx.offset > 2500]
    assert len(shifted) > 5
    for tx in shifted:
        same = known[tx.at, len(tx.lines)]
        assert [line.raw for line in same.lines] == [line.raw for line in tx.lines]
        assert (same.by, same.meta and same.meta.label) == (tx.by, tx.meta and tx.meta.label)
    undo = next(tx for tx in after if tx.meta is not None and tx.meta.undoes)
    names = {tx.tx: tx for tx in after}
    assert undo.meta is not None
    assert names[undo.meta.undoes or ""].meta is not None
    assert "due" in names[undo.meta.undoes or ""].meta.label.lower()  # type: ignore[union-attr]


def test_without_index_and_backup_the_chart_file_brings_values_back(kept: Kept, opened: Opener) -> None:
    shutil.rmtree(kept.folder / ".index")
    kept.journal.write_bytes(kept.data[: len(kept.data) // 3])
    store, _ = recovered(opened, kept.folder)
    assert live(store).items() >= kept.state.items()


def test_without_a_chart_file_the_index_brings_texts_back(kept: Kept, opened: Opener) -> None:
    with opened().snapshot() as snap:
        before = snap.chart_view("default", kept.book)
    opened().close()
    (kept.folder / "charts.jsonl").unlink()
    kept.journal.write_bytes(kept.data[: kept.data.find(b"\n") + 1])
    store, _ = recovered(opened, kept.folder)
    with store.snapshot() as snap:
        after = snap.chart_view("default", kept.book)
    assert before is not None
    assert after is not None
    assert (after.outcome, after.reality, [step.title for step in after.steps]) == (
        before.outcome,
        before.reality,
        [step.title for step in before.steps],
    )
    assert after.row.title == before.row.title
    assert [step.done for step in after.steps] == [step.done for step in before.steps]


def test_a_transaction_whose_first_line_is_lost_keeps_its_name(kept: Kept, opened: Opener) -> None:
    second = list(opened().journal("default").read())[1]
    opened().close()
    assert second.meta is not None
    kept.journal.write_bytes(hole(kept.data, second.offset + 3, second.lines[0].length - 9))
    store, _ = recovered(opened, kept.folder)
    found = [tx for tx in store.journal("default").read() if tx.at == second.at]
    assert [tx.meta for tx in found] == [second.meta]
    assert len(found[0].lines) == len(second.lines) - 1
    assert live(store) == kept.state


def test_a_chart_file_that_lags_is_not_taken_for_the_newest(kept: Kept, opened: Opener) -> None:
    store = opened("ann")
    store.run("default", charts.edit_text, kept.book, "A better title")
    store.sync()
    store.close()
    kept.journal.write_bytes(kept.journal.read_bytes()[: len(kept.data) - 1500])
    again, done = recovered(opened, kept.folder)
    assert again.chart("default", kept.book).outcome == "A better title"
    assert any("from the index" in line for line in done.lines)


def test_the_index_keeps_what_it_knows_of_a_shortened_journal(kept: Kept, opened: Opener) -> None:
    kept.journal.write_bytes(kept.data[:-2500])
    for _ in range(2):
        with open_store(kept.folder) as store:
            with pytest.raises(Damaged):
                store.catch_up()
            store.sync()
    (kept.folder / "charts.jsonl").unlink()
    store, done = recovered(opened, kept.folder)
    assert live(store).keys() == kept.state.keys()
    assert any("written by ann" in line for line in done.lines)


def test_a_deletion_that_was_lost_is_done_again(kept: Kept, opened: Opener) -> None:
    key = f"e:{kept.book}_action_2"
    assert key not in kept.state
    kept.journal.write_bytes(kept.data[:-1200])
    store, done = recovered(opened, kept.folder)
    assert key not in live(store)
    assert any("it was deleted" in line for line in done.lines)


@pytest.mark.parametrize("how", ["garbled", "gone", "ahead", "of another history"])
def test_a_witness_that_is_wrong(kept: Kept, opened: Opener, how: str) -> None:
    path = kept.journal.with_suffix(".witness")
    if how == "garbled":
        path.write_bytes(b"x" * 160)
    elif how == "gone":
        path.unlink()
    else:
        from store.model import Position
        from store.witness import Witness

        path.unlink()
        size = len(kept.data)
        Witness(path).advance(Position(1, size + (500 if how == "ahead" else 0), "ab" * 16))
    store, _ = recovered(opened, kept.folder)
    assert live(store) == kept.state
    found, garbled = store.journal("default").witness.read()
    assert not garbled
    if how != "gone":
        assert found == store.journal("default").position()


def test_a_torn_tail_goes_to_recovery(kept: Kept, opened: Opener) -> None:
    kept.journal.write_bytes(kept.data + b'{"op":"put","key":"e:new","ver":1')
    store, done = recovered(opened, kept.folder)
    assert kept.journal.read_bytes() == kept.data
    assert live(store) == kept.state
    assert any("never acknowledged" in line for line in done.lines)


@pytest.mark.parametrize("how", ["gone", "wiped", "half", "garbage"])
def test_a_chart_file_that_is_wrong_is_published_again(kept: Kept, opened: Opener, how: str) -> None:
    path = kept.folder / "charts.jsonl"
    whole = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes({"wiped": b"", "half": whole[: len(whole) // 2], "garbage": b"\0" * 300}[how])
    store, _ = recovered(opened, kept.folder)
    assert live(store) == kept.state
    assert path.read_bytes() == whole


def test_a_log_of_publications_that_is_broken(kept: Kept, opened: Opener) -> None:
    path = kept.folder / ".journal/default/published.jsonl"
    good = path.read_bytes()
    path.write_bytes(good + b"garbage\n" + good)
    recovered(opened, kept.folder)
    assert b"garbage" not in path.read_bytes()


def test_an_index_that_is_broken_is_made_anew(kept: Kept, opened: Opener) -> None:
    for path in (kept.folder / ".index").glob("*.db*"):
        path.write_bytes(b"garbage" * 100)
    store, _ = recovered(opened, kept.folder)
    assert store.chart("default", kept.book).outcome == "Book"


def test_what_a_crash_left_half_written_is_removed(kept: Kept, opened: Opener) -> None:
    old = kept.folder / ".journal/default/.charts.jsonl.1-ab.ckpart"
    old.write_bytes(b"half")
    os.utime(old, (1, 1))
    recovered(opened, kept.folder)
    assert not old.exists()


# -- generations ---------------------------------------------------------------------------------------


@pytest.fixture
def generations(folder: Path, opened: Opener) -> Kept:
    """Three generations of a journal."""
    store = opened("ann")
    book = chart(store, "Book", "Draft")
    for number in range(2):
        store.run("default", charts.add_fact, book, f"Fact {number}")
        store.settle()
        with store.snapshot() as snap:
            journal = store.journal("default")
            lines = [
                journal.line_bytes(row.generation, row.offset, row.length)
                for row in snap.live_records("default")
            ]
        journal.start_generation(lines)
        store.sync()
    store.run("default", charts.add_fact, book, "Last")
    store.settle()
    data, state = store.layout.journal("default").read_bytes(), live(store)
    store.close()
    return Kept(folder, data, state, book)


@pytest.mark.parametrize("with_backup", [False, True])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_an_archived_generation(
    generations: Kept, opened: Opener, how: str, number: int, with_backup: bool
) -> None:
    if with_backup:
        take(opened())
    path = generations.folder / f".journal/default/archive/charts.{number}.jsonl"
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(hole(data, len(data) // 2, 200))
    store, _ = recovered(opened, generations.folder)
    assert live(store) == generations.state
    assert store.journal("default").generations() == [1, 2, 3]
    if with_backup:
        assert path.read_bytes() == data
        assert generations.journal.read_bytes() == generations.data
    store.rebuild()
    store.run("default", charts.add_fact, generations.book, "After")
    assert errors(store) == []


def test_a_cold_generation_with_a_damaged_frame(generations: Kept, opened: Opener) -> None:
    from store.cold import freeze

    take(opened())
    path = generations.folder / ".journal/default/archive/charts.1.jsonl"
    data = path.read_bytes()
    cold = freeze(path)
    packed = bytearray(cold.read_bytes())
    packed[30] ^= 255
    cold.write_bytes(packed)
    recovered(opened, generations.folder)
    assert path.read_bytes() == data
    assert not cold.exists()


# -- by itself -----------------------------------------------------------------------------------------


def test_what_can_be_mended_to_the_byte_is_mended_on_open(kept: Kept, opened: Opener) -> None:
    shutil.rmtree(kept.folder / ".index")
    kept.journal.write_bytes(kept.data[:3000] + b"X" + kept.data[3001:])
    store = opened("bob", path=kept.folder)
    said = store.catch_up().said
    assert kept.journal.read_bytes() == kept.data
    assert any("to the byte" in text for text in said)
    assert store.damage == {}
    assert live(store) == kept.state


def test_a_shortened_or_lost_journal_is_mended_on_open_from_a_backup(backed: Kept, opened: Opener) -> None:
    for change in (lambda: backed.journal.write_bytes(backed.data[:-900]), backed.journal.unlink):
        change()
        with open_store(backed.folder) as store:
            store.catch_up()
            assert live(store) == backed.state
        assert backed.journal.read_bytes() == backed.data


def test_what_cannot_be_mended_to_the_byte_waits_for_recover(kept: Kept, opened: Opener) -> None:
    hurt = kept.data[:-900]
    kept.journal.write_bytes(hurt)
    for _ in range(2):
        with open_store(kept.folder) as store, pytest.raises(Damaged):
            store.catch_up()
        assert kept.journal.read_bytes() == hurt
    store, _ = recovered(opened, kept.folder)
    assert live(store) == kept.state


def test_a_store_that_is_well_is_opened_without_any_of_this(kept: Kept) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from store import open_store\n"
        "with open_store(sys.argv[1]) as store: store.catch_up()\n"
        "print([name for name in sys.modules if 'recover' in name or 'salvage' in name])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(kept.folder)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_another_process_carries_on(kept: Kept, opened: Opener) -> None:
    other = opened("cid", path=kept.folder)
    other.run("default", charts.add_fact, kept.book, "Before")
    other.sync()
    data = kept.journal.read_bytes()
    kept.journal.write_bytes(hole(data, 4000, 500))
    store, _ = recovered(opened, kept.folder)
    other.run("default", charts.add_fact, kept.book, "After")
    other.settle()
    assert {"Before", "After"} <= set(other.chart("default", kept.book).reality)
    store.sync()
    assert live(store) == live(other)
    assert errors(store) == []


# -- only looking --------------------------------------------------------------------------------------


def test_a_dry_run_says_it_and_changes_nothing(kept: Kept, opened: Opener) -> None:
    kept.journal.write_bytes(hole(kept.data, 4000, 900))
    store = opened("bob", path=kept.folder)

    def files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in kept.folder.rglob("*.jsonl")}

    before = files()
    done = recovery.recover(store, dry_run=True)
    assert files() == before
    assert done.log is None
    assert any("would be" in line for line in done.said)
    assert any("offset" in line for line in done.lines)


def test_a_journal_of_a_newer_program_is_left_alone(kept: Kept, opened: Opener) -> None:
    newer = kept.data.replace(b'"format_version":1', b'"format_version":9', 1)
    kept.journal.write_bytes(newer)
    store = opened("bob", path=kept.folder)
    with pytest.raises(TooNew):
        store.journal("default").position()
    with pytest.raises(TooNew):
        recovery.recover(store)
    assert kept.journal.read_bytes() == newer


@pytest.mark.timeout(1800 if FULL else 150)
def test_every_truncation_keeps_every_value(kept: Kept, tmp_path: Path) -> None:
    for size in range(0, len(kept.data), 13 if FULL else len(kept.data) // 12):
        place = tmp_path / str(size) / ".coaia"
        shutil.copytree(kept.folder, place, symlinks=True)
        (place / ".journal/default/charts.jsonl").write_bytes(kept.data[:size])
        with open_store(place) as store:
            recovery.recover(store)
            assert live(store) == kept.state, size
            assert errors(store) == [], size
        shutil.rmtree(place.parent)


def test_the_log_names_a_time_and_counts(kept: Kept, opened: Opener) -> None:
    kept.journal.write_bytes(hole(kept.data, 4000, 900))
    clock.fix(clock.parse("2026-11-21T12:00:00Z"))
    _, done = recovered(opened, kept.folder)
    assert done.log is not None
    assert done.log.name == "recovery-20261121T120000Z.log"
    lines = b"".join(durable.read_blocks(kept.folder / ".recovery" / recovery_log.MACHINE)).splitlines()
    facts = records.loads(lines[-1])
    assert facts["journals"][0]["context"] == "default"
    assert facts["journals"][0]["brought_back"]
