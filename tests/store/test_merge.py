"""What another program changed is kept, what it only carried along is not, whichever side it is on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import records
from store.merge import merge, similarity


def step(*observations: str, **metadata: Any) -> dict[str, Any]:
    return {
        "type": "entity",
        "name": "chart_1_action_1",
        "entityType": "action_step",
        "observations": list(observations),
        "metadata": {"chartId": "chart_1", **metadata},
    }


def reality(*observations: str) -> dict[str, Any]:
    return {**step(*observations), "entityType": "current_reality"}


def test_a_value_some_base_held_was_only_carried_along() -> None:
    old, now = step("Draft", dueDate="2026-01-01"), step("Draft", dueDate="2026-02-02")
    merged = merge([now, old], now, deepcopy(old))
    assert merged.value is now
    assert not merged.changed


def test_a_member_of_an_older_base_does_not_undo_ours_when_another_member_changed() -> None:
    old, now = step("Draft", dueDate="2026-01-01"), step("Draft", dueDate="2026-02-02")
    theirs = step("Draft", dueDate="2026-01-01", completionStatus=True)
    merged = merge([now, old], now, theirs)
    assert merged.value == step("Draft", dueDate="2026-02-02", completionStatus=True)
    assert merged.conflicts == []


def test_their_scalar_wins_and_the_conflict_is_named() -> None:
    base, ours, theirs = (step("Draft", dueDate=day) for day in ("2026-01-01", "2026-02-02", "2026-03-03"))
    merged = merge([base], ours, theirs)
    assert merged.value == theirs
    assert merged.conflicts == [("metadata", "dueDate")]


def test_absent_members_stay() -> None:
    base = step("Draft", dueDate="2026-01-01") | {"foreign": {"kept": 1}}
    theirs = {
        "type": "entity",
        "name": base["name"],
        "entityType": "action_step",
        "observations": ["Draft", "note"],
    }
    merged = merge([base], base, theirs)
    assert merged.value == {**base, "observations": ["Draft", "note"]}
    assert merged.value is not None
    assert list(merged.value) == list(base)


def test_notes_of_both_sides_survive() -> None:
    merged = merge([step("Draft")], step("Draft", "ours"), step("Draft", "theirs"))
    assert merged.value == step("Draft", "ours", "theirs")


def test_a_removal_is_believed_when_every_base_held_the_note() -> None:
    assert merge([step("T", "a", "b")], step("T", "a", "b", "c"), step("T", "b")).value == step("T", "b", "c")
    young = [step("T", "a", "b"), step("T", "b")]
    assert merge(young, step("T", "a", "b", "c"), step("T", "b", "d")).value == step("T", "a", "b", "c", "d")


def test_a_note_we_removed_is_not_brought_back() -> None:
    assert merge([step("T", "a", "b")], step("T", "b"), step("T", "a", "b", "c")).value == step("T", "b", "c")


def test_a_note_another_program_removed_comes_back_with_the_next_one_that_has_it() -> None:
    old, ours, theirs = step("T", "a", "b"), step("T", "b", "ours"), step("T", "a", "b", "c")
    assert merge([old], ours, theirs, [(step("T", "b"), ours)]).value == step("T", "b", "ours", "a", "c")
    assert merge([old], ours, theirs, [(old, step("T", "b"))]).value == step("T", "b", "ours", "c")


@pytest.mark.parametrize("bases", [[step("Old")], [step("Old"), step("Older")]])
def test_a_new_title_stays_the_first_observation_and_the_old_one_goes(bases: list[Any]) -> None:
    merged = merge(bases, step("Old", "our note"), step("New"))
    assert merged.value == step("New", "our note")


def test_a_title_changed_by_both_is_theirs_and_a_conflict() -> None:
    merged = merge([step("Old", "n")], step("Ours", "n"), step("Theirs", "n", "m"))
    assert merged.value == step("Theirs", "n", "m")
    assert merged.conflicts == [("observations", "0")]


def test_our_title_survives_their_note() -> None:
    assert merge([step("Old")], step("Ours"), step("Old", "m")).value == step("Ours", "m")


def test_a_fact_they_reworded_keeps_its_place_among_ours() -> None:
    merged = merge([reality("a", "b", "c")], reality("a", "b", "c", "ours"), reality("a", "B", "c"))
    assert merged.value == reality("a", "B", "c", "ours")


def test_facts_reworded_by_both_are_both_kept() -> None:
    merged = merge([reality("a", "b")], reality("A1", "b"), reality("A2", "b"))
    assert merged.value == reality("A1", "b", "A2")


def test_their_order_counts_where_ours_did_not_change() -> None:
    assert merge([reality("a", "b")], reality("a", "b"), reality("b", "a")).value == reality("b", "a")


def test_rounded_integers_are_no_news_and_our_digits_stay() -> None:
    big = 2**60 + 1
    ours = step("T", id=big) | {"ids": [big, {"n": big, "m": 1}], "k": 1}
    theirs = step("T", id=float(big)) | {"ids": [float(big), {"n": float(big), "m": 2}], "k": 2}
    merged = merge([ours], ours, theirs).value
    assert merged is not None
    assert (merged["metadata"]["id"], merged["ids"], merged["k"]) == (big, [big, {"n": big, "m": 2}], 2)
    assert merge([ours], ours, {**ours, "metadata": {"chartId": "chart_1", "id": float(big)}}).value is ours


def test_nan_that_came_back_as_null_is_no_news() -> None:
    ours = step("T", score=float("nan"))
    assert not merge([ours], ours, step("T", score=None)).changed


def test_a_deleted_record_stays_deleted_unless_it_was_changed() -> None:
    base = step("T", "n", dueDate="2026-01-01")
    assert merge([base], None, deepcopy(base)) == (None, False, [])
    assert merge([base], None, {name: base[name] for name in ("type", "name", "observations")}).value is None
    revived = merge([base], None, {"type": "entity", "name": base["name"], "observations": ["T", "n", "new"]})
    assert revived == (step("T", "n", "new", dueDate="2026-01-01"), True, [()])


def test_the_later_time_of_change_stays_without_a_conflict() -> None:
    base, ours, theirs = (step("T", updatedAt=f"2026-01-0{day}T00:00:00.000Z") for day in (1, 3, 2))
    assert merge([base], ours, theirs) == (ours, False, [])
    assert merge([base], theirs, ours) == (ours, True, [])


def test_the_wrapper_keeps_its_shape_and_its_title() -> None:
    def wrapped(*observations: str) -> dict[str, Any]:
        data = {"name": "s", "entityType": "action_step", "observations": list(observations)}
        return {"type": "entity", "data": data}

    assert merge([wrapped("a")], wrapped("a", "n"), wrapped("b")).value == wrapped("b", "n")


def test_hostile_depth_is_no_trouble() -> None:
    def deep(leaf: int) -> Any:
        value: Any = leaf
        for _ in range(5000):
            value = {"a": [value]}
        return {"a": value, "b": leaf}

    merged = merge([deep(1)], {**deep(1), "c": 1}, deep(2))
    assert merged.value is not None
    assert (merged.value["b"], merged.value["c"]) == (2, 1)
    assert similarity(deep(1), deep(1)) == 1.0


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**60 + 1, float(2**60 + 1), 0.5]),
    st.sampled_from("abc"),
)
lists = st.lists(st.one_of(scalars, st.dictionaries(st.sampled_from("xy"), scalars, max_size=2)), max_size=4)
objects = st.recursive(
    st.dictionaries(st.sampled_from("pqrs"), st.one_of(scalars, lists), max_size=4),
    lambda inner: st.dictionaries(st.sampled_from("pqrs"), st.one_of(scalars, lists, inner), max_size=4),
    max_leaves=6,
)
entities = st.builds(
    lambda extra, kind, notes: {"type": "entity", "entityType": kind, "observations": notes, **extra},
    objects,
    st.sampled_from(["action_step", "current_reality", "person"]),
    st.lists(st.sampled_from("abcde"), max_size=5),
)


def holds(value: Any, wanted: Any) -> bool:
    """True where every member of `wanted` is in `value`, with the same value."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            name in value and holds(value[name], item) for name, item in wanted.items()
        )
    return records.same(value, wanted)


