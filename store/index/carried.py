"""What follows a position, over generations, and the lines that a new generation carried over.

A generation begins with copies of the live lines, each a transaction of its own that does not say what
was done. Of a version that is known the copy is only the line's new place. So an index that stood
anywhere in the generation before goes on from there: nothing is read anew. Many places are updated in
one statement; only where that does not find every version are lines looked at one by one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from store.carrying import CARRIED
from store.errors import Damaged
from store.index.extract import bind_key

if TYPE_CHECKING:
    from store.journal import Journal, Line, Tx
    from store.model import Position

BATCH = 5_000
MOST = 20_000
"""Lines carried over whose places are updated in one database transaction: others wait for it."""


def transactions(journal: Journal, after: Position | None) -> Iterator[Tx]:
    """What lies after a position; from the beginning, that is all generations, the archived first.

    From the beginning damage in an archived generation ends only that one, and is raised after all the
    rest was read: the later ones hold what was live. Raises Damaged, OffChain, StorageError.
    """
    if after is not None:
        yield from journal.read_on(after)
        return
    damage: Damaged | None = None
    for generation in journal.generations()[:-1]:
        try:
            yield from journal.read_generation(generation)
        except Damaged as error:
            damage = damage or error
    yield from journal.read()
    if damage is not None:
        raise damage


def copied(tx: Tx) -> bool:
    """True where a transaction may be a line carried over: it is, if its version is known."""
    return tx.generation > 1 and len(tx.lines) == 1 and (tx.meta is None or tx.meta.command == CARRIED)


def known(conn: sqlite3.Connection, ctx: int, line: Line) -> bool:
    """True where this version of the key, or a later one, was read before."""
    sql = "SELECT 1 FROM versions WHERE ctx = ? AND key = ? AND ver >= ? LIMIT 1"
    return conn.execute(sql, (ctx, bind_key(line.key), line.ver)).fetchone() is not None


def move_places(conn: sqlite3.Connection, ctx: int, lines: list[Line]) -> bool:
    """Note where lines stand now; True where each of them is the live version of its key."""
    done = conn.executemany(
        "UPDATE records SET generation = ?, start = ?, size = ? WHERE ctx = ? AND key = ? AND ver = ?",
        [
            (generation, start, size, ctx, bind_key(key), ver)
            for generation, start, size, _, key, ver, *_ in lines
        ],
    )
    return done.rowcount == len(lines)
