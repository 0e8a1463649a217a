"""New charts and steps: in one line, or with a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from store.errors import NeedsConfirm, UsageError
from store.model import DEFAULT, Change
from tui.actions import Target, handles, target
from tui.rows import Key

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


def split_due(line: str) -> tuple[str, str | None]:
    """A line as typed, as (text, due date): what follows the last `@`, where that names a day."""
    from store import clock
    from store.charts.dates import parse_due

    text, at, tail = line.rpartition("@")
    if not at or not text.strip():
        return line.strip(), None
    try:
        day = parse_due(tail, clock.today())
    except UsageError:
        return line.strip(), None
    return text.strip(), None if day is None else day.isoformat()


def confirming(
    screen: MainScreen,
    work: Callable[[bool], Change | list[Change]],
    then: Callable[[list[Change]], None] | None = None,
    yes: str = "Do it",
) -> None:
    """Run a command; where it needs a yes, ask for it and run it again."""

    def ask(error: Exception) -> bool:
        if not isinstance(error, NeedsConfirm):
            return False
        from tui.screens.confirm import ConfirmScreen

        def answered(agreed: bool | None) -> None:
            if agreed:
                screen.desk.change(lambda: work(True), then)

        screen.app.push_screen(ConfirmScreen(str(error), yes), answered)
        return True

    screen.desk.change(lambda: work(False), then, otherwise=ask)


def context_for_new(screen: MainScreen) -> str:
    """The context a new chart goes to: the one shown, else that of the row under the cursor."""
    shown = screen.outline.query_now.context
    if shown is not None:
        return shown
    key = screen.outline.key
    return key[0] if key else DEFAULT


@handles("chart.add_line")
def add_line(screen: MainScreen, _times: int | None) -> None:
    """Ask for an outcome, with a due date after `@` and the reality after `|`."""
    context = context_for_new(screen)

    def make(line: str) -> None:
        text, due = split_due(line)
        outcome, _, reality = text.partition(" | ")
        create(screen, context, outcome=outcome.strip(), reality=reality.strip(), due=due, steps=[])

    screen.ask(
        f"New chart in {context}", make, placeholder="outcome | current reality @ fri", hint=outcome_hint
    )


def outcome_hint(line: str) -> str:
    """Advice on an outcome while it is typed."""
    from store.charts.advice import for_outcome

    hints = for_outcome(split_due(line)[0].partition(" | ")[0])
    return hints[0] if hints else due_hint(line)


def due_hint(line: str) -> str:
    """What a due date in the line means, in full."""
    from store import clock
    from store.charts.dates import describe

    due = split_due(line)[1]
    return f"due {due}, {describe(due, clock.today())}" if due else ""


def create(
    screen: MainScreen,
    context: str,
    *,
    outcome: str,
    reality: str | list[str],
    due: str | None,
    steps: list[str],
) -> None:
    """Make a chart and stand on it."""
    from store.charts.create import create_chart

    store = screen.desk.store
    given = [split_due(step) for step in steps]
    confirming(
        screen,
        lambda yes: store.run(context, create_chart, outcome, reality, due=due, steps=given, confirmed=yes),
        lambda changes: show_new(screen, changes),
        "Make it so",
    )


def show_new(screen: MainScreen, changes: list[Change]) -> None:
    """A new chart is shown unfolded even where the outline is telescoped, filtered, or of another context."""
    from tui.actions import focus_key

    key = focus_key(changes)
    if key is not None:
        screen.outline.jump(key[:2])


@handles("chart.add")
def add_form(screen: MainScreen, _times: int | None) -> None:
    from tui.screens.forms import ChartForm, NewChart

    def make(new: NewChart | None) -> None:
        if new is not None:
            create(
                screen, new.context, outcome=new.outcome, reality=new.reality, due=new.due, steps=new.steps
            )

    names = screen.contexts.names()
    screen.app.push_screen(ChartForm(context_for_new(screen), names), make)


@handles("step.add")
def add_step(screen: MainScreen, times: int | None) -> None:
    """Ask for a step, and after it for the next, until an empty line."""
    found = target(screen)
    if found is None:
        add_line(screen, times)
        return
    _ask_step(screen, found, as_chart=False)


@handles("chart.add_child")
def add_child(screen: MainScreen, times: int | None) -> None:
    found = target(screen)
    if found is None:
        add_line(screen, times)
        return
    _ask_step(screen, found, as_chart=True)


def _ask_step(screen: MainScreen, found: Target, *, as_chart: bool) -> None:
    from store.charts.create import add_step as plan

    store = screen.desk.store
    chart = found.opens
    opened: tuple[Key, ...] = (found.row,) if found.row and (found.kind == "chart" or found.child) else ()

    def make(line: str) -> None:
        title, due = split_due(line)
        confirming(
            screen,
            lambda yes: store.run(
                found.context, plan, chart, title, due=due, as_chart=as_chart, confirmed=yes
            ),
            lambda _: screen.outline.also_open(opened),
            "Add it",
        )

    what = "Sub-chart" if as_chart else "Step"
    screen.ask(
        f"{what} of “{_short(screen, found)}”",
        make,
        placeholder="title @ fri",
        hint=outcome_hint if as_chart else due_hint,
    )


def _short(screen: MainScreen, found: Target) -> str:
    view = screen.chart.view
    if view is not None and view.row.chart_id == found.opens:
        return view.row.title[:40]
    return found.text[:40]


@handles("step.telescope")
def telescope(screen: MainScreen, _times: int | None) -> None:
    """Make the step a chart of its own and go there; a second time just goes there."""
    from store.charts.create import telescope as plan

    found = target(screen)
    if found is None or found.kind not in ("step", "step-note"):
        screen.desk.say("Telescoping makes a step a chart of its own: move to a step first.")
        return
    if found.child:
        from tui.actions.folding import enter

        enter(screen, (found.context, found.child))
        return
    store = screen.desk.store

    def make(line: str) -> None:
        confirming(
            screen,
            lambda yes: store.run(found.context, plan, found.step, reality=line.strip(), confirmed=yes),
            lambda changes: _go_to_child(screen, changes),
            "Telescope it",
        )

    screen.ask(
        f"What is so now, about “{found.text[:40]}”?",
        make,
        placeholder="current reality, or empty",
        allow_empty=True,
    )


def _go_to_child(screen: MainScreen, changes: list[Change]) -> None:
    from tui.actions import focus_key
    from tui.actions.folding import enter

    key = focus_key(changes)
    if key is not None:
        enter(screen, key[:2])
