"""Stores of any size to measure on: charts with three steps each, one in ten telescoped from another.

A store is made once and kept in the temporary directory; `copied` gives one to write to.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path

from store import records
from store.charts import names
from store.index import Index
from store.journal import Draft, Journal
from store.model import Json, TxMeta
from store.store import open_store

VERSION = 2
"""Part of the folder's name: raise it when what is made changes."""

NOW = "2026-11-01T08:00:00.000Z"
FIRST = 1_700_000_000_000
META = TxMeta("import", "Bench", "bench")
CHUNK = 1000
WORDS = (
    *("plan", "write", "read", "meet", "budget", "garden", "river"),
    *("teach", "measure", "draft", "review", "finish", "open", "learn"),
)


def chart_id(number: int) -> str:
    """Id of the chart with this number, from 0."""
    return f"chart_{FIRST + number}"


def words(number: int, count: int) -> str:
    """Some words that vary with `number`."""
    return " ".join(WORDS[(number * 7 + place * 3) % len(WORDS)] for place in range(count))


def entities(number: int) -> list[Json]:
    """Chart, outcome, reality and three steps."""
    cid, due = chart_id(number), f"2027-{number % 12 + 1:02}-{number % 28 + 1:02}"
    parent = chart_id(number - 1) if number % 10 == 9 else None
    step = names.step_name(parent, 1) if parent else None
    chart = names.chart_entity(
        cid, now=NOW, due=due, level=int(bool(parent)), parent=parent, parent_step=step
    )
    outcome = [f"{words(number, 4).capitalize()} {number} stands in full"]
    facts = [f"{words(number, 2).capitalize()} not begun", f"{number % 9} open questions"]
    steps = [
        names.step_entity(cid, n, [f"{words(number + n, 3).capitalize()} {n}"], now=NOW, due=due, done=n == 1)
        for n in (1, 2, 3)
    ]
    return [
        chart,
        names.outcome_entity(cid, outcome, now=NOW, due=due),
        names.reality_entity(cid, facts, now=NOW),
        *steps,
    ]


def relations(number: int) -> list[Json]:
    """The nine relations that the peers write for such a chart."""
    cid = chart_id(number)
    outcome, reality = names.outcome_name(cid), names.reality_name(cid)
    steps = [names.step_name(cid, n) for n in (1, 2, 3)]
    contained = (outcome, reality, *steps)
    return [
        *(names.relation(names.chart_name(cid), names.CONTAINS, part, now=NOW) for part in contained),
        names.relation(reality, names.TENSION, outcome, now=NOW),
        *(names.relation(step, names.ADVANCES, outcome, now=NOW) for step in steps),
    ]


LINES_EACH = 15


def drafts(charts: int) -> Iterator[Draft]:
    """The records of so many charts, `LINES_EACH` for each, ready for a journal."""
    for number in range(charts):
        for record in (*entities(number), *relations(number)):
            yield Draft("put", names.key_of(record), 1, records.dumps(record))


def commit(journal: Journal, drafts: Iterable[Draft]) -> None:
    """One durable transaction."""
    with journal.writer(timeout=60) as writer:
        writer.append(drafts, by="bench", meta=META)


def fill(journal: Journal, charts: int, chunk: int = CHUNK) -> Journal:
    """Append the records of so many charts, `chunk` to a transaction, quickly: several to a sync."""
    rest = drafts(charts)
    while batch := list(islice(rest, chunk * -(-CHUNK // chunk))):
        with journal.writer() as writer:
            for start in range(0, len(batch), chunk):
                writer.append(batch[start : start + chunk], by="bench", meta=META)
    return journal


def journal_in(folder: Path) -> Journal:
    """A journal in a folder of its own."""
    return Journal(folder / "charts.jsonl", "default", recovery=folder / "recovery")


def journal_of(store: Path) -> Journal:
    """The journal of a store's default context."""
    return Journal(store / ".journal/default/charts.jsonl", "default", recovery=store / ".recovery")


def chart_file(path: Path, charts: int) -> None:
    """A bare chart file as the peers write it."""
    with path.open("wb") as file:
        for records_of in (entities, relations):
            for number in range(charts):
                file.writelines(records.dumps(record) + b"\n" for record in records_of(number))


@cache
def kept(charts: int) -> Path:
    """A store of so many charts, journal, index and chart file in step. Not to be written to."""
    folder = Path(tempfile.gettempdir()) / f"chartkeep-bench-{os.getuid()}-v{VERSION}"
    store = folder / str(charts) / ".coaia"
    if store.exists():
        return store
    making = folder / f"{charts}.{os.getpid()}" / ".coaia"
    making.mkdir(parents=True)
    (making / "charts.jsonl").write_bytes(b"")
    (making / "chartkeep.toml").write_text("[upkeep]\nin_ui = false\n")  # not in the middle of a figure
    with open_store(making) as opened:
        journal = fill(opened.journal("default"), charts)
        index: Index = opened.index
        index.rebuild([journal])
        opened.publish()
        index.checkpoint()
    making.parent.rename(store.parent)
    return store


@contextmanager
def copied(charts: int) -> Iterator[Path]:
    """A copy of `kept` that may be written to, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        store = Path(name) / ".coaia"
        shutil.copytree(kept(charts), store, symlinks=True)
        yield store
