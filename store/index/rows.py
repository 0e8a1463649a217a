"""The rows of transactions and records: one form for sync and rebuild."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from store.index.extract import Columns, scrub

if TYPE_CHECKING:
    from store.journal import Line, Tx

ORD_SHIFT = 40
"""`records.ord` is generation << 40 | offset of the key's first version."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = (1 << 53) - (1 << 40)
_FIELDS = Columns._fields
RECORD_COLUMNS = ("ctx", "key", "ver", "ord", "generation", "start", "size", *_FIELDS, "changed_at")
INSERT_RECORD = (
    f"INSERT INTO records ({', '.join(RECORD_COLUMNS)}) VALUES ({', '.join('?' * len(RECORD_COLUMNS))})"
)
INSERT_TX = f"INSERT INTO transactions VALUES ({', '.join('?' * 13)})"
INSERT_VERSION = f"INSERT INTO versions VALUES ({', '.join('?' * 9)})"
_UPDATED = len(_FIELDS) - 1


def next_seq(previous: int, at: str, ctx: int) -> int:
    """The `seq` of a transaction after `previous` in its context.

    Rises with the place in the journal whatever the clock did; between contexts it goes by time.
    """
    try:
        micros = (datetime.fromisoformat(at) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError):
        micros = 0
    return max(min(micros, _LATEST), (previous >> 10) + 1) << 10 | ctx


def tx_row(tx: Tx, seq: int, ctx: int) -> tuple[Any, ...]:
    """A row of `transactions`."""
    meta = tx.meta
    if meta is None:
        return (
            seq,
            ctx,
            tx.generation,
            tx.offset,
            tx.at,
            scrub(tx.by),
            "",
            "",
            "",
            len(tx.lines),
            None,
            None,
            None,
        )
    head = (seq, ctx, tx.generation, tx.offset, tx.at, scrub(tx.by))
    words = (scrub(meta.command), scrub(meta.label), scrub(meta.session))
    return (*head, *words, len(tx.lines), meta.undoes, meta.redoes, meta.group)


def record_row(ctx: int, key: str | bytes, line: Line, order: int, columns: Columns) -> tuple[Any, ...]:
    """A row of `records` without its id.

    A change that was seen to happen counts as one, whether or not the record's own date says so.
    """
    generation, start, size, _, _, ver, at, _, _ = line
    updated = columns.updated
    if updated is None or (ver > 1 and at > updated):
        # The last column; slicing costs a third of `_replace`, and this runs once for every line.
        return (ctx, key, ver, order, generation, start, size, *columns[:_UPDATED], at, at)
    return (ctx, key, ver, order, generation, start, size, *columns, at)
