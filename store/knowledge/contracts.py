"""Contracts of the operations on records: what must hold before, after, and of every record that is written.

Invariants of records (`RULES`):
1. No frame inherits from itself, over however many others.
2. A frame instance binds only elements of its frame, inherited ones included. Strictly checked, its frame exists.
3. Every member of a cluster exists.
4. The parent of a context exists, and no context is its own ancestor.

Scores between 0 and 1 are the schemas' affair. Operations state theirs with `requires` and `ensures`. A call
with one condition before and one after costs 0.8 us more with these few lines, 5.6 us with icontract 2.7.3,
which also takes 40 ms to import: hence no dependency.

A violation is a Breach: it names what was asked and what forbids it, and nothing is written. Batches turn it
into a reject (`refusals`), single operations record it (`editing`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from store.errors import Refused
from store.knowledge.kinds import parts_of
from store.knowledge.looking import Json, Look, looking, value_of
from store.knowledge.model import Filter

if TYPE_CHECKING:
    from store.knowledge.checking import Item, Reject
    from store.knowledge.writing import View
    from store.store import Store

T = TypeVar("T")
A = TypeVar("A")

Rule = Callable[[Look, str, Json, bool], str]
"""(look, key, record, strict): what forbids such a record; empty where nothing does."""

FARTHEST = 1000
"""Steps of inheritance that are followed."""
SHOWN = 5


class Breach(Refused):
    """What was asked would break a contract. Nothing was written."""

    def __init__(self, asked: str, forbids: str, code: str = "contract") -> None:
        super().__init__(f"{asked}: refused, since {forbids}.")
        self.asked = asked
        self.forbids = forbids
        self.code = code


def requires(condition: Callable[[A], str]) -> Callable[[Callable[[A], T]], Callable[[A], T]]:
    """The operation is done only where `condition`, given what it is given, finds nothing that forbids it.

    What an operation is given says in its `asked`, in words, what somebody wants.
    """

    def guard(operation: Callable[[A], T]) -> Callable[[A], T]:
        @wraps(operation)
        def guarded(wanted: A) -> T:
            if forbids := condition(wanted):
                raise Breach(str(getattr(wanted, "asked", wanted)), forbids)
            return operation(wanted)

        return guarded

    return guard


def ensures(condition: Callable[[T, A], str]) -> Callable[[Callable[[A], T]], Callable[[A], T]]:
    """What the operation gives counts only where `condition`, given it and what was wanted, finds nothing wrong."""

    def guard(operation: Callable[[A], T]) -> Callable[[A], T]:
        @wraps(operation)
        def guarded(wanted: A) -> T:
            result = operation(wanted)
            if forbids := condition(result, wanted):
                raise Breach(str(getattr(wanted, "asked", wanted)), forbids)
            return result

        return guarded

    return guard


# -- records ---------------------------------------------------------------------------------------


def forbids(look: Look, key: str, record: Json, *, strict: bool = False) -> str:
    """What forbids a record under a key; empty where nothing does."""
    rule = RULES.get(parts_of(key)[0])
    return rule(look, key, record, strict) if rule is not None else ""


def refusals(
    store: Store, context: str, view: View, items: Sequence[Item], *, strict: bool = False
) -> list[Reject]:
    """Those of the items that a rule forbids, as rejects. They may refer to each other in any order.

    Items of kinds without a rule cost nothing.
    """
    ruled = [item for item in items if item.kind in RULES]
    if not ruled:
        return []
    from store.knowledge.checking import Reject

    look = looking(store, context, view)
    look.pending = {item.key: value_of(item.raw) or {} for item in ruled}
    look.others = {item.key for item in items}
    view.newest(_members(look.pending))  # all in one question: one for each costs a millisecond
    refused: dict[str, Reject] = {}
    again = True
    while again:  # what one refused item was needed for is refused too
        again = False
        for item in ruled:
            if item.key in refused:
                continue
            if why := forbids(look, item.key, look.pending[item.key], strict=strict):
                reason = f"{item.key} is to be written, and {why}"
                refused[item.key] = Reject(item.line, "contract", reason, item.raw)
                del look.pending[item.key]
                look.others.discard(item.key)
                again = True
    return sorted(refused.values(), key=lambda reject: reject.line)


def _frame(look: Look, key: str, record: Json, _strict: bool) -> str:
    """Invariant 1."""
    way = _circle(look, "frame", key, record, "inherits_from")
    return f"it would inherit from itself: {' → '.join(way)}" if way else ""


def _scope(look: Look, key: str, record: Json, _strict: bool) -> str:
    """Invariant 4."""
    parent = record.get("parent")
    if parent is None:
        return ""
    if _means(parent, key, record) or look.find("context", parent) is not None:
        way = _circle(look, "context", key, record, "parent")
        return f"it would be its own ancestor: {' → '.join(way)}" if way else ""
    return f"there is no context “{parent}” that could be its parent"


def _instance(look: Look, _key: str, record: Json, strict: bool) -> str:
    """Invariant 2."""
    word, bindings = record.get("frame"), record.get("bindings")
    if not isinstance(word, str):
        return ""
    found = look.find("frame", word)
    if found is None:
        return f"there is no frame “{word}”" if strict else ""
    elements = elements_of(look, *found)
    known = {name.casefold() for name in elements}
    foreign = [name for name in bindings or () if name.casefold() not in known]
    if not foreign:
        return ""
    return f"the frame “{word}” has no element {_listed(foreign)}; it has {_listed(elements) if elements else 'none'}"


def _cluster(look: Look, key: str, record: Json, _strict: bool) -> str:
    """Invariant 3. Charts may be members too; they are no records of knowledge."""
    absent = [member for member in _members({key: record}) if not look.there(member)]
    if not absent:
        return ""
    return f"{len(absent)} of its members do not exist: {_listed(absent)}"


def _members(found: dict[str, Json]) -> list[str]:
    """The members of those of these records that are clusters."""
    clusters = [record for key, record in found.items() if parts_of(key)[0] == "cluster"]
    keys = [str(member.get("key")) for record in clusters for member in record.get("members") or ()]
    return [key for key in keys if not key.startswith("chart:")]


RULES: dict[str, Rule] = {
    "frame": _frame,
    "frame_instance": _instance,
    "cluster": _cluster,
    "context": _scope,
}
"""The invariant of each kind that has one."""


def elements_of(look: Look, key: str, frame: Json) -> list[str]:
    """The elements of a frame and of all it inherits from."""
    found: dict[str, None] = {}
    seen = {key}
    step = [frame]
    while step and len(seen) < FARTHEST:
        above: list[Json] = []
        for here in step:
            for member in ("core_elements", "peripheral_elements"):
                found.update(dict.fromkeys(name for name in here.get(member) or () if isinstance(name, str)))
            for word in _words(here.get("inherits_from")):
                parent = look.find("frame", word)
                if parent is not None and parent[0] not in seen:
                    seen.add(parent[0])
                    above.append(parent[1])
        step = above
    return list(found)


def _circle(look: Look, kind: str, key: str, record: Json, member: str) -> list[str]:
    """The way by which a record leads back to itself over a member that names others; empty where it does not."""
    own = str(record.get("name") or key)
    seen: set[str] = set()
    ways = [(record, [own])]
    while ways and len(seen) < FARTHEST:
        here, way = ways.pop()
        for word in _words(here.get(member)):
            if _means(word, key, record):
                return [*way, own]
            found = look.find(kind, word)
            if found is None or found[0] in seen:
                continue
            if found[0] == key:
                return [*way, own]
            seen.add(found[0])
            ways.append((found[1], [*way, str(found[1].get("name") or found[0])]))
    return []


def _means(word: str, key: str, record: Json) -> bool:
    """True where a word names this very record."""
    return word in (key, parts_of(key)[1], record.get("name"))


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"“{name}”" for name in names[:SHOWN]) + more


# -- deletion --------------------------------------------------------------------------------------

POINTS: dict[str, tuple[str, ...]] = {
    "frame": ("frame", "frame_instance", "cluster"),
    "context": ("context", "cluster"),
}
"""Kinds of records that may point to one of a kind; clusters may point to any."""
POINTING = ("cluster", "frame_instance", "frame", "context")
"""Kinds of records that may point to others: none of them to one of a kind before it, but clusters."""


def pointing(store: Store, context: str, keys: Iterable[str]) -> dict[str, list[str]]:
    """Live records that point to these and are not among them, by key: what a deletion would leave with nothing.

    The records that may point there are read through for the words first; only where some hold one are
    they looked at by key.
    """
    gone = set(keys)
    kinds = {kind for key in gone for kind in POINTS.get(parts_of(key)[0], ("cluster",))}
    words: dict[str, str] = {}
    for key in gone:
        kind, record_id = parts_of(key)
        words[key] = key
        if kind in POINTS:
            words[f"{kind}:{record_id}"] = key
            found = store.library.newest(context, key)
            for word in (record_id, (value_of(found.raw) or {}).get("name") if found and found.raw else None):
                if isinstance(word, str):
                    words.setdefault(f"{kind}\0{word}", key)
    wanted = Filter(context=context, kinds=tuple(sorted(kinds)))
    if not _any_points(store, wanted, words, gone):
        return {}
    pointed: dict[str, list[str]] = {}
    for one in store.library.stream(wanted):
        if one.raw is None or one.row.key in gone:
            continue
        for key in {words[word] for word in targets(one.row.kind, value_of(one.raw) or {}) if word in words}:
            pointed.setdefault(key, []).append(one.row.key)
    return pointed


def _any_points(store: Store, wanted: Filter, words: dict[str, str], gone: set[str]) -> bool:
    """True where a record that is not itself to go may point to one of these words."""
    from store.knowledge.streaming import stream

    plain = {word.partition("\0")[2] or word for word in words}
    # What is escaped may be any of them.
    search = re.compile(b"|".join([rb"\\", *(re.escape(word.encode()) for word in sorted(plain))])).search
    for part in stream(store, wanted):
        for raw in part:
            if search(raw) is None:
                continue
            value = value_of(raw) or {}
            kind = value.get("type")
            if kind not in _NAMES and kind != "cluster":  # taken in without its type
                return True
            if f"{kind}:{value.get('id')}" not in gone and any(
                word in words for word in targets(kind, value)
            ):
                return True
    return False


_NAMES = {
    "frame": ("inherits_from", "frame"),
    "frame_instance": ("frame", "frame"),
    "context": ("parent", "context"),
}
"""The member by which records of a kind name another, and the kind of that."""


def words_for(key: str, raw: bytes | None) -> set[str]:
    """The words of `targets` by which a record of that key and those bytes may be pointed to."""
    kind, record_id = parts_of(key)
    words = {key}
    if kind in POINTS:
        names = (record_id, (value_of(raw) or {}).get("name") if raw is not None else None)
        words.update(f"{kind}\0{word}" for word in names if isinstance(word, str))
    return words


def targets(kind: str, record: Json) -> Iterable[str]:
    """What a record points to: keys, and words that name a record of a kind."""
    if kind == "cluster":
        members = record.get("members")
        for member in members if isinstance(members, list) else ():
            if isinstance(member, dict) and isinstance(member.get("key"), str):
                yield member["key"]
        return
    name, target = _NAMES[kind]
    for word in _words(record.get(name)):
        yield word
        yield f"{target}\0{word}"
