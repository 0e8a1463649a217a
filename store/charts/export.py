"""Charts as Markdown, CSV and the peers' JSONL.

The Markdown is an outline that `store.importing` reads back: `# outcome (due)`, `- [ ] step
(due)`, notes as plain bullets, what telescopes indented below its step, `> fact` at the bottom.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain

from store import records
from store.charts import dates, links, parts
from store.charts.tree import Fetch, flat
from store.charts.view import View
from store.model import ChartRow, ChartView, StepRow

CSV_HEADER = (
    "context", "chart", "kind", "name", "title", "due", "done", "completed", "total", "level", "parent",
    "created", "updated",
)  # fmt: skip


def markdown(view: ChartView, fetch: Fetch) -> str:
    """One chart in Fritz's layout, with all that telescopes from it; ends with a newline."""
    row = view.row
    made = [f"# {flat(view.outcome) or row.title}{_due(row.due)}{' [complete]' if row.done else ''}", ""]
    made += [f"- {flat(note)}" for note in view.outcome_notes]
    below = _outline(view, fetch, "", {row.chart_id})
    made += below
    if below or view.outcome_notes:
        made.append("")
    # An empty quoted line between facts keeps each a paragraph of its own where Markdown is drawn.
    made += _quoted(view.reality, "")
    return "\n".join(made).rstrip("\n") + "\n"


def markdown_all(views: Iterable[ChartView], fetch: Fetch) -> str:
    """Several charts, one after the other."""
    return "\n".join(markdown(view, fetch) for view in views)


def csv_rows(view: ChartView, fetch: Fetch) -> Iterator[tuple[str, ...]]:
    """Rows under `CSV_HEADER` for a chart, its steps and all below, top down."""
    yield from _csv(view, fetch, set())


def csv_text(views: Iterable[ChartView], fetch: Fetch) -> str:
    """A CSV file with its header, for several charts."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    seen: set[str] = set()
    writer.writerows(chain.from_iterable(_csv(view, fetch, seen) for view in views))
    return out.getvalue()


def jsonl(view: View, chart_ids: Iterable[str] | None = None) -> Iterator[bytes]:
    """The peers' lines (without newline): entities, then relations, of some charts with all below.

    All charts when `chart_ids` is None. A wrapped record comes out plain, since peers read that.
    """
    relations: dict[str, None] = {}
    seen: set[str] = set()
    wanted = view.chart_ids() if chart_ids is None else chart_ids
    for chart_id in (below for top in wanted for below in links.subtree(view, top)):
        found = parts.find(view, chart_id) if chart_id not in seen else None
        seen.add(chart_id)
        for part in found.entities if found else ():
            if part.key not in seen:
                seen.add(part.key)
                relations |= dict.fromkeys(view.relations_of(part.name))
                yield records.dumps(_plain(part.record))
    for key in relations:
        held = view.get(key)
        if held is not None and held.record is not None:
            yield records.dumps(_plain(held.record))


def _plain(record: dict[str, object]) -> object:
    """A record without its wrapper, `type` first as the peers write it."""
    body = records.body_of(record)
    return record if body is record else {"type": body.get("type")} | body


def _outline(view: ChartView, fetch: Fetch, stem: str, seen: set[str]) -> list[str]:
    made = []
    rows: list[StepRow | ChartRow] = [*view.steps, *view.child_charts]
    for row in rows:
        name = row.name if isinstance(row, StepRow) else row.chart_id
        child = row.child if isinstance(row, StepRow) else row.chart_id
        title = flat(row.title)
        text = title if isinstance(row, StepRow) else f"**{title}**"
        made.append(f"{stem}- [{'x' if row.done else ' '}] {text}{_due(row.due)}")
        inner = stem + "  "
        made += [f"{inner}- {flat(note)}" for note in view.notes.get(name, ())]
        below = fetch(child) if child is not None and child not in seen else None
        if below is None or child is None:
            continue
        seen.add(child)
        if flat(below.outcome) != title:
            made.append(f"{inner}- → {flat(below.outcome) or below.row.title}")
        made += [f"{inner}- {flat(note)}" for note in below.outcome_notes]
        made += _outline(below, fetch, inner, seen)
        made += _quoted(below.reality, inner)
    return made


def _quoted(facts: Iterable[str], stem: str) -> list[str]:
    made: list[str] = []
    for fact in facts:
        made += [f"{stem}>"] if made else []
        made.append(f"{stem}> {flat(fact)}")
    return made


def _due(due: str | None) -> str:
    day = dates.day(due)
    return f" ({day.isoformat()})" if day else ""


def _csv(view: ChartView, fetch: Fetch, seen: set[str]) -> Iterator[tuple[str, ...]]:
    row = view.row
    if row.chart_id in seen:
        return
    seen.add(row.chart_id)
    yield _csv_row(row, view)
    for step in view.steps:
        yield _csv_row(step, view)
    children = [step.child for step in view.steps if step.child is not None]
    for child in [*children, *(child.chart_id for child in view.child_charts)]:
        below = fetch(child)
        if below is not None:
            yield from _csv(below, fetch, seen)


def _csv_row(row: ChartRow | StepRow, view: ChartView) -> tuple[str, ...]:
    whole = view.row
    if isinstance(row, StepRow):
        kind, name, parent, created, level = "step", row.name, row.chart_id, "", whole.level
        progress = row.child_progress
    else:
        kind, name, parent = "chart", row.chart_id, row.parent or ""
        created, level, progress = row.created or "", row.level, row.progress
    counts = (str(progress.done), str(progress.total)) if progress.total else ("", "")
    done = "yes" if row.done else "no"
    return (
        row.context, row.chart_id, kind, name, row.title, row.due or "", done, *counts, str(level), parent,
        created, row.updated or "",
    )  # fmt: skip
