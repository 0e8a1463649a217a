"""The subcommand status: the measured figures of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.headless import dates
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output


def status(space: Namespace, out: Output) -> int:
    """Print the measured figures of the store."""
    from store import open_store

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        # What lags is measured before this very command catches up, what is held after it.
        before = store.status()
        store.catch_up()
        figures = {**store.status(), **{name: before[name] for name in ("index_lag_bytes", "unpublished")}}
    out.lines(safe(line) for line in _figures(figures))
    rows = [("CONTEXT", "CHART FILE", "JOURNAL", "GENERATION")]
    rows += [
        (
            safe(one["name"]),
            dates.size(one["chart_file_bytes"]),
            dates.size(one["journal_bytes"]),
            str(one["generation"]),
        )
        for one in figures["contexts"]
    ]
    out.say()
    out.table(rows, right=(1, 2, 3), looks=lambda row, _column: ("bold",) if row == 0 else ())
    out.result(figures)
    return 0


def _figures(figures: dict[str, Any]) -> list[str]:
    """The figures of a whole store, one subject to a line."""
    sizes = ", ".join(
        f"{name.replace('_', ' ')} {dates.size(size)}" for name, size in figures["sizes"].items()
    )
    counts = ", ".join(
        dates.plural(count, name.removesuffix("s")) for name, count in figures["counts"].items()
    )
    lines = {
        "store": figures["store"] + (" (for reading only)" if figures["readonly"] else ""),
        "holds": counts,
        "sizes": sizes,
        "disk free": dates.size(figures["disk_free"]),
        "index lag": dates.size(figures["index_lag_bytes"]),
        "to publish": ", ".join(figures["unpublished"]) or "nothing",
        "verified": _verified(figures["last_verification"]),
        "kept aside": dates.plural(figures["kept_aside"], "file"),
    }
    if figures["problem"]:
        lines["problem"] = figures["problem"]
    return [f"{name:<12}{text}" for name, text in lines.items()]


def _verified(last: Any) -> str:
    if not last:
        return "never; `chartkeep verify` does"
    if not isinstance(last, dict):
        return dates.moment(str(last))
    errors = last.get("error")
    found = (
        "" if errors is None else ", nothing wrong" if not errors else f", {dates.plural(errors, 'error')}"
    )
    return dates.moment(last.get("at")) + found
