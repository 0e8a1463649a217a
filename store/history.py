"""Undo and redo of committed transactions, per person and session.

`undo()` takes back the last command of this session that is still standing; when there is
none, the last one of the same person from before this session began: so undo works after
quitting and reopening, and never takes back what the same person does in another window at
the same moment. Everything is a new transaction; the journal only grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from store import records, transfer
from store.errors import NotFound, Refused, UndoRefused
from store.model import Change, Edit, Json, Plan, TxRow
from store.past import JournalHistory
from store.undo import Clash, Touched, inverse

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.state import State
    from store.store import Store

PAGE = 200
"""Transactions looked through at a time for the one to take back."""

_CUT = {
    "erase": "an erasure is for good",
    "retention": "what a retention rule cut is forgotten for good",
    "erased": "some of what it wrote was erased for good",
}
_NEVER = {"absorb", *_CUT}
"""Commands that `undo` passes over when no transaction is named."""


def undo(store: Store, tx: str | None = None, context: str | None = None) -> list[Change]:
    """Take back transaction `tx` of `context`, or this person's last command; what was committed.

    Raises NotFound where there is nothing to undo, UndoRefused where a later change would be
    overwritten.
    """
    store.writable()
    store.sync()
    with store.snapshot() as snap:
        row = _named(store, snap, tx, context) if tx else _last_standing(store, snap)
        group = _group(snap, row)
    _refuse_cut(group)
    if any(item.undone_by for item in group):
        raise Refused(f"“{row.label}” has been undone already. Redo brings it back.")
    return _move_back(store, group, undoes=True) if len(group) > 1 else [_take_back(store, row, undoes=True)]


def redo(store: Store) -> list[Change]:
    """Do again the command whose undo is the last thing this person did here.

    Raises NotFound where the last thing was no undo.
    """
    store.writable()
    store.sync()
    with store.snapshot() as snap:
        taken_back = _last_undo(store, snap)
        group = _group(snap, taken_back)
    _refuse_cut(group)
    return (
        _move_back(store, group, undoes=False)
        if len(group) > 1
        else [_take_back(store, taken_back, undoes=False)]
    )


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
        raise NotFound(
            f"There is a transaction {tx} in {', '.join(r.context for r in found)}: say which with --context."
        )
    raise NotFound(f"No transaction {tx} in {store.root}. See `chartkeep history`.")


def _mine(store: Store, snap: Snapshot) -> Iterator[TxRow]:
    """Transactions of the person, newest first: this session's, then those from before it was opened."""
    earlier: list[TxRow] = []
    before = None
    while rows := snap.transactions(limit=PAGE, by=store.session.by, before_seq=before):
        for row in rows:
            if row.session == store.session.id:
                yield row
            elif row.at <= store.session.began:
                earlier.append(row)
        if any(row.at < store.session.began for row in rows):
            break
        before = rows[-1].seq
    yield from earlier
    if rows:
        yield from _earlier(store, snap, rows[-1].seq)


def _earlier(store: Store, snap: Snapshot, before: int) -> Iterator[TxRow]:
    while rows := snap.transactions(limit=PAGE, by=store.session.by, before_seq=before):
        yield from rows
        before = rows[-1].seq


def _last_standing(store: Store, snap: Snapshot) -> TxRow:
    for row in _mine(store, snap):
        done = row.undoes is None and row.redoes is None
        if done and row.undone_by is None and row.command not in _NEVER:
            return row
    raise NotFound(
        "There is nothing of yours to undo. The activity list (`chartkeep history`) shows other people's changes."
    )


def _last_undo(store: Store, snap: Snapshot) -> TxRow:
    redone: set[tuple[str, str]] = set()
    for row in _mine(store, snap):
        if row.redoes is not None:
            redone.add((row.context, row.redoes))
        elif row.undoes is None:
            break
        elif (row.context, row.tx) not in redone:
            return row
    raise NotFound("There is nothing to redo: the last thing you did here was not an undo.")


def _refuse_cut(group: list[TxRow]) -> None:
    """Half of a transaction is not taken back, nor is the cut that left it. Raises UndoRefused."""
    for row in group:
        if why := _CUT.get(row.command):
            raise UndoRefused(f"“{row.label}” ({row.at[:16].replace('T', ' ')}) cannot be undone: {why}.")


def _group(snap: Snapshot, row: TxRow) -> list[TxRow]:
    """All transactions of the command `row` belongs to, in the order they were committed."""
    if row.group is None:
        return [row]
    return snap.group(row.group)


def _moved_in(store: Store, snap: Snapshot, moved: TxRow) -> dict[str, str | None]:
    """The charts a move brought to its target, each with its parent; not those it only touched there."""
    charts: dict[str, str | None] = {}
    for key, (first, last) in _written(snap, moved).items():
        body = _body(store, snap, moved.context, key, last) if key.startswith("e:") else None
        if body is None or _body(store, snap, moved.context, key, first - 1) is not None:
            continue
        entity = records.body_of(body)
        chart_id = records.chart_id_of(entity)
        if entity.get("entityType") == records.CHART and chart_id is not None:
            charts[chart_id] = records.metadata_of(entity).get("parentChart")
    return charts


def _label(row: TxRow, undoes: bool) -> str:
    return f"Undo: {row.label}" if undoes else f"Redo: {row.label.removeprefix('Undo: ')}"


