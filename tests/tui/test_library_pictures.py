"""The library as pictures, compared with the ones kept in `__snapshots__`; see `test_pictures`."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.charts import create_chart
from store.store import init_store, open_store
from tests.tui.test_library import FRAME, RECORDS, put
from tests.tui.test_pictures import Picture, _fixed, picture  # noqa: F401 - fixtures

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A store with records of most kinds, one of them changed twice, and a chart."""
    root = init_store(tmp_path / "project")
    with open_store(root, program="seed") as store:
        store.run("default", create_chart, "I sing in a choir", ["I sing alone"], due="2027-01-15")
        put(store, RECORDS)
        put(store, [{**FRAME, "definition": "Something moves.", "see": ["concept:bird"]}])
        put(store, [{**FRAME, "definition": "It moves.", "see": ["concept:bird"]}])
        store.library.sync()
        store.publish()
    return root


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_library(picture: Picture, shelf: Path, size: tuple[int, int]) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "5", "enter", "j", "j", size=size)


def test_library_in_the_terminals_colours(picture: Picture, shelf: Path) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "space", "j", theme="ansi-dark")


def test_library_light(picture: Picture, shelf: Path) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "space", "j", theme="light")


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_library_filter(picture: Picture, shelf: Path, size: tuple[int, int]) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "slash", *"music", "space", *"tag:odd", size=size)


def test_library_history(picture: Picture, shelf: Path) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "2", "H", "j")


def test_library_edit(picture: Picture, shelf: Path) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "1", "a", "down", "down", "end", "backspace", "backspace", *"7")


def test_library_similar(picture: Picture, shelf: Path) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "3", "s")


def test_library_delete_by_criteria(picture: Picture, shelf: Path) -> None:  # noqa: F811
    assert picture(shelf, "g", "l", "1", "D", *"tag:odd", "enter")


@pytest.mark.parametrize("size", SIZES[:1], ids=lambda size: f"{size[0]}x{size[1]}")
def test_library_empty(picture: Picture, tmp_path: Path, size: tuple[int, int]) -> None:  # noqa: F811
    assert picture(init_store(tmp_path / "project"), "g", "l", size=size)
