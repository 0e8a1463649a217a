"""What the index of knowledge still knows of journal lines that are lost."""

from __future__ import annotations

from collections.abc import Iterator

from store.index.base import Reads
from store.index.knowledge import checking
from store.index.remembered import LostRow
from store.model import TxMeta

_VERSIONS = """
SELECT v.kind, v.id, v.ver, v.deleted, v.generation, v.start, v.size, t.start, t.at, t.who FROM
  (SELECT seq, kind, id, ver, deleted, generation, start, size FROM items WHERE seq > ?1 AND seq < ?2
   UNION ALL SELECT seq, kind, id, ver, deleted, generation, start, size FROM versions WHERE seq > ?1 AND seq < ?2) v
JOIN transactions t ON t.seq = (SELECT MAX(seq) FROM transactions WHERE seq <= v.seq)
WHERE v.generation = ?3 AND v.start >= ?4 ORDER BY v.start
"""


def versions_from(snap: Reads, context: str, generation: int, offset: int) -> Iterator[LostRow]:
    """Every version whose line lies in a generation from an offset on, in the journal's order."""
    names: dict[int, str] = {}
    bind = (*checking.span(snap, context), generation, offset)
    for kind, item, ver, deleted, *rest in snap._ask(_VERSIONS, bind):
        yield LostRow(checking.key_of_row(snap, names, kind, item), ver, bool(deleted), *rest)


def meta_at(snap: Reads, context: str, generation: int, offset: int) -> TxMeta | None:
    """What the transaction that started there said of itself; None where the index does not know it."""
    row = snap._ask(
        "SELECT command, label, session, workflow FROM transactions WHERE ctx = ? AND generation = ? AND start = ?",
        (snap._ctx(context), generation, offset),
    ).fetchone()
    if row is None or not any(row):
        return None
    command, label, session, workflow = row
    return TxMeta(command, label, session, group=workflow)


def agrees(snap: Reads, context: str, key: str, raw: bytes) -> bool:
    """True where a record says what the index has of the newest version of its key."""
    from store.index.knowledge.extract import extract

    live = checking.one(snap, context, key)
    if live is None:
        return False
    found = extract(live.kind, raw)
    return all(getattr(found, name) == value for name, value in live.columns.items())
