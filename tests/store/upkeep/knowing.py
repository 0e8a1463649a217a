"""Knowledge as tests of upkeep write it: straight into the journal, as many records as are asked for."""

from __future__ import annotations

from typing import Any

from store import records
from store.records import Draft
from store.store import Store


def analogy(number: int, **members: Any) -> dict[str, Any]:
    """An analogy between two of seven domains."""
    return {
        "type": "analogy",
        "id": f"a{number}",
        "source_domain": f"domain {number % 7}",
        "target_domain": f"domain {(number + 3) % 7}",
        "quality_score": (number % 10) / 10,
        "concept_mappings": {f"concept {number}": f"counterpart {number}"},
        "frame_mappings": {},
        "tags": [f"tag{number % 3}"],
        "metadata": {},
        **members,
    }


def put(store: Store, *values: dict[str, Any], context: str = "default", ver: int = 1) -> None:
    """Write records in one transaction, each as version `ver`."""
    drafts = [Draft("put", f"{value['type']}:{value['id']}", ver, records.dumps(value)) for value in values]
    with store.journal(context, "knowledge").writer() as writer:
        writer.append(drafts, by="ann")


def delete(store: Store, key: str, ver: int, context: str = "default") -> None:
    """Write that a record is deleted."""
    with store.journal(context, "knowledge").writer() as writer:
        writer.append([Draft("delete", key, ver, None)], by="ann")


def known(store: Store, context: str = "default") -> dict[str, Any]:
    """Every live record of knowledge by key, from the journal alone."""
    found: dict[str, Any] = {}
    if not store.layout.journal(context, "knowledge").exists():
        return found
    journal = store.journal(context, "knowledge")
    for number in journal.generations():
        for tx in journal.read_generation(number):
            for line in tx.lines:
                if line.raw is None:
                    found.pop(line.key, None)
                else:
                    found[line.key] = records.loads(line.raw)
    return found
