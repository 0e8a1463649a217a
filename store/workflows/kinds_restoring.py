"""The type `restore`: records put as they were at some time, as new versions; `rollback` takes it back.

What is to be done is found and staged by whoever asks for it (`store.upkeep.recovery.restore_knowledge`): each
line says a key, the version that stood, and the record as it was, to the byte, or none where it was not there.

1. A record that stands so already is unchanged; so a run that goes on does nothing twice.
2. One that somebody changed after it was staged is rejected (`no-longer`) and stays as it is.
3. Where single records were asked for (`keys`), one that would break a contract today is rejected
   (`contract`). A whole context is put as it was, and was sound then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from store import records
from store.knowledge import contracts
from store.knowledge.looking import looking, value_of
from store.model import Edit
from store.workflows import staging
from store.workflows.types import Batch, Decision, Run, Staged, WorkType

if TYPE_CHECKING:
    from store.knowledge.checking import Reject
    from store.knowledge.writing import Newest, View

ROOM = 1 << 16
"""Bytes that a line may have around its record."""
_RECORD = b',"record":'


class Step(NamedTuple):
    """What is to become of one record."""

    key: str
    ver: int
    """The newest version when it was staged; 0 where there was none."""
    raw: bytes | None
    """The record as it was; None where it is to be deleted."""


def line_of(step: Step) -> bytes:
    """A step as a line of staged items."""
    head = records.dumps({"key": step.key, "ver": step.ver})
    return head if step.raw is None else head[:-1] + _RECORD + step.raw + b"}"


def step_of(raw: bytes) -> Step | None:
    """The step that a line says; None for one that was blanked by an erasure."""
    if not raw.strip():
        return None
    value = records.loads(raw)
    bare = Step(value["key"], value["ver"], None)
    if "record" not in value:
        return bare
    return bare._replace(raw=raw[len(line_of(bare)) - 1 + len(_RECORD) : -1])


class Restoration(WorkType):
    """Puts records as they were."""

    name = "restore"
    title = "Restore records"
    takes_file = True

    def batches(self, run: Run) -> Iterator[Batch]:
        """What was staged, to be looked at again under the lock."""
        if run.items is None:
            return
        for lines, cursor in staging.chunks(run.items, run.cursor, run.size, run.longest + ROOM):
            steps: list[tuple[int, Step]] = []
            rejects: list[Reject] = []
            for line in lines:
                step = step_of(line.raw) if line.whole else None
                if step is None:
                    rejects.append(_unreadable(line))
                else:
                    steps.append((line.line, step))
            edits = [_edit(step) for _, step in steps]
            yield Batch(cursor, (), edits, rejects, len(lines), extra=steps)

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """Puts what does not stand as it did, where nobody changed it since."""
        steps: list[tuple[int, Step]] = batch.extra
        newest = view.newest([step.key for _, step in steps])
        rejects: list[Reject] = list(batch.rejects)
        made: list[tuple[int, Step]] = []
        unchanged = 0
        for line, step in steps:
            found = newest.get(step.key)
            if _stands(view, found, step.raw):
                unchanged += 1
            elif (found.ver if found is not None else 0) != step.ver:
                rejects.append(
                    _refused(line, step, "no-longer", "somebody changed it since that was asked for")
                )
            else:
                made.append((line, step))
        if run.options.get("keys"):
            broken = _breaking(run, view, [step for _, step in made])
            rejects += [
                _refused(line, step, "contract", why) for line, step in made if (why := broken.get(step.key))
            ]
            made = [(line, step) for line, step in made if step.key not in broken]
        edits = [_edit(step) for _, step in made]
        return Decision(edits, rejects, unchanged, len(edits))


def _edit(step: Step) -> Edit:
    return Edit("delete", step.key) if step.raw is None else Edit("put", step.key, None, step.raw)


def _stands(view: View, found: Newest | None, raw: bytes | None) -> bool:
    """Whether a key stands so already: without a live record, or with these bytes."""
    live = found is not None and not found.deleted
    if raw is None or not live or found is None:
        return raw is None and not live
    return view.raw(found) == raw


def _breaking(run: Run, view: View, steps: list[Step]) -> dict[str, str]:
    """Which of these may not be as they were today, and why."""
    look = looking(run.store, run.context, view)
    look.pending = {step.key: value_of(step.raw) or {} for step in steps if step.raw is not None}
    broken = {key: why for key, value in look.pending.items() if (why := contracts.forbids(look, key, value))}
    gone = [step.key for step in steps if step.raw is None]
    for key, by in (contracts.pointing(run.store, run.context, gone) if gone else {}).items():
        broken[key] = f"{', '.join(by[: contracts.SHOWN])} would point at nothing"
    return broken


def _refused(line: int, step: Step, code: str, why: str) -> Reject:
    from store.knowledge.checking import Reject

    verb = "to be deleted again" if step.raw is None else "to be put as it was"
    return Reject(line, code, f"{step.key} is {verb}, and {why}", line_of(step))


def _unreadable(line: Staged) -> Reject:
    from store.knowledge.checking import Reject

    if line.whole:
        return Reject(line.line, "blank", "what it was has been erased since", b"")
    return Reject(line.line, "too-long", "it is longer than workflows.line_megabytes", line.raw)
