"""The type `delete`: deletion by criteria, of nothing that they do not name.

1. Without a criterion nothing is submitted: a deletion names what it is about.
2. What is meant is staged by key and version when it is submitted: records added later are not touched.
3. Before a batch is written, under the journal's lock, every record of it is looked at again. One that is
   no longer the version that was named must still meet every criterion, else it is rejected
   (`no-longer`) and stays. One that somebody else deleted meanwhile is unchanged.

A dry run is the preview of it: the count and the first ten. Deletions are soft: `rollback` of the workflow
brings all of it back, and every earlier version stays in the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from store import records
from store.errors import Refused
from store.knowledge.kinds import kind_of
from store.knowledge.matching import unmet
from store.model import Edit
from store.workflows.selecting import meant, named, staged
from store.workflows.types import Batch, Decision, Run, WorkType

if TYPE_CHECKING:
    from store.knowledge.checking import Reject
    from store.knowledge.model import Filter
    from store.knowledge.writing import Newest, View
    from store.workflows.selecting import Named


class Deletion(WorkType):
    """Deletes what criteria mean."""

    name = "delete"
    title = "Delete by criteria"

    def check(self, options: dict[str, Any]) -> None:
        """Raises Refused for empty criteria, UsageError for those that cannot be understood."""
        wanted = meant(options, "")
        if not wanted.names_something:
            raise Refused(
                "Nothing says which records to delete: give at least one criterion (--kind, --domain, --tag, --below, "
                "--created-before, --where, …). Nothing was deleted."
            )
        if own := [kind for kind in wanted.kinds if kind_of(kind).own]:
            raise Refused(
                f"Records of kind {', '.join(own)} are the audit trail and are not deleted by criteria; "
                "`chartkeep workflows clean` and retention rules put them away."
            )

    def stage(self, run: Run) -> Iterable[bytes]:
        """The keys and versions of what is meant."""
        return staged(run.store.library.stream(meant(run.options, run.context)))

    def batches(self, run: Run) -> Iterator[Batch]:
        """What was staged, to be looked at again under the lock."""
        for lines, cursor in run.staged():
            items = named(lines)
            yield Batch(cursor, (), [Edit("delete", item.key) for item in items], (), len(items), extra=items)

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """Deletes what still meets every criterion."""
        wanted = meant(run.options, run.context)
        items: list[Named] = batch.extra
        newest = view.newest([item.key for item in items])
        edits: list[Edit] = []
        rejects: list[Reject] = list(batch.rejects)
        for item in items:
            found = newest.get(item.key)
            if found is None or found.deleted:
                continue
            why = _why_not(wanted, view, item, found)
            if why is None:
                edits.append(Edit("delete", item.key))
            else:
                rejects.append(_reject(item, found, why))
        unchanged = len(items) - len(edits) - (len(rejects) - len(batch.rejects))
        return Decision(edits, rejects, unchanged, len(edits))


def _why_not(wanted: Filter, view: View, item: Named, found: Newest) -> str | None:
    """Which criterion a live record does not meet any more; None where it meets all."""
    if found.ver == item.ver:
        return None  # the very version that was named
    raw = view.raw(found)
    return None if raw is None else unmet(wanted, item.key, raw, found.workflow)


def _reject(item: Named, found: Newest, why: str) -> Reject:
    from store.knowledge.checking import Reject

    told = f"{item.key} was changed since it was named (version {found.ver}) and is not meant any more: {why}"
    return Reject(item.line, "no-longer", told, records.dumps({"key": item.key, "ver": found.ver}))
