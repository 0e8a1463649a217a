"""How charts hang together: the chart above, the charts below, and which step each came from.

Real files have parents that are gone, circles of parents, and several ways to say which step
a chart telescoped from; everything here survives them.
"""

from __future__ import annotations

from store.charts import names, parts
from store.charts.parts import Entity, Parts
from store.charts.view import View


def step_children(view: View, chart: Parts) -> tuple[dict[str, str], list[str], set[str]]:
    """How the child charts hang below: by step name, those shown on their own, and those not counted.

    A second chart telescoped from the same step, which only old files have, is shown but not
    counted: the step counts for it.
    """
    steps = {step.name: step for step in chart.steps}
    by_step: dict[str, str] = {}
    alone: list[str] = []
    through_step: set[str] = set()
    for child in view.children(chart.chart_id):
        if child == chart.chart_id:
            continue
        held = parts.chart_entity(view, child)
        given = (
            [held.meta.get(member) for member in ("parentActionStep", "sourceActionStepId")] if held else []
        )
        origin = next((name for name in given if isinstance(name, str) and name in steps), None)
        if origin is not None:
            through_step.add(child)
            if origin not in by_step:
                by_step[origin] = child
                continue
        alone.append(child)
    for name, step in steps.items():
        if name not in by_step:
            linked = _linked(view, chart.chart_id, step)
            if linked is not None and linked != chart.chart_id:
                by_step[name] = linked
                through_step.add(linked)
                alone = [child for child in alone if child != linked]
    return by_step, alone, through_step & set(alone)


def trail(view: View, chart: Parts) -> list[Parts]:
    """The ancestors, outermost first; a parent that is gone ends the way up, and so does a circle."""
    found: list[Parts] = []
    seen = {chart.chart_id}
    parent = above(view, chart)
    while parent is not None and parent.chart_id not in seen:
        seen.add(parent.chart_id)
        found.append(parent)
        parent = above(view, parent)
    return found[::-1]


def above(view: View, chart: Parts) -> Parts | None:
    """The chart that a chart belongs to: the one it names, else that of the step it names; None if gone.

    A circle of parents is cut at its first chart in file order, which so becomes a root.
    """
    parent = _named_parent(view, chart)
    ring = [chart.chart_id]
    current = parent
    while current is not None and current.chart_id not in ring:
        ring.append(current.chart_id)
        current = _named_parent(view, current)
    if current is not None and current.chart_id == chart.chart_id:
        first = next((chart_id for chart_id in view.chart_ids() if chart_id in ring), None)
        return None if first == chart.chart_id else parent
    return parent


def _named_parent(view: View, chart: Parts) -> Parts | None:
    found = parts.find(view, chart.parent) if chart.parent is not None else None
    if found is None and chart.parent_step is not None:
        step = parts.entity(view, chart.parent_step)
        owner = parts.chart_of(view, step) if step is not None and step.kind == names.STEP else None
        found = parts.find(view, owner) if owner is not None and owner != chart.chart_id else None
    return found


def subtree(view: View, chart_id: str) -> list[str]:
    """The chart and every chart below it, each once, parents first."""
    found: list[str] = []
    seen: set[str] = set()
    waiting = [chart_id]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        found.append(current)
        below = list(view.children(current))
        chart = parts.find(view, current)
        if chart is not None:
            below += [child for child in step_children(view, chart)[0].values() if child not in below]
        waiting.extend(reversed(below))
    return found


def _linked(view: View, owner: str, step: Entity) -> str | None:
    """The chart an old file links a step to, by `telescopedToChartId` or a `telescopes_into` relation."""
    wanted = [step.meta.get("telescopedToChartId")]
    for key in view.relations_of(step.name):
        start, kind, end = parts.ends(key)
        if start == step.name and kind in names.TELESCOPES:
            part = parts.entity(view, end)
            wanted.append(names.chart_id_of(part.body) if part else end)
    for target in wanted:
        chart = parts.find(view, target) if isinstance(target, str) else None
        if chart is not None and chart.chart is not None and chart.parent in (None, owner):
            return chart.chart_id
    return None
