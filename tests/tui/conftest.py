"""A person at the keyboard: `desk` opens the app on a store of its own, types, and looks at the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store import clock
from store.charts import complete, create_chart, telescope
from store.store import init_store, open_store
from tui.__main__ import Wanted
from tui.app import ChartkeepApp
from tui.boot import Boot

NOW = "2026-11-21T09:00:00Z"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests is read or written."""
    for name in ("STATE", "DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "home" / name.lower()))
    for name in ("CHARTKEEP_STORE", "SSH_CONNECTION", "SSH_TTY", "COLORFGBG", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CHARTKEEP_BY", "ada@home")


@pytest.fixture(autouse=True)
def _fixed_day() -> object:
    clock.fix(clock.parse(NOW))
    yield None
    clock.fix(None)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """A store with three charts in `default`, the first telescoped, and one in `work`."""
    root = init_store(tmp_path / "project")
    with open_store(root, program="seed") as store:
        for n, title in enumerate(("I sing in a choir", "The garden feeds us", "A book of poems is printed")):
            made = store.run(
                "default",
                create_chart,
                title,
                [f"fact {n}.1", f"fact {n}.2"],
                due="2027-01-15",
                steps=[f"Step {n}.{step}" for step in range(3)],
            )
            if n == 0:
                with store.snapshot() as snap:
                    names = [step.name for step in snap.steps("default", made.focus or "")]
                store.run("default", complete, [names[0]])
                store.run("default", telescope, names[1], steps=["Inner one", "Inner two"])
        store.contexts.create("work")
        store.run("work", create_chart, "Version two is in use", "The beta runs", due="2026-12-24")
        store.sync()
        store.publish()
    return root


class Desk:
    """The running app, with words for what a person does and sees."""

    def __init__(self, app: ChartkeepApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        for _ in range(200):
            await self.pilot.pause(0.01)
            quiet = self.app.boot.ready.is_set() and self.app.bridge.idle
            if quiet and self.app.opened:
                background = self.app.store.background
                quiet = background is not None and background.idle
            if quiet:
                break
        await self.pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        """Type keys, one after the other, each when the one before has done its work."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str, end: str = "enter") -> None:
        """Type a text, and Enter."""
        await self.pilot.press(*("space" if char == " " else char for char in text))
        await self.press(*([end] if end else []))

    async def seen(self, text: str) -> str:
        """The screen, once it shows `text`: what threads tell of arrives a moment later."""
        for _ in range(250):
            if text in self.screen():
                break
            await self.settle()
            await self.pilot.pause(0.02)
        return self.screen()

    def screen(self) -> str:
        """What is on the screen, as text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def titles(self) -> list[str]:
        """Titles of the outline's visible rows."""
        model = self.app.main.outline.outline.model
        return [row.title for line in range(len(model)) if (row := model.row(line))]

    @property
    def under(self) -> str:
        """Title of the row under the cursor."""
        row = self.app.main.outline.row
        return row.title if row else ""

    @property
    def foot(self) -> str:
        """The message in the bottom line; of errors that are too long for it, the one in the box above."""
        boxes = [note.message for note in self.app._notifications if note.severity == "error"]
        return self.app.main.foot.message or "".join(boxes[-1:])

    def states(self) -> dict[str, str]:
        """State by title of the visible rows."""
        model = self.app.main.outline.outline.model
        return {row.title: row.state for line in range(len(model)) if (row := model.row(line))}


Opener = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def desk(store_path: Path) -> Opener:
    """Opens the app: `async with desk() as d:`; every unexpected error of the run fails the test.

    `faults` lets them pass; `boxes` draws notifications.
    """

    @asynccontextmanager
    async def opened(
        path: Path | None = store_path,
        size: tuple[int, int] = (120, 40),
        faults: bool = False,
        boxes: bool = False,
        **asked: object,
    ) -> AsyncIterator[Desk]:
        wanted = Wanted(path=None if path is None else str(path), **asked)  # type: ignore[arg-type]
        if "context" not in asked and path == store_path:
            wanted = wanted._replace(context="default")
        boot = Boot(wanted)
        app = ChartkeepApp(boot)
        boot.start()
        try:
            async with app.run_test(size=size, notifications=boxes) as pilot:
                found = Desk(app, pilot)
                await found.settle()
                yield found
                if not faults:
                    for fault in app.faults:
                        raise fault
        finally:
            app.bridge.close()
            if app.boot.store is not None:
                app.boot.store.close()

    return opened
