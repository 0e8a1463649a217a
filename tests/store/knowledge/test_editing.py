"""Changes of single records: what is written, what is refused with both sides named, and the trail of refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from store import clock
from store.errors import NotFound, Refused, UsageError
from store.knowledge import contracts, editing
from store.knowledge.contracts import Breach
from store.knowledge.model import Filter
from store.store import Store
from tests.stores import Opener

CONTEXT = "default"


def add(store: Store, kind: str, record_id: str, **members: Any) -> str:
    change = editing.add(store, CONTEXT, orjson.dumps({"type": kind, "id": record_id, **members}))
    return change.edits[0].key


def value(store: Store, key: str) -> Any:
    raw = store.library.record(CONTEXT, key).raw
    return None if raw is None else orjson.loads(raw)


def versions(store: Store, key: str) -> list[tuple[int, str]]:
    return [(one.ver, one.op) for one in store.library.history(CONTEXT, key)]


def trail(store: Store) -> list[dict[str, Any]]:
    return [
        orjson.loads(one.raw or b"")
        for one in store.library.stream(Filter(context=CONTEXT, kinds=("validation",)))
    ]


def test_a_record_is_added_changed_deleted_and_revived_with_rising_versions(store: Store) -> None:
    raw = b'{"type":"analogy","id":"a1","big":12345678901234567890123,"u":"\\u00e9"}'
    assert not editing.add(store, CONTEXT, raw).empty
    assert store.library.record(CONTEXT, "analogy:a1").raw == raw
    editing.put(store, CONTEXT, "analogy:a1", b'{"type":"analogy","id":"a1","x":1}', ver=1)
    editing.delete(store, CONTEXT, "analogy:a1")
    editing.add(store, CONTEXT, raw)
    assert versions(store, "analogy:a1") == [(4, "put"), (3, "delete"), (2, "put"), (1, "put")]
    assert store.library.record(CONTEXT, "analogy:a1").raw == raw
    editing.restore(store, CONTEXT, "analogy:a1", 2)
    assert value(store, "analogy:a1")["x"] == 1
    assert versions(store, "analogy:a1")[0] == (5, "put")


def test_a_new_record_without_an_id_is_given_one_and_a_time(store: Store) -> None:
    change = editing.add(store, CONTEXT, b'{\n  "name": "bank",\r\n  "context": "river"\n}', kind="concepts")
    key = change.edits[0].key
    made = value(store, key)
    assert list(made) == ["type", "id", "created_at", "name", "context"]
    assert key == f"concept:{made['id']}"
    assert clock.parse(made["created_at"])
    assert change.label == "Add concept “bank”"
    with pytest.raises(Breach, match="there already"):
        editing.add(store, CONTEXT, b'{"type":"concept","id":"%b"}' % made["id"].encode())


def test_a_kind_that_was_named_is_written_where_the_record_does_not_say(store: Store) -> None:
    editing.add(store, CONTEXT, b'{"id":"c1","name":"bank"}', kind="concept")
    assert value(store, "concept:c1") == {"type": "concept", "id": "c1", "name": "bank"}
    with pytest.raises(Refused, match="type"):
        editing.add(store, CONTEXT, b'{"id":"c2"}')


def test_put_keeps_the_key_and_needs_the_version_it_was_made_from(store: Store) -> None:
    key = add(store, "concept", "c1", name="bank")
    for other in (b'{"type":"concept","id":"c2"}', b'{"type":"frame","id":"c1"}'):
        with pytest.raises(Breach, match="never change") as caught:
            editing.put(store, CONTEXT, key, other)
        assert "concept:c1" in caught.value.asked
    editing.put(store, CONTEXT, key, b'{"name":"shore"}')
    assert value(store, key) == {"type": "concept", "id": "c1", "name": "shore"}
    with pytest.raises(Breach, match=r"onto version 1.*at version 2"):
        editing.put(store, CONTEXT, key, b'{"name":"other"}', ver=1)
    assert versions(store, key) == [(2, "put"), (1, "put")]


def test_the_same_bytes_change_nothing(store: Store) -> None:
    key = add(store, "concept", "c1", name="bank")
    raw = store.library.record(CONTEXT, key).raw
    assert raw is not None
    assert editing.put(store, CONTEXT, key, raw).empty
    assert editing.restore(store, CONTEXT, key, 1).empty
    assert len(versions(store, key)) == 1


def test_of_two_who_change_one_version_the_second_is_refused(opened: Opener) -> None:
    mine, theirs = opened(), opened("other@host")
    key = add(mine, "concept", "c1", name="bank")
    assert theirs.library.sync(CONTEXT)
    editing.put(theirs, CONTEXT, key, b'{"name":"theirs"}', ver=1)
    with pytest.raises(Breach, match="somebody else"):
        editing.put(mine, CONTEXT, key, b'{"name":"mine"}', ver=1)
    assert value(mine, key)["name"] == "theirs"


def test_unknown_and_own_records_are_refused_without_a_trail(store: Store) -> None:
    add(store, "concept", "c1", name="bank")
    for act in (
        lambda: editing.put(store, CONTEXT, "concept:none", b"{}"),
        lambda: editing.delete(store, CONTEXT, "concept:none"),
        lambda: editing.restore(store, CONTEXT, "concept:none", 1),
        lambda: editing.restore(store, CONTEXT, "concept:c1", 7),
        lambda: editing.add(store, "nowhere", b'{"type":"concept","id":"x"}'),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Refused, match="audit trail"):
        editing.delete(store, CONTEXT, "workflow:w1")
    with pytest.raises(UsageError, match="--ver"):
        editing.restore(store, CONTEXT, "concept:c1")
    with pytest.raises(UsageError):
        editing.delete(store, CONTEXT, [])
    assert trail(store) == []


def test_a_deleted_record_is_restored_to_its_last_version_and_never_put_onto(store: Store) -> None:
    key = add(store, "concept", "c1", name="bank")
    editing.put(store, CONTEXT, key, b'{"name":"shore"}')
    editing.delete(store, CONTEXT, key)
    assert editing.delete(store, CONTEXT, key).empty
    with pytest.raises(Breach, match="deleted"):
        editing.put(store, CONTEXT, key, b'{"name":"x"}')
    with pytest.raises(Refused, match="deletion"):
        editing.restore(store, CONTEXT, key, 3)
    editing.restore(store, CONTEXT, key)
    assert value(store, key)["name"] == "shore"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"type":"analogy","id":"a","quality_score":true}', "bad-score"),
        (b'{"type":"analogy","id":["a"]}', "bad-id"),
        (b'{"type":"analogy","id":"a"', "torn"),
        (b'{"type":"analogy","id":"a","id":"b"}', "duplicate-member"),
        (b'{"type":"validation","id":"a"}', "own-kind"),
        (b'{\n"type":"analogy",\n"id":"a\nb"}', "not-json"),
        (b"", "blank"),
    ],
)
def test_what_schemas_refuse_joins_the_audit_trail(store: Store, raw: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        editing.add(store, CONTEXT, raw)
    (told,) = trail(store)
    assert told["code"] == code
    assert told["reason"] in str(caught.value)
    assert told["asked"] == "add a record"
    assert told["item"] == raw.decode()
    assert store.library.rows(Filter(context=CONTEXT)) == []


def test_a_refusal_reaches_the_person_though_the_trail_cannot_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.errors import StorageError
    from store.knowledge import writing

    def full(*_args: object, **_options: object) -> None:
        raise StorageError("disk full")

    monkeypatch.setattr(writing, "write", full)
    with pytest.raises(Breach, match="from 0 to 1"):
        editing.add(store, CONTEXT, b'{"type":"analogy","id":"a","quality_score":2}')


# -- contracts -------------------------------------------------------------------------------------


def test_no_frame_inherits_from_itself_by_name_id_or_key(store: Store) -> None:
    add(store, "frame", "f1", name="Motion")
    add(store, "frame", "f2", name="Travel", inherits_from="Motion")
    add(store, "frame", "f3", name="Flight", inherits_from=["frame:f2", "Unknown"])
    for word in ("Flight", "f3", "frame:f3"):
        with pytest.raises(Breach, match="Motion → Flight → Travel → Motion") as caught:
            editing.put(store, CONTEXT, "frame:f1", orjson.dumps({"name": "Motion", "inherits_from": word}))
        assert "put frame “Motion”" in caught.value.asked
    with pytest.raises(Breach, match="itself"):
        add(store, "frame", "f4", name="Self", inherits_from="Self")
    assert [told["code"] for told in trail(store)] == ["contract"] * 4
    assert versions(store, "frame:f1") == [(1, "put")]


def test_a_restored_version_must_keep_the_contracts_of_today(store: Store) -> None:
    add(store, "frame", "f1", name="A", inherits_from="B")
    editing.put(store, CONTEXT, "frame:f1", b'{"name":"A"}')
    add(store, "frame", "f2", name="B", inherits_from="A")
    with pytest.raises(Breach, match="A → B → A"):
        editing.restore(store, CONTEXT, "frame:f1", 1)


def test_an_instance_binds_only_elements_of_its_frame(store: Store) -> None:
    add(store, "frame", "f1", name="Motion", core_elements=["Theme"], peripheral_elements=["Path"])
    add(store, "frame", "f2", name="Travel", core_elements=["Traveller"], inherits_from="Motion")
    add(
        store,
        "frame_instance",
        "i1",
        frame="Travel",
        bindings={"traveller": "Ann", "Path": "north", "Theme": "x"},
    )
    with pytest.raises(Breach, match="no element “Driver”; it has “Traveller”, “Theme”, “Path”"):
        add(store, "frame_instance", "i2", frame="f2", bindings={"Traveller": "Ann", "Driver": "Bob"})
    add(store, "frame_instance", "i3", frame="Not there yet", bindings={"x": 1})
    with pytest.raises(Breach, match="no frame “Nowhere”"):
        editing.add(
            store,
            CONTEXT,
            b'{"type":"frame_instance","id":"i4","frame":"Nowhere","bindings":{}}',
            strict=True,
        )


def test_members_of_a_cluster_exist(store: Store) -> None:
    add(store, "concept", "c1", name="one")
    add(store, "concept", "c2", name="two")
    editing.delete(store, CONTEXT, "concept:c2")
    add(store, "cluster", "k1", members=[{"key": "concept:c1", "strength": 1}, {"key": "chart:chart_1"}])
    with pytest.raises(Breach, match="2 of its members do not exist: “concept:c2”, “concept:c3”"):
        add(store, "cluster", "k2", members=[{"key": f"concept:c{n}"} for n in (1, 2, 3)])


def test_a_context_has_a_parent_that_exists_and_is_not_below_it(store: Store) -> None:
    add(store, "context", "s1", name="all")
    add(store, "context", "s2", name="rivers", parent="all")
    with pytest.raises(Breach, match="no context “nowhere”"):
        add(store, "context", "s3", name="x", parent="nowhere")
    with pytest.raises(Breach, match="all → rivers → all"):
        editing.put(store, CONTEXT, "context:s1", b'{"name":"all","parent":"s2"}')
    with pytest.raises(Breach, match="own ancestor"):
        add(store, "context", "s4", name="me", parent="me")


def test_deleting_what_others_point_to_is_refused_unless_forced(store: Store) -> None:
    add(store, "frame", "f1", name="Motion", core_elements=["Theme"])
    add(store, "frame", "f2", name="Travel", inherits_from=["Motion"])
    add(store, "frame_instance", "i1", frame="f1", bindings={"Theme": "x"})
    add(store, "context", "s1", name="all")
    add(store, "context", "s2", name="rivers", parent="context:s1")
    add(store, "concept", "c1", name="one")
    add(store, "cluster", "k1", members=[{"key": "concept:c1"}])
    assert contracts.pointing(store, CONTEXT, ["frame:f1", "concept:c1", "frame:f2"]) == {
        "frame:f1": ["frame_instance:i1"],
        "concept:c1": ["cluster:k1"],
    }
    for key, by in (("frame:f1", "frame:f2"), ("context:s1", "context:s2"), ("concept:c1", "cluster:k1")):
        with pytest.raises(Breach, match=f"{by}.*would point at nothing"):
            editing.delete(store, CONTEXT, key)
    assert {told["code"] for told in trail(store)} == {"pointed-at"}
    editing.delete(store, CONTEXT, ["concept:c1", "cluster:k1"])
    editing.delete(store, CONTEXT, "frame:f1", force=True)
    assert versions(store, "frame:f1")[0] == (2, "delete")


def test_items_of_one_batch_may_refer_to_each_other_and_fall_together(store: Store) -> None:
    from store.knowledge import writing
    from store.knowledge.checking import Checker, Item
    from store.model import Plan

    lines = [
        b'{"type":"frame","id":"a","name":"A","inherits_from":"B"}',
        b'{"type":"frame","id":"b","name":"B","inherits_from":"A"}',
        b'{"type":"context","id":"c","name":"C","parent":"D"}',
        b'{"type":"context","id":"d","name":"D"}',
        b'{"type":"context","id":"e","name":"E","parent":"F"}',
        b'{"type":"context","id":"f","name":"F","parent":"nowhere"}',
        b'{"type":"cluster","id":"k","members":[{"key":"concept:o"},{"key":"context:d"}]}',
        b'{"type":"concept","id":"o","name":"O"}',
        b'{"type":"cluster","id":"l","members":[{"key":"context:e"}]}',
    ]
    checked = [Checker(None).check(number, raw) for number, raw in enumerate(lines, 1)]
    items = [one for one in checked if isinstance(one, Item)]
    assert len(items) == len(lines)
    found = []

    def plan(view: writing.View) -> Plan:
        found.extend(contracts.refusals(store, CONTEXT, view, items))
        return Plan("", "")

    writing.write(store, CONTEXT, plan)
    assert [(one.line, one.code) for one in found] == [(n, "contract") for n in (1, 5, 6, 9)]
    assert "inherit from itself: A → B → A" in found[0].reason


def test_conditions_name_both_sides_before_and_after() -> None:
    @contracts.requires(lambda number: "it is negative" if number < 0 else "")
    @contracts.ensures(lambda result, number: "it shrinks" if result < number else "")
    def root(number: float) -> float:
        return float(number**0.5)

    assert root(1) == 1.0
    with pytest.raises(Breach, match="-1: refused, since it is negative"):
        root(-1)
    with pytest.raises(Breach, match="4: refused, since it shrinks"):
        root(4)


def test_a_batch_keeps_the_contracts_over_its_transactions_and_tells_of_breaches(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction holds one item, and the index hears of none of them before the end."""
    from store import workflows
    from store.knowledge.library import Library

    path = tmp_path / "frames.jsonl"
    path.write_bytes(
        b'{"type":"frame","id":"a","name":"A","core_elements":["Agent"],"inherits_from":"B"}\n'
        b'{"type":"frame","id":"b","name":"B","inherits_from":["A"]}\n'
        b'{"type":"frame_instance","id":"i","frame":"A","bindings":{"Driver":1}}\n'
        b'{"type":"frame_instance","id":"j","frame":"A","bindings":{"Agent":1}}\n'
    )
    monkeypatch.setattr(type(store.settings), "workflows_batch", 1, raising=False)
    monkeypatch.setattr(Library, "written", lambda *_args: None)
    made = workflows.run(store, workflows.submit(store, CONTEXT, "import", path).id)
    monkeypatch.undo()
    store.library.sync(CONTEXT)
    assert (made.written, made.rejected) == (2, 2)
    told = {one["line"]: (one["code"], one["reason"]) for one in trail(store)}
    assert told[2] == ("contract", "frame:b is to be written, and it would inherit from itself: B → A → B")
    assert told[3][1].endswith("the frame “A” has no element “Driver”; it has “Agent”")
