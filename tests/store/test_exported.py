"""Files that charts were exported to are noted, so that an erasure finds those that hold what it erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.cli import main
from store.store import Store
from store.upkeep.retention import exported
from store.upkeep.retention.erasing import What, erase
from tests.stores import Opener, chart


@pytest.fixture
def exports(store: Store, tmp_path: Path) -> tuple[str, Path, Path]:
    """A chart's id, a file with that chart in it, and one without."""
    secret = chart(store, "Zanzibarquux is built")
    other = chart(store, "Nothing private")
    store.settle()
    for name, chart_id in (("with.md", secret), ("without.csv", other)):
        words = ["--store", str(store.root), "export", chart_id, "-o", str(tmp_path / name)]
        assert main([*words, "--format", "csv" if name.endswith("csv") else "markdown"]) == 0
    return secret, tmp_path / "with.md", tmp_path / "without.csv"


def test_an_export_is_noted_as_long_as_its_file_is_there(
    store: Store, exports: tuple[str, Path, Path]
) -> None:
    _, held, other = exports
    assert {(item.path, item.charts) for item in exported.noted(store)} == {(held, 1), (other, 1)}
    other.unlink()
    assert [item.path for item in exported.noted(store)] == [held]
    assert "activity" not in store.contexts.names()


def test_an_erasure_lists_exports_and_deletes_them_when_asked(
    store: Store, exports: tuple[str, Path, Path]
) -> None:
    secret, held, other = exports
    planned = erase(store, What(charts=(("default", secret),)), dry_run=True, everywhere=True)
    assert planned.exports == [str(held)]
    assert held.exists()
    done = erase(store, What(charts=(("default", secret),)), everywhere=True)
    assert (done.exports, done.removed) == ([], [str(held)])
    assert not held.exists()
    assert other.exists()


def test_without_everywhere_an_export_is_only_named(store: Store, exports: tuple[str, Path, Path]) -> None:
    secret, held, _ = exports
    done = erase(store, What(charts=(("default", secret),)))
    assert (done.exports, done.removed) == ([str(held)], [])
    assert held.exists()


def test_a_store_for_reading_only_notes_nothing(
    store: Store, opened: Opener, tmp_path: Path, folder: Path
) -> None:
    chart(store, "A book")
    store.settle()
    assert main(["--store", str(folder), "--read-only", "export", "-o", str(tmp_path / "x.md")]) == 0
    assert exported.noted(opened()) == []
