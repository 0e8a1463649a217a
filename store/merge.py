"""Three-way merge of one record: what another program changed, laid over what we hold.

Pure: values in, a value out. The other program rewrote a whole file it had read some time
ago, and may have left out members it does not know. So what it holds is news only where no
version it can have read (a *base*) holds the same:

- an object is merged member by member; an absent member stays; our key order is kept;
- a list is merged as a set: additions of both stay, a removal is believed when every base
  held the item. A list we have not touched since becomes theirs, order and all. An item that
  is in theirs and not in ours stays away only if it was we who removed it: where one peer
  removed a note and the next one's file has it, keeping the note is the smaller harm;
- the first observation of a step, an outcome, a chart or a beat is its text: merged as one
  value of its own, so a new wording never becomes a second note;
- anything else: their change wins; where ours had changed too, that is a conflict, and the
  value that gave way stays readable in the history;
- numbers JavaScript rounded, and NaN it cannot write, are no news: our digits stay.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from store import clock
from store.model import Collision, Json
from store.paths import same_text, value_at
from store.records import body_of, same

Path = tuple[str, ...]
"""Names of members from the record inwards; an index of a list as text."""

DEEPEST = 32
"""Objects nested deeper than this are compared whole, not member by member."""

TITLED = frozenset({"structural_tension_chart", "desired_outcome", "action_step", "narrative_beat"})
"""Entity types whose first observation is their text rather than one fact among others."""


class _Absent:
    """The type of `ABSENT`: a member that is not there, as opposed to one that is null."""


ABSENT: Final = _Absent()


class Merged(NamedTuple):
    """What comes of merging: `value` is `ours` itself where nothing changed (None: still deleted).

    `conflicts` names every member both sides had changed to different values; `()` alone is the
    record itself, changed there and deleted here.
    """

    value: Json | None
    changed: bool
    conflicts: list[Path]


def merge(
    bases: Sequence[Json],
    ours: Json | None,
    theirs: Json,
    own_edits: Sequence[tuple[Json, Json]] | None = None,
) -> Merged:
    """`theirs` merged into `ours`, given every version its writer can have read.

    `bases` comes best guess first: whether ours changed too is judged by it. `ours` is None
    where we hold no such record, or deleted it: then a value some base held stays deleted, and a
    changed one brings the record back. `own_edits` are (before, after) of our own edits to the
    record, as far as they are known: an item none of them removed was removed by another program.
    No argument is changed; parts are shared with the result.
    """
    if any(same(theirs, base) for base in bases) or (ours is not None and same(theirs, ours)):
        return Merged(ours, False, [])
    merger = _Merger(theirs, own_edits)
    if ours is not None:
        value = merger.value((), bases, ours, theirs)
        return Merged(value, True, merger.conflicts) if not same(value, ours) else Merged(ours, False, [])
    if not bases:
        return Merged(theirs, True, [])
    value = merger.value((), bases, bases[0], theirs)
    if any(same(value, base) for base in bases):
        return Merged(None, False, [])
    return Merged(value, True, [()])


class Sides(NamedTuple):
    """A record as we held it (version `ver`), as it came out of a merge, and as both had it before."""

    key: str
    ours: Json | None
    came: Json | None
    base: Json | None
    ver: int


def collisions(sides: Sides, paths: Iterable[Path]) -> list[Collision]:
    """What is kept of the conflicts at `paths`: the value that gave way beside the one that won.

    A file may hold several lines of one record, which disagree among themselves. Where we had not
    changed the member, or our value came out after all, that is no conflict with us.
    """
    found = []
    for path in paths:
        ours, came, base = (value_at(side, path) for side in sides[1:4])
        if not same_text(ours, came) and not same_text(ours, base):
            found.append(Collision(sides.key, path, ours, came, base, sides.ver))
    return found


def similarity(value: Json, base: Json) -> float:
    """How much of two records is the same, 0 to 1: shared leaves over all leaves."""
    left, right = Counter(_leaves(value)), Counter(_leaves(base))
    total = (left | right).total()
    return (left & right).total() / total if total else 1.0


class _Merger:
    """One merge in progress: collects conflicts, knows where the titled list is."""

    def __init__(self, theirs: Json, own_edits: Sequence[tuple[Json, Json]] | None) -> None:
        self._own_edits = own_edits
        self.conflicts: list[Path] = []
        body = body_of(theirs)
        inner: Path = (
            ("observations",) if body is theirs or "observations" in theirs else ("data", "observations")
        )
        entity_type = body.get("entityType")
        self._titled = inner if isinstance(entity_type, str) and entity_type in TITLED else None

    def value(self, path: Path, bases: Sequence[Any], ours: Any, theirs: Any) -> Any:
        """Merge one value; ABSENT in `bases` and `ours` stands for a member that is not there."""
        if ours is not ABSENT and same(ours, theirs):
            return ours
        if any(_carried(theirs, base) for base in bases):
            return ours
        if ours is ABSENT:
            if any(base is not ABSENT for base in bases):
                self.conflicts.append(path)
            return theirs
        if isinstance(ours, dict) and isinstance(theirs, dict) and len(path) < DEEPEST:
            return self._members(path, bases, ours, theirs)
        if isinstance(ours, list) and isinstance(theirs, list):
            return self._list(path, bases, ours, theirs)
        if not bases or bases[0] is ABSENT or not same(ours, bases[0]):
            if path[-1:] == ("updatedAt",):
                return _later(ours, theirs)
            self.conflicts.append(path)
        return theirs

    def _members(self, path: Path, bases: Sequence[Any], ours: Json, theirs: Json) -> Json:
        def merged(name: str, own: Any) -> Any:
            inner = [base.get(name, ABSENT) if isinstance(base, dict) else ABSENT for base in bases]
            return self.value((*path, name), inner, own, theirs[name])

        result = {name: merged(name, own) if name in theirs else own for name, own in ours.items()}
        for name in theirs:
            if name not in ours and (value := merged(name, ABSENT)) is not ABSENT:
                result[name] = value
        return result

    def _list(self, path: Path, bases: Sequence[Any], ours: list[Any], theirs: list[Any]) -> list[Any]:
        if bases and all(isinstance(base, list) and same(ours, base) for base in bases):
            return _our_digits(ours, theirs, 0)
        titled = int(path == self._titled)
        edits = None
        if self._own_edits is not None:
            both = ((_list_at(old, path), _list_at(new, path)) for old, new in self._own_edits)
            edits = [(old[titled:], new[titled:]) for old, new in both]
        if not titled:
            return _as_sets(bases, ours, theirs, edits)
        tails = [base[1:] if isinstance(base, list) else base for base in bases]
        tail = _as_sets(tails, ours[1:], theirs[1:], edits)
        heads = [base[0] if isinstance(base, list) and base else ABSENT for base in bases]
        head: Any = ours[0] if ours else ABSENT
        if theirs:
            head = self.value((*path, "0"), heads, head, theirs[0])
        return tail if head is ABSENT else [head, *tail]


def _carried(theirs: Any, base: Any) -> bool:
    """True where `theirs` is what the base held, as far as a JavaScript program can write it."""
    if base is ABSENT:
        return False
    return same(theirs, base) or (theirs is None and isinstance(base, float) and not math.isfinite(base))


def _later(ours: Any, theirs: Any) -> Any:
    """The later of two times of change: both sides changed the record, and neither is wrong."""
    left, right = clock.try_parse(ours), clock.try_parse(theirs)
    return ours if left is not None and right is not None and left > right else theirs


def _list_at(record: Any, path: Path) -> list[Any]:
    """The list at `path` of a record, an empty one where there is none."""
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record if isinstance(record, list) else []


def _as_sets(
    bases: Sequence[Any],
    ours: list[Any],
    theirs: list[Any],
    edits: Sequence[tuple[list[Any], list[Any]]] | None,
) -> list[Any]:
    """`ours` in its order, without what they removed, then what they added.

    An addition that took a removed item's place in the list gets that place.
    """
    classes = _Classes()
    mine, new = [classes.of(item) for item in ours], [classes.of(item) for item in theirs]
    olds = [[classes.of(item) for item in base] if isinstance(base, list) else [] for base in bases]
    wanted = _counts(Counter(mine), Counter(new), [Counter(old) for old in olds])
    if edits is not None:
        removed: Counter[int] = Counter()
        for before, after in edits:
            removed |= Counter(map(classes.of, before)) - Counter(map(classes.of, after))
        for number, other in Counter(new).items():
            if number not in removed:
                wanted[number] = max(wanted[number], other)
    kept: list[Any] = []
    holes: dict[int, list[int]] = {}
    used: Counter[int] = Counter()
    for item, number in zip(ours, mine, strict=True):
        used[number] += 1
        if used[number] > wanted[number]:
            holes.setdefault(number, []).append(len(kept))
            kept.append(ABSENT)
        else:
            kept.append(item)
    old = olds[0] if olds and len(olds[0]) == len(new) else None
    have, seen = Counter(mine), Counter[int]()
    for index, (item, number) in enumerate(zip(theirs, new, strict=True)):
        seen[number] += 1
        if seen[number] <= have[number] or seen[number] > wanted[number]:
            continue
        if old is not None and holes.get(old[index]):
            kept[holes[old[index]].pop(0)] = item
        else:
            kept.append(item)
    return [item for item in kept if item is not ABSENT]


def _counts(ours: Counter[int], theirs: Counter[int], bases: list[Counter[int]]) -> Counter[int]:
    """How often each item is to occur: more than any base held was added, fewer than every base removed."""
    wanted: Counter[int] = Counter()
    for number in ours.keys() | theirs.keys():
        most = max((base[number] for base in bases), default=0)
        least = min((base[number] for base in bases), default=0)
        own, other = ours[number], theirs[number]
        if other > most:
            wanted[number] = max(own, other)
        elif other < least and own <= least:
            wanted[number] = min(own, other)
        else:
            wanted[number] = own
    return wanted


def _our_digits(ours: list[Any], theirs: list[Any], depth: int) -> list[Any]:
    """`theirs`, but with our own copy of every value that is the same in both."""
    classes = _Classes()
    stock: dict[int, list[Any]] = {}
    for item in ours:
        stock.setdefault(classes.of(item), []).append(item)
    result = []
    for index, item in enumerate(theirs):
        found = stock.get(classes.of(item))
        if found:
            result.append(found.pop(0))
        elif len(ours) == len(theirs):
            result.append(_own_parts(ours[index], item, depth + 1))
        else:
            result.append(item)
    return result


def _own_parts(ours: Any, theirs: Any, depth: int) -> Any:
    """`_our_digits` within one item of a list."""
    if same(ours, theirs):
        return ours
    if depth < DEEPEST:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return {
                name: _own_parts(ours.get(name, ABSENT), item, depth + 1) for name, item in theirs.items()
            }
        if isinstance(ours, list) and isinstance(theirs, list):
            return _our_digits(ours, theirs, depth)
    return theirs


class _Classes:
    """Numbers for JSON values: equal numbers for values the peers see as the same."""

    def __init__(self) -> None:
        self._buckets: dict[Hashable, list[tuple[Any, int]]] = {}
        self._count = 0

    def of(self, value: Any) -> int:
        """The number of `value`'s class."""
        bucket = self._buckets.setdefault(_mark(value), [])
        for known, number in bucket:
            if known is value or not isinstance(value, (dict, list)) or same(known, value):
                return number
        self._count += 1
        bucket.append((value, self._count))
        return self._count


def _mark(value: Any) -> Hashable:
    """A key that is equal for values that are the same; for scalars also different for others."""
    if isinstance(value, dict):
        plain = {(name, _mark(item)) for name, item in value.items() if not isinstance(item, (dict, list))}
        return ("object", frozenset(value), frozenset(plain))
    if isinstance(value, list):
        return ("list", len(value))
    if isinstance(value, bool) or value is None:
        return ("plain", value)
    if isinstance(value, str):
        return value
    try:
        number = float(value)
    except OverflowError:
        return ("number", value)
    return ("number", number) if math.isfinite(number) else ("plain", None)


def _leaves(value: Any) -> list[Hashable]:
    """(path, value) of every scalar, list items without their index; deep parts by their outer mark."""
    found: list[Hashable] = []
    stack: list[tuple[Path, Any]] = [((), value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict) and len(path) < DEEPEST:
            stack.extend(((*path, name), inner) for name, inner in item.items())
        elif isinstance(item, list) and len(path) < DEEPEST:
            stack.extend(((*path, ""), inner) for inner in item)
        else:
            found.append((path, _mark(item)))
    return found
