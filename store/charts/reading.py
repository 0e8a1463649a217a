"""A chart whole, from a view: what `show --at TIME`, exports and tests draw.

The index has a faster way to the same values; the two must agree.
"""

from __future__ import annotations

from store.charts import links, parts, rules
from store.charts.parts import Entity, Parts
from store.charts.view import View
from store.model import ChartRow, ChartView, Progress, StepRow


def chart_view(view: View, chart_id: str) -> ChartView:
    """The chart with its steps, children and ancestors. Raises NotFound."""
    found = parts.read(view, chart_id)
    by_step, alone, _ = links.step_children(view, found)
    steps = tuple(_step_row(view, found, step, by_step.get(step.name)) for step in found.steps)
    below = [inner for child in alone if (inner := parts.find(view, child)) is not None]
    outcome = found.outcome
    phase = found.meta.get("phase")
    made = ChartView(
        row=_row(view, found),
        outcome=outcome.title if outcome else "",
        outcome_notes=outcome.notes if outcome else (),
        reality=found.facts,
        steps=steps,
        child_charts=tuple(_row(view, inner) for inner in below),
        trail=tuple((above.chart_id, above.title) for above in links.trail(view, found)),
        phase=phase if isinstance(phase, str) else None,
        notes={step.name: step.notes for step in found.steps if step.notes},
        others=len(found.others),
    )
    return rules.with_hints(made)


def chart_row(view: View, chart_id: str) -> ChartRow:
    """The chart as the hierarchy lists it. Raises NotFound."""
    return _row(view, parts.read(view, chart_id))


def roots(view: View) -> list[str]:
    """Charts that hang below no other of this context, in file order."""
    return [
        chart_id
        for chart_id in dict.fromkeys(view.chart_ids())
        if (chart := parts.find(view, chart_id)) is not None and links.above(view, chart) is None
    ]


def _row(view: View, found: Parts) -> ChartRow:
    _, alone, _ = links.step_children(view, found)
    above = links.above(view, found)
    heads = [part for part in (found.chart, found.outcome) if part is not None]
    own = next((made for part in heads if (made := parts.newest(part.meta.get("createdAt")))), None)
    return ChartRow(
        context=view.context,
        chart_id=found.chart_id,
        title=found.title,
        due=found.due,
        done=rules.done_of(found),
        progress=rules.progress_of(view, found),
        level=found.level,
        parent=above.chart_id if above else None,
        parent_step=_via(found, above),
        children=len(found.steps) + sum(parts.find(view, child) is not None for child in alone),
        created=own,
        updated=found.changed,
    )


def _via(found: Parts, above: Parts | None) -> str | None:
    """The step of its parent that a chart came from."""
    for step in above.steps if above else ():
        if step.name == found.parent_step or step.meta.get("telescopedToChartId") == found.chart_id:
            return step.name
    return None


def _step_row(view: View, found: Parts, step: Entity, child: str | None) -> StepRow:
    return StepRow(
        context=view.context,
        chart_id=found.chart_id,
        name=step.name,
        title=step.title.strip() or step.name,
        due=step.due,
        done=step.done,
        notes=len(step.notes),
        child=child,
        child_progress=rules.progress(view, child) if child is not None else Progress(0, 0),
        updated=step.changed,
    )
