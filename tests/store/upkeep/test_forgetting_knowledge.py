"""Erasing and retention of knowledge: what is named goes from everywhere, what a rule names grows old, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store import charts, clock, records, replacing, workflows
from store.cold import is_cold
from store.store import Store
from store.upkeep import compaction
from store.upkeep.backup.taking import take
from store.upkeep.retention import retain
from store.upkeep.retention.erasing import What, erase, prune_older
from store.upkeep.rules import parse_rule
from tests.faults.cutting import AtCall, Killed
from tests.store.test_erasing import holding
from tests.store.upkeep.knowing import analogy, delete, known, put
from tests.stores import Opener, chart

SECRET = "Zanzibarquux sails at dawn"
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def secret(number: int = 7, **members: Any) -> dict[str, Any]:
    return analogy(number, concept_mappings={"ship": SECRET}, **members)


def imported(store: Store, *values: dict[str, Any], kind: str = "import") -> str:
    """Run a workflow with these records and a line that is refused; its id."""
    lines = [records.dumps(value) for value in values] + [
        b'{"type":"analogy","id":"torn","note":"%b' % SECRET.encode()
    ]
    made = workflows.submit(store, "default", kind, lines, title="Some")
    return workflows.run(store, made.id).id


def versions(store: Store) -> dict[tuple[str, int], bytes | None]:
    """Every version of every record of knowledge, but for those that tell of cuts."""
    journal = store.journal("default", "knowledge")
    return {
        (line.key, line.ver): line.raw
        for number in journal.generations()
        for tx in journal.read_generation(number)
        for line in tx.lines
        if not line.key.startswith("x:")
    }


@pytest.fixture
def full(store: Store) -> tuple[Store, str]:
    """A store with a secret in two generations, in submitted items, vectors and a reject; and the workflow's id."""
    from store.vectors import collection

    chart(store, "A finished book", "Draft")
    name = imported(store, secret(), *(analogy(n) for n in range(5)))
    compaction.compact(store, "default", "knowledge")
    put(store, secret(quality_score=0.5), ver=2)
    put(store, analogy(2, tags=["new"]), ver=2)
    delete(store, "analogy:a3", 2)
    store.settle()
    collection.embed_missing(store, "default")
    return store, name


def test_nothing_of_an_erased_record_is_left_anywhere(full: tuple[Store, str], folder: Path) -> None:
    store, name = full
    from store.vectors import collection

    before = versions(store)
    items = store.layout.workflows / name / "items.jsonl"
    lengths = [len(line) for line in items.read_bytes().split(b"\n")]
    keys = (f"validation:{name}/7", "analogy:a7")
    done = erase(store, What(keys=keys), why="asked to")
    assert holding(folder, SECRET) == []
    assert done.records == 2
    assert versions(store) == {place: raw for place, raw in before.items() if place[0] not in keys}
    assert [len(line) for line in items.read_bytes().split(b"\n")] == lengths
    assert items.read_bytes().split(b"\n")[0].strip() == b""
    assert records.loads(items.read_bytes().split(b"\n")[1])["id"] == "a0"
    assert "analogy:a7" not in collection.matrix(store, "default")[0]
    assert "analogy:a2" in collection.matrix(store, "default")[0]
    assert done.unreachable == []
    assert [item for item in store.verify() if item.severity == "error"] == []
    assert not replacing.noted(folder)
    assert replacing.waste(folder) == []
    assert store.library.count(_filter()) == len([key for key in known(store) if key.startswith("analogy")])


def _filter() -> Any:
    from store.knowledge.model import Filter

    return Filter(kinds=("analogy",))


def test_what_was_created_without_an_id_goes_from_the_items_too(store: Store, folder: Path) -> None:
    draft = {name: member for name, member in secret().items() if name != "id"}
    imported(
        store, draft, {**draft, "concept_mappings": {"sun": "a lamp that never goes out"}}, kind="create"
    )
    (key,) = [
        key for key, value in known(store).items() if SECRET in str(value) and key.startswith("analogy")
    ]
    (reject,) = [key for key in known(store) if key.startswith("validation")]
    erase(store, What(keys=(key, reject)))
    assert holding(folder, SECRET) == []
    assert len([path for path in holding(folder, "never goes out") if path.endswith("items.jsonl")]) == 1


