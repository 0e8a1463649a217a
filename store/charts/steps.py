"""Completing, noting progress, putting steps in order.

A completed step joins the current reality of its chart as `Completed: <title> (<date>)`. A
completed sub-chart completes the step it came from, and flows into the parent's reality the
same way. Taking it back takes the line away again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from store.charts import links, parts, rules
from store.charts.create import needed, place_after, put_facts
from store.charts.parts import Entity, Parts
from store.charts.view import View
from store.charts.work import Work, count, listed, quote
from store.errors import UsageError
from store.model import Json, Plan

_LINE = "Completed: "


def complete(
    view: View, targets: str | Iterable[str], *, done: bool = True, date: date | None = None
) -> Plan:
    """Mark steps and charts complete, or with `done=False` open again, in one transaction.

    `targets` are step names and chart ids. A step marks itself only, never its chart. What is
    marked so already is passed over. `date` is the day named in the reality, today by default.
    """
    work = Work(view)
    wanted = listed(targets)
    titles = []
    focus = None
    for target in wanted:
        chart, step = parts.resolve(work, target)
        if step is not None:
            changed = _mark_step(work, chart, step, done, date)
        else:
            changed = _mark_chart(work, chart, done, date)
        if changed:
            titles.append(step.title if step is not None else chart.title)
        focus = focus or (step.name if step is not None else chart.chart_id)
    verb = "Complete" if done else "Reopen"
    what = quote(titles[0]) if len(titles) == 1 else count(len(titles), "row")
    if not titles:
        what = quote(_title(work, wanted[0])) if len(wanted) == 1 else count(len(wanted), "row")
    return work.plan("step.done", f"{verb} {what}", focus)


def note(view: View, name: str, text: str, *, to_reality: bool = False) -> Plan:
    """Add a progress note to a step, or to the outcome of a chart; optionally to the reality too."""
    work = Work(view)
    chart, step = parts.resolve(work, name)
    words = needed(text, "A note needs some text")
    target = step or chart.outcome
    if target is None:
        raise UsageError(f"{chart.chart_id} has no desired outcome to note progress on; set one first")
    # A first observation is the title: an entity without one gets an empty title, not the note as title.
    work.change(target, texts=[*(target.observations or [""]), words])
    work.touch(chart.chart_id)
    if to_reality:
        put_facts(work, chart, [*_facts(chart), f"Progress on {target.title}: {words}"])
    return work.plan("step.note", f"Note on {quote(target.title)}", step.name if step else chart.chart_id)


def reorder(
    view: View, step: str, delta: int = 0, *, before: str | None = None, after: str | None = None
) -> Plan:
    """Move a step `delta` places down (up if negative, as far as it goes), or next to another step.

    The order is kept as the steps' `metadata.order`, counted from 1.
    """
    work = Work(view)
    chart, part = parts.find_step(work, step)
    rest = [other.name for other in chart.steps if other.name != step]
    place = next(at for at, other in enumerate(chart.steps) if other.name == step)
    anchor = before or after
    if anchor is not None:
        if anchor not in rest:
            raise UsageError(f"{anchor} is no other step of {quote(chart.title)}")
        place = rest.index(anchor) + (before is None)
    else:
        place = min(max(place + delta, 0), len(rest))
    place_after(work, chart, step, rest[place - 1] if place else None)
    work.touch(chart.chart_id)
    command = "step.up" if delta < 0 else "step.down"
    return work.plan(command, f"Move step {quote(part.title)} to place {place + 1}", step)


def completed_line(title: str, day: date) -> str:
    """The line that a completed step or sub-chart adds to the reality it flows into."""
    return f"{_LINE}{title} ({day.isoformat()})"


def is_line_of(fact: object, title: str) -> bool:
    """Whether a fact is the line of a completed step with this title, as chartkeep or a peer wrote it."""
    if not isinstance(fact, str) or not fact.startswith(_LINE + title):
        return False
    return re.fullmatch(r"(?: \(\d{4}-\d{2}-\d{2}\))?", fact[len(_LINE + title) :]) is not None


def _mark_step(work: Work, chart: Parts, step: Entity, done: bool, day: date | None) -> bool:
    """Mark a step; True where that changed something."""
    child = links.step_children(work, chart)[0].get(step.name)
    below = parts.find(work, child) if child is not None else None
    if below is not None and rules.done_of(below) != done:
        state = "still open" if done else "still marked complete"
        work.hint(f"The chart that {quote(step.title)} telescoped into is {state}.")
    if step.done == done:
        return False
    work.change(step, meta=_flags(step, done))
    _flow(work, chart, [step.title], done, day)
    return True


def _mark_chart(work: Work, chart: Parts, done: bool, day: date | None) -> bool:
    """Mark a chart and its outcome, and for a sub-chart the step it came from."""
    heads = [part for part in (chart.chart, chart.outcome) if part is not None]
    changed = False
    for part in heads:
        if part.done != done:
            work.change(part, meta=_flags(part, done))
            changed = True
    work.touch(chart.chart_id)
    still_open = rules.open_units(work, chart) if done else 0
    if still_open:
        work.hint(f"{count(still_open, 'step')} of {quote(chart.title)} still open.")
    above = links.above(work, chart)
    if above is None:
        return changed
    origin = _origin(work, above, chart)
    if origin is not None and origin.done == done:
        return changed
    if origin is not None:
        work.change(origin, meta=_flags(origin, done))
    elif not changed:
        return False
    own = [chart.title] if origin is None else list(dict.fromkeys([origin.title, chart.title]))
    _flow(work, above, own, done, day)
    return True


def _origin(work: Work, above: Parts, chart: Parts) -> Entity | None:
    """The parent's step that a chart telescoped from."""
    by_step = links.step_children(work, above)[0]
    for step in above.steps:
        if by_step.get(step.name) == chart.chart_id or step.name == chart.parent_step:
            return step
    return None


def _flow(work: Work, chart: Parts, titles: list[str], done: bool, day: date | None) -> None:
    """Add the line to a chart's reality, or take the latest line of any of these titles away."""
    work.touch(chart.chart_id)
    now = parts.read(work, chart.chart_id)
    facts = _facts(now)
    if done:
        line = completed_line(titles[0], day or work.today)
        if line not in facts:
            put_facts(work, now, [*facts, line])
        if not rules.open_units(work, now) and not rules.done_of(now):
            work.hint(f"Every step of {quote(now.title)} is complete. Is the outcome there? Complete it too.")
        return
    for at in range(len(facts) - 1, -1, -1):
        if any(is_line_of(facts[at], title) for title in titles):
            put_facts(work, now, facts[:at] + facts[at + 1 :])
            return


def _facts(chart: Parts) -> list[object]:
    return chart.reality.observations if chart.reality else []


def _flags(part: Entity, done: bool) -> Json:
    """The members that mark an entity: what the peers write, and an older `completed` kept in step."""
    flags: Json = {"completionStatus": done}
    if "completed" in part.meta and (part.meta["completed"] is True or not done):
        flags["completed"] = done
    return flags


def _title(work: Work, name: str) -> str:
    chart, step = parts.resolve(work, name)
    return step.title if step is not None else chart.title
