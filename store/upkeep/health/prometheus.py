"""The figures of a store in the text format that Prometheus reads, version 0.0.4.

Made from the document of `status`, so nothing is measured here. Units are Prometheus' own: seconds,
bytes, and ratios from 0 to 1. A figure that is unknown is left out, but for its severity. Every line
says which store it is of, so that the figures of several can lie in one file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

SEVERITIES = {"unknown": -1, "ok": 0, "warning": 1, "critical": 2}


class Series(NamedTuple):
    """How one figure is called here, and what its value is multiplied by."""

    metric: str
    help: str
    factor: float = 1.0


FIGURES = {
    "damage": Series("chartkeep_damaged_journals", "Journals that could be read only up to a damaged line."),
    "background": Series("chartkeep_background_problems", "Things that go wrong in the background."),
    "last_verification": Series(
        "chartkeep_last_verification_age_seconds", "Time since the store was last verified.", 3600
    ),
    "verification_errors": Series(
        "chartkeep_verification_errors", "Errors that the last verification found."
    ),
    "free_disk": Series("chartkeep_disk_free_ratio", "Share of the disk that is free.", 0.01),
    "disk_forecast": Series(
        "chartkeep_disk_full_in_seconds", "Time until the disk is full at the present pace.", 86400
    ),
    "backup_success": Series(
        "chartkeep_backup_success_ratio", "Share of the backups of the last 30 days that succeeded.", 0.01
    ),
    "last_backup": Series("chartkeep_last_backup_age_seconds", "Time since the last backup.", 3600),
    "last_drill": Series("chartkeep_last_drill_age_seconds", "Time since the last restore drill.", 86400),
    "storage_growth": Series(
        "chartkeep_storage_growth_per_month_ratio", "Growth of the store in 30 days.", 0.01
    ),
    "query_time": Series("chartkeep_query_seconds", "Median time of typical queries.", 0.001),
    "cache_hits": Series(
        "chartkeep_cache_hit_ratio", "Share of the records planners read that were in memory.", 0.01
    ),
    "index_lag": Series("chartkeep_index_lag_bytes", "Bytes of journal that the index has not read."),
    "index_lag_time": Series(
        "chartkeep_index_lag_seconds", "Age of the oldest transaction the index has not read."
    ),
    "fsync_latency": Series(
        "chartkeep_fsync_seconds", "Median time to sync a small write, as last sampled.", 0.001
    ),
    "unpublished": Series("chartkeep_unpublished_contexts", "Contexts whose chart file is to be written."),
    "open_conflicts": Series("chartkeep_open_conflicts", "Conflicts that wait for a person."),
    "interrupted_workflows": Series(
        "chartkeep_interrupted_workflows", "Workflows that nobody runs any more."
    ),
    "vectors_behind": Series("chartkeep_vectors_behind_bytes", "Bytes of journals without vectors yet."),
    "kept_aside": Series("chartkeep_kept_aside_files", "Files kept in .recovery."),
    "superseded": Series(
        "chartkeep_superseded_ratio", "Share of the journals that later lines replaced.", 0.01
    ),
}
"""Every figure of `thresholds.LIMITS` by its name there."""


def exposition(status: Mapping[str, Any]) -> str:
    """The document of `status` as text, each metric with its HELP and TYPE lines."""
    lines: list[str] = []
    own = {"store": status["store"]}
    for metric, help_text, samples in _metrics(status):
        written = [(labels, value) for labels, value in samples if value is not None]
        if written:
            lines += (f"# HELP {metric} {_help(help_text)}", f"# TYPE {metric} gauge")
            lines += [f"{metric}{_labels({**own, **labels})} {number(value)}" for labels, value in written]
    return "\n".join(lines) + "\n"


Samples = Iterable[tuple[dict[str, str], float | None]]


def _metrics(status: Mapping[str, Any]) -> Iterator[tuple[str, str, Samples]]:
    """(name, help, samples) of every metric."""
    health = status["health"]
    figures = {figure["name"]: figure for figure in health["figures"]}
    scale = "0 healthy, 1 warning, 2 critical"
    yield (
        "chartkeep_health",
        f"The worst severity of all figures: {scale}.",
        [({}, SEVERITIES[health["severity"]])],
    )
    yield (
        "chartkeep_figure_severity",
        f"Severity of each figure: {scale}, -1 unknown.",
        [({"figure": name}, SEVERITIES[figure["severity"]]) for name, figure in figures.items()],
    )
    for name, series in FIGURES.items():
        value = figures[name]["value"] if name in figures else None
        yield series.metric, series.help, [({}, None if value is None else value * series.factor)]
    yield from _sizes(status)


def _sizes(status: Mapping[str, Any]) -> Iterator[tuple[str, str, Samples]]:
    yield "chartkeep_disk_free_bytes", "Bytes free on the disk of the store.", [({}, status["disk_free"])]
    yield "chartkeep_disk_size_bytes", "Bytes of the disk of the store.", [({}, status["disk_total"])]
    yield "chartkeep_backups", "Backups there are.", [({}, status["backups"]["count"])]
    parts = [({"part": name}, size) for name, size in status["sizes"].items()]
    yield "chartkeep_size_bytes", "Bytes of the parts of the store.", parts
    kinds = [({"kind": name}, count) for name, count in status["counts"].items()]
    yield "chartkeep_items", "Records, versions, transactions, charts and steps in the index.", kinds
    known = status["knowledge"]
    collections = [({"collection": name}, count) for name, count in known["records"].items()]
    yield "chartkeep_knowledge_records", "Live records of knowledge.", collections
    states = [
        ({"state": name}, len(count) if isinstance(count, list) else count)
        for name, count in known["workflows"].items()
    ]
    yield "chartkeep_workflows", "Workflows by what they are at.", states
    for member, text in (
        ("journal_bytes", "Bytes of the live journal of a context."),
        ("chart_file_bytes", "Bytes of the chart file of a context."),
        ("generation", "Generation of the journal of a context."),
    ):
        rows = [({"context": one["name"]}, one[member]) for one in status["contexts"]]
        yield f"chartkeep_context_{member}", text, rows


def number(value: float) -> str:
    """A value as the format writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _labels(labels: Mapping[str, str]) -> str:
    """Labels in braces, their values escaped; what is no UTF-8 is shown by its escapes."""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    text = value.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
