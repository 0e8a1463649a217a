"""Verifying a part at a time: all of it within a round, from where it left off, damage told at once."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store import charts, clock
from store.cold import freeze
from store.errors import Damaged
from store.journal import Draft
from store.store import Store
from store.upkeep.verification import indexed, rolling, verify
from tests.stores import Opener, chart

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
def book(store: Store) -> Store:
    clock.fix(START)
    name = chart(store, "A finished book", "Draft it", "Edit it")
    for n in range(20):
        store.run("default", charts.add_fact, name, f"Fact {n}")
    store.settle()
    return store


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small that a journal has many, and each call does one."""
    monkeypatch.setattr(rolling, "PIECE", 700)


def state(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((store.layout.recovery / rolling.STATE).read_bytes())
    return found


def calls(store: Store, most: int = 500) -> int:
    """Go on with no time at all until the round has ended; how many calls that took."""
    for number in range(1, most):
        verify.rolling(store, 0)
        if state(store)["ended"]:
            return number
    raise AssertionError("the round never ends")


def damage(store: Store, path: Path | None = None, old: bytes = b"Fact 11", new: bytes = b"Fact 77") -> Path:
    path = path or store.layout.journal("default")
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def test_one_call_with_time_enough_covers_everything(book: Store) -> None:
    assert verify.last_verification(book) is None
    assert verify.rolling(book, 60) == []
    last = verify.last_verification(book)
    assert last is not None
    assert (last["at"], last["error"], last["warning"], last["info"]) == (clock.stamp(START), 0, 0, 0)


def test_many_short_calls_cover_the_same(small: None, book: Store) -> None:
    taken = calls(book)
    assert taken > book.layout.journal("default").stat().st_size / 700, "each did a piece, and no more"
    assert verify.last_verification(book) is not None
    assert set(state(book)["done"]) == {
        "pass:default/charts/1",
        "ends:default/charts",
        "file:default",
        "index:default",
        "store",
    }


def test_the_next_process_goes_on_where_the_last_one_left(small: None, book: Store, opened: Opener) -> None:
    verify.rolling(book, 0)
    before = state(book)["done"]["pass:default/charts/1"]["place"][0]
    verify.rolling(opened(), 0)
    assert state(book)["done"]["pass:default/charts/1"]["place"][0] > before


@pytest.mark.parametrize("part", ["Fact 0", "Fact 11", "Fact 19"])
def test_damage_anywhere_is_found_told_and_remembered(small: None, book: Store, part: str) -> None:
    damage(book, old=f'"{part}"'.encode(), new=f'"{part[:-1]}X"'.encode())
    found = []
    for _ in range(500):
        found.extend(verify.rolling(book, 0))
        if state(book)["ended"]:
            break
    broken = [item for item in found if item.code == "broken-chain"]
    assert broken
    assert all(item.line and item.offset for item in broken)
    last = verify.last_verification(book)
    assert last is not None
    assert last["error"] >= len(broken)
    assert "broken-chain" in {item["code"] for item in last["findings"]}


def test_an_error_is_noted_before_the_round_has_ended(small: None, book: Store) -> None:
    damage(book, old=b'"Fact 0"', new=b'"Fact X"')
    while not verify.rolling(book, 0):
        pass
    assert not state(book)["ended"]
    last = verify.last_verification(book)
    assert last is not None
    assert last["error"]


def test_a_damaged_journal_is_verified_whole_before_the_next_write(book: Store) -> None:
    damage(book, old=b'"Fact 3"', new=b'"Fact X"')
    assert not book.journal("default").suspect
    verify.rolling(book, 60)
    assert book.journal("default").suspect
    size = book.layout.journal("default").stat().st_size
    with pytest.raises(Damaged):
        book.run("default", charts.create_chart, "Never")
    assert book.layout.journal("default").stat().st_size == size


def test_a_journal_that_grows_meanwhile_is_no_damage(small: None, book: Store) -> None:
    found = []
    for number in range(60):
        found.extend(verify.rolling(book, 0))
        if number < 30:
            chart(book, f"Another {number}")
    assert found == []


def test_a_journal_cut_back_meanwhile_is_read_anew(small: None, book: Store, opened: Opener) -> None:
    for _ in range(3):
        verify.rolling(book, 0)
    place = state(book)["done"]["pass:default/charts/1"]["place"][0]
    path = book.layout.journal("default")
    book.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.with_suffix(".witness").unlink()
    path.write_bytes(b"".join(lines[:3]))
    store = opened()
    store.sync()
    chart(store, "Something else of quite another length " * 9)
    store.settle()
    assert path.stat().st_size > place
    while not state(store)["ended"]:
        assert verify.rolling(store, 0) == []


def test_archived_generations_are_covered(small: None, book: Store) -> None:
    journal = book.journal("default")
    with book.snapshot() as snap:
        live = [
            journal.line_bytes(row.generation, row.offset, row.length) for row in snap.live_records("default")
        ]
    journal.start_generation(live)
    book.settle()
    calls(book)
    last = verify.last_verification(book)
    assert last is not None
    assert last["error"] == 0, last
    for cold in (False, True):
        path = journal.archived(1)
        if cold:
            path = freeze(path)
        else:
            path.chmod(0o644)
            damage(book, path)
        clock.fix(clock.now() + timedelta(days=2))
        found = []
        while not found or not state(book)["ended"]:
            clock.fix(clock.now() + timedelta(hours=6))
            found.extend(verify.rolling(book, 0))
        assert {(item.code, item.path) for item in found if item.code == "broken-chain"} == {
            ("broken-chain", str(path))
        }


def test_a_missing_generation_and_one_that_ends_elsewhere_are_found(book: Store) -> None:
    journal = book.journal("default")
    journal.start_generation([Draft("put", "e:x", 1, b"{}")])
    journal.start_generation([Draft("put", "e:x", 1, b"{}")])
    path = journal.archived(1)
    data = path.read_bytes()
    path.write_bytes(b"".join(data.splitlines(keepends=True)[:4]))
    codes = {item.code for item in verify.rolling(book, 60)}
    assert "changed-generation" in codes
    path.write_bytes(data)
    journal.archived(2).unlink()
    for name in (rolling.STATE, verify.LAST):
        (book.layout.recovery / name).unlink()
    codes = {item.code for item in verify.rolling(book, 60)}
    assert "missing-generation" in codes


def test_a_lost_journal_is_found(book: Store) -> None:
    book.layout.journal("default").unlink()
    assert "missing-journal" in {item.code for item in verify.rolling(book, 60)}


def spoil(store: Store, sql: str) -> None:
    with closing(sqlite3.connect(store.layout.index.resolve(), isolation_level=None)) as conn:
        assert conn.execute(sql).rowcount


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE versions SET size = size + 1 WHERE seq = (SELECT MAX(seq) FROM versions)",
        "UPDATE versions SET size = size + 1 WHERE seq = (SELECT MIN(seq) FROM versions)",
        "DELETE FROM transactions WHERE seq = (SELECT seq FROM transactions ORDER BY seq LIMIT 1 OFFSET 9)",
        "INSERT INTO versions SELECT seq + 1024, 9, ctx, key, ver + 50, 0, 1, start + 1, 9 FROM versions"
        " WHERE seq = (SELECT MAX(seq) FROM versions) LIMIT 1",
    ],
)
def test_an_index_that_differs_is_found_a_part_at_a_time(
    small: None, book: Store, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.setattr(indexed, "PIECE", 700)
    spoil(book, sql)
    found = []
    for _ in range(500):
        found.extend(verify.rolling(book, 0))
        if state(book)["ended"]:
            break
    assert "index-differs" in {item.code for item in found}


def test_a_sound_index_is_compared_in_parts(
    small: None, book: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexed, "PIECE", 700)
    steps = []
    real = indexed.step

    def counted(*args: Any) -> Any:
        steps.append(args)
        return real(*args)

    monkeypatch.setattr(indexed, "step", counted)
    while True:
        assert verify.rolling(book, 0) == []
        if len(steps) % 7 == 3:
            chart(book, "Meanwhile")
        if state(book)["ended"]:
            break
    assert len(steps) > 10


# -- when ------------------------------------------------------------------------------------------


def test_a_round_that_has_ended_rests_until_the_next_is_due(book: Store) -> None:
    verify.rolling(book, 60)
    damage(book)
    clock.fix(START + timedelta(hours=11))
    assert verify.rolling(book, 60) == []
    clock.fix(START + timedelta(hours=13))
    found = verify.rolling(book, 60)
    while not state(book)["ended"]:
        clock.fix(clock.now() + timedelta(hours=1))
        found.extend(verify.rolling(book, 60))
    assert found
    assert clock.now() < START + timedelta(hours=13 + 24), "well within the hours the settings allow"


def test_later_rounds_are_spread_over_their_time(small: None, book: Store) -> None:
    verify.rolling(book, 60)
    begun = START + timedelta(hours=13)
    covered = []
    for minutes in range(0, 12 * 60, 30):
        clock.fix(begun + timedelta(minutes=minutes))
        verify.rolling(book, 60)
        part = state(book)["done"].get("pass:default/charts/1", {})
        covered.append(0 if not part else part["place"][0])
    assert len(set(covered)) > 3, "a little each time"
    assert covered[-1] == book.layout.journal("default").stat().st_size
    assert covered == sorted(covered)


def test_a_clock_set_back_does_not_stop_it(book: Store) -> None:
    verify.rolling(book, 60)
    damage(book)
    clock.fix(START - timedelta(days=300))
    found = []
    for _ in range(100):
        clock.fix(clock.now() + timedelta(hours=1))
        found.extend(verify.rolling(book, 60))
    assert found


@pytest.mark.parametrize(
    "garbage", [b"", b"[]", b"nonsense", b'{"done":7}', b'{"done":{},"found":[7],"begun":3}']
)
def test_a_garbled_state_only_begins_the_round_anew(book: Store, garbage: bytes) -> None:
    path = book.layout.recovery / rolling.STATE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(garbage)
    assert verify.rolling(book, 60) == []
    assert state(book)["ended"]


def test_a_state_that_lies_is_not_believed(small: None, book: Store) -> None:
    for _ in range(3):
        verify.rolling(book, 0)
    wrong = state(book)
    wrong["done"]["pass:default/charts/1"]["place"] = ["x", None, 0, 0, 0]
    (book.layout.recovery / rolling.STATE).write_text(json.dumps(wrong))
    assert verify.rolling(book, 60) == []
    assert state(book)["ended"]


def test_a_full_disk_costs_only_the_state(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from store import durable
    from store.errors import StorageError

    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(durable, "write_file", full)
    damage(book)
    assert "broken-chain" in {item.code for item in verify.rolling(book, 60)}
