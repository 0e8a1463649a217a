"""Moving charts between two contexts: one command over two journals.

The charts are committed to the target first, then taken out of the source, both under one
group id. The source's journal stays locked throughout, so nothing done to the charts meanwhile
is left behind. A crash in between leaves them in both places for a moment: the next open finds
a group with only its first half and finishes it, so a move happens whole. One lock holds all
moves apart, from each other and from that finishing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from store import durable, ids
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
    for name in (context, store.contexts.ensure(target)):
        store.begin(name)
    group = group_name(context, target)
    changes: list[Change] = []

    def taken_out(source: State) -> Plan:
        plans: list[Plan] = []

        def brought_in(state: State) -> Plan:
            plans.extend((planner or plan_transfer)(source, state, list(chart_ids)))
            for plan in plans:
                plan.label = label or plan.label
            return plans[0]

        changes.append(store.commit(target, brought_in, group=group, **_named(target, undoes, redoes)))
        return plans[1]

    with _moving(store):
        changes.append(store.commit(context, taken_out, group=group, **_named(context, undoes, redoes)))
    return changes


def _named(
    context: str, undoes: dict[str, str] | None, redoes: dict[str, str] | None
) -> dict[str, str | None]:
    return {"undoes": (undoes or {}).get(context), "redoes": (redoes or {}).get(context)}


@contextmanager
def _moving(store: Store) -> Iterator[None]:
    """Hold off every other move in this store."""
    durable.make_dirs(store.layout.journals)
    lock = durable.Lock(store.layout.journals / ".moves.lock")
    with lock.held(store.settings.lock_timeout, "moving charts between contexts"):
        yield


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
    if not _halves(store):
        return 0
    with _moving(store):
        store.sync()
        halves = _halves(store)
        for row, keys in halves:
            store.commit(
                ends_of(row.group or "")[0], partial(_taken_out, row, keys), group=row.group, by=row.by
            )
    return len(halves)


def _halves(store: Store) -> list[tuple[TxRow, list[str]]]:
    """Moves that reached their target only, each with the keys it brought there."""
    names = store.contexts.names()
    with store.snapshot() as snap:
        return [
            (row, [version.key for version in snap.tx_versions(row.context, row.tx)])
            for row in snap.lone_groups()
            if ends_of(row.group or "")[1] == row.context and ends_of(row.group or "")[0] in names
        ]


def _taken_out(row: TxRow, keys: list[str], state: State) -> Plan:
    return Plan(row.command, row.label, [Edit("delete", key) for key in keys if state.get(key) is not None])