def _move_back(store: Store, group: list[TxRow], *, undoes: bool) -> list[Change]:
    """The inverse of a move is a move: it takes along what happened to the charts since.

    The group names the contexts as they were called then; they may have been renamed.
    """
    first = group[0]
    named = {row.context: row.tx for row in group}
    source, target = transfer.ends_of(first.group or "")
    if {source, target} != set(named):
        target, source = group[0].context, group[-1].context
    moved = next(row for row in group if row.context == target)
    with store.snapshot() as snap:
        charts = _moved_in(store, snap, moved)
    roots = [chart_id for chart_id, parent in charts.items() if parent not in charts]
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
    from store import conflicts

    label = _label(row, undoes)

    def plan(state: State) -> Plan:
        with store.index.snapshot() as snap:
            touched = [
                Touched(
                    key,
                    _before(store, snap, row, key, first - 1),
                    _body(store, snap, row.context, key, last),
                    None if (held := state.get(key)) is None else held.record,
                )
                for key, (first, last) in _written(snap, row).items()
            ]
        try:
            edits = inverse(touched)
        except Clash as clash:
            raise UndoRefused(_refusal(store, row, clash, undoes)) from None
        _refuse_orphans(state, row, edits, undoes)
        if not edits and touched and settled:
            edits = [conflicts.as_it_is(JournalHistory(state), touched[0].key, touched[0].current)]
        return Plan("undo" if undoes else "redo", label, edits)

    store.sync(row.context)
    with store.snapshot() as snap:
        # Where what won was kept, nothing differs; but the conflict is to be open, or settled, again.
        settled = snap.settles(row.context, row.tx)
    return store.commit(
        row.context,
        plan,
        undoes=row.tx if undoes else None,
        redoes=None if undoes else row.tx,
    )


def _written(snap: Snapshot, row: TxRow) -> dict[str, tuple[int, int]]:
    """The first and the last version that a transaction wrote of each of its keys."""
    found: dict[str, tuple[int, int]] = {}
    for version in snap.tx_versions(row.context, row.tx):
        first, last = found.get(version.key, (version.ver, version.ver))
        found[version.key] = (min(first, version.ver), max(last, version.ver))
    return found


def _body(store: Store, snap: Snapshot, context: str, key: str, ver: int) -> Json | None:
    version = snap.version(context, key, ver) if ver > 0 else None
    if version is None or version.op == "delete":
        return None
    raw = store.journal(context).record_raw(version.generation, version.offset, version.length)
    return None if raw is None else records.loads(raw)


def _before(store: Store, snap: Snapshot, row: TxRow, key: str, ver: int) -> Json | None:
    """`_body` of the version that undoing brings back. Raises UndoRefused where it was erased."""
    version = snap.version(row.context, key, ver) if ver > 0 else None
    gone = ver > 0 and version is None
    if version is not None and version.op == "delete":
        line = store.journal(row.context).line_bytes(version.generation, version.offset, version.length)
        gone = b'"erased":true' in line.partition(b',"deleted_at":')[0]
    if gone:
        raise UndoRefused(
            f"“{row.label}” cannot be undone: what “{key.partition(':')[2]}” was before was erased for good."
        )
    return _body(store, snap, row.context, key, ver)


def _refuse_orphans(state: State, row: TxRow, edits: list[Edit], undoes: bool) -> None:
    """A chart or step that others have built on since is not deleted from under them."""
    deleted = {edit.key for edit in edits if edit.op == "delete"}
    for key in deleted:
        held = state.get(key)
        body = records.body_of(held.record) if held is not None else {}
        chart_id = records.chart_id_of(body)
        if chart_id is None:
            continue
        left: list[str] = []
        if body.get("entityType") == records.CHART:
            left = [other for other in state.keys_of(chart_id) if other not in deleted]
            left += [child for child in state.children(chart_id) if not _goes(state, child, deleted)]
        else:
            left = [
                child
                for child in state.children(chart_id)
                if _step_of(state, child) == body.get("name") and not _goes(state, child, deleted)
            ]
        if left:
            raise UndoRefused(
                f"{_said(row, undoes)}: {len(left)} later addition{'s' if len(left) > 1 else ''} to it "
                "would be left without it. Undo those first, or delete it."
            )


def _goes(state: State, chart_id: str, deleted: set[str]) -> bool:
    """True where the entity of a chart is among those deleted."""
    return any(key in deleted and _is_chart(state, key) for key in state.keys_of(chart_id))


def _is_chart(state: State, key: str) -> bool:
    held = state.get(key)
    return held is not None and records.body_of(held.record).get("entityType") == records.CHART


def _step_of(state: State, chart_id: str) -> str | None:
    """The step that a chart telescoped from."""
    for key in state.keys_of(chart_id):
        held = state.get(key)
        if held is not None and _is_chart(state, key):
            step = records.metadata_of(records.body_of(held.record)).get("parentActionStep")
            return step if isinstance(step, str) else None
    return None


def _said(row: TxRow, undoes: bool) -> str:
    if undoes:
        return f"“{row.label}” cannot be undone"
    return f"“{row.label.removeprefix('Undo: ')}” cannot be done again"


def _refusal(store: Store, row: TxRow, clash: Clash, undoes: bool) -> str:
    """Why not, naming who changed the same record later."""
    with store.snapshot() as snap:
        written = _written(snap, row).get(clash.key)
        later = snap.later_versions(row.context, clash.key, written[1]) if written is not None else []
        other = snap.transaction(row.context, later[-1].tx) if later else None
    if other is None:
        what = clash.path or clash.key.partition(":")[2]
        return f"{_said(row, undoes)}: {what} has been changed since."
    who = "you" if other.by == store.session.by else other.by
    return (
        f"{_said(row, undoes)}: {who} changed the same thing later "
        f"(“{other.label or other.command}”, {other.at[:16].replace('T', ' ')}). Undo that first."
    )
