"""Undo and redo: any command, any number of steps, per person and session; never over someone else's change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store import charts, clock, history
from store.errors import NotFound, Refused, UndoRefused
from store.model import Edit, Plan
from store.store import Store
from store.undo import Clash, Touched, inverse, revert
from tests.stores import Opener, chart, live, size

Command = Callable[[Store, str], Any]

COMMANDS: dict[str, Command] = {
    "a chart": lambda store, name: chart(store, "Another", "x", "y"),
    "a step": lambda store, name: store.run("default", charts.add_step, name, "New"),
    "a sub-chart": lambda store, name: store.run("default", charts.add_step, name, "New", as_chart=True),
    "telescoping": lambda store, name: store.run(
        "default", charts.telescope, f"{name}_action_1", steps=["i"]
    ),
    "completing": lambda store, name: store.run("default", charts.complete, f"{name}_action_1"),
    "a note": lambda store, name: store.run("default", charts.note, f"{name}_action_1", "Half"),
    "a due date": lambda store, name: store.run("default", charts.set_due, f"{name}_action_1", "2026-12-01"),
    "a title": lambda store, name: store.run("default", charts.edit_text, f"{name}_action_2", "Other"),
    "an outcome": lambda store, name: store.run("default", charts.edit_text, name, "Other"),
    "a fact": lambda store, name: store.run("default", charts.add_fact, name, "New"),
    "another fact": lambda store, name: store.run("default", charts.edit_fact, name, 0, "Twelve pages"),
    "a fact less": lambda store, name: store.run("default", charts.remove_fact, name, 0),
    "reality anew": lambda store, name: store.run("default", charts.set_reality, name, ["a", "b"]),
    "a phase": lambda store, name: store.run("default", charts.set_phase, name, charts.PHASES[1]),
    "the order": lambda store, name: store.run("default", charts.reorder, f"{name}_action_1", 1),
    "a step removed": lambda store, name: store.run("default", charts.remove, [f"{name}_action_1"]),
    "a chart removed": lambda store, name: store.run("default", charts.remove, [name]),
    "a move": lambda store, name: store.move("default", [name], "work"),
    "archiving": lambda store, name: store.archive("default", [name], confirmed=True),
}


def everything(store: Store) -> dict[str, Any]:
    """All live records but for when they were last changed, or archived."""
    found = {name: live(store, name) for name in ("default", "work", "archive")}
    for record in found["archive"].values():
        record.get("metadata", {}).pop("archivedAt", None)
    return found


@pytest.mark.parametrize("what", COMMANDS)
def test_every_command_is_undone_and_redone_exactly(store: Store, what: str) -> None:
    name = chart(store, "Book", "Draft", "Write")
    before = everything(store)
    COMMANDS[what](store, name)
    after = everything(store)
    assert after != before
    bytes_then = size(store)
    for _ in range(2):
        store.undo()
        assert everything(store) == before
        store.redo()
        assert everything(store) == after
    assert size(store) > bytes_then, "history only grows"


def test_any_number_of_steps_back_and_forth(store: Store) -> None:
    name = chart(store, "Book", "Draft", "Write")
    states = [everything(store)]
    for what, command in COMMANDS.items():
        if "removed" in what or what in ("a move", "archiving"):
            continue
        command(store, name)
        states.append(everything(store))
    for _ in range(2):
        for state in reversed(states[:-1]):
            store.undo()
            assert everything(store) == state
        for state in states[1:]:
            store.redo()
            assert everything(store) == state
        with pytest.raises(NotFound, match="nothing to redo"):
            store.redo()


def test_undoing_all_ends_in_an_empty_store(store: Store) -> None:
    chart(store, "Book", "Draft")
    store.undo()
    assert everything(store) == {"default": {}, "work": {}, "archive": {}}
    with pytest.raises(NotFound, match="nothing of yours to undo"):
        store.undo()


def test_a_new_command_ends_redoing(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.run("default", charts.complete, f"{name}_action_1")
    store.undo()
    store.run("default", charts.note, f"{name}_action_1", "Half")
    with pytest.raises(NotFound, match="nothing to redo"):
        store.redo()


def test_quit_reopen_undo(opened: Opener) -> None:
    first = opened("ann")
    name = chart(first, "Book", "Draft")
    first.run("default", charts.complete, f"{name}_action_1")
    first.run("default", charts.note, f"{name}_action_1", "Half")
    first.close()
    for done in (True, False):
        again = opened("ann")
        again.undo()
        assert again.chart("default", name).steps[0].done is done
        again.close()
    last = opened("ann")
    last.redo()
    assert last.chart("default", name).steps[0].done


def test_each_person_undoes_their_own(opened: Opener) -> None:
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book", "Draft", "Write")
    ann.run("default", charts.note, f"{name}_action_1", "Ann's")
    bob.run("default", charts.note, f"{name}_action_1", "Bob's")
    ann.undo()
    assert live(bob)[f"e:{name}_action_1"]["observations"] == ["Draft", "Bob's"]
    bob.undo()
    assert live(ann)[f"e:{name}_action_1"]["observations"] == ["Draft"]
    with pytest.raises(NotFound):
        bob.undo()


def test_two_windows_of_one_person_do_not_undo_each_other(opened: Opener) -> None:
    """A window without a command of its own leaves alone what the other one did since it was opened."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    clock.fix(now)
    name = chart(opened("ann"), "Book", "Draft")
    clock.fix(now + timedelta(seconds=1))
    one, two = opened("ann"), opened("ann")
    two.sync()
    clock.fix(now + timedelta(seconds=2))
    one.run("default", charts.complete, f"{name}_action_1")
    two.sync()
    assert history.undoable(two).command == "chart.add"  # type: ignore[union-attr]
    one.undo()
    one.undo()
    assert not live(one)


