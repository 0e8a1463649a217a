"""The subcommands batch and workflows: submit and run batches, look at them, and what people do to them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import Refused, UsageError
from store.headless import dates
from store.headless.args_knowledge import given
from store.headless.foreseeing import kinds_of, tell_preview
from store.headless.output import safe
from store.headless.running import Shown, document, follow, run_here, tell
from store.headless.working import confirm
from store.model import DEFAULT

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from store.headless.output import Output
    from store.store import Store
    from store.workflows import Preview, Undoing
    from store.workflows.model import Workflow

KEYS_SHOWN = 20
"""Keys listed of those that hinder a rollback."""
_FROM_FILE = ("import", "create")


@contextmanager
def _opened(space: Namespace, *, writes: bool) -> Iterator[Store]:
    from store import open_store
    from store.workflows import lists

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        if writes:
            store.writable()
        if space.context is not None:
            store.contexts.require(space.context)
        lists.catch_up(store)
        yield store


# -- batch -------------------------------------------------------------------------------------------


def batch(space: Namespace, out: Output) -> int:
    """Submit a batch and run it, unless it is to run later or in a process of its own."""
    from store import workflows

    options = _options(space, out)
    with _opened(space, writes=not space.dry_run) as store:
        context = space.context or DEFAULT
        if space.action == "delete" or space.dry_run:
            foreseen = workflows.preview(
                store,
                context,
                space.action,
                _source(space),
                strict=space.strict,
                update=space.update,
                options=options,
            )
            if space.dry_run:
                return tell_preview(foreseen, out)
            if not _deletion_wanted(foreseen, space, out):
                return 0
        made = workflows.submit(
            store,
            context,
            space.action,
            _source(space),
            id=space.id,
            title=space.title,
            strict=space.strict,
            atomic=space.atomic,
            update=space.update,
            options=options,
            later=space.later,
        )
        if space.later or space.detach:
            if space.detach:
                workflows.start(store, made.id)
            how = (
                "waits for the UI or `chartkeep maintain`" if space.later else "runs in a process of its own"
            )
            out.say(f"{out.style('✓', 'green')} {safe(made.title)} was submitted as {made.id} and {how}.")
            out.result_line({"workflow": document(made)})
            return 0
        return run_here(store, made.id, out)


def _source(space: Namespace) -> Any:
    if space.action not in _FROM_FILE:
        if space.file is not None:
            raise UsageError(
                f"batch {space.action} takes no file; say which records with --kind, --tag, --where …"
            )
        return None
    if space.file is None:
        raise UsageError(
            f"batch {space.action} needs a file with one record on each line (- reads standard input)."
        )
    return sys.stdin.buffer if space.file == "-" else Path(space.file).expanduser()


def _options(space: Namespace, out: Output) -> dict[str, Any]:
    """What was asked for, as the type understands it."""
    if space.action in _FROM_FILE:
        if len(space.kind) > 1:
            raise UsageError("Name one --kind at most: that of records that do not say theirs.")
        return {"kind": space.kind[0]} if space.kind else {}
    from store.knowledge import criteria

    said: list[str] = []
    options: dict[str, Any] = criteria.to_options(said=said, **given(space))
    for word in said:
        out.remark(safe(word))
    for name in ("model", "clusters"):
        if getattr(space, name) is not None:
            options[name] = getattr(space, name)
    if space.action == "clusters":
        options["seed"] = space.seed
    if space.force:
        if space.action != "delete":
            raise UsageError("--force goes with batch delete: it deletes also what others point to.")
        options["force"] = True
    return options


def _deletion_wanted(foreseen: Preview, space: Namespace, out: Output) -> bool:
    if foreseen.rejected:
        out.say(
            f"{dates.plural(foreseen.rejected, 'record')} would stay, since others point there (--force deletes all):"
        )
        out.lines([f"  {safe(one.reason)}" for one in foreseen.rejects])
    if not foreseen.deleted:
        none = (
            "None that meets these criteria may go" if foreseen.rejected else "No record meets these criteria"
        )
        out.say(f"{none}: nothing is deleted.")
        out.result({"deleted": 0, "rejected": foreseen.rejected})
        return False
    if not space.yes:
        for _, key, title in foreseen.deleted_examples:
            out.say(f"  {safe(key)}  {safe(title)}")
    question = f"Delete {dates.plural(foreseen.deleted, 'record')}{kinds_of(foreseen)}?"
    if not confirm(out, question, space.yes):
        raise Refused(f"{question} On the command line --yes confirms it; --dry-run shows which.")
    return True


# -- workflows ---------------------------------------------------------------------------------------


def workflows(space: Namespace, out: Output) -> int:
    """List workflows, or do something to one."""
    looks = space.action in ("list", "show", "rejects", "watch") or space.dry_run
    with _opened(space, writes=not looks) as store:
        if space.action == "list":
            return _list(store, space, out)
        if space.action == "clean":
            return _clean(store, space, out)
        if space.id is None and space.action in ("run", "watch"):
            return _run_all(store, out) if space.action == "run" else follow(store, None, out)
        if space.id is None:
            raise UsageError(
                f"workflows {space.action} needs the id of a workflow; `chartkeep workflows` lists them."
            )
        from store.workflows import find_id

        return _ACTIONS[space.action](store, find_id(store, space.id), space, out)


def _list(store: Store, space: Namespace, out: Output) -> int:
    from store.workflows import listing

    found = listing(store, context=space.context, running_only=space.running, limit=space.limit)
    rows = []
    for one in found:
        count = (
            f"{one.processed:,} of {one.total:,}"
            if one.total
            else f"{one.processed:,}"
            if one.processed
            else ""
        )
        rows.append((one.id, safe(one.title), one.shown, count, dates.moment(one.submitted)))
    out.table(rows, right=(3,), stretch=1)
    if not found:
        out.say("No workflows" + (" that have not ended." if space.running else " yet."))
    out.result({"workflows": [document(one) for one in found]})
    return 0


def _show(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    from store.workflows import get, steps

    one, trail = get(store, workflow_id), steps(store, workflow_id)
    tell(one, out)
    if one.source:
        out.say(f"  from {safe(one.source)}")
    for name, value in one.options.items():
        out.say(f"  {safe(name)}: {safe(str(value))}")
    out.say()
    out.table(
        [
            (dates.moment(step.at), step.state, f"{step.processed:,}", safe(step.by), safe(step.note))
            for step in trail
        ],
        right=(2,),
        stretch=4,
    )
    out.result({"workflow": document(one), "steps": [step._asdict() for step in trail]})
    return 0


def _rejects(store: Store, workflow_id: str, space: Namespace, out: Output) -> int:
    from store.workflows import get, rejects

    shown = 0
    for one in rejects(store, workflow_id, space.limit):
        shown += 1
        out.say(f"line {one.line}: {safe(one.reason)}  ({one.code})")
        out.say(out.style(f"  {safe(one.item[:200])}", "dim"))
        out.result_line(one._asdict())
    total = get(store, workflow_id).rejected
    if not shown:
        out.say("Nothing was rejected.")
    elif total > shown:
        out.say(f"… and {total - shown:,} more (--limit)")
    return 0


def _run(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    return run_here(store, workflow_id, out)


def _run_all(store: Store, out: Output) -> int:
    """Run every workflow that waits."""
    from store.workflows import listing

    waiting = [
        one
        for one in listing(store, running_only=True, limit=None)
        if one.state == "pending" and not one.paused
    ]
    if not waiting:
        out.say("No workflow waits.")
    return max((run_here(store, one.id, out) for one in reversed(waiting)), default=0)


def _watch(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    return follow(store, workflow_id, out)


def _pause(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    from store.workflows import pause

    return _did(
        pause(store, workflow_id), f"stops; `chartkeep workflows resume {workflow_id}` goes on with it", out
    )


def _cancel(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    from store.workflows import cancel

    return _did(cancel(store, workflow_id), "ends; what it has written stays (`rollback` takes it back)", out)


def _did(one: Workflow, words: str, out: Output) -> int:
    out.say(f"{out.style('✓', 'green')} {safe(one.title)} ({one.id}) {words}.")
    out.result({"workflow": document(one)})
    return 0


def _resume(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    from store.workflows import resume

    resume(store, workflow_id, detach=False)
    return run_here(store, workflow_id, out, patience=10.0)


def _rollback(store: Store, workflow_id: str, space: Namespace, out: Output) -> int:
    from store.workflows import rollback, survey

    planned = survey(store, workflow_id)
    words = f"{dates.plural(planned.deleted, 'record')} deleted and {planned.restored:,} put back as they were before"
    if space.dry_run:
        out.say(f"A rollback of {workflow_id}: {words}.")
        if planned.changed:
            out.say(f"{len(planned.changed):,} were changed later:")
            out.lines([f"  {safe(key)}" for key in planned.changed[:KEYS_SHOWN]])
        out.result({"dry_run": True, **_undoing(planned)})
        return 0
    if not confirm(out, f"Roll {workflow_id} back: {words}?", space.yes):
        raise Refused(
            f"Roll {workflow_id} back? On the command line --yes confirms it; --dry-run shows what it does."
        )
    with Shown(out, "rolled back") as shown:
        one = rollback(store, workflow_id, skip_changed=space.skip_changed, on_progress=shown.count)
    tell(one, out)
    out.result({"workflow": document(one)})
    return 0


def _undoing(planned: Undoing) -> dict[str, Any]:
    return planned._asdict()


def _retry(store: Store, workflow_id: str, _space: Namespace, out: Output) -> int:
    from store.workflows import retry

    return run_here(store, retry(store, workflow_id).id, out)


def _clean(store: Store, space: Namespace, out: Output) -> int:
    from store.workflows import clean

    if space.days is not None and not 0 <= space.days < 1e6:
        raise UsageError(f"--days takes a number of days, 0 or more, not {space.days:g}.")
    would = clean(store, space.days, dry_run=True)
    if would and not space.dry_run:
        question = f"Remove what is kept of {dates.plural(len(would), 'workflow')}?"
        if not confirm(out, question, space.yes):
            raise Refused(f"{question} On the command line --yes confirms it; --dry-run lists them.")
        would = clean(store, space.days)
    for one in would:
        out.say(f"{one.id}  {safe(one.title)}  {one.shown}")
    verb = "would be removed" if space.dry_run else "removed"
    out.say(f"{dates.plural(len(would), 'workflow')} {verb}." if would else "No workflow ended so long ago.")
    out.result({"dry_run": space.dry_run, "workflows": [document(one) for one in would]})
    return 0


_ACTIONS = {
    "show": _show,
    "rejects": _rejects,
    "run": _run,
    "watch": _watch,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "rollback": _rollback,
    "retry": _retry,
}
