"""Undo and redo of committed transactions, per person and session.

`undo()` takes back the last command of this session that is still standing; when there is
none, the last one of the same person from before this session began: so undo works after
quitting and reopening, and never takes back what the same person does in another window at
the same moment. Everything is a new transaction; the journal only grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import records, transfer
from store.errors import NotFound, Refused, UndoRefused
from store.model import Change, Edit, Json, Plan, TxRow, VersionRow
from store.undo import Clash, Touched, inverse

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.state import State
    from store.store import Store

PAGE = 200
"""Transactions looked through at a time for the one to take back."""


def undo(store: Store, tx: str | None = None, context: str | None = None) -> list[Change]:
    """Take back transaction `tx` of `context`, or this person's last command; what was committed.

    Raises NotFound where there is nothing to undo, UndoRefused where a later change would be
    overwritten.
    """
    store.writable()
    with store.snapshot() as snap:
        row = _named(store, snap, tx, context) if tx else _last_standing(store, snap)
        group = _group(snap, row)
    if any(item.undone_by for item in group):
        raise Refused(f"“{row.label}” has been undone already. Redo brings it back.")
    return _move_back(store, group, undoes=True) if len(group) > 1 else [_take_back(store, row, undoes=True)]


def redo(store: Store) -> list[Change]:
    """Do again the command whose undo is the last thing this person did here.

    Raises NotFound where the last thing was no undo.
    """
    store.writable()
    with store.snapshot() as snap:
        taken_back = _last_undo(store, snap)
        group = _group(snap, taken_back)
    return _move_back(store, group, undoes=False) if len(group) > 1 else [_take_back(store, taken_back, undoes=False)]


def undoable(store: Store) -> TxRow | None:
    """The command `undo` would take back, or None."""
    with store.snapshot() as snap:
        try:
            return _last_standing(store, snap)
        except NotFound:
            return None


def _named(store: Store, snap: Snapshot, tx: str, context: str | None) -> TxRow:
    contexts = [context] if context else store.contexts.names()
    found = [row for name in contexts if (row := snap.transaction(name, tx)) is not None]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(f"There is a transaction {tx} in {', '.join(r.context for r in found)}: say which with --context.")
    raise NotFound(f"No transaction {tx} in {store.root}. See `chartkeep history`.")


def _mine(store: Store, snap: Snapshot, *, everything: bool = False) -> list[TxRow]:
    """Transactions of the person, newest first, those of other sessions only from before this one."""
    rows = snap.transactions(limit=PAGE, by=store.session.by)
    while rows and len(rows) % PAGE == 0 and everything:
        more = snap.transactions(limit=PAGE, by=store.session.by, before_seq=rows[-1].seq)
        if not more:
            break
        rows = [*rows, *more]
    own = [row for row in rows if row.session == store.session.id]
    begun = own[-1].seq if own else None
    return own + [row for row in rows if row.session != store.session.id and (begun is None or row.seq < begun)]


def _last_standing(store: Store, snap: Snapshot) -> TxRow:
    for everything in (False, True):
        for row in _mine(store, snap, everything=everything):
            if row.undoes is None and row.redoes is None and row.undone_by is None and row.command != "absorb":
                return row
    raise NotFound("There is nothing of yours to undo. The activity list (`chartkeep history`) shows other people's changes.")


def _last_undo(store: Store, snap: Snapshot) -> TxRow:
    redone: set[str] = set()
    for row in _mine(store, snap):
        if row.redoes is not None:
            redone.add(row.redoes)
        elif row.undoes is None:
            break
        elif row.tx not in redone:
            return row
    raise NotFound("There is nothing to redo: the last thing you did here was not an undo.")


def _group(snap: Snapshot, row: TxRow) -> list[TxRow]:
    """All transactions of the command `row` belongs to, in the order they were committed."""
    if row.group is None:
        return [row]
    return snap.group(row.group)


def _label(row: TxRow, undoes: bool) -> str:
    return f"Undo: {row.label}" if undoes else f"Redo: {row.label.removeprefix('Undo: ')}"


def _move_back(store: Store, group: list[TxRow], *, undoes: bool) -> list[Change]:
    """The inverse of a move is a move: it takes along what happened to the charts since."""
    first = group[0]
    source, target = transfer.ends_of(first.group or "")
    moved = next(row for row in group if row.context == target)
    with store.snapshot() as snap:
        entities = [
            records.body_of(body)
            for version in _last_of_each(snap, moved)
            if version.key.startswith("e:")
            and (body := _body(store, snap, target, version.key, version.ver)) is not None
        ]
    charts = {
        entity["metadata"]["chartId"]: entity["metadata"].get("parentChart")
        for entity in entities
        if entity.get("entityType") == records.CHART and "chartId" in (entity.get("metadata") or {})
    }
    roots = [chart_id for chart_id, parent in charts.items() if parent not in charts]
    named = {row.context: row.tx for row in group}
    return transfer.move(
        store,
        target,
        roots,
        source,
        undoes=named if undoes else None,
        redoes=None if undoes else named,
        label=_label(first, undoes),
    )


def _take_back(store: Store, row: TxRow, *, undoes: bool) -> Change:
    label = _label(row, undoes)

    def plan(state: State) -> Plan:
        with store.index.snapshot() as snap:
            touched = [_touched(store, snap, state, row, version.key, version.ver) for version in _last_of_each(snap, row)]
        try:
            edits = inverse(touched)
        except Clash as clash:
            raise UndoRefused(_refusal(store, row, clash)) from None
        _refuse_orphans(state, row, edits)
        return Plan("undo" if undoes else "redo", label, edits)

    store.sync(row.context)
    return store.commit(
        row.context,
        plan,
        undoes=row.tx if undoes else None,
        redoes=None if undoes else row.tx,
    )


def _last_of_each(snap: Snapshot, row: TxRow) -> list[VersionRow]:
    """The last version the transaction wrote of each of its keys, and the first one's predecessor is `before`."""
    last = {version.key: version for version in snap.tx_versions(row.context, row.tx)}
    return list(last.values())


