"""The upkeep in the UI: its jobs show in workflow status, and leaving does not wait for them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from store.upkeep.maintenance import maintain
from store.upkeep.maintenance.tasks import Task
from tests.store.upkeep.hanging import runs
from tests.tui.conftest import Desk, Opener


async def seen(d: Desk, text: str) -> None:
    """Wait until a text is on the screen."""
    for _ in range(1000):
        if text in d.screen():
            return
        await d.pilot.pause(0.02)
    raise AssertionError(d.screen())


async def test_its_jobs_show_in_workflow_status(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        assert not (store_path / ".journal" / ".upkeep.lock").exists()  # not without being asked, in a test
        d.app.store.start_upkeep(after=0)
        await seen(d, "Back up (full)")
        await seen(d, "Restore drill")
    assert list((store_path / ".backup" / "manifests").iterdir())


async def test_leaving_breaks_off_what_runs(
    desk: Opener, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    task = Task("hang", "Hang", lambda _: 60.0, "tests.store.upkeep.hanging:hang")
    monkeypatch.setattr(maintain, "TASKS", (task,))
    async with desk() as d:
        d.app.store.start_upkeep(after=0)
        await seen(d, "Wait for words")
        assert runs(store_path)
        begun = time.monotonic()
        d.app.store.close()
        assert time.monotonic() - begun < 1
        assert not runs(store_path)