def test_someone_elses_later_change_is_not_overwritten(opened: Opener) -> None:
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book", "Draft", "Write")
    step = f"{name}_action_1"
    ann.run("default", charts.edit_text, step, "Ann's title")
    bob.run("default", charts.edit_text, step, "Bob's title")
    bob.run("default", charts.note, f"{name}_action_2", "Something else")
    before = everything(ann)
    with pytest.raises(UndoRefused, match=r"“Edit.*cannot be undone: bob changed the same thing later"):
        ann.undo()
    assert everything(ann) == before


def test_a_change_beside_ours_does_not_stand_in_the_way(opened: Opener) -> None:
    """Only the member that was written counts; `updatedAt`, which every command writes, never does."""
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book", "Draft", "Write")
    step = f"{name}_action_1"
    ann.run("default", charts.set_due, step, "2026-12-01")
    bob.run("default", charts.note, step, "Bob's")
    bob.run("default", charts.edit_text, step, "Bob's title")
    ann.undo()
    record = live(bob)[f"e:{step}"]
    assert record["observations"] == ["Bob's title", "Bob's"]
    assert "dueDate" not in record["metadata"]


def test_a_chart_that_others_built_on_is_not_taken_from_under_them(opened: Opener) -> None:
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book")
    bob.run("default", charts.add_step, name, "Bob's step")
    with pytest.raises(UndoRefused, match="later addition"):
        ann.undo()


def test_a_step_that_others_telescoped_is_not_taken_from_under_them(opened: Opener) -> None:
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book")
    step = ann.run("default", charts.add_step, name, "Draft").focus
    bob.run("default", charts.telescope, step)
    with pytest.raises(UndoRefused):
        ann.undo()


def test_redo_refuses_in_words_of_its_own(opened: Opener) -> None:
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book", "Draft")
    step = f"{name}_action_1"
    ann.run("default", charts.edit_text, step, "Ann's")
    ann.undo()
    bob.run("default", charts.edit_text, step, "Bob's")
    with pytest.raises(UndoRefused, match=r"^“Edit.*cannot be done again: bob changed"):
        ann.redo()


