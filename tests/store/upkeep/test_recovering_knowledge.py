"""Damaged or missing journals of knowledge, its index and its vectors: brought back from wherever the words still are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from store import records, workflows
from store.store import Store
from store.upkeep.backup.taking import take
from store.upkeep.recovery import recover as recovery
from tests.store.upkeep.knowing import analogy, delete, known, put
from tests.stores import Opener, chart


def journal(store: Store) -> Path:
    return store.layout.journal("default", "knowledge")


def hole(path: Path, at: int, size: int = 300) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + size] = bytes(size)
    path.write_bytes(data)


def errors(store: Store) -> list[str]:
    return [str(item) for item in store.verify() if item.severity == "error"]


def imported(store: Store, count: int = 30, *, kind: str = "import") -> str:
    lines = []
    for number in range(count):
        value = analogy(number)
        if kind == "create":
            del value["id"]
        lines.append(records.dumps(value))
    return workflows.run(store, workflows.submit(store, "default", kind, lines, title="Some").id).id


@pytest.fixture
def backed(store: Store) -> Store:
    chart(store, "A book")
    put(store, *(analogy(n) for n in range(20)))
    put(store, analogy(3, tags=["later"]), ver=2)
    store.settle()
    take(store)
    return store


def test_a_hole_is_filled_from_a_backup_to_the_byte(backed: Store) -> None:
    path = journal(backed)
    data, before = path.read_bytes(), known(backed)
    hole(path, len(data) // 2)
    done = recovery.recover(backed)
    assert path.read_bytes() == data
    assert known(backed) == before
    assert done.findings == []
    assert errors(backed) == []


@pytest.mark.parametrize("way", ["hole", "gone"])
def test_opening_the_store_heals_it_by_itself(backed: Store, opened: Opener, way: str) -> None:
    path = journal(backed)
    data = path.read_bytes()
    backed.library.sync()
    backed.close()
    if way == "gone":
        path.unlink()
    else:
        hole(path, len(data) // 2)
    other = opened("bob")
    if way == "hole":
        other.library.rebuild()
        other.library.sync()
        assert "default" in other.library.damage
    said = other.catch_up().said
    assert path.read_bytes() == data
    assert any("whole again" in text for text in said)
    assert other.library.damage == {}
    assert len(other.library.rows(_all())) == 20


def _all() -> object:
    from store.knowledge.model import Filter

    return Filter(kinds=("analogy",))


@pytest.mark.parametrize("kind", ["import", "create"])
def test_what_was_submitted_gives_back_what_no_backup_has(store: Store, kind: str) -> None:
    name = imported(store, kind=kind)
    store.library.sync()
    before = known(store)
    path = journal(store)
    hole(path, path.read_bytes().index(b"counterpart 15") - 100, 900)
    done = recovery.recover(store)
    after = known(store)
    for key, value in before.items():
        if key.startswith("analogy"):
            found = after[key]
            if kind == "create":
                assert found.pop("created_at")[:10] == value.pop("created_at")[:10]
            assert found == value
    assert errors(store) == []
    assert any("submitted to its workflow" in line for line in done.lines), done.lines
    assert workflows.get(store, name).state == "completed"


def test_nothing_is_made_up_where_no_value_is_left(store: Store) -> None:
    put(store, *(analogy(n) for n in range(10)))
    put(store, analogy(4, quality_score=0.77), ver=2)
    put(store, analogy(5, quality_score=0.77), ver=2)
    delete(store, "analogy:a6", 2)
    store.library.sync()
    path = journal(store)
    data = path.read_bytes()
    at = data.rindex(b'"quality_score":0.77')
    hole(path, at - 150, len(data) - at + 149)
    recovery.recover(store)
    after = known(store)
    assert after["analogy:a4"]["quality_score"] == 0.77
    assert after["analogy:a5"] == analogy(5), "the version that is left"
    assert "analogy:a6" not in after, "a deletion that was lost is done again"
    assert errors(store) == []


def test_submitted_items_that_say_something_else_are_not_believed(store: Store) -> None:
    name = imported(store, 5)
    store.library.sync()
    items = store.layout.workflows / name / "items.jsonl"
    items.write_bytes(items.read_bytes().replace(b'"quality_score":0.2', b'"quality_score":0.9'))
    path = journal(store)
    hole(path, path.read_bytes().index(b"counterpart 2") - 60, 50)
    recovery.recover(store)
    assert "analogy:a2" not in known(store)
    assert errors(store) == []


def test_a_damaged_index_is_made_anew(backed: Store, opened: Opener) -> None:
    backed.library.sync()
    backed.close()
    path = Path(os.path.realpath(backed.layout.knowledge_index))
    data = bytearray(path.read_bytes())
    data[4096:12288] = os.urandom(8192)
    path.write_bytes(data)
    other = opened("bob")
    recovery.recover(other)
    assert errors(other) == []
    assert len(other.library.rows(_all())) == 20


# -- vectors -----------------------------------------------------------------------------------------


def shards(store: Store) -> list[Path]:
    return sorted(store.layout.vectors.glob("default/*/*.npz"))


def test_a_damaged_shard_is_taken_from_a_backup(backed: Store) -> None:
    from store.vectors import collection

    collection.embed_missing(backed, "default")
    take(backed)
    shard = shards(backed)[0]
    data = shard.read_bytes()
    hole(shard, len(data) // 2, 20)
    done = recovery.recover(backed)
    assert shard.read_bytes() == data
    assert any("from a backup" in line for line in done.lines)
    assert list(backed.layout.recovery.glob("damaged-*/.vectors/default/*/*.npz"))


def test_without_a_backup_it_is_embedded_again(backed: Store) -> None:
    from store.vectors import collection

    collection.embed_missing(backed, "default")
    keys, _ = collection.matrix(backed, "default")
    shard = shards(backed)[0]
    hole(shard, shard.stat().st_size // 2, 20)
    assert any(item.code.startswith("vector") for item in backed.verify())
    recovery.recover(backed)
    assert not any(item.code == "vector-damaged" for item in backed.verify())
    assert sorted(collection.matrix(backed, "default")[0]) == sorted(keys)


def test_a_recovery_of_what_is_whole_does_nothing(backed: Store) -> None:
    before = journal(backed).read_bytes()
    assert recovery.recover(backed).said == []
    assert journal(backed).read_bytes() == before
