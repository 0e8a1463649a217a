"""Embeddings a person gives: what is taken, what is rejected with its place, what is refused."""

from __future__ import annotations

import contextlib
import json
import pickle
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store.errors import ChartkeepError, NotFound, ReadOnly, Refused, UsageError
from store.store import Store
from store.vectors import collection
from tests.store.vectors.conftest import BREAD, CODE, SAIL, SEA, write
from tests.stores import Opener

FOUR = ["analogy:a1", "analogy:a2", "analogy:a3", "analogy:a4"]
VECTORS = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0, 2]], np.float32)


@pytest.fixture
def four(store: Store) -> Store:
    """A store with four analogies."""
    write(store, SEA, SAIL, CODE, BREAD)
    return store


def npz(path: Path, keys: Any = FOUR, vectors: Any = VECTORS, **more: Any) -> Path:
    np.savez(path, keys=np.array(keys), vectors=np.array(vectors), **more)
    return path


def jsonl(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def near(store: Store, key: str) -> list[str]:
    return [hit.key for hit in collection.similar(store, key, model="mine").hits]


def test_an_npz_is_taken_and_searched(four: Store, tmp_path: Path) -> None:
    added = collection.add_given(four, "default", npz(tmp_path / "v.npz"), "mine")
    assert (added.written, added.rejected) == (4, [])
    assert near(four, "analogy:a1") == ["analogy:a2"]
    found = collection.similar(four, VECTORS[3], model="mine")
    assert found.hits[0][:1] == ("analogy:a4",)
    assert found.hits[0].score == pytest.approx(1)


def test_an_npy_needs_its_keys(four: Store, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", VECTORS.astype(np.float64))
    with pytest.raises(UsageError, match="--keys"):
        collection.add_given(four, "default", tmp_path / "v.npy", "mine")
    names = tmp_path / "keys.txt"
    names.write_text("\n".join(FOUR) + "\n")
    assert collection.add_given(four, "default", tmp_path / "v.npy", "mine", keys=names).written == 4
    names.write_text("\n".join(FOUR[:3]))
    with pytest.raises(UsageError, match="3 keys for 4 vectors"):
        collection.add_given(four, "default", tmp_path / "v.npy", "mine", keys=names)


def test_rows_that_cannot_be_used_are_rejected_with_their_line(four: Store, tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "v.jsonl",
        {"type": "analogy", "id": "a1", "embedding": [1, 0, 0]},
        {"key": "analogy:a2", "embedding": [1, 0]},
        "{not json",
        {"key": "analogy:a2", "embedding": [1, True, 0]},
        {"key": "analogy:a2", "embedding": [1, None, 0]},
        {"key": "analogy:a2", "embedding": "[1, 0, 0]"},
        {"embedding": [1, 0, 0]},
        '{"key": "analogy:a2", "embedding": [NaN, 0, 0]}',
        '{"key": "analogy:a2", "embedding": [1e999, 0, 0]}',
        {"key": "analogy:a2", "embedding": [1e60, 0, 0]},
        {"key": "analogy:a2", "embedding": [0, 0, 0]},
        {"key": "analogy:a9", "embedding": [1, 0, 0]},
        {"key": "analogy:a1", "embedding": [0, 1, 0]},
        "",
        "[1, 2]",
        {"key": "analogy:a2", "embedding": [0.5, 0.5, 0]},
    )
    added = collection.add_given(four, "default", path, "mine")
    assert added.written == 2
    told = sorted((one.line, one.code) for one in added.rejected)
    assert {line for line, _ in told} == {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15}
    codes = dict(told)
    assert codes[2] == "wrong-dimension"
    assert codes[3] == codes[15] == "not-json"
    assert codes[4] == codes[5] == codes[6] == "no-embedding"
    assert codes[7] == "no-key"
    assert codes[10] == "not-finite"
    assert codes[11] == "no-direction"
    assert codes[12] == "unknown-key"
    assert codes[13] == "duplicate-key"
    assert {codes[8], codes[9]} <= {"not-finite", "not-json"}
    assert near(four, "analogy:a1") == ["analogy:a2"]


@pytest.mark.parametrize(
    ("vectors", "code"),
    [
        ([[1, 0, 0], [np.nan, 0, 0], [0, 1, 0], [0, 0, 1]], "not-finite"),
        ([[1, 0, 0], [np.inf, 0, 0], [0, 1, 0], [0, 0, 1]], "not-finite"),
        ([[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]], "no-direction"),
    ],
)
def test_a_bad_row_of_an_array_is_named(four: Store, tmp_path: Path, vectors: Any, code: str) -> None:
    added = collection.add_given(four, "default", npz(tmp_path / "v.npz", vectors=vectors), "mine")
    assert [(one.line, one.key, one.code) for one in added.rejected] == [(2, "analogy:a2", code)]
    assert added.written == 3


def json_text(path: Path) -> None:
    path.write_text(json.dumps(VECTORS.tolist()))


def pickled_array(path: Path) -> None:
    np.save(path, np.array([{"a": 1}, "b"], object), allow_pickle=True)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(VECTORS))


def cut_off(path: Path) -> None:
    np.save(path, VECTORS)
    path.write_bytes(path.read_bytes()[:-5])


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def texts(path: Path) -> None:
    np.save(path, np.array([["a", "b"]] * 4))


def complex_numbers(path: Path) -> None:
    np.save(path, VECTORS.astype(np.complex64))


def one_row(path: Path) -> None:
    np.save(path, VECTORS[0])


def huge(path: Path) -> None:
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 384)}
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (json_text, "JSON text"),
        (pickled_array, "never loaded"),
        (plain_pickle, "never loaded"),
        (cut_off, "cannot be read"),
        (no_bytes, "is empty"),
        (texts, "not float32"),
        (complex_numbers, "not float32"),
        (one_row, "shape"),
        (huge, "cannot be read"),
    ],
)
def test_a_file_that_is_no_array_is_refused_whole(four: Store, tmp_path: Path, make: Any, says: str) -> None:
    path = tmp_path / "v.npy"
    make(path)
    names = tmp_path / "keys.txt"
    names.write_text("\n".join(FOUR))
    with pytest.raises(UsageError, match=says):
        collection.add_given(four, "default", path, "mine", keys=names)
    assert collection.models(four) == []


