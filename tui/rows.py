"""From the store's rows to what the outline draws: titles, states, due dates, identities."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from store import clock
from store.charts.advice import problem_words
from store.model import ChartRow, Progress, StepRow
from store.settings import Settings
from tui.widgets.outline_model import Row
from tui.widgets.signs import State, short_date, state_of

Key = tuple[str, ...]
"""(context, chart id) of a chart, (context, chart id, step name) of a step."""


class Look(NamedTuple):
    """What the states of rows depend on besides the rows."""

    today: date
    soon_days: int
    stalled_before: str
    """Charts last changed before this instant count as stalled."""
    contexts: bool = False
    """Whether rows say which context they are of."""

    @classmethod
    def now(cls, settings: Settings, *, contexts: bool = False) -> Look:
        """The look of this moment."""
        stalled = clock.stamp(clock.now() - timedelta(days=settings.stalled_days))
        return cls(clock.today(), settings.due_soon_days, stalled, contexts)


def chart_row(row: ChartRow, look: Look) -> Row:
    """A chart as a line of the outline."""
    title = row.title or "(no desired outcome)"
    if look.contexts and row.parent is None:
        title = f"{row.context}: {title}"
    return Row(
        key=(row.context, row.chart_id),
        title=title,
        state=chart_state(row, look),
        progress=_progress(row.progress),
        due=short_date(row.due, look.today),
        problem=not row.done and bool(problem_words(row.title)),
        children=row.children,
        bold=True,
        dim=row.done,
    )


def step_row(row: StepRow, look: Look) -> Row:
    """A step as a line of the outline; one with a chart of its own unfolds to that chart's rows."""
    return Row(
        key=(row.context, row.chart_id, row.name),
        title=row.title or row.name,
        state=state_of(row.due, row.done, look.today, look.soon_days),
        progress=_progress(row.child_progress) if row.child else "",
        due=short_date(row.due, look.today),
        children=max(1, row.child_progress.total) if row.child else 0,
        dim=row.done,
    )


def any_row(row: ChartRow | StepRow, look: Look) -> Row:
    """A chart or a step as a line of the outline."""
    return chart_row(row, look) if isinstance(row, ChartRow) else step_row(row, look)


def chart_state(row: ChartRow, look: Look) -> State:
    """Done, overdue, soon, stalled or nothing: the first that holds."""
    state = state_of(row.due, row.done, look.today, look.soon_days)
    if state or not row.updated or row.done:
        return state
    instant = clock.try_parse(row.updated)
    return "stalled" if instant and clock.stamp(instant) < look.stalled_before else ""


def _progress(progress: Progress) -> str:
    return str(progress)
