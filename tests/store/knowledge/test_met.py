"""The filter of keys: what was met is never taken for new, and most of what is new is not taken for met."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from store.index.knowledge.keys import hash_of
from store.knowledge.met import Met

KEYS = st.lists(st.text(max_size=20), max_size=50)


@given(met=KEYS, others=KEYS, by_hash=st.booleans())
def test_what_was_met_is_kept(met: list[str], others: list[str], by_hash: bool) -> None:
    known = Met()
    if by_hash:
        known.add_hashes([hash_of(key) for key in met])
    else:
        known.add(met)
    sifted = known.sift(met + others)
    assert sifted[: len(met)] == met
    assert set(sifted) <= set(met + others)


def test_a_lone_surrogate_has_a_hash_too() -> None:
    known = Met()
    known.add(["concept:\ud800", "concept:a"])
    assert known.sift(["concept:\ud800", "concept:b"]) == ["concept:\ud800"]


def test_most_of_what_is_new_is_dropped() -> None:
    known = Met()
    known.add([f"analogy:{number}" for number in range(100_000)])
    assert len(known.sift([f"concept:{number}" for number in range(10_000)])) < 100
