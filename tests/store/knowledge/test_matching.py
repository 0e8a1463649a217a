"""Whether a record meets criteria is the same question to its bytes as to the index."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import init_store, open_store, records
from store.knowledge.matching import unmet
from store.knowledge.model import Filter
from store.knowledge.where import parse
from store.model import TxMeta
from store.records import Draft

WORDS = ("bird", "Fish", "élan", "wing", "wings", "42")

values = st.one_of(st.sampled_from(WORDS), st.floats(0, 1), st.none(), st.booleans(), st.just("NaN"))
members = st.fixed_dictionaries(
    {
        "created_at": st.sampled_from(
            ["2026-01-01T00:00:00Z", "2026-03-01T00:00:00+02:00", "2026-06-01T12:00:00Z"]
        )
    },
    optional={
        "source_domain": st.sampled_from(WORDS) | values,
        "target_domain": st.sampled_from(WORDS),
        "quality_score": st.sampled_from([0.1, 0.2, 0.5, 0.9]) | values,
        "confidence": st.floats(0, 1),
        "tags": st.lists(st.sampled_from(WORDS), max_size=3) | values,
        "metadata": st.fixed_dictionaries(
            {"text": st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)}
        ),
        "name": st.sampled_from(WORDS),
    },
)
kinds = st.sampled_from(["analogy", "concept", "poem"])
moments = st.sampled_from([datetime(2026, 2, 28, 22, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
filters = st.builds(
    Filter,
    kinds=st.lists(kinds | st.just("other"), max_size=2).map(tuple),
    words=st.sampled_from(["", "bird", "win", "win ", "fish élan", "ELAN", "wing fi", "4"]),
    tags=st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple),
    domains=st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple),
    source=st.none() | st.sampled_from(WORDS),
    target=st.none() | st.sampled_from(WORDS),
    quality_below=st.none() | st.sampled_from([0.2, 0.9]),
    quality_from=st.none() | st.sampled_from([0.1, 0.5]),
    created_after=st.none() | moments,
    created_before=st.none() | st.just(datetime(2026, 4, 1, tzinfo=UTC)),
    workflow=st.none() | st.sampled_from(["one", "two"]),
    where=st.none()
    | st.sampled_from([parse("quality_score >= 0.5"), parse("exists name"), parse("tags has 'wing'")]),
)


def one_of_each(wanted: Filter) -> list[Filter]:
    """Each criterion alone: together hardly anything meets them."""
    nothing = Filter()
    return [
        replace(nothing, **{name: value})
        for name in Filter.__dataclass_fields__
        if (value := getattr(wanted, name)) != getattr(nothing, name)
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(kinds, members), min_size=1, max_size=12), st.lists(filters, min_size=1, max_size=4)
)
def test_the_bytes_of_a_record_answer_as_the_index_does(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, dict[str, object]]], wanted: list[Filter]
) -> None:
    with open_store(init_store(tmp_path_factory.mktemp("store") / ".coaia")) as store:
        written: dict[str, tuple[bytes, str | None]] = {}
        for number, (kind, value) in enumerate(made):
            raw = records.dumps({"type": kind, "id": f"r{number}", **value})
            workflow = ("one", "two", None)[number % 3]
            written[f"{kind}:r{number}"] = raw, workflow
            with store.journal("default", "knowledge").writer() as writer:
                meta = TxMeta("knowledge.add", "Add", "test", group=workflow)
                writer.append([Draft("put", f"{kind}:r{number}", 1, raw)], by="test", meta=meta)
        store.library.sync()
        for one in [narrow for whole in wanted for narrow in (whole, *one_of_each(whole))]:
            meant = {row.key for row in store.library.rows(one)}
            met = {key for key, (raw, workflow) in written.items() if unmet(one, key, raw, workflow) is None}
            assert met == meant, one


def test_what_is_not_met_is_said() -> None:
    raw = records.dumps(
        {"source_domain": "sea", "quality_score": 0.75, "tags": ["wet"], "created_at": "2026-01-01T00:00:00Z"}
    )

    def why(**criteria: object) -> str | None:
        return unmet(Filter(**criteria), "analogy:x", raw, "w1")  # type: ignore[arg-type]

    assert why() is None
    assert why(kinds=("frame",)) == "it is of kind analogy"
    assert why(quality_below=0.5) == "its quality is 0.75, not below 0.5"
    assert why(tags=("wet", "dry")) == "it has no tag “dry”"
    assert why(domains=("sky",)) == "its domains are sea and none"
    assert why(created_before=datetime(2025, 1, 1, tzinfo=UTC)) == "it was created 2026-01-01 00:00:00 UTC"
    assert why(workflow="w2") == "it was last written by w1"
    assert why(where=parse("quality_score > 0.8")) == "quality_score > 0.8 does not hold"
    assert unmet(Filter(), "workflow:x", b"{}", None) == "it is of kind workflow"
    assert unmet(Filter(created_after=datetime(2025, 1, 1, tzinfo=UTC)), "analogy:x", b"{}", None) is not None
