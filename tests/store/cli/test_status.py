"""status: how a store is, for people, scripts and Prometheus; its exit code is the worst severity."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store import clock, open_store
from store.errors import ChartkeepError
from store.headless.health import CRITICAL, SIGNS, WARNING
from store.upkeep.health import metrics
from store.upkeep.health.thresholds import LIMITS
from tests.store.cli.conftest import NOW, Run

Disk = Callable[[int], None]
FIGURES = {"name", "label", "value", "unit", "severity", "text", "threshold"}


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk of 1000 GB with room, whatever the one that the tests run on has."""

    usage = type(shutil.disk_usage("/"))

    def free(gigabytes: int) -> None:
        found = usage(10**12, 10**12 - gigabytes * 10**9, gigabytes * 10**9)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: {".coaia": found}[Path(path).name])

    free(500)
    return free


def figure(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["health"]["figures"] if one["name"] == name)


def test_a_fresh_store_is_healthy(run: Run, book: str) -> None:
    ran = run("status", "--json")
    assert ran.code == 0
    assert ran.document["health"]["severity"] == "ok"
    assert [one["name"] for one in ran.document["health"]["figures"]] == list(LIMITS)
    assert all(set(one) == FIGURES for one in ran.document["health"]["figures"])


def test_the_members_scripts_know_are_there(run: Run, book: str) -> None:
    members = {
        "store", "readonly", "sizes", "counts", "contexts", "index_lag_bytes", "unpublished", "growth",
        "query_ms", "last_verification", "kept_aside", "disk_free", "problem", "damaged", "watching",
    }  # fmt: skip
    document = run("status", "--json").document
    assert members <= set(document)
    assert {"health", "samples", "backups", "upkeep"} <= set(document)
    assert document["counts"] == {
        "records": 10,
        "versions": 10,
        "transactions": 1,
        "charts": 1,
        "steps": 3,
    } or (document["counts"]["charts"] == 1)


def test_a_store_that_was_never_verified_is_warned_of_after_a_day(run: Run, book: str) -> None:
    clock.fix(NOW + timedelta(days=2))
    ran = run("status")
    assert ran.code == WARNING == 10
    assert f"{SIGNS['warning']}  Verified" in ran.out
    assert "look at what is marked ~" in ran.out
    assert run("verify").code == 0
    assert figure(run("status", "--json").document, "last_verification")["severity"] == "ok"


def test_a_full_disk_is_critical(run: Run, book: str, disk: Disk) -> None:
    disk(5)
    ran = run("status")
    assert ran.code == CRITICAL == 11
    assert f"{SIGNS['critical']}  Disk free" in ran.out
    disk(50)
    assert run("status").code == WARNING


def test_a_disk_that_fills_up_is_forecast(run: Run, folder: Path, book: str, disk: Disk) -> None:
    with open_store(folder) as store:
        for day in range(10):
            clock.fix(NOW + timedelta(days=day))
            disk(500 - 10 * day)
            metrics.sample(store)
    clock.fix(NOW + timedelta(days=10))
    disk(200)
    found = figure(run("status", "--json").document, "disk_forecast")
    assert found["severity"] == "warning"
    assert 5 < found["value"] < 25


@pytest.mark.parametrize("what", [b"Find a printer", b"A later line", b"chartkeep.journal"])
def test_damage_is_critical(run: Run, folder: Path, book: str, what: bytes) -> None:
    """At the beginning, the end, and in the header of a journal that may not be healed, only read."""
    run("note", f"{book}:1", "A later line")
    run("note", f"{book}:1", "The last line")
    shutil.rmtree(folder / ".index")
    journal = folder / ".journal" / "default" / "charts.jsonl"
    data = bytearray(journal.read_bytes())
    data[data.index(what)] ^= 1
    journal.write_bytes(bytes(data))
    ran = run("status", "--json", "--read-only")
    assert ran.code == CRITICAL
    assert "line" in figure(ran.document, "damage")["text"]


def test_lag_is_what_was_there_before_this_command(run: Run, folder: Path, book: str) -> None:
    shutil.rmtree(folder / ".index")
    found = run("status", "--json").document
    assert found["index_lag_bytes"] == (folder / ".journal/default/charts.jsonl").stat().st_size
    assert figure(found, "index_lag")["value"] == found["index_lag_bytes"]
    assert run("status", "--json").document["index_lag_bytes"] == 0


def test_prometheus(run: Run, book: str, disk: Disk) -> None:
    ran = run("status", "--prometheus")
    assert ran.code == 0
    assert ran.out.startswith("# HELP chartkeep_health ")
    assert 'chartkeep_items{store="' in ran.out
    disk(5)
    ran = run("status", "--prometheus")
    assert ran.code == CRITICAL
    assert ran.out.splitlines()[2].endswith("} 2")


def test_samples_are_summed_up(run: Run, folder: Path, book: str) -> None:
    assert run("status", "--json").document["samples"]["last"] is None
    assert "never; `chartkeep maintain` does" in run("status").out
    with open_store(folder) as store:
        metrics.sample(store)
    assert run("status", "--json").document["samples"]["last"] == clock.stamp(NOW)


def test_a_store_that_may_only_be_read(run: Run, folder: Path, book: str) -> None:
    before = sorted(os.walk(folder))
    assert run("status", "--read-only").code == 0
    assert sorted(os.walk(folder)) == before


def test_the_codes_are_no_errors() -> None:
    def below(kind: type) -> list[type]:
        return [kind, *(one for sub in kind.__subclasses__() for one in below(sub))]

    assert {WARNING, CRITICAL}.isdisjoint(kind.exit_code for kind in below(ChartkeepError))  # type: ignore[attr-defined]
