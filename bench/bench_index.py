"""The index against plain sqlite3: sync of one line, rebuild, queries. Prints floor, ours and ratio.

    python bench/bench_index.py [--lines 100000] [--charts 200 20000] [--parts sync rebuild queries]

Floors are measured in the same run, with the same rows, the same indexes and the same pragmas.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from store import records
from store.index import Index, schema, sqlite
from store.journal import Draft, Journal
from store.model import TxMeta

META = TxMeta("bench", "Bench", "bench")
WORDS = "plan write read meet budget garden river teach measure draft review finish open learn".split()  # noqa: SIM905
TABLES = ("transactions", "versions", "records", "observations", "relations", "charts", "steps")
CHUNK = 1000


def drafts(lines: int) -> Iterator[Draft]:
    """Charts of ten lines: chart, outcome, reality, three steps, four relations; every tenth telescoped."""
    for n in range(lines // 10):
        cid = f"chart_{1_700_000_000_000 + n}"
        words = [WORDS[(n * 7 + k * 3) % len(WORDS)] for k in range(6)]
        date = f"2026-{n % 12 + 1:02d}-{n % 28 + 1:02d}"
        meta: dict[str, Any] = {"chartId": cid, "dueDate": date, "createdAt": f"{date}T08:00:00.000Z"}
        parent = f"chart_{1_700_000_000_000 + n - n % 10}"
        above = (
            {"parentChart": parent, "parentActionStep": f"{parent}_action_{n % 3 + 1}", "level": 1}
            if n % 10
            else {}
        )
        step = {**meta, "completionStatus": n % 4 == 0}
        yield _entity("structural_tension_chart", f"{cid}_chart", f"Chart {n}", {**meta, **above})
        yield _entity(
            "desired_outcome",
            f"{cid}_desired_outcome",
            f"{' '.join(words)} number {n} in full and on time",
            meta,
        )
        yield _entity(
            "current_reality",
            f"{cid}_current_reality",
            f"{words[0]} {words[3]} not begun, {n} open questions",
            meta,
        )
        for k in (1, 2, 3):
            yield _entity(
                "action_step", f"{cid}_action_{k}", f"{words[k]} the {words[k + 1]} of part {k}", step
            )
        for k in (1, 2, 3):
            yield _relation(f"{cid}_action_{k}", "advances_toward", f"{cid}_desired_outcome")
        yield _relation(f"{cid}_current_reality", "creates_tension_with", f"{cid}_desired_outcome")


def _entity(kind: str, name: str, text: str, metadata: dict[str, Any]) -> Draft:
    value = {"type": "entity", "name": name, "entityType": kind, "observations": [text], "metadata": metadata}
    return Draft("put", f"e:{name}", 1, records.dumps(value))


def _relation(source: str, kind: str, target: str) -> Draft:
    value = {"type": "relation", "from": source, "to": target, "relationType": kind}
    raw = records.dumps(value)
    return Draft("put", records.key_of(value, raw), 1, raw)


def journal_of(folder: Path, lines: int) -> Journal:
    """A journal of so many lines, in transactions of a thousand."""
    journal = Journal(folder / "charts.jsonl", "default", recovery=folder / "recovery")
    rest = drafts(lines)
    while batch := list(islice(rest, CHUNK)):
        with journal.writer() as writer:
            writer.append(batch, by="bench", meta=META)
    return journal


def timed(work: Callable[[], Any], times: int = 1) -> float:
    """Median seconds of one call."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def report(what: str, floor: float, ours: float, most: float | None = None) -> None:
    ratio = ours / floor if floor else 0.0
    limit = "" if most is None else f"  (at most {most:g}: {'ok' if ratio <= most else 'MISSED'})"
    print(
        f"{what:<46} floor {floor * 1000:10.3f} ms  ours {ours * 1000:10.3f} ms  ratio {ratio:6.2f}{limit}",
        flush=True,
    )


# -- rebuild -----------------------------------------------------------------------------------------


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