def test_a_reject_goes_with_the_line_it_is_of(store: Store) -> None:
    lines = [records.dumps(analogy(1)), b'{"id":"short","n":"Zq"}', b'{"id":"other","n":"Zq"}']
    made = workflows.submit(store, "default", "import", lines)
    assert workflows.run(store, made.id).rejected == 2
    erase(store, What(keys=(f"validation:{made.id}/2",)))
    left = (store.layout.workflows / made.id / "items.jsonl").read_bytes().split(b"\n")
    assert left == [lines[0], b" " * len(lines[1]), lines[2], b""]


def test_records_that_still_say_it_are_listed(full: tuple[Store, str]) -> None:
    store, name = full
    put(store, {"type": "concept", "id": "c", "name": "c", "definition": f"Like {SECRET}."})
    done = erase(store, What(keys=("analogy:a7",)))
    assert sorted(one.key for one in done.standing) == ["concept:c", f"validation:{name}/7"]


def test_a_dry_run_counts_and_changes_nothing(full: tuple[Store, str], folder: Path) -> None:
    store, _ = full
    before = holding(folder, SECRET)
    done = erase(store, What(keys=("analogy:a7",)), dry_run=True)
    assert (done.records, done.versions) == (1, 2)
    assert any(path.endswith("items.jsonl") for path in done.copies)
    assert holding(folder, SECRET) == before


def test_earlier_versions_can_go_alone(full: tuple[Store, str]) -> None:
    store, _ = full
    erase(store, What(keys=("analogy:a7", "analogy:a2"), superseded=True))
    left = [place for place in versions(store) if place[0] in ("analogy:a7", "analogy:a2")]
    assert sorted(left) == [("analogy:a2", 2), ("analogy:a7", 2)]
    assert [row.ver for row in store.library.history("default", "analogy:a7")] == [2]
    assert [item for item in store.verify() if item.severity != "info"] == []


def _vectors(store: Store, model: str = "lexical") -> list[tuple[str, int]]:
    """(key, version) of all vectors, from the files themselves."""
    found: list[tuple[str, int]] = []
    for path in sorted((store.layout.vectors / "default" / model).glob("*.npz")):
        with np.load(path) as archive:
            if "keys" in archive:
                keys = records.loads(archive["keys"].tobytes())
                found += zip(keys, archive["versions"].tolist(), strict=True)
    return sorted(found)


def test_no_vector_of_an_erased_version_is_left(full: tuple[Store, str], tmp_path: Path) -> None:
    """Neither one that a later stands for, nor one that still counts, made or given; others stay."""
    from store.vectors import collection

    store, _ = full
    given = tmp_path / "given.npz"
    np.savez(given, keys=np.array(["analogy:a7", "analogy:a0"]), vectors=np.eye(2, dtype=np.float32))
    collection.add_given(store, "default", given, "mine")
    put(store, secret(quality_score=0.6), ver=3)
    put(store, analogy(0, tags=["later"]), ver=2)
    collection.embed_missing(store, "default")
    put(store, secret(quality_score=0.7), ver=4)
    store.settle()
    before = _vectors(store)
    assert [ver for key, ver in before if key == "analogy:a7"] == [2, 3]
    erase(store, What(keys=("analogy:a7",), superseded=True))
    assert _vectors(store) == [row for row in before if row[0] != "analogy:a7"]
    assert ("analogy:a0", 1) in before
    assert _vectors(store, "mine") == [("analogy:a0", 1)]
    assert "analogy:a7" in collection.matrix(store, "default")[0], "made anew of what is left"
    assert ("analogy:a7", 4) in _vectors(store)


def test_vectors_of_what_a_chart_said_go_with_it(full: tuple[Store, str]) -> None:
    from store.vectors import collection

    store, _ = full
    book = chart(store, "Another book")
    collection.embed_missing(store, "default")
    store.run("default", charts.add_fact, book, f"It is about {SECRET}")
    collection.embed_missing(store, "default")
    store.run("default", charts.edit_fact, book, 0, "It is about nothing")
    store.settle()
    collection.embed_missing(store, "default")
    charted = [row for row in _vectors(store) if row[0].startswith("chart:")]
    assert len(charted) == 4
    erase(store, What(superseded=True, contexts=("default",)))
    left = [row for row in _vectors(store) if row[0].startswith("chart:")]
    assert len(left) == 2, "of each chart that of its present text"
    assert set(left) <= set(charted)


