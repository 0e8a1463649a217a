"""What health tells of knowledge: records by collection, workflows, vectors, and what each costs."""

from __future__ import annotations

from store import records, workflows
from store.store import Store
from store.upkeep.health import status as health
from store.upkeep.health.prometheus import exposition
from tests.store.upkeep.knowing import analogy, delete, put
from tests.stores import chart


def figure(document: dict[str, object], name: str) -> dict[str, object]:
    return next(one for one in document["health"]["figures"] if one["name"] == name)  # type: ignore[index]


def test_a_store_without_knowledge_says_so(store: Store) -> None:
    chart(store)
    store.settle()
    document = health.status(store)
    assert document["knowledge"]["records"] == {}
    assert document["sizes"]["knowledge"] == document["sizes"]["vectors"] == 0
    assert figure(document, "interrupted_workflows")["severity"] == "ok"


def test_records_workflows_and_vectors_are_counted(store: Store) -> None:
    from store.vectors import collection

    lines = [records.dumps(analogy(n)) for n in range(4)] + [b"{"]
    workflows.run(store, workflows.submit(store, "default", "import", lines).id)
    workflows.submit(store, "default", "import", lines[:1])
    delete(store, "analogy:a3", 2)
    put(store, {"type": "frame", "id": "f", "name": "F"})
    store.library.sync()
    collection.embed_missing(store, "default")
    document = health.status(store)
    known = document["knowledge"]
    assert known["records"] == {"analogies": 3, "frames": 1, "rejects": 1, "workflows": 2}
    told = {"running": 0, "pending": 1, "paused": 0, "interrupted": [], "ended": 1}
    assert known["workflows"] == told
    assert known["index_lag_bytes"] == 0
    assert [(one["model"], one["behind_bytes"]) for one in known["vectors"]] == [("lexical", 0)]
    sizes = document["sizes"]
    journal = store.layout.journal("default", "knowledge")
    assert sizes["knowledge"] == journal.stat().st_size
    assert sizes["vectors"] > 0
    assert sizes["workflows"] > 0
    text = exposition(document)
    assert 'chartkeep_knowledge_records{store="' in text
    assert 'collection="analogies"} 3' in text
    assert 'state="pending"} 1' in text


def test_interrupted_workflows_are_worth_a_look(store: Store) -> None:
    made = workflows.submit(store, "default", "import", [records.dumps(analogy(1))])
    found = store.library.record("default", f"workflow:{made.id}")
    value = records.loads(found.raw or b"")
    put(store, {**value, "state": "processing"}, ver=found.row.ver + 1)
    store.library.sync()
    document = health.status(store)
    assert document["knowledge"]["workflows"]["interrupted"] == [made.id]
    told = figure(document, "interrupted_workflows")
    assert (told["severity"], told["text"]) == ("warning", made.id)


def test_damage_of_knowledge_is_damage(store: Store) -> None:
    put(store, *(analogy(n) for n in range(5)))
    path = store.layout.journal("default", "knowledge")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    store.library.sync()
    document = health.status(store)
    assert list(document["damaged"]) == ["default/knowledge"]
    assert figure(document, "damage")["severity"] == "critical"
