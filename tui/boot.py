"""Opening the store while Textual is still being imported.

The boot thread finds the store, reads settings and the remembered session, opens the index
and fetches the first page; the app picks the result up when it is there. What can go wrong
is kept as a value: the app shows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, NotFound
from store.settings import Settings
from tui import session as memory
from tui.__main__ import Wanted
from tui.session import Session

if TYPE_CHECKING:
    from store.model import ChartView, ContextInfo
    from store.store import Store
    from tui.reading import Page


class Boot:
    """One attempt to open a store. Its members may be read once `ready` is set."""

    def __init__(self, asked: Wanted) -> None:
        self.asked = asked
        self.ready = threading.Event()
        self.path: Path | None = None
        self.settings = Settings()
        self.session = Session()
        self.store: Store | None = None
        self.contexts: list[ContextInfo] = []
        self.page: Page | None = None
        self.chart: ChartView | None = None
        self.error: Exception | None = None
        self.missing = False
        """True where there is no store yet."""
        self._told: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self.run, name="chartkeep-boot", daemon=True).start()

    def when_ready(self, call: Callable[[], None]) -> None:
        """Call `call()` once, from whichever thread, when everything is there."""
        with self._lock:
            if not self.ready.is_set():
                self._told = call
                return
        call()

    def run(self) -> None:
        """Open and read; never raises."""
        try:
            self._open()
        except NotFound as error:
            self.missing = self.store is None
            self.error = error
        except (ChartkeepError, OSError) as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - the app shows whatever stopped the opening
            self.error = error
        with self._lock:
            self.ready.set()
            told = self._told
        if told is not None:
            told()

    def _open(self) -> None:
        from store import layout
        from store.settings import load

        if self.asked.demo:
            from store.demo import make_demo

            self.path = make_demo()
        else:
            self.path = layout.find_store(self.asked.path)
        self.settings = load(layout.Layout.of(self.path).settings)
        from store.store import open_store

        self.store = store = open_store(self.path, program="tui", readonly=self.asked.readonly)
        self.session = memory.load(self.path)
        self._first_page(store)

    def _first_page(self, store: Store) -> None:
        """What the first frame shows: contexts, the outline as it was left, the chart under the cursor."""
        from tui import reading
        from tui.rows import Look

        self.contexts = reading.contexts(store)
        session = self.session
        names = [info.name for info in self.contexts]
        context = self.asked.context or session.context
        if context not in names:
            context = None if session.context is None and len(names) > 1 else (names[0] if names else None)
        session.context = context
        query = reading.Query(
            context,
            _key(session.scope),
            "",
            session.sort or self.settings.sort,
            self.settings.hide_done if session.hide_done is None else session.hide_done,
        )
        look = Look.now(self.settings, contexts=context is None)
        opened = [tuple(key) for key in session.unfolded]
        page = reading.page(store, query, look, opened)
        if query.scope is not None and not page.ids:
            page = reading.page(store, query._replace(scope=None), look, opened)
        self.page = page
        at = _key(session.cursor) or next((tuple(row.key) for row in page.rows.values()), None)
        if at is not None:
            try:
                self.chart = reading.chart(store, at)
            except NotFound:
                self.chart = None


def _key(remembered: list[str] | None) -> tuple[str, ...] | None:
    if remembered and len(remembered) in (2, 3) and all(isinstance(part, str) for part in remembered):
        return tuple(remembered)
    return None
