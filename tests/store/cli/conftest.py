"""A store in a temporary folder, a fixed clock, and the program to run on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from store import clock
from store.cli import main

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Ran(NamedTuple):
    """What one run of the program did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No one's own store, name or colours get in; the clock stands still."""
    for name in ("CHARTKEEP_STORE", "CHARTKEEP_BY", "CHARTKEEP_NOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    monkeypatch.setenv("TZ", "UTC")
    clock.fix(NOW)
    monkeypatch.setattr("store.jobs.LONG_SECONDS", 1e9)  # on a busy machine every job may be long
    yield
    clock.fix(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an empty store."""
    assert main(["init", str(tmp_path)]) == 0
    return tmp_path / ".coaia"


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the program on the store: `run("add", "A book")`."""
    capsys.readouterr()

    def ran(*words: str, store: Path | None = None) -> Ran:
        code = main(["--store", str(store or folder), *words])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran


@pytest.fixture
def book(run: Run) -> str:
    """The id of a chart with three steps, due in three weeks."""
    made = run(
        "add", "A book people finish", "--reality", "Notes in three folders", "--due", "2026-12-12",
        "--step", "Draft the outline", "--step", "Write the chapters", "--step", "Find a printer", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    return str(made.document["changes"][0]["focus"])
