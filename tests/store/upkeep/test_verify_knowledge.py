"""What verify says of knowledge: its index row by row, what its records mean, workflows; nothing of a sound store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from store import records
from store.model import Finding
from store.store import Store
from store.upkeep import compaction
from store.upkeep.verification import known, verify
from store.upkeep.verification.rolling import go_on
from tests.store.upkeep.knowing import analogy, delete, put

KINDS = ("index-differs", "index-record", "index-derived")


@pytest.fixture
def full(store: Store) -> Store:
    """Records in two contexts: first and later versions, deletions, a second generation, and what came after."""
    store.contexts.create("lab")
    put(store, *(analogy(n) for n in range(40)))
    put(store, {"type": "odd thing", "id": "x", "tags": ["tag1"]}, {"type": "frame", "id": "f", "name": "F"})
    for number in range(0, 40, 3):
        put(store, analogy(number, quality_score=0.99), ver=2)
    delete(store, "analogy:a1", 2)
    put(store, analogy(1, tags=["back"]), ver=3)
    delete(store, "analogy:a2", 2)
    put(store, *(analogy(n) for n in range(10)), context="lab")
    compaction.compact(store, "default", "knowledge")
    put(store, analogy(3, tags=[]), analogy(40), ver=3)
    store.settle()
    return store


def codes(found: list[Finding]) -> list[str]:
    return sorted({item.code for item in found})


def changed(store: Store, *sql: str) -> None:
    """Change rows of the index of knowledge behind everybody's back."""
    store.library.sync()
    store.library.close()
    with closing(sqlite3.connect(store.layout.knowledge_index)) as conn, conn:
        for statement in sql:
            assert conn.execute(statement).rowcount != 0, statement


def rolled(store: Store) -> Iterator[Finding]:
    for _ in range(200):
        yield from go_on(store, 10.0)


def test_a_sound_store_is_sound(full: Store) -> None:
    assert full.verify() == []
    assert verify.verify(full, full=True) == []
    assert list(rolled(full)) == []


def test_it_is_sound_while_parts_are_small(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.upkeep.verification.indexed.PIECE", 500)
    assert list(known.check(full, "default")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE items SET ver = ver + 1 WHERE id = 'a5'",
        "UPDATE items SET start = start + 1 WHERE id = 'a5'",
        "UPDATE items SET size = size - 1 WHERE id = 'a5'",
        "UPDATE items SET deleted = 1 WHERE id = 'a5'",
        "UPDATE items SET deleted = 0 WHERE id = 'a2'",
        "UPDATE items SET id = 'other' WHERE id = 'a5'",
        "UPDATE items SET kind = 2 WHERE id = 'a5' AND kind = 1",
        "DELETE FROM items WHERE id = 'a5'",
        "DELETE FROM items WHERE id = 'a40'",
        "UPDATE versions SET ver = 9 WHERE seq = (SELECT MIN(seq) FROM versions)",
        "DELETE FROM versions WHERE seq = (SELECT MIN(seq) FROM versions)",
        "UPDATE versions SET size = size + 1 WHERE seq = (SELECT MIN(seq) FROM versions)",
        "UPDATE versions SET start = start + 1 WHERE seq = (SELECT MIN(seq) FROM versions)",
        "UPDATE items SET prev = NULL WHERE id = 'a3'",
        "UPDATE transactions SET count = count + 1 WHERE seq = (SELECT MIN(seq) FROM transactions)",
        "UPDATE transactions SET at = '2001' WHERE seq = (SELECT MIN(seq) FROM transactions)",
        "UPDATE facets SET live = live + 1 WHERE what = 0 AND kind = 1",
        "UPDATE facets SET live = live - 1 WHERE what = 2",
    ],
)
def test_every_changed_row_is_found_without_a_rebuild(full: Store, sql: str) -> None:
    changed(full, sql)
    found = verify.verify(full, full=False)
    assert set(codes(found)) <= set(KINDS), found
    assert found
    assert {item.path for item in found} == {str(full.layout.knowledge_index)}
    assert any(item.severity == "error" for item in rolled(full))
    full.library.rebuild()
    assert full.verify() == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE items SET quality = 0.123 WHERE id = 'a5'",
        "UPDATE items SET source = (SELECT id FROM names WHERE name = 'tag1') WHERE id = 'a5'",
        "UPDATE items SET tags = NULL WHERE id = 'a5'",
        "UPDATE items SET name = 'other' WHERE id = 'f'",
    ],
)
def test_changed_columns_are_found(full: Store, sql: str) -> None:
    changed(full, sql)
    found = verify.verify(full, full=False)
    assert "index-record" in codes(found)
    assert "index-derived" in codes(verify.verify(full, full=True))


