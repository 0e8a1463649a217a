"""The rows of the index of knowledge as sync and rebuild write them, and the numbers in them."""

from __future__ import annotations

from typing import Any, NamedTuple

from store.index.knowledge.extract import MARK

SHIFT = 40
"""Versions of context n are numbered from `(n - 1) << SHIFT`."""
LIVE, DELETED, SOURCE, TARGET, TAG = range(5)
"""Values of `facets.what`: live and deleted records of a kind (`id` is 0), live ones with a domain or tag."""
STEPS = 1000
"""Parts that qualities from 0 to 1 are sorted into by their words."""


class ItemRow(NamedTuple):
    """A row of `items`, in the table's order."""

    seq: int
    ctx: int
    kind: int
    id: str | bytes
    hash: int
    ver: int
    deleted: int
    first: int | None
    prev: int | None
    generation: int
    start: int
    size: int
    source: int | None
    target: int | None
    quality: float | None
    created: int
    name: str | None
    title: str | None
    tags: str | None


COLUMNS = ", ".join(ItemRow._fields)
INSERT_ITEM = f"INSERT INTO items VALUES ({', '.join('?' * len(ItemRow._fields))})"
INSERT_VERSION = "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_WORDS = "INSERT INTO words (rowid, text) VALUES (?, ?)"
INSERT_TX = f"INSERT INTO transactions VALUES ({', '.join('?' * 11)})"
ADD_FACET = (
    "INSERT INTO facets VALUES (?, ?, ?, ?, ?) ON CONFLICT (ctx, what, id, kind) DO UPDATE SET"
    " live = live + excluded.live"
)


def base(ctx: int) -> int:
    """What the numbers of a context's versions begin after."""
    return ctx - 1 << SHIFT


def version_row(row: ItemRow) -> tuple[Any, ...]:
    """What is kept of an item that a later version supersedes."""
    return (row.seq, row.kind, row.id, row.prev, row.ver, row.deleted, row.generation, row.start, row.size)


def kind_word(kind: int) -> str:
    """The word of the full text that stands for a kind."""
    return f"{MARK}k{kind}"


def source_word(name: int) -> str:
    """The word that stands for a source domain."""
    return f"{MARK}s{name}"


def target_word(name: int) -> str:
    """The word that stands for a target domain."""
    return f"{MARK}t{name}"


def tag_word(name: int) -> str:
    """The word that stands for a tag."""
    return f"{MARK}g{name}"


def quality_word(quality: float) -> str:
    """The word that stands for a quality: one for each thousandth, and one for what lies above it and below the next.

    Below 0 and from 1 on there is one each.
    """
    if quality < 0:
        return f"{MARK}n"
    if quality > 1:
        return f"{MARK}p{STEPS}"
    step = int(quality * STEPS + 0.5)
    if step / STEPS == quality:
        return f"{MARK}q{step}"
    return f"{MARK}p{step if step / STEPS < quality else step - 1}"
