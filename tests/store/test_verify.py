"""Verify names every damage: which file, which line, at which byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from store import charts
from store.errors import Damaged
from store.model import Finding
from store.store import Store
from tests.stores import Opener, chart


@pytest.fixture
def written(store: Store) -> Store:
    name = chart(store, "Book", "Draft")
    for n in range(3):
        store.run("default", charts.add_fact, name, f"Fact {n}")
    store.settle()
    return store


def errors(store: Store) -> list[Finding]:
    return [item for item in store.verify() if item.severity == "error"]


def test_a_good_store_has_nothing_wrong(written: Store) -> None:
    assert written.verify() == []
    assert written.status()["last_verification"]["error"] == 0


DAMAGE: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a flipped bit": lambda lines: [*lines[:3], lines[3].replace(b"e", b"f", 1), *lines[4:]],
    "a missing line": lambda lines: [*lines[:3], *lines[4:]],
    "a doubled line": lambda lines: [*lines[:4], lines[3], *lines[4:]],
    "swapped lines": lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
    "garbage": lambda lines: [*lines[:3], b"garbage\n", *lines[4:]],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_in_a_journal_is_named_by_line_and_offset(written: Store, opened: Opener, damage: str) -> None:
    path = written.layout.journal("default")
    lines = path.read_bytes().splitlines(keepends=True)
    written.close()
    changed = DAMAGE[damage](lines)
    path.write_bytes(b"".join(changed))
    first = next(n for n, (was, now) in enumerate(zip(lines, changed, strict=False)) if was != now)
    if damage == "a doubled line":
        first = 4
    store = opened()
    found = errors(store)[0]
    assert (found.path, found.line, found.offset) == (str(path), first + 1, sum(map(len, lines[:first])))
    before = path.read_bytes()
    with pytest.raises(Damaged):
        store.run("default", charts.create_chart, "Never")
    assert path.read_bytes() == before, "a damaged journal is never appended to"


def test_a_shortened_and_a_lost_journal_are_named(written: Store, opened: Opener) -> None:
    path = written.layout.journal("default")
    data = path.read_bytes()
    written.close()
    path.write_bytes(b"".join(data.splitlines(keepends=True)[:-1]))
    assert "shortened-journal" in {item.code for item in errors(opened())}
    path.unlink()
    store = opened()
    assert {item.code for item in errors(store)} == {"missing-journal"}
    with pytest.raises(Damaged, match="is missing"):
        store.run("default", charts.create_chart, "Never")


def test_a_torn_tail_is_a_warning_and_is_kept(written: Store, opened: Opener) -> None:
    path = written.layout.journal("default")
    end = path.stat().st_size
    with path.open("ab") as file:
        file.write(b'{"op":"put","key":"e:torn"')
    store = opened()
    (found,) = store.verify()
    assert (found.severity, found.code, found.offset) == ("warning", "torn-tail", end)
    chart(store)
    assert [kept.read_bytes() for kept in store.layout.recovery.glob("*.torn")] == [
        b'{"op":"put","key":"e:torn"'
    ]


def test_broken_lines_of_a_chart_file_are_named_and_kept(folder: Path, store: Store) -> None:
    good = b'{"type":"entity","name":"a"}\n'
    (folder / "charts.jsonl").write_bytes(good + b"not json\n" + good.replace(b'"a"', b'"b"'))
    store.catch_up()
    store.settle()
    (found,) = store.verify()
    assert (found.severity, found.code, found.line, found.offset) == ("warning", "broken-line", 2, len(good))
    assert found.kept is not None
    assert b"not json" in (folder / found.kept).read_bytes()


def test_a_missing_chart_file_is_named(written: Store) -> None:
    written.layout.chart_file("default").unlink()
    assert [item.code for item in written.verify()] == ["missing-chart-file"]


def test_what_was_found_is_told_though_it_cannot_be_noted(
    written: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import durable
    from store.errors import StorageError

    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(durable, "write_file", full)
    assert [item.code for item in written.verify()] == ["not-noted"]
