"""Commands that change charts: each acknowledges what is on disk, publishes it, and can be undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.store.cli.conftest import Run


def published(folder: Path, name: str = "charts.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def shown(run: Run, chart: str) -> dict[str, Any]:
    ran = run("show", chart, "--json")
    assert ran.code == 0, ran.err
    return dict(ran.document)


def test_add_makes_a_chart_and_publishes_it(run: Run, folder: Path, book: str) -> None:
    view = shown(run, book)
    assert view["outcome"] == "A book people finish"
    assert view["reality"] == ["Notes in three folders"]
    assert view["due"] == "2026-12-12"
    assert [step["title"] for step in view["steps"]] == [
        "Draft the outline",
        "Write the chapters",
        "Find a printer",
    ]
    dues = [step["due"] for step in view["steps"]]
    assert dues == sorted(dues)
    assert all("2026-11-21" < due < "2026-12-12" for due in dues)
    assert f"{book}_desired_outcome" in [line.get("name") for line in published(folder)]


def test_add_says_what_was_made_and_its_id(run: Run) -> None:
    ran = run("add", "Two", "words")
    assert ran.code == 0
    assert "Two words" in ran.out
    assert "chart_" in ran.out


def test_two_charts_in_one_millisecond_get_two_ids(run: Run) -> None:
    first = run("add", "One", "--json").document["changes"][0]["focus"]
    second = run("add", "Two", "--json").document["changes"][0]["focus"]
    assert first != second


def test_a_past_due_date_is_refused_unless_confirmed(run: Run) -> None:
    refused = run("add", "Late", "--due", "2026-11-01")
    assert refused.code == 4
    assert "--yes" in refused.err
    assert run("list", "--json").document["charts"] == []
    assert run("add", "Late", "--due", "2026-11-01", "--yes").code == 0


def test_no_date_is_refused_with_examples(run: Run) -> None:
    refused = run("add", "Someday", "--due", "someday")
    assert refused.code == 2
    assert "+2w" in refused.err


def test_step_is_added_last(run: Run, book: str) -> None:
    assert run("step", book, "Print", "it").code == 0
    assert [step["title"] for step in shown(run, book)["steps"]][-1] == "Print it"


def test_sub_chart(run: Run, book: str) -> None:
    ran = run("step", book, "A cover people pick up", "--sub-chart", "--reality", "A sketch", "--json")
    assert ran.code == 0, ran.err
    charts = run("list", "--json").document["charts"]
    (child,) = [chart for chart in charts if chart["parent"] == book]
    assert child["title"] == "A cover people pick up"
    assert child["level"] == 1


def test_telescope_twice_opens_the_first(run: Run, book: str) -> None:
    assert run("telescope", f"{book}:2").code == 0
    again = run("telescope", f"{book}:2")
    assert again.code == 0
    assert "already" in again.out
    charts = run("list", "--json").document["charts"]
    assert [chart["parent"] for chart in charts if chart["parent"]] == [book]


def test_completing_a_step_flows_into_reality_and_back(run: Run, book: str) -> None:
    assert run("done", "draft", "outline").code == 0
    view = shown(run, book)
    assert view["progress"] == {"done": 1, "total": 3}
    assert view["done"] is False
    assert any(fact.startswith("Completed: Draft the outline") for fact in view["reality"])
    assert run("done", "--undo", f"{book}:1").code == 0
    assert shown(run, book)["reality"] == ["Notes in three folders"]


def test_completing_a_sub_chart_completes_its_step(run: Run, book: str) -> None:
    child = run("telescope", f"{book}:2", "--json").document["changes"][0]["focus"]
    assert run("done", child).code == 0
    view = shown(run, book)
    assert [step["done"] for step in view["steps"]] == [False, True, False]
    assert any("Write the chapters" in fact for fact in view["reality"])


def test_note_on_a_step_and_in_reality(run: Run, book: str) -> None:
    assert run("note", f"{book}:1", "half", "of", "it", "--reality").code == 0
    view = shown(run, book)
    assert view["steps"][0]["notes"] == ["half of it"]
    assert len(view["reality"]) == 2


def test_due_moves_chart_and_open_steps(run: Run, book: str) -> None:
    before = [step["due"] for step in shown(run, book)["steps"]]
    assert run("due", book, "2027-01-02", "--move-steps").code == 0
    view = shown(run, book)
    assert view["due"] == "2027-01-02"
    assert all(
        after > due for after, due in zip((step["due"] for step in view["steps"]), before, strict=True)
    )


def test_due_none_takes_it_away(run: Run, book: str) -> None:
    assert run("due", f"{book}:1", "none").code == 0
    assert shown(run, book)["steps"][0]["due"] is None


def test_a_step_is_never_due_after_its_chart(run: Run, book: str) -> None:
    assert run("due", f"{book}:1", "2027-06-01").code == 4


def test_edit_is_one_transaction(run: Run, book: str) -> None:
    ran = run("edit", book, "--outcome", "A book people lend", "--add-reality", "One reader", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.document["changes"]) == 1
    view = shown(run, book)
    assert (view["outcome"], view["reality"]) == (
        "A book people lend",
        ["Notes in three folders", "One reader"],
    )
    assert run("undo").code == 0
    view = shown(run, book)
    assert (view["outcome"], view["reality"]) == ("A book people finish", ["Notes in three folders"])


def test_edit_without_a_change_is_not_understood(run: Run, book: str) -> None:
    assert run("edit", book).code == 2
    assert run("edit", f"{book}:1", "--reality", "no").code == 2


def test_a_problem_worded_outcome_is_advice_and_never_a_refusal(run: Run) -> None:
    ran = run("add", "Fix the login problem")
    assert ran.code == 0
    assert "hint" in ran.err


def test_nothing_is_changed_with_read_only(run: Run, folder: Path, book: str) -> None:
    before = published(folder)
    for words in (["add", "No"], ["done", book], ["rm", book, "--yes"], ["undo"]):
        assert run("--read-only", *words).code == 6
    assert published(folder) == before


@pytest.mark.parametrize("command", ["add", "note"])
def test_blank_texts_are_not_understood(run: Run, book: str, command: str) -> None:
    words = [" "] if command == "add" else [book, " "]
    assert run(command, *words).code in (2, 4)
