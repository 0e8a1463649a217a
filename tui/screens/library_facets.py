"""Tags and domains with their counts: choosing one narrows the library by it, or lets go of it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.widgets import Input

from tui.library_reading import BY_TAB, Query
from tui.screens.dialog import ListDialog
from tui.widgets.listing import Item

if TYPE_CHECKING:
    from store.store import Store

MOST = 5_000
"""Of each, the most frequent."""


class Facet(NamedTuple):
    """One name to filter by."""

    form: str
    """`tag` or `domain`."""
    name: str
    records: int


class FacetsScreen(ListDialog[tuple[str, str]]):
    """(form, name) of what was chosen; None for closed."""

    SEARCH = "type to narrow"
    KEYS_TEXT = "enter filters by it, or no longer   esc closes"

    def __init__(self, query: Query) -> None:
        super().__init__(empty=("", "  No tags or domains here."))
        self._query = query
        self._facets: list[Facet] = []

    def title_text(self) -> str:
        return f"Tags and domains: {self._query.context or 'all contexts'}"

    def start(self) -> None:
        store, query = self.desk.store, self._query
        self.desk.bridge.read.ask(lambda: facets(store, query), self._had, name="facets")

    def _had(self, found: list[Facet]) -> None:
        if self.is_attached:
            self._facets = found
            self._narrow(self.query_one(Input).value)

    def on_input_changed(self, message: Input.Changed) -> None:
        """Narrow the list."""
        message.stop()
        self._narrow(message.value)

    def _narrow(self, text: str) -> None:
        words = text.casefold().split()
        chosen = self._query.filter
        has = {("tag", name) for name in chosen.tags} | {("domain", name) for name in chosen.domains}
        self.list.show(
            [
                Item(
                    facet[:2],
                    facet.name,
                    f"{facet.records:,}",
                    state="done" if facet[:2] in has else "",
                    lead=f"{facet.form:<8}",
                )
                for facet in self._facets
                if all(word in f"{facet.form} {facet.name}".casefold() for word in words)
            ],
            highlight=text,
        )

    def action_choose(self) -> None:
        item = self.chosen
        if item is not None and isinstance(item.key, tuple):
            self.dismiss((item.key[0], item.key[1]))


def facets(store: Store, query: Query) -> list[Facet]:
    """Tags first, then domains, each the most frequent first."""
    kinds = BY_TAB[query.tab].kinds
    tags = [Facet("tag", name, count) for name, count in store.library.tags(query.context, kinds, limit=MOST)]
    domains = store.library.domains(query.context, kinds, limit=MOST)
    return tags + [Facet("domain", name, source + target) for name, source, target in domains]
