"""Questions across domains: which are likened to which, how well, the best of each pair, tags they share.

Answered by the knowledge index from what analogies say as `source_domain` and `target_domain`. Analogies that
lack one of them are counted apart; what they liken instead (concepts, pairs of concepts) is read from
their records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import orjson

from store.knowledge.instances import sides
from store.knowledge.kinds import BY_NAME
from store.knowledge.model import Row
from store.records import BadJson, loads

if TYPE_CHECKING:
    from store.index.knowledge.queries import Snapshot
    from store.store import Store

ANALOGY = BY_NAME["analogy"].code
MOST_READ = 100_000
"""Analogies without domains whose records are read for what they liken."""
_new = tuple.__new__
_LIVE = f"i.deleted = 0 AND i.kind = {ANALOGY}"
_BOTH = "i.source IS NOT NULL AND i.target IS NOT NULL"


class Domain(NamedTuple):
    """One domain, by the analogies that name it."""

    name: str
    source: int
    """Analogies that have it as source domain."""
    target: int


class Pair(NamedTuple):
    """Two domains, by the analogies from the one to the other."""

    source: str
    target: str
    analogies: int
    mean: float | None
    """Mean of the quality scores there are; None where there is none."""
    best: float | None


class Best(NamedTuple):
    """A pair of domains with its best analogies, the best first."""

    pair: Pair
    analogies: list[Row]


class Shared(NamedTuple):
    """A tag that analogies of several domains have."""

    tag: str
    domains: list[tuple[str, int]]
    """With the number of analogies that have domain and tag, most first."""
    analogies: int
    """Analogies with the tag that name a domain."""


class Without(NamedTuple):
    """Analogies that do not name both domains."""

    analogies: int
    read: int
    """How many of them were read for what they liken."""
    pairs: list[tuple[str, str, int]]
    """(concept, the concept it is likened to, analogies), most first."""


def domains(
    snap: Snapshot, context: str | None = None, names: Sequence[str] = (), limit: int | None = None
) -> list[Domain]:
    """The domains of live analogies, the most used first; only those named."""
    within, bind = _within(snap, context)
    sql = (
        "SELECT n.name, SUM(s), SUM(t) FROM ("
        f"SELECT i.source AS id, 1 AS s, 0 AS t FROM items i WHERE {_LIVE} AND i.source IS NOT NULL AND {within}"
        f" UNION ALL SELECT i.target, 0, 1 FROM items i WHERE {_LIVE} AND i.target IS NOT NULL AND {within})"
        " JOIN names n USING (id) GROUP BY id ORDER BY SUM(s) + SUM(t) DESC, n.name"
    )
    wanted = set(names)
    found = (Domain(*row) for row in snap._ask(sql, (*bind, *bind)))
    return list(islice((one for one in found if not wanted or one.name in wanted), limit))


def pairs(
    snap: Snapshot, context: str | None = None, names: Sequence[str] = (), limit: int | None = None
) -> list[Pair]:
    """Pairs of domains, those with most analogies first.

    With one name the pairs it is in; with several those of which both ends are named.
    """
    return [
        Pair(source, target, count, mean, best)
        for _, _, source, target, count, mean, best in _pairs(snap, context, names, limit)
    ]


def _pairs(
    snap: Snapshot, context: str | None, names: Sequence[str], limit: int | None
) -> list[tuple[int, int, str, str, int, float | None, float | None]]:
    within, bind = _within(snap, context)
    named, more = _named(snap, names)
    sql = (
        "SELECT p.source, p.target, s.name, t.name, p.n, p.mean, p.best FROM (SELECT i.source, i.target, COUNT(*) AS n,"
        f" AVG(i.quality) AS mean, MAX(i.quality) AS best FROM items i WHERE {_LIVE} AND {_BOTH} AND {within}"
        f" AND {named} GROUP BY i.source, i.target) p JOIN names s ON s.id = p.source JOIN names t ON t.id = p.target"
        " ORDER BY p.n DESC, p.best DESC, s.name, t.name LIMIT ?"
    )
    return snap._ask(sql, (*bind, *more, -1 if limit is None else limit)).fetchall()


def best(
    snap: Snapshot,
    context: str | None = None,
    names: Sequence[str] = (),
    limit: int | None = None,
    per: int = 1,
) -> list[Best]:
    """The pairs as `pairs` gives them, each with its `per` best analogies; among equals the older first.

    Analogies without a quality score come last.
    """
    found = _pairs(snap, context, names, limit)
    within, bind = _within(snap, context)
    sql = (
        "SELECT source, target, seq FROM (SELECT i.source, i.target, i.seq, ROW_NUMBER() OVER (PARTITION BY i.source,"
        f" i.target ORDER BY i.quality DESC, i.seq) AS place FROM items i WHERE {_LIVE} AND (i.source, i.target) IN"
        " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
        f" AND {within}) WHERE place <= ? ORDER BY place"
    )
    ends = orjson.dumps([(source, target) for source, target, *_ in found]).decode()
    seqs: dict[tuple[int, int], list[int]] = {}
    for source, target, seq in snap._ask(sql, (ends, *bind, per)):
        seqs.setdefault((source, target), []).append(seq)
    made = []
    for source, target, *rest in found:
        rows = snap.rows_of(seqs.get((source, target), []))
        made.append(Best(_new(Pair, rest), rows))
    return made


def shared(
    snap: Snapshot, context: str | None = None, names: Sequence[str] = (), limit: int | None = None
) -> list[Shared]:
    """Tags that analogies of at least two domains have, those of most domains first.

    An analogy counts for both of its domains. With names: tags that analogies of every one of them have.
    """
    within, bind = _within(snap, context)
    sql = (
        f"SELECT i.tags, i.source, i.target, COUNT(*) FROM items i WHERE {_LIVE} AND i.tags IS NOT NULL"
        f" AND (i.source IS NOT NULL OR i.target IS NOT NULL) AND {within} GROUP BY 1, 2, 3"
    )
    by_tag: dict[int, Counter[int]] = {}
    analogies: Counter[int] = Counter()
    for tags, source, target, count in snap._ask(sql, bind):
        for tag in map(int, tags.split()):
            held = by_tag.setdefault(tag, Counter())
            analogies[tag] += count
            for end in {source, target} - {None}:
                held[end] += count
    numbers = {snap.names.number(name) for name in names}
    kept = [
        Shared(
            snap.names.text(tag),
            sorted(((snap.names.text(end), n) for end, n in held.items()), key=lambda one: (-one[1], one[0])),
            analogies[tag],
        )
        for tag, held in by_tag.items()
        if len(held) > 1 and numbers <= held.keys()
    ]
    kept.sort(key=lambda one: (-len(one.domains), -one.analogies, one.tag))
    return kept[:limit]


def without(store: Store, snap: Snapshot, context: str | None = None, limit: int | None = None) -> Without:
    """Analogies that lack a domain, and the concepts they liken, as far as their records say; with limit 0 only how many."""
    from store.knowledge import reading

    within, bind = _within(snap, context)
    missing = f"{_LIVE} AND (i.source IS NULL OR i.target IS NULL) AND {within}"
    count = int(snap._ask(f"SELECT COUNT(*) FROM items i WHERE {missing}", bind).fetchone()[0])
    found: Counter[tuple[str, str]] = Counter()
    read = 0
    most = 0 if limit == 0 else MOST_READ
    rows = snap._ask(f"SELECT i.seq FROM items i WHERE {missing} ORDER BY i.seq LIMIT {most}", bind)
    while part := [seq for (seq,) in rows.fetchmany(reading.PART)]:
        for one in reading.with_bytes(store, snap.rows_of(part)):
            read += 1
            if one.raw is not None:
                found.update(_likened(one.raw))
    listed = [(source, target, n) for (source, target), n in found.items()]
    listed.sort(key=lambda one: (-one[2], one[0], one[1]))
    return Without(count, read, listed[:limit])


def _likened(raw: bytes) -> Iterator[tuple[str, str]]:
    """Which concept an analogy likens to which: the first to the first, and so on."""
    try:
        value = loads(raw)
    except BadJson:
        return
    if isinstance(value, dict):
        source, target = sides(value)
        yield from dict.fromkeys(zip(source.concepts, target.concepts, strict=False))


def _within(snap: Snapshot, context: str | None) -> tuple[str, tuple[int, ...]]:
    if context is None:
        return "1", ()
    return "i.seq BETWEEN ? AND ?", snap.span(context)


def _named(snap: Snapshot, names: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """The condition that the named domains make, and its values."""
    if not names:
        return "1", ()
    numbers = tuple(dict.fromkeys(snap.names.number(name) or -1 for name in names))
    marks = ", ".join("?" * len(numbers))
    both = "OR" if len(set(names)) == 1 else "AND"
    return f"(i.source IN ({marks}) {both} i.target IN ({marks}))", (*numbers, *numbers)
