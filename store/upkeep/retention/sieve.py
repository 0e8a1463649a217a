"""What becomes of each line when something is cut out of a journal: which go, and what stays in their place.

1. A line stays with every byte of its body, or goes.
2. Of a chart's record that lives on, the first version leaves a line without content behind: records
   keep their places in the chart file by it.
3. A transaction that lost lines says so (`cmd` becomes `erased`), so that nobody takes back the half
   of it that is left. One of two journals that belong together leaves a line even where all of it
   goes: the other half must not pass for a move that was cut short. (Only charts are moved; what
   transactions of knowledge have in common is their workflow.)
4. References between transactions (`undoes`, `redoes`, `resolves`) follow them to their new places; one
   to a transaction that is gone leads to `NOWHERE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.journal_next import CARRIED
from store.rechain import Group, head_of, raw_of, verified, with_meta
from store.records import dumps

if TYPE_CHECKING:
    from store.journal import Journal
    from store.upkeep.retention.words import Words

Head = dict[str, Any]
ERASED = "erased"
"""Command of a transaction that lost lines, and the member that marks a line without content."""
LABEL = "(erased)"
NOWHERE = "0:0"
"""Stands for a transaction that is gone."""
KEPT_KEYS = ("x:erasure:", "x:retention:", "x:erased:")
"""Beginnings of the keys that record what was cut; no rule and no erasure takes them away."""


class Newest(NamedTuple):
    """The newest version of a key."""

    ver: int
    deleted: bool
    at: str


@dataclass(slots=True)
class Survey:
    """What one pass over a journal tells: the newest version of every key, and who refers to whom."""

    newest: dict[str, Newest] = field(default_factory=dict)
    refs: set[str] = field(default_factory=set)
    """Transactions that others undo, redo or resolve conflicts of."""
    owner: dict[str, str | None] = field(default_factory=dict)
    """The chart each entity belonged to last; only where charts are asked for."""
    parent: dict[str, str] = field(default_factory=dict)
    """The chart above each chart, by its last version."""
    until: dict[tuple[str, int], str] = field(default_factory=dict)
    """When each version was superseded; only where that is asked for."""


def survey(journal: Journal, upto: int, *, charts: bool = False, ends: bool = False) -> Survey:
    """Read a journal with its archive up to the offset `upto` of its live generation."""
    found = Survey()
    for group in groups(journal, upto):
        for body in group.bodies:
            head = head_of(body)
            if "tx" in head:
                found.refs.update(references(head["tx"]))
            key, ver = head["key"], head["ver"]
            known = found.newest.get(key)
            if known is not None and known.ver > ver:
                continue
            if ends and known is not None and known.ver < ver:
                found.until[key, known.ver] = head["at"]
            found.newest[key] = Newest(ver, head["op"] == "delete", head["at"])
            if charts and head["op"] == "put" and key.startswith("e:"):
                _belongs(found, key, records.body_of(records.loads(raw_of(body) or b"null")))
    return found


def _belongs(found: Survey, key: str, entity: Any) -> None:
    from store.mirror import parent_of

    chart_id = records.chart_id_of(entity) if isinstance(entity, dict) else None
    found.owner[key] = chart_id
    if chart_id is not None and entity.get("entityType") == records.CHART:
        above = parent_of(entity)
        if above is None:
            found.parent.pop(chart_id, None)
        else:
            found.parent[chart_id] = above


def groups(journal: Journal, upto: int, first: int = 0) -> Iterator[Group]:
    """The transactions of a journal from generation `first` on. Raises Damaged."""
    numbers = journal.generations()
    for number in numbers:
        if number >= first:
            yield from verified(journal.generation_file(number), upto if number == numbers[-1] else None)


def references(meta: Any) -> list[str]:
    """The transactions that the `tx` member of one names."""
    if not isinstance(meta, dict):
        return []
    named = [meta.get("undoes"), meta.get("redoes")]
    resolves = meta.get("resolves")
    for item in resolves if isinstance(resolves, list) else ():
        named.append(item.partition("/")[0] if isinstance(item, str) else None)
    return [name for name in named if isinstance(name, str)]


@dataclass(slots=True)
class Tally:
    """What is cut of one journal."""

    lines: int = 0
    bytes: int = 0
    versions: set[tuple[str, int]] = field(default_factory=set)
    transactions: int = 0
    start: tuple[int, int] | None = None
    """(generation, offset) of the first transaction that loses a line."""
    oldest: str | None = None
    by_generation: dict[int, int] = field(default_factory=dict)

    @property
    def first(self) -> int | None:
        """The first generation something is cut from."""
        return min(self.by_generation, default=None)

    @property
    def keys(self) -> set[str]:
        """The records concerned."""
        return {key for key, _ in self.versions}


@dataclass(slots=True)
class Sieve:
    """Tells of each transaction what is left of it. One sieve serves one pass, in order."""

    id: str
    goes: Callable[[Head], bool]
    newest: dict[str, Newest]
    refs: set[str]
    private: bool = True
    """Labels and kept collisions of what is cut go too; without it only the lines do."""
    charts: bool = True
    """True for a journal of charts: its records keep places, and transactions may belong together."""
    touched: set[str] = field(default_factory=set)
    words: Words | None = None
    moved: dict[str, str] = field(default_factory=dict)
    _blank: set[tuple[str, int]] = field(default_factory=set)
    _marked: set[str] = field(default_factory=set)
    _stubs: int = 0

    def cuts(self, head: Head) -> bool:
        """True where a line goes: records of earlier cuts never do."""
        return not head["key"].startswith(KEPT_KEYS) and self.goes(head)

    def tally(self, journal: Journal, upto: int) -> Tally:
        """Count what would go, and learn its words."""
        found = Tally()
        for group in groups(journal, upto):
            gone = 0
            for body in group.bodies:
                head = head_of(body)
                key = head["key"]
                if not self.cuts(head):
                    if self.words is not None and key in self.touched and head["op"] == "put":
                        self.words.drop(raw_of(body) or b"null")  # what stays is no secret
                    continue
                gone += 1
                self._count(found, head, body)
            if gone:
                found.lines += gone
                found.transactions += 1
                generation = group.generation
                found.by_generation[generation] = found.by_generation.get(generation, 0) + gone
                found.start = found.start or (generation, group.offset)
        return found

    def _count(self, found: Tally, head: Head, body: bytes) -> None:
        self.touched.add(head["key"])
        found.bytes += len(body)
        found.versions.add((head["key"], head["ver"]))
        found.oldest = min(found.oldest or head["at"], head["at"])
        raw = raw_of(body)
        if self.words is not None and raw is not None:
            self.words.add(raw)

    def remake(self, group: Group) -> list[bytes]:
        """The bodies that are left of a transaction."""
        heads = [head_of(body) for body in group.bodies]
        kept: list[bytes] = []
        gone = 0
        for head, body in zip(heads, group.bodies, strict=True):
            if not self.cuts(head):
                kept.append(body)
                continue
            gone += 1
            if self.charts and self._keeps_place(head):
                kept.append(_empty(head))
        meta = heads[0].get("tx")
        if isinstance(meta, dict) and meta.get("cmd") == CARRIED:  # the next header says that now
            meta, kept = None, [with_meta(body, None) for body in kept]
        if not kept:
            if self.charts and isinstance(meta, dict) and meta.get("group"):
                return [self._stub(heads[0], meta)]
            return []
        told = self._told(meta, heads, gone)
        if told is not meta or (meta is not None and kept[0] is not group.bodies[0]):
            kept[0] = with_meta(kept[0], None if told is None else dumps(told))
        return kept

    def _keeps_place(self, head: Head) -> bool:
        """True for the first version of a record that lives on, the first time it is met."""
        key = head["key"]
        newest = self.newest.get(key)
        if newest is None or newest.deleted or key in self._marked or head["ver"] == newest.ver:
            return False
        if self.goes({**head, "op": "put", "ver": newest.ver, "at": newest.at}):
            return False
        self._marked.add(key)
        return True

    def _told(self, meta: Any, heads: list[Head], gone: int) -> Any:
        """The `tx` member as it is to be; `meta` itself where nothing of it changes."""
        first = (heads[0]["key"], heads[0]["ver"])
        known = meta if isinstance(meta, dict) else {}
        if gone:
            self._blank.add(first)
            return self._referring(self._halved(known, gone))
        if not known:
            return meta
        if first in self._blank and self.private:  # a copy that a later generation began with
            return None
        if self.private and self.words is not None and any(head["key"] in self.touched for head in heads):
            label = known.get("label")
            if isinstance(label, str) and self.words.within(label):
                self._blank.add(first)
                known = {**known, "label": LABEL}
        return self._referring(self._without_collisions(known))

    def _halved(self, meta: Head, gone: int) -> Head:
        made: Head = {"cmd": ERASED, "label": meta.get("label", ""), "session": meta.get("session", "")}
        if self.private:
            made["label"] = LABEL
        for name in ("undoes", "redoes", "group", "resolves"):
            if name in meta:
                made[name] = meta[name]
        if "conflicts" in meta:
            made["conflicts"] = self._without_collisions(meta)["conflicts"]
        return {**made, "was": meta.get("was", meta.get("cmd", "")), ERASED: gone + meta.get(ERASED, 0)}

    def _without_collisions(self, meta: Head) -> Head:
        """`meta` without the values that a merge kept of records cut; their places are kept, they are counted."""
        given = meta.get("conflicts")
        if not self.private or not isinstance(given, list):
            return meta
        left = [self._collision(item) for item in given]
        return meta if left == given else {**meta, "conflicts": left}

    def _collision(self, item: Any) -> Any:
        if not isinstance(item, dict) or item.get("key") not in self.touched:
            return item
        return {"key": "", "path": [], "ver": 0}

    def _referring(self, meta: Head) -> Head:
        """`meta` with its references led to where those transactions lie now."""
        if not any(name in self.moved for name in references(meta)):
            return meta
        made = dict(meta)
        for name in ("undoes", "redoes"):
            if made.get(name) in self.moved:
                made[name] = self.moved[made[name]]
        if isinstance(made.get("resolves"), list):
            parts = [item.partition("/") for item in made["resolves"]]
            made["resolves"] = [self.moved.get(tx, tx) + slash + n for tx, slash, n in parts]
        return made

    def _stub(self, head: Head, meta: Head) -> bytes:
        """The line that stands for a whole transaction whose other half lies in another journal."""
        self._stubs += 1
        stub = {**head, "key": f"x:erased:{self.id}-{self._stubs}", "ver": 1}
        return with_meta(_empty(stub), dumps(self._referring(self._halved(meta, 1))))


def _empty(head: Head) -> bytes:
    """A line in the place of one that was cut: its key, version, time and person, and no content."""
    made = {"op": "delete", **{name: head[name] for name in ("key", "ver", "at", "by")}}
    return b'%b,"%b":true,"deleted_at":%b' % (dumps(made)[:-1], ERASED.encode(), dumps(head["at"]))
