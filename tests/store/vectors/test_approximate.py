"""The approximate index: the same answers nearly always, measured, and never an old one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from store.errors import NotFound, Refused
from store.store import Store
from store.vectors import approximate, collection
from tests.store.vectors.conftest import remove, write
from tests.store.vectors.test_given import npz
from tests.store.vectors.test_keeping import folder
from tests.stores import Opener

MANY = 1500


@pytest.fixture
def many(store: Store, tmp_path: Path) -> Store:
    """A store with given vectors in clusters, and the index used from 1,000 on."""
    store._settings = dataclasses.replace(store.settings, vectors_approximate_from=1000)
    write(store, *({"type": "concept", "id": f"c{n}", "name": f"n{n}"} for n in range(MANY)))
    dice = np.random.default_rng(5)
    centres = dice.standard_normal((30, 24))
    vectors = centres[np.arange(MANY) % 30] + 0.4 * dice.standard_normal((MANY, 24))
    path = npz(tmp_path / "v.npz", keys=[f"concept:c{n}" for n in range(MANY)], vectors=vectors)
    collection.add_given(store, "default", path, "mine", form="int8")
    return store


def ask(store: Store, key: str, *, exact: bool = False) -> tuple[list[str], str]:
    found = collection.similar(store, key, model="mine", exact=exact)
    return [hit.key for hit in found.hits], found.how


def test_without_an_index_every_vector_is_looked_at(many: Store) -> None:
    assert ask(many, "c3")[1] == "exact"
    with pytest.raises(NotFound, match="vectors index"):
        collection.measure(many, "default", "mine")


def test_without_the_extra_building_says_what_to_install(
    many: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(Refused, match=r"chartkeep\[approx\]"):
        collection.index(many, "default", "mine")


class TestWithFaiss:
    """Skipped where the extra is not installed."""

    @pytest.fixture(autouse=True)
    def faiss(self) -> None:
        pytest.importorskip("faiss")

    def test_the_index_answers_as_exact_search_does(self, many: Store) -> None:
        measured = collection.index(many, "default", "mine")
        assert measured.recall >= approximate.RECALL
        same = 0
        for number in range(0, MANY, 50):
            (near, how), (true, exactly) = ask(many, f"c{number}"), ask(many, f"c{number}", exact=True)
            assert (how, exactly) == ("approximate", "exact")
            same += len(set(near) & set(true))
        assert same / (10 * 30) >= 0.9
        found = collection.similar(many, "c1", model="mine")
        assert found.recall == pytest.approx(measured.recall, abs=1e-3)
        (model,) = collection.models(many)
        assert (model.indexed, model.recall) == (MANY, found.recall)
        again = collection.measure(many, "default", "mine")
        assert again.recall >= 0.9

    def test_it_lasts_from_one_process_to_the_next(self, many: Store, opened: Opener) -> None:
        collection.index(many, "default", "mine")
        approximate._open.clear()
        other = opened()
        other._settings = many.settings
        assert ask(other, "c3")[1] == "approximate"

    def test_vectors_added_since_are_found_beside_it(self, many: Store, tmp_path: Path) -> None:
        collection.index(many, "default", "mine")
        write(many, {"type": "concept", "id": "new", "name": "new"})
        table = collection.matrix(many, "default", "mine")
        twin = table[1][table[0].index("concept:c3")]
        collection.add_given(
            many, "default", npz(tmp_path / "w.npz", keys=["concept:new"], vectors=[twin]), "mine"
        )
        keys, how = ask(many, "c3")
        assert (keys[0], how) == ("concept:new", "approximate")

    def test_what_was_replaced_or_deleted_since_is_not_answered(self, many: Store, tmp_path: Path) -> None:
        collection.index(many, "default", "mine")
        first, second, *_ = ask(many, "c3")[0]
        remove(many, first)
        away = npz(tmp_path / "w.npz", keys=[second], vectors=-np.ones((1, 24)))
        collection.add_given(many, "default", away, "mine")
        keys, how = ask(many, "c3")
        assert how == "approximate"
        assert first not in keys
        assert second not in keys

    def test_after_a_merge_or_a_damaged_byte_search_is_exact(self, many: Store) -> None:
        collection.index(many, "default", "mine")
        (path,) = folder(many, "mine").glob("*.faiss")
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        approximate._open.clear()
        assert ask(many, "c3")[1] == "exact"
        assert [one.code for one in collection.check(many)] == ["vector-damaged"]
        collection.index(many, "default", "mine")
        assert ask(many, "c3")[1] == "approximate"
        remove(many, "concept:c9")
        collection.drop(many, "default", ["concept:c9"])
        assert ask(many, "c3")[1] == "exact"
        assert collection.check(many) == []
        assert not list(folder(many, "mine").glob("*.faiss"))

    def test_embedding_builds_it_and_builds_it_anew_once_it_is_stale(self, store: Store) -> None:
        store._settings = dataclasses.replace(store.settings, vectors_approximate_from=1000)
        write(store, *({"type": "concept", "id": f"c{n}", "name": f"w{n % 90} x{n}"} for n in range(1200)))
        collection.embed_missing(store, "default")
        assert collection.models(store)[0].indexed == 1200
        write(store, *({"type": "concept", "id": f"d{n}", "name": f"w{n % 90} y{n}"} for n in range(100)))
        collection.embed_missing(store, "default")
        assert collection.models(store)[0].indexed == 1200, "a few more are searched beside it"
        write(store, *({"type": "concept", "id": f"e{n}", "name": f"w{n % 90} z{n}"} for n in range(400)))
        collection.embed_missing(store, "default")
        assert collection.models(store)[0].indexed == 1700

    def test_kinds_are_honoured(self, many: Store) -> None:
        collection.index(many, "default", "mine")
        found = collection.similar(many, "c3", model="mine", kinds=["analogy"])
        assert found.hits == []
