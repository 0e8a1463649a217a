"""Subcommands that look after a store: init, demo, status, sync, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import Damaged, ReadOnly
from store.headless import dates, shapes
from store.headless.output import safe
from store.headless.working import opened

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
    with opened(space) as store:
        said = store.absorb(space.context, at_rest=False) if not store.readonly else []
        synced = store.sync(space.context)
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
        out.say(f"{dates.plural(errors, 'error')}, {dates.plural(warnings, 'warning')}.")
    out.result({"ok": not errors, "findings": [shapes.finding(finding) for finding in findings]})
    return Damaged.exit_code if errors else 0


def _tell(finding: Finding, out: Output) -> None:
    look = {"error": ("red", "bold"), "warning": ("yellow",)}.get(finding.severity, ("dim",))
    kept = f" (the bytes are kept in {finding.kept})" if finding.kept else ""
    signs = f"{out.style(finding.severity, *look)} {out.style(finding.code, 'dim')}"
    out.say(f"{signs} {safe(str(finding))}{safe(kept)}")


def status(space: Namespace, out: Output) -> int:
    """Print the measured figures of the store."""
    with opened(space) as store:
        figures: dict[str, Any] = {"store": str(store.root), "read_only": store.readonly, **store.status()}
    for line in describe(figures):
        out.say(safe(line))
    out.result(figures)
    return 0


def describe(figures: dict[str, Any], indent: str = "") -> list[str]:
    """Figures as aligned lines; nested ones stand below their name, byte counts with their unit."""
    lines = []
    names = {key: key.replace("_", " ").removesuffix(" bytes") for key in figures}
    room = max((len(name) for name in names.values()), default=0)
    for key, value in figures.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{names[key]}", *describe(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{names[key]}")
            for item in value:
                lines += describe(item, indent + "  ")
        else:
            lines.append(f"{indent}{names[key]:<{room}}  {_figure(key, value)}")
    return lines


def _figure(key: str, value: Any) -> str:
    if value is None:
        return "never" if key.startswith("last_") else "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) and ("bytes" in key or key == "size"):
        return dates.size(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, dict)):
        return ", ".join(map(str, value)) or "none"
    return dates.moment(value) if key.startswith(("last_", "since", "at")) else str(value)
