"""The text that Prometheus reads: held against the rules of the format, version 0.0.4."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.store import Store
from store.upkeep.health.prometheus import exposition, number
from tests.stores import Opener, chart

_SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\} (\S+)"
)
_LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\n]|\\[\\\"n])*)\"")


class Parsed(NamedTuple):
    """One metric of an exposition."""

    help: str
    kind: str
    samples: dict[tuple[tuple[str, str], ...], float]


def parse(text: str) -> dict[str, Parsed]:
    """Every metric by its name; fails on what the format does not allow."""
    assert text.endswith("\n")
    found: dict[str, Parsed] = {}
    current = help_text = ""
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            _, _, current, help_text = line.split(" ", 3)
            assert current not in found, f"{current} is described twice"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
            found[name] = Parsed(help_text, kind, {})
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == current, f"{match[1]} stands under {current}"
            labels = tuple((name, _unescaped(value)) for name, value in _LABEL.findall(match[2]))
            assert labels not in found[current].samples, f"{line}: twice"
            found[current].samples[labels] = float(match[3])
    return found


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], value)


def status(**changed: Any) -> dict[str, Any]:
    """The least document of `status`."""
    made = {
        "store": "/home/ann/.coaia",
        "health": {"severity": "warning", "figures": [
            {"name": "query_time", "value": 250.0, "severity": "warning"},
            {"name": "free_disk", "value": 25.0, "severity": "ok"},
            {"name": "last_backup", "value": None, "severity": "unknown"},
        ]},
        "sizes": {"journals": 10},
        "knowledge": {"records": {"analogies": 3}, "workflows": {"running": 1, "interrupted": ["w"]}},
        "counts": {"charts": 2},
        "contexts": [{"name": "work", "journal_bytes": 10, "chart_file_bytes": 5, "generation": 3}],
        "disk_free": 100,
        "disk_total": 400,
        "backups": {"count": 0},
    }  # fmt: skip
    return {**made, **changed}


def test_values_are_in_seconds_bytes_and_ratios() -> None:
    found = parse(exposition(status()))
    store = ("store", "/home/ann/.coaia")
    assert found["chartkeep_query_seconds"].samples == {(store,): 0.25}
    assert found["chartkeep_disk_free_ratio"].samples == {(store,): 0.25}
    assert found["chartkeep_health"].samples == {(store,): 1}
    assert found["chartkeep_context_generation"].samples == {(store, ("context", "work")): 3}
    assert found["chartkeep_figure_severity"].samples == {
        (store, ("figure", "query_time")): 1,
        (store, ("figure", "free_disk")): 0,
        (store, ("figure", "last_backup")): -1,
    }


def test_what_is_unknown_is_left_out() -> None:
    assert "chartkeep_last_backup_age_seconds" not in parse(exposition(status()))


def test_every_metric_is_described_and_a_gauge_of_chartkeep() -> None:
    for name, metric in parse(exposition(status())).items():
        assert name.startswith("chartkeep_")
        assert metric.kind == "gauge"
        assert metric.help.endswith(".")
        assert metric.samples


@given(st.one_of(st.text(), st.text('a"\\\n{}, =é')))
def test_any_name_of_a_context_or_store_survives(name: str) -> None:
    context = {"name": name, "journal_bytes": 1, "chart_file_bytes": 1, "generation": 1}
    found = parse(exposition(status(store=name, contexts=[context])))
    ((labels, _),) = found["chartkeep_context_journal_bytes"].samples.items()
    if "\ud800" <= max(name, default="") <= "\udfff":
        return
    clean = name.encode("utf-8", "backslashreplace").decode()
    assert dict(labels) == {"store": clean, "context": clean}


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (3.0, "3"), (0.1, "0.1"), (1e300, "1e+300")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_a_store_whole(opened: Opener, store: Store) -> None:
    chart(store, "A book", "Write it")
    store.settle()
    from store import clock
    from store.upkeep.health import metrics

    metrics.sample(store)
    clock.fix(clock.now() + timedelta(hours=1))
    found = parse(exposition(store.status()))
    where = ("store", str(store.layout.root))
    assert found["chartkeep_items"].samples[where, ("kind", "charts")] == 1
    assert found["chartkeep_fsync_seconds"].samples[(where,)] < 1
    assert found["chartkeep_disk_size_bytes"].samples[(where,)] > 0
