"""Expanding frames adds what they inherit and the instances analogies speak of, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import records, workflows
from store.errors import UsageError
from store.knowledge import schemas, writing
from store.knowledge.expansion import Frames, frame_of
from store.knowledge.model import Filter
from store.model import Edit, Plan
from store.store import Store
from store.workflows.kinds_expansion import expanded


def put(store: Store, *raws: bytes | dict[str, Any]) -> None:
    edits = []
    for given_ in raws:
        raw = given_ if isinstance(given_, bytes) else records.dumps(given_)
        value = records.loads(raw)
        edits.append(Edit("put", f"{value['type']}:{value['id']}", None, raw))
    writing.write(store, "default", lambda _: Plan("knowledge.put", "Put", edits))


def frame(name: str, *parents: str, **members: Any) -> dict[str, Any]:
    return {"type": "frame", "id": name.lower(), "name": name, "inherits_from": list(parents)} | members


def expand(store: Store, *, strict: bool = False, **options: Any) -> Any:
    made = workflows.submit(store, "default", "expand", options=options, strict=strict)
    return workflows.run(store, made.id)


def value(store: Store, key: str) -> dict[str, Any]:
    store.library.sync("default")
    raw = store.library.record("default", key).raw
    assert raw is not None
    found = records.loads(raw)
    assert isinstance(found, dict)
    return found


def instances(store: Store) -> list[dict[str, Any]]:
    store.library.sync("default")
    return [records.loads(one.raw or b"") for one in store.library.stream(Filter(kinds=("frame_instance",)))]


@pytest.fixture
def full(store: Store) -> Store:
    put(
        store,
        frame("Event", core_elements=["Time"], lexical_units=["happen.v"]),
        b'{"type":"frame", "id":"motion","name":"Motion" ,"inherits_from":"Event","core_elements":["Theme"],'
        b'"lexical_units":["fly.v"],"weight":1.50e0 }',
        {"type": "concept", "id": "c", "name": "bird", "roles": ["Motion.Theme"]},
        {
            "type": "analogy",
            "id": "a",
            "source_domain": "birds",
            "target_domain": "fish",
            "quality_score": 0.9,
            "concept_mappings": {"bird": "fish", "fly": "swim"},
        },
        {"type": "analogy", "id": "b", "concept_mappings": {"cloud": "wave"}},
    )
    return store


def test_a_frame_gets_what_it_inherits_and_keeps_every_byte_of_its_own(full: Store) -> None:
    done = expand(full)
    assert (done.state, done.total, done.processed, done.rejected) == ("completed", 4, 4, 0)
    full.library.sync()
    raw = full.library.record("default", "frame:motion").raw
    assert raw is not None
    assert raw.startswith(b'{"type":"frame", "id":"motion","name":"Motion" ,"inherits_from":"Event",')
    assert b'"weight":1.50e0' in raw
    assert value(full, "frame:motion")["inherited"] == {
        "core_elements": ["Time"],
        "lexical_units": ["happen.v"],
        "from": {"Time": "Event", "happen.v": "Event"},
        "ancestors": ["Event"],
    }
    assert full.library.record("default", "frame:event").row.ver == 1


def test_analogies_make_instances_that_say_what_they_are(full: Store) -> None:
    done = expand(full)
    (made,) = instances(full)
    assert {
        name: made[name] for name in ("frame", "bindings", "context", "analogy", "side", "evoked_by")
    } == {
        "frame": "Motion",
        "bindings": {"Theme": "bird"},
        "context": "birds",
        "analogy": "analogy:a",
        "side": "source",
        "evoked_by": ["fly"],
    }
    assert made["confidence"] == pytest.approx(0.9 * 2 / 3, abs=1e-6)
    assert made["workflow_id"] == done.id
    assert schemas.faults("frame_instance", made) == []
    assert done.written == 2
    assert done.unchanged == 2


def test_expanding_again_changes_nothing(full: Store) -> None:
    expand(full)
    before = (instances(full), value(full, "frame:motion"))
    done = expand(full)
    assert (done.written, done.unchanged) == (0, 4)
    assert (instances(full), value(full, "frame:motion")) == before


def test_expanding_again_says_what_has_changed_above(full: Store) -> None:
    expand(full)
    (before,) = instances(full)
    put(full, frame("Event", core_elements=["Time", "Place"]))
    done = expand(full)
    assert done.written == 2  # the frame, and the instance, which has more core elements to fill
    assert value(full, "frame:motion")["inherited"]["core_elements"] == ["Time", "Place"]
    (after,) = instances(full)
    assert after["id"] == before["id"]
    assert after["created_at"] == before["created_at"]
    assert after["confidence"] < before["confidence"]
    put(full, {**value(full, "frame:motion"), "inherits_from": []})
    expand(full)
    assert "inherited" not in value(full, "frame:motion")


def test_a_rollback_takes_all_of_it_back(full: Store) -> None:
    before = full.library.record("default", "frame:motion").raw
    done = expand(full)
    workflows.rollback(full, done.id)
    full.library.sync()
    assert full.library.record("default", "frame:motion").raw == before
    assert instances(full) == []


def test_circles_and_missing_parents_are_rejected_with_the_reason(full: Store) -> None:
    put(full, frame("A", "B"), frame("B", "A"), frame("C", "Nowhere"), frame("D", "Event", inherited="mine"))
    done = expand(full)
    refused = {one.code: one.reason for one in workflows.rejects(full, done.id)}
    assert set(refused) == {"circle", "taken"}
    assert done.rejected == 3
    assert "B → A → B" in " ".join(one.reason for one in workflows.rejects(full, done.id))
    assert value(full, "frame:c")["inherited"] == {"unknown": ["Nowhere"]}
    strict = expand(full, strict=True)
    assert {one.code for one in workflows.rejects(full, strict.id)} == {"circle", "taken", "no-parent"}
    assert value(full, "frame:d")["inherited"] == "mine"


def test_criteria_choose_frames_and_instances_are_of_those_only(full: Store) -> None:
    put(full, frame("Other", "Event", lexical_units=["swim.v"], tags=["x"]))
    done = expand(full, tags=["x"])
    assert done.total == 3
    (made,) = instances(full)
    assert (made["frame"], made["side"]) == ("Other", "target")
    assert "inherited" not in value(full, "frame:motion")
    with pytest.raises(UsageError, match="about frames"):
        expand(full, kinds=["concept"])


def test_a_frame_changed_after_it_was_read_keeps_the_change(
    full: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.workflows.kinds_expansion import Expansion

    batches = Expansion.batches

    def late(self: Expansion, run: Any) -> Any:
        for batch in batches(self, run):
            put(full, {**value(full, "frame:motion"), "definition": "to move"})
            yield batch

    monkeypatch.setattr(Expansion, "batches", late)
    expand(full)
    found = value(full, "frame:motion")
    assert found["definition"] == "to move"
    assert found["inherited"]["ancestors"] == ["Event"]


def test_a_preview_says_what_would_be_written(full: Store) -> None:
    foreseen = workflows.preview(full, "default", "expand")
    assert (foreseen.new, foreseen.changed) == (1, 1)
    assert instances(full) == []


@given(
    st.dictionaries(
        st.sampled_from(["id", "name", "inherited", "x", "définition"]), st.text(max_size=5) | st.floats(0, 1)
    ),
    st.sampled_from([b"", b" ", b"  \t"]),
)
def test_only_the_last_member_changes(members: dict[str, Any], blank: bytes) -> None:
    members = {"core_elements": ["A"], "inherits_from": "P"} | members
    members.pop("inherited", None)
    parent = frame_of("frame:p", {"name": "P", "core_elements": ["B"]})
    first = (
        records.dumps(members)[:-1].replace(b'"core_elements":', b'"core_elements" :  ')
        + blank
        + b"}"
        + blank
    )
    frames = Frames([parent])
    made = expanded(frames, 1, "frame:f", first)
    assert isinstance(made, bytes)
    assert made.startswith(first.rstrip()[:-1].rstrip())
    assert records.loads(made) == members | {
        "inherited": {"core_elements": ["B"], "from": {"B": "P"}, "ancestors": ["P"]}
    }
    assert expanded(frames, 1, "frame:f", made) is None
    more = Frames([parent._replace(core=("B", "C"))])
    again = expanded(more, 1, "frame:f", made)
    assert isinstance(again, bytes)
    assert again[: len(first.rstrip()[:-1].rstrip())] == first.rstrip()[:-1].rstrip()
    assert records.loads(again)["inherited"]["core_elements"] == ["B", "C"]
