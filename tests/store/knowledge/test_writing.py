"""Knowledge is written in one way: versions count up whoever writes, however far the index lags."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import init_store, open_store, syscalls
from store.errors import NotFound, ReadOnly, Refused, StorageError
from store.knowledge import tail, writing
from store.model import Edit, Plan
from store.store import Store
from tests.batches import state, versions
from tests.stores import Opener


def put(
    store: Store, *keys: str, text: str = "x", context: str = "default", workflow: str | None = None
) -> None:
    edits = [Edit("put", key, {"id": key, "text": text}) for key in keys]
    writing.write(store, context, lambda _: Plan("knowledge.put", "p", edits), workflow=workflow)


def delete(store: Store, key: str) -> None:
    writing.write(store, "default", lambda _: Plan("knowledge.delete", "d", [Edit("delete", key)]))


OPS = st.lists(
    st.tuples(
        st.sampled_from(("put", "put", "delete", "two", "sync", "forget", "rebuild", "compact", "reopen")),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=25,
)


@pytest.mark.parametrize("sifted", [False, True])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=OPS)
def test_versions_count_up_whoever_writes(
    tmp_path_factory: pytest.TempPathFactory, sifted: bool, ops: list[Any]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if sifted:  # as large batches are, from the first key on
            patch.setattr(writing, "MANY", 1)
            patch.setattr(tail, "SIFTED_FROM", 1)
        versions_count_up(tmp_path_factory, ops)


def versions_count_up(tmp_path_factory: pytest.TempPathFactory, ops: list[Any]) -> None:
    folder = init_store(tmp_path_factory.mktemp("s") / ".coaia")
    stores = [open_store(folder), open_store(folder)]
    model: dict[str, tuple[int, bool]] = {}
    try:
        for op, number, other in ops:
            store, key = stores[other], f"concept:k{number}"
            ver = model.get(key, (0, False))[0]
            if op == "put":
                put(store, key)
                model[key] = (ver + 1, True)
            elif op == "two":
                put(store, key, key)
                model[key] = (ver + 2, True)
            elif op == "delete":
                delete(store, key)
                model[key] = (ver + 1, False)
            elif op == "sync":
                store.library.sync()
            elif op == "forget":
                store.library.index.forget("default")
            elif op == "rebuild":
                store.library.rebuild()
            elif op == "compact" and model:
                _compact(store)
            elif op == "reopen":
                stores[other].close()
                stores[other] = open_store(folder)
            for each in stores:
                _agrees(each, model)
    finally:
        for store in stores:
            store.close()


def _compact(store: Store) -> None:
    from store.upkeep import compaction

    compaction.compact(store, "default", "knowledge")


def _agrees(store: Store, model: dict[str, tuple[int, bool]]) -> None:
    """What a writer, a reader without a lock and the tail say is what was written."""
    for key, (ver, live) in model.items():
        found = writing.newest(store, "default", key)
        assert found is not None
        assert (found.ver, found.raw is not None) == (ver, live)
    with writing.looking(store, "default") as view:
        seen = view.newest(list(model))
        assert {key: (one.ver, not one.deleted) for key, one in seen.items()} == model
        assert [key for key in model if (view.live(key) is None) == model[key][1]] == []


def test_what_failed_to_reach_the_disk_is_not_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "concept:a")

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(syscalls, "fdatasync", refuse)
        with pytest.raises(StorageError):
            put(store, "concept:a", "concept:b")
    put(store, "concept:a", "concept:c")
    assert versions(store) == {"concept:a": 2, "concept:c": 1}


def test_a_plan_that_refuses_writes_nothing(store: Store) -> None:
    def plan(_: writing.View) -> Plan:
        raise Refused("no")

    with pytest.raises(Refused):
        writing.write(store, "default", plan)
    assert state(store) == {}


def test_an_empty_plan_writes_nothing(store: Store) -> None:
    change = writing.write(store, "default", lambda _: Plan("knowledge.put", "nothing"))
    assert change.empty
    assert state(store) == {}


def test_a_transaction_names_its_workflow(store: Store) -> None:
    put(store, "concept:a", workflow="w")
    put(store, "concept:b")
    groups = [tx.meta.group if tx.meta else "" for tx in store.journal("default", "knowledge").read()]
    assert groups == ["w", None]
    with writing.looking(store, "default") as view:
        found = view.newest(["concept:a", "concept:b"])
    assert [one.workflow for one in found.values()] == ["w", None]
    store.library.sync()
    with writing.looking(store, "default") as view:
        assert [one.workflow for one in view.newest(["concept:a", "concept:b"]).values()] == ["w", None]


def test_nothing_is_written_where_that_is_not_allowed(opened: Opener, folder: Path) -> None:
    with pytest.raises(ReadOnly):
        put(opened(readonly=True), "concept:a")
    with pytest.raises(NotFound, match="no context"):
        put(opened(), "concept:a", context="nowhere")


def test_a_context_that_another_process_renamed_is_not_made_anew(store: Store, opened: Opener) -> None:
    from tests.stores import chart

    store.contexts.create("work")
    chart(store, "A book", context="work")
    put(store, "concept:a", context="work")
    other = opened()
    other.contexts.rename("work", "play")
    with pytest.raises(NotFound):
        put(store, "concept:b", context="work")
    assert not store.layout.journal("work", "knowledge").exists()
    put(store, "concept:b", context="play")
    assert set(state(store, "play")) == {"concept:a", "concept:b"}


def test_the_index_hears_of_it_and_so_do_listeners(store: Store) -> None:
    told: list[tuple[str, bool]] = []
    store.on_change(lambda notice: told.append((notice.context, notice.knowledge)))
    put(store, "concept:a")
    assert told == [("default", True)]
    assert store.library.record("default", "concept:a").row.ver == 1


def test_the_tail_is_let_go_of_where_the_index_has_passed_it(store: Store) -> None:
    for number in range(20):
        put(store, f"concept:{number}")
    journal = store.journal("default", "knowledge")
    assert len(writing._tails[journal].versions) == 20
    store.library.sync()
    put(store, "concept:last")
    assert len(writing._tails[journal].versions) == 1


def test_an_index_that_begins_again_is_not_believed_to_know_all(store: Store) -> None:
    put(store, "concept:a")
    store.library.sync()
    put(store, "concept:b")
    store.library.index.forget("default")
    put(store, "concept:a")
    assert versions(store) == {"concept:a": 2, "concept:b": 1}
