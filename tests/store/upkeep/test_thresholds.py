"""What counts as healthy: every limit at its edges, and what the figures say in words. No disk is touched."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import clock
from store.settings import Settings
from store.upkeep.health import thresholds
from store.upkeep.health.prometheus import FIGURES
from store.upkeep.health.thresholds import LIMITS, Facts, Figure, figures, worst

NOW = clock.parse("2026-11-21T12:00:00Z")
OLD = timedelta(days=60)
GB = 10**9


def ago(**units: float) -> Any:
    return NOW - timedelta(**units)


def well(**changed: Any) -> Facts:
    """A store in which all is measured and all is well, but for what is changed."""
    facts = Facts(
        now=NOW,
        age=OLD,
        growth=2.0,
        growth_bytes=50e6,
        query_ms=3.0,
        hits=9_900,
        misses=100,
        backups_wanted=True,
        attempts=(700, 700),
        backup_at=ago(minutes=30),
        drill_at=ago(days=3),
        first_backup_at=ago(days=50),
        changed_at=ago(minutes=10),
        followed=True,
        fsync_ms=1.0,
        disk_free=500 * GB,
        disk_total=1000 * GB,
        days_left=400.0,
        verified_at=ago(hours=3),
        journal_bytes=100_000_000,
        store_bytes=300_000_000,
        superseded_bytes=10_000_000,
    )
    return facts._replace(**changed)


def rated(name: str, settings: Settings | None = None, **changed: Any) -> Figure:
    found = {figure.name: figure for figure in figures(well(**changed), settings or Settings())}
    return found[name]


def test_a_store_that_is_well_is_healthy_in_every_figure() -> None:
    found = figures(well(), Settings())
    assert [figure.name for figure in found] == list(LIMITS)
    assert {figure.severity for figure in found} == {"ok"}
    assert worst(found) == "ok"


def test_a_store_just_made_is_healthy_though_nothing_is_known_of_it() -> None:
    found = figures(Facts(now=NOW, backups_wanted=True, disk_free=50, disk_total=100), Settings())
    assert worst(found) == "ok"
    assert [figure.name for figure in found] == list(LIMITS)
    assert all(figure.text for figure in found)


@pytest.mark.parametrize(
    ("name", "member", "values"),
    [
        ("storage_growth", "growth", (9.99, 10, 25, 25.01)),
        ("query_time", "query_ms", (99.9, 100, 1000, 1000.1)),
        ("fsync_latency", "fsync_ms", (19.9, 20, 100, 100.1)),
        ("index_lag", "lag_bytes", (999_999, 1_000_000, 64_000_000, 64_000_001)),
        ("disk_forecast", "days_left", (30, 29.9, 7, 6.9)),
    ],
)
def test_limits_of_what_is_measured(name: str, member: str, values: tuple[float, ...]) -> None:
    """The last healthy value, the first and the last to warn, and the first that is critical."""
    assert [rated(name, **{member: value}).severity for value in values] == [
        "ok", "warning", "warning", "critical",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("free", "severity"), [(100, "ok"), (99, "warning"), (20, "warning"), (19, "critical"), (0, "critical")]
)
def test_free_disk(free: int, severity: str) -> None:
    assert rated("free_disk", disk_free=free * GB).severity == severity


@pytest.mark.parametrize(
    ("done", "severity"), [(1000, "ok"), (999, "warning"), (950, "warning"), (949, "critical")]
)
def test_success_of_backups(done: int, severity: str) -> None:
    assert rated("backup_success", attempts=(done, 1000)).severity == severity


@pytest.mark.parametrize(
    ("hits", "severity"), [(901, "ok"), (900, "warning"), (700, "warning"), (699, "critical")]
)
def test_cache_hits(hits: int, severity: str) -> None:
    assert rated("cache_hits", hits=hits, misses=1000 - hits).severity == severity


def test_a_few_reads_say_nothing_of_a_cache() -> None:
    assert rated("cache_hits", hits=0, misses=999).severity == "unknown"


def test_growth_of_little_is_healthy_whatever_its_share() -> None:
    assert rated("storage_growth", growth=300.0, growth_bytes=15.9e6).severity == "ok"
    assert rated("storage_growth", growth=300.0, growth_bytes=16.1e6).severity == "critical"


def test_a_store_without_verification_is_warned_of_after_a_day() -> None:
    assert rated("last_verification", verified_at=None, age=timedelta(hours=23)).severity == "unknown"
    assert rated("last_verification", verified_at=None, age=timedelta(hours=25)).severity == "warning"


def test_the_age_of_a_verification_follows_the_setting() -> None:
    weekly = Settings(upkeep_verify_hours=7 * 24)
    assert rated("last_verification", verified_at=ago(hours=37)).severity == "warning"
    assert rated("last_verification", weekly, verified_at=ago(hours=37)).severity == "ok"
    assert rated("last_verification", verified_at=ago(days=4000)).severity == "warning"


def test_errors_found_are_critical() -> None:
    assert rated("verification_errors", errors=1).severity == "critical"
    assert worst(figures(well(errors=1), Settings())) == "critical"


def test_backups_none_late_and_saved() -> None:
    none = {"backup_at": None, "first_backup_at": None, "attempts": (0, 0)}
    assert rated("last_backup", **none, age=timedelta(hours=20)).severity == "unknown"
    assert rated("last_backup", **none).severity == "warning"
    assert rated("last_backup", backup_at=ago(hours=25)).severity == "warning"
    assert rated("last_backup", backup_at=ago(days=8)).severity == "critical"
    assert rated("last_backup", backup_at=ago(days=80), changed_at=ago(days=81)).severity == "ok"


def test_backups_switched_off_are_no_fault() -> None:
    facts = well(backups_wanted=False, backup_at=None, attempts=(0, 9))
    assert worst(figures(facts, Settings(backup_enabled=False))) == "ok"


def test_a_drill_that_never_was_is_warned_of_once_one_was_due() -> None:
    assert rated("last_drill", drill_at=None, first_backup_at=ago(days=13)).severity == "unknown"
    assert rated("last_drill", drill_at=None, first_backup_at=ago(days=15)).severity == "warning"
    assert rated("last_drill", drill_at=ago(days=15)).severity == "warning"
    assert rated("last_drill", Settings(backup_drill_days=30), drill_at=ago(days=15)).severity == "ok"


def test_an_index_that_nobody_keeps_in_step_may_wait() -> None:
    late = {"lag_bytes": 100, "lag_seconds": 4000.0}
    assert rated("index_lag_time", **late, followed=True).severity == "critical"
    assert rated("index_lag_time", **late, followed=False).severity == "ok"


def test_a_chart_file_is_late_only_after_a_while() -> None:
    assert rated("unpublished", unpublished=("work",), unpublished_seconds=5).severity == "ok"
    late = rated("unpublished", unpublished=("work",), unpublished_seconds=61)
    assert (late.severity, late.text) == ("warning", "work")


def test_what_waits_for_a_person_is_a_warning() -> None:
    assert rated("open_conflicts", conflicts=1).severity == "warning"
    assert rated("open_conflicts", conflicts=9999).severity == "warning"
    assert rated("background", problem="the disk is full").severity == "warning"
    assert rated("kept_aside", kept_aside=2, kept_lately=True).severity == "warning"
    assert rated("kept_aside", kept_aside=2, kept_lately=False).severity == "ok"


def test_damage_is_critical_and_told_in_its_own_words() -> None:
    found = rated("damage", damaged=("charts.jsonl, line 3: broken",))
    assert (found.severity, found.text) == ("critical", "charts.jsonl, line 3: broken")


def test_superseded_bytes_warn_where_compaction_would_pay() -> None:
    assert rated("superseded", superseded_bytes=60_000_000).severity == "warning"
    assert rated("superseded", superseded_bytes=49_000_000).severity == "ok"
    assert rated("superseded", journal_bytes=1_000_000, superseded_bytes=900_000).severity == "ok"
    eager = Settings(upkeep_compact_share=0.2)
    assert rated("superseded", eager, superseded_bytes=30_000_000).severity == "warning"


def test_ages_are_never_negative_where_the_clock_was_set_back() -> None:
    ahead = well(verified_at=ago(hours=-5), backup_at=ago(hours=-5), drill_at=ago(days=-5))
    found = figures(ahead, Settings())
    assert all(figure.value is None or figure.value >= 0 for figure in found)
    assert worst(found) == "ok"


def test_every_figure_has_a_threshold_in_words_and_a_metric() -> None:
    assert set(FIGURES) == set(LIMITS)
    assert LIMITS["storage_growth"].text == "below 10 % a month, warning to 25 % a month"
    assert LIMITS["free_disk"].text == "at least 10 %, warning to 2 %"
    assert LIMITS["damage"].text == "none, any is critical"
    assert LIMITS["open_conflicts"].text == "none"


def test_worst_of_all() -> None:
    def of(*severities: Any) -> str:
        return worst(Figure("x", "x", 0, "", severity, "", "") for severity in severities)

    assert of() == "ok"
    assert of("ok", "unknown") == "ok"
    assert of("unknown", "warning", "ok") == "warning"
    assert of("warning", "critical", "ok") == "critical"


@given(st.floats(0, 1e18, allow_nan=False), st.sampled_from(["bytes", "ms", "%", "hours", "days", "seconds"]))
def test_amounts_are_short(value: float, unit: str) -> None:
    assert 0 < len(thresholds.amount(value, unit)) <= 28


def test_a_figure_without_bounds_is_null_in_a_document() -> None:
    assert rated("disk_forecast", days_left=math.inf).severity == "ok"
    assert rated("disk_forecast", days_left=math.inf).document()["value"] is None
