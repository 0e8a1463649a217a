"""What of a batch is written: plain rules over what stands in the journal, under its lock.

An item whose key is live: the same content is *unchanged*, so that a repeated run adds nothing twice;
other content is rejected (`exists`), or with `update` its next version. A second item with the same id
in one workflow is rejected (`duplicate-id`); a second one with the same content and no id is unchanged.
A deleted key comes back to life with its next version. What would break a contract is rejected (`contract`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store import records
from store.knowledge import contracts
from store.model import Edit
from store.workflows.types import Batch, Decision, Run

if TYPE_CHECKING:
    from store.knowledge.checking import Item, Reject
    from store.knowledge.writing import Newest, View


def decide(run: Run, view: View, batch: Batch) -> Decision:
    """The usual decision on items and edits."""
    rejects = list(batch.rejects)
    edits, taken, unchanged = _items(run, view, batch.items, rejects)
    if broken := contracts.refusals(run.store, run.context, view, taken, strict=run.strict):
        lines = {reject.line for reject in broken}
        rejects += broken
        edits = [edit for edit, item in zip(edits, taken, strict=True) if item.line not in lines]
        taken = [item for item in taken if item.line not in lines]
    if batch.edits:
        more, same = _edits(view, batch.edits)
        edits += more
        unchanged += same
    missing = Counter(name for item in taken for name in item.missing)
    return Decision(edits, rejects, unchanged + batch.unchanged, len(edits), dict(missing))


def _items(
    run: Run, view: View, items: Sequence[Item], rejects: list[Reject]
) -> tuple[list[Edit], list[Item], int]:
    """The edits that add `items`, the items they add, and how many were there already."""
    keys = [item.key for item in items]
    newest = view.newest(keys)
    new = tuple.__new__
    if not newest and len(set(keys)) == len(keys):  # what a batch of new records is
        return [new(Edit, ("put", item.key, None, item.raw)) for item in items], list(items), 0
    edits: list[Edit] = []
    taken: list[Item] = []
    unchanged = 0
    here: dict[str, Item] = {}
    for item in items:
        key = item.key
        first, found = here.get(key), newest.get(key)
        if first is not None or (found is not None and found.workflow == run.id and not found.deleted):
            if not item.given and _same(item, first.raw if first is not None else _raw(view, found)):
                unchanged += 1
            else:
                rejects.append(duplicate(item, first))
            continue
        if found is not None and not found.deleted:
            if _same(item, view.raw(found)):
                unchanged += 1
                continue
            if not run.update:
                rejects.append(_exists(item, found))
                continue
        here[key] = item
        taken.append(item)
        edits.append(Edit("put", key, None, item.raw))
    return edits, taken, unchanged


def _edits(view: View, wanted: Sequence[Edit]) -> tuple[list[Edit], int]:
    """Those of the edits that change something, and how many do not."""
    newest = view.newest([edit.key for edit in wanted])
    made = []
    for edit in wanted:
        found = newest.get(edit.key)
        if edit.op == "delete":
            changes = found is not None and not found.deleted
        else:
            raw = edit.raw if edit.raw is not None else records.dumps(edit.record)
            changes = found is None or found.deleted or view.raw(found) != raw
        if changes:
            made.append(edit)
    return made, len(wanted) - len(made)


def _raw(view: View, found: Newest | None) -> bytes | None:
    return None if found is None else view.raw(found)


def _same(item: Item, raw: bytes | None) -> bool:
    """Whether a record has the content of the item, whenever and by whichever workflow it was created."""
    from store.knowledge.checking import repeats

    return raw is not None and repeats(item.raw, raw)


def duplicate(item: Item, first: Item | None) -> Reject:
    """The refusal of a second item with the same id."""
    from store.knowledge.checking import Reject

    where = f"as line {first.line}" if first is not None else "as an earlier line of this batch"
    return Reject(item.line, "duplicate-id", f"{item.key} has the same id {where}", item.raw)


def _exists(item: Item, found: Newest) -> Reject:
    from store.knowledge.checking import Reject

    why = f"{item.key} is there already with other content (version {found.ver}); with --update it gets a new version"
    return Reject(item.line, "exists", why, item.raw)
