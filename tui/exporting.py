"""Charts as Markdown, for the clipboard and for files; CSV and the peers' JSONL for files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import NotFound, Refused, UsageError
from tui.rows import Key

if TYPE_CHECKING:
    from store.model import ChartView
    from store.store import Store

ENDINGS = {".md": "Markdown", ".csv": "CSV", ".jsonl": "JSONL, as other COAIA tools read it"}


def hint(line: str) -> str:
    """What a file name will lead to, while it is typed."""
    path = Path(line.strip()).expanduser()
    if not line.strip():
        return ""
    if path.exists():
        return f"{path} exists; choose another name."
    kind = ENDINGS.get(path.suffix)
    return f"as {kind}" if kind else "End the name with .md, .csv or .jsonl."


def markdown(store: Store, keys: Sequence[Key]) -> str:
    """These charts with all below them, one after the other."""
    from store.charts import export

    return "\n".join(export.markdown(store.chart(key[0], key[1]), _fetch(store, key[0])) for key in keys)


def _fetch(store: Store, context: str) -> Callable[[str], ChartView | None]:
    def fetch(chart_id: str) -> ChartView | None:
        try:
            return store.chart(context, chart_id)
        except NotFound:
            return None

    return fetch


def write(store: Store, path: Path, keys: Sequence[Key], context: str | None) -> str:
    """Write charts to a new file; a sentence that says what was written. Refused where it exists."""
    from store import durable
    from store.upkeep.retention import exported

    if path.suffix not in ENDINGS:
        raise UsageError(f"{path.name}: end the name with .md, .csv or .jsonl.")
    if path.exists():
        raise Refused(f"{path} exists already. Name another file.")
    roots = list(keys) or _roots(store, context)
    if path.suffix == ".md":
        data = markdown(store, roots).encode("utf-8", "surrogatepass")
    elif path.suffix == ".csv":
        data = _csv(store, roots).encode("utf-8", "surrogatepass")
    else:
        data = _jsonl(store, roots)
    durable.write_file(path.absolute(), data)
    exported.note(store, path, len(roots))
    return f"Wrote {path}: {len(roots):,} charts with all below them."


def _csv(store: Store, keys: Sequence[Key]) -> str:
    from store.charts import export

    text = ""
    for context, ids in _grouped(keys).items():
        views = [store.chart(context, chart_id) for chart_id in ids]
        part = export.csv_text(views, _fetch(store, context))
        text += part.partition("\n")[2] if text else part
    return text


def _jsonl(store: Store, keys: Sequence[Key]) -> bytes:
    from store.charts import export

    lines: list[bytes] = []
    for context, ids in _grouped(keys).items():
        with store.state(context) as state:
            lines += export.jsonl(state, ids)
    return b"".join(line + b"\n" for line in lines)


def _grouped(keys: Sequence[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(key[0], []).append(key[1])
    return found


def _roots(store: Store, context: str | None) -> list[Key]:
    with store.snapshot() as snap:
        names = None if context is None else [context]
        return [(row.context, row.chart_id) for row in snap.rows(snap.roots(names)) if row is not None]
