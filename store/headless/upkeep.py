"""Subcommands that look after a store: init, demo, status, sync, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import Damaged, ReadOnly
from store.headless import dates, shapes
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.model import Finding


def init(space: Namespace, out: Output) -> int:
    """Make a store in a folder; one that is there stays as it is."""
    from store import init_store

    if space.read_only:
        raise ReadOnly("A store cannot be made with --read-only.")
    root = init_store(space.path or space.store)
    out.say(f"{out.style('✓', 'green')} A store is at {safe(str(root))}")
    out.say("  Make a first chart: chartkeep add “What you want to have created” --due +3w")
    out.result({"store": str(root)})
    return 0


def demo(space: Namespace, out: Output) -> int:
    """Make the demo store, or say where it is."""
    from store.demo import make_demo

    if space.read_only:
        raise ReadOnly("The demo store cannot be made with --read-only.")
    named = space.path or space.store
    root = make_demo(Path(named).expanduser().absolute() if named else None)
    out.say(f"{out.style('✓', 'green')} The demo store is at {safe(str(root))}")
    out.say(f"  Look at it: chartkeep --store {safe(str(root))}")
    out.result({"store": str(root)})
    return 0


def sync(space: Namespace, out: Output) -> int:
    """Take in what other programs wrote, bring the index up to date and publish."""
    from store import open_store

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        said, synced = store.catch_up()
        if space.rebuild:
            store.rebuild()
        written = store.publish(space.context) if not store.readonly else []
        transactions = sum(one.transactions for one in synced)
        for line in said:
            out.say(safe(line))
        out.say(
            f"{out.style('✓', 'green')} {dates.plural(transactions, 'new transaction')} in the index; "
            + (f"published {', '.join(map(safe, written))}" if written else "every chart file was up to date")
        )
        out.result({"absorbed": said, "transactions": transactions, "published": written})
    return 0


def verify(space: Namespace, out: Output) -> int:
    """Check every journal line by line; the exit code is that of damage where an error was found."""
    from store import open_store

    # Opened without catching up: what is wrong must be seen, not stumbled over.
    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        findings = store.verify()
    errors = sum(finding.severity == "error" for finding in findings)
    for finding in findings:
        _tell(finding, out)
    if not findings:
        out.say(f"{out.style('✓', 'green')} Nothing is wrong.")
    else:
        warnings = sum(finding.severity == "warning" for finding in findings)
        notices = len(findings) - errors - warnings
        counts = ((errors, "error"), (warnings, "warning"), (notices, "notice"))
        out.say(", ".join(dates.plural(count, noun) for count, noun in counts) + ".")
    out.result({"ok": not errors, "findings": [shapes.finding(finding) for finding in findings]})
    return Damaged.exit_code if errors else 0


def _tell(finding: Finding, out: Output) -> None:
    look = {"error": ("red", "bold"), "warning": ("yellow",)}.get(finding.severity, ("dim",))
    kept = f" (the bytes are kept in {finding.kept})" if finding.kept else ""
    signs = f"{out.style(finding.severity, *look)} {out.style(finding.code, 'dim')}"
    out.say(f"{signs} {safe(str(finding))}{safe(kept)}")


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