def test_a_named_transaction_of_someone_else_is_undone(opened: Opener) -> None:
    ann, bob = opened("ann"), opened("bob")
    name = chart(ann, "Book", "Draft")
    wrong = bob.run("default", charts.complete, f"{name}_action_1")
    bob.run("default", charts.add_fact, name, "Later")
    ann.undo(wrong.tx)
    assert not ann.chart("default", name).steps[0].done
    with pytest.raises(Refused, match="undone already"):
        bob.undo(wrong.tx)
    ann.redo()
    assert ann.chart("default", name).steps[0].done


def test_an_undo_can_itself_be_undone_by_name(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.run("default", charts.complete, f"{name}_action_1")
    (undone,) = store.undo()
    store.undo(undone.tx)
    assert store.chart("default", name).steps[0].done
    assert history.undoable(store).command == "step.done"  # type: ignore[union-attr]


def test_a_transaction_of_several_contexts_must_be_told_apart(store: Store) -> None:
    """Places in journals whose headers are as long as each other are the same: so are transaction ids."""
    ids = []
    for context in ("aaaa", "bbbb"):
        store.contexts.create(context)
        ids.append(store.run(context, charts.create_chart, "Book").tx)
    assert ids[0] == ids[1]
    with pytest.raises(NotFound, match="aaaa, bbbb"):
        store.undo(ids[0])
    store.undo(ids[0], "aaaa")
    assert live(store, "aaaa") == {}
    assert live(store, "bbbb")
    with pytest.raises(NotFound, match="No transaction"):
        store.undo("1:ffffff")


def test_redo_tells_equal_places_of_two_contexts_apart(store: Store) -> None:
    for context in ("aaaa", "bbbb"):
        store.contexts.create(context)
        chart(store, "Book", context=context)
    full = [live(store, context) for context in ("aaaa", "bbbb")]
    store.undo()
    store.undo()
    assert [live(store, context) for context in ("aaaa", "bbbb")] == [{}, {}]
    store.redo()
    store.redo()
    assert [live(store, context) for context in ("aaaa", "bbbb")] == full


def test_undoing_a_move_takes_along_what_happened_since(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.move("default", [name], "work")
    store.run("work", charts.complete, f"{name}_action_1")
    moved = next(row for row in _transactions(store) if row.command == "chart.move")
    store.undo(moved.tx, moved.context)
    assert live(store, "work") == {}
    assert store.chart("default", name).steps[0].done


def test_undoing_a_move_leaves_the_parent_where_it_is(store: Store) -> None:
    """Coming home, a chart touches its parent; that is no reason for the parent to go away with it."""
    parent = chart(store, "Book", "Draft")
    child = store.run("default", charts.telescope, f"{parent}_action_1").focus
    assert child is not None
    store.move("default", [child], "work")
    store.move("work", [child], "default")
    store.undo()
    assert f"e:{parent}_chart" in live(store)
    assert f"e:{child}_chart" in live(store, "work")
    store.undo()
    assert f"e:{child}_chart" in live(store)


def test_a_move_is_undone_though_a_context_was_renamed_since(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.move("default", [name], "work")
    store.contexts.rename("work", "play")
    store.undo()
    assert live(store, "play") == {}
    assert f"e:{name}_chart" in live(store)


def test_what_was_absorbed_from_a_file_is_nobodys_last_command(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.settle()
    path = store.layout.chart_file("default")
    path.write_bytes(path.read_bytes().replace(b'"Draft"', b'"Drafted"'))
    store.absorb()
    assert history.undoable(store).command == "chart.add"  # type: ignore[union-attr]
    with pytest.raises(UndoRefused, match=r"file:charts\.jsonl changed the same thing later"):
        store.undo()
    change = next(row for row in _transactions(store) if row.command == "absorb")
    store.undo(change.tx)
    assert store.chart("default", name).steps[0].title == "Draft"


def test_a_large_transaction_is_undone_in_time(store: Store) -> None:
    """Each key is looked up once: ten thousand records, not their square."""
    records = [{"type": "entity", "name": str(n), "metadata": {"chartId": "c"}} for n in range(2_000)]

    def many(_view: object) -> Plan:
        return Plan("import", "Many", [Edit("put", f"e:{n}", record) for n, record in enumerate(records)])

    store.run("default", many)
    begun = clock.monotonic()
    store.undo()
    assert live(store) == {}
    assert clock.monotonic() - begun < 5


def test_an_undo_right_after_a_command_takes_back_that_one(store: Store) -> None:
    """However the index lags: the last command is the last one committed."""
    store.start_background()
    name = chart(store, "Book", "Draft")
    for n in range(10):
        store.run("default", charts.note, f"{name}_action_1", f"Note {n}")
        (undone,) = store.undo()
        assert f"Note {n}" not in live(store)[f"e:{name}_action_1"]["observations"], undone.label


def _transactions(store: Store) -> list[Any]:
    with store.snapshot() as snap:
        return snap.transactions()


# -- what the inverse of one record is -------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "current", "restored"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2, "b": 3}, {"a": 1, "b": 3}),
        ({"a": 1}, {}, {"b": 3}, {"b": 3, "a": 1}),
        ({}, {"a": 1}, {"a": 1, "b": 3}, {"b": 3}),
        ({"a": 1}, {}, {"a": 1, "b": 3}, {"a": 1, "b": 3}),
        ({"l": ["t", "x"]}, {"l": ["u", "x"]}, {"l": ["u", "x", "y"]}, {"l": ["t", "x", "y"]}),
        ({"l": ["t"]}, {"l": ["t", "x"]}, {"l": ["t", "x", "y"]}, {"l": ["t", "y"]}),
        ({"l": ["t", "x"]}, {"l": ["t"]}, {"l": ["t", "y"]}, {"l": ["t", "x", "y"]}),
        ({"l": ["a"]}, {"l": ["a", "a"]}, {"l": ["a", "a", "b"]}, {"l": ["a", "b"]}),
        ({"l": ["a", "a"]}, {"l": ["a"]}, {"l": ["a", "b"]}, {"l": ["a", "a", "b"]}),
        ({"m": {"x": 1, "y": 1}}, {"m": {"x": 2, "y": 1}}, {"m": {"x": 2, "y": 5}}, {"m": {"x": 1, "y": 5}}),
    ],
)
def test_members_and_items_go_back_beside_later_ones(
    before: Any, after: Any, current: Any, restored: Any
) -> None:
    assert revert(before, after, current) == restored


@pytest.mark.parametrize(
    ("before", "after", "current"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}),
        ({"a": 1}, {"a": 2}, {}),
        ({"a": 1}, {}, {"a": 3}),
        ({}, {"a": 1}, {"a": 3}),
        ({"l": ["t"]}, {"l": ["u"]}, {"l": ["v"]}),
        ({"l": ["t"]}, {"l": ["t", "x"]}, {"l": ["t", "y"]}),
        ({"l": ["a", "b"]}, {"l": ["b", "a"]}, {"l": ["c", "b", "a"]}),
    ],
)
def test_what_changed_again_clashes(before: Any, after: Any, current: Any) -> None:
    with pytest.raises(Clash):
        revert(before, after, current)


def test_the_date_of_the_last_change_is_in_nobodys_way_in_a_wrapper_neither() -> None:
    def record(updated: str) -> dict[str, Any]:
        return {"type": "entity", "data": {"name": "a", "metadata": {"chartId": "c", "updatedAt": updated}}}

    assert inverse([Touched("e:a", None, record("1"), record("2"))]) == [Edit("delete", "e:a")]
    before, after, now = record("1"), record("2"), record("3")
    after["data"]["metadata"]["phase"] = now["data"]["metadata"]["phase"] = "x"
    (edit,) = inverse([Touched("e:a", before, after, now)])
    assert edit.record == record("3")


def test_a_clash_names_its_record() -> None:
    good = Touched("e:good", {"a": 1}, {"a": 2}, {"a": 2})
    with pytest.raises(Clash) as caught:
        inverse([good, Touched("e:bad", {"a": 1}, {"a": 2}, {"a": 3})])
    assert (caught.value.key, caught.value.path) == ("e:bad", "a")
