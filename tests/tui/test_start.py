"""What `chartkeep` does with its arguments, and what it imports before it knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tui.__main__ import Wanted, wanted


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], Wanted()),
        (["--store", "x"], Wanted(path="x")),
        (["--store=x", "--read-only"], Wanted(path="x", readonly=True)),
        (["./memory.jsonl"], Wanted(path="./memory.jsonl")),
        (["--demo"], Wanted(demo=True)),
        (["-c", "work"], Wanted(context="work")),
        (["list"], None),
        (["--help"], None),
        (["--version"], None),
        (["list", "--store", "x"], None),
        (["nonsense"], None),
        (["--store"], None),
    ],
)
def test_subcommands_are_headless_and_paths_open_the_ui(words: list[str], found: Wanted | None) -> None:
    assert wanted(words) == found


def test_a_folder_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert wanted(["notes"]) == Wanted(path="notes")


def _imported(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return set(done.stdout.split())


def test_deciding_does_not_import_textual() -> None:
    found = _imported("from tui.__main__ import wanted; wanted(['list']); wanted([])")
    assert not found & {"textual", "rich", "sqlmodel", "sqlite3", "numpy"}


def test_the_first_frame_needs_no_heavy_library() -> None:
    found = _imported("import tui.app, tui.boot, store.store, store.index, tui.actions.moving")
    assert not found & {"sqlmodel", "sqlalchemy", "pydantic", "numpy", "plotext", "watchfiles"}
