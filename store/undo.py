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
"""Every command stamps this member; it never stands in the way of an undo, in a wrapper neither."""


class Clash(Exception):
    """A later change holds the member named by `path`, of the record `key`."""

    def __init__(self, path: str, key: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.key = key


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
        try:
            edit = _taken_back(item)
        except Clash as clash:
            clash.key = item.key
            raise
        if edit is not None:
            edits.append(edit)
    return edits


def _taken_back(item: Touched) -> Edit | None:
    key, before, after, current = item
    if before is None:
        if current is None or after is None:
            return None
        if not records.same(_bare(current), _bare(after)):
            raise Clash("")
        return Edit("delete", key)
    if after is None:
        if current is not None and not records.same(_bare(current), _bare(before)):
            raise Clash("")
        return Edit("put", key, before) if current is None else None
    if current is None:
        raise Clash("")
    restored = revert(before, after, current)
    return None if records.same(restored, current) else Edit("put", key, restored)


_ABSENT: Any = object()


def revert(before: Any, after: Any, current: Any, path: tuple[str, ...] = ()) -> Any:
    """`current` with the change from `before` to `after` taken out again.

    Objects go member by member, lists item by item where others added to them since;
    anything else must still be as `after` left it. Raises Clash otherwise.
    """
    if records.same(before, after) or path[-2:] == _BOOKKEEPING:
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
        if _alike(was, became) or _alike(was, now) or (*path, name)[-2:] == _BOOKKEEPING:
            continue
        if _alike(became, now):
            if was is _ABSENT:
                del restored[name]
            else:
                restored[name] = was
        elif _ABSENT in (was, became, now):
            raise Clash(".".join((*path, name)))
        else:
            restored[name] = revert(was, became, now, (*path, name))
    return restored


def _alike(one: Any, other: Any) -> bool:
    """The same value, or both no member at all."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return records.same(one, other)


def _revert_list(before: list[Any], after: list[Any], current: list[Any], path: tuple[str, ...]) -> list[Any]:
    # The text of an outcome or step is item 0: replaced there, it goes back there.
    replaced = len(before) == len(after)
    if replaced and len(current) >= len(after) and records.same(current[: len(after)], after):
        return [*before, *current[len(after) :]]
    added, removed = _without(after, before), _without(before, after)
    left = _without(added, current)
    if left or (added and removed) or not (added or removed):
        raise Clash(".".join(path))
    restored = _without(current, added)
    for item in removed:
        place = next(n for n, other in enumerate(before) if records.same(other, item))
        restored.insert(min(place, len(restored)), item)
    return restored


def _without(items: list[Any], others: list[Any]) -> list[Any]:
    """`items` less each of `others` once, the last of several first; in order."""
    left = list(items)
    for other in others:
        place = next((n for n in reversed(range(len(left))) if records.same(left[n], other)), None)
        if place is not None:
            del left[place]
    return left


def _bare(record: Json) -> Json:
    """A record without the date of its last change."""
    body: Json = records.body_of(record)
    if body is not record:
        return {**record, "data": _bare(body)}
    metadata = record.get("metadata")
    if not isinstance(metadata, dict) or "updatedAt" not in metadata:
        return record
    return {**record, "metadata": {name: value for name, value in metadata.items() if name != "updatedAt"}}
