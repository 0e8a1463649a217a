"""Stores in temporary folders, opened by one person or several, and what tests ask of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import charts, clock, init_store, open_store
from store.store import Store

DATA = Path(__file__).parent / "data" / "coaia"


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No one's own store, name or clock gets in."""
    for name in ("CHARTKEEP_STORE", "CHARTKEEP_BY", "CHARTKEEP_NOW"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr("store.jobs.LONG_SECONDS", 1e9)  # on a busy machine every job may be long
    yield
    clock.fix(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a store without charts."""
    return init_store(tmp_path / ".coaia")


Opener = Callable[..., Store]


@pytest.fixture
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens the store, as `by` if given; all are closed at the end."""
    stores: list[Store] = []

    def open_it(by: str | None = None, path: Path | None = None, **options: Any) -> Store:
        with monkeypatch.context() as patch:
            if by is not None:
                patch.setenv("CHARTKEEP_BY", by)
            stores.append(open_store(path or folder, **options))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opener) -> Store:
    """The store, open."""
    return opened()


def chart(store: Store, outcome: str = "A finished book", *steps: str, context: str = "default") -> str:
    """A new chart with steps; its id."""
    focus = store.run(context, charts.create_chart, outcome, "Ten pages", steps=list(steps)).focus
    assert focus is not None
    return focus


def live(store: Store, context: str = "default") -> dict[str, Any]:
    """Every live record of a context but for the dates of last changes, by key, from the journal alone."""
    found: dict[str, Any] = {}
    if not store.layout.journal(context).exists():
        return found
    for tx in store.journal(context).read():
        for line in tx.lines:
            value = line.value()
            if value is None:
                found.pop(line.key, None)
            else:
                value.get("metadata", {}).pop("updatedAt", None)
                found[line.key] = value
    return found


def size(store: Store, context: str = "default") -> int:
    """Bytes of a context's journal."""
    return store.layout.journal(context).stat().st_size


def until(true: Callable[[], Any], what: str = "", seconds: float = 10.0) -> Any:
    """Wait until a condition holds, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what or true}"
        time.sleep(0.005)
    return value
