"""Changing texts: titles and outcomes, facts of reality, notes; and the phase of a chart."""

from __future__ import annotations

from collections.abc import Sequence

from store.charts import advice, links, parts
from store.charts.create import ensure_outcome, facts_of, needed, put_facts, require_chart
from store.charts.parts import Entity, Parts
from store.charts.steps import is_line_of
from store.charts.view import View
from store.charts.work import Work, quote
from store.errors import UsageError
from store.model import Plan

PHASES = ("germination", "assimilation", "completion")


def edit_text(view: View, name: str, text: str) -> Plan:
    """Give a step its title, or a chart (by id or any of its parts) its outcome.

    A step and the chart it telescoped into keep one wording as long as they had one. A completed
    step's line in the reality is renamed with it, so that taking the completion back finds it.
    """
    work = Work(view)
    chart, step = parts.resolve(work, name)
    words = needed(text, "This text cannot be empty; to take the row away, remove it")
    if step is not None:
        _retitle(work, chart, step, words)
        child = links.step_children(work, chart)[0].get(step.name)
        below = parts.find(work, child) if child is not None else None
        if below is not None and below.outcome is not None and below.outcome.title == step.title:
            _reword(work, below, words)
        return work.plan("edit.text", f"Edit step {quote(words)}", step.name)
    before = chart.outcome.title if chart.outcome else None
    _reword(work, chart, words)
    above = links.above(work, chart)
    for origin in above.steps if above is not None else ():
        if above is not None and origin.name == chart.parent_step and origin.title == before:
            _retitle(work, above, origin, words)
    for hint in advice.for_outcome(words):
        work.hint(hint)
    return work.plan("edit.outcome", f"Edit outcome {quote(words)}", chart.chart_id)


def set_reality(view: View, chart_id: str, facts: Sequence[str]) -> Plan:
    """Replace the facts of current reality; empty ones are left out."""
    work = Work(view)
    chart = parts.read(work, chart_id)
    return _with_facts(work, chart, facts_of(facts), f"Edit reality of {quote(chart.title)}")


def add_fact(view: View, chart_id: str, text: str) -> Plan:
    """Add a fact to current reality, at the end."""
    work = Work(view)
    chart = parts.read(work, chart_id)
    words = needed(text, "A fact of current reality needs some text")
    facts = [*_observations(chart), words]
    return _with_facts(
        work, chart, facts, f"Add to reality {quote(words)}", advise_on=words, command="reality.add"
    )


def edit_fact(view: View, chart_id: str, index: int, text: str) -> Plan:
    """Replace one fact; `index` counts from 0."""
    work = Work(view)
    chart = parts.read(work, chart_id)
    words = needed(text, "A fact cannot be empty; to take it away, remove it")
    facts = _observations(chart)
    facts[_place(facts, index, "fact of current reality")] = words
    return _with_facts(work, chart, facts, f"Edit fact {quote(words)}", advise_on=words)


def remove_fact(view: View, chart_id: str, index: int) -> Plan:
    """Take one fact away; `index` counts from 0."""
    work = Work(view)
    chart = parts.read(work, chart_id)
    facts = _observations(chart)
    gone = facts.pop(_place(facts, index, "fact of current reality"))
    return _with_facts(work, chart, facts, f"Remove fact {quote(str(gone))}")


def edit_note(view: View, name: str, index: int, text: str) -> Plan:
    """Replace a note of a step, or of a chart's outcome; `index` counts notes from 0."""
    work = Work(view)
    chart, target, observations, place = _note_at(work, name, index)
    words = needed(text, "A note cannot be empty; to take it away, remove it")
    observations[place] = words
    work.change(target, texts=observations)
    work.touch(chart.chart_id)
    return work.plan("edit.text", f"Edit note on {quote(target.title)}", _focus(chart, target))


def remove_note(view: View, name: str, index: int) -> Plan:
    """Take a note of a step, or of a chart's outcome, away; `index` counts notes from 0."""
    work = Work(view)
    chart, target, observations, place = _note_at(work, name, index)
    del observations[place]
    work.change(target, texts=observations)
    work.touch(chart.chart_id)
    return work.plan("edit.text", f"Remove note on {quote(target.title)}", _focus(chart, target))


def set_phase(view: View, chart_id: str, phase: str | None) -> Plan:
    """Set the creative phase of a chart: one of `PHASES`, None to take it away."""
    if phase is not None and phase not in PHASES:
        raise UsageError(f"{phase!r} is no phase; use one of: {', '.join(PHASES)}")
    work = Work(view)
    chart = parts.read(work, chart_id)
    part = require_chart(chart)
    if part.meta.get("phase") != phase:
        work.change(part, meta={"phase": phase})
    label = (
        f"Set phase of {quote(chart.title)} to {phase}" if phase else f"Clear phase of {quote(chart.title)}"
    )
    return work.plan("chart.phase", label, chart_id)


def _retitle(work: Work, chart: Parts, step: Entity, words: str) -> None:
    if step.title == words and step.observations:
        return
    old = step.title
    work.change(step, texts=[words, *step.observations[1:]])
    work.touch(chart.chart_id)
    if step.done and old:
        facts = _observations(chart)
        for at in range(len(facts) - 1, -1, -1):
            if is_line_of(facts[at], old):
                facts[at] = str(facts[at]).replace(old, words, 1)
                put_facts(work, chart, facts)
                break


def _reword(work: Work, chart: Parts, words: str) -> None:
    if chart.outcome is None:
        ensure_outcome(work, chart, words)
    elif chart.outcome.title != words:
        work.change(chart.outcome, texts=[words, *chart.outcome.observations[1:]])
    work.touch(chart.chart_id)


def _with_facts(
    work: Work,
    chart: Parts,
    facts: Sequence[object],
    label: str,
    *,
    advise_on: str | None = None,
    command: str = "edit.reality",
) -> Plan:
    if list(facts) != _observations(chart) or chart.reality is None:
        put_facts(work, chart, facts)
    for fact in [advise_on] if advise_on is not None else [str(fact) for fact in facts]:
        for hint in advice.for_reality(fact):
            work.hint(hint)
    return work.plan(command, label, chart.chart_id)


def _observations(chart: Parts) -> list[object]:
    return list(chart.reality.observations) if chart.reality else []


def _note_at(work: Work, name: str, index: int) -> tuple[Parts, Entity, list[object], int]:
    chart, step = parts.resolve(work, name)
    target = step or chart.outcome
    if target is None:
        raise UsageError(f"{chart.chart_id} has no desired outcome, so it has no notes")
    observations = target.observations
    return chart, target, observations, 1 + _place(observations[1:], index, f"note of {quote(target.title)}")


def _focus(chart: Parts, target: Entity) -> str:
    return chart.chart_id if target is chart.outcome else target.name


def _place(items: Sequence[object], index: int, what: str) -> int:
    if not 0 <= index < len(items):
        raise UsageError(f"There is no {what} with number {index + 1}; there are {len(items)}")
    return index
