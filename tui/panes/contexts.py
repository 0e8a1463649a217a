"""The contexts of the store; moving the cursor shows the charts of the context it comes to."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from store.model import ARCHIVE, ContextInfo
from tui import reading
from tui.panes.base import Pane
from tui.widgets.listing import Item, Listing
from tui.widgets.signs import State

ALL = ""
"""Key of the first row, which stands for all contexts together."""


class ContextsPane(Pane):
    """Lists contexts with their figures."""

    TITLE = "Contexts"

    class Chosen(Message):
        """Another context is to be shown; None for all together."""

        def __init__(self, name: str | None) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str, mouse: bool) -> None:
        super().__init__(id=id)
        self.list = Listing(id="contexts", mouse=mouse)
        self.infos: list[ContextInfo] = []
        self._shown: str | None = None

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.list

    @property
    def body(self) -> Listing:
        return self.list

    def names(self) -> list[str]:
        """Names of the live contexts."""
        return [info.name for info in self.infos if not info.archived]

    def show(self, infos: list[ContextInfo], shown: str | None) -> None:
        """Show these contexts, the cursor on the one that is shown."""
        self.infos = infos
        with self.list.prevent(Listing.Moved):
            self.list.show([_all_row(infos), *(_row(info) for info in infos)])
        self.desk.main.sizes.fit_contexts()
        self.mark(shown)

    def mark(self, shown: str | None) -> None:
        """Another context is shown now: the cursor goes there."""
        self._shown = shown
        wanted = shown or ALL
        if self._under != wanted:
            line = next((n for n, item in enumerate(self.list.items) if item.key == wanted), 0)
            with self.list.prevent(Listing.Moved):
                self.list.move_to(line)
        info = next((info for info in self.infos if info.name == shown), None)
        if shown is None:
            charts = sum(info.charts for info in self.infos if not info.archived)
            words = f"{_many(len(self.names()), 'context')} · {_many(charts, 'chart')}"
        else:
            words = shown if info is None else f"{shown} · {_figures(info)}"
        self.heading.show(words)

    def refresh_list(self) -> None:
        """Ask for the figures again."""
        store = self.desk.store
        self.desk.bridge.read.ask(
            lambda: reading.contexts(store), lambda infos: self.show(infos, self._shown), name="contexts"
        )

    @property
    def _under(self) -> str:
        item = self.list.cursor_item
        return str(item.key) if item else ALL

    @property
    def chosen_info(self) -> ContextInfo | None:
        """The context under the cursor; None on the row of all together."""
        return next((info for info in self.infos if info.name == self._under), None)

    @property
    def chosen(self) -> str | None:
        """Its name."""
        info = self.chosen_info
        return info.name if info else None

    @on(Listing.Moved)
    def _moved(self, message: Listing.Moved) -> None:
        message.stop()
        info = self.chosen_info
        if self.list.has_focus and (info is None or not info.archived or info.name == ARCHIVE):
            self.post_message(self.Chosen(info.name if info else None))

    @on(Listing.Chosen)
    def _activated(self, message: Listing.Chosen) -> None:
        message.stop()
        self.desk.main.focus_pane("outline")


def _figures(info: ContextInfo) -> str:
    words = [f"{info.overdue:,} overdue"] if info.overdue else []
    if not info.charts:
        return "no charts"
    return " · ".join([*words, f"{info.complete:,} of {info.charts:,} done"])


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _all_row(infos: list[ContextInfo]) -> Item:
    live = [info for info in infos if not info.archived]
    done, total = sum(info.complete for info in live), sum(info.charts for info in live)
    late = sum(info.overdue for info in live)
    return Item(ALL, "All contexts", _figures(ContextInfo("", "", total, done, late, None)), bold=True)


def _row(info: ContextInfo) -> Item:
    if info.name == ARCHIVE:
        return Item(info.name, info.name, _many(info.charts, "chart"), dim=True)
    if info.archived:
        return Item(info.name, info.name, "put away", dim=True)
    done = bool(info.charts) and info.complete == info.charts
    state: State = "problem" if info.findings else "overdue" if info.overdue else "done" if done else ""
    return Item(info.name, info.name, _figures(info), state)
