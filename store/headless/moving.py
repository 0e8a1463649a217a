"""Subcommands that move charts about and take changes back: undo, redo, move, archive, rm, contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import NeedsConfirm, NotFound, Refused, UsageError
from store.headless import dates, names, shapes
from store.headless.output import safe
from store.headless.working import acknowledge, acknowledging, confirm, opened
from store.model import ARCHIVE

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from store.headless.output import Output
    from store.model import Change, ContextInfo
    from store.store import Store


def undo(space: Namespace, out: Output) -> int:
    """Take back the person's last commands, newest first, or the transaction named."""
    if space.steps < 1:
        raise UsageError("--steps counts from 1.")
    if space.tx and space.steps > 1:
        raise UsageError("Name a transaction or give --steps, not both.")
    with opened(space, out, writes=True) as store, acknowledging(store, out) as changes:
        if space.tx:
            context, tx = _transaction(store, space, space.tx)
            changes.extend(store.undo(tx, context))
        else:
            _repeat(store.undo, space.steps, changes)
    return 0


def redo(space: Namespace, out: Output) -> int:
    """Do again what was undone last."""
    if space.steps < 1:
        raise UsageError("--steps counts from 1.")
    with opened(space, out, writes=True) as store, acknowledging(store, out) as changes:
        _repeat(store.redo, space.steps, changes)
    return 0


def _repeat(action: Callable[[], list[Change]], times: int, changes: list[Change]) -> None:
    """Do `action` up to `times` times; that there is no more to do is an error only at the first."""
    for number in range(times):
        try:
            changes.extend(action())
        except NotFound:
            if number == 0:
                raise
            break


def _transaction(store: Store, space: Namespace, word: str) -> tuple[str, str]:
    """(context, id) of the transaction `word` names: `1:1a2f`, or `work/1:1a2f` to say which context."""
    context, slash, tx = word.rpartition("/")
    wanted = [context] if slash else [space.context] if space.context else store.contexts.names()
    with store.snapshot() as snap:
        found = [name for name in wanted if snap.transaction(name, tx) is not None]
    if not found:
        raise NotFound(f"There is no transaction {word}. `chartkeep history` lists them.")
    if len(found) > 1:
        choices = " or ".join(f"{name}/{tx}" for name in found)
        raise UsageError(f"{tx} is a transaction in several contexts. Say {choices}.")
    return found[0], tx


def move(space: Namespace, out: Output) -> int:
    """Move charts with all below them to another context."""
    with opened(space, out, writes=True) as store:
        found = names.charts(store, space, space.charts)
        with acknowledging(store, out) as changes:
            for context, chart_ids in _by_context(found).items():
                changes.extend(store.move(context, chart_ids, space.to))
    return 0


def archive(space: Namespace, out: Output) -> int:
    """Move completed charts to the archive, or with `--back` out of it."""
    with opened(space, out, writes=True) as store:
        if space.back:
            found = names.charts(store, space, space.charts, contexts=[ARCHIVE])
            return acknowledge(store, out, store.unarchive([chart_id for _, chart_id in found]))
        found = names.charts(store, space, space.charts)
        with acknowledging(store, out) as changes:
            for context, chart_ids in _by_context(found).items():
                try:
                    changes.extend(store.archive(context, chart_ids, confirmed=space.yes))
                except NeedsConfirm as question:
                    raise Refused(f"{question} On the command line --yes confirms it.") from question
    return 0


def remove(space: Namespace, out: Output) -> int:
    """Delete charts and steps with all below them, after saying how many; one transaction per context."""
    from store.charts import remove as planner
    from store.charts import subtree_size

    with opened(space, out, writes=True) as store:
        found = names.targets(store, space, space.targets, within=space.within)
        wanted: dict[str, list[str]] = {}
        for target in found:
            wanted.setdefault(target.context, []).append(target.step or target.chart_id)
        sizes = []
        for context, targets in wanted.items():
            with store.state(context) as state:
                sizes.append(str(subtree_size(state, targets)))
        what = f"Delete {' and '.join(sizes)}: {', '.join(f'“{safe(target.title)}”' for target in found)}"
        if not confirm(out, f"{what}?", space.yes):
            raise Refused(
                f"{what}? Nothing was deleted. Say --yes to do it; `chartkeep undo` brings it back."
            )
        changes = [
            store.run(context, planner, targets, confirmed=True) for context, targets in wanted.items()
        ]
        return acknowledge(store, out, changes)


def _by_context(found: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for context, chart_id in found:
        grouped.setdefault(context, []).append(chart_id)
    return grouped


def contexts(space: Namespace, out: Output) -> int:
    """List the contexts; make, rename, put away or bring back one."""
    wanted = {"list": 0, "new": 1, "rename": 2, "archive": 1, "restore": 1}[space.action]
    if len(space.names) != wanted:
        raise UsageError(
            f"`contexts {space.action}` takes {dates.plural(wanted, 'name') if wanted else 'no name'}."
        )
    with opened(space, out, writes=space.action != "list") as store:
        if space.action == "list":
            infos = store.contexts.info()
            _list_contexts(infos, out)
            out.result({"contexts": [shapes.context(info) for info in infos]})
            return 0
        said = _change_contexts(store, space.action, space.names)
        out.say(out.style("✓ ", "green") + safe(said))
        out.result({"contexts": [shapes.context(info) for info in store.contexts.info()], "said": said})
    return 0


def _change_contexts(store: Store, action: str, given: list[str]) -> str:
    name = given[0]
    if action == "new":
        return f"Made the context “{store.contexts.create(name)}”."
    if action == "rename":
        return f"Renamed the context “{name}” to “{store.contexts.rename(name, given[1])}”."
    if action == "archive":
        place = store.contexts.archive(name)
        where = store.layout.relative(place)
        return f"Put the context “{name}” away in {where}; `contexts restore` brings it back."
    return f"Brought the context “{store.contexts.restore(name)}” back."


def _list_contexts(infos: list[ContextInfo], out: Output) -> None:
    rows = [("CONTEXT", "CHARTS", "DONE", "OVERDUE", "CHANGED", "FILE", "")]
    for info in infos:
        remark = (
            "put away" if info.archived else dates.plural(info.findings, "finding") if info.findings else ""
        )
        figures = (
            ("", "", "") if info.archived else (str(info.charts), str(info.complete), str(info.overdue or ""))
        )
        rows.append((safe(info.name), *figures, dates.moment(info.updated), safe(info.file), remark))
    out.table(rows, right=(1, 2, 3), looks=lambda row, _column: ("bold",) if row == 0 else ())
