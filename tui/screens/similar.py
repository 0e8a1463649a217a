"""What is like a record or a chart: the nearest ones, with how they were measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from store.errors import NotFound
from tui.library_text import bar
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean
from tui.widgets.listing import Item

if TYPE_CHECKING:
    from store.store import Store
    from store.vectors.values import Similar

LIMIT = 50
LEXICAL = "by words and parts of words (lexical), not by meaning"


class Near(NamedTuple):
    """What was found."""

    items: list[Item]
    how: str
    """How it was measured, in words."""
    note: str = ""


class SimilarScreen(ListDialog[tuple[str, str]]):
    """(context, key) of the one chosen; None for closed."""

    KEYS_TEXT = "enter goes there   c of this context only, or of all   v makes missing vectors   q closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "everywhere", "All contexts"),
        Binding("v", "embed", "Make vectors"),
    ]

    def __init__(self, context: str, key: str, title: str) -> None:
        super().__init__(empty=("", "  Measuring…"))
        self._of, self._key, self._title = context, key, title
        self._everywhere = True
        self.about = Static("", id="dialog-about", markup=False)

    def title_text(self) -> str:
        return f"Similar to “{self._title}”"

    def body(self) -> Sequence[Widget]:
        return (self.about, self.list)

    def start(self) -> None:
        """Measure."""
        store, everywhere = self.desk.store, self._everywhere
        context, key = self._of, self._key
        self.desk.bridge.work.ask(
            lambda: near(store, context, key, everywhere=everywhere),
            self._show,
            name="similar",
            otherwise=self._none,
        )

    def _show(self, found: Near) -> None:
        if self.is_attached:
            where = "every context" if self._everywhere else self._of
            self.about.update(clean(" · ".join(part for part in (found.how, where, found.note) if part)))
            self.list.empty = ("", "  Nothing else has a vector yet; v makes those that are missing.")
            self.list.show(found.items, keep=False)

    def _none(self, error: Exception) -> bool:
        if not isinstance(error, NotFound) or not self.is_attached:
            return False
        self.about.update("")
        self.list.empty = ("", f"  {clean(str(error))}", "  v makes the vectors that are missing.")
        self.list.show([])
        self.list.refresh()
        return True

    def action_everywhere(self) -> None:
        """Look in every context, or in this one only."""
        self._everywhere = not self._everywhere
        self.start()

    def action_embed(self) -> None:
        """Make the vectors that are missing, as a workflow."""
        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
            return
        from tui.library_writing import embed

        embed(self.desk, self._of, lambda: self.start() if self.is_attached else None)

    def action_choose(self) -> None:
        item = self.chosen
        if item is not None and isinstance(item.key, tuple):
            self.dismiss((item.key[0], item.key[1]))


def near(store: Store, context: str, key: str, *, everywhere: bool) -> Near:
    """The nearest records and charts. Raises NotFound where there are no vectors to measure by."""
    from store.vectors import collection

    found = collection.similar(store, key, context=None if everywhere else context, limit=LIMIT + 1)
    items = [
        Item(
            (hit.context, hit.key),
            hit.title,
            f"{hit.key.partition(':')[0].replace('_', ' ')} · {hit.context}",
            lead=f"{bar(hit.score)} {hit.score:5.2f}",
        )
        for hit in found.hits
        if (hit.context, hit.key) != (context, key)
    ]
    return Near(items[:LIMIT], measured(found), found.note)


def measured(found: Similar) -> str:
    """How likeness was measured, in words, with what share of the exact answer is to be expected."""
    what = LEXICAL if found.model == "lexical" else f"by the model {found.model}"
    recall = "" if found.recall is None else f", recall@10 {found.recall:.2f}"
    return f"{what}; {found.how} search{recall}"
