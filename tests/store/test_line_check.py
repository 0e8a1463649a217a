"""Lines that are carried over are checked by another process: every damage is found, whoever looks."""

from __future__ import annotations

import sys
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from store import charts, line_check
from store.errors import Damaged
from store.line_check import Check, first_bad
from store.store import Store
from store.upkeep import compaction
from tests.stores import chart


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_check, "MANY", 1)


def filled(store: Store) -> tuple[Path, list[tuple[int, int, int]]]:
    """A journal with a past, and where its live lines lie."""
    name = chart(store, "A book", "Draft", "Edit")
    for number in range(20):
        store.run("default", charts.add_fact, name, f"Fact {number}")
    chart(store, "Another", "Begin", "End")
    store.settle()
    with store.snapshot() as snap:
        return store.layout.journal("default"), list(snap.live_places("default"))


def columns(places: list[tuple[int, int, int]]) -> list[array[int]]:
    return [array("q", column) for column in zip(*places, strict=True)]


def bad(path: Path, places: list[tuple[int, int, int]]) -> int | None:
    """What a check of the file finds, asked of a process and of `first_bad`, which have to agree."""
    with path.open("rb") as file:

        def read(size: int, offset: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        check = Check(file.fileno(), 1, columns(places))
        told = check._answer()
        check.stop()
        here = first_bad(read, *columns(places)[1:])
    assert told == here
    return here if here < len(places) else None


def test_any_changed_byte_is_found_and_placed(store: Store) -> None:
    path, places = filled(store)
    whole = path.read_bytes()
    assert bad(path, places) is None
    found = []
    data = bytearray()

    def read(size: int, offset: int) -> bytes:
        return bytes(data[offset : offset + size])

    for number, (_, offset, length) in enumerate(places):
        for at in (0, 5, length // 2, length - 45, length - 40, length - 20, length - 2, length - 1):
            data[:] = whole
            data[offset + at] ^= 4
            bad_one = first_bad(read, *columns(places)[1:])
            assert bad_one <= number  # a line is chained to the one before it
            found.append(bad_one == number)
    assert sum(found) > len(found) * 0.9


def test_a_process_finds_what_this_one_does(store: Store) -> None:
    path, places = filled(store)
    whole = path.read_bytes()
    for number in (0, len(places) // 2, len(places) - 1):
        _, offset, length = places[number]
        data = bytearray(whole)
        data[offset + length // 2] ^= 1
        path.write_bytes(bytes(data))
        assert bad(path, places) == number
        path.write_bytes(whole[: offset + length - 9])
        assert bad(path, places) == min(n for n, place in enumerate(places) if place[1] >= offset)
    path.write_bytes(whole)


def test_places_that_are_no_lines_are_found(store: Store) -> None:
    path, places = filled(store)
    one, two = next(pair for pair in pairwise(places) if sum(pair[0][1:]) == pair[1][1])
    assert bad(path, [(1, one[1], one[2] + two[2])]) == 0
    assert bad(path, [(1, one[1], one[2] - 1), (1, one[1] + one[2] - 1, two[2] + 1)]) == 0


@pytest.mark.parametrize("helper", ["", "/nowhere/python", "false"])
def test_compaction_stops_at_damage_with_or_without_a_process(
    store: Store, monkeypatch: pytest.MonkeyPatch, helper: str
) -> None:
    path, places = filled(store)
    monkeypatch.setattr(sys, "executable", helper)
    data = bytearray(path.read_bytes())
    data[places[-1][1] + 9] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Damaged) as caught:
        compaction.compact(store, "default")
    assert caught.value.offset == places[-1][1]
    assert path.read_bytes() == bytes(data)
    assert list(path.parent.glob(".*")) == []


def test_compaction_stops_at_damage_that_a_process_finds(store: Store) -> None:
    path, places = filled(store)
    data = bytearray(path.read_bytes())
    data[places[2][1] + 9] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Damaged) as caught:
        compaction.compact(store, "default")
    assert caught.value.offset == places[2][1]
    assert path.read_bytes() == bytes(data)
    assert list(path.parent.glob(".*")) == []


def test_a_whole_journal_is_compacted_with_the_help_of_a_process(store: Store) -> None:
    _, places = filled(store)
    done = compaction.compact(store, "default")
    assert done.lines == len(places)
    assert compaction.compact(store, "default").lines == len(places)
    assert not [item for item in store.verify() if item.severity == "error"]
