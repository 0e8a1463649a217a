"""The index against plain sqlite3: a rebuild from the journal, and the sync of one new line.

The floors get the same rows, tables, indexes and pragmas, the rows held ready in memory: no JSON
to read, no chain to check.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import stores
from bench.measure import Figure, median, timed
from store import records
from store.charts import names
from store.index import Index, sqlite
from store.journal import Draft

LINES, FULL_LINES = 100_000, 1_000_000
SYNCS = 200
TABLES = ("transactions", "versions", "records", "observations", "relations", "charts", "steps")


def figures(*, full: bool) -> Iterator[Figure]:
    lines = FULL_LINES if full else LINES
    charts = lines // stores.LINES_EACH
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        folder = Path(name)
        stores.fill(stores.journal_in(folder), charts)
        done = subprocess.run(
            [sys.executable, "-c", _REBUILD, name],
            cwd=Path(__file__).resolve().parent.parent,
            check=True,
            capture_output=True,
            text=True,
        )
        ours, grown = map(float, done.stdout.split())
        index = Index.open(folder / "index" / "chartkeep.sqlite")
        yield Figure(
            f"rebuild of {lines:,} lines", "s", ours, plain_rebuild(index.path, folder / "plain.db"), most=2
        )
        yield Figure("memory that a rebuild adds (64 MiB are SQLite's cache)", "MiB", grown)
        yield _sync(folder, index, lines, charts)
        index.close()


def _sync(folder: Path, index: Index, lines: int, charts: int) -> Figure:
    journal = stores.journal_in(folder)
    took = []
    for number in range(SYNCS):
        cid = _target(number, charts)
        step = names.step_entity(cid, number + 9, [f"one more step {number}"], now=stores.NOW)
        stores.commit(journal, [Draft("put", names.key_of(step), 1, records.dumps(step))])
        took.append(timed(lambda: index.sync(journal)))
    floor = plain_inserts(folder / "plain.db", charts, SYNCS)
    return Figure(f"sync of one line into {lines:,}", "ms", 1e3 * median(took), 1e3 * floor, most=10)


def _target(number: int, charts: int) -> str:
    """The chart that gets the new step: all over the store."""
    return stores.chart_id(number * 7919 % charts)


def plain_rebuild(source: Path, target: Path) -> float:
    """Seconds that sqlite3 needs for the same rows (held ready in memory, table by table) and indexes."""
    rows = sqlite3.connect(source)
    conn = sqlite3.connect(target, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-64000"):
        conn.execute(f"PRAGMA {pragma}")
    spent = 0.0
    begun = time.perf_counter()
    conn.execute("BEGIN")
    sqlite.create_tables(conn)
    spent += time.perf_counter() - begun
    for table in (*TABLES, "chart_words"):
        cursor = rows.execute(f"SELECT {'rowid, words' if table == 'chart_words' else '*'} FROM {table}")
        columns = "chart_words (rowid, words)" if table == "chart_words" else table
        insert = f"INSERT INTO {columns} VALUES ({', '.join('?' * len(cursor.description))})"
        while batch := cursor.fetchmany(50_000):
            begun = time.perf_counter()
            conn.executemany(insert, batch)
            spent += time.perf_counter() - begun
    begun = time.perf_counter()
    sqlite.create_indexes(conn)
    conn.execute("INSERT INTO texts (texts) VALUES ('rebuild')")
    conn.execute("COMMIT")
    conn.close()
    rows.close()
    return spent + time.perf_counter() - begun


_REBUILD = """
import resource, sys, time
from pathlib import Path
from store.index import Index
from store.journal import Journal
folder = Path(sys.argv[1])
index = Index.open(folder / "index" / "chartkeep.sqlite")
journal = Journal(folder / "charts.jsonl", "default", recovery=folder / "recovery")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
index.rebuild([journal])
print(time.perf_counter() - begun, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def plain_inserts(path: Path, charts: int, times: int) -> float:
    """Median seconds for the rows of one step, inserted into tables of the same size."""
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=OFF")
    like = {
        table: conn.execute(f"SELECT * FROM {table} LIMIT 1").fetchone() for table in ("versions", "records")
    }
    top = conn.execute("SELECT MAX(id) FROM records").fetchone()[0]
    seq = conn.execute("SELECT MAX(seq) FROM transactions").fetchone()[0]
    spent = []
    for n in range(1, times + 1):
        cid = _target(n - 1, charts)
        name, text, rid = f"{cid}_action_{n + 10}", f"one more step {n}", top + n
        record = list(like["records"])
        record[0], record[2], record[12], record[13] = rid, f"e:{name}", name, cid
        version = [seq + n, 0, 1, f"e:{name}", *like["versions"][4:]]
        rows: list[tuple[str, list[Any]]] = [
            (
                "transactions",
                [seq + n, 1, 1, n, "2026-11-21T06:00:00Z", "b", "c", "l", "s", 1, None, None, None],
            ),
            ("versions", version),
            ("records", record),
            ("observations", [rid << 16, text]),
            ("texts (rowid, text)", [rid << 16, text]),
            ("steps", [rid, 1, cid, name, 1.0, rid, text, None, 0, 0, None, None, None]),
        ]
        begun = time.perf_counter()
        conn.execute("BEGIN")
        for table, values in rows:
            conn.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
        conn.execute("COMMIT")
        spent.append(time.perf_counter() - begun)
    conn.close()
    return median(spent)
