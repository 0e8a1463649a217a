"""A journal to write histories to, an index over it, and a way to compare two indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import records
from store.index import Index
from store.journal import Draft, Journal
from store.model import TxMeta

META = TxMeta("test", "Test", "session-1")

QUERIES = {
    "positions": "SELECT id, generation, start, hash, seq >> 10, lines FROM positions",
    "transactions": "SELECT c.name, t.seq >> 10, generation, start, at, who, command, label, session, count, undoes,"
    " redoes, grp FROM transactions t JOIN contexts c ON c.id = t.ctx",
    "versions": "SELECT c.name, v.seq >> 10, n, key, ver, deleted, generation, start, size"
    " FROM versions v JOIN contexts c ON c.id = v.ctx",
    "records": "SELECT c.name, r.* FROM records r JOIN contexts c ON c.id = r.ctx",
    "observations": "SELECT r.key, b.id & 65535, b.text FROM observations b JOIN records r ON r.id = b.id >> 16",
    "order of change": "SELECT key, ROW_NUMBER() OVER (ORDER BY id) FROM records",
    "relations": "SELECT r.key, e.from_name, e.type, e.to_name FROM relations e JOIN records r ON r.id = e.id",
    "charts": "SELECT c.name, h.* FROM charts h JOIN contexts c ON c.id = h.ctx",
    "steps": "SELECT c.name, s.* FROM steps s JOIN contexts c ON c.id = s.ctx",
    "conflicts": "SELECT c.name, k.seq >> 10, k.n, k.id AS named, key, path, ours, theirs, base, ver, at, who, state, now,"
    " settled_as, settled_by, last FROM conflicts k JOIN contexts c ON c.id = k.ctx",
    "words": "SELECT h.chart_id, w.words FROM chart_words w JOIN charts h ON h.id = w.rowid",
    "orphans": "SELECT COUNT(*) FROM observations b WHERE b.id >> 16 NOT IN (SELECT id FROM records)",
    "all words": "SELECT COUNT(*) FROM chart_words",
}
INTERNAL = {"id", "ctx"}


def contents(index: Index) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the tables but internal row ids, sorted."""
    found = {}
    conn = sqlite3.connect(index.path)
    try:
        for name, sql in QUERIES.items():
            cursor = conn.execute(sql)
            keep = [
                place
                for place, column in enumerate(cursor.description)
                if column[0] not in INTERNAL or name == "positions"
            ]
            found[name] = sorted((tuple(row[place] for place in keep) for row in cursor), key=repr)
        conn.execute("INSERT INTO texts (texts, rank) VALUES ('integrity-check', 1)")
        conn.execute("INSERT INTO chart_words (chart_words) VALUES ('integrity-check')")
    finally:
        conn.close()
    return found


class Writer:
    """Writes records to a journal, counting versions as the store does."""

    def __init__(self, folder: Path, context: str = "default") -> None:
        self.journal = Journal(
            folder / ".journal" / context / "charts.jsonl", context, recovery=folder / ".recovery"
        )
        self.versions: dict[str, int] = {}

    def write(self, edits: Iterable[tuple[str, Any]], *, by: str = "ann@host", meta: TxMeta = META) -> str:
        """One transaction of (key or "", value or bytes or None for a delete); its id."""
        drafts = []
        for key, value in edits:
            raw = (
                value if isinstance(value, bytes) else None if key and value is None else records.dumps(value)
            )
            if not key:
                key = records.key_of(records.loads(raw or b"null"), raw or b"null")
            self.versions[key] = ver = self.versions.get(key, 0) + 1
            drafts.append(Draft("delete" if raw is None else "put", key, ver, raw))
        with self.journal.writer() as writer:
            return writer.append(drafts, by=by, meta=meta).tx

    def put(self, *values: Any, **options: Any) -> str:
        return self.write([("", value) for value in values], **options)

    def delete(self, *keys: str, **options: Any) -> str:
        return self.write([(key, None) for key in keys], **options)


def entity(kind: str, name: str, *observations: Any, **metadata: Any) -> dict[str, Any]:
    """An entity record as the peers write it."""
    return {
        "type": "entity",
        "name": name,
        "entityType": kind,
        "observations": list(observations),
        "metadata": metadata,
    }


def relation(source: str, kind: str, target: str) -> dict[str, Any]:
    return {"type": "relation", "from": source, "to": target, "relationType": kind}


def chart(chart_id: str, outcome: str, *steps: str, **metadata: Any) -> list[dict[str, Any]]:
    """The records of one chart: chart, outcome, reality, steps."""
    made = [
        entity("structural_tension_chart", f"{chart_id}_chart", "Chart", chartId=chart_id, **metadata),
        entity("desired_outcome", f"{chart_id}_desired_outcome", outcome, chartId=chart_id),
        entity("current_reality", f"{chart_id}_current_reality", f"{outcome} is far", chartId=chart_id),
    ]
    made.extend(
        entity("action_step", f"{chart_id}_action_{n}", title, chartId=chart_id)
        for n, title in enumerate(steps, 1)
    )
    return made


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index.open(tmp_path / ".index" / "chartkeep.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., dict[str, list[tuple[Any, ...]]]]:
    """The contents of an index rebuilt from the journals given."""

    def rebuilt(*journals: Journal) -> dict[str, list[tuple[Any, ...]]]:
        other = Index(tmp_path / "other" / "chartkeep.sqlite")
        other.rebuild(list(journals))
        found = contents(other)
        other.close()
        return found

    return rebuilt
