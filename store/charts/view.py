"""What the rules of charts may know of the world: the records of one context at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from store.model import Held


class View(Protocol):
    """The state of one context, consistent in itself; under the journal's lock when planning.

    Records it hands out are shared: whoever changes one copies it first.
    """

    context: str

    def get(self, key: str) -> Held | None:
        """The live record of `key`, or None."""

    def keys_of(self, chart_id: str) -> list[str]:
        """Keys of the live entities (any type) that belong to a chart, in file order."""

    def children(self, chart_id: str) -> list[str]:
        """Ids of the charts whose `parentChart` is `chart_id`, in file order."""

    def relations_of(self, name: str) -> list[str]:
        """Keys of the live relations from or to the entity `name`."""

    def chart_ids(self) -> Iterator[str]:
        """Every chart of the context, in file order."""
