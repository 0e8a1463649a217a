"""The rows of `conflicts`: what both sides changed, and whether it is settled.

Sync and rebuild apply the transactions of a context in their order to the same `Conflicts`, so
both leave the same rows. The rules:

1. A conflict is opened by the transaction whose `tx` holds it.
2. A transaction whose `tx` resolves it settles it: `kept` where what stands there after it is what
   stood there before, else `taken`.
3. A later transaction of ours (not one that absorbed a chart file) after which another value stands
   there settles it too: `superseded`. So does deleting the record, or moving it to another context.
   A conflict about a whole record is superseded by any such change to it.
4. Taking back the transaction that settled it opens it again; taking that back settles it again.

Conflicts are rare: a transaction that has nothing to do with any costs a look at a set.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from store.index.extract import bind_key, scrub
from store.paths import same_text, value_at
from store.records import BadJson, dumps, loads

if TYPE_CHECKING:
    from store.journal import Tx
    from store.model import Collision, TxMeta

FOREIGN = "file:"
"""Begins the `by` of a transaction that absorbed a chart file."""

_INSERT = f"INSERT INTO conflicts VALUES ({', '.join('?' * 17)})"


class _Known(NamedTuple):
    """A conflict whose record is written again, or that is settled or opened again."""

    seq: int
    n: int
    id: str
    key: str | bytes
    path: str
    now: str | None
    state: str
    settled_as: str | None
    settled_by: str | None
    last: str | None


_SELECT = f"SELECT {', '.join(_Known._fields)} FROM conflicts WHERE ctx = ?"


class Conflicts:
    """The conflicts of one context, brought along transaction by transaction."""

    def __init__(self, conn: sqlite3.Connection, ctx: int) -> None:
        self._conn = conn
        self._ctx = ctx
        self._keys: set[str | bytes] | None = None

    def apply(self, tx: Tx, seq: int) -> None:
        """One transaction, after its rows have been written."""
        if self._keys is None:
            rows = self._conn.execute("SELECT key FROM conflicts WHERE ctx = ?", (self._ctx,))
            self._keys = {row[0] for row in rows}
        if self._keys:
            self._follow(tx, self._keys)
        if tx.meta is not None and tx.meta.conflicts:
            values = _values(tx, {bind_key(found.key) for found in tx.meta.conflicts})
            for n, found in enumerate(tx.meta.conflicts):
                key = bind_key(found.key)
                self._keys.add(key)
                self._open(tx, seq, n, found, values)

    def _open(self, tx: Tx, seq: int, n: int, found: Collision, values: dict[str | bytes, Any]) -> None:
        key = bind_key(found.key)
        now = value_at(values[key], found.path) if key in values else found.theirs
        path = dumps(list(found.path)).decode("utf-8")
        head = (seq, n, self._ctx, f"{tx.tx}/{n}", key, path, found.ours, found.theirs, found.base, found.ver)
        self._conn.execute(_INSERT, (*head, tx.at, scrub(tx.by), "open", now, None, None, None))

    def _follow(self, tx: Tx, keys: set[str | bytes]) -> None:
        """Settle, open again, and note what stands there now."""
        written = keys.intersection(bind_key(line.key) for line in tx.lines)
        meta = tx.meta
        if meta is not None and (meta.resolves or meta.undoes or meta.redoes):
            rows = self._conn.execute(_SELECT, (self._ctx,)).fetchall()
        elif written:
            asked = [(self._ctx, key) for key in written]
            rows = [row for each in asked for row in self._conn.execute(f"{_SELECT} AND key = ?", each)]
        else:
            return
        values = _values(tx, written)
        for known in map(_Known._make, rows):
            now = known.now
            if known.key in values:
                now = value_at(values[known.key], loads(known.path.encode("utf-8")))
            changed = known._replace(now=now, **_settled(known, now, tx, meta))
            if changed != known:
                self._conn.execute(
                    "UPDATE conflicts SET now = ?, state = ?, settled_as = ?, settled_by = ?, last = ?"
                    " WHERE seq = ? AND n = ?",
                    (*changed[5:], known.seq, known.n),
                )


def _settled(known: _Known, now: str | None, tx: Tx, meta: TxMeta | None) -> dict[str, Any]:
    """The members of a conflict that a transaction changes; `now` is what stands there after it."""
    if meta is not None and known.id in meta.resolves:
        state = "kept" if same_text(now, known.now) else "taken"
        return _by(state, tx.tx)
    named = {meta.undoes, meta.redoes} - {None} if meta is not None else set()
    if named and known.settled_by is not None:
        if known.last in named:
            return {"state": "open" if known.state != "open" else known.settled_as, "last": tx.tx}
        if known.settled_by in named and known.state != "open":
            return {"state": "open", "last": tx.tx}
    if known.state == "open" and not tx.by.startswith(FOREIGN) and not same_text(now, known.now):
        return _by("superseded", tx.tx)
    return {}


def _by(state: str, tx: str) -> dict[str, Any]:
    return {"state": state, "settled_as": state, "settled_by": tx, "last": tx}


def _values(tx: Tx, keys: Collection[str | bytes]) -> dict[str | bytes, Any]:
    """What the records `keys` are after a transaction, of those it writes; None for one it deletes."""
    found: dict[str | bytes, Any] = {}
    for line in tx.lines:
        key = bind_key(line.key)
        if key in keys:
            try:
                found[key] = line.value()
            except BadJson:  # no value, and so none that could stand anywhere in it
                found[key] = None
    return found
