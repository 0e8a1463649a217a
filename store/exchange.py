"""Keeping a context's journal and its chart file in step: absorb what others wrote, publish what we hold.

Both happen under one lock per context, so that of several chartkeeps on one store only one
reads and writes the chart file at a time. The order is always: absorb first, publish after. A
file that cannot be trusted is kept whole in `.recovery/` before it is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from store import clock, durable
from store import publish as publishing
from store.absorb import Absorption, import_edits, plan_absorb, take_over
from store.chartfile import ChartFile, Signature, broken_bytes, quarantine, read_chart_file, signature
from store.errors import StorageError
from store.journal_reader import NOWHERE
from store.model import Change, Edit, Finding, Plan, Position, TxMeta
from store.past import FOREIGN, JournalHistory
from store.publish import Published, PublishedLog
from store.records import Draft

if TYPE_CHECKING:
    from store.state import State
    from store.store import Store

REST_NS = 300_000_000
"""A file not changed for so long has been at rest: its deletions may be believed."""
ROUNDS = 8
"""Publications tried in a row against a program that keeps writing in between."""
WAITS, WAIT_SECONDS = 10, 0.1
"""How often, and how long at a time, a one-shot command waits for a chart file to be at rest."""
QUIET_SECONDS = 0.02
"""How long a one-shot command watches a replaced file for a writer that still holds it open."""
LARGE = 8 << 20
"""Bytes from which a first import is committed in parts, of `CHUNK` records each."""
CHUNK = 10_000

Linger = Callable[[Callable[[], bool]], None]
"""Takes a function to call a little later, and again until it answers False."""


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


def absorb(store: Store, context: str, *, at_rest: bool | None = None) -> Absorbed:
    """Take in what another program wrote to the chart file of `context` since it was last read.

    `at_rest` is judged by the file's age unless given. Does next to nothing where the file is as
    it was left. Raises Locked, StorageError, Damaged.
    """
    if store.readonly and not store.layout.shadowed(context):
        return Absorbed()
    desk = _Desk(store, context)
    found = signature(desk.path)
    if found is not None and desk.log.knows(found):
        return Absorbed(republish=desk.behind())
    with desk.entered():
        return desk.absorb(at_rest)


def absorb_at_rest(store: Store, context: str, at_rest: bool | None = None) -> list[str]:
    """`absorb`, waiting a moment for a file that is being written to come to rest; what was said."""
    done = absorb(store, context, at_rest=at_rest)
    said = list(done.said)
    for _ in range(WAITS if at_rest is None else 0):
        if not done.again:
            break
        sleep(WAIT_SECONDS)
        done = absorb(store, context)
        said.extend(done.said)
    return said


def begun(store: Store, context: str) -> bool:
    """True where the journal of a context holds a transaction."""
    return _Desk(store, context).begun()


def foreign_format(store: Store, context: str) -> Path | None:
    """The chart file of a context without charts, where it holds another format: it is never replaced."""
    desk = _Desk(store, context)
    found = signature(desk.path)
    if found is None or not found.size or desk.begun() or not _other_format(read_chart_file(desk.path)):
        return None
    return desk.path


def _other_format(file: ChartFile) -> bool:
    """True where a file holds no record at all, but lines that are none: Markdown's headings pass for comments."""
    if not file.exists or not file.usable:
        return file.exists
    return bool(file.broken) and all(line.kind == "comment" for line in file.lines)


def tidy(store: Store, context: str) -> None:
    """Absorb and remove what a crash during a publication left beside the chart file."""
    if store.readonly:
        return
    desk = _Desk(store, context)
    if not _abandoned(desk.path):
        return
    with desk.entered():
        for path in _abandoned(desk.path):
            if not desk.absorb(False, path).unread:
                durable.remove_file(path)


def _abandoned(chart_file: Path) -> list[Path]:
    """Leftovers of programs that have ended: one that runs may still watch the file it replaced."""
    return [path for path in publishing.leftovers(chart_file) if not _running(path)]


