"""What two sides changed at once: listed, settled either way, undone; and no value of it lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import charts, clock, conflicts, init_store, open_store, records
from store.conflicts import Other
from store.errors import NotFound, Refused
from store.index import Index
from store.model import Edit, Plan
from store.paths import value_at, with_value
from store.records import same
from store.store import Store
from tests.store.index.conftest import contents
from tests.stores import chart, live

Lines = list[dict[str, Any]]

seen: Counter[str] = Counter()
"""Conflicts the generated examples came to, by what was chosen."""


def read(store: Store, context: str = "default") -> Lines:
    """What another program holds in memory after it read the chart file."""
    return [json.loads(line) for line in store.layout.chart_file(context).read_bytes().splitlines()]


def rewrite(store: Store, lines: Lines, context: str = "default") -> None:
    """It writes all of it back, and the store takes it in."""
    data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    store.layout.chart_file(context).write_text(data, encoding="utf-8")
    store.absorb(context, at_rest=True)
    store.sync()


def line_of(lines: Lines, name: str) -> dict[str, Any]:
    return next(line for line in lines if line.get("name") == name)


def both_changed(store: Store, context: str = "default") -> str:
    """A step both sides reworded since the chart file was published; its name."""
    name = chart(store, "A finished book", "Draft", context=context)
    store.settle()
    held = read(store, context)
    step = f"{name}_action_1"
    store.run(context, charts.edit_text, step, "Ours")
    line_of(held, step)["observations"][0] = "Theirs"
    rewrite(store, held, context)
    return step


def wording(store: Store, step: str) -> str:
    text: str = live(store)[f"e:{step}"]["observations"][0]
    return text


def states(store: Store) -> list[str]:
    with store.snapshot() as snap:
        return [row.state for row in snap.conflicts(open_only=False)]


def rebuilt_alike(store: Store, folder: Path) -> None:
    """Invariant 4: the index equals a rebuild."""
    store.sync()
    other = Index(folder / "other" / "chartkeep.sqlite")
    other.rebuild(
        [store.journal(name) for name in store.contexts.names() if store.layout.journal(name).exists()]
    )
    found, fresh = contents(store.index), contents(other)
    other.close()
    assert found["conflicts"] == fresh["conflicts"]
    assert found == fresh


def test_theirs_wins_and_ours_is_listed_with_who_and_when(store: Store) -> None:
    step = both_changed(store)
    assert wording(store, step) == "Theirs"
    (found,) = conflicts.conflicts(store)
    assert (found.ours.text, found.theirs.text, found.stands) == ("Ours", "Theirs", "theirs")
    assert (found.row.base, found.row.now) == ('"Draft"', '"Theirs"')
    assert found.what == "wording of the step “Ours”"
    assert found.chart == "A finished book"
    assert found.ours.by == store.session.by
    assert found.theirs.by == "file:charts.jsonl"
    with store.snapshot() as snap:
        assert snap.open_conflicts() == 1
        assert snap.conflict_counts() == {"default": 1}
        absorbed, edited = snap.transactions(limit=2)
    assert (found.ours.at, found.theirs.at) == (edited.at, absorbed.at)
    assert found.row.id == f"{absorbed.tx}/0"


def test_the_person_is_told_once(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.settle()
    held = read(store)
    store.run("default", charts.edit_text, f"{name}_action_1", "Ours")
    line_of(held, f"{name}_action_1")["observations"][0] = "Theirs"
    store.layout.chart_file("default").write_text("".join(json.dumps(line) + "\n" for line in held))
    said = store.absorb("default", at_rest=True)
    assert said[-1].startswith("1 conflict in charts.jsonl: `chartkeep conflicts`")
    assert store.absorb("default", at_rest=True) == []


def test_told_also_of_a_file_that_is_not_at_rest(store: Store) -> None:
    name = chart(store, "Book", *"abcdefgh")
    store.settle()
    held = read(store)
    store.run("default", charts.edit_text, f"{name}_action_1", "Ours")
    line_of(held, f"{name}_action_1")["observations"][0] = "Theirs"
    gone = [line for line in held if f"{name}_action_3" not in json.dumps(line)]
    store.layout.chart_file("default").write_text("".join(json.dumps(line) + "\n" for line in gone))
    assert [text.partition(":")[0] for text in store.absorb("default", at_rest=False)] == [
        "1 conflict in charts.jsonl"
    ]
    said = store.absorb("default", at_rest=True)
    assert len(said) == 1, said
    assert "deleted by another program" in said[0]


@pytest.mark.parametrize("choice", ["ours", "theirs"])
def test_either_value_can_be_taken_and_undo_opens_it_again(store: Store, tmp_path: Path, choice: Any) -> None:
    step = both_changed(store)
    before = live(store)
    (found,) = conflicts.conflicts(store)
    change = conflicts.resolve(store, found.row.id, choice)
    assert wording(store, step) == {"ours": "Ours", "theirs": "Theirs"}[choice]
    settled = {"ours": "taken", "theirs": "kept"}[choice]
    assert (conflicts.conflicts(store), states(store)) == ([], [settled])
    assert "Ours" in change.label if choice == "ours" else "Theirs" in change.label
    store.undo()
    assert states(store) == ["open"]
    assert live(store) == before
    store.redo()
    assert states(store) == [settled]
    store.undo()
    assert states(store) == ["open"]
    rebuilt_alike(store, tmp_path)
    conflicts.resolve(store, found.row.id, "ours")
    assert (wording(store, step), states(store)) == ("Ours", ["taken"])
    rebuilt_alike(store, tmp_path)


def test_a_third_value_can_be_put_in_place(store: Store) -> None:
    step = both_changed(store)
    (found,) = conflicts.conflicts(store)
    conflicts.resolve(store, found.row.id, Other("Both"))
    assert (wording(store, step), states(store)) == ("Both", ["taken"])


def test_what_is_settled_is_not_settled_again(store: Store) -> None:
    both_changed(store)
    (found,) = conflicts.conflicts(store)
    conflicts.resolve(store, found.row.id, "theirs")
    with pytest.raises(Refused, match="settled already"):
        conflicts.resolve(store, found.row.id, "ours")
    with pytest.raises(NotFound, match="no conflict 1:ff/0"):
        conflicts.resolve(store, "1:ff/0", "ours")


def test_a_deliberate_edit_settles_and_an_unrelated_one_does_not(store: Store, tmp_path: Path) -> None:
    step = both_changed(store)
    store.run("default", charts.note, step, "A note beside it")
    store.sync()
    assert states(store) == ["open"]
    store.run("default", charts.edit_text, step, "Decided")
    store.sync()
    assert states(store) == ["superseded"]
    store.undo()
    assert states(store) == ["open"]
    rebuilt_alike(store, tmp_path)


def test_a_later_foreign_change_leaves_it_open_and_both_values_can_still_be_taken(
    store: Store, tmp_path: Path
) -> None:
    step = both_changed(store)
    store.settle()
    held = read(store)
    line_of(held, step)["observations"][0] = "Theirs again"
    rewrite(store, held)
    (found,) = conflicts.conflicts(store)
    assert (found.row.now, found.theirs.text) == ('"Theirs again"', "Theirs")
    conflicts.resolve(store, found.row.id, "theirs")
    assert (wording(store, step), states(store)) == ("Theirs again", ["kept"])
    rebuilt_alike(store, tmp_path)


def due_dates_moved_by_both(store: Store, *names: str) -> None:
    """We say 12 December, the other program 24 December, in chart and outcome both."""
    for day in (1, 12):
        if day == 12:
            held = read(store)
        for name in names:
            store.run("default", charts.set_due, [name], date(2026, 12, day), confirmed=True)
        if day == 1:
            store.settle()
    for name in names:
        for part in ("chart", "desired_outcome"):
            line_of(held, f"{name}_{part}")["metadata"]["dueDate"] = "2026-12-24"
    rewrite(store, held)


@pytest.mark.parametrize(("choice", "due"), [("ours", "2026-12-12"), ("theirs", "2026-12-24")])
def test_a_due_date_of_chart_and_outcome_is_settled_as_one(store: Store, choice: Any, due: str) -> None:
    name = chart(store, "A finished book")
    due_dates_moved_by_both(store, name)
    first, _second = conflicts.conflicts(store)
    assert first.field == "due date"
    conflicts.resolve(store, first.row.id, choice)
    assert conflicts.conflicts(store) == []
    assert store.chart("default", name).row.due == due
    dues = [live(store)[f"e:{name}_{part}"]["metadata"]["dueDate"] for part in ("chart", "desired_outcome")]
    assert dues == [due, due]
    store.undo()
    assert len(conflicts.conflicts(store)) == 2


def test_but_not_that_of_another_chart(store: Store) -> None:
    names = [chart(store, "A finished book"), chart(store, "A garden")]
    due_dates_moved_by_both(store, *names)
    first = conflicts.conflicts(store)[0]
    conflicts.resolve(store, first.row.id, "ours")
    left = conflicts.conflicts(store)
    assert {one.chart_id for one in left} == set(names) - {first.chart_id}
    assert len(left) == 2


# -- whole records ---------------------------------------------------------------------------------


def test_deleted_here_and_changed_there_comes_back_and_can_be_deleted_again(
    store: Store, tmp_path: Path
) -> None:
    name = chart(store, "Book", "Draft", "Write")
    store.settle()
    held, step = read(store), f"{name}_action_2"
    store.run("default", charts.remove, [step])
    line_of(held, step)["observations"].append("theirs")
    rewrite(store, held)
    (found,) = conflicts.conflicts(store)
    assert (found.row.path, found.ours.text, found.stands) == ((), "deleted", "theirs")
    assert found.ours.by == store.session.by
    assert f"e:{step}" in live(store)
    conflicts.resolve(store, found.row.id, "ours")
    assert f"e:{step}" not in live(store)
    assert states(store) == ["taken"]
    store.undo()
    assert f"e:{step}" in live(store)
    assert states(store) == ["open"]
    rebuilt_alike(store, tmp_path)


def test_changed_here_and_deleted_there_stays_and_can_be_deleted(store: Store, tmp_path: Path) -> None:
    name = chart(store, "Book", *"abcdefgh")
    store.settle()
    held, step = read(store), f"{name}_action_3"
    store.run("default", charts.edit_text, step, "Ours")
    gone = [line for line in held if step not in json.dumps(line)]
    rewrite(store, gone)
    assert wording(store, step) == "Ours"
    found = next(one for one in conflicts.conflicts(store) if one.row.key == f"e:{step}")
    assert (found.stands, found.theirs.text, found.row.theirs) == ("ours", "deleted", None)
    count = len(states(store))
    rewrite(store, gone)
    assert len(states(store)) == count, "a program that writes the same once more lists nothing twice"
    conflicts.resolve(store, found.row.id, "ours")
    assert (wording(store, step), states(store)) == ("Ours", ["kept"])
    store.settle()
    rewrite(store, gone)
    assert (wording(store, step), states(store)) == ("Ours", ["kept"]), "settled once for all"
    store.undo()
    conflicts.resolve(store, found.row.id, "theirs")
    assert f"e:{step}" not in live(store)
    rebuilt_alike(store, tmp_path)


def test_a_value_has_no_place_in_a_record_that_is_gone(store: Store) -> None:
    step = both_changed(store)
    (found,) = conflicts.conflicts(store)
    store.run("default", charts.remove, [step])
    store.sync()
    assert states(store) == ["superseded"]
    with pytest.raises(Refused, match="settled already"):
        conflicts.resolve(store, found.row.id, "ours")


# -- order, clocks, two stores ---------------------------------------------------------------------


def test_order_decides_and_not_the_clock(store: Store) -> None:
    """The other host's clock, and then ours, is an hour behind: theirs still comes later, and wins."""
    clock.fix(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    name = chart(store, "Book", "Draft")
    store.settle()
    held, step = read(store), f"{name}_action_1"
    store.run("default", charts.edit_text, step, "Ours")
    clock.fix(datetime(2026, 11, 21, 11, 0, tzinfo=UTC))
    line = line_of(held, step)
    line["observations"][0] = "Theirs"
    line["metadata"]["updatedAt"] = "2026-11-21T10:00:00.000Z"
    rewrite(store, held)
    assert wording(store, step) == "Theirs"
    (found,) = conflicts.conflicts(store)
    assert found.theirs.at < found.ours.at
    conflicts.resolve(store, found.row.id, "ours")
    assert (wording(store, step), states(store)) == ("Ours", ["taken"])


def test_ids_that_two_contexts_share_need_the_context(store: Store) -> None:
    for context in ("aa", "bb"):
        store.contexts.create(context)
        both_changed(store, context=context)
    one, other = conflicts.conflicts(store)
    assert (one.row.id, one.row.context, other.row.context) == (other.row.id, "bb", "aa")
    assert [found.row.context for found in conflicts.conflicts(store, "aa")] == ["aa"]
    with pytest.raises(NotFound, match="in bb, aa: say which"):
        conflicts.resolve(store, one.row.id, "ours")
    conflicts.resolve(store, one.row.id, "ours", "aa")
    with store.snapshot() as snap:
        assert snap.conflict_counts() == {"bb": 1}


def test_a_renamed_context_takes_its_conflicts_along(store: Store, tmp_path: Path) -> None:
    store.contexts.create("aa")
    both_changed(store, context="aa")
    store.contexts.rename("aa", "bb")
    store.sync()
    assert [found.row.context for found in conflicts.conflicts(store)] == ["bb"]
    rebuilt_alike(store, tmp_path)


# -- whatever is changed, the value that gave way can be had back ----------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([2**60 + 1, 0.5, "a", "b", 'q","record":1'])
)
members = st.dictionaries(st.sampled_from(["dueDate", "phase", "order", "deep"]), scalars, max_size=3)
bodies = st.builds(
    lambda texts, metadata, more: {
        "type": "entity",
        "name": "s",
        "entityType": "action_step",
        "observations": texts,
        "metadata": metadata,
        **more,
    },
    st.lists(st.sampled_from("abcd"), max_size=3),
    st.one_of(members, st.builds(lambda inner: {"deep": inner}, members)),
    st.dictionaries(st.sampled_from("xy"), scalars, max_size=2),
)


