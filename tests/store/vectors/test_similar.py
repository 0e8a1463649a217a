"""Finding what is like a record, a chart or a text."""

from __future__ import annotations

import pytest

from store import charts, open_store
from store.errors import NotFound
from store.records import Draft
from store.store import Store
from store.vectors import collection
from tests.store.vectors.conftest import BREAD, CODE, SAIL, SEA, remove, write
from tests.stores import Opener, chart


def keys(found: collection.Similar) -> list[str]:
    return [hit.key for hit in found.hits]


def test_a_record_finds_the_one_that_shares_its_words_first(store: Store) -> None:
    write(store, SEA, CODE, BREAD, SAIL)
    found = collection.similar(store, "analogy:a1")
    assert keys(found)[0] == "analogy:a2"
    assert "analogy:a1" not in keys(found)
    assert found.how == "exact"
    assert found.hits[0].title == "sailing ship → open sea"
    assert collection.similar(store, "a1") == found


def test_a_text_finds_records_and_charts(store: Store) -> None:
    write(store, SEA, CODE, BREAD, SAIL)
    chart_id = chart(store, "A loaf of bread from my own oven", "Buy flour")
    found = collection.similar(store, "bread in the oven")
    assert set(keys(found)[:2]) == {"analogy:a4", f"chart:{chart_id}"}
    only = collection.similar(store, "bread in the oven", kinds=["chart"])
    assert keys(only) == [f"chart:{chart_id}"]
    assert only.hits[0].title == "A loaf of bread from my own oven"
    assert keys(collection.similar(store, f"chart:{chart_id}"))[0] == "analogy:a4"


def test_what_changed_is_found_by_its_new_words_only(store: Store) -> None:
    write(store, SEA, CODE)
    assert keys(collection.similar(store, "compiler"))[0] == "analogy:a3"
    write(store, {**CODE, "source_domain": "gardener", "target_domain": "orchard", "reasoning": "Both prune"})
    assert keys(collection.similar(store, "gardener in the orchard"))[0] == "analogy:a3"
    assert collection.models(store)[0].rows >= 3
    assert keys(collection.similar(store, "compiler parser")) == []


def test_what_is_deleted_is_not_found_and_found_again_once_it_is_back(store: Store) -> None:
    write(store, SEA, CODE, BREAD, SAIL)
    assert keys(collection.similar(store, "ship sea"))
    remove(store, "analogy:a2")
    assert "analogy:a2" not in keys(collection.similar(store, "ship sea"))
    write(store, SAIL)
    assert "analogy:a2" in keys(collection.similar(store, "ship sea"))


def test_only_what_changed_is_embedded(store: Store) -> None:
    write(store, SEA, CODE, BREAD, SAIL)
    first = collection.embed_missing(store, "default")
    assert (first.embedded, first.total) == (4, 4)
    assert collection.embed_missing(store, "default").embedded == 0
    write(store, {**CODE, "tags": ["x"]})
    again = collection.embed_missing(store, "default")
    assert (again.embedded, again.renewed) == (1, False)


def test_contexts_are_searched_together_or_one_alone(store: Store) -> None:
    store.contexts.create("work")
    write(store, SEA, CODE)
    write(store, SAIL, BREAD, context="work")
    found = collection.similar(store, "analogy:a1")
    assert [(hit.context, hit.key) for hit in found.hits][:1] == [("work", "analogy:a2")]
    alone = collection.similar(store, "a ship at sea", context="default")
    assert {hit.context for hit in alone.hits} == {"default"}


def test_a_store_without_anything_says_so(store: Store) -> None:
    with pytest.raises(NotFound, match="nothing in this store"):
        collection.similar(store, "ship")


def test_a_read_only_store_answers_from_what_is_there(opened: Opener) -> None:
    store = opened()
    write(store, SEA, CODE)
    collection.embed_missing(store, "default")
    write(store, BREAD)
    reader = opened(readonly=True)
    found = collection.similar(reader, "ship")
    assert keys(found) == ["analogy:a1"]
    assert "vectors embed" in found.note


def test_a_new_generation_of_the_journal_has_nothing_embedded_again(store: Store) -> None:
    write(store, SEA, CODE, BREAD)
    collection.embed_missing(store, "default")
    journal = store.journal("default", "knowledge")
    lines = [line for tx in journal.read() for line in tx.lines]
    live = [Draft("put", line.key, line.ver, line.raw) for line in lines]
    journal.start_generation(live)
    counts = collection.embed_missing(store, "default")
    assert (counts.embedded, counts.unchanged) == (0, 3)
    journal.start_generation(live)
    write(store, SAIL)
    counts = collection.embed_missing(store, "default")
    assert (counts.embedded, counts.total) == (1, 4)
    assert collection.embed_missing(store, "default") == counts._replace(embedded=0, unchanged=0)


def test_a_journal_that_was_put_back_is_compared_whole(store: Store) -> None:
    write(store, SEA, CODE)
    path = store.layout.journal("default", "knowledge")
    early = path.read_bytes(), path.with_suffix(".witness").read_bytes()
    write(store, BREAD, {**CODE, "tags": ["gone later"]})
    collection.embed_missing(store, "default")
    store.close()
    path.write_bytes(early[0])
    path.with_suffix(".witness").write_bytes(early[1])
    with open_store(store.root) as again:
        write(again, SAIL)
        counts = collection.embed_missing(again, "default")
        assert (counts.embedded, counts.unchanged) == (2, 1)
        assert "analogy:a2" in keys(collection.similar(again, "ship sea"))
        assert "analogy:a4" not in keys(collection.similar(again, "bread in the oven"))
        assert {one.code for one in collection.check(again)} == {"vector-orphan"}


def test_records_only_chartkeep_writes_have_no_vector(store: Store) -> None:
    write(
        store,
        SEA,
        {"type": "workflow", "id": "w1", "title": "a ship at sea", "state": "completed"},
        {"type": "validation", "id": "w1/1", "reason": "a ship at sea"},
        {"type": "legend", "id": "l1", "text": "a ship at sea"},
    )
    found = collection.similar(store, "a ship at sea")
    assert set(keys(found)) == {"analogy:a1", "legend:l1"}


def test_charts_are_looked_at_again_only_once_one_has_changed(store: Store, opened: Opener) -> None:
    name = chart(store, "A loaf of bread")
    write(store, SEA)
    collection.embed_missing(store, "default")
    assert collection.similar(opened(readonly=True), "bread").note == ""
    store.run("default", charts.add_fact, name, "The oven is cold")
    assert collection.embed_missing(store, "default")[:2] == (1, 0)
    other = chart(store, "A ship in the harbour")
    assert collection.embed_missing(store, "default")[:2] == (1, 1)
    store.run("default", charts.remove, [other], confirmed=True)
    assert f"chart:{other}" not in keys(collection.similar(store, "ship in the harbour"))