@given(entities, entities)
def test_where_ours_is_the_base_theirs_comes_out(base: Any, theirs: Any) -> None:
    assert holds(merge([base], base, theirs).value, theirs)


@given(entities, entities, st.lists(entities, max_size=2))
def test_where_theirs_is_a_base_ours_comes_out(base: Any, ours: Any, others: list[Any]) -> None:
    assert merge([*others, base], ours, deepcopy(base)) == (ours, False, [])


@given(st.lists(entities, max_size=3), entities, entities)
def test_merging_again_changes_nothing(bases: list[Any], ours: Any, theirs: Any) -> None:
    once = merge(bases, ours, theirs).value
    assert once is not None
    assert not merge(bases, once, theirs).changed


@given(entities, st.sampled_from("abcde"), st.text(min_size=2), st.text(min_size=2))
def test_additions_of_both_sides_survive(base: Any, title: str, one: str, other: str) -> None:
    base = {**base, "observations": [title, *base["observations"]]}
    ours, theirs = deepcopy(base), deepcopy(base)
    ours["observations"].append(one)
    ours["ours"] = 1
    theirs["observations"].append(other)
    theirs["theirs"] = 2
    value = merge([base], ours, theirs).value
    assert value is not None
    assert {one, other} <= set(value["observations"])
    assert (value["ours"], value["theirs"]) == (1, 2)
    assert value["observations"][0] == title


@given(st.lists(entities, max_size=3), entities, entities)
def test_arguments_are_never_changed(bases: list[Any], ours: Any, theirs: Any) -> None:
    before = deepcopy((bases, ours, theirs))
    merge(bases, ours, theirs)
    assert (bases, ours, theirs) == before
