"""The app: composes the screens, routes keys to commands and answers to panes, keeps alive on errors."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App
from textual.command import Provider
from textual.filter import Monochrome, NoColor

from store.errors import ChartkeepError
from store.model import Change, Finding
from tui import session as memory
from tui import themes
from tui.__main__ import Wanted
from tui.boot import Boot
from tui.bridge import Bridge
from tui.config import Config
from tui.guard import Guarded
from tui.keymap import Keymap
from tui.messages import Answer, Changed, Failed, JobsChanged, KnowledgeChanged, Opened
from tui.panes.foot import Foot
from tui.screens.main import MainScreen
from tui.widgets.drawn import Drawn
from tui.widgets.thrift import economise

if TYPE_CHECKING:
    from store.jobs import Job
    from store.store import Notice, Store

TOO_MANY = 8
"""Faults within ten seconds after which the app ends rather than goes on failing."""

QUIET = frozenset(
    {"health", "query", "contexts", "background", "outline", "chart", "read", "library", "library.rows"}
)
"""Names of tasks that run by themselves."""


def _palette() -> type[Provider]:
    from tui.palette import Commands

    return Commands


class ChartkeepApp(Guarded, App[int]):
    """chartkeep's UI over one store, which a `Boot` opens."""

    TITLE = "chartkeep"
    CSS_PATH = "styles/main.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[Any]] = []
    ESCAPE_TO_MINIMIZE = False
    ENABLE_COMMAND_PALETTE = False
    CLOSE_TIMEOUT = 5.0

    def __init__(self, boot: Boot) -> None:
        super().__init__()
        self.boot = boot
        self.config = Config.of(boot.settings, boot.asked)
        self.keymap = Keymap()
        self.bridge = Bridge(self)
        self.memory = boot.session
        self.animation_level = "none"
        self.main = MainScreen()
        economise(self.main)
        self.faults: list[BaseException] = []
        """Every unexpected error of this run, for tests and the error screen."""
        self.findings: list[Finding] = []
        """What the last verification found."""
        self._fault_times: list[float] = []
        self._boot_done = False
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        self.theme = themes.choose(boot.settings.theme)
        # Textual's answer to NO_COLOR is shades of grey, which are colours, too.
        self._filters = [NoColor() if isinstance(each, Monochrome) else each for each in self._filters]

    # -- opening -----------------------------------------------------------------------------------

    def get_default_screen(self) -> MainScreen:
        """The main screen, from the first frame on."""
        return self.main

    def on_mount(self) -> None:
        """Wait for the boot thread without waiting."""
        self.boot.when_ready(self._tell_opened)
        if not self.is_headless:
            self._heed_signals()

    def _heed_signals(self) -> None:
        """Asked to end from outside, or cut off from the terminal: leave in order, as by the key."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(NotImplementedError):  # Windows
                    loop.add_signal_handler(number, self.leave, 128 + number)

    def _tell_opened(self) -> None:
        """Called from the boot thread, or from here where it was faster."""
        self.post_message(Opened())

    def on_opened(self) -> None:
        """The store is open, or cannot be."""
        self._boot_done = True
        self.fill()

    def fill(self) -> None:
        """Show the store, once it is open and the screen has its parts."""
        if not self._boot_done or not self.main.has_parts:
            return
        self._boot_done = False
        boot = self.boot
        self.memory = boot.session
        self.config = Config.of(boot.settings, boot.asked)
        self.keymap = Keymap(boot.settings.keys)
        wanted = themes.choose(self.memory.theme or self.config.theme)
        if wanted != self.theme:
            self.theme = wanted
        if boot.store is not None:
            boot.store.on_change(self._changed)
            boot.store.jobs.listen(self._job)
        if boot.error is not None:
            self._not_opened(boot)
            return
        self.main.opened(boot)
        for problem in (*boot.settings.problems, *self.keymap.problems):
            self.notify(problem, title="Settings", severity="warning", timeout=15)
        if boot.store is not None:
            self.call_after_refresh(self._start_background)

    def _start_background(self) -> None:
        """Foreign changes, publishing and watching begin once the first frame is out."""
        gc.freeze()
        gc.enable()
        store = self.store
        self.main.chart.prepare()
        self.main.health.measure()
        self.main.workflows.refresh_list()
        self.bridge.write.ask(store.start_background, lambda _: None, name="background")
        if not self.is_headless:
            store.start_upkeep()

    def _not_opened(self, boot: Boot) -> None:
        gc.enable()
        if boot.missing:
            from tui.screens.welcome import WelcomeScreen

            self.push_screen(WelcomeScreen(boot.path))
        else:
            from tui.screens.trouble import CannotOpen

            if boot.error is not None:
                self.push_screen(CannotOpen(boot.error, boot.path))

    def open_again(self, asked: Wanted) -> None:
        """Open another store, or the same once more, in place of this one."""
        boot = Boot(asked)
        old = self.boot.store
        self.boot = boot
        if old is not None:
            old.close()
        boot.when_ready(self._tell_opened)
        boot.start()

    @property
    def store(self) -> Store:
        """The open store. Raises LookupError before it is open."""
        if self.boot.store is None:
            raise LookupError("the store is not open")
        return self.boot.store

    @property
    def opened(self) -> bool:
        """Whether there is a store to work with."""
        return self.boot.ready.is_set() and self.boot.store is not None and self.boot.error is None

    @property
    def readonly(self) -> bool:
        """Whether nothing may be changed."""
        return self.opened and self.store.readonly

    # -- keys --------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys of a screen that has commands go to their table first, before they travel up the tree."""
        take_key = getattr(self.screen, "take_key", None) if isinstance(event, events.Key) else None
        if take_key is not None and isinstance(event, events.Key) and not event.is_forwarded:
            try:
                if take_key(event.key):
                    return
            except Exception as error:  # noqa: BLE001 - a command that fails must not end the app
                self.trouble(error, getattr(self.screen, "doing", ""))
                return
        await super().on_event(event)

    # -- answers -----------------------------------------------------------------------------------

    def on_answer(self, message: Answer) -> None:
        """A lane has a result: hand it on."""
        message.then(message.value)

    def on_failed(self, message: Failed) -> None:
        """A lane had a failure: whoever asked may deal with it, else it is shown."""
        if message.otherwise is not None and message.otherwise(message.error):
            return
        self.trouble(message.error, message.what, quietly=message.what in QUIET)

    def _changed(self, notice: Notice) -> None:
        """Called from the store's thread."""
        if notice.text:
            self.call_soon(lambda: self._tell(notice))
        if notice.knowledge:
            self.post_message(KnowledgeChanged(frozenset({notice.context})))
        if notice.charts is None or notice.charts:
            self.post_message(Changed(frozenset({notice.context})))

    def _tell(self, notice: Notice) -> None:
        """Say what a notice has to say, and the key that shows more of it."""
        key = self.keymap.first(notice.shown_by) if notice.shown_by else ""
        if not key:
            self.say(notice.text)
            return
        several = "it" if notice.text.startswith("1 ") else "them"
        what = "the difference" if notice.shown_by == "store.difference" else several
        self.say(f"{notice.text}: {key} shows {what}", whole=True)

    def _job(self, _job: Job) -> None:
        """Called from working threads."""
        self.post_message(JobsChanged())

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call in the UI's thread, from any thread."""
        self.post_message(Answer(lambda _: call(), None))

    def on_changed(self, message: Changed) -> None:
        """Others changed something: every pane asks again, and a list over them that shows it."""
        self.main.changed(message.contexts)
        renew = getattr(self.screen, "others_changed", None)
        if renew is not None:
            renew()

    def on_knowledge_changed(self, message: KnowledgeChanged) -> None:
        """Records or workflows changed: the pane asks again, and a screen that shows any hears of it."""
        self.main.workflows.refresh_list()
        renew = getattr(self.screen, "knowledge_changed", None)
        if renew is not None:
            renew(message.contexts)

    def on_jobs_changed(self) -> None:
        """Background work moved."""
        self.main.jobs_changed()

    # -- changing ----------------------------------------------------------------------------------

    def change(
        self,
        work: Callable[[], Change | list[Change]],
        then: Callable[[list[Change]], None] | None = None,
        otherwise: Callable[[Exception], bool] | None = None,
    ) -> None:
        """Run a command in the write lane; when it is on disk, say what was done and show it."""
        store = self.store

        def run() -> list[Change]:
            result = work()
            changes = result if isinstance(result, list) else [result]
            for context in {change.context for change in changes if not change.empty}:
                store.sync(context)  # so that what the panes read next holds it, whoever else is syncing
            return changes

        def done(changes: list[Change]) -> None:
            self.main.committed(changes)
            if then is not None:
                then(changes)

        self.bridge.write.ask(run, done, otherwise=otherwise)

    # -- telling -----------------------------------------------------------------------------------

    def say(self, text: str, *, error: bool = False, whole: bool = False) -> None:
        """A word to the person: in the bottom line, or where that is covered in a box of its own.

        So is an error, and what must be read `whole`, where the line is too short for it.
        """
        foot = getattr(self.screen, "foot", None)
        if isinstance(foot, Foot) and (not (error or whole) or foot.holds(text)):
            foot.say(text, error=error)
        else:
            self.notify(
                text,
                severity="error" if error else "information",
                timeout=self.config.settings.message_seconds * (3 if error else 1),
            )

    def trouble(self, error: BaseException, doing: str = "", *, quietly: bool = False) -> None:
        """Show what went wrong: a sentence for what a person can act on, else the error screen.

        `quietly` for work nobody asked for just now: it must not take the keyboard.
        """
        if isinstance(error, ChartkeepError):
            self.say(str(error), error=True)
            return
        from tui import errorlog

        entry = errorlog.write(error, doing)
        self.faults.append(error)
        now = time.monotonic()
        self._fault_times = [at for at in self._fault_times if now - at < 10] + [now]
        if len(self._fault_times) >= TOO_MANY:
            super()._handle_exception(error if isinstance(error, Exception) else RuntimeError(str(error)))
            return
        if quietly:
            self.say(
                f"{entry.summary} (written down; {self.keymap.first('show.errors')} shows it)", error=True
            )
            return
        from tui.screens.trouble import ErrorScreen

        if self.is_running and not isinstance(self.screen, ErrorScreen):
            self.push_screen(ErrorScreen(entry))

    def _handle_exception(self, error: Exception) -> None:
        """What no handler of ours caught: a widget's loop has ended, so its screen is made anew."""
        if not self.is_running or not self.opened or len(self._fault_times) >= TOO_MANY:
            super()._handle_exception(error)
            return
        self.trouble(error, "drawing the screen")

    def set_mouse(self, works: bool) -> None:
        """Take the mouse from the terminal, or leave it to it."""
        self.config.mouse = works
        driver = self._driver
        name = "_enable_mouse_support" if works else "_disable_mouse_support"
        switch = getattr(driver, name, None)
        if switch is not None:
            switch()
        for widget in self.main.query(Drawn):
            widget.mouse = works

    # -- leaving -----------------------------------------------------------------------------------

    def remember(self) -> None:
        """Keep the session state."""
        if self.opened and self.boot.path is not None:
            self.main.remember(self.memory)
            memory.save(self.boot.path, self.memory)

    def leave(self, code: int = 0) -> None:
        """Quit: what waits is written first."""
        self.remember()
        self.exit(code, return_code=code)

    async def action_quit(self) -> None:
        """Textual's own way out."""
        self.leave()


def run(boot: Boot) -> int:
    """Show the UI until the person leaves; the exit code."""
    app = ChartkeepApp(boot)
    try:
        code = app.run(mouse=app.config.mouse)
    finally:
        app.bridge.close()
        if boot.store is not None:
            app.boot.ready.wait(1)
            if app.boot.store is not None:
                app.boot.store.close()
    return app.return_code or code or 0
