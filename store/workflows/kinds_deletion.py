"""The type `delete`: deletion by criteria, of nothing that they do not name.

1. Without a criterion nothing is submitted: a deletion names what it is about.
2. What is meant is staged by key and version when it is submitted: records added later are not touched.
3. Before a batch is written, under the journal's lock, every record of it is looked at again. One that is
   no longer the version that was named must still meet every criterion, else it is rejected
   (`no-longer`) and stays. One that somebody else deleted meanwhile is unchanged.
4. A record that another points to, which stays, is rejected (`contract`), unless `force` is among the options.
   Those that point are staged before what they point to, so that nothing is left pointing at nothing
   wherever the deletion is stopped.

A dry run is the preview of it: the count and the first ten. Deletions are soft: `rollback` of the workflow
brings all of it back, and every earlier version stays in the history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from store import records
from store.errors import Refused, UsageError
from store.knowledge.contracts import POINTING
from store.knowledge.kinds import kind_of, parts_of
from store.knowledge.matching import unmet
from store.model import Edit
from store.workflows.pointers import Pointers, Staying, pointing_first
from store.workflows.selecting import meant, named, staged
from store.workflows.types import Batch, Decision, Run, WorkType

if TYPE_CHECKING:
    from store.knowledge.checking import Reject
    from store.knowledge.model import Filter, Found
    from store.knowledge.writing import Newest, View
    from store.workflows.selecting import Named


class Deletion(WorkType):
    """Deletes what criteria mean."""

    name = "delete"
    title = "Delete by criteria"

    def __init__(self) -> None:
        self._pointers: Pointers | None = None
        self._pointing: dict[str, Named] = {}
        """Records to go that may themselves point to others."""

    def check(self, options: dict[str, Any]) -> None:
        """Raises Refused for empty criteria, UsageError for those that cannot be understood."""
        wanted = meant(options, "")
        if not isinstance(options.get("force", False), bool):
            raise UsageError("The option force is true or false.")
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
        wanted = meant(run.options, run.context)
        parts = pointing_first(wanted.kinds)
        return staged(chain.from_iterable(_found(run, wanted, kinds) for kinds in parts))

    def batches(self, run: Run) -> Iterator[Batch]:
        """What was staged, to be looked at again under the lock."""
        if not run.options.get("force"):
            self._pointing = _that_point(run)
            self._pointers = Pointers(run)
        for lines, cursor in run.staged():
            items = named(lines)
            yield Batch(cursor, (), [Edit("delete", item.key) for item in items], (), len(items), extra=items)

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """Deletes what still meets every criterion and what nothing that stays points to."""
        wanted = meant(run.options, run.context)
        items: list[Named] = batch.extra
        newest = view.newest([item.key for item in items])
        staying = self._staying(run, view, wanted, items[0].line if items else 0)
        edits: list[Edit] = []
        rejects: list[Reject] = list(batch.rejects)
        for item in items:
            found = newest.get(item.key)
            if found is None or found.deleted:
                continue
            if (why := _why_not(wanted, view, item, found)) is not None:
                rejects.append(_no_longer(item, found, why))
            elif staying is not None and (why := staying.why(item.key)):
                rejects.append(_reject(item, found, "contract", f"{item.key} is to be deleted, and {why}"))
            else:
                edits.append(Edit("delete", item.key))
        unchanged = len(items) - len(edits) - (len(rejects) - len(batch.rejects))
        return Decision(edits, rejects, unchanged, len(edits))

    def _staying(self, run: Run, view: View, wanted: Filter, line: int) -> Staying | None:
        """What tells which records stay, in a batch that begins with a line; None where that is all the same."""
        if self._pointers is None:
            return None

        def goes(key: str) -> bool:
            item = self._pointing.get(key)
            # One before this batch that is live still was rejected; but in a dry run nothing is deleted.
            if item is None or (item.line < line and not run.preview):
                return False
            found = view.newest((key,)).get(key)
            return found is not None and not found.deleted and _why_not(wanted, view, item, found) is None

        return Staying(self._pointers, view, goes)


_POINTS = re.compile(rb'"key":\s*"(?:' + "|".join(POINTING).encode() + rb"):")


def _that_point(run: Run) -> dict[str, Named]:
    """All staged records that may point to others, also those that were gone through before."""
    again = replace(run, cursor=None)
    found = (line for lines, _ in again.staged() for line in lines if _POINTS.search(line.raw))
    return {item.key: item for item in named(list(found))}


def _found(run: Run, wanted: Filter, kinds: tuple[str, ...]) -> Iterator[Found]:
    """What is meant of these kinds; of none: of all that point to nothing."""
    for one in run.store.library.stream(replace(wanted, kinds=kinds)):
        if kinds or parts_of(one.row.key)[0] not in POINTING:
            yield one


def _why_not(wanted: Filter, view: View, item: Named, found: Newest) -> str | None:
    """Which criterion a live record does not meet any more; None where it meets all."""
    if found.ver == item.ver:
        return None  # the very version that was named
    raw = view.raw(found)
    return None if raw is None else unmet(wanted, item.key, raw, found.workflow)


def _no_longer(item: Named, found: Newest, why: str) -> Reject:
    told = f"{item.key} was changed since it was named (version {found.ver}) and is not meant any more: {why}"
    return _reject(item, found, "no-longer", told)


def _reject(item: Named, found: Newest, code: str, told: str) -> Reject:
    from store.knowledge.checking import Reject

    return Reject(item.line, code, told, records.dumps({"key": item.key, "ver": found.ver}))
