"""chartkeep conflicts: a person or a script sees both values and picks one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.store.cli.conftest import Run


@pytest.fixture
def contested(run: Run, folder: Path, book: str) -> str:
    """The book's first step, reworded here and there; its name."""
    path = folder / "charts.jsonl"
    held = path.read_text(encoding="utf-8")
    run("edit", f"{book}:1", "--title", "Outline in one page")
    path.write_text(held.replace("Draft the outline", "Sketch the outline"), encoding="utf-8")
    ran = run("list")
    assert "1 conflict in charts.jsonl: `chartkeep conflicts`" in ran.err
    return f"{book}_action_1"


def title(run: Run, book: str) -> str:
    return str(run("show", book, "--json").document["steps"][0]["title"])


def test_a_table_for_people(run: Run, contested: str) -> None:
    ran = run("conflicts")
    assert ran.code == 0
    (one,) = run("conflicts", "--json").document["conflicts"]
    lines = ran.out.splitlines()
    assert lines[0] == f"A book people finish: wording of the step “Outline in one page”  {one['id']}"
    assert lines[1].startswith("     here   Outline in one page  ")
    assert lines[2].startswith("  ▸  there  Sketch the outline   another program")
    assert "another program (charts.jsonl), 2026-11-21 12:00" in lines[2]
    assert "1 conflict open" in ran.err


def test_documents_for_scripts(run: Run, contested: str, book: str) -> None:
    (one,) = run("conflicts", "--json").document["conflicts"]
    assert one["ours"]["value"] == "Outline in one page"
    assert one["theirs"] | {"at": ""} == {
        "there": True,
        "value": "Sketch the outline",
        "text": "Sketch the outline",
        "by": "file:charts.jsonl",
        "at": "",
    }
    assert (one["field"], one["path"], one["chart"]) == ("wording", ["observations", "0"], book)
    assert (one["stands"], one["state"], one["base"]) == ("theirs", "open", "Draft the outline")


def test_keep_and_take(run: Run, folder: Path, contested: str, book: str) -> None:
    (one,) = run("conflicts", "--json").document["conflicts"]
    assert title(run, book) == "Sketch the outline"
    ran = run("conflicts", "take", one["id"])
    assert (ran.code, ran.err) == (0, "")
    assert "Outline in one page" in ran.out
    assert title(run, book) == "Outline in one page"
    assert "Outline in one page" in (folder / "charts.jsonl").read_text(encoding="utf-8")
    assert run("conflicts", "keep", one["id"]).code == 4
    assert run("undo").code == 0
    assert run("conflicts", "keep", "all", "--json").document["changes"][0]["command"] == "conflict.resolve"
    assert title(run, book) == "Sketch the outline"
    assert "No conflicts" in run("conflicts").out
    assert "what won was kept" in run("conflicts", "--all").out


def test_all_are_settled_also_those_that_go_together(run: Run, folder: Path, book: str) -> None:
    path = folder / "charts.jsonl"
    held = path.read_text(encoding="utf-8")
    run("due", book, "2026-12-14")
    path.write_text(held.replace("2026-12-12", "2026-12-24"), encoding="utf-8")
    run("sync")
    assert len(run("conflicts", "--json").document["conflicts"]) == 2
    assert run("conflicts", "take", "all").code == 0
    assert run("show", book, "--json").document["due"] == "2026-12-14"
    assert run("conflicts", "--json").document == {"conflicts": []}


def test_what_is_not_understood(run: Run, contested: str) -> None:
    assert run("conflicts", "take").code == 2
    assert run("conflicts", "list", "1:0/0").code == 2
    ran = run("conflicts", "keep", "1:0/0")
    assert ran.code == 3
    assert "no conflict 1:0/0" in ran.err


def test_a_record_deleted_on_one_side(run: Run, folder: Path, book: str) -> None:
    path = folder / "charts.jsonl"
    held = path.read_text(encoding="utf-8")
    run("rm", f"{book}:2", "--yes")
    lines = [json.loads(line) for line in held.splitlines()]
    next(line for line in lines if line.get("name") == f"{book}_action_2")["observations"].append("theirs")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    run("sync")
    out = run("conflicts").out
    assert "the step “Write the chapters” itself" in out
    assert "here   deleted" in out
    assert "Write the chapters · theirs" in out
