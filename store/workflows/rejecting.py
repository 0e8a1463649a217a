"""Records of what was refused: they join the audit trail in the transaction that passes them over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from store import clock, records
from store.model import Edit
from store.workflows.lists import VALIDATION, validation_key

if TYPE_CHECKING:
    from store.knowledge.checking import Reject

SHOWN = 4096
"""Bytes of a refused line that its record holds; all of it stands in the staged items."""


def edits(workflow_id: str, rejects: Sequence[Reject], items: Path | None) -> list[Edit]:
    """The records of these refusals; `items` are the staged ones, where the whole line can be read."""
    now = clock.stamp() if rejects else ""
    return [
        Edit(
            "put",
            validation_key(workflow_id, one.line),
            None,
            _raw(workflow_id, one, now, staged=items is not None),
        )
        for one in rejects
    ]


def _raw(workflow_id: str, reject: Reject, now: str, *, staged: bool) -> bytes:
    text = reject.raw[:SHOWN].decode("utf-8", "replace" if staged else "surrogateescape")
    made = {
        "type": VALIDATION,
        "id": f"{workflow_id}/{reject.line}",
        "workflow_id": workflow_id,
        "line": reject.line,
        "code": reject.code,
        "reason": reject.reason,
        "item": text,
        "at": now,
    }
    if len(reject.raw) > SHOWN or reject.code == "too-long":
        made["whole"] = False
    return records.dumps(made)
