"""Charts as Markdown and as CSV rows. Both are made from chart views, so they can show the past too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from store import clock
from store.model import ChartView, Progress, StepRow

Load = Callable[[str], ChartView | None]

CSV_COLUMNS = (
    "context", "chart", "kind", "name", "number", "title", "due", "done", "steps_done", "steps_total",
    "level", "parent", "parent_step", "child", "reality", "notes", "created", "updated",
)  # fmt: skip
"""Columns of the CSV export: one row per chart (kind `chart`) and per action step (kind `step`)."""

_SPECIAL = str.maketrans({char: "\\" + char for char in "\\`*_[]<>#|"})


def markdown(view: ChartView, load: Load, heading: int = 1) -> Iterator[str]:
    """The lines of one chart as Markdown, the charts its steps telescoped into as nested lists."""
    hashes = "#" * min(heading, 5)
    yield f"{hashes} {escape(view.outcome or view.row.title)}"
    facts = [f"due {day}" for day in [_day(view.row.due)] if day]
    facts += [f"{view.row.progress} steps"] if view.row.progress.total else []
    facts += ["complete"] if view.row.done else []
    if facts:
        yield ""
        yield ", ".join(facts)
    for note in view.outcome_notes:
        yield ""
        yield f"> {escape(note)}"
    yield ""
    yield f"{hashes}# Action steps"
    yield ""
    yield from (
        _parts(view, load, "", {view.row.chart_id}) if view.steps or view.child_charts else ["None yet."]
    )
    yield ""
    yield f"{hashes}# Current reality"
    yield ""
    yield from (f"- {escape(fact)}" for fact in view.reality) if view.reality else ["Nothing noted yet."]


def escape(text: str) -> str:
    """`text` on one line, with what Markdown would take for markup escaped."""
    return " ".join(text.split()).translate(_SPECIAL)


def _parts(view: ChartView, load: Load, indent: str, seen: set[str]) -> Iterator[str]:
    for part in (*view.steps, *view.child_charts):
        is_step = isinstance(part, StepRow)
        chart_id = part.child if isinstance(part, StepRow) else part.chart_id
        day = _day(part.due)
        yield f"{indent}- [{'x' if part.done else ' '}] {escape(part.title)}" + (
            f" (due {day})" if day else ""
        )
        if is_step:
            yield from (f"{indent}  - {escape(note)}" for note in view.notes.get(part.name, ()))
        inner = load(chart_id) if chart_id and chart_id not in seen else None
        if inner is not None:
            yield from _parts(inner, load, indent + "  ", seen | {inner.row.chart_id})


def _day(due: str | None) -> str:
    day = clock.day_of(due) if due else None
    return day.isoformat() if day else due or ""


def rows(view: ChartView) -> Iterator[dict[str, object]]:
    """The CSV rows of one chart, by column: itself, then its steps. Lists are joined with line ends."""
    row = view.row
    yield {
        "context": row.context,
        "chart": row.chart_id,
        "kind": "chart",
        "name": row.chart_id,
        "title": view.outcome or row.title,
        "due": row.due,
        "done": _flag(row.done),
        **_counts(row.progress),
        "level": row.level,
        "parent": row.parent,
        "parent_step": row.parent_step,
        "reality": "\n".join(view.reality),
        "notes": "\n".join(view.outcome_notes),
        "created": row.created,
        "updated": row.updated,
    }
    for number, step in enumerate(view.steps, 1):
        yield {
            "context": row.context,
            "chart": row.chart_id,
            "kind": "step",
            "name": step.name,
            "number": number,
            "title": step.title,
            "due": step.due,
            "done": _flag(step.done),
            **_counts(step.child_progress),
            "level": row.level,
            "child": step.child,
            "notes": "\n".join(view.notes.get(step.name, ())),
            "updated": step.updated,
        }


def csv_text(views: Iterable[ChartView]) -> str:
    """Charts as CSV text with a line of column names; values that hold commas or line ends are quoted."""
    import csv
    import io

    made = io.StringIO()
    writer = csv.DictWriter(made, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for view in views:
        writer.writerows(rows(view))
    return made.getvalue()


def _flag(done: bool) -> str:
    return "yes" if done else "no"


def _counts(progress: Progress) -> dict[str, int]:
    return {"steps_done": progress.done, "steps_total": progress.total} if progress.total else {}