def _touched(store: Store, snap: Snapshot, state: State, row: TxRow, key: str, ver: int) -> Touched:
    versions = [version for version in snap.tx_versions(row.context, row.tx) if version.key == key]
    first = min(version.ver for version in versions)
    held = state.get(key)
    return Touched(
        key,
        _body(store, snap, row.context, key, first - 1),
        _body(store, snap, row.context, key, ver),
        None if held is None else held.record,
    )


def _body(store: Store, snap: Snapshot, context: str, key: str, ver: int) -> Json | None:
    version = snap.version(context, key, ver) if ver > 0 else None
    if version is None or version.op == "delete":
        return None
    raw = store.journal(context).record_raw(version.generation, version.offset, version.length)
    return None if raw is None else records.loads(raw)


def _refuse_orphans(state: State, row: TxRow, edits: list[Edit]) -> None:
    """A chart others have added to since is not deleted from under them."""
    deleted = {edit.key for edit in edits if edit.op == "delete"}
    for key in deleted:
        held = state.get(key)
        body = records.body_of(held.record) if held is not None else {}
        if body.get("entityType") != records.CHART:
            continue
        chart_id = (body.get("metadata") or {}).get("chartId")
        left = [other for other in state.keys_of(chart_id) if other not in deleted] if chart_id else []
        if left:
            raise UndoRefused(
                f"“{row.label}” cannot be undone: {len(left)} later addition{'s' if len(left) > 1 else ''} to that chart "
                "would be left without it. Undo those first, or delete the chart."
            )


def _refusal(store: Store, row: TxRow, clash: Clash) -> str:
    with store.snapshot() as snap:
        ours = {version.key: version.ver for version in snap.tx_versions(row.context, row.tx)}
        for key, ver in ours.items():
            later = [version for version in snap.versions(row.context, key) if version.ver > ver]
            if not later:
                continue
            other = snap.transaction(row.context, later[-1].tx)
            if other is not None:
                who = "you" if other.by == store.session.by else other.by
                return (
                    f"“{row.label}” cannot be undone: {who} changed the same thing later "
                    f"(“{other.label or other.command}”, {other.at[:16].replace('T', ' ')}). Undo that first."
                )
    return f"“{row.label}” cannot be undone: {clash.path or 'what it changed'} has been changed since."
