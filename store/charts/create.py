"""Making charts and steps: a new chart, a step or sub-chart, a step telescoped into a chart.

Every planner returns a `Plan` and changes nothing. A due date is never after that of the chart
it belongs to (refused), and one in the past needs a confirmation; dates that are computed or
inherited are capped instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from store import ids
from store.charts import advice, dates, links, names, parts, rules
from store.charts.dates import Due
from store.charts.parts import Entity, Parts
from store.charts.view import View
from store.charts.work import Work, quote
from store.errors import NeedsConfirm, Refused, UsageError
from store.model import Json, Plan

StepText = str | tuple[str, Due]
"""A step to make: its title, or title and due date."""


def create_chart(
    view: View,
    outcome: str,
    reality: str | Sequence[str] = "",
    *,
    due: Due = None,
    steps: Iterable[StepText] = (),
    parent: str | None = None,
    confirmed: bool = False,
) -> Plan:
    """A new chart with its steps, whose due dates are spread from today to the chart's.

    With `parent` it is a sub-chart: a level deeper, with the parent's due date if none is given.
    Raises UsageError without an outcome, NeedsConfirm for a past due date, Refused for one after
    the parent's.
    """
    work = Work(view)
    title = needed(outcome, "A chart needs a desired outcome: what do you want to be there?")
    above = parts.read(work, parent) if parent is not None else None
    text = above.due if due is None and above else checked_due(work, due, above=above, confirmed=confirmed)
    facts = facts_of(reality)
    chart_id = new_chart(work, [title], facts, due=text, above=above)
    add_steps(work, parts.read(work, chart_id), steps, confirmed=confirmed)
    advise(work, title, facts)
    return work.plan("chart.add_child" if above else "chart.add", f"Add chart {quote(title)}", chart_id)


def add_step(
    view: View,
    chart_id: str,
    title: str,
    *,
    due: Due = None,
    as_chart: bool = False,
    reality: str | Sequence[str] = "",
    steps: Iterable[StepText] = (),
    after: str | None = None,
    confirmed: bool = False,
) -> Plan:
    """A plain step, or with `as_chart` a sub-chart of its own (then `reality` and `steps` count).

    Without a due date the step falls midway between the last open step and the chart's due date;
    `due="none"` leaves it without. `after` names the step it comes after; else it comes last.
    """
    if as_chart:
        return create_chart(view, title, reality, due=due, steps=steps, parent=chart_id, confirmed=confirmed)
    work = Work(view)
    chart = parts.read(work, chart_id)
    text = needed(title, "A step needs a title: what will be done?")
    when = next_due(work, chart) if due is None else checked_due(work, due, above=chart, confirmed=confirmed)
    name = new_step(work, chart, [text], due=when)
    if after is not None:
        place_after(work, parts.read(work, chart_id), name, after)
    if rules.done_of(chart):
        work.hint(f"{quote(chart.title)} is marked complete; the new step is open.")
    work.touch(chart_id)
    return work.plan("step.add", f"Add step {quote(text)}", name)


def telescope(
    view: View,
    step: str,
    *,
    reality: str | Sequence[str] = "",
    steps: Iterable[StepText] = (),
    confirmed: bool = False,
) -> Plan:
    """Make a step a chart of its own; a second time, an empty plan that leads to the first chart.

    The chart's outcome is the step's title, its due date the step's (else the parent's, and never
    after that), its level the parent's and one.
    """
    work = Work(view)
    above, part = parts.find_step(work, step)
    there = links.step_children(work, above)[0].get(step)
    if there is not None:
        return Plan("step.telescope", f"Open {quote(part.title)}", [], there)
    title = part.title.strip() or part.name
    facts = facts_of(reality)
    chart_id = new_chart(
        work, [title], facts, due=earlier(part.due, above.due), above=above, parent_step=step
    )
    add_steps(work, parts.read(work, chart_id), steps, confirmed=confirmed)
    advise(work, title, facts)
    if part.done:
        work.hint("The step is complete already; its new chart is open.")
    return work.plan("step.telescope", f"Telescope step {quote(title)}", chart_id)


# -- what the other planners build with ------------------------------------------------------------


def new_chart(
    work: Work,
    texts: Sequence[str],
    facts: Sequence[str],
    *,
    due: str | None,
    above: Parts | None = None,
    parent_step: str | None = None,
) -> str:
    """Put the entities and relations of a chart; returns its id."""

    def taken(candidate: str) -> bool:
        return work.ever(names.entity_key(names.chart_name(candidate))) or bool(work.keys_of(candidate))

    chart_id = ids.chart_id(taken)
    chart, outcome, reality = (
        names.chart_name(chart_id), names.outcome_name(chart_id), names.reality_name(chart_id),
    )  # fmt: skip
    parent = above.chart_id if above else None
    level = above.level + 1 if above else 0
    work.put(
        names.chart_entity(
            chart_id, now=work.now, due=due, level=level, parent=parent, parent_step=parent_step
        ),
        names.outcome_entity(chart_id, texts, now=work.now, due=due),
        names.reality_entity(chart_id, facts, now=work.now),
        names.relation(chart, names.CONTAINS, outcome, now=work.now),
        names.relation(chart, names.CONTAINS, reality, now=work.now),
        names.relation(reality, names.TENSION, outcome, now=work.now),
    )
    if above is not None:
        if above.outcome is not None:
            work.put(names.relation(outcome, names.ADVANCES, above.outcome.name, now=work.now))
        work.touch(above.chart_id)
    return chart_id


def new_step(work: Work, chart: Parts, texts: Sequence[str], *, due: str | None, done: bool = False) -> str:
    """Put a step that comes last in its chart, with its relations; returns its name."""
    now = parts.read(work, chart.chart_id) if work.changed else chart
    number = 1 + max((names.step_number(part.name) for part in now.steps), default=0)
    while work.ever(names.entity_key(names.step_name(chart.chart_id, number))):
        number += 1
    step = names.step_entity(chart.chart_id, number, texts, now=work.now, due=due, done=done)
    last = next((place for part in reversed(now.steps) if (place := parts.rank(part)) < math.inf), 0.0)
    if last >= number:  # the order was changed by hand, or names carry no numbers
        step["metadata"]["order"] = int(last) + 1
    name = str(step["name"])
    work.put(step)
    if chart.chart is not None:
        work.put(names.relation(chart.chart.name, names.CONTAINS, name, now=work.now))
    if chart.outcome is not None:
        work.put(names.relation(name, names.ADVANCES, chart.outcome.name, now=work.now))
    return name


def add_steps(work: Work, chart: Parts, steps: Iterable[StepText], *, confirmed: bool = False) -> None:
    """Put several steps: those without a due date of their own are spread to the chart's."""
    wanted = [(step, None) if isinstance(step, str) else step for step in steps]
    wanted = [(title.strip(), due) for title, due in wanted if title.strip()]
    spread: list[str | None] = [*dates.spread(work.today, chart.due, len(wanted))] or [None] * len(wanted)
    for (title, due), given in zip(wanted, spread, strict=True):
        text = given if due is None else checked_due(work, due, above=chart, confirmed=confirmed)
        new_step(work, chart, [title], due=text)


