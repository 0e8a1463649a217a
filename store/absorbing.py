"""Taking in what another program wrote to a chart file: read, decide, commit, set aside, say so.

What a difference means is decided in `absorb`, which is pure; here it becomes a transaction. A
first import of a large file goes in parts, in constant memory but for the keys.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from store import clock, durable
from store.absorb import Absorption, import_edits, plan_absorb, take_over
from store.chartfile import ChartFile, broken_bytes, quarantine, read_chart_file, signature
from store.desk import Desk
from store.journal_reader import NOWHERE
from store.model import Change, Edit, Finding, Plan, Position, TxMeta
from store.past import FOREIGN, JournalHistory
from store.records import Draft

if TYPE_CHECKING:
    from store.state import State

REST_NS = 300_000_000
"""A file not changed for so long has been at rest: its deletions may be believed."""
LARGE = 8 << 20
"""Bytes from which a first import is committed in parts, of `CHUNK` records each."""
CHUNK = 10_000


@dataclass(slots=True)
class Absorbed:
    """What came of looking at a chart file."""

    changed: bool = False
    """Records were committed."""
    republish: bool = False
    """The file does not hold the state."""
    again: bool = False
    """Look once more when the file has been at rest."""
    unread: bool = False
    """The file changed while it was read."""
    said: list[str] = field(default_factory=list)
    """For the person: who changed what, what was set aside and where."""
    shown_by: dict[str, str] = field(default_factory=dict)
    """Of what is said, the command that shows more of it, by its id in the command table."""

    def telling(self) -> list[tuple[str, str]]:
        """What is said, each with the id of the command that shows more of it, or empty."""
        return [(text, self.shown_by.get(text, "")) for text in self.said]


class Absorbing(Desk):
    """The half of the desk that reads the chart file."""

    def absorb(self, at_rest: bool | None, path: Path | None = None) -> Absorbed:
        """Absorb the live file, or the one at `path` that it replaced."""
        store, source = self.store, path or self.path
        found = signature(source)
        if found is None:
            return self._gone()
        if path is None and self.log.knows(found):
            return Absorbed(republish=self.behind())
        if found.size == 0 and self.log.last() is None:
            return Absorbed(republish=self.behind())  # a context just made
        if at_rest is None:
            at_rest = clock.wall_ns() - found.mtime_ns > REST_NS
        if store.layout.journal(self.context).exists():
            store.sync(self.context)
        first = not self.begun()
        if first and path is None and found.size > LARGE:
            return self._import_large()
        with store.jobs.run(
            "import" if first else "absorb", f"Read {self.path.name}", quiet=not first
        ) as job:
            with store.state(self.context) as state:
                file = read_chart_file(source, known=None if first else JournalHistory(state).same_raw)
            if first and other_format(file):
                return self._left_alone(file)
            file, plan, change = self._commit(file, state.end, at_rest, source)
            if not file.steady:
                return Absorbed(again=True, unread=True)
            if not change.empty:
                store.sync(self.context)
            job.at(file.count, file.count)
            kept = self._keep(file, plan, source)
            job.note(
                f"{file.count:,} records taken in"
                if first
                else _in_words(plan)
                if not change.empty
                else "nothing new"
            )
        return self._conclude(file, plan, change, kept, live=path is None)

    def _left_alone(self, file: ChartFile) -> Absorbed:
        """A file of another format, where there is nothing of ours yet, is neither taken in nor replaced."""
        why = "the file holds another format, not one record to a line"
        plan = Absorption(findings=list(file.findings), first=True, distrust=why)
        self.log.absorbed(NOWHERE, file.signature, file.count)
        self._record(plan, None)
        return Absorbed(said=[f"{self.path.name} is left as it is: {why}."])

    def _commit(
        self, file: ChartFile, read_at: Position, at_rest: bool, source: Path
    ) -> tuple[ChartFile, Absorption, Change]:
        """Plan and commit; the file as it was planned on, and a change that says at least where that was."""
        plans: list[tuple[ChartFile, Absorption, Position]] = []

        def planner(state: State) -> Plan:
            nonlocal file
            if state.end != read_at and file.unchanged:
                # Lines passed over as those we hold may not be that any more.
                file = read_chart_file(source, known=JournalHistory(state).same_raw)
            if not file.steady:
                plans.append((file, Absorption(), state.end))
                return Plan("absorb", "")
            plan = plan_absorb(
                file,
                self.log.around(file.signature.mtime_ns),
                JournalHistory(state),
                at_rest=at_rest,
                pool=self.log.pool(),
            )
            plans.append((file, plan, state.end))
            label = _label(self.path.name, plan)
            return Plan("absorb", label, plan.edits, conflicts=plan.conflicts)

        change = self.store.commit(self.context, planner, by=FOREIGN + self.path.name)
        file, plan, end = plans[-1]
        return file, plan, replace(change, position=change.position or end)

    def _import_large(self) -> Absorbed:
        """A first import in constant memory but for the keys; cut short, the next absorbing goes on with it."""
        journal = self.store.journal(self.context)
        meta = TxMeta("absorb", f"Import {self.path.name}", self.store.session.id)
        batch: list[Draft] = []
        keys: set[int] = set()
        seen = 0
        ends: list[Position] = []
        others = False

        def flush() -> None:
            nonlocal others
            if batch:
                made = journal.append_many(batch, by=FOREIGN + self.path.name, meta=meta)
                others = others or bool(ends and made[0].offset != ends[-1].offset)
                ends.append(made[-1].position)
                batch.clear()

        def take(key: str, raw: bytes) -> bool:
            nonlocal seen
            seen += len(raw) + 1
            if hash(key) in keys:  # a name seen before, or as good as: it is looked at afterwards
                return False
            keys.add(hash(key))
            batch.append(Draft("put", key, 1, raw))
            if len(batch) >= CHUNK:
                flush()
                job.at(seen)
            return True

        with self.store.jobs.run("import", f"Read {self.path.name}", os.stat(self.path).st_size) as job:
            file = read_chart_file(self.path, known=take)
            flush()
            made = Plan("absorb", meta.label, self._odd(file))
            change = self.store.commit(self.context, partial(_as_planned, made), by=FOREIGN + self.path.name)
            last = change.position or (ends[-1] if ends else self.end())
            job.note(f"{len(file.first):,} records taken in")
            plan = Absorption(findings=list(file.findings), first=True, stale=bool(file.broken))
            kept = self._keep(file, plan, self.path)
        if not file.steady:
            return Absorbed(changed=True, again=True, unread=True)
        # Where somebody else has committed between the parts, the file lacks that.
        plan.stale = plan.stale or others
        return self._conclude(file, plan, replace(change, position=last), kept, live=True, changed=True)

    def _odd(self, file: ChartFile) -> list[Edit]:
        """What was not taken in passing: oddly written lines, and further lines of one name."""
        edits = list(import_edits(file))
        firsts = {line.key for line in file.lines if file.first[line.key] == line.line_no}
        later = [line for line in file.lines if line.key not in firsts]
        if not later:
            return edits
        self.store.sync(self.context)
        journal = self.store.journal(self.context)
        with self.store.index.snapshot() as snap:
            for line in later:
                edits.append(take_over(line, line.value))
                version = snap.version(self.context, line.key, 1)
                if version is not None:  # of several lines the first one counts
                    raw = journal.record_raw(version.generation, version.offset, version.length)
                    edits.append(Edit("put", line.key, None, raw))
        return edits

    def _conclude(
        self,
        file: ChartFile,
        plan: Absorption,
        change: Change,
        kept: str | None,
        *,
        live: bool,
        changed: bool | None = None,
    ) -> Absorbed:
        """Note what was absorbed, keep what it found, and say so.

        The file stands for the state it was compared with, whatever was committed since.
        """
        end = change.position
        changed = not change.empty if changed is None else changed
        if plan.waiting and plan.distrust is None:
            # Not noted: it is read again at rest, when the deletions can be judged.
            return self._telling(Absorbed(changed, republish=False, again=True), plan)
        if live and end is not None and file.exists:
            bases = plan.positions or ([end] if plan.stale else [])
            self.log.absorbed(end, file.signature, file.count, bases)
        done = Absorbed(changed, republish=plan.stale or self.behind())
        if changed and not plan.first and (plan.added or plan.believed_deletions):
            done.said.append(f"{_in_words(plan)} ({self.path.name})")
        if plan.distrust and plan.first:
            done.said.append(f"{self.path.name} is left as it is: {plan.distrust}.")
        elif plan.distrust:
            where = f"; its bytes are kept in {kept}" if kept and file.signature.size else ""
            text = f"{self.path.name} is not taken as it is: {plan.distrust}{where}. It is published again"
            done.said.append(text)
            if kept:
                done.shown_by[text] = "store.difference"
        self._record(plan, kept)
        return self._telling(done, plan)

    def _telling(self, done: Absorbed, plan: Absorption) -> Absorbed:
        """`done`, with what the person has to know of the conflicts that were found."""
        count = len(plan.conflicts)
        if count:
            done.said.append(f"{count:,} conflict{'s' * (count != 1)} in {self.path.name}")
            done.shown_by[done.said[-1]] = "store.conflicts"
        return done

    def _gone(self) -> Absorbed:
        if self.end() is None:
            return Absorbed()
        return Absorbed(
            republish=True, said=[f"{self.path.name} was deleted by another program. It is published again."]
        )

    def _keep(self, file: ChartFile, plan: Absorption, source: Path) -> str | None:
        """Set aside what cannot live in the published file: a distrusted file whole, else its broken lines."""
        recovery, stamp = self.store.layout.recovery, clock.stamp()[:19]
        odd = any(item.severity != "info" for item in file.findings)
        if file.exists and (plan.distrust is not None or (plan.first and odd)):
            if file.signature.size == 0 and plan.first:
                return None  # else even an empty file is kept: it shows what somebody wrote
            kept = quarantine(recovery, self.path.name, stamp, durable.read_blocks(source))
        elif file.broken:
            kept = quarantine(recovery, f"{self.path.name}.lines", stamp, broken_bytes(file, source))
        else:
            return None
        return self.store.layout.relative(kept)

    def _record(self, plan: Absorption, kept: str | None) -> None:
        from store.upkeep.verification.verify import record_findings

        # The file is published again without it: what is set aside is no error in the store any more.
        found = [
            replace(item, kept=kept, severity="warning") for item in plan.findings if item.severity != "info"
        ]
        if plan.distrust:
            found.append(Finding("warning", "distrusted", plan.distrust, str(self.path), kept=kept))
        record_findings(self.store, found)


def other_format(file: ChartFile) -> bool:
    """True where a file holds no record at all, but lines that are none: Markdown's headings pass for comments."""
    if not file.exists or not file.usable:
        return file.exists
    return bool(file.broken) and all(line.kind == "comment" for line in file.lines)


def _as_planned(plan: Plan, _state: State) -> Plan:
    return plan


def _in_words(plan: Absorption) -> str:
    parts = []
    if plan.added:
        parts.append(f"{plan.added:,} record{'s' * (plan.added != 1)} changed")
    if plan.believed_deletions:
        parts.append(f"{len(plan.believed_deletions):,} deleted")
    return " and ".join(parts) + " by another program"


def _label(name: str, plan: Absorption) -> str:
    if plan.first:
        return f"Import {name}"
    return f"Changes found in {name}"
