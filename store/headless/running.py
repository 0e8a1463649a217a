"""A workflow run or watched from the command line: its progress on one line, and what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from store.errors import ChartkeepError
from store.headless.output import clip, safe

if TYPE_CHECKING:
    from store.headless.output import Output
    from store.store import Store
    from store.workflows.model import Workflow

WATCH_SECONDS = 0.5
INTERRUPTED = 130


def document(one: Workflow) -> dict[str, Any]:
    """A workflow as JSON."""
    return {**one._asdict(), "shown": one.shown}


class Shown:
    """Progress on one line of the terminal, or as lines of JSON; nothing where neither is wanted."""

    def __init__(self, out: Output, verb: str = "done") -> None:
        self._out = out
        self._verb = verb
        self._live = out.err.isatty() and not out.json
        self._begun = time.monotonic()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._out.err.write("\r\x1b[K")
            self._out.err.flush()

    def workflow(self, one: Workflow) -> None:
        """How far a workflow is."""
        self._out.result_line({"progress": document(one)})
        if one.state == "pending":
            self._draw("waiting for a free worker")
            return
        parts = [self._part(one.processed, one.total)]
        if one.rate:
            parts.append(f"{one.rate:,.0f}/s")
        if one.seconds_left:
            parts.append(f"{_span(one.seconds_left)} left")
        if one.rejected:
            parts.append(f"{one.rejected:,} rejected")
        self._draw(", ".join(parts))

    def count(self, done: int, total: int) -> None:
        """How far something else is."""
        self._out.result_line({"progress": {"done": done, "total": total}})
        self._draw(self._part(done, total))

    def _part(self, done: int, total: int) -> str:
        if not total:
            return f"{done:,} {self._verb}"
        share = min(1.0, done / total)
        bar = "█" * round(20 * share)
        return f"{bar:░<20} {done:,} of {total:,} {self._verb} ({share:.0%})"

    def _draw(self, text: str) -> None:
        if self._live:
            self._drawn = True
            self._out.err.write("\r" + clip(text, 100) + "\x1b[K")
            self._out.err.flush()


def run_here(store: Store, workflow_id: str, out: Output, *, patience: float = 0.3) -> int:
    """Run a workflow to its end and say what became of it; the exit code."""
    from store.workflows import run

    try:
        with Shown(out) as shown:
            one = run(store, workflow_id, on_progress=shown.workflow, patience=patience)
    except KeyboardInterrupt:
        out.remark(f"Paused. Go on with: chartkeep workflows resume {workflow_id}")
        return INTERRUPTED
    tell(one, out)
    out.result_line({"workflow": document(one)})
    return ended(one)


def ended(one: Workflow) -> int:
    """The exit code of what became of a workflow: rejects are no failure."""
    return ChartkeepError.exit_code if one.state in ("failed", "cancelled") else 0


def tell(one: Workflow, out: Output) -> None:
    """A workflow in a few lines."""
    good = one.state == "completed"
    sign = (
        out.style("✓", "green") if good else out.style("!", "red", "bold") if one.state == "failed" else "·"
    )
    out.say(f"{sign} {safe(one.title)} ({one.id}): {one.shown}")
    counts = [f"{one.written:,} written"]
    if one.unchanged:
        counts.append(f"{one.unchanged:,} there already")
    if one.rejected:
        counts.append(out.style(f"{one.rejected:,} rejected", "red"))
    if one.total or one.processed:
        out.say(f"  {', '.join(counts)}, of {max(one.total, one.processed):,}")
    if one.missing:
        lacking = (f"{count:,} without {safe(name)}" for name, count in sorted(one.missing.items()))
        out.say(f"  {', '.join(lacking)}")
    if one.note:
        out.say(f"  {safe(one.note)}")
    if one.rejected:
        out.say(f"  Why: chartkeep workflows rejects {one.id}")
    if one.shown in ("interrupted", "paused") or one.state in ("failed", "cancelled"):
        out.say(f"  Go on with: chartkeep workflows resume {one.id}")


def follow(store: Store, workflow_id: str | None, out: Output) -> int:
    """Watch one workflow, or all, until none runs any more."""
    from store.workflows import get, listing

    try:
        with Shown(out) as shown:
            while True:
                if workflow_id is not None:
                    found = [get(store, workflow_id)]
                else:
                    found = listing(store, running_only=True)
                running = [one for one in found if _runs(one)]
                for one in running[:1]:
                    shown.workflow(one)
                if not running:
                    break
                time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return INTERRUPTED
    if workflow_id is None:
        out.say("No workflow runs.")
        return 0
    one = get(store, workflow_id)
    tell(one, out)
    out.result_line({"workflow": document(one)})
    return ended(one)


def _runs(one: Workflow) -> bool:
    return one.state in ("pending", "processing") and not (one.paused or one.interrupted)


def _span(seconds: float) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