def test_pickled_members_of_an_archive_are_never_loaded(four: Store, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "sprung",)

    np.savez(tmp_path / "v.npz", keys=np.array([Trap()] * 4, object), vectors=VECTORS)
    with pytest.raises(UsageError, match="never loaded"):
        collection.add_given(four, "default", tmp_path / "v.npz", "mine")
    assert not (tmp_path / "sprung").exists()


def test_a_torn_archive_and_one_without_its_members_are_refused(four: Store, tmp_path: Path) -> None:
    path = npz(tmp_path / "v.npz")
    data = path.read_bytes()
    for cut in (10, len(data) // 2, len(data) - 4):
        path.write_bytes(data[:cut])
        with pytest.raises(UsageError):
            collection.add_given(four, "default", path, "mine")
    np.savez(path, vectors=VECTORS)
    with pytest.raises(UsageError, match="`keys`"):
        collection.add_given(four, "default", path, "mine")


def test_another_dimension_than_the_model_has_is_rejected(four: Store, tmp_path: Path) -> None:
    collection.add_given(four, "default", npz(tmp_path / "v.npz"), "mine")
    wide = npz(tmp_path / "w.npz", vectors=np.ones((4, 5), np.float32))
    added = collection.add_given(four, "default", wide, "mine")
    assert added.written == 0
    assert {one.code for one in added.rejected} == {"wrong-dimension"}


def test_a_model_of_an_embedder_takes_no_given_vectors_and_given_ones_no_text(
    four: Store, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="name of their own"):
        collection.add_given(four, "default", npz(tmp_path / "v.npz"), "lexical")
    collection.add_given(four, "default", npz(tmp_path / "v.npz"), "mine")
    with pytest.raises(Refused, match="given"):
        collection.similar(four, "ships at sea", model="mine")
    with pytest.raises(UsageError, match="2 dimensions"):
        collection.similar(four, [1.0, 2.0], model="mine")
    with pytest.raises(UsageError, match="finite"):
        collection.similar(four, [1.0, float("nan"), 0], model="mine")


def test_nothing_is_added_to_a_store_open_for_reading(four: Store, opened: Opener, tmp_path: Path) -> None:
    with pytest.raises(ReadOnly):
        collection.add_given(opened(readonly=True), "default", npz(tmp_path / "v.npz"), "mine")
    with pytest.raises(NotFound):
        collection.add_given(four, "nowhere", npz(tmp_path / "v.npz"), "mine")


def test_given_vectors_keep_their_length_and_own_shards_can_be_given(four: Store, tmp_path: Path) -> None:
    collection.add_given(four, "default", npz(tmp_path / "v.npz"), "mine", form="float32")
    (shard,) = (four.layout.vectors / "default" / "mine").glob("*.npz")
    with np.load(shard, allow_pickle=False) as archive:
        assert archive["lengths"].tolist() == pytest.approx([1, 0.9055385, 1, 2])
    again = collection.add_given(four, "default", shard, "other", form="int8")
    assert again.written == 4


def test_keys_as_bytes_must_be_a_json_list(four: Store, tmp_path: Path) -> None:
    for told in (b"{}", b"[1]", b"nonsense", b'"a"'):
        np.savez(tmp_path / "v.npz", keys=np.frombuffer(told, np.uint8), vectors=VECTORS)
        with pytest.raises(UsageError, match="JSON list"):
            collection.add_given(four, "default", tmp_path / "v.npz", "mine")


@pytest.mark.parametrize("name", ["v.npz", "v.npy", "v.jsonl"])
def test_whatever_bytes_are_damaged_the_file_is_refused_or_its_rows_are(
    four: Store, tmp_path: Path, name: str
) -> None:
    dice = random.Random(name)
    path = tmp_path / name
    keys = None
    if name == "v.npz":
        npz(path)
    elif name == "v.npy":
        np.save(path, VECTORS)
        keys = tmp_path / "keys.txt"
        keys.write_text("\n".join(FOUR))
    else:
        jsonl(
            path, *({"key": key, "embedding": row} for key, row in zip(FOUR, VECTORS.tolist(), strict=True))
        )
    whole = path.read_bytes()
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        path.write_bytes(data)
        with contextlib.suppress(ChartkeepError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            added = collection.add_given(four, "default", path, "mine", keys=keys)
            assert added.written <= 4
    assert collection.check(four) == []
