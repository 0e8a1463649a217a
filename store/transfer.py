"""Moving charts between two contexts: one command over two journals.

The charts are committed to the target first, then taken out of the source, both under one
group id. A crash in between leaves them in both places for a moment: the next open finds a
group with only its first half and finishes it, so a move happens whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from store import ids
from store.errors import Refused
from store.model import ARCHIVE, DEFAULT, Change, Edit, Plan, TxRow

if TYPE_CHECKING:
    from store.charts import View
    from store.state import State
    from store.store import Store

def group_name(source: str, target: str) -> str:
    """Id of one move, naming both contexts: all that is needed to finish it after a crash."""
    return f"{source}>{target}/{ids.group_id()}"


def ends_of(group: str) -> tuple[str, str]:
    """(source, target) of a move's group id."""
    source, _, target = group.rpartition("/")[0].partition(">")
    return source, target


def move(
    store: Store,
    context: str,
    chart_ids: Sequence[str],
    target: str,
    *,
    undoes: dict[str, str] | None = None,
    redoes: dict[str, str] | None = None,
    label: str | None = None,
    planner: Callable[[View, View, Sequence[str]], tuple[Plan, Plan]] | None = None,
) -> list[Change]:
    """Move charts with all below them; the change in the target, then the one in the source.

    `undoes` and `redoes` name, by context, the transactions this takes back or does again.
    """
    from store.charts import plan_transfer

    store.writable()
    if target == context:
        raise Refused(f"The chart is in “{context}” already.")
    store.contexts.require(context)
    store.contexts.ensure(target)
    group = group_name(context, target)
    plans: dict[str, Plan] = {}

    def taken_in(state: State) -> Plan:
        with store.state(context) as source:
            plans["in"], plans["out"] = (planner or plan_transfer)(source, state, list(chart_ids))
        for plan in plans.values():
            plan.label = label or plan.label
        return plans["in"]

    changes = []
    for name, plan in ((target, taken_in), (context, lambda _state: plans["out"])):
        changes.append(
            store.commit(
                name, plan, group=group, undoes=(undoes or {}).get(name), redoes=(redoes or {}).get(name)
            )
        )
    return changes


def archive(store: Store, context: str, chart_ids: Sequence[str], *, confirmed: bool = False) -> list[Change]:
    """Move complete charts to the archive. Raises NeedsConfirm for those that are not complete."""
    from store.charts import plan_archive

    return move(store, context, chart_ids, ARCHIVE, planner=partial(plan_archive, confirmed=confirmed))


def unarchive(store: Store, chart_ids: Sequence[str], *, to: str | None = None) -> list[Change]:
    """Bring charts back from the archive to the contexts they came from, or to `to`."""
    from store.charts import home_of, plan_unarchive

    homes: dict[str, list[str]] = {}
    with store.state(ARCHIVE) as archived:
        for chart_id in chart_ids:
            homes.setdefault(to or home_of(archived, chart_id) or DEFAULT, []).append(chart_id)
    changes = []
    for home, there in homes.items():
        changes.extend(move(store, ARCHIVE, there, home, planner=plan_unarchive))
    return changes


def finish_moves(store: Store) -> int:
    """Take out of the source what a move cut short by a crash left there; how many were finished."""
    with store.snapshot() as snap:
        halves = [row for row in snap.lone_groups() if ends_of(row.group or "")[1] == row.context]
        keys = {row: [version.key for version in snap.tx_versions(row.context, row.tx)] for row in halves}
    for row in halves:
        source = ends_of(row.group or "")[0]

        def taken_out(state: State, row: TxRow = row) -> Plan:
            edits = [Edit("delete", key) for key in keys[row] if state.get(key) is not None]
            return Plan(row.command, row.label, edits)

        if source in store.contexts.names():
            store.commit(source, taken_out, group=row.group, by=row.by)
    return len(halves)
