"""erase and retention on the command line: they say how much first, ask, and say where else it is."""

from __future__ import annotations

import os
from pathlib import Path

from store.errors import NotFound, Refused, UsageError
from tests.store.cli.conftest import Run

SECRET = "Zanzibarquux"


def holding(folder: Path) -> list[str]:
    """The files of a folder that hold the secret."""
    paths = [Path(top) / name for top, _, names in os.walk(folder) for name in names]
    return [str(path) for path in paths if path.exists() and SECRET.encode() in path.read_bytes()]


def added(run: Run, text: str, *more: str) -> str:
    name: str = run("--json", "add", text, *more).document["changes"][0]["focus"]
    return name


def test_erase_asks_first_and_says_how_much(run: Run, folder: Path) -> None:
    added(run, f"A trip to {SECRET}", "--step", "Pack")
    refused = run("erase", SECRET)
    assert refused.code == Refused.exit_code
    assert "--yes" in refused.err
    assert holding(folder)
    done = run("erase", SECRET, "--yes", "--why", "asked to")
    assert done.code == 0
    assert "Erased" in done.out
    assert holding(folder) == []
    assert run("verify").code == 0


def test_a_dry_run_says_what_would_go_and_changes_nothing(run: Run, folder: Path) -> None:
    added(run, f"A trip to {SECRET}")
    journal = folder / ".journal" / "default" / "charts.jsonl"
    before = journal.read_bytes()
    done = run("--json", "erase", SECRET, "--dry-run").document
    assert done["dry_run"]
    assert done["versions"] > 0
    assert journal.read_bytes() == before


def test_a_deleted_chart_is_erased_by_its_id(run: Run, folder: Path) -> None:
    name = added(run, f"A trip to {SECRET}")
    run("rm", name, "--yes")
    assert holding(folder)
    assert run("erase", name, "--yes").code == 0
    assert holding(folder) == []


def test_backups_that_hold_it_are_listed_and_removed_everywhere(run: Run, folder: Path) -> None:
    added(run, "A book")
    run("backup", "--full")
    name = added(run, f"A trip to {SECRET}")
    run("backup")
    held = run("--json", "erase", name, "--dry-run").document["backups"]
    assert len(held) == 1
    done = run("--json", "erase", name, "--yes", "--everywhere").document
    assert [item["id"] for item in done["pruned"]] == [held[0]["id"]]
    assert done["backups"] == []
    left = run("--json", "backups").document["backups"]
    assert len(left) == 2
    assert run("backup", "verify", "--all").code == 0
    assert holding(folder) == []


def test_what_cannot_be_erased_is_said(run: Run, folder: Path) -> None:
    name = added(run, f"A trip to {SECRET}")
    stray = folder / "charts.sync-conflict-20260101.jsonl"
    stray.write_text(f'{{"type":"entity","name":"A trip to {SECRET}"}}\n')
    done = run("--json", "erase", name, "--yes").document
    assert any(stray.name in line for line in done["unreachable"])


def test_nothing_named_is_a_usage_error(run: Run) -> None:
    assert run("erase").code == UsageError.exit_code
    assert run("erase", "--before", "2020-01-01", "--key", "e:x").code == UsageError.exit_code
    assert run("erase", "nobody").code == NotFound.exit_code
    assert run("erase", "--deleted").out.startswith("There is nothing to erase.")


def test_retention_without_rules_keeps_everything(run: Run, folder: Path) -> None:
    added(run, "A book")
    assert "everything is kept" in run("retention").out
    (folder / "chartkeep.toml").write_text('[retention]\ncharts = "delete 1y"\n')
    done = run("retention", "--dry-run")
    assert done.code == 0
    assert "everything is kept" in done.out
    assert run("--json", "retention").document["rules"] == {"charts": "delete 365d"}


def test_everywhere_alone_removes_the_backups_from_before_the_last_erasure(run: Run, folder: Path) -> None:
    name = added(run, f"A trip to {SECRET}")
    run("backup", "--full")
    assert run("erase", "--everywhere", "--yes").code == NotFound.exit_code
    run("erase", name, "--yes")
    assert run("erase", "--everywhere").code == Refused.exit_code
    done = run("--json", "erase", "--everywhere", "--yes").document
    assert len(done["pruned"]) == 1
    assert len(run("--json", "backups").document["backups"]) == 1
