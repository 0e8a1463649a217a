"""Vectors in memory: any sequence of shards answers as one matrix does; the forms keep what they promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import Damaged
from store.vectors import archive, embedding, forms, table
from store.vectors.folder import Folder, folder_name
from store.vectors.manifest import Manifest

DIMENSION = 8


def shards_of(names: list[list[int]], dice: np.random.Generator) -> list[tuple[list[str], np.ndarray]]:
    return [
        (
            [f"concept:c{name}" for name in some],
            forms.unit(dice.standard_normal((len(some), DIMENSION), np.float32))[0],
        )
        for some in names
        if some
    ]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 12), max_size=6, unique=True), min_size=1, max_size=20),
    st.sampled_from(["float32", "float16", "int8"]),
    st.booleans(),
)
def test_whatever_the_shards_the_newest_vector_of_each_key_counts(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[int]], form: str, step_by_step: bool
) -> None:
    table.forget()
    dice = np.random.default_rng(len(names))
    folder = Folder(tmp_path_factory.mktemp("model"))
    made = Manifest("m", False, DIMENSION, form)
    newest: dict[str, np.ndarray] = {}
    with folder.writing():
        for keys, vectors in shards_of(names, dice):
            versions = np.ones(len(keys), np.int64)
            made = folder.commit(embedding.add_shard(folder, made, keys, versions, vectors))
            newest.update(zip(keys, vectors, strict=True))
            if step_by_step:
                table.table_of(folder)
    found = table.table_of(folder)
    if not newest:
        assert found is None
        return
    assert found is not None
    rows = np.flatnonzero(found.current)
    assert {found.keys[row] for row in rows} == set(newest)
    query = forms.unit(dice.standard_normal((1, DIMENSION), np.float32))[0][0]
    scores = found.scores(query)
    tolerance = {"float32": 1e-6, "float16": 2e-3, "int8": 2e-2}[form]
    for row in rows:
        assert scores[row] == pytest.approx(float(newest[found.keys[row]] @ query), abs=tolerance)
        assert np.allclose(found.vectors(np.array([row]))[0], newest[found.keys[row]], atol=tolerance)
        assert found.row_of[found.keys[row]] == row
    assert np.flatnonzero(found.of_kinds(["concept"])).tolist() == list(range(len(found)))
    assert not found.of_kinds(["analogy"]).any()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-5, 5), max_size=900), st.integers(1, 40))
def test_the_nearest_are_those_sorting_gives(scores: list[int], count: int) -> None:
    array = np.array(scores, np.float32)
    wanted = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:count]
    assert table.nearest(array, count).tolist() == wanted


def test_the_forms_take_the_room_they_promise_and_find_what_they_promise(tmp_path: Path) -> None:
    dice = np.random.default_rng(3)
    vectors = forms.unit(dice.standard_normal((6_000, 384), np.float32))[0]
    queries = forms.unit(dice.standard_normal((40, 384), np.float32))[0]
    keys = [f"analogy:{dice.integers(1 << 60):x}-{dice.integers(1 << 60):x}" for _ in range(len(vectors))]
    true = [set(table.nearest(vectors @ query, 10).tolist()) for query in queries]
    for form, smaller, recall in (("int8", 3.9, 0.96), ("float16", 2.0, 0.99)):
        data = archive.pack("m", form, keys, np.ones(len(keys), np.int64), vectors)
        assert vectors.nbytes / len(data) >= smaller
        path = tmp_path / f"{form}.npz"
        path.write_bytes(data)
        with np.load(path, allow_pickle=False) as plain:
            assert plain["vectors"].shape == vectors.shape
        found = table.Table(Manifest("m", False, 384, form))
        found.add(archive.unpack(path, dimension=384, form=form, rows=len(keys)))
        same = sum(
            len(truth & set(table.nearest(found.scores(query), 10).tolist()))
            for truth, query in zip(true, queries, strict=True)
        )
        assert same / 400 >= recall


def test_equal_vectors_make_equal_bytes_and_other_shapes_are_damage(tmp_path: Path) -> None:
    vectors = forms.unit(np.ones((3, 4), np.float32))[0]
    data = archive.pack("m", "int8", ["a", "b", "c"], np.ones(3, np.int64), vectors)
    assert data == archive.pack("m", "int8", ["a", "b", "c"], np.ones(3, np.int64), vectors)
    path = tmp_path / "s.npz"
    path.write_bytes(data)
    for dimension, form, rows in ((5, "int8", 3), (4, "float32", 3), (4, "int8", 2)):
        with pytest.raises(Damaged, match=r"s\.npz"):
            archive.unpack(path, dimension=dimension, form=form, rows=rows)


def test_merging_an_int8_shard_again_and_again_changes_nothing() -> None:
    vectors = forms.unit(np.random.default_rng(1).standard_normal((50, 16), np.float32))[0]
    first = forms.encode(vectors, "int8")
    again = forms.encode(forms.decode(first["vectors"], first["scales"]), "int8")
    assert np.array_equal(first["vectors"], again["vectors"])
    assert np.array_equal(first["scales"], again["scales"])


@pytest.mark.parametrize(
    "name",
    ["lexical", "path:/models/mini lm", "UPPER", "../../etc", "..", ".", "a/b", "model.", "x" * 300, "ü", ""],
)
def test_a_models_folder_is_one_plain_name_of_its_own(name: str) -> None:
    found = folder_name(name)
    assert Path(found).name == found
    assert len(found) < 80
    assert found not in ("", ".", "..")
    assert not found.startswith(".")
    assert found != folder_name(name + "?")


def test_names_that_differ_in_case_only_have_folders_that_do_not() -> None:
    assert folder_name("Model").lower() != folder_name("model").lower()