def _running(leftover: Path) -> bool:
    """True where the process that a leftover is named after runs, and is not this one."""
    pid = (
        leftover.name.removesuffix(durable.TEMP_SUFFIX)
        .removesuffix(".old")
        .rpartition(".")[2]
        .partition("-")[0]
    )
    if not pid.isdigit() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def publish(store: Store, context: str, *, linger: Linger | None = None) -> bool:
    """Write the chart file of `context` where it does not hold the state; True where it was written.

    The replaced file is watched for a moment for writers that still hold it open; with `linger`
    that happens later.

    A foreign change that slipped in is absorbed first, one that slips in meanwhile after, so
    nothing of either side is lost. Raises Locked, StorageError, Damaged.
    """
    if store.readonly:
        return False
    desk = _Desk(store, context)
    if not desk.behind() and desk.known():
        return False
    written = False
    for _ in range(WAITS):
        with desk.entered():
            written = desk.publish(linger) or written
            if linger is not None or not desk.waiting:
                return written
        sleep(WAIT_SECONDS)
    return written


def unpublished(store: Store, context: str) -> bool:
    """True where the chart file does not hold what the journal holds."""
    return _Desk(store, context).behind()


class _Desk:
    """One context's chart file, journal and log of publications, while they are worked on."""

    def __init__(self, store: Store, context: str) -> None:
        self.store = store
        self.context = context
        self.path = store.layout.chart_file(context)
        self.folder = store.layout.journal_dir(context)
        self.log = PublishedLog(self.folder / "published.jsonl")
        self.waiting = False
        """Set where publishing was put off until the foreign file is at rest."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        """`held`; without a journal, no context is renamed meanwhile either: its file lies under no old name."""
        with ExitStack() as stack:
            if not self.store.readonly and not self.store.layout.journal(self.context).exists():
                stack.enter_context(self.store.contexts.steady())
            stack.enter_context(self.held())
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        durable.make_dirs(self.folder)
        with durable.Lock(self.folder / "chartfile.lock").held(
            self.store.settings.lock_timeout, f"chart file of {self.context}"
        ):
            yield

    def end(self) -> Position | None:
        """The journal's end; None where there is no journal."""
        journal = self.store.journal(self.context)
        return journal.position() if journal.path.exists() else None

    def behind(self) -> bool:
        """True where the live file is not known to hold the state at the journal's end."""
        end, last = self.end(), self.log.last()
        if end is None or (last is None and not self.path.exists() and self._never_written()):
            return False
        return last is None or last.position != end or bool(last.bases) or not self.path.exists()

    def begun(self) -> bool:
        """True where the journal holds a transaction."""
        return self.end() is not None and not self._never_written()

    def _never_written(self) -> bool:
        """True where the journal holds no transaction: its first command was refused."""
        return next(iter(self.store.journal(self.context).read()), None) is None

    def known(self) -> bool:
        found = signature(self.path)
        return found is None or self.log.knows(found)

    # -- absorbing ---------------------------------------------------------------------------------

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
            if first and _other_format(file):
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
            return Plan("absorb", _label(self.path.name, plan), plan.edits)

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
            return Absorbed(changed, republish=False, again=True, said=[])
        if live and end is not None and file.exists:
            bases = plan.positions or ([end] if plan.stale else [])
            self.log.absorbed(end, file.signature, file.count, bases)
        said = []
        if changed and not plan.first:
            said.append(f"{_in_words(plan)} ({self.path.name})")
        if plan.distrust and plan.first:
            said.append(f"{self.path.name} is left as it is: {plan.distrust}.")
        elif plan.distrust:
            where = f"; its bytes are kept in {kept}" if kept else ""
            said.append(
                f"{self.path.name} is not taken as it is: {plan.distrust}{where}. It is published again."
            )
        said.extend(plan.conflicts)
        self._record(plan, kept)
        return Absorbed(changed, republish=plan.stale or self.behind(), again=False, said=said)

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
            if file.signature.size == 0:
                return None
            kept = quarantine(recovery, self.path.name, stamp, durable.read_blocks(source))
        elif file.broken:
            kept = quarantine(recovery, f"{self.path.name}.lines", stamp, broken_bytes(file, source))
        else:
            return None
        return self.store.layout.relative(kept)

    def _record(self, plan: Absorption, kept: str | None) -> None:
        from store.upkeep.verify import record_findings

        found = [replace(item, kept=kept) for item in plan.findings if item.severity != "info"]
        if plan.distrust:
            found.append(Finding("warning", "distrusted", plan.distrust, str(self.path), kept=kept))
        record_findings(self.store, found)

    # -- publishing --------------------------------------------------------------------------------

    def publish(self, linger: Linger | None) -> bool:
        """Absorb, then write the live file until it holds the state; True where it was written."""
        written = False
        for _ in range(ROUNDS):
            self.waiting = self.absorb(None).again and self._foreign_pending()
            if self.waiting or self.foreign():
                return written
            if not self.behind():
                return written
            done, position = self._write()
            written = True
            self.log.published(position, done)
            self._settle(done, linger)
        return written

    def foreign(self) -> bool:
        """True where the live file holds another format and nothing of ours ever was in it."""
        entries = self.log.entries()
        return bool(entries) and all(entry.position == NOWHERE for entry in entries) and self.path.exists()

    def _foreign_pending(self) -> bool:
        """A foreign file waits to be at rest: replacing it now would hide its deletions."""
        return not self.known()

    def _write(self) -> tuple[Published, Position]:
        store = self.store
        journal = store.journal(self.context)
        end = journal.position()
        store.sync(self.context)
        with store.index.snapshot() as snap:
            position = self._indexed(snap.position(self.context, "charts"), end)
            total = snap.counts().get(self.context, {}).get("records", 0)
            with store.jobs.run("publish", f"Publish {self.path.name}", total, quiet=total < 20_000) as job:

                def lines() -> Iterator[bytes]:
                    for done, row in enumerate(snap.live_records(self.context)):
                        raw = journal.record_raw(row.generation, row.offset, row.length)
                        if raw is not None and (line := publishing.published_form(raw)) is not None:
                            yield line
                        if done % 1000 == 0:
                            job.at(done)

                return publishing.publish(self.path, lines(), expected=self._expected()), position

    def _indexed(self, position: Position | None, end: Position) -> Position:
        """The state that is published: never one from before `end`, as of an index that could not follow."""
        if position is None and self._never_written():
            return end
        if position is None or position < end:
            raise StorageError(
                f"{self.path} is not published: the index has not come to the end of “{self.context}”. "
                "Run `chartkeep verify`; nothing is lost.",
                path=self.path,
            )
        return position

    def _expected(self) -> Signature | None:
        """What the live file is known to hold."""
        found = signature(self.path)
        if found is None or (found.size == 0 and self.log.last() is None):
            return found
        return next((e.signature for e in reversed(self.log.entries()) if e.signature.same_stat(found)), None)

    def _settle(self, done: Published, linger: Linger | None) -> None:
        """Absorb what slipped in while the file was swapped; let the replaced file go once it is quiet."""
        if done.slipped is not None:
            self.absorb(False, done.slipped)
            done.slipped = None
        if linger is not None:
            linger(lambda: self._look_again(done))
            return
        sleep(QUIET_SECONDS)
        while done.still_changing():
            self.absorb(False, done.replaced)
            sleep(QUIET_SECONDS)
        done.discard()

    def _look_again(self, done: Published) -> bool:
        """Whether the replaced file was still written to; then that is absorbed, else the file goes."""
        with self.held():
            if not self.store.layout.journal(self.context).exists():
                return False  # renamed or archived since; the next one to open the store looks at it
            if done.still_changing():
                self.absorb(False, done.replaced)
                return True
            done.discard()
            return False


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
