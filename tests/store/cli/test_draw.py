"""`show` draws a chart in Fritz's layout: outcome on top, reality at the bottom, steps between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from store import clock
from store.headless import draw
from store.headless.output import Output
from store.model import ChartRow, ChartView, Progress, StepRow


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    clock.fix(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    yield
    clock.fix(None)


def row(number: int, title: str, **members: object) -> ChartRow:
    made = ChartRow(
        "work", f"chart_{number}", title, None, False, Progress(0, 0), 0, None, None, 0, None, None
    )
    return made._replace(**members)  # type: ignore[arg-type]


def step(number: int, title: str, **members: object) -> StepRow:
    made = StepRow(
        "work", "chart_1", f"chart_1_action_{number}", title, None, False, 0, None, Progress(0, 0), None
    )
    return made._replace(**members)  # type: ignore[arg-type]


def test_layout() -> None:
    inner = ChartView(
        row(2, "Chapters written"),
        "Chapters written",
        (),
        (),
        (step(1, "Chapter one", due="2026-12-05"),),
        (row(3, "A child of no step", progress=Progress(1, 2)),),
        (),
    )
    view = ChartView(
        row(1, "A book", due="2026-12-20", progress=Progress(1, 2)),
        "A book people finish",
        ("chapter list agreed",),
        ("Notes in three folders", "No draft yet"),
        (
            step(1, "Draft the outline", due="2026-11-01", done=True, notes=1),
            step(2, "Write the chapters", due="2026-11-20", child="chart_2", child_progress=Progress(0, 1)),
        ),
        (),
        (("chart_9", "Publishing"),),
        phase="assimilation",
        hints=("say it as a result",),
        notes={"chart_1_action_1": ("half of it done",)},
        others=2,
    )
    lines = list(draw.chart(view, Output(), lambda chart_id: inner if chart_id == "chart_2" else None))
    assert (
        "\n".join(lines)
        == """\
○ A book people finish                                                               1/2  2026-12-20
  chart_1 · work · under Publishing · phase assimilation
  · chapter list agreed
  hint: say it as a result

Action steps
├─ ✓ 1. Draft the outline                                                                 2026-11-01
│  · 1 note
└─ ○ 2. Write the chapters                                            0/1  overdue 1 day  2026-11-20
   ◇ chart_2
   ├─ ○ 1. Chapter one                                                        in 14 days  2026-12-05
   └─ ○ ◇ A child of no step                                                                     1/2
      ◇ chart_3

Current reality
  - Notes in three folders
  - No draft yet

(2 records of other kinds belong to this chart)"""
    )


def test_long_text_is_broken_and_never_cut() -> None:
    words = " ".join(f"word{number}" for number in range(60))
    view = ChartView(row(1, words), words, (), (words,), (step(1, words, due="2026-12-01"),), (), ())
    lines = list(draw.chart(view, Output(), lambda _: None))
    assert " ".join(lines).split().count("word59") == 3
    assert all(len(line) <= 100 for line in lines)


def test_circles_of_foreign_files_end() -> None:
    looped = ChartView(row(1, "Loop"), "Loop", (), (), (step(1, "round", child="chart_1"),), (), ())
    assert len(list(draw.chart(looped, Output(), lambda _: looped))) < 20
