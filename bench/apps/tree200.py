"""The floor: a bare Textual app, a Tree of 200 nodes and a footer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Tree


class Bare(App[None]):
    """20 charts with 9 steps each, unfolded."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        tree: Tree[None] = Tree("Charts")
        tree.root.expand()
        for chart in range(20):
            node = tree.root.add(f"Chart {chart}", expand=True)
            for step in range(9):
                node.add_leaf(f"Action step {chart}.{step}")
        yield tree
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Tree).focus()


if __name__ == "__main__":
    Bare().run()
