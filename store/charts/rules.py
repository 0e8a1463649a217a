"""Progress, completion and the states a row can be in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import NamedTuple

from store.charts import advice, dates, links, parts
from store.charts.parts import Parts
from store.charts.view import View
from store.charts.work import count
from store.model import ChartRow, ChartView, Progress, StepRow


class Limits(NamedTuple):
    """From when on a row counts as due soon, or stalled: whole days."""

    due_soon_days: int = 7
    stalled_days: int = 14


DEFAULT_LIMITS = Limits()


def progress(view: View, chart_id: str) -> Progress:
    """Completed of total over steps and child charts, each once; (0, 0) for a chart without any.

    A child telescoped from a step counts through that step.
    """
    found = parts.find(view, chart_id)
    return Progress(0, 0) if found is None else progress_of(view, found)


def progress_of(view: View, found: Parts) -> Progress:
    """`progress` of a chart that has been read."""
    by_step, alone, uncounted = links.step_children(view, found)
    done = 0
    for step in found.steps:
        child = by_step.get(step.name)
        done += step.done or (child is not None and is_done(view, child))
    inner = [parts.find(view, child) for child in alone if child not in uncounted]
    children = [child for child in inner if child is not None]
    return Progress(done + sum(done_of(child) for child in children), len(found.steps) + len(children))


def is_done(view: View, chart_id: str) -> bool:
    """Whether the chart or its outcome is marked complete, whatever its steps say."""
    found = parts.find(view, chart_id)
    return found is not None and done_of(found)


def done_of(found: Parts) -> bool:
    """`is_done` of a chart that has been read."""
    return bool((found.chart and found.chart.done) or (found.outcome and found.outcome.done))


def hints(view: ChartView) -> tuple[str, ...]:
    """Advice on a chart as it is: wording, and a completion that its steps do not bear out."""
    found = list(advice.for_outcome(view.outcome)) if view.outcome.strip() else ["It has no desired outcome."]
    for fact in view.reality:
        found += [hint for hint in advice.for_reality(fact) if hint not in found]
    done = view.row.progress
    still_open = done.total - done.done
    if view.row.done and still_open:
        verb = "is" if still_open == 1 else "are"
        found.append(f"Marked complete, but {count(still_open, 'step')} of {done.total} {verb} still open.")
    return tuple(found)


def with_hints(view: ChartView) -> ChartView:
    """The same chart with its hints: for views that come from the index, which has none."""
    return replace(view, hints=hints(view))


def state(row: ChartRow | StepRow, today: date, limits: Limits = DEFAULT_LIMITS) -> set[str]:
    """The states of a row: `complete`, or any of `overdue`, `due-soon`, `stalled`; and `problem-worded`.

    A chart marked complete whose steps do not bear it out is `complete` and `open-steps`: peers
    mark the whole chart with its first completed step.
    A row is due soon from `due_soon_days` before its due day on, that day included, and stalled
    once nothing changed for `stalled_days` whole days.
    """
    states: set[str] = set()
    if isinstance(row, ChartRow) and advice.problem_words(row.title):
        states.add("problem-worded")
    if row.done:
        if isinstance(row, ChartRow) and row.progress.done < row.progress.total:
            states.add("open-steps")
        return states | {"complete"}
    due = dates.day(row.due)
    if due is not None:
        days = (due - today).days
        if days < 0:
            states.add("overdue")
        elif days <= limits.due_soon_days:
            states.add("due-soon")
    changed = dates.day(row.updated)
    if changed is not None and (today - changed).days >= limits.stalled_days:
        states.add("stalled")
    return states


def open_units(view: View, found: Parts) -> int:
    """How many of a chart's steps and child charts are open."""
    done = progress_of(view, found)
    return done.total - done.done
