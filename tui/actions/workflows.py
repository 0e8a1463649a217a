"""Workflows: look at one, have it wait, go on, end, be taken back; its rejects; a new batch.

What is done to a workflow is a function of the app and the workflow, so that the pane and the
screens about one workflow do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from store import workflows as engine
from store.workflows.model import ENDED, Workflow
from tui import works
from tui.actions import handles

if TYPE_CHECKING:
    from store.workflows import Undoing
    from tui.app import ChartkeepApp
    from tui.screens.main import MainScreen
    from tui.screens.report import Line

Act = Callable[["ChartkeepApp", Workflow], None]

LISTED = 40
"""Records named where a roll-back finds them changed; of more, how many there are."""


def on_chosen(screen: MainScreen, act: Act) -> None:
    """Do something to the workflow under the cursor."""
    workflow = screen.workflows.chosen
    if workflow is not None:
        act(screen.desk, workflow)
    elif screen.workflows.list.work is None:
        screen.desk.say(
            f"There is no workflow yet; {screen.desk.keymap.first('workflow.submit')} submits a batch."
        )
    else:
        screen.desk.say("This is a short job of this process: it ends by itself and keeps no record.")


@handles("workflow.open")
def show(screen: MainScreen, _times: int | None) -> None:
    def act(desk: ChartkeepApp, workflow: Workflow) -> None:
        from tui.screens.workflow import WorkflowScreen

        desk.push_screen(WorkflowScreen(workflow))

    on_chosen(screen, act)


@handles("workflow.pause")
def pause(screen: MainScreen, _times: int | None) -> None:
    on_chosen(screen, pause_it)


@handles("workflow.resume")
def resume(screen: MainScreen, _times: int | None) -> None:
    on_chosen(screen, resume_it)


@handles("workflow.cancel")
def cancel(screen: MainScreen, _times: int | None) -> None:
    on_chosen(screen, cancel_it)


@handles("workflow.rollback")
def rollback(screen: MainScreen, _times: int | None) -> None:
    on_chosen(screen, rollback_it)


@handles("workflow.rejects")
def rejects(screen: MainScreen, _times: int | None) -> None:
    on_chosen(screen, rejects_of)


@handles("workflow.retry")
def retry(screen: MainScreen, _times: int | None) -> None:
    on_chosen(screen, retry_it)


# -- what is done to one ---------------------------------------------------------------------------


def pause_it(desk: ChartkeepApp, workflow: Workflow) -> None:
    """Have it wait after its present transaction; one that waits goes on."""
    store, name = desk.store, _name(workflow)
    if not _writable(desk):
        return
    if workflow.state in ENDED or workflow.interrupted:
        desk.say(f"{name} is {workflow.shown}: there is nothing to pause.{_way_on(desk, workflow)}")
    elif workflow.paused:
        _do(desk, lambda: engine.resume(store, workflow.id), f"{name} goes on.")
    else:
        _do(desk, lambda: engine.pause(store, workflow.id), f"{name} waits after its present transaction.")


def resume_it(desk: ChartkeepApp, workflow: Workflow) -> None:
    """Go on from the last committed item."""
    store, name = desk.store, _name(workflow)
    if not _writable(desk):
        return
    if workflow.state in ("completed", "rolled back"):
        key = desk.keymap.first("workflow.retry")
        more = f" {key} tries its rejects again." if workflow.rejected else ""
        desk.say(f"{name} is {workflow.shown}: there is nothing to go on with.{more}")
    elif works.runs(workflow):
        desk.say(f"{name} is at work already.")
    else:
        at = f" from item {workflow.processed + 1:,}" if workflow.processed else ""
        _do(desk, lambda: engine.resume(store, workflow.id), f"{name} goes on{at}.")


def cancel_it(desk: ChartkeepApp, workflow: Workflow) -> None:
    """End it, after a yes."""
    from tui.screens.confirm import ConfirmScreen

    store, name = desk.store, _name(workflow)
    if not _writable(desk):
        return
    if workflow.state in ENDED:
        desk.say(f"{name} is {workflow.shown}: there is nothing to cancel.{_way_on(desk, workflow)}")
        return

    def answered(yes: bool | None) -> None:
        if yes:
            _do(desk, lambda: engine.cancel(store, workflow.id), f"{name} is cancelled.")

    written = max(workflow.written, workflow.processed - workflow.unchanged - workflow.rejected)
    stays = (
        f" The {written:,} records it has written stay; rolling it back takes them away." if written else ""
    )
    desk.push_screen(ConfirmScreen(f"Cancel {name}?{stays}", "cancel it", "Let it run"), answered)


def rollback_it(desk: ChartkeepApp, workflow: Workflow) -> None:
    """Say what a roll-back would do, and what was changed since; after a yes, do it."""
    store, name = desk.store, _name(workflow)
    if not _writable(desk):
        return
    if workflow.state == "rolled back":
        desk.say(f"{name} is rolled back already.")
        return
    if workflow.state == "pending" or works.runs(workflow):
        key = desk.keymap.first("workflow.cancel")
        desk.say(f"{name} is {workflow.shown}: it cannot be rolled back yet. {key} cancels it first.")
        return
    desk.say(f"Looking at what {name} wrote…")
    desk.bridge.work.ask(
        lambda: engine.survey(store, workflow.id), lambda found: _ask_back(desk, workflow, found)
    )


def _ask_back(desk: ChartkeepApp, workflow: Workflow, found: Undoing) -> None:
    """The question, with the records named that would be left as they are."""
    from tui.screens.report import ReportScreen

    name, changed = _name(workflow), found.changed
    if not found.deleted and not found.restored and not changed:
        what = "Nothing of what it wrote stands any more"
        lines: list[Line] = [(f"{what}: it is only marked as rolled back.", "")]
    else:
        counts = (
            (found.deleted, "added are deleted again"),
            (found.restored, "renewed are what they were before"),
        )
        lines = [
            (f"{count:,} record{'' if count == 1 else 's'} that it {what}.", "")
            for count, what in counts
            if count
        ]
    lines.append(("Their history stays: a roll-back writes new versions.", "muted"))
    if changed:
        were = "1 record was" if len(changed) == 1 else f"{len(changed):,} records were"
        lines += [
            ("", ""),
            (f"! {were} changed after {name} wrote {'it' if len(changed) == 1 else 'them'}:", "overdue"),
            *((f"· {key}", "") for key in changed[:LISTED]),
            *([(f"and {len(changed) - LISTED:,} more", "muted")] if len(changed) > LISTED else []),
            ("", ""),
            ("They can stay as they are now, and the others be rolled back.", ""),
        ]
    yes = "leave those, roll back the others" if changed else "roll it back"

    def answered(said: bool | None) -> None:
        if said:
            _roll_back(desk, workflow, skip_changed=bool(changed))

    desk.push_screen(ReportScreen(f"Roll back {name}", lines, yes), answered)


def _roll_back(desk: ChartkeepApp, workflow: Workflow, *, skip_changed: bool) -> None:
    store, name = desk.store, _name(workflow)
    desk.say(f"Rolling {name} back…")
    _do(
        desk,
        lambda: engine.rollback(store, workflow.id, skip_changed=skip_changed),
        f"{name} is rolled back.",
        long=True,
    )


def rejects_of(desk: ChartkeepApp, workflow: Workflow) -> None:
    """List what it refused."""
    from tui.screens.rejects import RejectsScreen

    if not workflow.rejected:
        desk.say(f"{_name(workflow)} has refused nothing.")
        return
    desk.push_screen(RejectsScreen(workflow))


def retry_it(desk: ChartkeepApp, workflow: Workflow) -> None:
    """Submit its rejects again, as a workflow of their own."""
    if not _writable(desk):
        return
    if not workflow.rejected:
        desk.say(f"{_name(workflow)} has refused nothing: there is nothing to try again.")
        return
    store = desk.store

    def again() -> Workflow:
        made = engine.retry(store, workflow.id)
        engine.start(store, made.id)
        return made

    def done(made: Workflow) -> None:
        _heard(desk, f"{made.total or workflow.rejected:,} items are tried again as {_name(made)}.")

    desk.bridge.write.ask(again, done)


def submit_lines(desk: ChartkeepApp, workflow: Workflow, lines: Sequence[str]) -> None:
    """Submit mended rejects, with what was asked of the workflow that refused them."""
    store = desk.store

    def again() -> Workflow:
        made = engine.retry(
            store, workflow.id, items=[line.encode("utf-8", "surrogateescape") for line in lines]
        )
        engine.start(store, made.id)
        return made

    desk.bridge.write.ask(
        again, lambda made: _heard(desk, f"{made.total:,} items are tried again as {_name(made)}.")
    )


def _do(
    desk: ChartkeepApp,
    work: Callable[[], object],
    said: str,
    *,
    long: bool = False,
) -> None:
    """Do it beside the screen; then say so and list the workflows again."""

    def failed(_: Exception) -> bool:
        desk.main.workflows.refresh_list(at_once=True)  # somebody else may have been faster
        return False

    (desk.bridge.work if long else desk.bridge.write).ask(
        work, lambda _: _heard(desk, said), otherwise=failed
    )


def _heard(desk: ChartkeepApp, said: str) -> None:
    desk.main.workflows.refresh_list(at_once=True)
    desk.say(said)


def _name(workflow: Workflow) -> str:
    return f"“{workflow.title or workflow.id}”"


def _way_on(desk: ChartkeepApp, workflow: Workflow) -> str:
    """The key that goes on with one that stands still."""
    if workflow.interrupted or workflow.state in ("failed", "cancelled", "pending"):
        return f" {desk.keymap.first('workflow.resume')} goes on with it."
    return ""


def _writable(desk: ChartkeepApp) -> bool:
    if desk.readonly:
        desk.say("This store is open for reading only.", error=True)
    return not desk.readonly


# -- all of them -----------------------------------------------------------------------------------


@handles("workflow.clean")
def clean(screen: MainScreen, _times: int | None) -> None:
    """Say what would be removed, then remove it."""
    from tui.actions.upkeep import report, work

    desk, store = screen.desk, screen.desk.store

    def ask(found: list[Workflow]) -> None:
        if not found:
            days = store.settings.workflows_keep_days
            desk.say(f"Nothing is kept of workflows that ended more than {days:g} days ago.")
            return
        lines: list[Line] = [
            ("These leave the lists, with what was submitted and what was refused:", ""),
            *(
                (f"· {one.title or one.id}  {one.shown}  {(one.ended or '')[:10]}", "")
                for one in found[:LISTED]
            ),
            *([(f"and {len(found) - LISTED:,} more", "muted")] if len(found) > LISTED else []),
            ("", ""),
            ("The records they wrote stay, and so does their history in the journal.", "muted"),
        ]
        report(screen, "Remove old workflows", lines, "remove it", go)

    def go() -> None:
        work(screen, "Removing…", lambda: engine.clean(store), done)

    def done(found: list[Workflow]) -> None:
        _heard(desk, f"Removed {len(found):,} workflow{'' if len(found) == 1 else 's'}.")

    work(screen, "Looking for old ones…", lambda: engine.clean(store, dry_run=True), ask)


@handles("workflow.submit")
def submit(screen: MainScreen, _times: int | None) -> None:
    """A file by its path, with a preview."""
    from tui.screens.batch import BatchScreen

    context = screen.outline.query_now.context or "default"
    screen.app.push_screen(BatchScreen(context))