def place_after(work: Work, chart: Parts, step: str, after: str | None) -> None:
    """Put a step after another (None: first) by giving every step of the chart its `order`."""
    order = [part for part in chart.steps if part.name != step]
    moved = next(part for part in chart.steps if part.name == step)
    place = 0
    if after is not None:
        place = 1 + next((at for at, part in enumerate(order) if part.name == after), -2)
        if place < 0:
            raise UsageError(f"{after} is no step of {quote(chart.title)}; `chartkeep show` lists them")
    order.insert(place, moved)
    if [part.name for part in order] == [part.name for part in chart.steps]:
        return
    for number, part in enumerate(order, 1):
        if parts.rank(part) != number:
            work.change(part, meta={"order": number})


def checked_due(work: Work, due: Due, *, above: Parts | None, confirmed: bool) -> str | None:
    """A due date that was asked for, as files hold it. Raises what the module's text says."""
    text = dates.file_due(due, work.today)
    when = dates.day(text)
    if when is None:
        return None
    limit = dates.day(above.due) if above else None
    if above is not None and limit is not None and when > limit:
        raise Refused(
            f"{when} is after {quote(above.title)} is due ({limit}), which it belongs to. "
            "Give an earlier day, or move that due date first."
        )
    if when < work.today and not confirmed:
        raise NeedsConfirm(
            f"The due date {when} is past ({dates.describe(when, work.today)}). Confirm it, or give another."
        )
    return text


