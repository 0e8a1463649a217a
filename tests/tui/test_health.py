"""The health pane: the worst first, a sign for each, a line when folded, and plots of the samples."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store import clock, open_store, records
from store.records import Draft
from store.upkeep.health import metrics
from store.upkeep.health.thresholds import Figure
from tests.tui.conftest import NOW, Desk, Opener
from tui import reading
from tui.panes.health import PLOTS, figures, series, summary


def document(*rated: tuple[str, str, str], **changed: Any) -> dict[str, Any]:
    """A status with these (name, severity, text) of figures."""
    made = [
        Figure(name, name.replace("_", " ").capitalize(), 1.0, "ms", severity, text, "").document()  # type: ignore[arg-type]
        for name, severity, text in rated
    ]
    return {
        "health": {"severity": "ok", "figures": made},
        "sizes": {"chart_files": 1000, "journals": 2000, "index": 3000},
        "counts": {"records": 1234},
        "watching": "off",
        "growth": [{"day": "2026-11-20", "versions": 4}, {"day": "2026-11-21", "versions": 6}],
        **changed,
    }


@pytest.fixture
def sampled(store_path: Path) -> Path:
    """The store with a month of samples, one every three hours."""
    with open_store(store_path, program="seed") as store:
        journal = store.journal(metrics.CONTEXT, metrics.FAMILY)
        with journal.writer() as writer:
            for number in range(240):
                at = clock.parse(NOW) - timedelta(hours=3 * (240 - number))
                values = {
                    "store_bytes": 1e6 + number,
                    "query_time": 2.0,
                    "fsync_latency": 0.5,
                    "disk_free_bytes": 5e10,
                }
                one = {"type": "metric", "id": str(number), "at": clock.stamp(at), "figures": values}
                raw = records.dumps(one)
                writer.append([Draft("put", records.key_of(one, raw), 1, raw)], by="t", at=clock.stamp(at))
    return store_path


def test_the_worst_comes_first_and_what_is_unknown_last() -> None:
    status = document(
        ("query_time", "ok", "1 ms"),
        ("cache_hits", "unknown", "too few"),
        ("last_backup", "warning", "2 days ago"),
        ("free_disk", "critical", "1 %"),
    )
    found = figures(status)
    assert [(figure.label, figure.state) for figure in found[:4]] == [
        ("Free disk", "overdue"), ("Last backup", "soon"), ("Query time", "done"), ("Cache hits", ""),
    ]  # fmt: skip
    assert summary(status) == "! Free disk · Last backup"


def test_damage_is_told_whole() -> None:
    found = figures(document(("damage", "critical", "charts.jsonl, line 3, offset 20: broken")))
    assert (found[0].label, found[0].value) == ("charts.jsonl, line 3, offset 20: broken", "")
    well = figures(document(("damage", "ok", "none")))
    assert (well[0].label, well[0].value) == ("Damage", "none")


def test_a_store_never_verified_names_the_key_that_does() -> None:
    found = figures(document(("last_verification", "warning", "never")), "f6")
    assert found[0].value == "never; f6 does"


def test_a_healthy_store_is_summed_up_by_its_size() -> None:
    assert summary(document(("query_time", "ok", "1 ms"))) == "1,234 records · 6.0 kB"


def test_without_samples_growth_is_of_versions() -> None:
    found = series(document(), PLOTS[0])
    assert found is not None
    assert (found.title, found.values) == ("Versions over time", (4.0, 10.0))
    assert series(document(), PLOTS[1]) is None


def test_labels_are_hours_for_a_day_and_days_for_more() -> None:
    now = clock.parse(NOW)
    day = [(now + timedelta(hours=hour), float(hour)) for hour in range(5)]
    month = [(now + timedelta(days=day), float(day)) for day in range(5)]
    hours = series(document(series={"query_time": day}), PLOTS[1])
    days = series(document(series={"query_time": month}), PLOTS[1])
    assert hours is not None
    assert days is not None
    assert all(":" in label for label in hours.labels)
    assert all("-" in label for label in days.labels)
    assert hours.unit(2.5) == "2.5 ms"


async def _measured(d: Desk) -> None:
    """Have the figures measured now, and shown."""
    d.app.main.health.measure()
    await d.settle()


async def test_the_pane_shows_figures_with_signs(desk: Opener) -> None:
    async with desk() as d:
        await _measured(d)
        screen = d.screen()
        assert "✓ Damage" in screen
        assert "✓ Query" in screen


async def test_the_key_goes_through_the_plots_and_back(desk: Opener, sampled: Path) -> None:
    async with desk(path=sampled, context="default") as d:
        await _measured(d)
        pane = d.app.main.health
        for plotted in PLOTS:
            await d.press("g", "P")
            assert pane.has_class("-plot")
            assert plotted.title in d.screen()
            assert "┤" in d.screen()
        await d.press("g", "P")
        assert not pane.has_class("-plot")
        assert "✓ Query" in d.screen()


async def test_over_ssh_plots_are_drawn_only_when_asked_for(
    desk: Opener, sampled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "1 2 3 4")
    async with desk(path=sampled, context="default", size=(200, 60)) as d:
        await _measured(d)
        assert "┤" not in d.screen()
        await d.press("g", "P")
        assert "┤" in d.screen()
        for _ in PLOTS:
            await d.press("g", "P")
        assert "┤" not in d.screen()


async def test_folded_it_is_one_line_that_says_what_to_look_at(desk: Opener, sampled: Path) -> None:
    clock.fix(clock.parse(NOW) + timedelta(days=3))
    async with desk(path=sampled, context="default", size=(80, 24)) as d:
        await _measured(d)
        pane = d.app.main.health
        assert pane.folded
        assert pane.size.height == 1
        assert pane.heading.summary.startswith("~ ")
        assert "~ Verified" in d.screen()
        await d.press("g", "h")  # unfolded it shows at once what is known
        assert not pane.folded
        assert "✓ Damage" in d.screen()


async def test_measuring_is_done_off_the_screen_and_never_by_the_clock(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    real = reading.status

    def counted(store: Any) -> Any:
        threads.append(threading.current_thread().name)
        return real(store)

    monkeypatch.setattr(reading, "status", counted)
    async with desk() as d:
        await d.pilot.pause(1.6)  # what opening asked for
        threads.clear()
        await d.pilot.pause(1.6)
        assert threads == []
        await d.press("x")
        await d.pilot.pause(1.6)
        assert len(threads) <= 2
        assert threads
        assert threading.main_thread().name not in threads


async def test_a_backup_that_ended_is_seen(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    real = reading.status
    monkeypatch.setattr(reading, "status", lambda store: counted.append(1) or real(store))
    async with desk() as d:
        await d.pilot.pause(1.6)
        counted.clear()
        with d.app.store.jobs.run("verify", "A part"):
            pass
        await d.pilot.pause(1.4)
        assert not counted
        with d.app.store.jobs.run("backup", "Back up") as job:
            job.at(1, 2)
        await d.pilot.pause(1.4)
        assert len(counted) == 1


async def test_where_a_plot_has_no_room_it_says_how_to_get_some(desk: Opener) -> None:
    async with desk(size=(80, 24)) as d:
        await d.press("g", "P")
        assert "too narrow for a plot: _ gives it the whole screen" in d.foot
        await d.press("underscore")
        assert not d.app.main.health.narrow
