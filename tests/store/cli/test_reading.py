"""list, show, search, history, and how charts and steps are named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from store import clock
from tests.store.cli.conftest import NOW, Run


def test_list_of_an_empty_store_says_what_to_do(run: Run) -> None:
    ran = run("list")
    assert ran.code == 0
    assert "chartkeep add" in ran.out


def test_list_shows_progress_and_due_dates(run: Run, book: str) -> None:
    run("done", f"{book}:1")
    (line,) = run("list").out.splitlines()
    assert line.startswith("○ A book people finish")
    assert line.split()[-6:] == ["1/3", "in", "21", "days", "2026-12-12", book]


def test_list_indents_children_under_their_chart(run: Run, book: str) -> None:
    run("telescope", f"{book}:2")
    run("add", "Another")
    titles = [
        line.split("  chart_")[0].rstrip()[:24].rstrip()
        for line in run("list", "--sort", "title").out.splitlines()
    ]
    assert titles == ["○ A book people finish", "  ○ Write the chapters", "○ Another"]


def test_list_filters(run: Run, book: str) -> None:
    other = run("add", "Another", "--due", "2026-11-01", "--yes", "--json").document["changes"][0]["focus"]
    run("done", book)

    def ids(*words: str) -> list[str]:
        return [chart["id"] for chart in run("list", "--json", *words).document["charts"]]

    assert ids("--done") == [book]
    assert ids("--open") == [other]
    assert ids("--overdue") == [other]
    assert ids("--limit", "0") == []


def test_show_draws_outcome_steps_and_reality(run: Run, book: str) -> None:
    run("done", f"{book}:1")
    run("telescope", f"{book}:2")
    text = run("show", "book").out
    places = [
        text.index(part)
        for part in ("A book people finish", "✓ 1. Draft the outline", "○ 2. Write", "Notes in three")
    ]
    assert places == sorted(places)
    assert "1/3" in text


def test_show_as_it_was(run: Run, book: str) -> None:
    clock.fix(NOW + timedelta(hours=5))
    run("done", f"{book}:1")
    clock.fix(NOW + timedelta(hours=6))
    was = run("show", book, "--at", "3h", "--json").document
    assert [step["done"] for step in was["steps"]] == [False, False, False]
    assert run("show", book, "--json").document["steps"][0]["done"] is True
    assert run("show", book, "--at", "2020-01-01").code == 3
    assert run("show", book, "--at", "someday").code == 2


CHARTS = """\
{"type":"entity","name":"chart_1_chart","entityType":"structural_tension_chart","observations":["x"],\
"metadata":{"chartId":"chart_1","dueDate":"2026-12-12","level":0}}
{"type":"entity","name":"chart_1_desired_outcome","entityType":"desired_outcome",\
"observations":["夏の本を出版する 📚","agreed with the press"],\
"metadata":{"chartId":"chart_1","dueDate":"2026-12-12"}}
{"type":"entity","name":"chart_1_current_reality","entityType":"current_reality",\
"observations":["Notes in three folders"],"metadata":{"chartId":"chart_1"}}
{"type":"entity","name":"chart_1_action_1","entityType":"action_step","observations":["Outline","half"],\
"metadata":{"chartId":"chart_1","dueDate":"2026-11-01","completionStatus":true}}
{"type":"entity","name":"chart_1_action_2","entityType":"action_step","observations":["Chapters"],\
"metadata":{"chartId":"chart_1","dueDate":"2026-11-20"}}
{"type":"entity","name":"chart_2_chart","entityType":"structural_tension_chart","observations":["x"],\
"metadata":{"chartId":"chart_2","level":1,"parentChart":"chart_1","parentActionStep":"chart_1_action_2"}}
{"type":"entity","name":"chart_2_desired_outcome","entityType":"desired_outcome",\
"observations":["Chapters"],"metadata":{"chartId":"chart_2"}}
{"type":"entity","name":"chart_2_action_1","entityType":"action_step","observations":["Chapter one"],\
"metadata":{"chartId":"chart_2","dueDate":"2026-12-01"}}
"""


def test_show_as_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(CHARTS, encoding="utf-8")
    assert run("import", str(tmp_path / "in.jsonl")).code == 0
    assert (
        run("show", "chart_1").out
        == """\
