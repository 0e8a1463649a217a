"""Taking a transaction back: what its inverse writes, and when that must be refused.

Undo never rewinds: it is a new transaction that puts each record's members back to what
they were before, and leaves alone what others changed since. Where a member that the
transaction wrote has been changed again by a later one, undoing would overwrite that
change, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from store import records
from store.model import Edit, Json

_BOOKKEEPING = ("metadata", "updatedAt")
"""Every command stamps this member; it never stands in the way of an undo."""


class Clash(Exception):
    """A later change holds the member named by `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Touched(NamedTuple):
    """One record of a transaction: before it, after it, and now. None where the record was, or is, deleted."""

    key: str
    before: Json | None
    after: Json | None
    current: Json | None


def inverse(touched: Iterable[Touched]) -> list[Edit]:
    """The edits that take the changes `touched` back.

    Raises Clash where a later change would be overwritten. Records already as they were
    before are left out, so an undo that has nothing to do is empty.
    """
    edits = []
    for item in touched:
        if item.before is None:
            edit = _unmake(item)
        elif item.after is None:
            edit = _remake(item)
        else:
            edit = _revert(item, item.before, item.after)
        if edit is not None:
            edits.append(edit)
    return edits


def _unmake(item: Touched) -> Edit | None:
    if item.current is None:
        return None
    if item.after is not None and not records.same(_bare(item.current), _bare(item.after)):
        raise Clash(item.key)
    return Edit("delete", item.key)


def _remake(item: Touched) -> Edit | None:
    if item.current is None:
        return Edit("put", item.key, item.before)
    if item.before is not None and records.same(_bare(item.current), _bare(item.before)):
        return None
    raise Clash(item.key)


def _revert(item: Touched, before: Json, after: Json) -> Edit | None:
    if item.current is None:
        raise Clash(item.key)
    restored = revert(before, after, item.current, ())
    return None if records.same(restored, item.current) else Edit("put", item.key, restored)


_ABSENT: Any = object()


def revert(before: Any, after: Any, current: Any, path: tuple[str, ...] = ()) -> Any:
    """`current` with the change from `before` to `after` taken out again.

    Objects go member by member, lists item by item where others added to them since;
    anything else must still be as `after` left it. Raises Clash otherwise.
    """
    if records.same(before, after) or path == _BOOKKEEPING:
        return current
    if records.same(current, after):
        return before
    if records.same(current, before):
        return current
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(current, dict):
        return _revert_object(before, after, current, path)
    if isinstance(before, list) and isinstance(after, list) and isinstance(current, list):
        return _revert_list(before, after, current, path)
    raise Clash(".".join(path))


def _revert_object(before: Json, after: Json, current: Json, path: tuple[str, ...]) -> Json:
    restored = dict(current)
    for name in {**before, **after}:
        was, became, now = (side.get(name, _ABSENT) for side in (before, after, current))
        if was is _ABSENT and (now is _ABSENT or records.same(now, became)):
            restored.pop(name, None)
        elif became is _ABSENT and now is _ABSENT:
            restored[name] = was
        elif _ABSENT in (was, became, now):
            if (was is _ABSENT or became is _ABSENT or not records.same(was, became)) and (*path, name) != _BOOKKEEPING:
                raise Clash(".".join((*path, name)))
        else:
            restored[name] = revert(was, became, now, (*path, name))
    return restored


def _revert_list(before: list[Any], after: list[Any], current: list[Any], path: tuple[str, ...]) -> list[Any]:
    # The text of an outcome or step is item 0: replaced there, it goes back there.
    replaced = len(before) == len(after)
    if replaced and len(current) >= len(after) and records.same(current[: len(after)], after):
        return [*before, *current[len(after) :]]
    added = [item for item in after if not _has(before, item)]
    removed = [(at, item) for at, item in enumerate(before) if not _has(after, item)]
    if not all(_has(current, item) for item in added) or (added and removed):
        raise Clash(".".join(path))
    restored = [item for item in current if not _has(added, item)]
    for at, item in removed:
        if not _has(restored, item):
            restored.insert(min(at, len(restored)), item)
    return restored


def _has(items: Iterable[Any], wanted: Any) -> bool:
    return any(records.same(item, wanted) for item in items)


def _bare(record: Json) -> Json:
    metadata = record.get("metadata")
    if not isinstance(metadata, dict) or "updatedAt" not in metadata:
        return record
    return {**record, "metadata": {name: value for name, value in metadata.items() if name != "updatedAt"}}
