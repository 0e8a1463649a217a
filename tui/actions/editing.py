"""Completing, and editing texts and dates in place or in an editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from store.errors import UsageError
from store.model import Change
from tui.actions import Target, handles, target, targets
from tui.actions.making import confirming

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("step.done")
def complete(screen: MainScreen, _times: int | None) -> None:
    """Complete what is selected; open it again where all of it is complete."""
    from store.charts import complete as plan

    context, names = targets(screen)
    if not names:
        return
    done = not _all_done(screen, names)
    store = screen.desk.store
    screen.desk.change(lambda: store.run(context, plan, names, done=done))


def _all_done(screen: MainScreen, names: list[str]) -> bool:
    if screen.pane_name == "chart":
        view = screen.chart.view
        if view is None:
            return False
        done = {step.name for step in view.steps if step.done} | {
            c.chart_id for c in view.child_charts if c.done
        }
        done |= {view.row.chart_id} if view.row.done else set()
        return done.issuperset(names)
    model = screen.outline.outline.model
    rows = {row.key[-1]: row for row in model.rows.values()}
    return all(name in rows and rows[name].state == "done" for name in names)


@handles("edit.text")
def edit(screen: MainScreen, times: int | None) -> None:
    """Edit the text under the cursor in the bottom line."""
    found = target(screen)
    if found is None:
        return
    if "\n" in found.text:
        edit_external(screen, times)
        return
    from tui.actions.making import outcome_hint

    what = {"chart": "Outcome", "outcome": "Outcome", "step": "Step", "fact": "Current reality"}.get(
        found.kind, "Note"
    )
    hint = outcome_hint if what == "Outcome" else None
    screen.ask(what, lambda line: save_text(screen, found, line), value=found.text, hint=hint)


def save_text(screen: MainScreen, found: Target, text: str) -> None:
    """Put a changed text where it came from."""
    if text != found.text:
        screen.desk.change(_saving(screen, found, text))


def _saving(screen: MainScreen, found: Target, text: str) -> Callable[[], Change]:
    from store import charts

    store, context = screen.desk.store, found.context
    if found.kind == "fact":
        return lambda: store.run(context, charts.edit_fact, found.chart_id, found.at, text)
    if found.kind in ("note", "step-note"):
        return lambda: store.run(context, charts.edit_note, found.name, found.at, text)
    return lambda: store.run(context, charts.edit_text, found.name, text)


@handles("edit.outcome")
def edit_outcome(screen: MainScreen, _times: int | None) -> None:
    view = screen.chart.view
    if view is None:
        return
    from tui.actions.making import outcome_hint

    found = Target("outcome", view.row.context, view.row.chart_id, "", view.outcome, None)
    screen.ask("Outcome", lambda line: save_text(screen, found, line), value=view.outcome, hint=outcome_hint)


@handles("edit.external")
def edit_external(screen: MainScreen, _times: int | None) -> None:
    """Edit in $EDITOR: the text under the chart's cursor, or the whole chart from the hierarchy."""
    from tui import editor

    found = target(screen)
    view = screen.chart.view
    if found is None:
        return
    if found.kind != "chart" or view is None or view.row.chart_id != found.chart_id:
        text = editor.hand_over(screen.desk, found.text)
        if text is not None:
            save_text(screen, found, text.rstrip("\n"))
        return
    from tui.charttext import read, write

    text = editor.hand_over(screen.desk, write(view))
    if text is None:
        screen.desk.say("Nothing was changed in the editor.")
        return
    from store import charts

    outcome, facts = read(text)
    store, context, chart_id = screen.desk.store, found.context, found.chart_id

    def work() -> list[Change]:
        changes = []
        if outcome and outcome != view.outcome:
            changes.append(store.run(context, charts.edit_text, chart_id, outcome))
        if facts != list(view.reality):
            changes.append(store.run(context, charts.set_reality, chart_id, facts))
        return changes

    screen.desk.change(work)


@handles("reality.add")
def add_fact(screen: MainScreen, _times: int | None) -> None:
    from store.charts import add_fact as plan

    found = target(screen)
    if found is None:
        return
    store = screen.desk.store
    screen.ask(
        "What is so now",
        lambda line: screen.desk.change(lambda: store.run(found.context, plan, found.opens, line)),
        placeholder="a fact of current reality",
        hint=_reality_hint,
    )


def _reality_hint(line: str) -> str:
    from store.charts.advice import for_reality

    hints = for_reality(line)
    return hints[0] if hints else ""


@handles("step.note")
def note(screen: MainScreen, _times: int | None) -> None:
    """Ask for a progress note; one that begins with `+` joins the reality too."""
    from store.charts import note as plan

    found = target(screen)
    if found is None:
        return
    store = screen.desk.store

    def add(line: str) -> None:
        to_reality = line.startswith("+")
        text = line.removeprefix("+").strip()
        screen.desk.change(lambda: store.run(found.context, plan, found.name, text, to_reality=to_reality))

    screen.ask(f"Progress of “{found.text[:40]}”", add, placeholder="note; + in front adds it to reality too")


@handles("edit.due")
def due(screen: MainScreen, _times: int | None) -> None:
    """Ask for a due date as people type it; a chart's offers to move its open steps too."""
    from store import clock
    from store.charts.dates import describe, parse_due

    context, names = targets(screen)
    if not names:
        return

    def hint(line: str) -> str:
        try:
            day = parse_due(line, clock.today())
        except UsageError as error:
            return str(error)
        return "no due date" if day is None else f"{day.isoformat()} {day:%A}, {describe(day, clock.today())}"

    what = "Due date" if len(names) == 1 else f"Due date of {len(names)}"
    screen.ask(
        what,
        lambda line: _set_due(screen, context, names, line),
        value=_current_due(screen),
        placeholder="fri, +2w, 12 dec, 2026-12-01; empty for none",
        hint=hint,
        allow_empty=True,
    )


def _current_due(screen: MainScreen) -> str:
    from store import clock

    view, found = screen.chart.view, target(screen)
    if view is None or found is None:
        return ""
    dates = {step.name: step.due for step in view.steps} | {view.row.chart_id: view.row.due}
    day = clock.day_of(dates.get(found.name) or "")
    return "" if day is None else day.isoformat()


def _set_due(screen: MainScreen, context: str, names: list[str], line: str) -> None:
    from store import clock
    from store.charts import set_due
    from store.charts.dates import parse_due

    day = parse_due(line, clock.today())
    store = screen.desk.store
    view = screen.chart.view
    open_steps = sum(not step.done for step in view.steps) if view and names == [view.row.chart_id] else 0

    def put(move_steps: bool) -> None:
        confirming(
            screen,
            lambda yes: store.run(context, set_due, names, day, move_steps=move_steps, confirmed=yes),
            yes="Set it",
        )

    if not open_steps or day is None:
        put(False)
        return
    from tui.screens.confirm import ConfirmScreen

    plural = "steps" if open_steps != 1 else "step"
    question = f"Move the due dates of {open_steps} open {plural} in proportion, too?"
    screen.app.push_screen(
        ConfirmScreen(question, "Move them", no="Only the chart"),
        lambda yes: put(bool(yes)) if yes is not None else None,
    )
