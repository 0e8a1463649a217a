"""Subcommands that carry charts out and in: export as Markdown, CSV or JSONL; import of chart files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import Refused
from store.headless import dates, names
from store.headless.output import safe
from store.headless.working import acknowledging, context_for_new, contexts_of, opened

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from store.headless.output import Output
    from store.index import Snapshot
    from store.model import ChartView
    from store.store import Store

Named = tuple[str, str]
"""(context, chart id)"""


def export_charts(space: Namespace, out: Output) -> int:
    """Write charts with all below them; without names, every chart of the contexts."""
    from store.upkeep.retention import exported

    with opened(space, out) as store:
        found = names.charts(store, space, space.charts) if space.charts else None
        contexts = contexts_of(store, space)
        if space.format == "jsonl":
            data = b"".join(line + b"\n" for line in _jsonl(store, found, contexts))
        else:
            roots = found if found is not None else _roots(store, contexts)
            data = _written(store, roots, space.format).encode("utf-8", "backslashreplace")
        if space.output:
            _write(Path(space.output), data, space.force)
            exported.note(store, Path(space.output), len(found or _roots(store, contexts)))
    if space.output:
        out.say(f"{out.style('✓', 'green')} Wrote {safe(space.output)} ({dates.size(len(data))})")
        out.result({"file": space.output, "format": space.format, "bytes": len(data)})
    elif out.json:
        out.result({"format": space.format, "text": data.decode()})
    else:
        out.raw(data.decode())
    return 0


def _write(path: Path, data: bytes, force: bool) -> None:
    from store import durable

    if path.exists() and not force:
        raise Refused(f"{path} exists already. Say --force to replace it, or name another file.")
    durable.write_file(path.absolute(), data)


def _roots(store: Store, contexts: list[str]) -> list[Named]:
    with store.snapshot() as snap:
        return [(row.context, row.chart_id) for row in snap.rows(snap.roots(contexts)) if row is not None]


def _written(store: Store, roots: list[Named], form: str) -> str:
    """Charts with all below them as Markdown or CSV, the contexts one after the other."""
    from store.charts import export

    make = export.csv_text if form == "csv" else export.markdown_all
    grouped: dict[str, list[str]] = {}
    for context, chart_id in roots:
        grouped.setdefault(context, []).append(chart_id)
    texts = []
    for context, chart_ids in grouped.items():
        with store.snapshot() as snap:

            def fetch(chart_id: str, snap: Snapshot = snap, context: str = context) -> ChartView | None:
                row = snap.chart(context, chart_id)
                return snap.chart_view(context, chart_id) if row is not None else None

            views = [view for chart_id in chart_ids if (view := fetch(chart_id)) is not None]
            texts.append(make(views, fetch))
    if form == "csv":
        texts = [text if not number else text.partition("\n")[2] for number, text in enumerate(texts)]
        return "".join(texts)
    return "\n".join(texts)


def _jsonl(store: Store, charts: list[Named] | None, contexts: list[str]) -> Iterator[bytes]:
    """Lines as the peers read them: entities, then relations. Of a whole context foreign records too."""
    from store.charts import export

    if charts is None:
        for context in contexts:
            yield from _whole(store, context)
        return
    grouped: dict[str, list[str]] = {}
    for context, chart_id in charts:
        grouped.setdefault(context, []).append(chart_id)
    for context, chart_ids in grouped.items():
        with store.state(context) as state:
            yield from export.jsonl(state, chart_ids)


def _whole(store: Store, context: str) -> Iterator[bytes]:
    """The lines of a context as its chart file is published."""
    from store.publish import published_form

    journal = store.journal(context)
    with store.snapshot() as snap:
        for row in snap.live_records(context):
            raw = journal.record_raw(row.generation, row.offset, row.length)
            line = published_form(raw) if raw is not None else None
            if line is not None:
                yield line


def import_files(space: Namespace, out: Output) -> int:
    """Bring the charts of files into a context, one transaction each: JSONL, or an outline in Markdown."""
    with opened(space, out, writes=True) as store:
        context = context_for_new(store, space)
        with acknowledging(store, out) as changes:
            for name in space.files:
                changes.append(store.import_file(name, context))
    return 0
