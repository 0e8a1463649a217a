"""The subcommand recover: bring a damaged store back, and say what came back and what did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import Damaged
from store.headless import dates, shapes
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output


def recover(space: Namespace, out: Output) -> int:
    """Recover all that can be; the exit code is that of damage where something is still wrong."""
    from store import open_store
    from store.upkeep.recovery import recover as recovery

    # Opened without catching up: what is wrong is looked at before anything is built on it.
    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        done = recovery.recover(store, dry_run=space.dry_run)
        if space.dry_run:
            out.lines([safe(line) for line in done.lines])
        else:
            out.lines([safe(line) for line in done.said])
        if not done.said:
            out.say(f"{out.style('✓', 'green')} Nothing had to be recovered.")
        if done.log is not None:
            out.say(f"What was found and done, line by line: {safe(str(done.log))}")
        for finding in done.findings:
            out.say(f"{out.style('still wrong', 'red', 'bold')} {safe(str(finding))}")
        if done.findings:
            out.say(
                f"{dates.plural(len(done.findings), 'error')} left. `chartkeep restore` brings a backup back."
            )
        out.result(
            {
                "ok": not done.findings,
                "dry_run": bool(space.dry_run),
                "said": done.said,
                "lines": done.lines,
                "log": str(done.log) if done.log is not None else None,
                "findings": [shapes.finding(finding) for finding in done.findings],
            }
        )
        return Damaged.exit_code if done.findings else 0
