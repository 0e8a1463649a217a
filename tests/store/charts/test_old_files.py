"""Real files of other programs: read whole, worked on, and foreign parts kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store import charts, records
from store.errors import NotFound
from store.model import Progress
from tests.store.charts.memory import Memory


def line(name: str, kind: str, observations: object, **metadata: object) -> dict[str, object]:
    return {
        "type": "entity",
        "name": name,
        "entityType": kind,
        "observations": observations,
        "metadata": metadata,
    }


def relation(start: str, kind: str, end: str) -> dict[str, object]:
    return {"type": "relation", "from": start, "to": end, "relationType": kind}


SPIRAL = [
    line("chart_work_q4_chart", "structural_tension_chart", ["Q4"], chartId="chart_work_q4"),
    line("chart_work_q4_desired_outcome", "desired_outcome", ["Q4 done"], chartId="chart_work_q4"),
    line("chart_work_q4_current_reality", "current_reality", ["60 %"], chartId="chart_work_q4"),
    line("chart_work_q4_action1", "action_step", ["Alpha"], chartId="chart_work_q4", dueDate="2025-10-15"),
    line("chart_work_q4_action2", "action_step", ["Partners"], chartId="chart_work_q4"),
]  # fmt: skip


def test_ids_without_milliseconds_and_old_step_names() -> None:
    view = Memory(lines=SPIRAL)  # type: ignore[arg-type]
    assert view.titles("chart_work_q4") == ["Alpha", "Partners"]
    assert view.step("chart_work_q4", "More") == "chart_work_q4_action_3"
    view.apply(charts.complete(view, "chart_work_q4_action1"))
    assert view.reality("chart_work_q4") == ["60 %", "Completed: Alpha (2026-11-21)"]
    child = view.telescope("chart_work_q4_action2")
    assert view.view(child).row.level == 1


def test_a_chart_entity_without_the_suffix() -> None:
    view = Memory(lines=[line("chart_7", "structural_tension_chart", [])])  # type: ignore[list-item]
    assert view.view("chart_7").row.title == "chart_7"
    view.apply(charts.edit_text(view, "chart_7", "A book"))
    step = view.step("chart_7", "One")
    assert ("chart_7", "contains", step) in view.relations()


def test_parts_tied_by_relations_alone() -> None:
    view = Memory(
        lines=[
            line("c_chart", "structural_tension_chart", [], chartId="c"),
            line("goal", "desired_outcome", ["A book"]),
            line("now", "current_reality", ["Ten pages"]),
            line("do", "action_step", ["Write"]),
            relation("c_chart", "contains", "goal"),
            relation("now", "creates_tension_with", "goal"),
            relation("c_chart", "contains", "do"),
            relation("c_chart", "contains", "gone"),
        ]  # type: ignore[list-item]
    )
    seen = view.view("c")
    assert (seen.outcome, seen.reality, [step.title for step in seen.steps]) == (
        "A book",
        ("Ten pages",),
        ["Write"],
    )
    view.apply(charts.complete(view, "do"))
    assert view.reality("c") == ["Ten pages", "Completed: Write (2026-11-21)"]
    assert charts.subtree_size(view, "c").steps == 1


def test_missing_parts_and_odd_values() -> None:
    view = Memory(
        lines=[
            line(
                "c_chart", "structural_tension_chart", "Chart of one text", chartId="c", dueDate=5, level="x"
            ),
            {
                "type": "entity",
                "name": "c_action_1",
                "entityType": "action_step",
                "metadata": {"chartId": "c"},
            },
            line("c_action_2", "action_step", ["  "], chartId="c", completionStatus="completed", order="no"),
        ]  # type: ignore[list-item]
    )
    seen = view.view("c")
    assert seen.row.title == "Chart of one text"
    assert (seen.row.due, seen.row.level, seen.outcome) == (None, 0, "")
    assert [(step.title, step.done) for step in seen.steps] == [("c_action_1", False), ("c_action_2", True)]
    assert seen.hints == ("It has no desired outcome.",)


@pytest.mark.parametrize("parent", ["gone", "c", None])
def test_a_parent_that_is_gone_or_itself_makes_a_root(parent: str | None) -> None:
    view = Memory(
        lines=[line("c_chart", "structural_tension_chart", [], chartId="c", parentChart=parent)]  # type: ignore[list-item]
    )
    assert view.view("c").trail == ()
    assert view.view("c").row.parent is None
    assert charts.roots(view) == ["c"]
    view.apply(charts.complete(view, "c"))


def test_a_due_date_with_a_time_keeps_its_shape_until_changed() -> None:
    stamp = "2026-12-17T06:19:37.665Z"
    view = Memory(
        lines=[
            line("c_chart", "structural_tension_chart", [], chartId="c", dueDate=stamp),
            line("c_action_1", "action_step", ["One"], chartId="c", dueDate=stamp),
        ]  # type: ignore[list-item]
    )
    assert view.view("c").row.due == stamp
    view.apply(charts.set_due(view, "c_action_1", "2026-12-01"))
    assert view.meta("c_action_1")["dueDate"] == "2026-12-01"
    assert view.meta("c_chart")["dueDate"] == stamp


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(NotFound, match="no chart chart_1 in the context default"):
        charts.chart_view(Memory(), "chart_1")


def sample_files() -> list[Path]:
    return sorted((Path(__file__).parents[2] / "data" / "coaia").rglob("*.jsonl"))


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_every_real_file_can_be_read_and_worked_on(path: Path) -> None:
    view = Memory()
    for raw in path.read_bytes().splitlines():
        try:
            value = json.loads(raw)
        except ValueError:
            continue
        if isinstance(value, dict) and records.key_of(value, raw)[:2] in ("e:", "r:"):
            view.add(value)
    before = view.state()
    for chart in list(view.chart_ids()):
        seen = view.view(chart)
        assert seen.row.progress.total >= len(seen.steps)
        view.apply(charts.add_fact(view, chart, "Looked at"))
        step = view.step(chart, "One more", due="none")
        view.apply(charts.complete(view, step))
        view.apply(charts.remove(view, step))
    for key, record in before.items():
        body, now = records.body_of(record), records.body_of(view.state()[key])
        if body.get("entityType") not in ("current_reality", "structural_tension_chart"):
            assert now == body
    assert charts.roots(view) == [c for c in view.chart_ids() if view.view(c).row.parent is None]


def test_progress_of_the_largest_sample() -> None:
    path = next(path for path in sample_files() if path.name.startswith("simexp"))
    view = Memory().load(path.read_text())
    assert charts.progress(view, "chart_1767399970220") == Progress(0, 10)
    assert len(view.view("chart_1767399970220").child_charts) == 7
    assert view.view("chart_1767399970220").others == 1
