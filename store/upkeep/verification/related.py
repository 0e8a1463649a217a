"""What records of knowledge say that cannot be: ends that are not there, and circles.

| code | severity | means |
|---|---|---|
| `frame-circle` | warning | a frame inherits from itself, over others or not |
| `scope-circle` | warning | a context record is its own parent, over others or not |
| `unknown-member` | warning | a cluster has a member that is not there |
| `unknown-frame` | warning | an instance is one of a frame that is not there, or a frame inherits from one |
| `unknown-scope` | warning | a context record has a parent that is not there |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.errors import ChartkeepError
from store.knowledge.kinds import FAMILY
from store.model import Finding

if TYPE_CHECKING:
    from store.index.base import Reads
    from store.journal import Journal
    from store.store import Store

NAMED = 100
"""Findings of one code named for a context; the rest is counted."""


class Said(NamedTuple):
    """What is wrong with one record, and where its line lies."""

    code: str
    message: str
    generation: int
    offset: int


class _Record(NamedTuple):
    key: str
    value: dict[str, Any]
    generation: int
    offset: int

    def says(self, code: str, message: str) -> Said:
        return Said(code, f"{self.key}: {message}", self.generation, self.offset)


def check(store: Store, context: str) -> Iterator[Finding]:
    """What cannot be in the knowledge of one context. Nothing where journal or index cannot be read."""
    journal = store.journal(context, FAMILY)
    counts: dict[str, int] = {}
    try:
        with store.library.index.snapshot() as snap:
            for judge in _JUDGES:
                for said in judge(snap, journal):
                    counts[said.code] = count = counts.get(said.code, 0) + 1
                    if count <= NAMED:
                        path = str(journal.generation_file(said.generation).path)
                        yield Finding("warning", said.code, said.message, path, None, said.offset)
    except ChartkeepError:
        return
    for code, count in counts.items():
        if count > NAMED:
            yield Finding("warning", code, f"{count - NAMED:,} more of the kind “{code}”", str(journal.path))


def _of_kind(snap: Reads, journal: Journal, kind: str) -> Iterator[_Record]:
    from store.index.knowledge import checking

    for key, generation, offset, length in checking.of_kind(snap, journal.context, kind):
        raw = journal.record_raw(generation, offset, length)
        try:
            value = records.loads(raw) if raw is not None else None
        except records.BadJson:
            continue
        if isinstance(value, dict):
            yield _Record(key, value, generation, offset)


def _texts(value: Any) -> list[str]:
    """The texts a member holds: one, or a list of them."""
    given = value if isinstance(value, list) else [value]
    return [text for text in given if isinstance(text, str) and text]


def _frames(snap: Reads, journal: Journal) -> Iterator[Said]:
    yield from _lineage(
        list(_of_kind(snap, journal, "frame")), "inherits_from", "frame-circle", "unknown-frame"
    )


def _scopes(snap: Reads, journal: Journal) -> Iterator[Said]:
    yield from _lineage(list(_of_kind(snap, journal, "context")), "parent", "scope-circle", "unknown-scope")


def _lineage(found: list[_Record], member: str, circle: str, unknown: str) -> Iterator[Said]:
    """Parents that are not there, and records that come back to themselves going from parent to parent."""
    places: dict[str, int] = {}
    for number, record in reversed(list(enumerate(found))):
        name = record.value.get("name")
        for word in (record.key, record.key.partition(":")[2], *([name] if isinstance(name, str) else [])):
            places[word] = number
    above: list[list[int]] = []
    for record in found:
        words = _texts(record.value.get(member))
        above.append([places[word] for word in words if word in places])
        for word in words:
            if word not in places:
                yield record.says(unknown, f"“{word}”, its {member}, is not there")
    for number in sorted(_looped(above)):
        yield found[number].says(circle, f"it comes back to itself by its {member}")


def _looped(above: list[list[int]]) -> set[int]:
    """Who is reached again from itself: of those that neither lead out of every circle nor only into one."""
    below: list[list[int]] = [[] for _ in above]
    for number, parents in enumerate(above):
        for parent in parents:
            below[parent].append(number)
    left = _peeled(above, below) & _peeled(below, above)
    return {number for number in left if number in _reached(number, above, left)}


def _reached(start: int, above: list[list[int]], within: set[int]) -> set[int]:
    found: set[int] = set()
    todo = [start]
    while todo:
        for parent in above[todo.pop()]:
            if parent in within and parent not in found:
                found.add(parent)
                todo.append(parent)
    return found


def _peeled(out: list[list[int]], back: list[list[int]]) -> set[int]:
    degree = [len(each) for each in out]
    ready = [number for number, count in enumerate(degree) if not count]
    left = set(range(len(out)))
    while ready:
        number = ready.pop()
        left.discard(number)
        for other in back[number]:
            degree[other] -= 1
            if not degree[other]:
                ready.append(other)
    return left


def _instances(snap: Reads, journal: Journal) -> Iterator[Said]:
    from store.index.knowledge import checking

    frames = checking.names_of(snap, journal.context, "frame")
    for record in _of_kind(snap, journal, "frame_instance"):
        for frame in _texts(record.value.get("frame")):
            if frame not in frames:
                yield record.says("unknown-frame", f"there is no frame “{frame}”")


def _clusters(snap: Reads, journal: Journal) -> Iterator[Said]:
    from store.index.knowledge import checking

    for record in _of_kind(snap, journal, "cluster"):
        members = record.value.get("members")
        given = (
            [one.get("key") if isinstance(one, dict) else one for one in members or ()]
            if (isinstance(members, list))
            else []
        )
        keys = [key for key in _texts(given) if ":" in key and not key.startswith("chart:")]
        there = checking.newest(snap, journal.context, keys)
        for key in dict.fromkeys(keys):
            if key not in there or there[key].deleted:
                yield record.says("unknown-member", f"its member {key} is not there")


_JUDGES: tuple[Callable[[Reads, Journal], Iterator[Said]], ...] = (_frames, _scopes, _instances, _clusters)
