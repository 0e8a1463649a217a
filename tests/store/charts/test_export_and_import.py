"""Out as Markdown, CSV and JSONL, and in again."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from store import charts, importing, records
from store.charts import export, tree
from store.errors import UsageError
from tests.store.charts.memory import Memory

TODAY = date(2026, 11, 21)


@pytest.fixture
def book(view: Memory) -> str:
    book = view.chart(
        "A finished book", ["Ten pages", "No title"], due="2026-12-21", steps=["Outline", "Draft"]
    )
    view.apply(charts.note(view, f"{book}_action_1", "Begun"))
    view.telescope(f"{book}_action_2", reality="Nothing", steps=["Chapter 1"])
    view.step(book, "A cover", as_chart=True, reality="No picture")
    view.apply(charts.complete(view, f"{book}_action_1"))
    return book


MARKDOWN = """\
# A finished book (2026-12-21)

- [x] Outline (2026-12-01)
  - Begun
- [ ] Draft (2026-12-11)
  - [ ] Chapter 1 (2026-12-01)
  > Nothing
- [ ] **A cover** (2026-12-21)
  > No picture

> Ten pages
>
> No title
>
> Completed: Outline (2026-11-21)
"""


def test_markdown_has_the_outcome_on_top_and_the_reality_at_the_bottom(view: Memory, book: str) -> None:
    assert export.markdown(view.view(book), view.fetch) == MARKDOWN


def test_markdown_reads_back_as_the_same_chart(view: Memory, book: str) -> None:
    other = Memory("other")
    made = other.apply(importing.plan_import(other, MARKDOWN.splitlines(keepends=True))).focus
    assert made is not None
    assert export.markdown(other.view(made), other.fetch) == MARKDOWN
    rows = [view.view(book), other.view(made)]
    assert rows[0].row.progress == rows[1].row.progress
    assert [row.level for row in rows[1].child_charts] == [1]


def test_the_tree_aligns_due_dates_at_the_right(view: Memory, book: str) -> None:
    lines = tree.render(view.view(book), view.fetch, TODAY, width=60)
    assert {tree.cells(line) for line in lines if "2026-12" in line and "•" not in line} == {60}
    assert [" ".join(line.split()) for line in lines] == [
        "A finished book 1/3 · in 30 days · 2026-12-21",
        "├─ ✓ Outline 2026-12-01",
        "│ · Begun",
        "├─ ○ Draft 0/1 · in 20 days · 2026-12-11",
        "│ └─ ○ Chapter 1 in 10 days · 2026-12-01",
        "│ • Nothing",
        "└─ ○ A cover in 30 days · 2026-12-21",
        "• No picture",
        "─" * 60,
        "• Ten pages",
        "• No title",
        "• Completed: Outline (2026-11-21)",
    ]


def test_a_tree_in_plain_ascii_and_to_a_depth(view: Memory, book: str) -> None:
    lines = tree.render(view.view(book), view.fetch, TODAY, width=60, marks=tree.ASCII, depth=0)
    assert all(line.isascii() for line in lines)
    assert not any("Chapter 1" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("日本", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("🎯", 2),
        ("❤\ufe0f", 2),
        ("👩\u200d💻", 2),
        ("👍🏽", 2),
        ("", 0),
    ],
)
def test_wide_characters_count_as_terminals_draw_them(text: str, width: int) -> None:
    assert tree.cells(text) == width


def test_csv_has_a_row_for_every_chart_and_step(view: Memory, book: str) -> None:
    rows = list(csv.DictReader(io.StringIO(export.csv_text([view.view(book)], view.fetch))))
    assert [(row["kind"], row["title"]) for row in rows] == [
        ("chart", "A finished book"),
        ("step", "Outline"),
        ("step", "Draft"),
        ("chart", "Draft"),
        ("step", "Chapter 1"),
        ("chart", "A cover"),
    ]
    assert rows[0]["completed"] == "1"
    assert rows[0]["total"] == "3"
    assert rows[1]["done"] == "yes"
    assert rows[5]["total"] == ""


def test_jsonl_is_entities_then_relations_and_reads_back_record_for_record(view: Memory, book: str) -> None:
    view.chart("Another")
    lines = list(export.jsonl(view, [book]))
    kinds = [records.loads(line)["type"] for line in lines]
    assert kinds == sorted(kinds)
    other = Memory("other")
    plan = other.apply(importing.plan_import(other, lines))
    assert plan.focus == book
    assert other.state() == {key: record for key, record in view.state().items() if key in other.state()}
    assert list(other.chart_ids()) == list(view.chart_ids())[:-1]
    assert len(list(export.jsonl(view))) == len(view.state())


def test_a_wrapped_record_comes_out_plain(view: Memory) -> None:
    view.load('{"type":"entity","data":{"name":"c_chart","entityType":"structural_tension_chart"}}')
    assert list(export.jsonl(view)) == [
        b'{"type":"entity","name":"c_chart","entityType":"structural_tension_chart"}'
    ]


class TestImport:
    def test_lines_keep_their_bytes(self, view: Memory) -> None:
        line = b'{ "name":"c_chart", "type" : "entity", "entityType":"structural_tension_chart", "n":1e400}'
        plan = importing.plan_import(view, [b"\xef\xbb\xbf# a comment\r\n", b"\n", line + b"\r\n"])
        assert [edit.raw for edit in plan.edits] == [line]
        assert plan.focus == "c"

    def test_what_is_left_out_is_named_by_line(self, view: Memory) -> None:
        view.chart()
        mine = view.state()
        here = records.dumps(next(iter(mine.values())))
        changed = here.replace(b"Chart created", b"Chart made")
        new = b'{"type":"entity","name":"new_chart","entityType":"structural_tension_chart"}'
        foreign = b'{"id":"1","outcome":"x","reality":"y","steps":[]}'
        plan = importing.plan_import(view, [here, changed, b"{broken", new, new, foreign])
        assert [edit.key for edit in plan.edits] == ["e:new_chart"]
        assert plan.hints == [
            "1 line left out: here already, just so (line 1)",
            "1 line left out: here already with other content, left as it is (line 2)",
            "1 line left out: no JSON (line 3)",
            "1 line left out: a name that came before in the file (line 5)",
            "1 line left out: no record of a chart file (line 6)",
        ]
        view.apply(plan)
        assert all(view.state()[key] == record for key, record in mine.items())

    def test_an_outline_as_people_write_it(self, view: Memory) -> None:
        text = "# A garden (eoy)\n- [ ] Dig (fri)\n- [ ] Plant (ten trees)\n> Grass\n\n# A shed\n"
        plan = view.apply(importing.plan_import(view, text.splitlines(), source="plan.md"))
        assert plan.label == "Import 2 charts from plan.md"
        first, second = charts.roots(view)
        assert view.view(first).row.due == "2026-12-31"
        assert [(step.title, step.due) for step in view.view(first).steps] == [
            ("Dig", "2026-11-27"),
            ("Plant (ten trees)", "2026-12-11"),
        ]
        assert view.reality(first) == ["Grass"]
        assert view.view(second).row.title == "A shed"

    def test_a_date_after_the_charts_is_capped_and_said(self, view: Memory) -> None:
        plan = importing.plan_import(view, ["# A garden (2026-12-01)", "- [ ] Dig (2026-12-24)"])
        assert plan.hints == ["“Dig” was due after the chart it belongs to; it is due 2026-12-01 now."]

    @pytest.mark.parametrize(
        ("text", "message"),
        [("", "no chart in it"), ("- [ ] Dig", "line 1: a chart starts"), ("# \n", "no chart in it")],
    )
    def test_what_is_no_outline_is_refused(self, view: Memory, text: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            importing.plan_import(view, text.splitlines())
