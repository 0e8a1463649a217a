"""Clusters of vectors: k-means on their directions, how many there are, how alike what lies in one is.

Everything goes by direction (cosine): vectors are brought to length 1, and so are centroids. A vector
that has no direction (all zeros) or is none (NaN, infinite) belongs to no cluster and is counted apart.
The same vectors in the same order with the same seed give the same clusters. numpy is imported where
it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Array = NDArray[Any]

Told = Callable[[int, int], None]
"""Hears how far the work is, of how much; may raise to end it."""

ROUNDS = 50
SAMPLE = 2_000
"""Vectors among which it is tried how many clusters there are."""
MOST = 40
"""Clusters at most where their number is found out."""
ALIKE = 0.5
"""Share of members two clusters must have in common (of those either has) to be the same one."""
NEAR = 0.02
"""How much worse than the best a number of clusters may do that is there already, to be kept."""
_CHUNK = 4_096
_SETTLED = 10_000
"""It ends when no more than one vector in so many changes its cluster."""


class Clustering(NamedTuple):
    """Vectors sorted into clusters."""

    centroids: Array
    """A row of length 1 for each cluster."""
    labels: Array
    """For each vector the number of its cluster; -1 for one without direction."""
    strengths: Array
    """For each vector its cosine to the centroid, 0 where that is below 0."""
    rounds: int

    @property
    def k(self) -> int:
        """How many clusters."""
        return len(self.centroids)

    def members(self, number: int) -> Array:
        """The vectors of one cluster as their row numbers, strongest first."""
        import numpy as np

        rows = np.flatnonzero(self.labels == number)
        return rows[np.argsort(-self.strengths[rows], kind="stable")]


class Chosen(NamedTuple):
    """How many clusters there are, and how clearly."""

    k: int
    silhouette: float | None
    """From -1 to 1: how much nearer vectors are to their own cluster than to the next; None for one cluster."""


def unit(vectors: Array) -> tuple[Array, Array]:
    """The vectors brought to length 1, as float32, and which of them have a direction."""
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    good = np.isfinite(lengths) & (lengths > 0)
    made = np.zeros_like(rows)
    made[good] = rows[good] / lengths[good, None]
    return made, good


def kmeans(
    vectors: Array,
    k: int,
    *,
    seed: int = 0,
    start: Array | None = None,
    told: Told | None = None,
    rounds: int = ROUNDS,
) -> Clustering:
    """Sort vectors into at most `k` clusters; fewer where there are fewer different directions.

    Begins with the centroids `start` where given, else with k-means++. Raises ValueError for `k` below 1.
    """
    import numpy as np

    if k < 1:
        raise ValueError(f"{k} is no number of clusters")
    rows, good = unit(vectors)
    used = rows[good]
    labels = np.full(len(rows), -1, dtype=np.int64)
    strengths = np.zeros(len(rows), dtype=np.float32)
    if not len(used):
        return Clustering(np.zeros((0, rows.shape[1]), dtype=np.float32), labels, strengths, 0)
    rng = np.random.default_rng(seed)
    centres = unit(start)[0][:k] if start is not None and len(start) else _plus_plus(used, k, rng)
    nearest, cosines, done = _iterate(used, centres, rounds, told)
    kept, numbers = np.unique(nearest, return_inverse=True)
    labels[good] = numbers
    strengths[good] = np.clip(cosines, 0.0, 1.0)
    final = np.stack([unit(used[nearest == number].mean(axis=0)[None])[0][0] for number in kept])
    lost = ~final.any(axis=1)  # opposite directions that cancel out have no mean
    final[lost] = centres[kept[lost]]
    return Clustering(final, labels, strengths, done)


def _iterate(used: Array, centres: Array, rounds: int, told: Told | None) -> tuple[Array, Array, int]:
    """Move each centre into the midst of what is nearest to it until nothing changes; changes `centres`."""
    nearest, cosines = _assign(used, centres, told, 0, rounds)
    done = 0
    for done in range(1, rounds + 1):
        made, filled = unit(_sums(used, nearest, len(centres)))
        centres[filled] = made[filled]
        again, cosines = _assign(used, centres, told, done, rounds)
        changed = int((again != nearest).sum())
        nearest = again
        if changed <= len(used) // _SETTLED:
            break
    return nearest, cosines, done


def _sums(used: Array, nearest: Array, count: int) -> Array:
    """The sum of the vectors nearest to each of `count` centres."""
    import numpy as np

    sums = np.zeros((count, used.shape[1]), dtype=np.float64)
    for at in range(0, len(used), _CHUNK):
        numbers = nearest[at : at + _CHUNK]
        chosen = np.zeros((len(numbers), count), dtype=np.float32)
        chosen[np.arange(len(numbers)), numbers] = 1.0
        sums += chosen.T @ used[at : at + _CHUNK]  # faster than sorting them by centre
    return sums


def _assign(used: Array, centres: Array, told: Told | None, done: int, rounds: int) -> tuple[Array, Array]:
    """For each vector its nearest centre, the first of several, and the cosine to it."""
    import numpy as np

    nearest = np.empty(len(used), dtype=np.int64)
    cosines = np.empty(len(used), dtype=np.float32)
    for at in range(0, len(used), _CHUNK):
        if told is not None:
            told(done * len(used) + at, (rounds + 1) * len(used))
        likeness = used[at : at + _CHUNK] @ centres.T
        best = likeness.argmax(axis=1)
        nearest[at : at + _CHUNK] = best
        cosines[at : at + _CHUNK] = likeness[np.arange(len(best)), best]
    return nearest, cosines


def _plus_plus(used: Array, k: int, rng: Generator) -> Array:
    """Up to `k` of the vectors, each likelier the further it is from those before (k-means++, the best of a few)."""
    import numpy as np

    picked = [int(rng.integers(len(used)))]
    away = _away(used, picked)[:, 0]
    while len(picked) < k:
        total = float(away.sum())
        if total <= 0:
            break
        tries = np.searchsorted(np.cumsum(away), rng.random(2 + k.bit_length()) * total, side="right")
        tried = np.unique(np.minimum(tries, len(used) - 1))
        left = np.minimum(_away(used, tried), away[:, None])
        best = int(left.sum(axis=0).argmin())
        picked.append(int(tried[best]))
        away = left[:, best]
    return used[picked].copy()


def _away(used: Array, rows: Array | list[int]) -> Array:
    """1 - cosine of all vectors to some of them; 0 for the same direction."""
    import numpy as np

    away = np.clip(1.0 - used @ used[rows].T, 0.0, None).astype(np.float64)
    away[away < 1e-6] = 0.0
    return away


def coherence(vectors: Array) -> float:
    """How alike vectors are: the mean cosine of all pairs, from 0 (or opposed) to 1; 1.0 for a single one."""
    import numpy as np

    rows, good = unit(vectors)
    count = int(good.sum())
    if count < 2:
        return 1.0 if count else 0.0
    total = rows[good].sum(axis=0, dtype=np.float64)
    mean = (float(total @ total) - count) / (count * (count - 1))
    return min(1.0, max(0.0, mean))


def distinctiveness(centroids: Array) -> list[float]:
    """How far each centroid is from the one nearest to it: 1 - cosine, from 0 to 1; 1.0 where it is alone."""
    import numpy as np

    if len(centroids) < 2:
        return [1.0] * len(centroids)
    likeness = centroids @ centroids.T
    np.fill_diagonal(likeness, -1.0)
    return [min(1.0, max(0.0, 1.0 - float(value))) for value in likeness.max(axis=1)]


def silhouette(vectors: Array, labels: Array) -> float | None:
    """How much nearer vectors are to their own cluster than to the next, from -1 to 1; None for one cluster.

    Takes memory and time with the square of their number: for a sample.
    """
    import numpy as np

    kept = labels >= 0
    rows, own = unit(vectors[kept])[0], labels[kept]
    names, numbers = np.unique(own, return_inverse=True)
    if len(names) < 2:
        return None
    inside = np.zeros((len(rows), len(names)), dtype=np.float32)
    inside[np.arange(len(rows)), numbers] = 1.0
    sizes = inside.sum(axis=0)
    sums = np.clip(1.0 - rows @ rows.T, 0.0, 2.0) @ inside
    at = np.arange(len(rows))
    alone = sizes[numbers] < 2
    here = sums[at, numbers] / np.maximum(sizes[numbers] - 1, 1)
    others = sums / sizes
    others[at, numbers] = np.inf
    there = others.min(axis=1)
    most = np.maximum(here, there)
    scores = np.where(alone | (most <= 0), 0.0, (there - here) / np.where(most > 0, most, 1.0))
    return float(scores.mean())


def choose(
    vectors: Array, *, seed: int = 0, present: int = 0, most: int = MOST, told: Told | None = None
) -> Chosen:
    """How many clusters the vectors form: the number whose silhouette on a sample is best, the smaller of equals.

    `present` clusters, as there are already, stay that many unless another number is clearly better.
    """
    import numpy as np

    rows, good = unit(vectors)
    used = rows[good]
    rng = np.random.default_rng(seed)
    if len(used) > SAMPLE:
        used = used[np.sort(rng.choice(len(used), SAMPLE, replace=False))]
    tried = [k for k in _numbers(most, present) if 2 <= k < len(used)]
    found: dict[int, float] = {}
    for number, k in enumerate(tried):
        if told is not None:
            told(number, len(tried))
        labels = kmeans(used, k, seed=seed, rounds=20).labels
        score = silhouette(used, labels)
        if score is not None:
            found.setdefault(int(labels.max()) + 1, score)
    if not found:
        return Chosen(1, None)
    best = max(found, key=lambda k: (found[k], -k))
    if present in found and found[best] - found[present] <= NEAR:
        best = present
    return Chosen(best, found[best])


def _numbers(most: int, present: int) -> list[int]:
    """The numbers of clusters that are tried: all small ones, fewer of the larger."""
    found, k = {present}, 2
    while k <= most:
        found.add(k)
        k += max(1, k // 8)
    return sorted(found)


def matched(
    members: Sequence[frozenset[str]], before: Mapping[str, frozenset[str]], alike: float = ALIKE
) -> list[str | None]:
    """For each new cluster the id of the old one that it is, by the members they share; None for a new one.

    The most alike pair comes first, and each id is given once. Two clusters are alike where at least
    `alike` of the members that either has are common to both.
    """
    where: dict[str, list[str]] = {}
    for name, held in before.items():
        for member in held:
            where.setdefault(member, []).append(name)
    pairs = []
    for number, held in enumerate(members):
        common: dict[str, int] = {}
        for member in held:
            for name in where.get(member, ()):
                common[name] = common.get(name, 0) + 1
        for name, count in common.items():
            share = count / (len(held) + len(before[name]) - count)
            if share >= alike:
                pairs.append((-share, number, name))
    found: list[str | None] = [None] * len(members)
    taken: set[str] = set()
    for _, number, name in sorted(pairs):
        if found[number] is None and name not in taken:
            found[number] = name
            taken.add(name)
    return found
