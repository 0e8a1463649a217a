"""The screens as pictures, compared with the ones kept in `__snapshots__`.

After a wanted change: `pytest tests/tui/test_pictures.py --snapshot-update`, and look at what changed.
Day and person are fixed; what differs from run to run (sizes, times, disk) is set to fixed figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from store import clock
from store.demo import make_demo
from store.settings import Settings
from store.store import Store, init_store
from store.upkeep.health import thresholds
from store.upkeep.health.thresholds import Facts
from tests.tui.workflow_engine import ALL, PARTLY, RUNNING, Engine, stand_in
from tui.__main__ import Wanted
from tui.app import ChartkeepApp
from tui.boot import Boot
from tui.screens.main import MainScreen

Compare = Callable[..., bool]
HEALTH = [
    figure.document()
    for figure in thresholds.figures(
        Facts(
            now=clock.parse("2026-11-21T12:00:00Z"),
            age=timedelta(days=20),
            query_ms=1.5,
            hits=9_500,
            misses=500,
            backups_wanted=True,
            attempts=(40, 40),
            backup_at=clock.parse("2026-11-21T11:10:00Z"),
            first_backup_at=clock.parse("2026-11-10T11:10:00Z"),
            fsync_ms=0.8,
            disk_free=50_000_000_000,
            disk_total=200_000_000_000,
            journal_bytes=43_000,
            superseded_bytes=9_000,
        ),
        Settings(),
    )
]
FIGURES: dict[str, Any] = {
    "health": {"severity": "warning", "figures": HEALTH},
    "sizes": {"chart_files": 21_000, "journals": 43_000, "index": 500_000, "recovery": 0},
    "counts": {"records": 120, "versions": 150, "transactions": 40, "charts": 12, "steps": 40},
    "index_lag_bytes": 0,
    "unpublished": [],
    "growth": [
        {"day": f"2026-11-{day}", "transactions": day, "versions": 3 * day, "total": 0}
        for day in range(10, 21)
    ],
    "query_ms": 1.5,
    "last_verification": None,
    "kept_aside": 0,
    "disk_free": 50_000_000_000,
    "problem": "",
    "damaged": {},
    "watching": "file events",
}


@pytest.fixture(autouse=True)
def _fixed(tmp_path: Path) -> Iterator[None]:
    """The same figures, day and time zone every time, and no jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.setenv("CHARTKEEP_NOW", clock.stamp())
        patch.delenv("NO_COLOR", raising=False)
        patch.setattr(Store, "status", lambda self: FIGURES)
        patch.setattr(MainScreen, "jobs_changed", lambda self: None)
        patch.chdir(tmp_path)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The demo store, in a place of its own."""
    return make_demo(tmp_path / "demo" / ".coaia")


@pytest.fixture
def picture(snap_compare: Compare) -> Iterator[Callable[..., bool]]:
    """Opens a store, types, and compares the screen with the one kept."""
    apps: list[ChartkeepApp] = []

    def compare(
        path: Path, *keys: str, size: tuple[int, int] = (120, 40), theme: str = "dark", **asked: object
    ) -> bool:
        boot = Boot(Wanted(path=str(path), **asked))  # type: ignore[arg-type]
        boot.session.theme = theme
        boot.run()
        boot.session.theme = theme
        app = ChartkeepApp(boot)
        apps.append(app)

        async def typed(pilot: Pilot[Any]) -> None:
            await _settle(pilot, app)
            for key in keys:
                await pilot.press(key)
                await _settle(pilot, app)

        return snap_compare(app, terminal_size=size, run_before=typed)

    yield compare
    for app in apps:
        app.bridge.close()
        if app.boot.store is not None:
            app.boot.store.close()


async def _settle(pilot: Pilot[Any], app: ChartkeepApp) -> None:
    for _ in range(200):
        await pilot.pause(0.01)
        background = app.store.background if app.opened else None
        if app.bridge.idle and (not app.opened or (background is not None and background.idle)):
            break
    await pilot.pause(0.05)


Picture = Callable[..., bool]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_main(picture: Picture, demo: Path, size: tuple[int, int]) -> None:
    assert picture(demo, "j", "l", size=size)


def test_main_light(picture: Picture, demo: Path) -> None:
    assert picture(demo, "j", "l", theme="light")


def test_main_in_the_terminals_colours(picture: Picture, demo: Path) -> None:
    assert picture(demo, "j", "l", theme="ansi-dark")


def test_main_without_colours(picture: Picture, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture(demo, "j", "l", theme="ansi-dark")


def test_form(picture: Picture, demo: Path) -> None:
    assert picture(demo, "C", *"Fix the", "space", *"roof", "enter", *"It", "space", *"leaks")


def test_help(picture: Picture, demo: Path) -> None:
    assert picture(demo, "question_mark")


def test_activity(picture: Picture, demo: Path) -> None:
    assert picture(demo, "x", "g", "a")


def test_filter(picture: Picture, demo: Path) -> None:
    assert picture(demo, "slash", *"the")


def test_deleting_asks(picture: Picture, demo: Path) -> None:
    assert picture(demo, "d", "d")


def test_read_only(picture: Picture, demo: Path) -> None:
    assert picture(demo, "x", readonly=True)


def test_empty_store(picture: Picture, tmp_path: Path) -> None:
    assert picture(init_store(tmp_path / "empty"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in for the engine, with a workflow in every state."""
    found = stand_in(monkeypatch)
    found.all = list(ALL)
    return found


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_workflows(picture: Picture, demo: Path, engine: Engine, size: tuple[int, int]) -> None:
    assert picture(demo, "g", "w", "j", size=size)


def test_workflows_zoomed(picture: Picture, demo: Path, engine: Engine) -> None:
    assert picture(demo, "g", "w", "underscore", "j")


def test_workflows_without_colours(
    picture: Picture, demo: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture(demo, "g", "w", "underscore", "j", theme="ansi-dark")


def test_workflow_in_full(picture: Picture, demo: Path, engine: Engine) -> None:
    engine.all = [PARTLY._replace(strict=True, options={"kind": "frame"}, note="all gone through")]
    assert picture(demo, "g", "w", "enter", size=(80, 24))


def test_workflow_that_runs_in_full(picture: Picture, demo: Path, engine: Engine) -> None:
    engine.all = [RUNNING]
    assert picture(demo, "g", "w", "enter")


def test_rejects(picture: Picture, demo: Path, engine: Engine) -> None:
    engine.all = [PARTLY]
    assert picture(demo, "g", "w", "e", "j")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_batch(picture: Picture, demo: Path, engine: Engine, tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "birds.jsonl").write_text("{}\n")
    assert picture(demo, "g", "i", *"bir", "tab", "enter", "down", "down", "right", size=size)


def test_rolling_back_asks(picture: Picture, demo: Path, engine: Engine) -> None:
    engine.all = [PARTLY]
    engine.undoing = engine.undoing._replace(changed=["analogy:a1", "frame:f2"])
    assert picture(demo, "g", "w", "B")
