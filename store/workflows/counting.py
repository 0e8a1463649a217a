"""Batches put together, and what a batch comes to in the counts of its workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.workflows.types import Batch, Decision

if TYPE_CHECKING:
    from store.workflows.record import Record


def joined(whole: Batch, batch: Batch) -> Batch:
    """Two batches as one."""
    if whole.cursor is None:
        return batch._replace(
            items=list(batch.items),
            edits=list(batch.edits),
            rejects=list(batch.rejects),
            processed=gone(batch),
        )
    return whole._replace(
        items=[*whole.items, *batch.items],
        edits=[*whole.edits, *batch.edits],
        rejects=[*whole.rejects, *batch.rejects],
        cursor=batch.cursor,
        processed=gone(whole) + gone(batch),
        unchanged=whole.unchanged + batch.unchanged,
        total=batch.total if batch.total is not None else whole.total,
        extra=[*whole.extra, *batch.extra] if isinstance(whole.extra, list) else batch.extra,
    )


def gone(batch: Batch) -> int:
    """Items gone through in a batch."""
    if batch.processed is not None:
        return batch.processed
    return len(batch.items) + len(batch.edits) + len(batch.rejects)


def after(record: Record, batch: Batch, decision: Decision) -> dict[str, Any]:
    """The record's counts after a batch."""
    missing = dict(record.missing)
    for name, count in decision.missing.items():
        missing[name] = missing.get(name, 0) + count
    processed = record.processed + gone(batch)
    return {
        "cursor": batch.cursor,
        "processed": processed,
        "total": max(processed, batch.total if batch.total is not None else record.total),
        "written": record.written + decision.written,
        "unchanged": record.unchanged + decision.unchanged,
        "rejected": record.rejected + len(decision.rejects),
        "missing": missing,
    }