def bench_rebuild(folder: Path, lines: int) -> Index:
    """In a process of its own, to see its memory."""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _REBUILD, str(folder)], cwd=root, check=True, capture_output=True, text=True
    )
    ours, grown = map(float, done.stdout.split())
    index = Index.open(folder / "index" / "chartkeep.sqlite")
    report(f"rebuild of {lines:,} lines", plain_rebuild(index.path, folder / "plain.db"), ours, 2)
    print(f"  memory added by the rebuild: {grown:.0f} MiB, of which SQLite's cache is 64 MiB")
    return index


# -- sync --------------------------------------------------------------------------------------------


def bench_sync(folder: Path, journal: Journal, index: Index, lines: int) -> None:
    times = 200
    ours = []
    for n in range(times):
        cid = _target(n, lines)
        step = _entity("action_step", f"{cid}_action_{n + 9}", f"one more step {n}", {"chartId": cid})
        journal.append_many([step], by="bench", meta=META)
        begun = time.perf_counter()
        index.sync(journal)
        ours.append(time.perf_counter() - begun)
    report(
        f"sync of 1 line into {lines:,}",
        plain_inserts(folder / "plain.db", lines, times),
        statistics.median(ours),
        10,
    )


def _target(n: int, lines: int) -> str:
    """The chart that gets the n-th new step: all over the store."""
    return f"chart_{1_700_000_000_000 + n * 7919 % (lines // 10)}"


def plain_inserts(path: Path, lines: int, times: int) -> float:
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
        cid = _target(n - 1, lines)
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
    return statistics.median(spent)


# -- queries -----------------------------------------------------------------------------------------


def bench_queries(index: Index, charts: int) -> None:
    """Each query on a store of so many charts; the first figure is a fresh snapshot."""
    cid = f"chart_{1_700_000_000_000 + charts // 20 * 10}"
    key = f"e:{cid}_action_1"
    with index.snapshot() as snap:
        roots = snap.roots()
        sizes = f"{charts:,} charts"
        for name, work in {
            "roots, file order": snap.roots,
            "roots by due date": lambda: snap.roots(sort="due"),
            "roots by change": lambda: snap.roots(sort="updated"),
            "roots by title": lambda: snap.roots(sort="title"),
            "roots by progress": lambda: snap.roots(sort="progress"),
            "first 40 roots": lambda: snap.first_roots(40),
            "40 rows by id": lambda: snap.rows(roots[len(roots) // 2 :][:40]),
            "contexts with counts": snap.contexts,
            "one chart whole": lambda: snap.chart_view("default", cid),
            "unfolding": lambda: snap.unfolding("default", cid),
            "record by key": lambda: snap.record("default", key),
            "filter, 1 letter": lambda: snap.matching("p"),
            "filter, 1 word": lambda: snap.matching("plan"),
            "filter, 2 words": lambda: snap.matching("plan wri"),
            "filter, punctuation": lambda: snap.matching("begun, 1"),
            "search, newest": lambda: snap.search("plan"),
            "search, ranked": lambda: snap.search("plan", order="rank"),
            "overdue": snap.overdue,
            "transactions": snap.transactions,
            "history": lambda: snap.history("default", cid),
        }.items():
            print(f"  {sizes:<16} {name:<24} {timed(work, 5) * 1000:9.3f} ms", flush=True)
    print(f"  {sizes:<16} {'snapshot':<24} {timed(lambda: _snap(index), 20) * 1000:9.3f} ms")


def _snap(index: Index) -> None:
    with index.snapshot() as snap:
        snap.position("default")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--charts", type=int, nargs="*", default=[200, 20_000])
    parser.add_argument("--parts", nargs="*", default=["sync", "rebuild", "queries"])
    options = parser.parse_args()
    schema.statements()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if {"sync", "rebuild"} & set(options.parts):
            journal = journal_of(folder, options.lines)
            index = bench_rebuild(folder, options.lines)
            if "sync" in options.parts:
                bench_sync(folder, journal, index, options.lines)
            index.close()
        for charts in options.charts if "queries" in options.parts else ():
            below = folder / str(charts)
            index = Index.open(below / "index" / "chartkeep.sqlite")
            index.rebuild([journal_of(below, charts * 10)])
            bench_queries(index, charts)
            index.close()


if __name__ == "__main__":
    main()
