"""Who changed what, newest first, with undo for any of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from store import clock
from store.model import Change, TxRow
from tui.rows import Key
from tui.screens.dialog import ListDialog
from tui.widgets.listing import Item

if TYPE_CHECKING:
    from store.store import Store

LIMIT = 1000


class ActivityScreen(ListDialog[None]):
    """Transactions of every context, or of one chart."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("u", "undo", "Undo this")]
    KEYS_TEXT = "u undoes the change under the cursor   q closes"

    def __init__(self, chart: Key | None = None, title: str = "") -> None:
        super().__init__(empty=("", "  Nothing has been changed yet."))
        self._chart = chart
        self._of = title
        self._rows: dict[Key, TxRow] = {}

    def title_text(self) -> str:
        return f"History of “{self._of}”" if self._chart else "Activity"

    def start(self) -> None:
        store, chart = self.desk.store, self._chart
        self.desk.bridge.read.ask(lambda: _rows(store, chart), self._show, name="activity")

    def _show(self, rows: Sequence[TxRow]) -> None:
        if not self.is_attached:
            return
        self._rows = {(row.context, row.tx): row for row in rows}
        now, me = clock.now().astimezone(), self.desk.store.session
        self.list.show([_item(row, now, me.id) for row in rows])

    def action_undo(self) -> None:
        """Take back the transaction under the cursor."""
        item = self.chosen
        row = self._rows.get(tuple(item.key)) if item else None
        if row is None:
            return
        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
            return
        store, tx, context = self.desk.store, row.tx, row.context

        def done(changes: list[Change]) -> None:
            if any(not change.empty for change in changes):
                self.desk.say(changes[0].label)
            self.start()

        self.desk.change(lambda: store.undo(tx, context), done)


def _rows(store: Store, chart: Key | None) -> list[TxRow]:
    with store.snapshot() as snap:
        if chart is None:
            return list(snap.transactions(limit=LIMIT))
        seen: dict[str, TxRow] = {}
        for version in snap.history(chart[0], chart[1], LIMIT):
            tx = version.version.tx
            if tx not in seen and (row := snap.transaction(chart[0], tx)) is not None:
                seen[tx] = row
        return list(seen.values())


def _item(row: TxRow, now: datetime, session: str) -> Item:
    instant = clock.try_parse(row.at)
    when = "" if instant is None else _when(instant.astimezone(), now)
    who = "you" if row.session == session else row.by
    records = f"{row.records} records" if row.records != 1 else "1 record"
    title = f"{row.label or row.command}{'  (undone)' if row.undone_by else ''}"
    return Item(
        (row.context, row.tx),
        title,
        f"{who} · {row.context} · {records}",
        dim=bool(row.undone_by),
        lead=f"{when:>12}",
    )


def _when(instant: datetime, now: datetime) -> str:
    if instant.date() == now.date():
        return f"{instant:%H:%M:%S}"
    return f"{instant:%d %b %H:%M}" if instant.year == now.year else f"{instant:%d %b %Y}"
