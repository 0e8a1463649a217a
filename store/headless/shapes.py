"""What `--json` prints: plain documents with stable members, made from the store's values.

Every document is an object, so that members can be added without breaking a script:

| command | document |
|---|---|
| `list` | `{"charts": [CHART]}` |
| `show` | `VIEW` |
| `search` | `{"query": text, "hits": [HIT]}` |
| `history` | `{"transactions": [TX]}`, of a chart or record `{"versions": [VERSION]}` |
| `contexts` | `{"contexts": [CONTEXT]}` |
| `conflicts` | `{"conflicts": [CONFLICT]}` |
| every command that changes something | `{"changes": [CHANGE], "published": bool}` |
| `verify` | `{"ok": bool, "findings": [FINDING]}` |
| `status` | STATUS; with `--prometheus` the text Prometheus reads |
| `sync` | an object of figures |
| `recover` | `{"ok", "dry_run", "said", "lines", "log", "findings": [FINDING]}` |
| `backup`, `backup drill` | BACKUP; `backup` with `"findings"` more |
| `backups` | `{"place", "encryption", "backups": [BACKUP], "findings": [FINDING]}` |
| `backup verify` | `{"ok": bool, "findings": [FINDING]}` |
| `backup prune` | `{"dry_run", "places": [{"place", "removed": [BACKUP], "kept", "objects", "freed", "problem"}]}` |
| `backup key` | `{"key_file", "recipient"}` |
| `restore` | of a store `{"backup", "store", "files", "bytes", "replaced"}`; of charts and contexts as above |
| `compact` | `{"compacted": [{"context", "family", "generation", "before", "after", "dropped", …}], "frozen": [path]}` |
| `retention` | `{"dry_run", "rules", "journals": [{"context", "family", "forgotten", "put_away", "frozen", …}]}` |
| `erase` | `{"records", "versions", "bytes", "files", "backups", "exports", "standing", "unreachable", …}` |
| `maintain` | a line for each task: `{"task", "title", "at", "seconds", "ok", "did", "note", "damage"}` |
| `batch` | lines `{"progress": WORKFLOW}`, then `{"workflow": WORKFLOW}` |
| `batch --dry-run` | `{"dry_run", "total", "new", "changed", "deleted", "unchanged", "rejected", "missing", "examples", …}` |
| `workflows` | `{"workflows": [WORKFLOW]}`; `show` `{"workflow": WORKFLOW, "steps": […]}` |
| `workflows rejects` | a line for each: `{"line", "code", "reason", "item", "whole", "at", "workflow"}` |
| `workflows run`, `pause`, `resume`, `cancel`, `rollback`, `retry` | as `batch` |
| `workflows clean` | `{"dry_run", "workflows": [WORKFLOW]}` |
| `record show` | `{"record": RECORD}`; RECORD is a row with `"value"`, and with `--scope` `"scope"` and `"way"` |
| `record history` | `{"context", "key", "versions": [{"ver", "op", "at", "by", "tx", "workflow", "value"}]}` |
| `query` | the records' exact bytes, one a line; `--count` `{"count"}`; `-o` `{"file", "records", "bytes"}` |
| `query` of nothing | `{"collections": [{"context", "collection", "records"}]}` |
| `domains` | `{"domains" or "pairs" or "best" or "shared": […]}`, with the first two `"without_domains"` |
| `similar` | `{"query", "model", "how", "recall", "note", "hits": [{"key", "context", "title", "score", "kind"}]}` |
| `vectors`, `vectors list` | `{"models": [{"context", "name", "made", "dimension", "form", "rows", …}], "embedders": [text]}` |
| `vectors add` | `{"model", "written", "rejected": [{"line", "key", "code", "reason"}]}` |
| `vectors embed` | `{"embedded": [{"context", "embedded", "unchanged", "gone", "total", "renewed"}]}` |
| `vectors check` | `{"ok": bool, "findings": [FINDING]}` |
| `vectors index`, `measure` | `{"measured": [{"model", "context", "rows", "sample", "recall", "exact_ms", "approximate_ms"}]}` |
| `vectors merge` | `{"merged": [{"context", "model", "shards_before", "shards", "dropped", "saved"}]}` |
| `vectors remove` | `{"model", "removed"}` |
| any error, on the error stream | `{"error": {"code": exit code, "kind": name, "message": text}}` |

CHART `{context, id, title, due, done, progress, level, parent, parent_step, children, created,
updated}`; `progress` is `{"done": n, "total": n}` or null where a chart has no steps; dates are the
text the files hold. VIEW is a CHART with `{outcome, outcome_notes, reality, steps, child_charts,
trail, phase, hints, others}` more. STEP `{context, chart, name, number, title, due, done, notes,
child, child_progress, updated}`; under `show` `child_chart` holds the VIEW it telescoped into.
CONFLICT `{context, id, chart, chart_title, key, path, record, field, ours, theirs, base, now, stands,
state, settled_by}`; `ours` and `theirs` are `{there, value, text, by, at}`, `state` is open, kept, taken or
superseded.
STATUS `{store, readonly, health: {severity, figures: [FIGURE]}, sizes, counts, contexts, growth,
index_lag_bytes, unpublished, query_ms, last_verification, kept_aside, disk_free, disk_total, problem,
damaged, watching, backups, samples, upkeep, knowledge: {records: {collection: live}, contexts, index_lag_bytes,
workflows: {running, pending, paused, interrupted: [id], ended}, vectors: [{context, model, vectors, bytes,
behind_bytes}]}}`; FIGURE `{name, label, value, unit, severity, text,
threshold}`, its severity `ok`, `warning`, `critical` or `unknown`, its value null where it is not known.
BACKUP `{id, at, kind, parent, bytes, stored, files, seconds, damaged, drilled, failed}`, sizes in bytes.
WORKFLOW `{context, id, kind, title, state, shown, paused, interrupted, total, processed, written, unchanged,
rejected, missing, atomic, strict, submitted, started, ended, by, note, rate, seconds_left, source, options,
ver}`; `shown` is the state as people read it, `missing` counts documented members that records lack.
CHANGE `{context, tx, at, by, command, label, focus, hints, edits: [{op, key}]}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from store.model import Change, ChartRow, ChartView, ContextInfo, Finding, Hit, Progress, StepRow, TxRow

Json = dict[str, Any]


def progress(value: Progress) -> Json | None:
    """`{"done", "total"}`, or None where there is nothing to count."""
    return {"done": value.done, "total": value.total} if value.total else None


def chart(row: ChartRow) -> Json:
    """A CHART document."""
    return {
        "context": row.context,
        "id": row.chart_id,
        "title": row.title,
        "due": row.due,
        "done": bool(row.done),
        "progress": progress(row.progress),
        "level": row.level,
        "parent": row.parent,
        "parent_step": row.parent_step,
        "children": row.children,
        "created": row.created,
        "updated": row.updated,
    }


def step(row: StepRow, number: int, notes: Iterable[str]) -> Json:
    """A STEP document; `number` is its place in the chart, counted from 1."""
    return {
        "context": row.context,
        "chart": row.chart_id,
        "name": row.name,
        "number": number,
        "title": row.title,
        "due": row.due,
        "done": bool(row.done),
        "notes": list(notes),
        "child": row.child,
        "child_progress": progress(row.child_progress),
        "updated": row.updated,
    }


def view(value: ChartView) -> Json:
    """A VIEW document, without the charts its steps telescoped into."""
    return {
        **chart(value.row),
        "outcome": value.outcome,
        "outcome_notes": list(value.outcome_notes),
        "reality": list(value.reality),
        "steps": [step(s, n, value.notes.get(s.name, ())) for n, s in enumerate(value.steps, 1)],
        "child_charts": [chart(child) for child in value.child_charts],
        "trail": [{"id": chart_id, "title": title} for chart_id, title in value.trail],
        "phase": value.phase,
        "hints": list(value.hints),
        "others": value.others,
    }


def change(value: Change) -> Json:
    """A CHANGE document: the acknowledgement of one command."""
    return {
        "context": value.context,
        "tx": value.tx,
        "at": value.at,
        "by": value.by,
        "command": value.command,
        "label": value.label,
        "focus": value.focus,
        "hints": list(value.hints),
        "edits": [{"op": edit.op, "key": edit.key} for edit in value.edits],
    }


def transaction(row: TxRow) -> Json:
    """A TX document: one transaction of the activity list."""
    return row._asdict()


def context(info: ContextInfo) -> Json:
    """A CONTEXT document."""
    return info._asdict()


def hit(value: Hit) -> Json:
    """A HIT document: where a search found its words."""
    return {
        "context": value.context,
        "chart": value.chart_id,
        "chart_title": value.title,
        "name": value.name,
        "kind": value.kind,
        "text": value.text,
        "done": bool(value.done),
    }


def finding(value: Finding) -> Json:
    """A FINDING document: what verify found, and where the bytes were kept."""
    return {
        "severity": value.severity,
        "code": value.code,
        "message": value.message,
        "path": value.path,
        "line": value.line,
        "offset": value.offset,
        "kept": value.kept,
    }
