"""The plain SQL answers what the SQLModel tables say; schema.sql is what they generate."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from store import records
from store.index import Index, schema
from tests.store.index.conftest import Writer, chart

SAMPLES = sorted((Path(__file__).parents[2] / "data").glob("**/*.jsonl"))


def _load(writer: Writer, source: Path) -> None:
    values = []
    for line in source.read_bytes().splitlines():
        try:
            values.append(records.loads(line))
        except records.BadJson:
            continue
    writer.put(*values)


@pytest.mark.parametrize("package", schema.PACKAGES)
def test_the_committed_schema_is_what_the_tables_generate(package: str) -> None:
    committed = (resources.files(package) / schema.FILE).read_text("utf-8")
    assert committed == schema.generate(package), "run `python -m store.index.schema` and raise the version"


def test_reading_needs_no_sqlmodel() -> None:
    code = (
        "import sys, store.index.handle, store.index.rebuild, store.index.knowledge.rebuild, store.knowledge.library;"
        "sys.exit(any(name in sys.modules for name in ('sqlmodel', 'sqlalchemy', 'textual', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _fill(writer: Writer) -> None:
    writer.put(*chart("chart_1", "Speak Spanish", "Find a teacher", "Practise daily", dueDate="2026-12-01"))
    writer.put(
        *chart(
            "chart_2", "Teacher found", "Ask Ana", parentChart="chart_1", parentActionStep="chart_1_action_1"
        )
    )
    writer.put(*chart("chart_3", "A trip", parentChart="chart_1", completionStatus=True))
    writer.put(
        {
            "type": "relation",
            "from": "chart_1_action_1",
            "relationType": "advances_toward",
            "to": "chart_1_desired_outcome",
        }
    )
    writer.delete("e:chart_1_action_2")


@pytest.mark.parametrize("source", [None, *SAMPLES], ids=lambda item: item.name if item else "made")
def test_plain_sql_and_sqlmodel_agree(index: Index, writer: Writer, source: Path | None) -> None:
    from store.index import orm

    if source is None:
        _fill(writer)
    else:
        _load(writer, source)
    index.sync(writer.journal)
    with index.snapshot() as snap, orm.session(index.path) as db:
        ids = snap.chart_ids("default")
        assert snap.rows(snap.roots(["default"])) == orm.roots(db, "default")
        assert snap.counts()["default"] == orm.counts(db, "default")
        for chart_id in [*ids, "chart_nowhere"]:
            assert snap.chart("default", chart_id) == orm.chart(db, "default", chart_id)
            assert snap.steps("default", chart_id) == orm.steps(db, "default", chart_id)
            assert snap.child_charts("default", chart_id) == orm.child_charts(db, "default", chart_id)
            keys = snap.keys_of("default", chart_id)
            assert keys == orm.keys_of(db, "default", chart_id)
            for key in keys:
                assert snap.versions("default", key) == orm.versions(db, "default", key)
                assert snap.observations("default", key[2:]) == orm.observations(db, "default", key[2:])
                assert snap.relations_of("default", key[2:]) == orm.relations_of(db, "default", key[2:])
