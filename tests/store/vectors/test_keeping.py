"""Merging shards, taking erased records out, removing a model; what verification finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from store.errors import Damaged, NotFound, TooNew
from store.store import Store
from store.vectors import collection, embedding, keeping, manifest
from tests.store.vectors.conftest import BREAD, CODE, SAIL, SEA, analogy, remove, write
from tests.store.vectors.test_given import npz


def folder(store: Store, model: str = "lexical") -> Path:
    return store.layout.vectors / "default" / model


def files(store: Store, model: str = "lexical") -> set[str]:
    return {path.name for path in folder(store, model).iterdir()} - {"model.json", "model.lock"}


def grown(store: Store) -> None:
    """A model with a shard for each of many changes."""
    for record in (SEA, SAIL, CODE, BREAD):
        write(store, record)
        collection.embed_missing(store, "default")
    for number in range(3):
        write(store, {**CODE, "tags": [f"again {number}"]})
        collection.embed_missing(store, "default")
    remove(store, "analogy:a4")
    collection.embed_missing(store, "default")


def answers(store: Store) -> list[tuple[str, float]]:
    found = collection.similar(store, "a ship reads programs at sea")
    return [(hit.key, round(hit.score, 4)) for hit in found.hits]


@pytest.mark.parametrize("form", ["float32", "float16", "int8"])
def test_merging_changes_no_answer_and_drops_what_nothing_refers_to(store: Store, form: str) -> None:
    write(store, SEA)
    collection.embed_missing(store, "default", form=form)
    grown(store)
    before = answers(store)
    merged = collection.merge(store, "default")
    assert (merged.shards, merged.dropped > 0) == (1, True)
    (model,) = collection.models(store)
    assert (model.rows, model.shards, model.form) == (3, 1, form)
    assert answers(store) == before
    assert collection.embed_missing(store, "default").embedded == 0
    assert len(files(store)) == 2, "one shard, one frozen IDF: the old files are deleted"


def test_merging_fills_shards(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "ROWS", 4)
    for number in range(10):
        write(store, analogy(number, f"word{number}", f"other{number}"))
        collection.embed_missing(store, "default")
    found = manifest.load(folder(store))
    assert found is not None
    before = answers(store)
    collection.merge(store, "default")
    found = manifest.load(folder(store))
    assert found is not None
    assert [shard.rows for shard in found.shards] == [4, 4, 2]
    assert answers(store) == before


def test_merging_is_due_once_there_are_many_shards(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MANY", 3)
    for number in range(4):
        assert collection.merge_due(store) == []
        write(store, analogy(number, f"word{number}", "other"))
        collection.embed_missing(store, "default", "lexical", [f"analogy:a{number}"] if number else None)
    assert collection.merge_due(store) == [("default", "lexical")]
    collection.merge(store, "default")
    assert collection.merge_due(store) == []


def test_given_vectors_of_deleted_records_outlive_a_merge(store: Store, tmp_path: Path) -> None:
    write(store, SEA, SAIL, CODE, BREAD)
    collection.add_given(store, "default", npz(tmp_path / "v.npz"), "mine", form="float32")
    remove(store, "analogy:a2")
    collection.merge(store, "default", "mine")
    assert collection.similar(store, "a1", model="mine").hits == []
    write(store, SAIL)
    assert [hit.key for hit in collection.similar(store, "a1", model="mine").hits] == ["analogy:a2"]
    (shard,) = folder(store, "mine").glob("*.npz")
    with np.load(shard) as archive:
        assert archive["lengths"].tolist()[3] == pytest.approx(2)


def test_what_is_dropped_is_in_no_file_any_more(store: Store, tmp_path: Path) -> None:
    write(store, SEA, SAIL, CODE, BREAD)
    collection.embed_missing(store, "default", form="float32")
    collection.add_given(store, "default", npz(tmp_path / "v.npz"), "mine", form="float32")
    assert collection.drop(store, "default", ["analogy:a3", "analogy:none"]) == 2
    for model in ("lexical", "mine"):
        for path in folder(store, model).glob("0*.npz"):
            with np.load(path) as archive:
                assert b"a3" not in archive["keys"].tobytes()
                assert len(archive["vectors"]) == 3
    untouched = files(store, "mine")
    assert collection.drop(store, "default", ["analogy:none"]) == 0
    assert files(store, "mine") == untouched


def test_a_removed_model_is_gone_and_can_be_made_again(store: Store) -> None:
    grown(store)
    before = answers(store)
    assert collection.remove(store, "default", "lexical") > 0
    assert collection.models(store) == []
    assert files(store) == set()
    with pytest.raises(NotFound):
        collection.remove(store, "default", "lexical")
    collection.embed_missing(store, "default")
    assert {key for key, _ in answers(store)} == {key for key, _ in before}


def test_a_sound_model_has_no_findings_and_old_vectors_are_named(store: Store) -> None:
    write(store, SEA, SAIL, CODE, BREAD)
    collection.embed_missing(store, "default")
    assert collection.check(store) == []
    write(store, {**CODE, "tags": ["new"]})
    remove(store, "analogy:a4")
    found = {finding.code: finding for finding in collection.check(store)}
    assert set(found) == {"vector-stale", "vector-orphan"}
    assert "analogy:a3" in found["vector-stale"].message
    assert "analogy:a4" in found["vector-orphan"].message
    assert {finding.severity for finding in found.values()} == {"info"}
    collection.embed_missing(store, "default")
    assert [finding.code for finding in collection.check(store)] == ["vector-orphan"]
    collection.merge(store, "default")
    assert collection.check(store) == []


def test_any_damaged_byte_is_found_and_mended_by_embedding(store: Store) -> None:
    write(store, SEA, SAIL, CODE, BREAD)
    collection.embed_missing(store, "default", form="int8")
    before = answers(store)
    (shard,) = folder(store).glob("0*.npz")
    data = shard.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 40)):
        shard.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        found = collection.check(store)
        assert [(one.code, one.severity) for one in found][:1] == [("vector-damaged", "warning")]
        assert shard.name in found[0].path
    collection.embed_missing(store, "default", repair=True)
    assert collection.check(store) == []
    assert answers(store) == before


def test_a_missing_shard_is_found_and_embedded_again_without_being_asked(store: Store) -> None:
    write(store, SEA, SAIL)
    collection.embed_missing(store, "default")
    write(store, CODE)
    collection.embed_missing(store, "default")
    first, _ = sorted(folder(store).glob("0*.npz"))
    first.unlink()
    assert [one.code for one in collection.check(store)] == ["vector-damaged"]
    assert collection.check(store, quick=True)[0].code == "vector-damaged"
    write(store, BREAD)
    assert collection.embed_missing(store, "default").embedded == 3
    assert collection.check(store) == []


def test_damaged_given_vectors_are_an_error_and_the_rest_is_searched(store: Store, tmp_path: Path) -> None:
    write(store, SEA, SAIL, CODE, BREAD)
    collection.add_given(store, "default", npz(tmp_path / "v.npz"), "mine")
    half = npz(tmp_path / "w.npz", keys=["analogy:a3", "analogy:a4"], vectors=np.eye(3)[:2])
    collection.add_given(store, "default", half, "mine")
    first, _ = sorted(folder(store, "mine").glob("0*.npz"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    (found,) = collection.check(store)
    assert (found.code, found.severity) == ("vector-damaged", "error")
    answer = collection.similar(store, [1.0, 0, 0], model="mine")
    assert [hit.key for hit in answer.hits] == ["analogy:a3"]
    assert first.name in answer.note


def test_a_damaged_manifest_is_named_and_nothing_beside_it_is_deleted(store: Store) -> None:
    grown(store)
    path = folder(store) / manifest.NAME
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    there = files(store)
    (found,) = collection.check(store)
    assert (found.code, found.severity) == ("vector-damaged", "error")
    assert files(store) == there


def test_a_manifest_changed_by_hand_is_not_believed(store: Store) -> None:
    grown(store)
    path = folder(store) / manifest.NAME
    text = path.read_text()
    for old, new in (
        ('"rows":4', '"rows":3'),
        ('"dimension":384', '"dimension":385'),
        ('"made":true', '"made":false'),
    ):
        if old in text:
            path.write_text(text.replace(old, new, 1))
            with pytest.raises(Damaged, match="not what was written"):
                manifest.load(folder(store))


def test_a_manifest_of_a_newer_program_is_left_alone(store: Store) -> None:
    grown(store)
    path = folder(store) / manifest.NAME
    path.write_text(path.read_text().replace('"format_version":1', '"format_version":2'))
    before = path.read_bytes()
    with pytest.raises(TooNew):
        collection.embed_missing(store, "default")
    assert path.read_bytes() == before


def test_what_a_crash_left_goes_with_the_next_writer_even_if_nothing_is_new(store: Store) -> None:
    write(store, SEA)
    collection.embed_missing(store, "default")
    there = files(store)
    (folder(store) / "000777.npz").write_bytes(b"half a shard")
    (folder(store) / ".000002.npz.1-ab.ckpart").write_bytes(b"half a shard")
    assert collection.embed_missing(store, "default").embedded == 0
    assert files(store) == there
