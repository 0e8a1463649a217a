"""The subcommand restore: the whole store from a backup, or charts and contexts from the past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import Damaged, NotFound, Refused, UsageError
from store.headless import dates
from store.headless.output import safe
from store.headless.working import acknowledge, confirm, opened

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from store.headless.output import Output
    from store.model import Plan
    from store.reading import Past
    from store.store import Store
    from store.upkeep.backup import Backup, Repository

SHOWN = 40
"""Files or records named by --dry-run; the rest is counted."""


def restore(space: Namespace, out: Output) -> int:
    """Restore the store, or with CHART or --context only that. Asks first."""
    if space.to is not None and (space.charts or space.context):
        raise UsageError("--to takes the whole store. Charts and contexts are restored where they are.")
    if space.charts or space.context is not None:
        return _past(space, out)
    return _whole(space, out)


# -- the whole store -------------------------------------------------------------------------------


def _whole(space: Namespace, out: Output) -> int:
    from store import open_store
    from store.upkeep.backup import open_repository
    from store.upkeep.recovery import restoring

    at = dates.past(space.at) if space.at else None
    # Opened without catching up: a damaged store is what restoring is for.
    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        if space.to is None and not space.dry_run:
            store.writable()
        repository = open_repository(store, space.place)
        backup = repository.find(space.id, at)
        if space.dry_run:
            return _told(store, repository, backup, space, out)
        what = f"the {backup.kind} backup {backup.id} of {dates.moment(backup.at)}"
        size = f"{dates.plural(backup.files, 'file')}, {dates.size(backup.bytes)}"
        if space.to is None:
            question = (
                f"Replace {safe(str(store.root))} by {what} ({size})? What is there now is kept in .recovery."
            )
            if not confirm(out, question, space.yes):
                raise Refused(f"{question} Nothing was changed. Say --yes to do it.")
        done = restoring.restore_store(store, repository, backup, Path(space.to) if space.to else None)
        out.say(f"{out.style('✓', 'green')} Restored {what} to {safe(str(done.folder))}")
        if done.replaced is not None:
            out.say(f"  What was there before is whole in {safe(str(done.replaced))}")
        out.result(
            {
                "backup": done.backup,
                "store": str(done.folder),
                "files": done.files,
                "bytes": done.bytes,
                "replaced": str(done.replaced) if done.replaced is not None else None,
            }
        )
    return 0


def _told(store: Store, repository: Repository, backup: Backup, space: Namespace, out: Output) -> int:
    """What a restore would do."""
    from store.upkeep.recovery import restoring

    document: dict[str, Any] = {"backup": backup.id, "at": backup.at, "dry_run": True}
    if space.to is not None:
        files = sorted(repository.files(backup))
        out.say(
            f"Would write {dates.plural(len(files), 'file')} of the backup {backup.id} to {safe(space.to)}."
        )
        out.result({**document, "write": files, "put_away": []})
        return 0
    write, away = restoring.changes(store, repository, backup)
    out.say(
        f"The backup {backup.id} of {dates.moment(backup.at)} differs in {dates.plural(len(write), 'file')}:"
    )
    _list(out, "write", write)
    if away:
        out.say(f"{dates.plural(len(away), 'file')} it does not hold would be put away in .recovery:")
        _list(out, "put away", away)
    out.result({**document, "write": write, "put_away": away})
    return 0


def _list(out: Output, verb: str, names: list[str]) -> None:
    out.lines([f"  {verb}  {safe(name)}" for name in names[:SHOWN]])
    if len(names) > SHOWN:
        out.say(f"  and {len(names) - SHOWN} more")


# -- charts and contexts ---------------------------------------------------------------------------


def _past(space: Namespace, out: Output) -> int:
    from store.headless import restoring_knowledge

    at = dates.past(space.at) if space.at else None
    wanted, space.context = space.context, None  # one that is gone can be restored all the same
    with opened(space, out, writes=not space.dry_run) as store:
        if not space.charts:
            return _context(store, space, out, wanted, at)
        if restoring_knowledge.looks_like_keys(space.charts):
            return restoring_knowledge.restore_records(store, space, out, wanted)
        try:
            return _charts(store, space, out, wanted, at)
        except NotFound:
            try:
                restoring_knowledge.records_named(store, space, wanted)
            except (NotFound, Refused):
                pass  # no record either: what was said of charts stands
            else:
                return restoring_knowledge.restore_records(store, space, out, wanted)
            raise


def _charts(store: Store, space: Namespace, out: Output, wanted: str | None, at: datetime | None) -> int:
    """Charts in the context that is meant, else in the first that knows them. Raises NotFound."""
    from store.upkeep.recovery import restore_past

    for context in [wanted] if wanted is not None else store.contexts.names():
        try:
            with _source(store, space, context, at) as (past, when):
                ids = restore_past.find_charts(past, space.charts)
                return _restored(store, space, out, context, ids, past, when)
        except NotFound:
            if wanted is not None:
                raise
            last = context
    with _source(store, space, last, at) as (past, _):
        restore_past.find_charts(past, space.charts)  # says what is wrong
    raise NotFound("No such chart.")


def _context(store: Store, space: Namespace, out: Output, context: str, at: datetime | None) -> int:
    """All of a context: its charts in one transaction, and its knowledge as a workflow."""
    from store.headless import restoring_knowledge as knowledge
    from store.upkeep.recovery import restore_knowledge

    with ExitStack() as stack:
        past = then = None
        when = as_of = ""
        missing: list[NotFound] = []
        try:
            past, when = stack.enter_context(_source(store, space, context, at))
        except NotFound as error:
            missing.append(error)
        try:
            then, as_of = stack.enter_context(knowledge.source(store, space, context, at))
        except NotFound as error:
            missing.append(error)
            if restore_knowledge.known(store, context) and past is not None:
                out.remark(f"The knowledge of “{safe(context)}” is left as it is: {safe(str(error))}")
        if past is None and then is None:
            raise missing[0]
        foreseen = restore_knowledge.planned(store, then) if then is not None else None
        more = (
            knowledge.words(foreseen, then)
            if foreseen is not None and then is not None and foreseen.total
            else ""
        )
        code = 0
        if past is not None:
            code = _restored(store, space, out, context, [], past, when, more)
        if then is not None and foreseen is not None and foreseen.total:
            if context not in store.contexts.names() and not space.dry_run:
                store.contexts.ensure(context)
            code = max(code, knowledge.restore(store, space, out, then, as_of, asked=past is not None))
        return code


def _restored(
    store: Store,
    space: Namespace,
    out: Output,
    context: str,
    ids: list[str],
    past: Past,
    when: str,
    more: str = "",
) -> int:
    """Restore charts, or all of a context; `more` says what comes of it beside them and is asked for too."""
    from store.upkeep.recovery import restore_past

    plan = restore_past.planned(store, context, past, when, ids)
    puts = sum(edit.op == "put" for edit in plan.edits)
    words = f"{dates.plural(puts, 'record')} put back, {len(plan.edits) - puts} deleted in “{safe(context)}”"
    if space.dry_run:
        return _would(plan, context, words, out)
    also = f"; {more}, which a rollback of that workflow takes back" if more else ""
    question = f"{safe(plan.label)}: {words}. One undo takes it back{also}. Do it?"
    if (plan.edits or more) and not confirm(out, question, space.yes):
        raise Refused(f"{question} Nothing was changed. Say --yes to do it.")
    if ids:
        change = restore_past.restore_charts(store, context, ids, past, when)
    else:
        change = restore_past.restore_context(store, context, past, when)
    return acknowledge(store, out, [change])


def _would(plan: Plan, context: str, words: str, out: Output) -> int:
    out.say(f"{safe(plan.label)}: {words}" if plan.edits else "Nothing to change.")
    out.lines([f"  {edit.op:6}  {safe(edit.key)}" for edit in plan.edits[:SHOWN]])
    if len(plan.edits) > SHOWN:
        out.say(f"  and {len(plan.edits) - SHOWN} more")
    edits = [{"op": edit.op, "key": edit.key} for edit in plan.edits]
    out.result({"dry_run": True, "context": context, "label": plan.label, "edits": edits})
    return 0


@contextmanager
def _source(store: Store, space: Namespace, context: str, at: datetime | None) -> Iterator[tuple[Past, str]]:
    """The past that is meant, and in words as of when: the context's own journal for a time it knows, else a backup."""
    from store.upkeep.backup import open_repository
    from store.upkeep.recovery import restore_past

    with ExitStack() as stack:
        past = None
        if at is not None and space.place is None:
            with suppress(NotFound, Damaged):  # a backup may know it
                past = stack.enter_context(restore_past.past_of(store, context, at))
        if past is None:
            repository = open_repository(store, space.place)
            backup = repository.find(space.id, at)
            past = stack.enter_context(restore_past.past_in(store, repository, backup, context, at))
            at = at or clock.parse(backup.at)
        assert at is not None
        yield past, dates.moment(clock.stamp(at))
