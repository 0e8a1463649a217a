"""Moving due dates: chart and outcome together, open steps in proportion where that is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from store.charts import dates, links, parts, rules
from store.charts.create import checked_due, require_chart
from store.charts.dates import Due
from store.charts.parts import Entity, Parts
from store.charts.view import View
from store.charts.work import Work, count, listed, quote
from store.model import Plan


def set_due(
    view: View,
    targets: str | Iterable[str],
    due: Due,
    *,
    move_steps: bool = False,
    confirmed: bool = False,
) -> Plan:
    """Give steps and charts a due date, None for none, in one transaction.

    A chart's date moves on the chart and its outcome together; with `move_steps` everything open
    below moves in proportion, without it a hint says what would. A step and the chart it
    telescoped into move together as long as they were due the same day. Raises Refused for a day
    after that of the chart it belongs to, NeedsConfirm for a past one.
    """
    work = Work(view)
    wanted = listed(targets)
    title, focus = "", None
    for target in wanted:
        chart, step = parts.resolve(work, target)
        if step is not None:
            _step_due(work, chart, step, due, confirmed)
        else:
            _chart_due(work, chart, due, move_steps, confirmed)
        title = title or (step.title if step else chart.title)
        focus = focus or (step.name if step else chart.chart_id)
    when = dates.file_due(due, work.today)
    what = quote(title) if len(wanted) == 1 else count(len(wanted), "row")
    label = f"Set due date of {what} to {when}" if when else f"Clear due date of {what}"
    return work.plan("edit.due", label, focus)


def _step_due(work: Work, chart: Parts, step: Entity, due: Due, confirmed: bool) -> None:
    text = checked_due(work, due, above=chart, confirmed=confirmed)
    before = dates.day(step.due)
    if step.due == text:
        return
    work.change(step, meta={"dueDate": text})
    work.touch(chart.chart_id)
    child = links.step_children(work, chart)[0].get(step.name)
    below = parts.find(work, child) if child is not None else None
    if below is not None and dates.day(below.due) == before:
        _put_due(work, below, text)
        _say_later(work, below, text)


def _chart_due(work: Work, chart: Parts, due: Due, move_steps: bool, confirmed: bool) -> None:
    require_chart(chart)
    above = links.above(work, chart)
    text = checked_due(work, due, above=above, confirmed=confirmed)
    before, when = dates.day(chart.due), dates.day(text)
    if chart.due == text and (chart.outcome is None or chart.outcome.due == text):
        return
    _put_due(work, chart, text)
    for origin in above.steps if above is not None else ():
        if above is not None and origin.name == chart.parent_step and dates.day(origin.due) == before:
            work.change(origin, meta={"dueDate": text})
            work.touch(above.chart_id)
    if move_steps and when is not None:
        _move_below(work, chart, before, when, frozenset())
    elif when is not None:
        _say_later(work, chart, text)
        if before is not None and before != when:
            _offer(work, chart)


def _put_due(work: Work, chart: Parts, text: str | None) -> None:
    for part in (chart.chart, chart.outcome):
        if part is not None:
            work.change(part, meta={"dueDate": text})
    work.touch(chart.chart_id)


def _open_below(work: Work, chart: Parts) -> tuple[list[Entity], list[Parts]]:
    """The open steps of a chart, and its open child charts whether telescoped from a step or not."""
    steps = [step for step in chart.steps if not step.done]
    by_step, alone, _ = links.step_children(work, chart)
    children = [parts.find(work, child) for child in [*by_step.values(), *alone]]
    return steps, [child for child in children if child is not None and not rules.done_of(child)]


def _move_below(work: Work, chart: Parts, old: date | None, new: date, above: frozenset[str]) -> None:
    """Move what is open below a chart; deeper charts follow by the move of their own chart."""
    steps, children = _open_below(work, chart)
    origin = {child: name for name, child in links.step_children(work, chart)[0].items()}
    by_name = {step.name: step for step in steps}
    own = [child for child in children if origin.get(child.chart_id) not in by_name]
    rows: list[Entity | Parts] = [*steps, *own]
    moved = dates.rescale([dates.day(row.due) for row in rows], old, new, work.today)
    days = {
        row.key if isinstance(row, Entity) else row.chart_id: day
        for row, day in zip(rows, moved, strict=True)
    }
    for step in steps:
        day = days[step.key]
        if day is not None and day != dates.day(step.due):
            work.change(step, meta={"dueDate": day.isoformat()})
            work.touch(chart.chart_id)
    for child in children:
        was = dates.day(child.due)
        source = by_name.get(origin.get(child.chart_id, ""))
        if source is None:
            day = days[child.chart_id]
        elif dates.day(source.due) == was:
            day = days[source.key]
        else:  # due on a day of its own: in proportion where there is one, within its step's
            limit = days[source.key] or new
            scaled = (
                was if old is None or old <= work.today else dates.rescale([was], old, new, work.today)[0]
            )
            day = min(scaled, limit) if scaled is not None else None
        if day is None or day == was or child.chart_id in above:
            continue
        _put_due(work, child, day.isoformat())
        _move_below(work, child, was, day, above | {chart.chart_id})


def _say_later(work: Work, chart: Parts, text: str | None) -> None:
    """Hint at what would be due after the chart it belongs to."""
    limit = dates.day(text)
    if limit is None:
        return
    steps, children = _open_below(work, chart)
    telescoped = set(links.step_children(work, chart)[0].values())
    rows: list[Entity | Parts] = [*steps, *(child for child in children if child.chart_id not in telescoped)]
    later = sum(1 for row in rows if (when := dates.day(row.due)) is not None and when > limit)
    if later:
        verb = "is" if later == 1 else "are"
        work.hint(
            f"{count(later, 'open step')} of {quote(chart.title)} {verb} now due after it. Move them too?"
        )


def _offer(work: Work, chart: Parts) -> None:
    """Offer to move open steps in proportion, where there are any with a date."""
    steps, _ = _open_below(work, chart)
    dated = sum(1 for step in steps if dates.day(step.due) is not None)
    if dated:
        work.hint(f"{count(dated, 'open step')} could move in proportion.")
