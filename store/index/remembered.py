"""What the index still knows of journal lines that are lost: where they lay, who wrote them, what they said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from store.index.extract import Columns, Extract, bind_key, read_key
from store.index.queries import Snapshot
from store.model import TxMeta


class LostRow(NamedTuple):
    """One record version by the index. `tx` is the offset at which its transaction starts."""

    key: str
    ver: int
    deleted: bool
    generation: int
    offset: int
    length: int
    tx: int
    at: str
    by: str


def versions_from(snap: Snapshot, context: str, generation: int, offset: int) -> Iterator[LostRow]:
    """Every version whose line lies in a generation from an offset on, in the journal's order."""
    rows = snap._ask(
        "SELECT v.key, v.ver, v.deleted, v.generation, v.start, v.size, t.start, t.at, t.who FROM versions v"
        " JOIN transactions t ON t.seq = v.seq WHERE v.ctx = ? AND v.generation = ? AND v.start >= ? ORDER BY v.start",
        (snap._ctx(context), generation, offset),
    )
    for key, ver, deleted, *rest in rows:
        yield LostRow(read_key(key), ver, bool(deleted), *rest)


def meta_at(snap: Snapshot, context: str, generation: int, offset: int) -> TxMeta | None:
    """What the transaction that started there said of itself; None where the index does not know it."""
    row = snap._ask(
        "SELECT command, label, session, undoes, redoes, grp FROM transactions"
        " WHERE ctx = ? AND generation = ? AND start = ?",
        (snap._ctx(context), generation, offset),
    ).fetchone()
    return TxMeta(*row) if row is not None and any(row) else None


def remembered(snap: Snapshot, context: str, key: str, ver: int) -> Extract | None:
    """The live record of `key` as far as the index keeps it, where it is at version `ver`."""
    names = ", ".join(Columns._fields)
    row: Any = snap._ask(
        f"SELECT id, {names} FROM records WHERE ctx = ? AND key = ? AND ver = ?",
        (snap._ctx(context), bind_key(key), ver),
    ).fetchone()
    if row is None:
        return None
    texts = snap._ask(
        "SELECT text FROM observations WHERE id BETWEEN ?1 * 65536 AND ?1 * 65536 + 65535 ORDER BY id",
        (row[0],),
    )
    return Extract(Columns._make(row[1:]), [text for (text,) in texts], None)
