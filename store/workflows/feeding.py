"""What a workflow hands to the process that indexes for it: transactions, each record as the index sees it.

The records themselves stay behind: the index wants of them what `extract` finds, and the workflow's
process has the time to find it. One frame is its length in four bytes and a `marshal` of plain values;
both ends are the same program, so its format is no matter.
"""

from __future__ import annotations

import marshal
from typing import IO, TYPE_CHECKING, Any

from store.journal_read import Line, Tx
from store.model import TxMeta

if TYPE_CHECKING:
    from collections.abc import Iterator


def packed(tx: Tx) -> bytes:
    """A transaction as a frame."""
    from store.index.knowledge.extract import extract
    from store.knowledge.kinds import BY_NAME

    codes = {name: kind.code for name, kind in BY_NAME.items()}
    lines = [
        (
            offset,
            length,
            op,
            key,
            ver,
            None if raw is None else tuple(extract(codes.get(key.partition(":")[0], 0), raw)),
        )
        for _, offset, length, op, key, ver, _, _, raw in tx.lines
    ]
    meta = None if tx.meta is None else (tx.meta.command, tx.meta.label, tx.meta.session, tx.meta.group)
    body = marshal.dumps((tx.tx, tx.generation, tx.offset, tx.end, tx.at, tx.by, meta, tx.hash, lines))
    return len(body).to_bytes(4, "big") + body


def frames(source: IO[bytes]) -> Iterator[Tx]:
    """The transactions that come, until the source ends."""
    while len(head := source.read(4)) == 4:
        size = int.from_bytes(head, "big")
        body = source.read(size)
        if len(body) < size:
            return
        yield _tx(marshal.loads(body))


def _tx(found: Any) -> Tx:
    from store.index.knowledge.extract import Extract

    name, generation, offset, end, at, by, meta, digest, listed = found
    new = tuple.__new__
    lines = tuple(
        new(
            Line,
            (generation, start, length, op, key, ver, at, by, None if said is None else new(Extract, said)),
        )
        for start, length, op, key, ver, said in listed
    )
    told = None if meta is None else TxMeta(meta[0], meta[1], meta[2], group=meta[3])
    return Tx(name, generation, offset, end, at, by, told, lines, digest)
