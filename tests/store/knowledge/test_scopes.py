"""Contexts of knowledge that inherit: a lookup falls through to the parent, and a circle is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from store.errors import NotFound, Refused
from store.knowledge import scopes, writing
from store.knowledge.scopes import chain, lookup
from store.model import Edit, Plan
from store.store import Store


def put(store: Store, *values: dict[str, Any]) -> None:
    """Records as a file may bring them: no contract asked."""
    edits = [Edit("put", f"{one['type']}:{one['id']}", None, orjson.dumps(one)) for one in values]
    writing.write(store, "default", lambda _view: Plan("test", "Test", edits))


def scope(record_id: str, name: str | None = None, parent: str | None = None) -> dict[str, Any]:
    return {"type": "context", "id": record_id, "name": name, "parent": parent}


def concept(record_id: str, name: str, context: str | None = None) -> dict[str, Any]:
    return {"type": "concept", "id": record_id, "name": name, "context": context}


def keys(seen: scopes.Seen) -> list[str]:
    return sorted(one.row.key for one in seen.records)


@pytest.fixture
def known(store: Store) -> Store:
    put(
        store,
        scope("s1", "world"),
        scope("s2", "nature", "s1"),
        scope("s3", "rivers", "nature"),
        scope("s4", "money", "context:s1"),
        concept("c1", "bank", "world"),
        concept("c2", "bank", "s2"),
        concept("c3", "bank", "nature"),
        concept("c4", "interest", "context:s4"),
        concept("c5", "water"),
        concept("c6", "stone", "rivers"),
    )
    return store


def test_the_nearest_scope_that_has_any_answers(known: Store) -> None:
    found = lookup(known.library, "rivers", "concept", "bank")
    assert (keys(found), found.scope) == (["concept:c2", "concept:c3"], "nature")
    assert found.way == ["rivers", "nature", "world"]
    assert keys(lookup(known.library, "money", "concept", "bank")) == ["concept:c1"]
    assert keys(lookup(known.library, "s4", "concept", "interest")) == ["concept:c4"]


def test_what_belongs_to_no_scope_is_found_last_from_every_one(known: Store) -> None:
    put(known, concept("c7", "stone"))
    assert keys(lookup(known.library, "rivers", "concept", "stone")) == ["concept:c6"]
    above = lookup(known.library, "world", "concept", "stone")
    assert (keys(above), above.scope) == (["concept:c7"], "")


def test_what_lies_below_or_beside_is_not_found_and_said(known: Store) -> None:
    with pytest.raises(NotFound, match=r"“world”.*There are some in “rivers”"):
        lookup(known.library, "world", "concept", "stone")
    with pytest.raises(NotFound, match="“rivers” or “nature” or “world”"):
        lookup(known.library, "rivers", "concept", "interest")
    with pytest.raises(NotFound, match="nowhere"):
        lookup(known.library, "nowhere", "concept", "bank")


def test_an_id_is_found_only_where_its_scope_is_inherited(known: Store) -> None:
    assert keys(lookup(known.library, "rivers", "concept", "c1")) == ["concept:c1"]
    with pytest.raises(NotFound):
        lookup(known.library, "rivers", "concept", "concept:c4")


def test_a_circle_in_a_file_is_refused_and_a_missing_parent_named(store: Store) -> None:
    put(store, scope("a", "A", "B"), scope("b", "B", "C"), scope("c", "C", "A"), scope("d", "D", "gone"))
    with pytest.raises(Refused, match="A → B → C → A"):
        chain(store.library, "A", "default")
    with pytest.raises(NotFound, match="“gone” in default, which “D” names as its parent"):
        chain(store.library, "D", "default")


def test_deleted_records_and_scopes_are_not_found(known: Store) -> None:
    writing.write(
        known,
        "default",
        lambda _view: Plan("t", "T", [Edit("delete", "concept:c2"), Edit("delete", "concept:c3")]),
    )
    assert keys(lookup(known.library, "rivers", "concept", "bank")) == ["concept:c1"]
    writing.write(known, "default", lambda _view: Plan("t", "T", [Edit("delete", "context:s2")]))
    with pytest.raises(NotFound, match="which “rivers” names"):
        lookup(known.library, "rivers", "concept", "bank")
