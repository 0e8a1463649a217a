"""Making a chart: all of it in one transaction, in the peers' own format."""

from __future__ import annotations

import re

import pytest

from store import charts, clock, ids
from store.errors import NeedsConfirm, NotFound, Refused, UsageError
from tests.store.charts.memory import Memory

NOW = "2026-11-21T12:00:00.123Z"


def test_a_chart_is_written_line_for_line_as_the_peers_write_it(view: Memory) -> None:
    chart = view.chart("A finished book", "Ten pages", due="2026-12-21", steps=["Outline"])
    lines = list(view.state().values())
    assert lines == [
        {
            "type": "entity",
            "name": f"{chart}_chart",
            "entityType": "structural_tension_chart",
            "observations": [f"Chart created on {NOW}"],
            "metadata": {
                "chartId": chart,
                "dueDate": "2026-12-21",
                "level": 0,
                "createdAt": NOW,
                "updatedAt": NOW,
            },
        },
        {
            "type": "entity",
            "name": f"{chart}_desired_outcome",
            "entityType": "desired_outcome",
            "observations": ["A finished book"],
            "metadata": {"chartId": chart, "dueDate": "2026-12-21", "createdAt": NOW, "updatedAt": NOW},
        },
        {
            "type": "entity",
            "name": f"{chart}_current_reality",
            "entityType": "current_reality",
            "observations": ["Ten pages"],
            "metadata": {"chartId": chart, "createdAt": NOW, "updatedAt": NOW},
        },
        {
            "type": "entity",
            "name": f"{chart}_action_1",
            "entityType": "action_step",
            "observations": ["Outline"],
            "metadata": {
                "chartId": chart,
                "dueDate": "2026-12-06",
                "completionStatus": False,
                "createdAt": NOW,
                "updatedAt": NOW,
            },
        },
        *(
            {
                "type": "relation",
                "from": f"{chart}_{start}",
                "to": f"{chart}_{end}",
                "relationType": kind,
                "metadata": {"createdAt": NOW},
            }
            for start, kind, end in (
                ("chart", "contains", "desired_outcome"),
                ("chart", "contains", "current_reality"),
                ("current_reality", "creates_tension_with", "desired_outcome"),
                ("chart", "contains", "action_1"),
                ("action_1", "advances_toward", "desired_outcome"),
            )
        ),
    ]
    for line in lines:
        assert list(line)[:2] in (["type", "name"], ["type", "from"])


def test_members_stand_in_the_peers_order(view: Memory) -> None:
    chart = view.chart(due="2026-12-21", steps=["Outline"])
    child = view.telescope(f"{chart}_action_1")
    assert list(view.meta(f"{child}_chart")) == [
        "chartId", "dueDate", "level", "createdAt", "updatedAt", "parentChart", "parentActionStep",
    ]  # fmt: skip
    assert list(view.meta(f"{chart}_action_1"))[:3] == ["chartId", "dueDate", "completionStatus"]


def test_two_charts_in_one_millisecond_get_different_ids(view: Memory) -> None:
    made = [view.chart(f"Result {number}") for number in range(300)]
    assert len(set(made)) == 300
    assert all(re.fullmatch(r"chart_\d{16}", chart) for chart in made)
    assert all(int(chart[6:]) < 2**53 for chart in made)
    assert {chart[6:18] for chart in made} == {str(int(clock.now().timestamp() * 1000))[:12]}


def test_an_id_in_use_is_counted_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_issued", set())
    asked: list[str] = []

    def taken(chart: str) -> bool:
        asked.append(chart)
        return len(asked) < 4

    made = ids.chart_id(taken)
    assert len(asked) == 4
    assert int(made[6:]) == int(asked[0][6:]) + 3


def test_the_id_of_a_removed_chart_is_not_given_again(view: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids.secrets, "randbelow", lambda _n: 7)
    monkeypatch.setattr(ids, "_issued", set())
    first = view.chart()
    view.apply(charts.remove(view, first))
    monkeypatch.setattr(ids, "_issued", set())
    assert view.chart() != first


def test_steps_of_their_own_date_keep_it_and_others_are_spread(view: Memory) -> None:
    chart = view.chart(due="2026-12-21", steps=["One", ("Two", "2026-11-25"), "Three"])
    assert [step.due for step in view.view(chart).steps] == ["2026-11-29", "2026-11-25", "2026-12-14"]


def test_a_due_date_is_taken_as_people_type_it(view: Memory) -> None:
    assert view.view(view.chart(due="+2w")).row.due == "2026-12-05"


def test_a_chart_without_a_due_date_has_steps_without(view: Memory) -> None:
    chart = view.chart(steps=["One"])
    assert "dueDate" not in view.meta(f"{chart}_chart")
    assert "dueDate" not in view.meta(f"{chart}_action_1")


def test_a_past_due_date_is_refused_unless_confirmed(view: Memory) -> None:
    with pytest.raises(NeedsConfirm, match=r"2026-11-20 is past.*overdue 1 day"):
        charts.create_chart(view, "A book", "", due="2026-11-20")
    chart = view.chart(due="2026-11-20", steps=["One", "Two"], confirmed=True)
    assert [step.due for step in view.view(chart).steps] == ["2026-11-20", "2026-11-20"]


def test_today_is_not_past(view: Memory) -> None:
    view.chart(due="2026-11-21")


def test_a_sub_chart_is_a_level_deeper_and_inherits_the_due_date(view: Memory) -> None:
    top = view.chart(due="2026-12-21")
    child = view.chart("A cover", parent=top)
    inner = view.chart("A photo", parent=child)
    rows = [view.view(chart).row for chart in (top, child, inner)]
    assert [row.level for row in rows] == [0, 1, 2]
    assert [row.due for row in rows] == ["2026-12-21"] * 3
    assert [row.parent for row in rows] == [None, top, child]
    assert view.view(inner).trail == ((top, "A finished book"), (child, "A cover"))
    assert (f"{child}_desired_outcome", "advances_toward", f"{top}_desired_outcome") in view.relations()


def test_a_sub_chart_is_never_due_after_its_parent(view: Memory) -> None:
    top = view.chart(due="2026-12-21")
    with pytest.raises(Refused, match="2026-12-22 is after “A finished book” is due"):
        charts.create_chart(view, "A cover", "", due="2026-12-22", parent=top)
    view.chart("A cover", due="2026-12-21", parent=top)


def test_a_step_is_never_due_after_its_chart(view: Memory) -> None:
    with pytest.raises(Refused):
        charts.create_chart(view, "A book", "", due="2026-12-21", steps=[("Late", "2026-12-22")])


def test_an_outcome_is_needed_but_nothing_else(view: Memory) -> None:
    with pytest.raises(UsageError, match="desired outcome"):
        charts.create_chart(view, "  ", "Ten pages")
    plan = charts.create_chart(view, "A printed book", "")
    assert plan.edits
    assert plan.hints == ["Current reality is still empty: what is so right now?"]


def test_a_parent_that_is_not_there_is_named(view: Memory) -> None:
    with pytest.raises(NotFound, match="chart_9"):
        charts.create_chart(view, "A book", "", parent="chart_9")


def test_the_label_says_it_in_words_and_on_one_line(view: Memory) -> None:
    plan = charts.create_chart(view, "A book\nof " + "many " * 30, "x")
    assert plan.label.startswith("Add chart “A book of many")
    assert plan.label.endswith("…”")
    assert "\n" not in plan.label