○ 夏の本を出版する 📚                                                    1/2  in 21 days  2026-12-12
  chart_1 · default
  · agreed with the press

Action steps
├─ ✓ 1. Outline                                                                           2026-11-01
│  · 1 note
└─ ○ 2. Chapters                                                      0/1  overdue 1 day  2026-11-20
   ◇ chart_2
   └─ ○ 1. Chapter one                                                        in 10 days  2026-12-01

Current reality
  - Notes in three folders
"""
    )
    assert (
        run("list").out
        == """\
○ 夏の本を出版する 📚  1/2  in 21 days  2026-12-12  chart_1
  ○ Chapters           0/1                          chart_2
"""
    )


def test_names_of_charts(run: Run, book: str) -> None:
    for name in (
        book,
        book.removeprefix("chart_"),
        book[-5:],
        "A book people finish",
        "book FINISH",
        "people",
    ):
        ran = run("show", name, "--json")
        assert ran.code == 0, (name, ran.err)
        assert ran.document["id"] == book


def test_words_that_fit_several_charts_are_refused_with_a_list(run: Run, book: str) -> None:
    other = run("add", "A book of maps", "--json").document["changes"][0]["focus"]
    ran = run("show", "book")
    assert ran.code == 2
    assert book in ran.err
    assert other in ran.err
    assert run("show", "nothing like it").code == 3


@pytest.mark.parametrize(
    "name", ["{book}_action_2", "{book}:2", "{tail}:2", "write chapters", "Write the chapters"]
)
def test_names_of_steps(run: Run, book: str, name: str) -> None:
    named = name.format(book=book, tail=book[-5:])
    assert run("done", named).code == 0
    steps = run("show", book, "--json").document["steps"]
    assert [step["done"] for step in steps] == [False, True, False]


def test_a_step_within_a_chart(run: Run, book: str) -> None:
    run("add", "Another", "--step", "Write the chapters")
    assert run("done", "write the chapters").code == 2
    assert run("done", "write", "--chart", book).code == 0
    assert run("done", "3", "--chart", book).code == 0
    steps = run("show", book, "--json").document["steps"]
    assert [step["done"] for step in steps] == [False, True, True]


def test_search(run: Run, book: str) -> None:
    hits = run("search", "printer", "--json").document["hits"]
    assert [hit["name"] for hit in hits] == [f"{book}_action_3"]
    assert "Find a printer" in run("search", "printer").out
    assert "Nothing" in run("search", "zeppelin").out


def test_history(run: Run, book: str) -> None:
    run("note", f"{book}:1", "half of it")
    clock.fix(NOW + timedelta(minutes=1))
    run("edit", f"{book}:1", "--title", "Draft it")
    labels = [row["label"] for row in run("history", "--json").document["transactions"]]
    assert len(labels) == 3
    assert "A book people finish" in labels[-1]
    assert len(run("history", book, "--json").document["transactions"]) == 3
    versions = run("history", f"{book}:1", "--json").document["versions"]
    assert [version["ver"] for version in versions] == [3, 2, 1]
    assert versions[0]["record"]["observations"] == ["Draft it", "half of it"]
    assert "Draft the outline" in run("history", f"{book}:1").out


def test_foreign_text_cannot_control_the_terminal(run: Run, folder: Path) -> None:
    (folder / "charts.jsonl").write_text(
        '{"type":"entity","name":"chart_1_desired_outcome","entityType":"desired_outcome",'
        '"observations":["evil \\u001b[2J title"],"metadata":{"chartId":"chart_1"}}\n'
        '{"type":"entity","name":"chart_1_chart","entityType":"structural_tension_chart",'
        '"observations":[],"metadata":{"chartId":"chart_1"}}\n'
    )
    for words in (["list"], ["show", "chart_1"], ["search", "evil"]):
        ran = run(*words)
        assert ran.code == 0, ran.err
        assert "evil" in ran.out
        assert "\x1b" not in ran.out
