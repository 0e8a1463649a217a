"""Undo, redo, move, archive, delete, contexts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.store.cli.conftest import Run


def titles(run: Run, *words: str) -> list[str]:
    ran = run("list", "--json", *words)
    assert ran.code == 0, ran.err
    return sorted(chart["title"] for chart in ran.document["charts"])


def test_undo_and_redo_across_runs_of_the_program(run: Run, book: str) -> None:
    assert run("step", book, "Print it").code == 0
    assert run("undo").code == 0
    assert len(run("show", book, "--json").document["steps"]) == 3
    assert run("redo").code == 0
    assert len(run("show", book, "--json").document["steps"]) == 4


def test_undo_several_steps_back(run: Run, book: str) -> None:
    run("step", book, "Print it")
    run("step", book, "Sell it")
    ran = run("undo", "--steps", "2", "--json")
    assert ran.code == 0
    assert len(ran.document["changes"]) == 2
    assert len(run("show", book, "--json").document["steps"]) == 3


def test_undo_of_a_named_transaction(run: Run, book: str) -> None:
    run("step", book, "Print it")
    run("done", f"{book}:1")
    listed = run("history", "--json").document["transactions"]
    added = next(row for row in listed if "Print it" in row["label"])
    assert run("undo", f"{added['context']}/{added['tx']}").code == 0
    steps = run("show", book, "--json").document["steps"]
    assert [step["done"] for step in steps] == [True, False, False]


def test_undo_with_nothing_to_undo(run: Run) -> None:
    ran = run("undo")
    assert ran.code == 3
    assert "nothing" in ran.err.lower()
    assert run("undo", "1:ffff").code == 3


def test_rm_says_how_many_and_wants_a_yes(run: Run, book: str) -> None:
    refused = run("rm", book)
    assert refused.code == 4
    assert "1 chart" in refused.err
    assert "3 steps" in refused.err
    assert titles(run) == ["A book people finish"]
    assert run("rm", book, "--yes").code == 0
    assert titles(run) == []
    assert run("undo").code == 0
    assert titles(run) == ["A book people finish"]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 4), ("", 4)])
def test_rm_asks_on_a_terminal(
    run: Run, book: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(answer))
    ran = run("rm", book)
    assert ran.code == code
    assert "Delete 1 chart and 3 steps: “A book people finish”? [y/N]" in ran.err
    assert len(titles(run)) == (0 if code == 0 else 1)


def test_rm_of_a_step(run: Run, book: str) -> None:
    assert run("rm", f"{book}:2", "--yes").code == 0
    steps = run("show", book, "--json").document["steps"]
    assert [step["title"] for step in steps] == ["Draft the outline", "Find a printer"]


def test_move_takes_the_whole_subtree(run: Run, folder: Path, book: str) -> None:
    run("telescope", f"{book}:2")
    assert run("contexts", "new", "work").code == 0
    assert run("move", book, "--to", "work").code == 0
    assert titles(run, "--context", "default") == []
    assert titles(run, "--context", "work") == ["A book people finish", "Write the chapters"]
    assert book in (folder / "charts-work.jsonl").read_text(encoding="utf-8")
    assert book not in (folder / "charts.jsonl").read_text(encoding="utf-8")


def test_archive_and_back(run: Run, folder: Path, book: str) -> None:
    refused = run("archive", book)
    assert refused.code == 4
    assert "--yes" in refused.err
    for target in (f"{book}:1", f"{book}:2", f"{book}:3", book):
        assert run("done", target).code == 0
    ran = run("archive", book)
    assert ran.code == 0, ran.err
    assert titles(run) == []
    assert book in (folder / "completed-charts.jsonl").read_text(encoding="utf-8")
    assert run("archive", "--back", book).code == 0
    assert titles(run) == ["A book people finish"]


def test_contexts(run: Run, folder: Path) -> None:
    assert run("contexts", "new", "work").code == 0
    assert run("contexts", "new", "work").code == 4
    assert run("contexts", "rename", "work", "health").code == 0
    names = [one["name"] for one in run("contexts", "--json").document["contexts"]]
    assert "health" in names
    assert "work" not in names
    assert run("contexts", "archive", "health").code == 0
    assert not (folder / "charts-health.jsonl").exists()
    assert run("contexts", "restore", "health").code == 0
    assert (folder / "charts-health.jsonl").exists()


def test_contexts_wants_the_right_number_of_names(run: Run) -> None:
    assert run("contexts", "rename", "work").code == 2
    assert run("contexts", "new", "../out").code == 2
    assert run("list", "--context", "nowhere").code == 3
