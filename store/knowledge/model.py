"""Plain values of the knowledge collections that travel between the layers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from store.knowledge.where import Condition

Sort = Literal["changed", "created", "quality", "title", "kind", "key", "match"]
"""`match`: what holds the words in its title first, whole words before beginnings; without words by change."""


class Row(NamedTuple):
    """A record as lists show it."""

    context: str
    key: str
    """`<type>:<id>`"""
    kind: str
    """Its `type`, as the record says."""
    id: str
    title: str
    """In one line: “bird → fish”, a name, or the beginning of its text."""
    ver: int
    deleted: bool
    quality: float | None
    """`quality_score`, `confidence` or `coherence`: from 0 to 1."""
    source: str | None
    """Source domain of an analogy."""
    target: str | None
    name: str | None
    tags: tuple[str, ...]
    workflow: str | None
    """The workflow that wrote this version; None where no workflow did."""
    created: str | None
    """As the record says, else when the journal took its first version in."""
    changed_at: str
    """When the journal took this version in."""
    generation: int
    offset: int
    length: int
    """Where its line lies in the journal."""


class Found(NamedTuple):
    """A record with its exact bytes; None where it is deleted."""

    row: Row
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are meant: every member given must hold."""

    context: str | None = None
    """None for every context."""
    kinds: tuple[str, ...] = ()
    """Types; empty for every kind but those only chartkeep writes (`Kind.own`)."""
    words: str = ""
    """Words that must all occur in the record's texts; the last one may be half typed."""
    tags: tuple[str, ...] = ()
    """Tags it must all have."""
    domains: tuple[str, ...] = ()
    """It has one of these as source or target domain."""
    source: str | None = None
    target: str | None = None
    quality_below: float | None = None
    quality_from: float | None = None
    created_after: datetime | None = None
    """Instants with a zone; both ends of the span are left out."""
    created_before: datetime | None = None
    workflow: str | None = None
    """Its present version was written by this workflow."""
    where: Condition | None = None
    """A condition on any member (`store.knowledge.where`)."""
    deleted: bool = False
    """True: deleted records only."""

    @property
    def names_something(self) -> bool:
        """False for a filter that would mean every record there is."""
        return self != Filter(context=self.context, deleted=self.deleted)
