"""Embedders: the lexical one, plug-ins, models in a folder, and when everything is embedded anew."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import NotFound, Refused, UsageError
from store.settings import Settings
from store.store import Store
from store.vectors import collection, embedders, manifest, text
from store.vectors.lexical import GROWN, Lexical
from tests.store.vectors.conftest import BREAD, CODE, SAIL, SEA, analogy, write
from tests.store.vectors.test_keeping import folder


def cosine(embedder: Lexical, one: str, other: str) -> float:
    left, right = embedder.embed([one, other])
    return float(left @ right)


# -- lexical ---------------------------------------------------------------------------------------


def test_lexical_knows_words_and_parts_of_words_and_no_meaning() -> None:
    lexical = Lexical(1024)
    same = cosine(lexical, "The ship sails the sea.", "the SHIP sails, the sea")
    parts = cosine(lexical, "shipping harbours", "ships in a harbour")
    meaning = cosine(lexical, "automobile", "car")
    assert same == pytest.approx(1, abs=1e-5)
    assert parts > 0.25
    assert abs(meaning) < 0.1


def test_accents_and_scripts() -> None:
    lexical = Lexical(512)
    assert cosine(lexical, "Café Zürich", "cafe zurich") == pytest.approx(1, abs=1e-5)
    assert cosine(lexical, "船は海を行く", "船は海を行く") == pytest.approx(1, abs=1e-5)
    assert not lexical.embed(["", " .,!? ", "…"])[:2].any()


def test_rare_words_weigh_more_once_the_corpus_is_known() -> None:
    lexical = Lexical(512)
    texts = [f"the thing about number{n}" for n in range(300)]
    before = cosine(lexical, "the thing about zebras", "the thing about lions")
    lexical.fit(texts)
    after = cosine(lexical, "the thing about zebras", "the thing about lions")
    assert after < before / 2


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=30), st.integers(1, 9))
def test_a_text_has_one_vector_whatever_it_is_embedded_with(texts: list[str], cut: int) -> None:
    lexical = Lexical(64)
    lexical.fit(texts[:cut])
    together = lexical.embed(texts)
    alone = np.concatenate([lexical.embed([one]) for one in texts])
    assert np.allclose(together, alone, atol=1e-5)
    lengths = np.linalg.norm(together, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-4) | (lengths == 0))


def test_what_was_learned_is_taken_back_to_the_bit() -> None:
    first, second = Lexical(64), Lexical(64)
    first.fit(["a ship", "a sea"])
    second.thaw(first.frozen(), 2)
    assert np.array_equal(first.embed(["ship at sea"]), second.embed(["ship at sea"]))
    with pytest.raises(ValueError, match="shape"):
        second.thaw({"idf": np.ones(3, np.float32)}, 2)


def test_another_process_makes_the_same_vectors() -> None:
    code = (
        "from store.vectors.lexical import Lexical; l = Lexical(64); l.fit(['a ship', 'the sea']);"
        "print(l.embed(['ship at sea ünd']).tobytes().hex())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    lexical = Lexical(64)
    lexical.fit(["a ship", "the sea"])
    assert runs == {lexical.embed(["ship at sea ünd"]).tobytes().hex().encode() + b"\n"}


def test_the_idf_is_frozen_until_the_corpus_has_grown_fourfold(store: Store) -> None:
    write(store, *(analogy(n, f"word{n}", "sea") for n in range(10)))
    collection.embed_missing(store, "default")
    frozen = _frozen(store)
    write(store, *(analogy(n, f"word{n}", "sea") for n in range(10, 10 * GROWN - 1)))
    assert not collection.embed_missing(store, "default").renewed
    assert _frozen(store) == frozen
    write(store, analogy(99, "word99", "sea"), analogy(100, "word100", "sea"))
    collection.embed_missing(store, "default")
    counts = collection.embed_missing(store, "default")
    renewed = _frozen(store)
    assert renewed != frozen
    assert renewed[1] == 10 * GROWN + 1
    assert counts.total == 10 * GROWN + 1
    assert collection.similar(store, "word7").hits[0].key == "analogy:a7"


def _frozen(store: Store) -> tuple[str, int]:
    found = manifest.load(folder(store))
    assert found is not None
    assert found.frozen is not None
    return found.frozen.hash, found.frozen.rows


def test_another_dimension_embeds_everything_anew(store: Store) -> None:
    write(store, SEA, SAIL, CODE, BREAD)
    collection.embed_missing(store, "default")
    store._settings = dataclasses.replace(store.settings, vectors_dimension=512)
    counts = collection.embed_missing(store, "default")
    assert (counts.renewed, counts.total) == (True, 4)
    (model,) = collection.models(store)
    assert model.dimension == 512
    assert collection.similar(store, "a1").hits[0].key == "analogy:a2"


def test_another_form_embeds_everything_anew_and_stays(store: Store) -> None:
    write(store, SEA, SAIL)
    collection.embed_missing(store, "default", form="float32")
    assert collection.embed_missing(store, "default", form="int8").renewed
    write(store, CODE)
    collection.embed_missing(store, "default")
    (model,) = collection.models(store)
    assert (model.form, model.rows) == ("int8", 3)


# -- texts -----------------------------------------------------------------------------------------


def test_the_text_of_a_record_is_what_it_says_not_its_ids() -> None:
    record = {
        "type": "analogy", "id": "x9", "workflow_id": "w7", "created_at": "2026-01-01T00:00:00Z",
        "source_domain": "ship", "target_domain": "harbour", "quality_score": 0.5, "tags": ["sea"],
        "concept_mappings": {"hull": "quay"}, "extra": {"deep": ["below"]}, "embedding": [1, 2],
    }  # fmt: skip
    found = text.text_of("analogy", record)
    assert found.startswith("ship. harbour. hull. quay")
    assert "below" in found
    for hidden in ("x9", "w7", "2026", "0.5", "1, 2"):
        assert hidden not in found


@pytest.mark.parametrize("kind", [*text.BY_KIND, "anything"])
@pytest.mark.parametrize(
    "record", [{}, {"name": None, "tags": 7}, {"name": "sea", "x": [[[["y"]]]]}, [], "sea", 3]
)
def test_no_record_is_too_odd_for_a_text(kind: str, record: Any) -> None:
    assert isinstance(text.text_of(kind, record), str)


# -- plug-ins --------------------------------------------------------------------------------------


class Lengths:
    """An embedder of another package: the lengths of words."""

    quick = True

    def __init__(self, argument: str, _: Settings) -> None:
        self.dimension = 8
        self.identity = f"lengths/{argument}"

    def embed(self, texts: Sequence[str]) -> Any:
        made = np.zeros((len(texts), 8), np.float32)
        for row, one in enumerate(texts):
            for word in one.split():
                made[row, len(word) % 8] += 1
        return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def plug_in(patch: pytest.MonkeyPatch, name: str, value: str) -> None:
    point = metadata.EntryPoint(name, value, embedders.GROUP)
    patch.setattr(metadata, "entry_points", lambda **_: [point])


def test_a_plug_in_is_found_by_its_entry_point(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "lengths", f"{__name__}:Lengths")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    write(store, SEA, SAIL, CODE)
    found = collection.similar(store, "analogy:a1", model="lengths:two")
    assert found.model == "lengths:two"
    assert len(found.hits) == 2
    assert any(name.startswith("lengths:") for name in embedders.names())
    assert {model.name for model in collection.models(store)} == {"lengths:two"}


def test_a_plug_in_that_breaks_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "broken", "no.such.module:Embedder")
    with pytest.raises(Refused, match="broken"):
        collection.embed_missing(store, "default", "broken")
    plug_in(monkeypatch, "odd", "builtins:min")
    with pytest.raises(Refused, match="odd"):
        collection.embed_missing(store, "default", "odd")


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        (lambda texts: np.full((len(texts), 8), np.nan), "NaN"),
        (lambda texts: np.ones((len(texts), 7)), "numbers, not"),
        (lambda texts: np.ones((len(texts) + 1, 8)), "numbers, not"),
        (lambda texts: [1 / 0 for _ in texts], "division by zero"),
    ],
)
def test_what_a_plug_in_gives_is_checked_before_it_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch, gives: Any, says: str
) -> None:
    plug_in(monkeypatch, "lengths", f"{__name__}:Lengths")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(Lengths, "embed", lambda _, texts: gives(texts))
    write(store, SEA)
    with pytest.raises(Refused, match=says):
        collection.embed_missing(store, "default", "lengths")
    assert collection.models(store) == []


def test_no_such_embedder_says_which_there_are(store: Store) -> None:
    with pytest.raises(UsageError, match="lexical"):
        collection.embed_missing(store, "default", "nonsense")


# -- models in a folder ----------------------------------------------------------------------------


def test_a_folder_without_a_model_is_refused_before_anything_is_loaded(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="never downloaded"):
        collection.embed_missing(store, "default", f"path:{tmp_path}")
    with pytest.raises(NotFound):
        collection.embed_missing(store, "default", "path:all-MiniLM-L6-v2")


def tiny_model(place: Path) -> Path:
    """A sentence-embedding model of a few hundred numbers, saved as any is."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("sentence_transformers")
    static = pytest.importorskip("sentence_transformers.models").StaticEmbedding
    words = ["both", "ship", "harbour", "sea", "open", "sailing", "a", "the", "compiler", "bread", "oven"]
    vocabulary = {"[UNK]": 0, **{word: number for number, word in enumerate(words, 1)}}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    weights = np.random.default_rng(1).standard_normal((len(vocabulary), 12)).astype(np.float32)
    weights[0] = 0
    transformers.SentenceTransformer(
        modules=[static(tokenizer, embedding_weights=weights)], device="cpu"
    ).save(str(place))
    return place


def test_a_model_in_a_folder_embeds(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    name = f"path:{tiny_model(tmp_path / 'model')}"
    monkeypatch.setattr(socket.socket, "connect", _no_network)
    write(store, SEA, SAIL, CODE, BREAD)
    assert collection.embed_missing(store, "default", name).embedded == 4
    found = collection.similar(store, "sailing ship", model=name)
    assert found.hits[0].key == "analogy:a2"
    (model,) = collection.models(store)
    assert (model.name, model.dimension) == (name, 12)
    write(store, {**BREAD, "source_domain": "sailing ship sailing ship"})
    later = collection.similar(store, "sailing ship", model=name)
    assert "vectors embed" in later.note, "a slow embedder does not embed by the way"
    assert collection.embed_missing(store, "default", name).embedded == 1


def _no_network(*_: Any) -> None:
    raise AssertionError("a network was asked")
