"""Semantic fields hold together what is alike or used together, in bounds and the same every time."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.knowledge import fields
from store.knowledge.fields import Together, togetherness


def ring(*cliques: range, bridges: tuple[tuple[int, int, float], ...] = ()) -> fields.Links:
    """Cliques of weight 1, and single links between them."""
    found: fields.Links = {}
    for a, b, weight in (*((a, b, 1.0) for group in cliques for a, b in combinations(group, 2)), *bridges):
        found.setdefault(a, {})[b] = weight
        found.setdefault(b, {})[a] = weight
    return found


graphs = st.dictionaries(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] != pair[1]),
    st.floats(0.01, 1.0),
    max_size=40,
).map(lambda pairs: ring(bridges=tuple((a, b, weight) for (a, b), weight in pairs.items())))


def modularity(links: fields.Links, groups: list[list[int]]) -> float:
    """By its definition, over all pairs."""
    twice = sum(sum(ends.values()) for ends in links.values())
    degree = {node: sum(ends.values()) for node, ends in links.items()}
    return (
        sum(
            links[a].get(b, 0.0) - degree[a] * degree[b] / twice
            for group in groups
            for a in group
            for b in group
        )
        / twice
    )


def test_cliques_are_parted_where_few_links_join_them() -> None:
    links = ring(range(5), range(5, 10), range(10, 14), bridges=((4, 5, 0.5), (9, 10, 0.5), (13, 0, 0.5)))
    assert fields.parted(links) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13]]


@settings(max_examples=200, deadline=None)
@given(graphs)
def test_parts_hold_every_concept_once_and_beat_the_plain_ways(links: fields.Links) -> None:
    groups = fields.parted(links)
    assert sorted(node for group in groups for node in group) == sorted(links)
    assert groups == fields.parted({a: dict(reversed(ends.items())) for a, ends in reversed(links.items())})
    if links:
        found = modularity(links, groups)
        assert found >= modularity(links, [[node] for node in links]) - 1e-9
        assert found >= -1e-9
        for one, other in combinations(groups, 2):
            merged = [group for group in groups if group not in (one, other)] + [one + other]
            assert found >= modularity(links, merged) - 1e-9


def planted(seed: int, inside: float, between: float) -> tuple[fields.Links, list[list[int]]]:
    """Six groups of ten, linked at random, more within than between."""
    rng = np.random.default_rng(seed)
    found: fields.Links = {}
    for a, b in combinations(range(60), 2):
        if rng.random() < (inside if a // 10 == b // 10 else between):
            found.setdefault(a, {})[b] = found.setdefault(b, {}).setdefault(a, float(rng.uniform(0.5, 1.0)))
    return found, [list(range(start, start + 10)) for start in range(0, 60, 10)]


@pytest.mark.parametrize("seed", range(8))
def test_groups_that_were_planted_are_found_again(seed: int) -> None:
    links, groups = planted(seed, 0.8, 0.03)
    assert fields.parted(links) == groups


@pytest.mark.parametrize("seed", range(4))
def test_no_concept_would_be_better_off_elsewhere(seed: int) -> None:
    links, plain = planted(seed, 0.5, 0.1)
    groups = fields.parted(links)
    found = modularity(links, groups)
    assert found >= 0.95 * modularity(links, plain)
    for at, other in permutations(range(len(groups)), 2):
        for node in groups[at]:
            tried = [[n for n in held if n != node] for held in groups]
            tried[other].append(node)
            assert found >= modularity(links, tried) - 1e-9


def test_concepts_used_together_are_linked_the_more_the_less_apart() -> None:
    used = Together()
    for _ in range(5):
        used.add([0, 1])
        used.add([2, 3, 3])
    used.add([0, 2])
    used.add([4])
    links = used.links()
    assert links[0][1] == links[1][0] == pytest.approx(5 / 30**0.5)
    assert links[0][2] == pytest.approx(1 / 6)
    assert 3 not in links[0]
    assert 4 not in links
    assert used.analogies == 12


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_togetherness_is_from_0_to_1(both: int, a: int, b: int) -> None:
    found = togetherness(both, both + a, both + b)
    assert 0.0 <= found <= 1.0
    assert (found == 0.0) == (both == 0)
    assert (found == pytest.approx(1.0)) == (both > 0 and a == b == 0)
    assert found == togetherness(both, both + b, both + a)


def test_vectors_link_to_their_nearest_few_only() -> None:
    rng = np.random.default_rng(1)
    one = np.array([1.0, 0, 0]) + 0.01 * rng.standard_normal((20, 3))
    links = fields.near(np.vstack([one, [[0, 1, 0], [0, 0, 0], [np.nan, 0, 0], [0, 0, 1]]]))
    assert set(links) == set(range(20))
    assert all(len([o for o in ends if o in links]) >= fields.NEAREST for ends in links.values())
    assert all(a in links[b] and links[b][a] == links[a][b] for a in links for b in links[a])
    assert fields.near(np.eye(1)) == {}
    assert fields.near(np.zeros((0, 3))) == {}


def test_chunks_do_not_change_which_are_near(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(2).standard_normal((50, 4))
    whole = fields.near(vectors)
    monkeypatch.setattr(fields, "_CHUNK", 7)
    parts = fields.near(vectors)
    assert {a: sorted(ends) for a, ends in whole.items()} == {a: sorted(ends) for a, ends in parts.items()}


def test_links_of_both_kinds_are_weighed_together() -> None:
    use = {0: {1: 0.8, 2: 0.6}, 1: {0: 0.8}, 2: {0: 0.6}}
    like = {0: {1: 0.4}, 1: {0: 0.4, 3: 0.9}, 3: {1: 0.9}}
    found = fields.joined(use, like, frozenset((0, 1, 3)))
    assert found[0][1] == found[1][0] == pytest.approx(0.6)
    assert found[0][2] == 0.6  # 2 has no vector: what is not known does not count against it
    assert found[1][3] == 0.9  # 3 is in no analogy


def test_a_field_has_core_and_related_concepts_and_says_how_it_holds_together() -> None:
    links = ring(range(4), range(4, 9), bridges=((3, 4, 0.9), (9, 0, 0.3), (9, 4, 0.7), (9, 5, 0.2)))
    first, second = sorted(fields.fields(links), key=lambda field: min(field.concepts & set(range(9))))
    assert {number for number, _ in second.core} >= {4, 5}
    assert 9 in second.concepts
    assert 9 in dict(first.related)  # a quarter of its links lead there
    assert dict(first.related)[9] == pytest.approx(0.25)
    assert 0.5 < first.coherence < 1.0
    assert all(strength >= fields.HOME for _, strength in (*first.core, *second.core))


def test_small_fields_are_left_out_and_cosines_count() -> None:
    links = ring(range(2), range(2, 5))
    (found,) = fields.fields(links)
    assert found.concepts == {2, 3, 4}
    assert found.coherence == 1.0
    (alike,) = fields.fields(links, lambda _: 0.2)
    assert alike.coherence == pytest.approx(0.6)
    assert len(fields.fields(links, smallest=2)) == 2


@settings(max_examples=200, deadline=None)
@given(graphs, st.floats(-1, 1))
def test_everything_about_a_field_is_in_bounds(links: fields.Links, cosine: float) -> None:
    found = fields.fields(links, lambda _: cosine, smallest=1)
    homes: list[int] = []
    for field in found:
        assert field.core
        assert 0.0 <= field.coherence <= 1.0
        strengths = [*field.core, *field.related]
        assert all(0.0 <= strength <= 1.0 for _, strength in strengths)
        assert len({number for number, _ in strengths}) == len(strengths)
        homes.extend(number for number, _ in field.core)
    assert len(homes) == len(set(homes))