def test_backups_before_it_are_found_though_only_knowledge_was_erased(full: tuple[Store, str]) -> None:
    store, _ = full
    backup = take(store)
    done = erase(store, What(keys=("analogy:a7",)))
    assert [held.id for held in done.backups] == [backup.id]
    assert [held.id for held in prune_older(store, dry_run=True).backups] == [backup.id]


@pytest.mark.parametrize("nth", range(1, 200, 13))
def test_an_erasure_cut_short_is_finished_or_never_was(
    full: tuple[Store, str], folder: Path, opened: Opener, nth: int
) -> None:
    store, _ = full
    before = versions(store)
    with pytest.MonkeyPatch.context() as patch:
        at = AtCall(patch, nth)
        try:
            erase(store, What(keys=("analogy:a7",)))
        except Killed:
            pass
        met = at.met
    store.close()
    other = opened("bob")
    other.catch_up()
    after = versions(other)
    left = {place: raw for place, raw in before.items() if place[0] != "analogy:a7"}
    assert after in (before, left)
    assert [item for item in other.verify() if item.severity == "error"] == []
    if after == left:
        from store.vectors import collection

        assert "analogy:a7" not in collection.matrix(other, "default")[0]
        items = [path for path in holding(folder, SECRET) if "knowledge" in path or ".vectors" in path]
        validation = [key for key, value in known(other).items() if SECRET in str(value)]
        assert validation or not items
    assert met or after == left


# -- retention ---------------------------------------------------------------------------------------


@pytest.fixture
def ruled(store: Store) -> Callable[..., Store]:
    """The store with rules, by collection, and records written 1000, 500, 100 and 10 days ago."""

    def rule(**rules: str) -> Store:
        given = {name: parse_rule(text) for name, text in rules.items()}
        store._settings = changed(store.settings, retention=given)
        return store

    for number, days in enumerate((1000, 500, 100, 10)):
        with clock.at(NOW - DAY * days):
            put(store, analogy(number), {"type": "concept", "id": f"c{number}", "name": f"n{number}"})
            put(store, {"type": "validation", "id": f"w/{number}", "workflow_id": "w"})
    clock.fix(NOW)
    return store and rule


def test_each_collection_grows_old_by_its_own_rule(ruled: Callable[..., Store]) -> None:
    store = ruled(analogies="delete 2y", rejects="delete 90d")
    dry = retain.apply(store, dry_run=True)
    assert dry.parts[0].forgotten == {"analogies": 1, "rejects": 3}
    assert len(known(store)) == 12
    done = retain.apply(store, at_once=True)
    assert done.parts[0].forgotten == {"analogies": 1, "rejects": 3}
    left = [key for key in known(store) if not key.startswith("x:")]
    assert sorted(left) == [
        *("analogy:a1", "analogy:a2", "analogy:a3"),
        *("concept:c0", "concept:c1", "concept:c2", "concept:c3"),
        "validation:w/3",
    ]
    assert store.library.collections() == [
        ("default", "analogies", 3),
        ("default", "concepts", 4),
        ("default", "rejects", 1),
    ]
    assert [item for item in store.verify() if item.severity == "error"] == []
    assert retain.apply(store, at_once=True).empty


def test_what_is_warm_lies_in_the_archive_and_is_found_all_the_same(ruled: Callable[..., Store]) -> None:
    store = ruled(analogies="warm 30d, cold 90d")
    done = retain.apply(store, at_once=True)
    assert done.parts[0].put_away == 3
    journal = store.journal("default", "knowledge")
    present = {line.key for tx in journal.read() for line in tx.lines}
    assert {key for key in present if key.startswith("analogy")} == {"analogy:a3"}
    store.library.sync()
    assert store.library.count(_filter()) == 4
    assert store.library.record("default", "analogy:a0").raw is not None
    store.library.rebuild()
    assert store.library.count(_filter()) == 4
    compaction.compact(store, "default", "knowledge")
    present = {line.key for tx in journal.read() for line in tx.lines}
    assert {key for key in present if key.startswith("analogy")} == {"analogy:a3"}, (
        "what was put away stays there"
    )
    assert [item for item in store.verify() if item.severity == "error"] == []


def test_archives_turn_cold(ruled: Callable[..., Store]) -> None:
    store = ruled(analogies="cold 5d")
    compaction.compact(store, "default", "knowledge")
    assert retain.apply(store, at_once=True).parts[0].frozen
    assert is_cold(store.journal("default", "knowledge").archived(1))
    assert store.library.record("default", "analogy:a0").raw is not None
