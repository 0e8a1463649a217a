"""The versions of a record: who wrote which when, what differs between two, and an earlier one brought back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from store import clock, records
from store.knowledge.model import Row
from tui.library_changes import Differing, differences
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean, wrap
from tui.widgets.lines import Lines, Pieces
from tui.widgets.listing import Item, Listing
from tui.widgets.signs import State

if TYPE_CHECKING:
    from store.store import Store

MOST_LINES = 3_000


class Version(NamedTuple):
    """One version as the list shows it."""

    ver: int
    at: str
    by: str
    said: str
    """What it was written by, in words."""
    deleted: bool


class HistoryScreen(ListDialog[None]):
    """Versions, the newest first, and below them what the one under the cursor changed."""

    KEYS_TEXT = (
        "m marks one to compare with   R makes it the present one   J K scroll the difference   q closes"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m,space", "mark", "Compare with"),
        Binding("R,enter", "restore", "Restore"),
        Binding("J,shift+down", "scroll(1)", "Down", show=False),
        Binding("K,shift+up", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, row: Row) -> None:
        super().__init__(empty=("", "  No version of it is kept."))
        self.row = row
        self.difference = DifferenceLines(id="history-difference")
        self.about = Static("", id="dialog-about", markup=False)
        self._versions: dict[int, Version] = {}
        self._marked: int | None = None

    def title_text(self) -> str:
        return f"History of “{self.row.title}”"

    def body(self) -> Sequence[Widget]:
        return (self.list, self.about, self.difference)

    def start(self) -> None:
        """Ask which there are."""
        store, row = self.desk.store, self.row
        self.desk.bridge.read.ask(lambda: versions(store, row.context, row.key), self._show, name="history")

    def knowledge_changed(self, contexts: frozenset[str]) -> None:
        """Others changed something, maybe this."""
        if self.row.context in contexts:
            self.start()

    def _show(self, found: Sequence[Version]) -> None:
        if not self.is_attached:
            return
        self._versions = {version.ver: version for version in found}
        self.list.show([self._item(version) for version in found])
        self._compare()

    def _item(self, version: Version) -> Item:
        mark = "   compared with" if version.ver == self._marked else ""
        state: State = "problem" if version.deleted else ""
        text = f"{version.ver:>4}  {version.said}{mark}"
        return Item(str(version.ver), text, version.by, state, lead=_when(version.at))

    def on_listing_moved(self, message: Listing.Moved) -> None:
        """Another version: another difference."""
        message.stop()
        self._compare()

    @property
    def version(self) -> Version | None:
        """The one under the cursor."""
        item = self.chosen
        return self._versions.get(int(str(item.key))) if item is not None else None

    def _pair(self) -> tuple[int | None, int] | None:
        """(older, newer) of the two that are compared: with the marked one, else with the one before."""
        here = self.version
        if here is None:
            return None
        if self._marked is not None and self._marked != here.ver:
            return min(self._marked, here.ver), max(self._marked, here.ver)
        before = [ver for ver in self._versions if ver < here.ver]
        return (max(before) if before else None), here.ver

    def _compare(self) -> None:
        pair = self._pair()
        if pair is None:
            return
        store, context, key = self.desk.store, self.row.context, self.row.key
        self.desk.bridge.read.ask(
            lambda: compared(store, context, key, *pair), partial(self._differing, pair), name="difference"
        )

    def _differing(self, pair: tuple[int | None, int], found: list[Differing]) -> None:
        if not self.is_attached or pair != self._pair():
            return
        older, newer = pair
        what = f"Version {newer}, the first" if older is None else f"From version {older} to {newer}"
        number = len(found)
        count = "nothing differs" if not number else "1 member" if number == 1 else f"{number:,} members"
        self.about.update(f"{what}: {count}   (- {older or 'nothing'}   + {newer})")
        self.difference.show(found)

    def action_mark(self) -> None:
        """Compare with this one from now on; again: with the one before."""
        here = self.version
        if here is None:
            return
        self._marked = None if self._marked == here.ver else here.ver
        self.list.show([self._item(version) for version in self._versions.values()])
        self._compare()

    def action_scroll(self, delta: int) -> None:
        """Scroll the difference."""
        self.difference.jump(self.difference.top_line + delta)

    def action_choose(self) -> None:
        self.action_restore()

    def action_restore(self) -> None:
        """Make the version under the cursor the present one, after asking."""
        here, row = self.version, self.row
        if here is None:
            return
        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
            return
        if here.deleted:
            self.desk.say("This version is a deletion: delete the record to have it so.", error=True)
            return
        if here.ver == max(self._versions):
            self.desk.say("This is the present version.")
            return

        def go(yes: bool | None) -> None:
            if yes:
                from tui.library_writing import restore

                restore(self.desk, row, here.ver, self.start)

        question = f"Make version {here.ver} of “{row.title}” the present one? It becomes a new version; none is lost."
        self.app.push_screen(ConfirmScreen(question, "restore it"), go)


def versions(store: Store, context: str, key: str) -> list[Version]:
    """The versions of a record, the newest first."""
    return [
        Version(row.ver, row.at, row.by, _said(row), row.op == "delete")
        for row in store.library.history(context, key)
    ]


def compared(store: Store, context: str, key: str, older: int | None, newer: int) -> list[Differing]:
    """What differs between two versions; for the first one all it holds."""
    then = {} if older is None else _value(store, context, key, older)
    return differences(then, _value(store, context, key, newer))


def _value(store: Store, context: str, key: str, ver: int) -> Any:
    raw = store.library.record(context, key, ver).raw
    return {} if raw is None else records.loads(raw)


class DifferenceLines(Lines):
    """Members with what they were (-) and what they are (+)."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._found: Sequence[Differing] = ()

    def show(self, found: Sequence[Differing]) -> None:
        """Draw another difference, from its beginning."""
        self._found = found
        self.renew()
        self.jump(0)

    def draw(self, width: int) -> Sequence[Pieces]:
        lines: list[Pieces] = []
        for each in self._found:
            lines.append((("  " + clean(each.member or "the record"), "bold"),))
            for sign, text, style in (("-", each.then, "overdue"), ("+", each.now, "done")):
                if text is not None:
                    parts = wrap(clean(text), max(8, width - 6))
                    lines += [
                        ((f"  {sign if n == 0 else ' '} {part}", style),) for n, part in enumerate(parts)
                    ]
            if len(lines) > MOST_LINES:
                lines.append((("  … more than can be shown here", "muted"),))
                break
        return lines


def _said(row: Any) -> str:
    """What a version was written by, in words."""
    if row.op == "delete":
        return "deleted"
    workflow = getattr(row, "workflow", None)
    label = getattr(row, "label", "")
    return label or (f"by workflow {workflow}" if workflow else "")


def _when(at: str) -> str:
    instant = clock.try_parse(at)
    return f"{instant.astimezone():%d %b %Y %H:%M:%S}" if instant is not None else at
