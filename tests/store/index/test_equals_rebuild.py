"""Invariant 4: whatever happened in whatever steps, the index equals a rebuild from the journals."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.index import Index, orm
from store.model import Collision, TxMeta
from tests.store.index.conftest import Writer, contents, entity, relation

IDS = ["chart_1", "chart_2", "chart_3", "chart_4"]
STEPS = [f"{chart}_action_{n}" for chart in IDS[:3] for n in (1, 2)]
TEXTS = st.sampled_from(["Run a marathon", "Learn Python", "", "Ünïcode straße", "two words"])
maybe = st.sampled_from([None, *IDS, "chart_nowhere"])


def _compact(**metadata: Any) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value is not None}


charts = st.builds(
    lambda cid, own, parent, step, source, done, text: entity(
        "structural_tension_chart",
        f"{cid}_chart",
        text,
        **_compact(
            chartId=cid if own else None,
            parentChart=parent,
            parentActionStep=step,
            sourceActionStepId=source,
            completionStatus=done,
        ),
    ),
    st.sampled_from(IDS),
    st.booleans(),
    maybe,
    st.sampled_from([None, None, *STEPS]),
    st.sampled_from([None, None, None, *STEPS]),
    st.sampled_from([None, True, False]),
    TEXTS,
)
parts = st.builds(
    lambda kind, cid, own, texts, due: entity(
        kind, f"{cid}_{kind}", *texts, **_compact(chartId=cid if own else None, dueDate=due)
    ),
    st.sampled_from(["desired_outcome", "current_reality"]),
    st.sampled_from(IDS),
    st.booleans(),
    st.lists(TEXTS, max_size=3),
    st.sampled_from([None, "2026-12-01"]),
)
steps = st.builds(
    lambda name, cid, done, child, text, order: entity(
        "action_step",
        name,
        text,
        **_compact(chartId=cid, completionStatus=done, telescopedToChartId=child, order=order),
    ),
    st.sampled_from(STEPS),
    maybe,
    st.sampled_from([None, True, False]),
    st.sampled_from([None, None, *IDS]),
    TEXTS,
    st.sampled_from([None, 1, 2.5]),
)
NAMES = [
    *STEPS,
    *(f"{cid}_{kind}" for cid in IDS for kind in ("chart", "desired_outcome", "current_reality")),
]
relations = st.builds(
    relation,
    st.sampled_from(NAMES),
    st.sampled_from(["contains", "advances_toward", "creates_tension_with", "documents"]),
    st.sampled_from(NAMES),
)
puts = st.tuples(st.just(""), st.one_of(charts, charts, parts, steps, steps, relations))
deletes = st.tuples(st.sampled_from([f"e:{name}" for name in NAMES]), st.none())
transactions = st.lists(st.one_of(puts, puts, puts, deletes), min_size=1, max_size=6)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(transactions, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_history_synced_in_any_steps_equals_a_rebuild(history: list[Any], random: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder))
        index = Index.open(Path(folder) / "a" / "chartkeep.sqlite")
        for edits in history:
            writer.write(edits)
            if random.random() < 0.6:
                index.sync(writer.journal)
        index.sync(writer.journal)
        other = Index(Path(folder) / "b" / "chartkeep.sqlite")
        other.rebuild([writer.journal])
        synced, rebuilt = contents(index), contents(other)
        index.close()
        other.close()
        writer.journal.close()
        for name, rows in rebuilt.items():
            assert synced[name] == rows, name
        assert synced["orphans"] == [(0,)]


ours = st.sampled_from(["ann@host", "ann@host", "file:charts.jsonl"])
sides = st.sampled_from([None, '"a"', '"b"'])
collisions = st.lists(
    st.builds(
        Collision,
        st.sampled_from(["e:s", "e:t"]),
        st.sampled_from([(), ("metadata", "dueDate"), ("observations", "0")]),
        sides,
        sides,
        sides,
        st.integers(1, 3),
    ),
    max_size=2,
)
bodies = st.none() | st.builds(
    lambda text, due: entity("action_step", "s", text, dueDate=due),
    st.sampled_from("ab"),
    st.sampled_from("xy"),
)
moves = st.lists(
    st.tuples(
        st.sampled_from(["e:s", "e:t"]),
        bodies,
        ours,
        collisions,
        st.sampled_from(["", "resolve", "undo", "redo"]),
    ),
    min_size=2,
    max_size=10,
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves, st.randoms(use_true_random=False))
def test_conflicts_settled_taken_back_and_settled_again_equal_a_rebuild(history: Any, random: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder))
        index = Index.open(Path(folder) / "a" / "chartkeep.sqlite")
        done: list[str] = []
        for key, body, by, found, what in history:
            named = random.choice(done) if done else None
            meta = TxMeta("c", "l", "s", conflicts=tuple(found))
            if named is not None and what:
                meta = meta._replace(
                    undoes=named if what == "undo" else None,
                    redoes=named if what == "redo" else None,
                    resolves=(f"{named}/0",) if what == "resolve" else (),
                )
            done.append(writer.write([(key, body)], by=by, meta=meta))
            if random.random() < 0.6:
                index.sync(writer.journal)
        index.sync(writer.journal)
        other = Index(Path(folder) / "b" / "chartkeep.sqlite")
        other.rebuild([writer.journal])
        synced, rebuilt = contents(index), contents(other)
        with index.snapshot() as snap, orm.session(index.path) as db:
            for open_only in (True, False):
                rows = snap.conflicts("default", open_only)
                assert rows == orm.conflicts(db, "default", open_only)
            assert snap.open_conflicts() == sum(row.state == "open" for row in rows)
        index.close()
        other.close()
        writer.journal.close()
        assert synced["conflicts"] == rebuilt["conflicts"]
        assert len(rebuilt["conflicts"]) == sum(len(found) for _, _, _, found, _ in history)
