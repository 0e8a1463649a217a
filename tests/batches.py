"""Batches of records for tests, and what a store holds of knowledge by its journal alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from store import workflows
from store.store import Store
from store.workflows.model import Workflow


def analogy(number: int, **more: Any) -> dict[str, Any]:
    """A record like those that are submitted."""
    return {
        "type": "analogy",
        "id": f"a{number}",
        "source_domain": f"domain {number % 7}",
        "target_domain": f"domain {number % 5}",
        "quality_score": (number % 100) / 100,
        **more,
    }


def lines(records: list[dict[str, Any] | bytes]) -> bytes:
    """They as JSONL; bytes stand as they are."""
    return b"".join((item if isinstance(item, bytes) else orjson.dumps(item)) + b"\n" for item in records)


def file_of(folder: Path, records: list[Any], name: str = "batch.jsonl") -> Path:
    """A file with these records."""
    path = folder / name
    path.write_bytes(lines(records))
    return path


def batch(store: Store, records: list[Any], workflow_id: str, **options: Any) -> Workflow:
    """Submit and run an import of these records."""
    context = options.pop("context", "default")
    kind = options.pop("kind", "import")
    submitted = workflows.submit(
        store, context, kind, map(bytes.rstrip, lines(records).splitlines()), id=workflow_id, **options
    )
    return workflows.run(store, submitted.id)


def state(store: Store, context: str = "default", *, own: bool = False) -> dict[str, bytes]:
    """Every live record of a context's knowledge by its key, from the journal alone; without chartkeep's own."""
    found: dict[str, bytes] = {}
    if not store.layout.journal(context, "knowledge").exists():
        return found
    for tx in store.journal(context, "knowledge").read():
        for line in tx.lines:
            if line.raw is None:
                found.pop(line.key, None)
            elif own or not line.key.startswith(("workflow:", "validation:")):
                found[line.key] = line.raw
    return found


def versions(store: Store, context: str = "default") -> dict[str, int]:
    """How many versions each key has, after checking that they count up by one."""
    found: dict[str, int] = {}
    for tx in store.journal(context, "knowledge").read():
        for line in tx.lines:
            assert line.ver == found.get(line.key, 0) + 1, line
            found[line.key] = line.ver
    return found


def indexed(store: Store, context: str = "default") -> set[str]:
    """The keys the index holds as live, without chartkeep's own."""
    from store.knowledge.model import Filter

    return {row.key for row in store.library.rows(Filter(context=context))}
