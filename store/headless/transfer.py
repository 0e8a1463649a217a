"""Subcommands that carry charts out and in: export as Markdown, CSV or JSONL; import of chart files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import NotFound, Refused
from store.headless import dates, export, names
from store.headless.output import safe
from store.headless.working import acknowledge, context_for_new, contexts_of, opened

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from store.headless.output import Output
    from store.model import ChartView
    from store.store import Store

Named = tuple[str, str]
"""(context, chart id)"""


def export_charts(space: Namespace, out: Output) -> int:
    """Write charts with all below them; without names, every chart of the contexts."""
    with opened(space) as store:
        found = names.charts(store, space, space.charts) if space.charts else None
        contexts = contexts_of(store, space)
        if space.format == "jsonl":
            text = "".join(line + "\n" for line in _jsonl(store, found, contexts))
        elif space.format == "csv":
            text = export.csv_text(_views(store, _all_below(store, found or _roots(store, contexts))))
        else:
            text = _markdown(store, found or _roots(store, contexts))
    if space.output:
        _write(Path(space.output), text, space.force)
        out.say(f"{out.style('✓', 'green')} Wrote {safe(space.output)} ({dates.size(len(text.encode()))})")
        out.result({"file": space.output, "format": space.format, "bytes": len(text.encode())})
    elif out.json:
        out.result({"format": space.format, "text": text})
    else:
        out.raw(text)
    return 0


def _write(path: Path, text: str, force: bool) -> None:
    from store import durable

    if path.exists() and not force:
        raise Refused(f"{path} exists already. Say --force to replace it, or name another file.")
    durable.write_file(path.absolute(), text.encode("utf-8", "surrogatepass"))


def _roots(store: Store, contexts: list[str]) -> list[Named]:
    with store.snapshot() as snap:
        return [(row.context, row.chart_id) for row in snap.rows(snap.roots(contexts))]


def _all_below(store: Store, roots: list[Named]) -> list[Named]:
    """The charts of `roots` and all below them, each once, parents first."""
    with store.snapshot() as snap:
        return list(
            dict.fromkeys(
                (context, inner) for context, root in roots for inner in snap.subtree(context, root)
            )
        )


def _views(store: Store, charts: list[Named]) -> Iterator[ChartView]:
    return (store.chart(context, chart_id) for context, chart_id in charts)


def _markdown(store: Store, roots: list[Named]) -> str:
    parts = []
    for context, chart_id in roots:

        def load(wanted: str, context: str = context) -> ChartView | None:
            try:
                return store.chart(context, wanted)
            except NotFound:
                return None

        parts.append("\n".join(export.markdown(store.chart(context, chart_id), load)))
    return "\n\n".join(parts) + ("\n" if parts else "")


def _jsonl(store: Store, charts: list[Named] | None, contexts: list[str]) -> Iterator[str]:
    """Lines as the peers read them: entities, then the relations between them; foreign records too."""
    from store import records
    from store.charts.removing import collect
    from store.publish import published_form

    grouped: dict[str, list[str] | None] = dict.fromkeys(contexts) if charts is None else {}
    for context, chart_id in charts or ():
        chosen = grouped.setdefault(context, [])
        assert chosen is not None, "charts were named, so every group is a list"
        chosen.append(chart_id)
    for context, chart_ids in grouped.items():
        if not store.layout.journal(context).exists():
            continue
        with store.state(context) as state:
            keys: list[str]
            if chart_ids is None:
                with store.snapshot() as snap:
                    keys = [row.key for row in snap.live(context)]
            else:
                subtree = collect(state, chart_ids)
                keys = [*subtree.entities, *subtree.relations]
            for key in sorted(keys, key=lambda key: key.startswith("r:")):
                held = state.get(key)
                raw = (
                    None
                    if held is None or held.record is None
                    else published_form(records.dumps(held.record))
                )
                if raw is not None:
                    yield raw.decode("utf-8", "surrogatepass")


def import_files(space: Namespace, out: Output) -> int:
    """Bring the charts of files into a context: one transaction per file, or several for a big one."""
    with opened(space, writes=True) as store:
        context = context_for_new(store, space)
        changes = []
        for name in space.files:
            path = Path(name)
            if not path.is_file():
                raise NotFound(f"{path} is not a file. Name a chart file (JSONL).")
            changes.extend(store.import_file(path, context))
        return acknowledge(store, out, changes)
