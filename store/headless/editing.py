"""Subcommands that change charts: add, step, telescope, done, note, due, edit.

Each runs one planner of `store.charts`, so each is one transaction and one undo.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from store.errors import NeedsConfirm, Refused, UsageError
from store.headless import names
from store.headless.working import acknowledge, confirm, context_for_new, opened

if TYPE_CHECKING:
    from argparse import Namespace

    from store.charts import View
    from store.headless.names import Target
    from store.headless.output import Output
    from store.model import Change, Plan
    from store.store import Store


def _run(
    store: Store,
    out: Output,
    space: Namespace,
    context: str,
    planner: Callable[..., Plan],
    *args: Any,
    **options: Any,
) -> Change:
    """Run a planner that may ask for confirmation: `--yes`, or yes on the terminal, confirms."""
    try:
        return store.run(context, planner, *args, **options, confirmed=space.yes)
    except NeedsConfirm as question:
        if not confirm(out, str(question), False):
            raise Refused(f"{question} On the command line --yes confirms it.") from question
        return store.run(context, planner, *args, **options, confirmed=True)


def _text(words: list[str]) -> str:
    return " ".join(words).strip()


def add(space: Namespace, out: Output) -> int:
    """Make a chart: outcome, reality, due date and steps in one transaction."""
    from store.charts import create_chart

    with opened(space, out, writes=True) as store:
        context = context_for_new(store, space)
        outcome = _text(space.outcome)
        change = _run(
            store, out, space, context, create_chart, outcome, space.reality, due=space.due, steps=space.step
        )
        return acknowledge(store, out, [change])


def step(space: Namespace, out: Output) -> int:
    """Add a step to a chart, or with `--sub-chart` a chart of its own below it."""
    from store.charts import add_step

    if space.reality and not space.sub_chart:
        raise UsageError("--reality goes with --sub-chart: a plain step has no current reality.")
    with opened(space, out, writes=True) as store:
        context, chart_id = names.chart(store, space, space.chart)
        options: dict[str, Any] = {"as_chart": True, "reality": space.reality} if space.sub_chart else {}
        if space.due is not None:
            options["due"] = space.due
        change = _run(store, out, space, context, add_step, chart_id, _text(space.title), **options)
        return acknowledge(store, out, [change])


def telescope(space: Namespace, out: Output) -> int:
    """Make a step a chart of its own; where it is one already, say which."""
    from store.charts import telescope as planner

    with opened(space, out, writes=True) as store:
        target = names.step(store, space, space.step, within=space.within)
        change = store.run(target.context, planner, target.step or "", reality=space.reality)
        if change.empty and change.focus:
            out.say(f"It is a chart already: {change.focus}")
            out.result({"changes": [], "published": True, "focus": change.focus})
            return 0
        return acknowledge(store, out, [change])


def done(space: Namespace, out: Output) -> int:
    """Complete a step or chart, or with `--undo` open it again."""
    from store.charts import complete

    with opened(space, out, writes=True) as store:
        target = names.target(store, space, space.target, within=space.within)
        change = store.run(target.context, complete, target.step or target.chart_id, done=not space.undo)
        return acknowledge(store, out, [change])


def note(space: Namespace, out: Output) -> int:
    """Add a progress note to a step, or to a chart's outcome."""
    from store.charts import note as planner

    with opened(space, out, writes=True) as store:
        target = names.target(store, space, space.target, within=space.within)
        name = target.step or target.chart_id
        change = store.run(target.context, planner, name, _text(space.text), to_reality=space.reality)
        return acknowledge(store, out, [change])


def due(space: Namespace, out: Output) -> int:
    """Set or take away the due date of a step or chart."""
    from store.charts import set_due

    with opened(space, out, writes=True) as store:
        target = names.target(store, space, space.target, within=space.within)
        name = target.step or target.chart_id
        words = _text(space.date)
        change = _run(store, out, space, target.context, set_due, name, words, move_steps=space.move_steps)
        return acknowledge(store, out, [change])


def edit(space: Namespace, out: Output) -> int:
    """Change an outcome, a step's title, or the current reality."""
    if space.text is None and space.reality is None and space.add_reality is None:
        raise UsageError("Say what to change: --outcome TEXT, --reality TEXT or --add-reality TEXT.")
    if space.reality is not None and space.add_reality is not None:
        raise UsageError(
            "--reality gives the whole current reality, --add-reality one more fact: use one of them."
        )
    with opened(space, out, writes=True) as store:
        target = names.target(store, space, space.target, within=space.within)
        if target.step is not None and (space.reality is not None or space.add_reality is not None):
            raise UsageError("A step has no current reality. Telescope it, or name its chart.")
        return acknowledge(store, out, [store.run(target.context, _edited, target, space)])


def _edited(view: View, target: Target, space: Namespace) -> Plan:
    """Everything one `edit` changes as one plan, so that one undo takes it back."""
    from store.charts import add_fact, edit_text, set_reality
    from store.charts.work import Work

    steps: list[tuple[Callable[..., Plan], Any]] = []
    if space.text is not None:
        steps.append((partial(edit_text, name=target.step or target.chart_id), {"text": space.text}))
    if space.reality is not None:
        steps.append((partial(set_reality, chart_id=target.chart_id), {"facts": space.reality}))
    steps += [
        (partial(add_fact, chart_id=target.chart_id), {"text": fact}) for fact in space.add_reality or ()
    ]
    work = Work(view)
    plans = []
    for planner, options in steps:
        plan = planner(work, **options)
        for edit in plan.edits:
            if edit.record is None:
                work.delete([edit.key])
            else:
                work.put_at(edit.key, edit.record)
        for hint in plan.hints:
            work.hint(hint)
        plans.append(plan)
    label = plans[0].label if len(plans) == 1 else f"{plans[0].label} and {len(plans) - 1} more"
    return work.plan(plans[0].command, label, plans[0].focus)
