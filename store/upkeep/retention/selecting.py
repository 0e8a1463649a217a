"""What an erasure takes: which lines of which journals go, by charts, keys, or by what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from store import records
from store.errors import NotFound, UsageError
from store.mirror import above
from store.upkeep.retention.sieve import ERASED, Head, Newest, Sieve, Survey, survey
from store.upkeep.retention.words import Words

if TYPE_CHECKING:
    from store.model import Position
    from store.store import Store
    from store.upkeep.retention.cutting import Place

CHARTS = "charts"


class What(NamedTuple):
    """What is to be erased. Charts and keys name records; without either the flags go for all of them."""

    charts: tuple[tuple[str, str], ...] = ()
    """(context, chart id): with all below them. Other contexts lose what they hold of them deleted."""
    keys: tuple[str, ...] = ()
    deleted: bool = False
    """Records that are deleted now, with every version."""
    superseded: bool = False
    """Versions that are not the newest of their record."""
    before: str | None = None
    """With either: only what is older, as the journal writes time."""
    contexts: tuple[str, ...] | None = None
    """Where to look; None for every context."""

    def check(self) -> What:
        """Raise UsageError where it names nothing, or contradicts itself."""
        if not (self.charts or self.keys or self.deleted or self.superseded):
            raise UsageError(
                "Name charts or --key, or give --deleted or --superseded: nothing else is erased."
            )
        if self.before is not None and not (self.deleted or self.superseded):
            raise UsageError("--before goes with --deleted or --superseded.")
        return self

    def in_words(self) -> str:
        """For the record of the erasure: what was asked for, naming nothing."""
        named = [
            f"{len(items)} {one}{'s' * (len(items) != 1)}"
            for items, one in ((self.charts, "chart"), (self.keys, "key"))
            if items
        ]
        flags = [
            word for word, given in (("deleted", self.deleted), ("superseded", self.superseded)) if given
        ]
        before = [f"before {self.before[:19]}"] if self.before else []
        return ", ".join([*named, *flags, *before])


@dataclass(slots=True)
class Chosen:
    """What goes of one journal."""

    place: Place
    end: Position
    found: Survey
    goes: Callable[[Head], bool]

    def sieve(self, id: str) -> Sieve:
        """The sieve that takes it out, once for each pass."""
        charts = self.place[1] == CHARTS
        return Sieve(id, self.goes, self.found.newest, self.found.refs, words=Words(), charts=charts)


def choose(store: Store, what: What, ends: dict[Place, Position]) -> list[Chosen]:
    """What goes of each journal, read up to `ends`. Raises NotFound for a chart or key nobody knows."""
    what.check()
    by_charts = bool(what.charts)
    found = {
        place: survey(store.journal(*place), end.offset, charts=by_charts and place[1] == CHARTS)
        for place, end in ends.items()
    }
    scope = _scope(store, what, found)
    chosen = []
    for place, end in ends.items():
        keys = scope[place] if scope is not None else None
        if keys is None or keys:
            chosen.append(Chosen(place, end, found[place], _rule(what, found[place].newest, keys)))
    return chosen


def _rule(what: What, newest: dict[str, Newest], keys: set[str] | None) -> Callable[[Head], bool]:
    """Whether a line goes, of those with `keys` (None: of all)."""
    if not what.deleted and not what.superseded:
        assert keys is not None, "checked before"
        return lambda head: head["key"] in keys
    before = what.before or "\U0010ffff"

    def goes(head: Head) -> bool:
        key = head["key"]
        if keys is not None and key not in keys:
            return False
        last = newest.get(key)
        if last is None:
            return False
        if what.deleted and last.deleted and last.at < before:
            return True
        kept = ERASED in head and not last.deleted  # it keeps the record's place already
        return what.superseded and head["ver"] < last.ver and head["at"] < before and not kept

    return goes


# -- which keys ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Family:
    """Charts that go together, and the keys that are theirs in one context."""

    ids: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def _scope(store: Store, what: What, found: dict[Place, Survey]) -> dict[Place, set[str]] | None:
    """The keys concerned in each journal; None where the flags go for all of them."""
    if not what.charts and not what.keys:
        return None
    scope = {place: {key for key in what.keys if key in found[place].newest} for place in found}
    if what.contexts is not None:
        for place in scope:
            if place[0] not in what.contexts:
                scope[place] = set()
    unknown = [key for key in what.keys if not any(key in keys for keys in scope.values())]
    if unknown:
        raise NotFound(
            f"No record has ever had the key {unknown[0]}. `chartkeep history --record` shows keys."
        )
    ids: set[str] = set()
    for context in dict.fromkeys(context for context, _ in what.charts):
        place = (context, CHARTS)
        named = [chart_id for name, chart_id in what.charts if name == context]
        family = _family(store, context, named, found)
        scope[place] |= family.keys
        ids |= family.ids
    for place, there in found.items():
        if ids and place[1] == CHARTS and not any(place[0] == context for context, _ in what.charts):
            # What a move left behind in another context: deleted there, since it lives elsewhere now.
            scope[place] |= {key for key in _keys_of(there, ids) if there.newest[key].deleted}
    return scope


def _family(store: Store, context: str, named: list[str], found: dict[Place, Survey]) -> _Family:
    """Charts with all below them, live or deleted, and every key that was ever theirs in this context."""
    from store.charts import removing

    there = found.get((context, CHARTS))
    if there is None:
        raise NotFound(f"“{context}” holds no charts.")
    unknown = [
        one for one in named if f"e:{one}_chart" not in there.newest and one not in there.owner.values()
    ]
    if unknown:
        raise NotFound(f"No chart {unknown[0]} was ever in “{context}”. See `chartkeep list`.")
    family = _Family()
    with store.state(context) as state:
        for chart_id in named:
            if state.get(f"e:{chart_id}_chart") is not None or state.keys_of(chart_id):
                live = removing.collect(state, [chart_id])
                family.keys.update(live.entities, live.relations)
                family.ids.update(live.charts)
    family.ids |= _below({*named, *family.ids}, there, found)
    family.keys |= _keys_of(there, family.ids)
    return family


def _below(ids: set[str], there: Survey, found: dict[Place, Survey]) -> set[str]:
    """The charts, and those that were below them at last; not one that lives in another context now."""
    children: dict[str, list[str]] = {}
    for child, parent in there.parent.items():
        children.setdefault(parent, []).append(child)
    every, waiting = set(ids), list(ids)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in every and not _elsewhere(child, there, found.values()):
                every.add(child)
                waiting.append(child)
    return every


def _elsewhere(chart_id: str, there: Survey, others: Iterable[Survey]) -> bool:
    key = f"e:{chart_id}_chart"
    here = there.newest.get(key)
    return (here is None or here.deleted) and any(
        (last := other.newest.get(key)) is not None and not last.deleted for other in others
    )


def _keys_of(there: Survey, ids: set[str]) -> set[str]:
    """Every key that was ever a part of these charts: entities, and relations from or to one."""
    keys = {key for key, chart_id in there.owner.items() if chart_id in ids}
    keys |= {
        key
        for key in there.newest
        if key.startswith("e:") and above(key) in ids and there.owner.get(key) in (None, *ids)
    }
    names = {key[2:] for key in keys}
    for key in there.newest:
        if key.startswith("r:"):
            start, _, end = records.relation_ends(key)
            if start in names or end in names:
                keys.add(key)
    return keys