def store_at(folder: Path, body: Any) -> Store:
    """A store that holds one record, published."""
    store = open_store(init_store(folder))
    store.layout.chart_file("default").write_bytes(records.dumps(body) + b"\n")
    store.catch_up()
    store.settle()
    return store


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(base=bodies, ours=st.none() | bodies, theirs=bodies)
def test_either_value_can_be_had_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, base: Any, ours: Any, theirs: Any
) -> None:
    folder = tmp_path_factory.mktemp("s")
    with store_at(folder / ".coaia", base) as store:
        edit = Edit("delete" if ours is None else "put", "e:s", ours)
        store.commit("default", lambda _: Plan("test", "Ours", [edit]))
        store.layout.chart_file("default").write_bytes(records.dumps(theirs) + b"\n")
        store.absorb("default", at_rest=True)
        store.sync()
        for found in conflicts.conflicts(store):
            assert found.row.ours == value_at(ours, found.row.path)
            for choice in ("theirs", "ours"):
                taken_exactly(store, found, choice)
        assert set(states(store)) <= {"taken"}
        rebuilt_alike(store, folder)


def taken_exactly(store: Store, found: conflicts.Conflict, choice: Any) -> None:
    """The value stands where it was, nothing else differs, and undo brings back what was there."""
    path, before = found.row.path, live_raw(store)
    conflicts.resolve(store, found.row.id, choice, "default")
    after = live_raw(store)
    if choice == found.stands:
        assert after == before
    else:
        seen[choice] += 1
        assert value_at(after, path) == (found.row.ours if choice == "ours" else found.row.theirs)
        assert not path or with_value(after, path, found.row.now) == before
    store.undo()
    assert same(live_raw(store), before)
    assert found.row.id in [row.row.id for row in conflicts.conflicts(store)]
    store.redo()
    assert same(live_raw(store), after)
    if choice != "ours":
        store.undo()


