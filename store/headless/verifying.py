"""The subcommand verify: read everything, name what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import Damaged
from store.headless import dates, shapes
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.model import Finding


def verify(space: Namespace, out: Output) -> int:
    """Check everything, or with --quick only the files; the exit code is that of damage where an error was found."""
    from store import open_store

    # Opened without catching up: what is wrong must be seen, not stumbled over.
    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        findings = store.verify(backups=space.backups, quick=space.quick)
    errors = sum(finding.severity == "error" for finding in findings)
    for finding in findings:
        tell(finding, out)
    if not findings:
        out.say(f"{out.style('✓', 'green')} Nothing is wrong.")
    else:
        warnings = sum(finding.severity == "warning" for finding in findings)
        notices = len(findings) - errors - warnings
        counts = ((errors, "error"), (warnings, "warning"), (notices, "notice"))
        out.say(", ".join(dates.plural(count, noun) for count, noun in counts) + ".")
    out.result({"ok": not errors, "findings": [shapes.finding(finding) for finding in findings]})
    return Damaged.exit_code if errors else 0


def tell(finding: Finding, out: Output) -> None:
    """A line that says what was found and where."""
    look = {"error": ("red", "bold"), "warning": ("yellow",)}.get(finding.severity, ("dim",))
    kept = f" (the bytes are kept in {finding.kept})" if finding.kept else ""
    signs = f"{out.style(finding.severity, *look)} {out.style(finding.code, 'dim')}"
    out.say(f"{signs} {safe(str(finding))}{safe(kept)}")
