"""Bringing charts in from outside: the peers' JSONL, or an outline in Markdown.

    # Outcome of the chart (2026-12-01)
    - a note on the outcome
    - [ ] A step (fri)
      - a note on the step
      - [x] A step of the chart it telescopes into
      > what is so there
    - [ ] **A sub-chart that comes from no step**
    > A fact of current reality

JSONL keeps every line's bytes; a record whose key is here already is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from store import records
from store.charts import create, dates, names, parts
from store.charts.view import View
from store.charts.work import Work, count, quote
from store.errors import UsageError
from store.model import Edit, Json, Plan

_ITEM = re.compile(r"(?P<stem>[ \t]*)[-*+][ \t]+(?:\[(?P<mark>[ xX])\][ \t]+)?(?P<text>\S.*)")
_QUOTE = re.compile(r"(?P<stem>[ \t]*)>[ \t]?(?P<text>.*)")
_HEAD = re.compile(r"#[ \t]+(?P<text>\S.*)")
_DUE = re.compile(r"(?P<title>.*\S)\s*\((?P<due>[^()]+)\)")
_COMPLETE = " [complete]"


@dataclass(slots=True)
class Item:
    """A row of an outline: a chart (the heading), a step or a sub-chart, with what lies below it."""

    title: str
    due: str | None = None
    done: bool = False
    is_chart: bool = False
    outcome: str | None = None
    notes: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def plan_import(view: View, lines: Iterable[str | bytes], *, source: str = "") -> Plan:
    """One transaction that brings everything in; what was left out is said in the hints.

    Which of the two formats it is shows in the first line that is JSON. `source` is named in the
    label. Raises UsageError where there is nothing to bring in.
    """
    texts = [line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass") for line in lines]
    if texts:
        texts[0] = texts[0].removeprefix(b"\xef\xbb\xbf")
    texts = [line.rstrip(b"\r\n") for line in texts]
    if any(line.lstrip()[:1] == b"{" for line in texts):
        return _import_jsonl(view, texts, source)
    return _import_outline(view, [line.decode("utf-8", "replace") for line in texts], source)


def read_outline(lines: Iterable[str]) -> list[Item]:
    """The charts of an outline. Raises UsageError for a row before the first `# outcome`."""
    charts: list[Item] = []
    stack: list[tuple[int, Item]] = []
    for number, line in enumerate(lines, 1):
        if head := _HEAD.fullmatch(line.rstrip()):
            charts.append(_row(head["text"], is_chart=True))
            stack = [(-1, charts[-1])]
            continue
        item, quoted = _ITEM.fullmatch(line.rstrip()), _QUOTE.fullmatch(line.rstrip())
        match = item or quoted
        if match is None:
            continue
        if not stack:
            raise UsageError(f"line {number}: a chart starts with a line like “# Outcome”")
        indent = len(match["stem"].expandtabs(4))
        while len(stack) > 1 and stack[-1][0] >= indent:
            stack.pop()
        inner = stack[-1][1]
        text = match["text"].strip()
        if quoted:
            inner.facts += [text] if text else []
        elif item and item["mark"] is None:
            if text.startswith("→ "):
                inner.outcome = text[2:].strip()
            else:
                inner.notes.append(text)
        elif item:
            made = _row(text, done=item["mark"] in "xX")
            inner.items.append(made)
            stack.append((indent, made))
    return charts


def _row(text: str, *, is_chart: bool = False, done: bool = False) -> Item:
    """A title with its due date in brackets, if that is a date, and its marks."""
    text = text.strip()
    if is_chart and text.endswith(_COMPLETE):
        text, done = text.removesuffix(_COMPLETE), True
    due = None
    match = _DUE.fullmatch(text)
    if match is not None:
        try:
            due = dates.file_due(match["due"].removeprefix("due "))
        except UsageError:
            due = None
        text = match["title"] if due is not None else text
    bold = len(text) > 4 and text.startswith("**") and text.endswith("**")
    return Item(text[2:-2] if bold else text, due, done, is_chart or bold)


def _import_outline(view: View, lines: list[str], source: str) -> Plan:
    charts = read_outline(lines)
    if not charts:
        raise UsageError("There is no chart in it; an outline starts with a line like “# Outcome”")
    work = Work(view)
    made = [_put_chart(work, chart, None, None) for chart in charts]
    what = quote(charts[0].title) if len(charts) == 1 else count(len(charts), "chart")
    return work.plan("store.import", f"Import {what}{_from(source)}", made[0])


def _put_chart(work: Work, item: Item, above: parts.Parts | None, step: str | None) -> str:
    """Put a chart and all below it; a due date after the parent's is capped, and a hint says so."""
    limit = above.due if above else None
    due = create.earlier(item.due, limit)
    if item.due is not None and due != item.due:
        work.hint(f"{quote(item.title)} was due after the chart it belongs to; it is due {due} now.")
    title = item.outcome or item.title
    chart_id = create.new_chart(
        work, [title, *([] if step else item.notes)], item.facts, due=due, above=above, parent_step=step
    )
    if item.done:
        chart = parts.read(work, chart_id)
        for part in (chart.chart, chart.outcome):
            if part is not None:
                work.change(part, meta={"completionStatus": True})
    undated = sum(1 for row in item.items if row.due is None)
    given: list[str | None] = [*dates.spread(work.today, due, undated)] or [None] * undated
    spread = iter(given)
    for row in item.items:
        chart = parts.read(work, chart_id)
        if row.is_chart:
            next(spread) if row.due is None else None
            _put_chart(work, row, chart, None)
        else:
            when = create.earlier(row.due, due) if row.due is not None else next(spread)
            if row.due is not None and when != row.due:
                work.hint(f"{quote(row.title)} was due after the chart it belongs to; it is due {when} now.")
            name = create.new_step(work, chart, [row.title, *row.notes], due=when, done=row.done)
            if row.items or row.facts or row.outcome:
                row.due = when
                _put_chart(work, row, chart, name)
    return chart_id


