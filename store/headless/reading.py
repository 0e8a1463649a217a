"""Subcommands that only read: list, show, search, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store import clock
from store.headless import dates
from store.headless.output import DONE, OPEN, safe
from store.headless.working import contexts_of, opened

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from datetime import datetime

    from store.headless import draw
    from store.headless.output import Output
    from store.model import ChartRow, ChartView, TxRow, VersionRow
    from store.store import Store

_RECORDS_PER_COMMAND = 12
"""Records of one chart that a command may write: how many versions are read to find N commands."""
_END = 6
"""Characters at the end of an id that `list` shows on a terminal."""
_LOOKS = {"overdue": ("red",), "soon": ("yellow",), "": ()}


def list_charts(space: Namespace, out: Output) -> int:
    """List charts, those below another indented under it."""
    with opened(space, out) as store:
        contexts = contexts_of(store, space)
        with store.snapshot() as snap:
            rows = snap.charts(contexts, sort=space.sort)
    rows = [row for row in rows if _wanted(row, space)]
    if not (space.done or space.open or space.overdue):
        rows = _nested(rows)
    rows = rows[: space.limit] if space.limit is not None else rows
    if out.json:
        from store.headless import shapes

        out.result({"charts": [shapes.chart(row) for row in rows]})
    elif not rows:
        out.say("No charts. Make one: chartkeep add “What you want to have created” --due +3w")
    else:
        _print_rows(rows, out, several=len(contexts) > 1)
    return 0


def _wanted(row: ChartRow, space: Namespace) -> bool:
    if space.roots and row.parent is not None:
        return False
    if space.done != space.open and bool(row.done) != space.done:
        return False
    return not space.overdue or dates.urgency(row.due, row.done) == "overdue"


def _nested(rows: list[ChartRow]) -> list[ChartRow]:
    """Rows with each chart's children right behind it; what hangs in a circle comes last."""
    ids = {(row.context, row.chart_id) for row in rows}
    below: dict[tuple[str, str | None], list[ChartRow]] = {}
    tops = []
    for row in rows:
        if row.parent is not None and (row.context, row.parent) in ids and row.parent != row.chart_id:
            below.setdefault((row.context, row.parent), []).append(row)
        else:
            tops.append(row)
    if not below:
        return rows
    ordered: dict[tuple[str, str], ChartRow] = {}
    waiting = tops[::-1]
    while waiting:
        row = waiting.pop()
        ordered[row.context, row.chart_id] = row
        waiting += below.pop((row.context, row.chart_id), [])[::-1]
    return [*ordered.values(), *(row for rest in below.values() for row in rest)]


def _print_rows(rows: list[ChartRow], out: Output, *, several: bool) -> None:
    table = []
    today = clock.today()
    shown = _ids(rows, short=out.terminal)
    for row, chart_id in zip(rows, shown, strict=True):
        title = "  " * min(row.level, 8) + f"{DONE if row.done else OPEN} {safe(row.title)}"
        due = safe(dates.due(row.due, row.done, today))
        table.append((title, str(row.progress), due, safe(row.context) if several else "", chart_id))

    def looks(index: int, column: int) -> tuple[str, ...]:
        row = rows[index]
        if column == 2:
            return _LOOKS[dates.urgency(row.due, row.done)]
        return ("dim",) if row.done or column > 2 else ()

    out.table(table, right=(1, 2), stretch=0, looks=looks)


def _ids(rows: list[ChartRow], *, short: bool) -> list[str]:
    """Chart ids, on a terminal only their ends, which name a chart as well, where those differ."""
    ids = [safe(row.chart_id) for row in rows]
    ends = [chart_id[-_END:] if chart_id.startswith("chart_") else chart_id for chart_id in ids]
    return ends if short and len(set(ends)) == len(set(ids)) else ids


def show(space: Namespace, out: Output) -> int:
    """Show a chart as a tree, now or as it was."""
    from store.headless import draw, names

    at = dates.past(space.at) if space.at else None
    with opened(space, out) as store:
        context, chart_id = names.chart(store, space, space.chart)
        view = store.chart(context, chart_id, at=at)
        load = _past(store, context, at) if at is not None else _present(store, context)
        if at is not None:
            out.say(out.style(f"as it was at {at.astimezone():%Y-%m-%d %H:%M:%S}", "dim"))
        if out.json:
            out.result(_document(view, load, space.depth, {chart_id}))
        else:
            out.lines(draw.chart(view, out, load, depth=space.depth, notes=space.notes))
    return 0


def _present(store: Store, context: str) -> draw.Load:
    def load(chart_id: str) -> ChartView | None:
        with store.snapshot() as snap:
            return snap.chart_view(context, chart_id)

    return load


