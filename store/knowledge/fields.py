"""Semantic fields: concepts that belong together by what they are like and by what they are used with.

Concepts are joined by links of a weight from 0 to 1. Two that occur in the same analogies are linked by how
often they do, beside how often each occurs at all (1: never one without the other); two whose vectors
point the same way by their cosine, each to its nearest few. Where both are known the link has the mean
of them. Fields are what a maximum of modularity parts the links into (Louvain's method, concepts in the
order given): more weight within than chance would put there, less between.

A concept's *strength* in a field is the share of the weight of its links that stays within. Core are the
concepts that are at home there (at least half) and hold it together (at least the mean weight within);
related are the other ones of the field and those outside with at least a quarter of their weight in it.
*Coherence* is from 0 to 1: the share of the field's weight that stays within it, and where there are
vectors the mean of that and of the mean cosine of its concepts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Told = Callable[[int, int], None]
"""Hears how far the work is, of how much; may raise to end it."""
Links = dict[int, dict[int, float]]
"""For each concept, by number, those it is linked to with the weight; both ways."""

NEAREST = 8
"""Concepts that each is linked to by its vector."""
LIKE = 0.3
"""Cosine from which two concepts are linked."""
SMALLEST = 3
"""Concepts of the smallest field that is kept."""
HOME, TOUCHING = 0.5, 0.25
MOST_TOGETHER = 50
"""Concepts of one analogy that are counted as used together."""
_CHUNK = 1_024
_ROUNDS = 20


class Field(NamedTuple):
    """One field; concepts by number, strongest first, with their strength."""

    core: tuple[tuple[int, float], ...]
    related: tuple[tuple[int, float], ...]
    coherence: float

    @property
    def concepts(self) -> frozenset[int]:
        """The numbers of all its concepts."""
        return frozenset(number for number, _ in (*self.core, *self.related))


class Together:
    """How often concepts occur in the same analogies."""

    def __init__(self) -> None:
        self.analogies = 0
        self.single: Counter[int] = Counter()
        self.pairs: Counter[tuple[int, int]] = Counter()

    def add(self, concepts: Iterable[int]) -> None:
        """Count one analogy by the concepts it uses."""
        used = sorted(set(concepts))[:MOST_TOGETHER]
        self.analogies += 1
        self.single.update(used)
        self.pairs.update(combinations(used, 2))

    def links(self) -> Links:
        """Links between concepts that occur together."""
        found: Links = {}
        for (a, b), count in self.pairs.items():
            weight = togetherness(count, self.single[a], self.single[b])
            found.setdefault(a, {})[b] = weight
            found.setdefault(b, {})[a] = weight
        return found


def togetherness(together: int, a: int, b: int) -> float:
    """From 0 (never together) to 1 (never one without the other): how many of the times of each, by their geometric mean."""
    return min(1.0, together / math.sqrt(a * b)) if together else 0.0


def near(vectors: Array, told: Told | None = None) -> Links:
    """Links between vectors that point the same way: each to at most `NEAREST`, both ways. Rows are the numbers."""
    import numpy as np

    from store.knowledge.clustering import unit

    rows, good = unit(vectors)
    found: Links = {}
    most = min(NEAREST, len(rows) - 1)
    for at in range(0, len(rows) if most > 0 else 0, _CHUNK):
        if told is not None:
            told(at, len(rows))
        likeness = rows[at : at + _CHUNK] @ rows.T
        own = np.arange(len(likeness))
        likeness[own, own + at] = -1.0
        best = np.argpartition(-likeness, most - 1, axis=1)[:, :most]
        for number, (columns, values) in enumerate(
            zip(best.tolist(), np.take_along_axis(likeness, best, axis=1).tolist(), strict=True), at
        ):
            for other, value in zip(columns, values, strict=True):
                if value >= LIKE and good[number] and good[other]:
                    weight = min(1.0, value)
                    found.setdefault(number, {})[other] = weight
                    found.setdefault(other, {})[number] = weight
    return found


def joined(use: Links, likeness: Links, known: frozenset[int] = frozenset()) -> Links:
    """Both kinds of links as one; `known` are the concepts that have vectors.

    Where both ends have vectors and occur in analogies the weight is the mean of both, else the one there is.
    """
    found: Links = {}
    for a in sorted(use.keys() | likeness.keys()):
        ours, theirs = use.get(a, {}), likeness.get(a, {})
        for b in sorted(ours.keys() | theirs.keys()):
            both = a in known and b in known and a in use and b in use
            total = ours.get(b, 0.0) + theirs.get(b, 0.0)
            found.setdefault(a, {})[b] = total / 2 if both else max(ours.get(b, 0.0), theirs.get(b, 0.0))
    return found


# -- communities -----------------------------------------------------------------------------------


def parted(links: Links, told: Told | None = None) -> list[list[int]]:
    """The linked concepts parted where modularity is highest, as groups in order; the same links, the same groups.

    Single concepts find their groups, groups then join as wholes, and concepts look again whether they are
    better off elsewhere, until nothing moves any more.
    """
    graph: Links = {a: dict(sorted(ends.items())) for a, ends in sorted(links.items())}
    alone = dict.fromkeys(graph, 0.0)
    place = {node: node for node in graph}
    for _ in range(_ROUNDS):
        before = place
        place = _moved(graph, alone, before, told)
        level, loops = _gathered(graph, alone, place)
        while True:
            up = _moved(level, loops, {group: group for group in level}, told)
            if len(set(up.values())) == len(level):
                break
            place = {node: up[group] for node, group in place.items()}
            level, loops = _gathered(level, loops, up)
        if (
            len(set(zip(place.values(), before.values(), strict=True)))
            == len(set(before.values()))
            == len(level)
        ):
            break
    groups: dict[int, list[int]] = {}
    for node, group in place.items():
        groups.setdefault(group, []).append(node)
    return sorted(groups.values(), key=lambda group: group[0])


def _moved(graph: Links, loops: dict[int, float], start: dict[int, int], told: Told | None) -> dict[int, int]:
    """Each node in the group where it adds most to modularity, from where it is, until none wants to move."""
    degree = {node: sum(ends.values()) + 2 * loops[node] for node, ends in graph.items()}
    twice = sum(degree.values()) or 1.0
    place = dict(start)
    weight: dict[int, float] = {}
    for node, group in place.items():
        weight[group] = weight.get(group, 0.0) + degree[node]
    for _ in range(_ROUNDS):
        moves = 0
        for done, (node, ends) in enumerate(graph.items()):
            if told is not None and done % _CHUNK == 0:
                told(done, len(graph))
            into: dict[int, float] = {}
            for other, value in ends.items():
                group = place[other]
                into[group] = into.get(group, 0.0) + value
            home = place[node]
            weight[home] -= degree[node]
            best, gain = home, into.get(home, 0.0) - weight[home] * degree[node] / twice
            for group, value in into.items():
                other_gain = value - weight[group] * degree[node] / twice
                if other_gain > gain + 1e-12:
                    best, gain = group, other_gain
            weight[best] += degree[node]
            place[node] = best
            moves += best != home
        if not moves:
            break
    return place


def _gathered(graph: Links, loops: dict[int, float], place: dict[int, int]) -> tuple[Links, dict[int, float]]:
    """The graph whose nodes are the groups."""
    made: Links = {group: {} for group in sorted(set(place.values()))}
    within = dict.fromkeys(made, 0.0)
    for node, ends in graph.items():
        group = place[node]
        within[group] += loops[node]
        for other, value in ends.items():
            if place[other] == group:
                within[group] += value / 2
            else:
                made[group][place[other]] = made[group].get(place[other], 0.0) + value
    return made, within


# -- fields ----------------------------------------------------------------------------------------


def fields(
    links: Links,
    cohesion: Callable[[Sequence[int]], float | None] = lambda _: None,
    *,
    smallest: int = SMALLEST,
    told: Told | None = None,
) -> list[Field]:
    """The fields that links make, the largest first. `cohesion` gives the mean cosine of concepts, None where unknown."""
    groups = parted(links, told)
    home = {node: number for number, group in enumerate(groups) for node in group}
    touching: dict[int, list[tuple[int, float]]] = {}
    inside: dict[int, float] = {}
    total: dict[int, float] = {}
    for node, ends in links.items():
        shares: dict[int, float] = {}
        for other, value in ends.items():
            shares[home[other]] = shares.get(home[other], 0.0) + value
        total[node] = sum(ends.values())
        inside[node] = shares.pop(home[node], 0.0)
        for group, value in shares.items():
            if value >= TOUCHING * total[node]:
                touching.setdefault(group, []).append((node, value / total[node]))
    made = [
        _field(group, inside, total, touching.get(number, []), cohesion)
        for number, group in enumerate(groups)
        if len(group) >= smallest
    ]
    return sorted(made, key=lambda field: (-len(field.core) - len(field.related), field.core[0][0]))


def _field(
    group: list[int],
    inside: dict[int, float],
    total: dict[int, float],
    guests: list[tuple[int, float]],
    cohesion: Callable[[Sequence[int]], float | None],
) -> Field:
    """One field of the concepts of `group`, with those from outside that touch it."""
    mean = sum(inside[node] for node in group) / len(group)
    strength = {node: _share(inside[node], total[node]) for node in group}
    core = [node for node in group if strength[node] >= HOME and inside[node] >= mean - 1e-12]
    core.sort(key=lambda node: (-inside[node], node))
    core = core or [max(group, key=lambda node: (inside[node], -node))]
    held = frozenset(core)
    rest = [(node, strength[node]) for node in group if node not in held]
    related = sorted((*rest, *guests), key=lambda pair: (-pair[1], pair[0]))
    within = _share(sum(inside[node] for node in group), sum(total[node] for node in group))
    cosine = cohesion(group)
    alike = within if cosine is None else (within + min(1.0, max(0.0, cosine))) / 2
    shown = [(node, round(strength[node], 6)) for node in core]
    return Field(tuple(shown), tuple((node, round(value, 6)) for node, value in related), round(alike, 6))


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
