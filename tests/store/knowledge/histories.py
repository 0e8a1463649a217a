"""Journals of knowledge written by hand, and what an index holds of them, comparable with another's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from store import records
from store.index.knowledge.handle import KnowledgeIndex
from store.journal import Draft, Journal, Tx
from store.knowledge.kinds import FAMILY
from store.model import TxMeta

META = TxMeta("knowledge.put", "Put", "session-1")

_TAGS = "(SELECT group_concat(name, '|') FROM names WHERE instr(COALESCE(i.tags, ''), ' ' || id || ' '))"
_KIND = "CASE WHEN {0}.kind >= 100 THEN (SELECT name FROM names WHERE id = {0}.kind - 100) ELSE {0}.kind END"
_SEQ = "{0} - ((c.id - 1) << 40)"
QUERIES = {
    "positions": "SELECT p.id, generation, start, hash, CASE seq WHEN 0 THEN 0 ELSE seq & 1099511627775 END, lines"
    " FROM positions p",
    "transactions": f"SELECT c.name, {_SEQ.format('t.seq')}, generation, start, at, who, command, label, session, count,"
    " workflow FROM transactions t JOIN contexts c ON c.id = t.ctx",
    "items": f"SELECT c.name, {_SEQ.format('i.seq')}, {_KIND.format('i')}, i.id, hash, ver, deleted,"
    f" {_SEQ.format('first')}, {_SEQ.format('prev')}, generation, start, size, s.name, t.name, quality, created, i.name,"
    f" title, {_TAGS} FROM items i JOIN contexts c ON c.id = i.ctx LEFT JOIN names s ON s.id = i.source"
    " LEFT JOIN names t ON t.id = i.target",
    "versions": f"SELECT c.name, {_SEQ.format('v.seq')}, {_KIND.format('v')}, v.id, {_SEQ.format('prev')}, ver, deleted,"
    " generation, start, size FROM versions v JOIN contexts c ON c.id = (v.seq >> 40) + 1",
    "facets": f"SELECT c.name, what, CASE WHEN what < 2 THEN '' ELSE n.name END, {_KIND.format('f')}, live"
    " FROM facets f JOIN contexts c ON c.id = f.ctx LEFT JOIN names n ON n.id = f.id WHERE live <> 0",
    "workflows": f"SELECT c.name, {_SEQ.format('w.seq')}, state FROM workflows w JOIN contexts c ON c.id = w.ctx",
    "words": f"SELECT v.term, c.name, {_SEQ.format('v.doc')} FROM temp.every v JOIN items i ON i.seq = v.doc"
    " JOIN contexts c ON c.id = i.ctx WHERE v.term < char(57344) OR substr(v.term, 2, 1) IN ('q', 'p', 'n')",
    "keys that lead nowhere": "SELECT COUNT(*) FROM items i JOIN contexts c ON c.id = i.ctx WHERE i.seq <= c.keyed"
    " AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.hash = i.hash AND k.seq = i.seq)",
}


def contents(index: KnowledgeIndex) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the tables, names in the place of their numbers, sorted."""
    conn = sqlite3.connect(index.path)
    try:
        conn.execute("CREATE VIRTUAL TABLE temp.every USING fts5vocab(main, words, instance)")
        return {name: sorted(conn.execute(sql).fetchall(), key=repr) for name, sql in QUERIES.items()}
    finally:
        conn.close()


class Writer:
    """Writes knowledge to a journal, counting versions as the store does."""

    def __init__(self, folder: Path, context: str = "default") -> None:
        path = folder / ".journal" / context / f"{FAMILY}.jsonl"
        self.journal = Journal(path, context, FAMILY, recovery=folder / ".recovery")
        self.versions: dict[str, int] = {}

    def write(self, edits: Iterable[tuple[str, Any]], *, meta: TxMeta = META, by: str = "ann@host") -> Tx:
        """One transaction of (key, value or bytes or None for a deletion)."""
        drafts = []
        for key, value in edits:
            raw = value if isinstance(value, bytes) else None if value is None else records.dumps(value)
            self.versions[key] = ver = self.versions.get(key, 0) + 1
            drafts.append(Draft("delete" if raw is None else "put", key, ver, raw))
        with self.journal.writer() as writer:
            return writer.append(drafts, by=by, meta=meta)


def analogy(record_id: str, source: str = "sun", target: str = "atom", **members: Any) -> tuple[str, Any]:
    """The key and the record of an analogy."""
    value = {"type": "analogy", "id": record_id, "source_domain": source, "target_domain": target, **members}
    return f"analogy:{record_id}", value


def fresh(folder: Path, *journals: Journal) -> dict[str, list[tuple[Any, ...]]]:
    """What a rebuild from these journals holds."""
    index = KnowledgeIndex.open(folder / "fresh" / "knowledge.sqlite")
    try:
        index.rebuild(list(journals))
        return contents(index)
    finally:
        index.close()
