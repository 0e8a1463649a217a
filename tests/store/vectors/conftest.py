"""Stores with records in them, for the tests of vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from store.records import Draft
from store.store import Store
from store.vectors import table


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """No vectors of another test in memory."""
    table.forget()
    yield
    table.forget()


def analogy(number: int, source: str, target: str, **more: Any) -> dict[str, Any]:
    """An analogy of that number."""
    return {"type": "analogy", "id": f"a{number}", "source_domain": source, "target_domain": target, **more}


def write(store: Store, *given: dict[str, Any], context: str = "default", by: str = "ann") -> None:
    """Put records, in one transaction, as their next versions."""
    journal = store.journal(context, "knowledge")
    newest: dict[str, int] = {}
    for tx in journal.read():
        newest.update((line.key, line.ver) for line in tx.lines)
    drafts = []
    for record in given:
        key = f"{record['type']}:{record['id']}"
        gone = record.get("gone")
        newest[key] = newest.get(key, 0) + 1
        raw = None if gone else json.dumps(record).encode()
        drafts.append(Draft("delete" if gone else "put", key, newest[key], raw))
    with journal.writer() as writer:
        writer.append(drafts, by=by)


def remove(store: Store, key: str, context: str = "default") -> None:
    """Delete a record."""
    kind, _, own = key.partition(":")
    write(store, {"type": kind, "id": own, "gone": True}, context=context)


SEA = analogy(1, "ship", "harbour", reasoning="Both are at home where the sea meets the land")
SAIL = analogy(2, "sailing ship", "open sea", reasoning="A ship sails where the sea carries it")
CODE = analogy(3, "compiler", "parser", reasoning="Both read the text of programs")
BREAD = analogy(4, "baker", "oven", reasoning="Bread rises in the warm kitchen")
