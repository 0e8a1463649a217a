"""Clusters of vectors are those that are there, the same every time, and keep their names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.knowledge import clustering


def bundles(count: int, each: int, *, spread: float = 0.05, seed: int = 1, dimension: int = 16) -> np.ndarray:
    """`each` vectors around every one of `count` directions at right angles, of any length."""
    rng = np.random.default_rng(seed)
    axes = np.eye(dimension, dtype=np.float32)[:count]
    rows = np.repeat(axes, each, axis=0) + spread * rng.standard_normal((count * each, dimension))
    return (rows * rng.uniform(0.1, 10.0, (len(rows), 1))).astype(np.float32)


matrices = st.integers(0, 10**6).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(0, 30), st.integers(1, 8), st.integers(1, 6))
)


def made(seed: int, rows: int, columns: int) -> np.ndarray:
    """Vectors of which some are equal, opposed, without direction or no numbers."""
    rng = np.random.default_rng(seed)
    found = rng.integers(-2, 3, (rows, columns)).astype(np.float32)
    if rows > 3 and seed % 3 == 0:
        found[1, 0] = np.nan
        found[2, 0] = np.inf
    return found


def test_bundles_are_found_whatever_the_lengths_of_the_vectors() -> None:
    found = clustering.kmeans(bundles(4, 25), 4, seed=3)
    groups = found.labels.reshape(4, 25)
    assert all(len(set(group)) == 1 for group in groups.tolist())
    assert len(set(groups[:, 0].tolist())) == 4
    assert found.strengths.min() > 0.9
    assert found.k == 4


@settings(max_examples=150, deadline=None)
@given(matrices)
def test_every_vector_with_a_direction_is_in_its_nearest_cluster(shape: tuple[int, int, int, int]) -> None:
    seed, rows, columns, k = shape
    vectors = made(seed, rows, columns)
    found = clustering.kmeans(vectors, k, seed=seed)
    units, good = clustering.unit(vectors)
    assert good.tolist() == [bool(np.isfinite(row).all() and row.any()) for row in vectors]
    assert (found.labels >= 0).tolist() == good.tolist()
    assert found.k <= k
    assert set(found.labels[good].tolist()) == set(range(found.k))
    assert np.isfinite(found.centroids).all()
    assert np.allclose(np.linalg.norm(found.centroids, axis=1), 1.0, atol=1e-5)
    assert ((found.strengths >= 0) & (found.strengths <= 1)).all()
    if good.any() and found.rounds < clustering.ROUNDS:
        cosines = units[good] @ found.centroids.T
        own = cosines[np.arange(len(cosines)), found.labels[good]]
        assert (own >= cosines.max(axis=1) - 1e-4).all()


@settings(max_examples=50, deadline=None)
@given(matrices)
def test_the_same_seed_gives_the_same(shape: tuple[int, int, int, int]) -> None:
    seed, rows, columns, k = shape
    vectors = made(seed, rows, columns)
    first, second = (clustering.kmeans(vectors.copy(), k, seed=7) for _ in range(2))
    assert first.labels.tolist() == second.labels.tolist()
    assert first.centroids.tobytes() == second.centroids.tobytes()


def test_no_more_clusters_than_directions() -> None:
    same = np.ones((20, 4), dtype=np.float32)
    assert clustering.kmeans(same, 5).k == 1
    both = np.vstack([same, -same])
    found = clustering.kmeans(both, 5, seed=2)
    assert found.k == 2
    assert len(set(found.labels[:20].tolist())) == 1


def test_zeros_belong_nowhere() -> None:
    vectors = np.vstack([np.zeros((3, 4)), np.eye(4)])
    assert clustering.kmeans(vectors, 2).labels[:3].tolist() == [-1, -1, -1]
    nothing = clustering.kmeans(np.zeros((3, 4)), 2)
    assert nothing.k == 0
    assert nothing.labels.tolist() == [-1, -1, -1]


def test_no_cluster_is_refused() -> None:
    with pytest.raises(ValueError):
        clustering.kmeans(np.eye(3), 0)


def test_sums_over_chunks_are_those_of_all() -> None:
    vectors = bundles(3, 2_000, dimension=4)
    nearest = np.random.default_rng(0).integers(0, 5, len(vectors))
    sums = clustering._sums(vectors, nearest, 6)
    for number in range(6):
        assert np.allclose(sums[number], vectors[nearest == number].sum(axis=0, dtype=np.float64), rtol=1e-4)


def test_beginning_where_one_was_keeps_the_order_of_clusters() -> None:
    vectors = bundles(5, 20)
    first = clustering.kmeans(vectors, 5, seed=1)
    again = clustering.kmeans(vectors, 5, seed=99, start=first.centroids[::-1])
    assert again.labels.tolist() == [4 - label for label in first.labels.tolist()]
    assert again.rounds == 1


@settings(max_examples=150, deadline=None)
@given(matrices)
def test_coherence_is_the_mean_cosine_of_all_pairs(shape: tuple[int, int, int, int]) -> None:
    seed, rows, columns, _ = shape
    vectors = made(seed, rows, columns)
    found = clustering.coherence(vectors)
    units, good = clustering.unit(vectors)
    units = units[good].astype(np.float64)
    assert 0.0 <= found <= 1.0
    if len(units) < 2:
        assert found == float(len(units))
    else:
        pairs = (units @ units.T)[np.triu_indices(len(units), 1)]
        assert found == pytest.approx(min(1.0, max(0.0, pairs.mean())), abs=1e-4)


def test_the_number_of_bundles_is_found_out() -> None:
    for count in (2, 5, 9):
        chosen = clustering.choose(bundles(count, 30), seed=4)
        assert chosen.k == count
        assert chosen.silhouette is not None
        assert chosen.silhouette > 0.7
    assert clustering.choose(np.ones((10, 3))) == (1, None)
    assert clustering.choose(np.eye(2)) == (1, None)
    assert clustering.choose(np.zeros((0, 3))) == (1, None)


def test_a_number_that_is_there_stays_unless_another_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = np.random.default_rng(5).standard_normal((300, 3))
    free = clustering.choose(cloud)
    assert free.k != 7
    assert free.silhouette is not None
    labels = clustering.kmeans(cloud, 7, rounds=20).labels
    close = clustering.silhouette(cloud, labels)
    assert close is not None
    kept = clustering.choose(cloud, present=7).k
    assert kept == (7 if free.silhouette - close <= clustering.NEAR else free.k)
    assert clustering.choose(bundles(3, 30), present=9).k == 3
    monkeypatch.setattr(clustering, "NEAR", 2.0)
    assert clustering.choose(bundles(3, 30), present=9).k == 9
    assert clustering.choose(bundles(3, 30), present=1_000).k == 3


def test_silhouette_by_hand() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    assert clustering.silhouette(vectors, np.array([0, 0, 1, 1])) == pytest.approx(1.0)
    assert clustering.silhouette(vectors, np.array([0, 1, 0, 1])) == pytest.approx(-0.5)
    assert clustering.silhouette(vectors, np.array([0, 0, 0, 0])) is None
    assert clustering.silhouette(vectors, np.array([0, 0, 1, -1])) == pytest.approx(2 / 3)


def test_large_samples_are_drawn_not_read_whole() -> None:
    asked: list[tuple[int, int]] = []
    chosen = clustering.choose(bundles(3, 2_000), told=lambda done, total: asked.append((done, total)))
    assert chosen.k == 3
    assert asked


def test_work_can_be_ended_from_outside() -> None:
    class Enough(Exception):
        pass

    def told(done: int, total: int) -> None:
        assert 0 <= done <= total
        raise Enough

    with pytest.raises(Enough):
        clustering.kmeans(bundles(3, 10), 3, told=told)


def test_distinctiveness_is_the_way_to_the_nearest_other() -> None:
    found = clustering.distinctiveness(np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]))
    assert found == pytest.approx([0.4, 0.2, 0.2])
    assert clustering.distinctiveness(np.array([[1.0, 0.0]])) == [1.0]


def names(text: str) -> frozenset[str]:
    return frozenset(text)


def test_clusters_that_stayed_alike_keep_their_names() -> None:
    before = {"x": names("abcd"), "y": names("efgh"), "z": names("ijkl")}
    assert clustering.matched([names("efg"), names("abcdm"), names("opq")], before) == ["y", "x", None]


def test_a_name_goes_to_the_one_most_alike_and_to_one_only() -> None:
    before = {"x": names("abcdef")}
    assert clustering.matched([names("abcd"), names("abcde")], before) == [None, "x"]
    assert clustering.matched([names("abcdef"), names("abcdef")], before) == ["x", None]
    assert clustering.matched([names("ab")], before) == [None]
    assert clustering.matched([names("abc")], before) == ["x"]


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh")), max_size=6), st.randoms())
def test_a_name_is_given_once(members: list[frozenset[str]], random: object) -> None:
    before = {str(number): held for number, held in enumerate(members)}
    found = [name for name in clustering.matched(list(reversed(members)), before) if name is not None]
    assert len(found) == len(set(found))
    for number, name in enumerate(clustering.matched(members, before)):
        if name is not None:
            held, own = before[name], members[number]
            assert len(held & own) / len(held | own) >= clustering.ALIKE