def next_due(work: Work, chart: Parts) -> str | None:
    """The due date a step gets by itself: midway from the last open step (or today) to the chart's."""
    end = dates.day(chart.due)
    if end is None:
        return None
    taken = [when for part in chart.steps if not part.done and (when := dates.day(part.due)) is not None]
    start: date = max([work.today, *taken])
    if start >= end:
        return end.isoformat()
    return (start + timedelta(days=((end - start).days + 1) // 2)).isoformat()


def earlier(own: str | None, limit: str | None) -> str | None:
    """An inherited due date: the own one, but never after the limit."""
    mine, most = dates.day(own), dates.day(limit)
    if mine is None or most is None:
        return own if mine is not None else limit
    return limit if mine > most else own


def needed(text: str, otherwise: str) -> str:
    """A text without space around it. Raises UsageError where nothing is left."""
    stripped = text.strip()
    if not stripped:
        raise UsageError(otherwise)
    return stripped


def facts_of(reality: str | Sequence[str]) -> list[str]:
    """Current reality as a list of facts; one text is one fact."""
    given = [reality] if isinstance(reality, str) else reality
    return [fact.strip() for fact in given if fact.strip()]


def advise(work: Work, outcome: str, facts: Sequence[str]) -> None:
    """Add the hints on a chart's wording."""
    for hint in advice.for_outcome(outcome):
        work.hint(hint)
    for fact in facts:
        for hint in advice.for_reality(fact):
            work.hint(hint)
    if not facts:
        work.hint("Current reality is still empty: what is so right now?")


def require_chart(chart: Parts) -> Entity:
    """The chart entity. Raises Refused where the chart has none, as in broken files."""
    if chart.chart is None:
        raise Refused(
            f"{chart.chart_id} has no chart entity in its file, so nothing can be kept on it. "
            "Restore the line with entityType structural_tension_chart first."
        )
    return chart.chart


def ensure_outcome(work: Work, chart: Parts, text: str) -> None:
    """Put the desired outcome of a chart that has none."""
    made = names.outcome_entity(chart.chart_id, [text], now=work.now, due=chart.due)
    work.put(made)
    if chart.chart is not None:
        work.put(names.relation(chart.chart.name, names.CONTAINS, str(made["name"]), now=work.now))
    if chart.reality is not None:
        work.put(names.relation(chart.reality.name, names.TENSION, str(made["name"]), now=work.now))
    for step in chart.steps:
        work.put(names.relation(step.name, names.ADVANCES, str(made["name"]), now=work.now))


def put_facts(work: Work, chart: Parts, facts: Sequence[object]) -> None:
    """Set the list of facts of a chart; its reality is made where there is none."""
    if chart.reality is not None:
        work.change(chart.reality, texts=facts)
    else:
        made: Json = names.reality_entity(chart.chart_id, map(str, facts), now=work.now)
        work.put(made)
        if chart.chart is not None:
            work.put(names.relation(chart.chart.name, names.CONTAINS, str(made["name"]), now=work.now))
        if chart.outcome is not None:
            work.put(names.relation(str(made["name"]), names.TENSION, chart.outcome.name, now=work.now))
    work.touch(chart.chart_id)
