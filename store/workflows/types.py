"""What a type of workflow is: it makes batches, and the engine commits them.

A type says what is to be done (`WorkType.batches`) and never writes to a journal itself. The engine
takes each batch, and under the journal's lock decides what of it is new (`decide`), and commits that
with the rejects, the counts and the batch's cursor in one transaction. After a crash the type is
asked again with the last committed cursor (`Run.cursor`). Hence what types must keep:

1. A batch depends on the staged items, the options and the cursor alone, or on what stands in the
   store by then; a type holds nothing else from one batch to the next that a resumed run lacks.
2. What a type does beside its batches (vectors it appends) may be done again for the batch that was
   not committed: it must then come to the same.
3. A record that a rule refuses is a `Reject` in its batch; an exception fails the whole workflow.
4. Long work between two batches calls `Run.at` at least once a second: there pause and cancel act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import UsageError
from store.model import Edit

if TYPE_CHECKING:
    from store.knowledge.checking import Item, Reject
    from store.knowledge.writing import View
    from store.store import Store


class Staged(NamedTuple):
    """One line of the staged items."""

    line: int
    """From 1."""
    raw: bytes
    """Without its newline; of a line that is longer than is read, its beginning."""
    whole: bool = True
    """False where the line is longer than `workflows.line_megabytes`: it is to be rejected."""


class Batch(NamedTuple):
    """What a type wants done in one transaction."""

    cursor: Any
    """Where to go on once this is committed: any JSON value that is not None."""
    items: Sequence[Item] = ()
    """Records to be added: one that is there already is unchanged, rejected (`exists`), or with `update` renewed."""
    edits: Sequence[Edit] = ()
    """Puts (with `raw`) and deletes of whatever is there; one that would change nothing is left out."""
    rejects: Sequence[Reject] = ()
    """What was refused, and why."""
    processed: int | None = None
    """Items gone through in this batch; None: as many as there are items, edits and rejects."""
    unchanged: int = 0
    """Those of them that were seen to need nothing."""
    total: int | None = None
    """Items in all, where that has become known only now."""
    extra: Any = None
    """The type's own, for its `decide`."""


class Decision(NamedTuple):
    """What of a batch is written, in the light of what stands in the journal."""

    edits: list[Edit]
    rejects: list[Reject]
    unchanged: int
    written: int
    """Items that come to be written: as a rule as many as there are edits."""
    missing: dict[str, int] = {}
    """Documented members that accepted records lack, with how many lack them."""


@dataclass(slots=True)
class Run:
    """One run of a workflow, as its type sees it."""

    store: Store
    context: str
    id: str
    options: dict[str, Any]
    """What was asked for: JSON, as it was submitted."""
    strict: bool = False
    update: bool = False
    size: int = 1000
    """Items that a batch should have at most (`workflows.batch`)."""
    cursor: Any = None
    """The cursor of the last batch that was committed; None at the beginning."""
    total: int = 0
    items: Path | None = None
    """The staged items; None where there are none."""
    preview: bool = False
    """True where nothing is written: what the type does beside its batches must be left out."""
    longest: int = 8 << 20
    """Bytes of the longest line that is read."""
    heard: Callable[[int, int | None], None] = field(default=lambda _done, _total: None)

    def at(self, done: int, total: int | None = None) -> None:
        """Tell how far the work on the present batch is, of how much.

        Raises `Stopped` where somebody asked the workflow to pause or to end: let it pass.
        """
        self.heard(done, total)

    def staged(self) -> Iterator[tuple[list[Staged], Any]]:
        """The staged items from the cursor on, `size` at a time, each with the cursor after them."""
        from store.workflows import staging

        if self.items is not None:
            yield from staging.chunks(self.items, self.cursor, self.size, self.longest)


class Stopped(Exception):
    """Somebody asked the workflow to wait or to end. Only the engine catches it."""


class WorkType:
    """A type of workflow. Its class is named in `TYPES`; one is made for every run."""

    name = ""
    title = ""
    """What such a workflow is called where nobody gave it a title: `Import records`."""
    takes_file = False
    """True where items are submitted with it, one a line; else `stage` may give some, or there are none."""

    ahead = False
    """True where a batch depends on staged items and options alone: the next one may be made while the present
    one is being written."""

    def check(self, options: dict[str, Any]) -> None:
        """Raise UsageError or Refused where the options cannot be used; asked when it is submitted."""

    def stage(self, run: Run) -> Iterable[bytes] | None:  # noqa: ARG002
        """The items of a type that takes no file, one JSON value each: what is to be gone through, as it is
        found when the workflow is submitted. None where it works without.
        """
        return None

    def batches(self, run: Run) -> Iterator[Batch]:
        """What is to be done after `run.cursor`, a transaction at a time."""
        raise NotImplementedError

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """What of the batch is written, seeing under the journal's lock what stands there.

        Called again where the lock had to be given back: nothing may be remembered of the first time.
        """
        from store.workflows import deciding

        return deciding.decide(run, view, batch)

    def note(self, run: Run) -> str:  # noqa: ARG002
        """What came of it in words, when all is done; empty where the counts say it."""
        return ""


TYPES = {
    "import": "store.workflows.recording:Import",
    "create": "store.workflows.recording:Create",
    "delete": "store.workflows.kinds_deletion:Deletion",
    "expand": "store.workflows.kinds_expansion:Expansion",
    "clusters": "store.workflows.kinds_clustering:Clusters",
    "fields": "store.workflows.kinds_fields:Fields",
    "embed": "store.workflows.kinds_embedding:Embedding",
    "restore": "store.workflows.kinds_restoring:Restoration",
}
"""Where the class of each type is; imported when it is needed."""


def type_of(name: str) -> WorkType:
    """A new one of that type. Raises UsageError naming those there are."""
    place = TYPES.get(name)
    if place is None:
        raise UsageError(f"There is no workflow type “{name}”; there are {', '.join(TYPES)}.")
    module, _, cls = place.partition(":")
    made = getattr(import_module(module), cls)()
    assert isinstance(made, WorkType)
    return made