def _import_jsonl(view: View, lines: list[bytes], source: str) -> Plan:
    """The lines as they are: first come, first kept, as the peers do."""
    edits: dict[str, Edit] = {}
    left: dict[str, list[int]] = {}
    focus: str | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        reason, key, record = _judge(view, line, edits)
        if reason:
            left.setdefault(reason, []).append(number)
        elif record is not None:
            edits[key] = Edit("put", key, record, line.strip())
            body = records.body_of(record)
            if focus is None and body.get("entityType") == "structural_tension_chart":
                focus = names.chart_id_of(body)
    if not edits and not left:
        raise UsageError("There is no record in it")
    hints = [_left_out(reason, numbers) for reason, numbers in left.items()]
    ordered = sorted(edits.values(), key=lambda edit: edit.key.startswith("r:"))
    return Plan("store.import", f"Import {count(len(edits), 'record')}{_from(source)}", ordered, focus, hints)


def _judge(view: View, line: bytes, edits: dict[str, Edit]) -> tuple[str, str, Json | None]:
    """Why a line is left out (empty: it is not), its key and its record."""
    try:
        record = records.loads(line)
    except records.BadJson:
        return "no JSON", "", None
    key = records.key_of(record, line.strip()) if isinstance(record, dict) else ""
    if not key.startswith(("e:", "r:")) and not (key.startswith("x:") and key.count(":") > 1):
        return "no record of a chart file", "", None
    if key in edits:
        return "a name that came before in the file", "", None
    held = view.get(key)
    if held is not None:
        same = held.record is not None and records.same(held.record, record)
        return "here already, just so" if same else "here already with other content, left as it is", "", None
    return "", key, record


def _left_out(reason: str, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
    return f"{count(len(numbers), 'line')} left out: {reason} (line {shown})"


def _from(source: str) -> str:
    return f" from {source}" if source else ""
