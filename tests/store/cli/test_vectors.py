"""similar and vectors on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from store import open_store
from store.vectors import table
from tests.store.cli.conftest import Run
from tests.store.vectors.conftest import BREAD, CODE, SAIL, SEA, write


@pytest.fixture
def known(folder: Path) -> Path:
    """A store with four analogies."""
    table.forget()
    with open_store(folder) as store:
        write(store, SEA, SAIL, CODE, BREAD)
    return folder


def test_similar_lists_what_is_like_a_key_an_id_or_a_text(known: Path, run: Run, book: str) -> None:
    found = run("similar", "analogy:a1", "--json").document
    assert found["hits"][0]["key"] == "analogy:a2"
    assert (found["how"], found["model"]) == ("exact", "lexical")
    assert run("similar", "a1", "--json").document["hits"] == found["hits"]
    words = run("similar", "a", "book", "with", "an", "outline", "--json").document
    assert words["hits"][0] == {**words["hits"][0], "key": f"chart:{book}", "kind": "chart"}
    plain = run("similar", "a1", "--limit", "1")
    assert plain.code == 0
    assert "sailing ship → open sea" in plain.out
    assert len(plain.out.splitlines()) == 1


def test_similar_takes_the_end_of_a_chart_id_and_kinds(known: Path, run: Run, book: str) -> None:
    found = run("similar", book[-8:], "--json").document
    assert found["query"] == f"chart:{book}"
    only = run("similar", "a book people read at sea", "--kind", "charts", "--json").document
    assert {hit["kind"] for hit in only["hits"]} == {"chart"}
    as_text = run("similar", "analogy:a1", "--text", "--json").document
    assert as_text["query"] == "analogy:a1"


def test_similar_in_an_empty_store_says_there_is_nothing(run: Run) -> None:
    ran = run("similar", "ship")
    assert ran.code == 3
    assert "nothing in this store" in ran.err
    assert run("similar", "x", "--limit", "0").code == 2


def test_given_vectors_are_added_listed_and_removed(known: Path, run: Run, tmp_path: Path) -> None:
    lines = [{"type": "analogy", "id": f"a{n}", "embedding": [n, 1, 0]} for n in (1, 2, 3)]
    lines.append({"key": "analogy:a9", "embedding": [1, 1, 1]})
    path = tmp_path / "given.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    added = run("vectors", "add", str(path), "--model", "mine", "--json").document
    assert added["written"] == 3
    assert [(one["line"], one["code"]) for one in added["rejected"]] == [(4, "unknown-key")]
    listed = run("vectors", "--json").document
    assert [(model["name"], model["rows"], model["made"]) for model in listed["models"]] == [
        ("mine", 3, False)
    ]
    assert "mine (given)" in run("vectors", "list").out
    assert run("similar", "a2", "--model", "mine", "--json").document["hits"][0]["key"] == "analogy:a3"
    refused = run("similar", "ships at sea", "--model", "mine")
    assert (refused.code, "given" in refused.err) == (4, True)
    assert run("vectors", "remove", "--model", "mine").code == 4
    assert run("vectors", "remove", "--model", "mine", "--yes").code == 0
    assert run("vectors", "--json").document["models"] == []


def test_what_add_cannot_use_is_said_without_a_traceback(known: Path, run: Run, tmp_path: Path) -> None:
    text = tmp_path / "v.npy"
    text.write_text("[[1, 2, 3]]")
    ran = run("vectors", "add", str(text), "--model", "mine")
    assert (ran.code, "JSON text" in ran.err) == (2, True)
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    keys = tmp_path / "k.txt"
    keys.write_text("analogy:a1\n")
    ran = run("vectors", "add", str(tmp_path / "o.npy"), "--keys", str(keys), "--model", "mine")
    assert (ran.code, "never loaded" in ran.err) == (2, True)
    assert run("vectors", "add", str(text)).code == 2
    assert run("vectors", "add", "--model", "mine").code == 2
    assert run("vectors", "list", str(text)).code == 2
    assert run("vectors", "embed", "--model", "nonsense").code == 2


def test_embed_check_and_merge(known: Path, run: Run) -> None:
    (made,) = run("vectors", "embed", "--form", "int8", "--json").document["embedded"]
    assert (made["embedded"], made["total"]) == (4, 4)
    assert run("vectors", "check").out.strip().endswith("Nothing is wrong with the vectors.")
    with open_store(known) as store:
        write(store, {**SEA, "tags": ["x"]})
    codes = [one["code"] for one in run("vectors", "check", "--json").document["findings"]]
    assert codes == ["vector-stale"]
    assert run("vectors", "embed").code == 0
    (merged,) = run("vectors", "merge", "--json").document["merged"]
    assert (merged["shards"], merged["dropped"]) == (1, 1)
    assert run("vectors", "measure").code == 3, "there is no index to measure"


def test_reading_only_neither_embeds_nor_fails(known: Path, run: Run) -> None:
    assert run("vectors", "embed").code == 0
    before = sorted((known / ".vectors").rglob("*"))
    assert run("--read-only", "similar", "a1").code == 0
    assert run("--read-only", "vectors", "embed").code == 6
    assert sorted((known / ".vectors").rglob("*")) == before