def test_a_rebuild_of_everything_makes_it_sound_again(full: Store) -> None:
    changed(full, "DELETE FROM items WHERE id = 'a5'")
    full.rebuild()
    assert full.verify() == []


def test_damage_in_a_journal_of_knowledge_is_named_once(full: Store) -> None:
    path = full.layout.journal("lab", "knowledge")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = [item for item in full.verify() if item.severity == "error"]
    assert {item.path for item in found} == {str(path)}


# -- what records mean -------------------------------------------------------------------------------


def frame(name: str, *above: str) -> dict[str, Any]:
    return {"type": "frame", "id": name, "name": name.upper(), "inherits_from": list(above)}


def test_frames_in_a_circle_are_named_and_no_others(store: Store) -> None:
    put(
        store,
        frame("a", "B"),
        frame("b", "frame:c"),
        frame("c", "a"),
        frame("below", "a"),
        frame("above"),
        frame("x", "x"),
        frame("between", "x", "above"),
    )
    found = [item for item in store.verify() if item.code == "frame-circle"]
    assert sorted(item.message.split(":")[1] for item in found) == ["a", "b", "c", "x"]
    assert {item.severity for item in found} == {"warning"}
    assert all(item.offset for item in found)


def test_one_between_two_circles_is_in_none(store: Store) -> None:
    put(store, frame("a", "a"), frame("m", "a"), frame("z", "z", "m"))
    found = [item.message.split(":")[1] for item in store.verify() if item.code == "frame-circle"]
    assert sorted(found) == ["a", "z"]


def test_what_is_named_and_not_there_is_told(store: Store) -> None:
    put(
        store,
        analogy(1),
        frame("a", "nowhere"),
        {"type": "frame_instance", "id": "i", "frame": "A", "bindings": {}},
        {"type": "frame_instance", "id": "j", "frame": "gone", "bindings": {}},
        {
            "type": "cluster",
            "id": "c",
            "members": [{"key": "analogy:a1"}, {"key": "analogy:a2"}, {"key": "chart:x"}],
        },
        {"type": "context", "id": "s", "name": "s", "parent": "t"},
        {"type": "context", "id": "u", "name": "u", "parent": "u"},
        {"type": "cluster", "id": "odd", "members": "analogy:a1"},
    )
    found = [
        (item.code, item.message.split(": ")[0]) for item in store.verify() if item.severity == "warning"
    ]
    assert sorted(found) == [
        ("scope-circle", "context:u"),
        ("unknown-frame", "frame:a"),
        ("unknown-frame", "frame_instance:j"),
        ("unknown-member", "cluster:c"),
        ("unknown-scope", "context:s"),
    ]
    delete(store, "analogy:a1", 2)
    assert sum(item.code == "unknown-member" for item in store.verify()) == 2


# -- workflows ---------------------------------------------------------------------------------------


def submitted(store: Store, count: int = 5) -> str:
    from store import workflows

    lines = [records.dumps(analogy(n)) for n in range(count)] + [b"{torn"]
    return workflows.submit(store, "default", "import", lines, title="Some").id


def test_workflows_that_went_well_are_no_finding(store: Store) -> None:
    from store import workflows

    done = workflows.run(store, submitted(store))
    assert (done.written, done.rejected) == (5, 1)
    assert store.verify() == []


def test_an_unfinished_workflow_without_its_items_is_told(store: Store) -> None:
    name = submitted(store)
    assert store.verify() == []
    items = store.layout.workflows / name / "items.jsonl"
    data = items.read_bytes()
    items.write_bytes(data[: len(data) // 2])
    assert codes(store.verify()) == ["workflow-items"]
    items.unlink()
    assert codes(store.verify()) == ["workflow-items"]


def test_counts_that_are_not_so_are_told(store: Store) -> None:
    from store import workflows

    name = submitted(store)
    workflows.run(store, name)
    delete(store, f"validation:{name}/6", 2)
    assert codes(store.verify()) == ["workflow-counts"]


def test_interrupted_ones_and_leftovers_are_named(store: Store, folder: Path) -> None:
    name = submitted(store)
    found = store.library.record("default", f"workflow:{name}")
    value = records.loads(found.raw or b"")
    put(store, {**value, "state": "processing"}, ver=found.row.ver + 1)
    other = folder / ".workflows" / "nobody"
    other.mkdir()
    (other / "items.jsonl").write_bytes(b"{}\n")
    assert codes(store.verify()) == ["workflow-interrupted", "workflow-leftover"]
    assert all(item.severity == "info" for item in store.verify())


def test_the_note_of_a_verification_names_them(full: Store) -> None:
    changed(full, "DELETE FROM items WHERE id = 'a5'")
    full.verify()
    last = verify.last_verification(full)
    assert last is not None
    assert last["error"] > 0
