"""Clusters, semantic fields and vectors as workflows: what they write, what an update keeps, what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from store import records, workflows
from store.errors import NotFound, Refused, UsageError
from store.knowledge import schemas, writing
from store.knowledge.model import Filter
from store.model import Edit, Plan
from store.store import Store
from store.workflows import gathering

TOPICS = {
    "sea": ("wave", "tide", "harbour", "sail", "anchor", "reef"),
    "music": ("violin", "sonata", "rhythm", "chord", "choir", "tempo"),
    "garden": ("tomato", "compost", "seedling", "trellis", "mulch", "orchard"),
}


def put(store: Store, *values: dict[str, Any]) -> None:
    edits = [Edit("put", f"{value['type']}:{value['id']}", None, records.dumps(value)) for value in values]
    writing.write(store, "default", lambda _: Plan("knowledge.put", "Put", edits))
    store.library.sync("default")


def concept(topic: str, word: str) -> dict[str, Any]:
    return {
        "type": "concept",
        "id": word,
        "name": word,
        "disambiguation": f"{topic} {topic} matters of the {topic} in {topic}s",
    }


def run(store: Store, kind: str, **options: Any) -> Any:
    made = workflows.submit(store, "default", kind, options=options)
    done = workflows.run(store, made.id)
    store.library.sync("default")
    return done


def found(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    return {one.row.id: records.loads(one.raw or b"") for one in store.library.stream(Filter(kinds=(kind,)))}


def groups(made: dict[str, dict[str, Any]]) -> list[set[str]]:
    return sorted(
        ({item["key"].partition(":")[2] for item in one["members"]} for one in made.values()), key=min
    )


@pytest.fixture
def full(store: Store) -> Store:
    put(store, *(concept(topic, word) for topic, words in TOPICS.items() for word in words))
    return store


# -- clusters --------------------------------------------------------------------------------------


def test_clusters_are_the_topics_and_say_what_they_were_made_with(full: Store) -> None:
    done = run(full, "clusters", seed=3)
    assert (done.state, done.written, done.note) == ("completed", 3, "3 clusters of concept")
    made = found(full, "cluster")
    assert groups(made) == sorted((set(words) for words in TOPICS.values()), key=min)
    for record_id, one in made.items():
        assert record_id.startswith(done.id)
        assert schemas.faults("cluster", one) == []
        assert one["settings"]["k"] == 3
        assert one["settings"]["chosen"] == "silhouette"
        assert one["settings"]["model"] == "lexical"
        assert one["settings"]["vectors"] == 18
        assert 0.0 < one["coherence"] <= 1.0
        assert 0.0 < one["distinctiveness"] <= 1.0
        strengths = [item["strength"] for item in one["members"]]
        assert strengths == sorted(strengths, reverse=True)
        assert sum(value * value for value in one["centroid"]) == pytest.approx(1.0, abs=1e-3)


def test_the_same_again_writes_nothing(full: Store) -> None:
    run(full, "clusters", seed=3)
    done = run(full, "clusters", seed=3)
    assert (done.written, done.unchanged) == (0, 3)


def test_an_update_keeps_the_ids_of_what_stayed_alike_and_ends_what_did_not(full: Store) -> None:
    first = run(full, "clusters", clusters=3)
    before = {min(item["key"] for item in one["members"]): key for key, one in found(full, "cluster").items()}
    put(full, concept("sea", "aardwave"), concept("music", "zither"))
    done = run(full, "clusters", clusters=3)
    after = found(full, "cluster")
    assert set(after) == set(before.values())
    assert done.note.startswith("3 clusters of concept; 3 of 3 stayed")
    assert all(one["workflow_id"] == done.id for one in after.values() if one["settings"]["vectors"] == 20)
    fewer = run(full, "clusters", clusters=1)
    assert len(found(full, "cluster")) == 1
    workflows.rollback(full, fewer.id)
    full.library.sync()
    assert found(full, "cluster") == after
    assert first.id in next(iter(after))
    done = run(full, "clusters", clusters=3)
    assert (done.written, done.unchanged) == (0, 3), "what a rollback brought back is as it was made"


def test_what_a_person_changed_or_another_purpose_made_is_left_alone(full: Store) -> None:
    run(full, "clusters", clusters=3)
    key, mine = next(iter(found(full, "cluster").items()))
    put(full, {**mine, "name": "mine"})
    mine.pop("workflow_id")
    put(
        full, {"type": "cluster", "id": "own", "members": [{"key": "concept:wave"}]}, {**mine, "id": "copied"}
    )
    other, theirs = list(found(full, "cluster").items())[1]
    raw = records.dumps({**theirs, "name": "theirs"})
    plan = Plan("knowledge.put", "Put", [Edit("put", f"cluster:{other}", None, raw)])
    writing.write(full, "default", lambda _: plan, workflow="an-import")
    run(full, "clusters", clusters=1)
    after = found(full, "cluster")
    assert after[key]["name"] == "mine"
    assert after[other]["name"] == "theirs"
    assert {"own", "copied"} <= set(after)
    assert len(after) == 5


def test_criteria_choose_what_is_clustered(full: Store) -> None:
    done = run(full, "clusters", clusters=2, words="sea")
    made = found(full, "cluster")
    assert set().union(*groups(made)) == set(TOPICS["sea"])
    run(full, "clusters", clusters=2, words="music")
    assert len(found(full, "cluster")) == 4, "clusters of other records are none of this one's"
    assert done.state == "completed"


def test_where_there_is_nothing_it_says_so(store: Store) -> None:
    put(store, {"type": "analogy", "id": "a", "source_domain": "x", "target_domain": "y"})
    done = run(store, "clusters", kinds=["frame"])
    assert done.state == "failed"
    assert "frame" in done.note
    done = run(store, "clusters", model="given")
    assert done.state == "failed"
    assert "given" in done.note
    for options in ({"clusters": 0}, {"clusters": True}, {"seed": -1}, {"below": "x"}):
        with pytest.raises(UsageError):
            workflows.submit(store, "default", "clusters", options=options)


def test_analogies_are_clustered_where_there_are_no_concepts(store: Store) -> None:
    put(
        store,
        *(
            {
                "type": "analogy",
                "id": f"{topic}{word}",
                "source_domain": topic,
                "target_domain": topic,
                "tags": [topic],
            }
            for topic, words in TOPICS.items()
            for word in words
        ),
    )
    done = run(store, "clusters")
    assert done.note == "3 clusters of analogy"
    assert sorted(one["name"] for one in found(store, "cluster").values()) == ["garden", "music", "sea"]


def test_names_are_the_words_that_tell_groups_apart() -> None:
    named = gathering.telling([["red apple", "red apple an"], ["red car", "fast car 12345"], []])
    assert named == ["apple, red", "car, fast, red", ""]


def test_new_ids_are_none_that_there_are() -> None:
    class Named:
        id = "w"

    assert list(gathering.ids(Named(), ["a", None, None], ["w-1", "a"])) == ["a", "w-2", "w-3"]  # type: ignore[arg-type]


# -- fields ----------------------------------------------------------------------------------------


def test_fields_follow_from_vectors_and_from_use(full: Store) -> None:
    sea = TOPICS["sea"]
    put(
        full,
        *(
            {"type": "analogy", "id": f"a{n}", "concept_mappings": {a: b}}
            for n, (a, b) in enumerate(
                (a, b) for words in ((*sea, "whale"), TOPICS["music"]) for a in words for b in words if a < b
            )
        ),
    )
    done = run(full, "fields")
    made = found(full, "semantic_field")
    assert done.written == len(made) == 3
    whale = next(
        one for one in made.values() if "whale" in one["core_concepts"] or "whale" in one["related_concepts"]
    )
    assert set(sea) <= {*whale["core_concepts"], *whale["related_concepts"]}
    for one in made.values():
        assert schemas.faults("semantic_field", one) == []
        assert 0.0 < one["coherence"] <= 1.0
        assert one["name"].split(", ")[0] == one["core_concepts"][0]
    again = run(full, "fields")
    assert (again.written, again.unchanged) == (0, 3)


def test_fields_by_use_alone(store: Store) -> None:
    pairs = [(a, b) for words in TOPICS.values() for a in words for b in words if a < b]
    put(
        store,
        *(
            {"type": "analogy", "id": f"a{n}", "source_pair": [a, b], "target_pair": []}
            for n, (a, b) in enumerate(pairs)
        ),
    )
    run(store, "fields")
    made = found(store, "semantic_field")
    held = [set(one["core_concepts"]) | set(one["related_concepts"]) for one in made.values()]
    assert sorted(held, key=min) == sorted((set(words) for words in TOPICS.values()), key=min)


def test_fields_keep_their_ids_and_those_that_are_gone_end(full: Store) -> None:
    first = run(full, "fields")
    before = found(full, "semantic_field")
    put(full, concept("sea", "aardwave"))
    edits = [Edit("delete", f"concept:{word}") for word in TOPICS["music"]]
    writing.write(full, "default", lambda _: Plan("knowledge.delete", "Delete", edits))
    done = run(full, "fields")
    after = found(full, "semantic_field")
    assert len(after) == 2
    assert set(after) < set(before)
    assert "1 of before are gone" in done.note
    assert first.state == "completed"
    with pytest.raises(UsageError):
        workflows.submit(full, "default", "fields", options={"kinds": ["frame"]})


def test_no_concepts_no_fields(store: Store) -> None:
    done = run(store, "fields")
    assert done.state == "failed"
    assert "no concepts" in done.note


# -- vectors ---------------------------------------------------------------------------------------


def test_embedding_makes_what_is_missing_or_old(full: Store) -> None:
    from store.vectors import collection

    done = run(full, "embed")
    assert (done.state, done.written) == ("completed", 18)
    assert "18 vectors in all" in done.note
    assert len(collection.matrix(full, "default")[0]) == 18
    put(full, concept("garden", "wave"))
    done = run(full, "embed", words="wave")
    assert done.written + done.unchanged >= 1
    keys, rows = collection.matrix(full, "default")
    assert float(rows[keys.index("concept:wave")] @ rows[keys.index("concept:mulch")]) > 0.3
    with pytest.raises(UsageError, match="nowhere"):
        workflows.submit(full, "default", "embed", options={"model": "nowhere"})


def test_a_preview_embeds_nothing(full: Store) -> None:
    from store.vectors import collection

    workflows.preview(full, "default", "embed")
    assert collection.models(full) == []
    with pytest.raises((NotFound, Refused)):
        workflows.preview(full, "default", "clusters", options={"model": "given"})