def _past(store: Store, context: str, at: datetime) -> draw.Load:
    from store.charts import chart_view
    from store.reading import Past

    with store.snapshot() as snap:
        past = Past(store, snap, context, at)
    known = set(past.chart_ids())
    return lambda chart_id: chart_view(past, chart_id) if chart_id in known else None


def _document(view: ChartView, load: draw.Load, depth: int, seen: set[str]) -> dict[str, Any]:
    """A VIEW document with the charts its steps telescoped into, `depth` levels deep."""
    from store.headless import shapes

    document = shapes.view(view)
    children = [(step, "child", "child_chart") for step in document["steps"]]
    children += [(child, "id", "chart") for child in document["child_charts"]]
    for holder, named, member in children:
        chart_id = holder[named]
        inner = load(chart_id) if chart_id and depth > 0 and chart_id not in seen else None
        holder[member] = _document(inner, load, depth - 1, seen | {chart_id}) if inner is not None else None
    return document


def search(space: Namespace, out: Output) -> int:
    """Search outcomes, steps, notes and realities."""
    from store.headless import shapes

    text = " ".join(space.words)
    with opened(space, out) as store:
        contexts = contexts_of(store, space, archive=True)
        with store.snapshot() as snap:
            hits = snap.search(text, contexts, limit=space.limit, order="rank" if space.best else "newest")
    out.result({"query": text, "hits": [shapes.hit(hit) for hit in hits]})
    if not hits:
        out.say(f"Nothing holds “{safe(text)}”.")
    rows = [
        (
            DONE if hit.done else OPEN,
            safe(hit.text),
            _kind(hit.kind),
            safe(hit.title),
            safe(hit.chart_id),
        )
        for hit in hits
    ]
    out.table(rows, stretch=1, looks=lambda _row, column: ("dim",) if column > 1 else ())
    return 0


def _kind(kind: str) -> str:
    return {"desired_outcome": "outcome", "current_reality": "reality", "action_step": "step"}.get(
        kind, safe(kind)
    )


def history(space: Namespace, out: Output) -> int:
    """Who changed what, newest first: everything, a chart, a step, or the versions of one record."""
    with opened(space, out) as store:
        if not space.target:
            with store.snapshot() as snap:
                rows = snap.transactions(contexts_of(store, space, archive=True), limit=space.limit)
            return _transactions(rows, out)
        from store.headless import names

        target = names.target(store, space, space.target)
        with store.snapshot() as snap:
            if space.record or target.step is not None:
                name = target.step or snap.chart_parts(target.context, target.chart_id).outcome_name
                key = f"e:{name or target.chart_id}"
                versions = snap.versions(target.context, key)
                return _versions(store, versions, space.limit, out)
            found = snap.history(target.context, target.chart_id, limit=space.limit * _RECORDS_PER_COMMAND)
            named = list(dict.fromkeys(row.version.tx for row in found))[: space.limit]
            rows = [tx for name in named if (tx := snap.transaction(target.context, name)) is not None]
        return _transactions(rows, out)


def _transactions(rows: Iterable[TxRow], out: Output) -> int:
    from store.headless import shapes

    listed = list(rows)
    out.result({"transactions": [shapes.transaction(row) for row in listed]})
    if not listed:
        out.say("Nothing has happened yet.")
    table = [
        (
            dates.moment(row.at),
            safe(row.label or row.command or dates.plural(row.records, "record"))
            + (" (undone)" if row.undone_by else ""),
            safe(row.by),
            safe(f"{row.context}/{row.tx}"),
        )
        for row in listed
    ]
    out.table(
        table, stretch=1, looks=lambda row, column: ("dim",) if column != 1 or listed[row].undone_by else ()
    )
    return 0


def _versions(store: Store, rows: list[VersionRow], limit: int, out: Output) -> int:
    from store import records

    documents = []
    table = []
    for row in sorted(rows, key=lambda row: -row.ver)[:limit]:
        journal = store.journal(row.context)
        raw = journal.record_raw(row.generation, row.offset, row.length) if row.op == "put" else None
        record = records.loads(raw) if raw is not None else None
        documents.append({**row._asdict(), "record": record})
        what = "deleted" if record is None else " · ".join(_texts(records.body_of(record)))
        table.append(
            (str(row.ver), dates.moment(row.at), safe(what), safe(row.by), safe(f"{row.context}/{row.tx}"))
        )
    out.result({"versions": documents})
    out.table(table, right=(0,), stretch=2, looks=lambda _row, column: ("dim",) if column != 2 else ())
    return 0


def _texts(body: dict[str, Any]) -> list[str]:
    observations = body.get("observations")
    texts = [text for text in observations if isinstance(text, str)] if isinstance(observations, list) else []
    metadata = body.get("metadata")
    due = metadata.get("dueDate") if isinstance(metadata, dict) else None
    done = metadata.get("completionStatus") if isinstance(metadata, dict) else None
    return texts + ([f"due {due}"] if due else []) + (["complete"] if done else [])
