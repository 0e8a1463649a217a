"""The subcommand conflicts: list what two sides changed at once, and settle it.

`store.headless.shapes` says what `--json` prints; `value` is the JSON value itself, null with `there`
false where that side had none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.errors import UsageError
from store.headless import dates
from store.headless.output import safe
from store.headless.working import acknowledging, opened

if TYPE_CHECKING:
    from argparse import Namespace

    from store.conflicts import Conflict, Side
    from store.headless.output import Output
    from store.store import Store

_STATES = {
    "open": "",
    "kept": "settled: what won was kept",
    "taken": "settled: another value was taken",
    "superseded": "settled by a later edit",
}


def conflicts(space: Namespace, out: Output) -> int:
    """List conflicts; keep what won, or take the other value back."""
    if space.action == "list":
        if space.ids:
            raise UsageError("list takes no ids. `chartkeep conflicts keep ID` or `take ID` settles one")
        return _list(space, out)
    if not space.ids:
        raise UsageError(f"Which conflict? `chartkeep conflicts {space.action} ID`, or `all` for every one")
    return _settle(space, out)


def _settle(space: Namespace, out: Output) -> int:
    from store import conflicts as asked

    with opened(space, out, writes=True) as store, acknowledging(store, out) as changes:
        for context, conflict_id in _named(store, space):
            row = asked.find(store, conflict_id, context)
            if row.state != "open" and "all" in space.ids:
                continue  # settled with the one before: both were about the same chart
            other = {"ours": "theirs", "theirs": "ours"}
            choice: Any = row.won if space.action == "keep" else other[row.won]
            changes.append(asked.resolve(store, conflict_id, choice, row.context))
    return 0


def _named(store: Store, space: Namespace) -> list[tuple[str | None, str]]:
    """(context, id) of the conflicts that are meant."""
    if "all" not in space.ids:
        return [(space.context, conflict_id) for conflict_id in space.ids]
    with store.snapshot() as snap:
        return [(row.context, row.id) for row in snap.conflicts(space.context)]


def _list(space: Namespace, out: Output) -> int:
    from store import conflicts as asked

    with opened(space, out) as store:
        found = asked.conflicts(store, space.context, open_only=not space.all)
    out.result({"conflicts": [document(one) for one in found]})
    if not found:
        out.say("No conflicts: no two sides changed the same thing at once.")
        return 0
    several = len({one.row.context for one in found}) > 1
    for one in found:
        _print(one, out, several=several)
    still = sum(one.row.state == "open" for one in found)
    if still:
        out.remark(
            f"{dates.plural(still, 'conflict')} open. keep ID: what stands stays. take ID: the other value back."
        )
    return 0


def _print(one: Conflict, out: Output, *, several: bool) -> None:
    """Three lines: what it is about, and the two values."""
    context = f"  {one.row.context}" if several else ""
    chart = "" if one.chart in one.what else f"{one.chart}: "
    said = _STATES[one.row.state]
    head = out.style(safe(chart + one.what), "bold")
    out.say(f"{head}  {out.style(safe(one.row.id + context), 'dim')}" + (f"  ({said})" if said else ""))
    rows = []
    for name, side in (("ours", one.ours), ("theirs", one.theirs)):
        stands = one.stands == name and one.row.state == "open"
        rows.append(("  ▸" if stands else "   ", "here" if name == "ours" else "there", *_side(side)))
    out.table(rows, stretch=2, looks=lambda _row, column: ("dim",) if column > 2 else ())
    shown = {one.ours.value, one.theirs.value}
    if one.row.now not in shown:
        from store.conflicts import in_words

        out.say(f"    now    {safe(in_words(one.row.path, one.row.now))}")


def _side(side: Side) -> tuple[str, str]:
    from store.conflicts import who

    return safe(side.text), safe(", ".join(filter(None, (who(side.by), dates.moment(side.at)))))


def document(one: Conflict) -> dict[str, Any]:
    """A CONFLICT document."""
    from store import records

    def value(text: str | None) -> Any:
        return None if text is None else records.loads(text.encode("utf-8"))

    def side(given: Side) -> dict[str, Any]:
        return {
            "there": given.value is not None,
            "value": value(given.value),
            "text": given.text,
            "by": given.by,
            "at": given.at,
        }

    row = one.row
    return {
        "context": row.context,
        "id": row.id,
        "chart": one.chart_id,
        "chart_title": one.chart,
        "key": row.key,
        "path": list(row.path),
        "record": one.record,
        "field": one.field,
        "ours": side(one.ours),
        "theirs": side(one.theirs),
        "base": value(row.base),
        "now": value(row.now),
        "stands": one.stands,
        "state": row.state,
        "settled_by": row.settled_by,
    }
