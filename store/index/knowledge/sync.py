"""From the journal of knowledge to rows: what is new since the stored position.

The position is stored in the same database transaction as the rows. A writer hands over what it has
just committed, so that a batch is not read back from the disk: those transactions are taken only where
they go on from the stored position, and that is asked of the journal itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from store.errors import Damaged
from store.index import carried
from store.index.knowledge import rows
from store.index.knowledge.applying import Applier, Memory
from store.index.sync import Synced, context_id, load_position, store_position
from store.model import Position

if TYPE_CHECKING:
    from store.journal import Journal, Tx

MOST = 50_000
"""Lines whose rows are written in one database transaction: others wait for it."""


def sync_context(
    conn: sqlite3.Connection,
    journal: Journal,
    upto: Position | None = None,
    known: Sequence[Tx] = (),
    memory: Memory | None = None,
) -> Synced:
    """Read what is new into the index. Wants an open write transaction; the caller commits it.

    With `upto` no further than that. Raises OffChain where the stored position is not in the journal
    (the caller forgets the context and calls again), StorageError.
    """
    position, seq, lines = load_position(conn, journal.context, journal.family)
    reset = position is None
    ctx = context_id(conn, journal.context)
    applier = Applier(conn, ctx, max(seq, rows.base(ctx)), memory)
    damage = None
    start = position
    more, ended, taken = False, False, 0
    try:
        if known and position is not None and not journal.holds(position):
            known = ()  # what it follows was cut back since, though it ended at the same place
        for tx, trusted in _transactions(journal, position, known):
            applier.apply(tx, trusted=trusted)
            position = tx.position
            taken += len(tx.lines)
            if upto is not None and position[:2] >= upto[:2]:
                break
            if more := taken >= MOST:
                break
        else:
            ended = True
    except Damaged as error:
        damage = error
    applier.finish()
    if ended:
        position = journal.gone_on(position)
    if position is not None and position != start:
        store_position(conn, journal.context, journal.family, position, applier.seq, lines + applier.lines)
    return Synced(applier.transactions, applier.news, set(), reset, damage, more)


def _transactions(
    journal: Journal, position: Position | None, known: Sequence[Tx]
) -> Iterator[tuple[Tx, bool]]:
    """What follows a position, from memory as far as it is there; with it, whether it came from there."""
    for tx in known:
        if position is None or (tx.generation, tx.offset) != position[:2]:
            continue
        yield tx, True
        position = tx.position
    for tx in carried.transactions(journal, position):
        yield tx, False


def forget_context(conn: sqlite3.Connection, context: str) -> None:
    """Remove every row of a context, its name too. What the full text holds of it leads nowhere then."""
    row = conn.execute("SELECT id FROM contexts WHERE name = ?", (context,)).fetchone()
    if row is not None:
        ctx = int(row[0])
        span = (rows.base(ctx) + 1, rows.base(ctx + 1))
        for table in ("versions", "transactions", "items", "workflows"):
            conn.execute(f"DELETE FROM {table} WHERE seq BETWEEN ? AND ?", span)
        conn.execute("DELETE FROM facets WHERE ctx = ?", (ctx,))
        conn.execute("UPDATE contexts SET name = ? WHERE id = ?", (f"/{ctx}", ctx))
    conn.execute("DELETE FROM positions WHERE substr(id, 1, ?) = ?", (len(context) + 1, context + "/"))
