"""Removing steps and charts with all below them: entities of every kind, and relations.

A removal is one transaction of deletions, so one undo brings everything back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from store.charts import links, names, parts
from store.charts.view import View
from store.charts.work import Work, count, listed, quote
from store.errors import NeedsConfirm
from store.model import Plan


class Size(NamedTuple):
    """What lies in some subtrees: for the question before a removal, a move, an archiving."""

    charts: int
    steps: int
    records: int
    """Lines in all, relations included."""

    def __str__(self) -> str:
        """`2 charts and 5 steps`."""
        found = [count(self.charts, "chart")] if self.charts else []
        found += [count(self.steps, "step")] if self.steps or not self.charts else []
        return " and ".join(found)


class Subtree(NamedTuple):
    """The keys of some rows and of all below them, and which charts those are."""

    entities: list[str]
    relations: list[str]
    charts: list[str]
    steps: int
    holders: list[str]
    """Charts that stay but lose a step or a child."""


def subtree_size(view: View, targets: str | Iterable[str]) -> Size:
    """How much `remove` of these steps and charts would take away. Raises NotFound."""
    found = collect(view, listed(targets))
    return Size(len(found.charts), found.steps, len(found.entities) + len(found.relations))


def remove(view: View, targets: str | Iterable[str], *, confirmed: bool = True) -> Plan:
    """Delete steps and charts, each with its whole subtree, in one transaction.

    The caller says how many first (`subtree_size`); with `confirmed=False` more than one plain
    step raises NeedsConfirm, whose text says it. A removed sub-chart leaves the step it came from.
    """
    wanted = listed(targets)
    found = collect(view, wanted)
    size = Size(len(found.charts), found.steps, len(found.entities) + len(found.relations))
    if not confirmed and (size.charts or size.steps > 1):
        raise NeedsConfirm(f"This removes {size}. Confirm it; undo brings everything back.")
    chart, step = parts.resolve(view, wanted[0])
    title = step.title if step is not None else chart.title
    what = quote(title) if len(wanted) == 1 else count(len(wanted), "row")
    below = size.charts + size.steps > len(wanted)
    work = Work(view)
    work.delete([*found.entities, *found.relations])
    for holder in found.holders:
        work.touch(holder)
    focus = _next_focus(view, wanted[0], found)
    return work.plan("chart.remove", f"Remove {what}" + (f" ({size})" if below else ""), focus)


def collect(view: View, targets: Iterable[str]) -> Subtree:
    """The keys of these steps and charts and of everything below, each once."""
    entities: dict[str, None] = {}
    charts: dict[str, None] = {}
    holders: dict[str, None] = {}
    steps = 0
    for target in targets:
        chart, step = parts.resolve(view, target)
        roots = [chart.chart_id]
        if step is not None:
            holders[chart.chart_id] = None
            if step.key not in entities:
                entities[step.key] = None
                steps += 1
            child = links.step_children(view, chart)[0].get(step.name)
            roots = [child] if child is not None else []
        elif chart.parent is not None:
            holders[chart.parent] = None
        for chart_id in (below for root in roots for below in links.subtree(view, root)):
            if chart_id in charts:
                continue
            charts[chart_id] = None
            found = parts.find(view, chart_id)
            for part in found.entities if found else ():
                if part.key not in entities:
                    entities[part.key] = None
                    steps += part.kind == names.STEP
    relations = dict.fromkeys(
        key for entity in entities for key in view.relations_of(entity.removeprefix("e:"))
    )
    stay = [holder for holder in holders if holder not in charts]
    return Subtree(list(entities), list(relations), list(charts), steps, stay)


def _next_focus(view: View, first: str, found: Subtree) -> str | None:
    """Where the cursor goes: the next step, the step before, or the chart that stays."""
    chart, step = parts.resolve(view, first)
    if step is not None and chart.chart_id not in found.charts:
        at = [part.name for part in chart.steps].index(step.name)
        gone = set(found.entities)
        near = [*chart.steps[at + 1 :], *reversed(chart.steps[:at])]
        return next((part.name for part in near if part.key not in gone), chart.chart_id)
    return chart.parent if step is None and chart.parent not in found.charts else None
