"""Finding rows by key without a B-tree that every insertion dirties.

An index of random keys costs a page of the log for every record: more than all the rest of its rows. So
keys are entered in `keys` (a hash of the key, the row's number) in large sorted parts, which costs next to
nothing; `contexts.keyed` says up to which number. What lies behind, never more than a part, is read
through, or for many questions held in a temporary table.

Rows of `keys` that a later version superseded lead nowhere: the join with `items` drops them.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from store.index.knowledge import rows

LEAST = 20_000
"""Rows entered at once, at least."""
SHARE = 16
"""And at least one for so many that are entered already."""
LEAST_HASH = -(1 << 31)
FEW = 50
"""Keys for which the rows behind are read through rather than sorted first."""


def hash_of(key: str) -> int:
    """The number by which a key is found; few others share it."""
    data = key.encode() if key.isascii() else key.encode("utf-8", "surrogatepass")
    return zlib.crc32(data) + LEAST_HASH


def hashes_of(keys: Sequence[str]) -> list[int]:
    """`hash_of` of many keys, counted from 0 up."""
    try:
        return list(map(zlib.crc32, map(str.encode, keys)))
    except UnicodeEncodeError:
        return [hash_of(key) - LEAST_HASH for key in keys]


def keyed(conn: sqlite3.Connection, ctx: int) -> int:
    """Up to which number the rows of a context are entered."""
    row = conn.execute("SELECT keyed FROM contexts WHERE id = ?", (ctx,)).fetchone()
    return rows.base(ctx) if row is None or row[0] is None else int(row[0])


def enter(conn: sqlite3.Connection, ctx: int, upto: int) -> None:
    """Enter the keys of a context's rows up to a number, sorted. Wants an open transaction."""
    conn.execute(
        "INSERT INTO keys SELECT hash, seq FROM items WHERE seq > ? AND seq <= ? ORDER BY hash, seq",
        (keyed(conn, ctx), upto),
    )
    conn.execute("UPDATE contexts SET keyed = ? WHERE id = ?", (upto, ctx))


def enter_some(conn: sqlite3.Connection, ctx: int, upto: int) -> None:
    """Enter them if a part has come together."""
    behind = upto - keyed(conn, ctx)
    if behind > LEAST and behind > (upto - rows.base(ctx)) // SHARE:
        enter(conn, ctx, upto)


def find(conn: sqlite3.Connection, ctx: int, hashes: Iterable[int], columns: str) -> Iterable[Sequence[Any]]:
    """`columns` of the rows `items i` of a context whose keys have these hashes: the caller compares the keys."""
    wanted = set(hashes)
    if not wanted:
        return
    text = orjson.dumps(list(wanted)).decode()
    mark = keyed(conn, ctx)
    beyond = rows.base(ctx + 1)
    yield from conn.execute(
        f"SELECT {columns} FROM json_each(?1) j CROSS JOIN keys k ON k.hash = j.value AND k.seq > ?2 AND k.seq <= ?3"
        " CROSS JOIN items i ON i.seq = k.seq",
        (text, rows.base(ctx), mark),
    )
    if len(wanted) <= FEW:
        yield from conn.execute(
            f"SELECT {columns} FROM items i WHERE i.seq > ? AND i.seq <= ?"
            " AND i.hash IN (SELECT value FROM json_each(?))",
            (mark, beyond, text),
        )
        return
    _hold(conn, ctx, mark, beyond)
    yield from conn.execute(
        f"SELECT {columns} FROM json_each(?1) j CROSS JOIN temp.behind b ON b.hash = j.value AND b.ctx = ?2"
        " CROSS JOIN items i ON i.seq = b.seq",
        (text, ctx),
    )


def _hold(conn: sqlite3.Connection, ctx: int, mark: int, beyond: int) -> None:
    """Have the rows behind the mark in the temporary table: only those it lacks are read."""
    row = conn.execute("SELECT mark, upto FROM temp.held WHERE ctx = ?", (ctx,)).fetchone()
    held = int(row[1]) if row is not None and row[0] == mark else mark
    if row is not None and row[0] != mark:
        conn.execute("DELETE FROM temp.behind WHERE ctx = ?", (ctx,))
    conn.execute(
        "INSERT OR IGNORE INTO temp.behind SELECT ?1, hash, seq FROM items WHERE seq > ?2 AND seq <= ?3",
        (ctx, held, beyond),
    )
    last = conn.execute("SELECT MAX(seq) FROM items WHERE seq > ? AND seq <= ?", (mark, beyond)).fetchone()[0]
    conn.execute("INSERT OR REPLACE INTO temp.held VALUES (?, ?, ?)", (ctx, mark, last or mark))


TEMPORARY = (
    "CREATE TEMP TABLE behind (ctx INTEGER, hash INTEGER, seq INTEGER, PRIMARY KEY (ctx, hash, seq)) WITHOUT ROWID",
    "CREATE TEMP TABLE held (ctx INTEGER PRIMARY KEY, mark INTEGER, upto INTEGER)",
)
"""What every connection needs for this."""
