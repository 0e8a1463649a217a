"""Whatever a record looks like, the index takes it in, and the other records stay readable."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import records
from store.index import Index
from store.index.extract import bind_key, extract, read_key
from tests.store.index.conftest import Writer, chart, contents, entity

text = st.text(alphabet=st.characters(codec=None), max_size=8)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(min_value=2**60, max_value=2**80), st.floats(), text
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=6,
)
MEMBERS = [
    "type",
    "name",
    "entityType",
    "observations",
    "metadata",
    "from",
    "to",
    "relationType",
    "data",
    "id",
    "text",
]
METADATA = [
    "chartId",
    "dueDate",
    "level",
    "parentChart",
    "completionStatus",
    "order",
    "createdAt",
    "phase",
    "completed",
]
kinds = st.sampled_from(["entity", "relation", "comment", "entity", "narrative_beat"])
types = st.sampled_from(["structural_tension_chart", "desired_outcome", "action_step", "current_reality"])
objects = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(MEMBERS, values),
        "type": st.one_of(kinds, values),
        "entityType": st.one_of(types, values),
        "metadata": st.one_of(st.dictionaries(st.sampled_from(METADATA), values), values),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(objects, values), min_size=1, max_size=5))
def test_any_json_is_indexed_and_equals_a_rebuild(found: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder))
        index = Index.open(Path(folder) / "a" / "chartkeep.sqlite")
        writer.put(*chart("chart_1", "Still here", "a step"))
        index.sync(writer.journal)
        writer.put(*found)
        index.sync(writer.journal)
        other = Index(Path(folder) / "b" / "chartkeep.sqlite")
        other.rebuild([writer.journal])
        assert contents(index) == contents(other)
        with index.snapshot() as snap:
            for row in snap.rows(snap.roots()):
                assert row is not None
                snap.chart_view(row.context, row.chart_id)
            for live in snap.live_records("default"):
                assert snap.record("default", live.key) is not None
                assert snap.versions("default", live.key)
            assert snap.chart("default", "chart_1") is not None
        index.close()
        other.close()
        writer.journal.close()


@pytest.mark.parametrize(
    ("observations", "texts"),
    [
        ("just text", ["just text"]),
        ([1, None, {"a": [True]}, "x"], ["1", "null", '{"a":[true]}', "x"]),
        ([12345678901234567890123], ["12345678901234567890123"]),
        ({"not": "a list"}, []),
        (None, []),
        ([], []),
    ],
)
def test_observations_of_any_shape_become_texts(
    index: Index, writer: Writer, observations: Any, texts: list[str]
) -> None:
    writer.put({"type": "entity", "name": "n", "entityType": "action_step", "observations": observations})
    index.sync(writer.journal)
    with index.snapshot() as snap:
        found = snap.observations("default", "n")
    if texts and "123456" in texts[0]:
        assert len(found) == 1
        assert found[0].startswith("1")
    else:
        assert found == texts


def test_lone_surrogates_neither_fail_nor_make_two_keys_one(index: Index, writer: Writer) -> None:
    names = ["a\ud800", "a\ud801", "a\\ud800"]
    writer.put(*(entity("action_step", name, f"text of {name}", chartId="chart_1") for name in names))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert [row.key for row in snap.live_records("default")] == [f"e:{name}" for name in names]
        assert snap.chart("no\ud800", "such\udfff") is None
        for name in names:
            assert snap.record("default", f"e:{name}") is not None
            assert len(snap.observations("default", name)) == 1
    for name in names:
        assert read_key(bind_key(name)) == name


def test_a_wrapper_is_looked_through(index: Index, writer: Writer) -> None:
    writer.put(*({"type": "entity", "data": record} for record in chart("chart_1", "Wrapped", "step")))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert [row.title for row in snap.first_roots(5)] == ["Wrapped"]
        assert [step.title for step in snap.steps("default", "chart_1")] == ["step"]


def test_irregular_names_and_a_missing_outcome(index: Index, writer: Writer) -> None:
    writer.put(
        entity("structural_tension_chart", "chart_work_q4", "Q4"),
        entity("action_step", "chart_work_q4_action2", "second", chartId="chart_work_q4"),
        entity("action_step", "chart_work_q4_action_step_1", "first", chartId="chart_work_q4"),
        entity("desired_outcome", "lonely", "No chart entity", chartId="chart_lonely"),
    )
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert [(row.chart_id, row.title) for row in snap.first_roots(5)] == [
            ("chart_work_q4", "Q4"),
            ("chart_lonely", "No chart entity"),
        ]
        assert [step.title for step in snap.steps("default", "chart_work_q4")] == ["first", "second"]


@pytest.mark.parametrize("flag", [1, 1.0, "yes", "true", {}, None, 0])
def test_only_true_and_completed_mean_done(flag: Any) -> None:
    made = extract("e:n", records.dumps(entity("action_step", "n", completionStatus=flag)))
    assert made.columns.done == 0
    made = extract(
        "e:n", records.dumps(entity("action_step", "n", completionStatus=flag, completed="completed"))
    )
    assert made.columns.done == 1
