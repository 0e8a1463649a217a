"""What the upkeep consists of: one table of tasks, and the functions that do them.

A task looks in the maintainer's own process whether there is anything to do (`wanted`), and does it,
unless it is very light, in a process of its own (`apart`), which ends and takes its memory along.
Functions are named as `module:function` and imported when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import ChartkeepError, Locked, NotFound

if TYPE_CHECKING:
    from store.settings import Settings
    from store.store import Store

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
VERIFY_PARTS = 96
"""Parts in which everything is verified within `upkeep.verify_hours`."""
VERIFY_SECONDS = 2.0
"""Seconds that a part takes, or four times that where verification lags."""


class Outcome(NamedTuple):
    """What came of a task."""

    note: str = ""
    did: bool = True
    """False where there was nothing to do after all."""
    damage: bool = False
    """True where damage was found."""


class Failed(ChartkeepError):
    """A task failed in its own process: its message, and the exit code it would have ended with."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


Work = Callable[["Store"], Outcome]


class Task(NamedTuple):
    """One thing that is done again and again."""

    name: str
    title: str
    period: Callable[[Settings], float]
    """Seconds from the beginning of one run to the next, as the settings say."""
    work: str | Work
    """Does it; a function itself only where `apart` is False."""
    wanted: str | Callable[[Store], Any] = ""
    """Says at little cost whether there is anything to do; nothing named: always."""
    apart: bool = True