def test_the_examples_above_held_conflicts() -> None:
    assert not seen or seen["ours"] > 20


def live_raw(store: Store) -> Any:
    """The record of the one key, exactly."""
    last = None
    for tx in store.journal("default").read():
        last = next((line.value() for line in tx.lines if line.key == "e:s"), last)
    return last


@given(
    bodies,
    st.lists(st.sampled_from(["metadata", "dueDate", "x", "observations", "0", "1", "deep"]), max_size=3),
)
def test_a_value_put_where_it_was_read_changes_nothing(record: Any, path: list[str]) -> None:
    found = value_at(record, path)
    if found is not None and (path or isinstance(records.loads(found.encode()), dict)):
        assert with_value(record, path, found) == record
        assert (
            value_at(with_value(record, path, None), path) != found or path[-1:] in (["0"], ["1"]) or not path
        )


def test_a_program_that_rewrites_again_and_again_lists_each_conflict_once(store: Store) -> None:
    """It never reads again: what it holds is older with every one of our edits."""
    name = chart(store, "Book", "Draft")
    store.settle()
    held, step = read(store), f"{name}_action_1"
    line_of(held, step)["observations"][0] = "Theirs"
    store.run("default", charts.edit_text, step, "Ours 1")
    rewrite(store, held)
    for n in range(5):
        line_of(held, step)["observations"].append(f"note {n}")
        rewrite(store, held)
        store.settle()
    assert states(store) == ["open"]
    store.run("default", charts.edit_text, step, "Ours 2")
    rewrite(store, held)
    assert wording(store, step) == "Ours 2", "what it wrote before is no news"
    assert states(store) == ["superseded"]
