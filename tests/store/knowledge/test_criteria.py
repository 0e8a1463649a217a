"""Criteria: each one given is honoured, none is guessed, and none at all is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from store import clock
from store.errors import Refused, UsageError
from store.knowledge.criteria import criteria, from_options, to_options
from store.knowledge.model import Filter
from store.knowledge.where import parse

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALL: dict[str, Any] = {
    "kinds": ["analogies", "frame-instance"],
    "domains": ["biology", "physics"],
    "source": "biology",
    "target": "software",
    "tags": ["x", "y"],
    "below": 0.5,
    "quality_from": 0.1,
    "created_after": "2026-01-01T00:00:00+01:00",
    "created_before": "2026-11-01T00:00:00Z",
    "workflow": "wf",
    "where": 'metadata.lang = "en"',
    "words": "cell wall",
}
MEANT = Filter(
    kinds=("analogy", "frame_instance"),
    domains=("biology", "physics"),
    source="biology",
    target="software",
    tags=("x", "y"),
    quality_below=0.5,
    quality_from=0.1,
    created_after=datetime(2025, 12, 31, 23, tzinfo=UTC),
    created_before=datetime(2026, 11, 1, tzinfo=UTC),
    workflow="wf",
    where=parse('metadata.lang = "en"'),
    words="cell wall",
)


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> Any:
    import time

    monkeypatch.setenv("TZ", "Europe/Oslo")
    time.tzset()
    clock.fix(NOW)
    yield
    clock.fix(None)
    monkeypatch.undo()
    time.tzset()


def test_every_criterion_is_honoured() -> None:
    assert criteria(**ALL).filter == MEANT


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_criterion_alone_narrows_the_choice_and_survives_a_workflow(name: str) -> None:
    made = criteria(**{name: ALL[name]}).filter
    assert made.names_something
    assert made != Filter()
    assert from_options(to_options(made)).filter == made
    assert from_options({**to_options(**{name: ALL[name]}), "seed": 3, "model": "m"}).filter == made


def test_no_criteria_are_refused_unless_said() -> None:
    with pytest.raises(Refused, match="at least one criterion"):
        criteria()
    with pytest.raises(Refused, match="at least one criterion"):
        criteria(kinds=[], tags=[], context="work", deleted=True)
    with pytest.raises(Refused):
        from_options({"seed": 1})
    assert criteria(may_be_empty=True, context="work").filter == Filter(context="work")
    assert to_options() == {}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"tags": [""]}, "tag"),
        ({"tags": ["a", "  "]}, "tag"),
        ({"kinds": [" "]}, "kind"),
        ({"domains": [""]}, "domain"),
        ({"source": ""}, "source"),
        ({"target": ""}, "target"),
        ({"words": " "}, "words"),
        ({"workflow": ""}, "workflow"),
        ({"where": ""}, "condition"),
        ({"where": "a >"}, "column 4"),
        ({"below": float("nan")}, "0 to 1"),
        ({"below": float("inf")}, "0 to 1"),
        ({"below": 1.5}, "0 to 1"),
        ({"below": True}, "0 to 1"),
        ({"quality_from": -0.1}, "0 to 1"),
        ({"created_after": "soon"}, "no time"),
        ({"created_after": "14:30"}, "no time"),
        ({"created_before": "2026-13-01"}, "no time"),
        ({"created_before": ""}, "created before"),
        ({"created_before": "999999y"}, "no time"),
        ({"created_after": "2026-02-01T00:00Z", "created_before": "2026-02-01T01:00+01:00"}, "No record"),
        ({"quality_from": 0.5, "below": 0.5}, "No quality"),
    ],
)
def test_what_cannot_be_understood_is_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        criteria(**{"kinds": ["analogy"], **given})


@pytest.mark.parametrize(
    ("text", "instant", "said"),
    [
        ("2026-11-01T14:30+03:00", datetime(2026, 11, 1, 11, 30, tzinfo=UTC), False),
        ("2026-11-01 14:30Z", datetime(2026, 11, 1, 14, 30, tzinfo=UTC), False),
        ("2026-11-01T14:30", datetime(2026, 11, 1, 13, 30, tzinfo=UTC), True),
        ("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC), True),
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC), True),
        ("yesterday", datetime(2026, 11, 19, 23, tzinfo=UTC), True),
        ("3d", datetime(2026, 11, 18, 12, tzinfo=UTC), False),
        ("2h ago", datetime(2026, 11, 21, 10, tzinfo=UTC), False),
        ("now", NOW, False),
    ],
)
def test_times_are_instants_and_local_ones_are_said(text: str, instant: datetime, said: bool) -> None:
    made = criteria(created_before=text)
    assert made.filter.created_before == instant
    assert bool(made.said) == said
    if said:
        assert "local time" in made.said[0]
        assert "+0" in made.said[0]


def test_a_span_is_kept_as_instants_so_that_it_does_not_move() -> None:
    said: list[str] = []
    options = to_options(created_before="3d", created_after="2026-01-01", said=said)
    assert "local time" in said[0]
    clock.fix(datetime(2027, 1, 1, tzinfo=UTC))
    assert from_options(options).filter.created_before == datetime(2026, 11, 18, 12, tzinfo=UTC)


def test_a_kind_nobody_knows_is_taken_as_it_stands_with_a_word() -> None:
    made = criteria(kinds=["rumour", "rumour"])
    assert made.filter.kinds == ("rumour",)
    assert "rumour" in made.said[0]


@pytest.mark.parametrize(
    "options",
    [
        {"tags": "x"},
        {"tags": [1]},
        {"kinds": {}},
        {"below": "0.5"},
        {"below": True},
        {"where": 1},
        {"source": []},
    ],
)
def test_options_of_the_wrong_type_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        from_options(options)