def function(named: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function that `module:function` names; a function itself is taken as it is."""
    if not isinstance(named, str):
        return named
    module, _, name = named.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


# -- whether there is anything to do ---------------------------------------------------------------


def backup_wanted(store: Store) -> bool:
    """Whether a backup is due. A place over a network is only asked by the process that backs up."""
    from store.upkeep.backup import schedule

    return _remote(store) or schedule.due(store) is not None


def drill_wanted(store: Store) -> bool:
    """Whether a restore drill is due."""
    from store.upkeep.backup import schedule

    return _remote(store) or schedule.drill_due(store)


def prune_wanted(store: Store) -> bool:
    """Whether there may be backups to prune."""
    return store.settings.backup_enabled


def compaction_wanted(store: Store) -> bool:
    """Whether compaction of a journal pays."""
    from store.upkeep import compaction

    return bool(compaction.due(store))


def retention_wanted(store: Store) -> bool:
    """Whether there are rules."""
    return bool(store.settings.retention)


def _remote(store: Store) -> bool:
    return store.settings.backup_enabled and "://" in store.settings.backup_folder


# -- the tasks themselves --------------------------------------------------------------------------


def sync(store: Store) -> Outcome:
    """Take in foreign changes, bring the index up to date, publish."""
    said, synced = store.catch_up()
    store.settle()
    lines = sum(one.lines for one in synced)
    words = [*said, *([f"{lines:,} lines into the index"] if lines else [])]
    return Outcome("; ".join(words), did=bool(words), damage=bool(store.damage))


def heal(store: Store) -> Outcome:
    """Do what is safe without asking."""
    from store.upkeep.recovery import recover as recovery

    store.sync()  # meets the damage there is
    said = recovery.heal(store)
    return Outcome("; ".join(said), did=bool(said), damage=bool(store.damage))


def sample(store: Store) -> Outcome:
    """Add a sample of the health figures to the store's metrics."""
    from store.upkeep.health import metrics

    record = metrics.sample(store)
    return Outcome(str(record.get("severity", "")))


def backup(store: Store) -> Outcome:
    """Back up, if a backup is due."""
    from store.upkeep.backup import schedule
    from store.upkeep.backup.taking import take

    kind = schedule.due(store)
    if kind is None:
        return Outcome(did=False)
    made = take(store, kind)
    if made.problems:
        raise Failed(
            f"The {made.kind} backup {made.id} was made, but not everything beside it: "
            + "; ".join(str(problem) for problem in made.problems)
        )
    return Outcome(f"{made.kind} backup {made.id}, {made.stored:,} bytes written")


def drill(store: Store) -> Outcome:
    """Try to restore the newest backup, if that is due."""
    from store.upkeep.backup import drilling, schedule

    if not schedule.drill_due(store):
        return Outcome(did=False)
    return Outcome(f"the backup {drilling.drill(store).id} can be restored")


def prune(store: Store) -> Outcome:
    """Remove the backups that no rule keeps."""
    from store.upkeep.backup import keeping

    try:
        removed = keeping.prune(store)
    except NotFound:  # no backups yet
        return Outcome(did=False)
    return Outcome(f"{len(removed)} old backups removed" if removed else "", did=bool(removed))


def verify(store: Store) -> Outcome:
    """Verify the next part of everything."""
    from store.upkeep.verification.verify import rolling

    found = rolling(store, VERIFY_SECONDS)
    errors = [item for item in found if item.severity == "error"]
    return Outcome(str(errors[0]) if errors else "", did=bool(found), damage=bool(errors))


def compact(store: Store) -> Outcome:
    """Compact the journals for which it pays."""
    from store.upkeep import compaction

    done = [compaction.compact(store, context, family) for context, family in compaction.due(store)]
    saved = sum(one.before - one.after for one in done)
    return Outcome(f"{saved:,} bytes of {len(done)} journals put away" if done else "", did=bool(done))


def freeze(store: Store) -> Outcome:
    """Compress archived generations that have been there long enough."""
    from store.upkeep import compaction

    done = compaction.freeze_old(store)
    return Outcome(f"{len(done)} archived generations compressed" if done else "", did=bool(done))


def retain(store: Store) -> Outcome:
    """Put away and forget what the rules of the settings say."""
    from store.upkeep.retention import retain as retention

    cut = retention.apply(store)
    if problems := [part.problem for part in cut.parts if part.problem]:
        raise Failed("; ".join(problems))
    count = sum(sum(part.forgotten.values()) for part in cut.parts)
    away = sum(part.put_away for part in cut.parts)
    note = f"{count:,} versions forgotten, {away:,} lines put away"
    return Outcome("" if cut.empty else note, did=not cut.empty)


def checkpoint(store: Store) -> Outcome:
    """Move what is in the indexes' write-ahead logs into their files."""
    store.index.checkpoint()
    if store.layout.knowledge_index.exists():
        store.library.index.checkpoint()
    return Outcome(did=False)


def tend(store: Store) -> Outcome:
    """Start the workflows that wait for the upkeep, and mark those that nobody runs any more."""
    from store.workflows import tending

    done = tending.tend(store)
    said = [f"{len(done.started)} workflows started"] if done.started else []
    if done.lost:
        said.append(f"interrupted: {', '.join(done.lost)}")
    return Outcome("; ".join(said), did=bool(said))


def clean(store: Store) -> Outcome:
    """Remove what is kept of workflows that ended long ago."""
    from store.workflows import cleaning

    removed = cleaning.clean(store)
    return Outcome(f"{len(removed)} old workflows removed" if removed else "", did=bool(removed))


def clean_wanted(store: Store) -> bool:
    """Whether a workflow ended long ago."""
    from store.workflows import cleaning, lists

    return bool(lists.contexts(store)) and bool(cleaning.clean(store, dry_run=True))


def merge(store: Store) -> Outcome:
    """Put the shards of vectors together where there are many."""
    from store.vectors import collection

    done, problems = [], []
    for context, model in collection.merge_due(store):
        try:
            with store.jobs.run("merge", f"Merge vectors of {context}"):
                done.append(collection.merge(store, context, model))
        except Locked:  # somebody embeds: tomorrow will do
            continue
        except ChartkeepError as error:
            problems.append(str(error))
    if problems:
        raise Failed("; ".join(problems))
    fewer = sum(one.shards_before - one.shards for one in done)
    return Outcome(f"{fewer} shards of vectors fewer" if done else "", did=bool(done))


def merge_wanted(store: Store) -> bool:
    """Whether vectors lie in many shards."""
    from store.vectors import collection

    return store.layout.vectors.exists() and bool(collection.merge_due(store))


def _here(name: str) -> str:
    return f"{__name__}:{name}"


def _verify_period(settings: Settings) -> float:
    return max(10.0, settings.upkeep_verify_hours * HOUR / VERIFY_PARTS)


def _backup_period(settings: Settings) -> float:
    """Often enough that a backup is not late by more than a part of its interval."""
    return min(5 * MINUTE, max(10.0, settings.backup_incremental_minutes * MINUTE / 4))


SYNC = Task("sync", "Sync, absorb and publish", lambda _: 0.0, _here("sync"), apart=False)
"""What the store's background thread does all the time; a task only where there is no such thread."""

TASKS = (
    Task("heal", "Heal what is safe to heal", lambda _: HOUR, _here("heal")),
    Task(
        "sample", "Sample the health figures", lambda s: s.upkeep_sample_minutes * MINUTE, _here("sample"),
        apart=False,
    ),
    Task("backup", "Back up", _backup_period, _here("backup"), _here("backup_wanted")),
    Task("drill", "Try to restore a backup", lambda _: HOUR, _here("drill"), _here("drill_wanted")),
    Task("prune", "Prune backups", lambda _: DAY, _here("prune"), _here("prune_wanted")),
    Task("verify", "Verify a part of the store", _verify_period, _here("verify")),
    Task("compact", "Compact journals", lambda _: HOUR, _here("compact"), _here("compaction_wanted")),
    Task("freeze", "Compress old generations", lambda _: 6 * HOUR, _here("freeze")),
    Task("retain", "Apply the retention rules", lambda _: 6 * HOUR, _here("retain"), _here("retention_wanted")),
    Task("merge", "Merge shards of vectors", lambda _: DAY, _here("merge"), _here("merge_wanted")),
    Task("workflows", "Start workflows that wait", lambda _: 15.0, _here("tend"), apart=False),
    Task("clean", "Remove old workflows", lambda _: DAY, _here("clean"), _here("clean_wanted")),
    Task("checkpoint", "Checkpoint the index", lambda _: 15 * MINUTE, _here("checkpoint"), apart=False),
)  # fmt: skip
"""Every task, the more urgent first."""
