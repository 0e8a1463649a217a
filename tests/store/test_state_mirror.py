"""What planners see: remembered, laid over the index, or read from the journal, it is the same."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import charts, init_store, open_store, records
from store.errors import ChartkeepError
from store.journal import Line
from store.mirror import Mirror
from store.model import Edit, Plan
from store.state import State
from store.store import Store
from tests.store.charts.memory import Memory
from tests.stores import Opener, chart

COMMANDS = (
    "chart", "step", "telescope", "done", "note", "due", "edit", "fact", "remove", "undo", "redo", "sync", "order",
    "foreign", "archive", "unarchive", "read",
)  # fmt: skip


def from_journal(store: Store, context: str = "default") -> Memory:
    """The state that the journal alone says, records in the order of their first lines."""
    memory = Memory(context)
    for tx in store.journal(context).read():
        for line in tx.lines:
            memory.held[line.key] = records_held(line)
    return memory


def records_held(line: Any) -> Any:
    from store.model import Held

    return Held(line.key, line.ver, line.value())


def answers(view: Any, keys: list[str], ids: list[str], names: list[str]) -> dict[str, Any]:
    """Everything a view can be asked, over all keys, charts and names there ever were."""
    return {
        "get": {key: view.get(key) for key in keys},
        "last": {key: view.last(key) for key in keys},
        "keys_of": {chart_id: view.keys_of(chart_id) for chart_id in ids},
        "children": {
            chart_id: view.children(chart_id) for chart_id in ids if view.get(f"e:{chart_id}_chart")
        },
        "relations_of": {name: view.relations_of(name) for name in names},
        "chart_ids": list(view.chart_ids()),
    }


def compare(stores: list[Store]) -> None:
    """The mirror of each store, a fresh state, and the journal say the same."""
    memory = from_journal(stores[0])
    ids = [key[2:].removesuffix("_chart") for key in memory.held if key.endswith("_chart")]
    keys = [*memory.held, "e:never", *(f"e:{chart_id}_action_99" for chart_id in ids)]
    names = [key[2:] for key in keys if key.startswith("e:")]
    expected = answers(memory, keys, ids, names)
    for store in stores:
        journal = store.journal("default")
        with journal.writer() as writer:
            for mirror in (store._mirrors.setdefault("default", Mirror()), Mirror()):
                with State("default", journal, writer.position, mirror, store.index.snapshot) as state:
                    found = answers(state, keys, ids, names)
                    for question, answer in expected.items():
                        assert found[question] == answer, question


class Random:
    """Does random commands, as two stores on one folder."""

    def __init__(self, stores: list[Store], seed: int) -> None:
        self.stores = stores
        self.random = random.Random(seed)

    def do(self, command: str) -> None:
        store = self.random.choice(self.stores)
        try:
            self._do(store, command)
        except ChartkeepError:
            pass  # a refusal changes nothing, which is compared as well

    def _pick(self, store: Store, end: str, context: str = "default") -> str:
        names = [
            key[2:] for key in from_journal(store, context).state() if end in key and key.startswith("e:")
        ]
        return self.random.choice(names) if names else "none"

    def _chart(self, store: Store, context: str = "default") -> str:
        return self._pick(store, "_chart", context).removesuffix("_chart")

    def _do(self, store: Store, command: str) -> None:
        run, step = store.run, self._pick(store, "_action_")
        if command == "chart":
            run("default", charts.create_chart, "A book", "Ten pages", steps=["One", "Two"])
        elif command == "step":
            run("default", charts.add_step, self._chart(store), "Draft", as_chart=self.random.random() < 0.3)
        elif command == "telescope":
            run("default", charts.telescope, step, steps=["Inner"])
        elif command == "done":
            run("default", charts.complete, step)
        elif command == "note":
            run("default", charts.note, step, "Half of it")
        elif command == "due":
            run("default", charts.set_due, step, self.random.choice(["2026-12-01", None]))
        elif command == "edit":
            run("default", charts.edit_text, step, self.random.choice(["This", "That"]))
        elif command == "fact":
            run("default", charts.add_fact, self._chart(store), "Twenty pages")
        elif command == "remove":
            run("default", charts.remove, [self.random.choice([step, self._chart(store)])])
        elif command == "undo":
            store.undo()
        elif command == "redo":
            store.redo()
        elif command == "sync":
            store.sync()
        elif command == "order":
            run("default", charts.reorder, step, self.random.choice([1, -1]))
        elif command == "foreign":
            run("default", self._moved)
        elif command == "archive":
            store.archive("default", [self._chart(store)], confirmed=True)
        elif command == "unarchive":
            store.unarchive([self._chart(store, "archive")])

    def _moved(self, view: Any) -> Plan:
        """What only another program does: a step given to another chart, a chart hung elsewhere."""
        keys = [key for chart_id in view.chart_ids() for key in view.keys_of(chart_id)]
        if not keys:
            return Plan("none", "Nothing")
        key = self.random.choice(keys)
        record = view.get(key).record
        metadata = dict(record["metadata"])
        if record["entityType"] == records.CHART:
            ids = list(view.chart_ids())
            earlier = ids[: ids.index(metadata["chartId"])]  # so that no circle comes of it
            if not earlier:
                return Plan("none", "Nothing")
            metadata["parentChart"] = self.random.choice(earlier)
        else:
            metadata["chartId"] = self.random.choice(list(view.chart_ids()))
        return Plan("foreign", "Moved", [Edit("put", key, {**record, "metadata": metadata})])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(COMMANDS), min_size=3, max_size=14), st.integers(0, 2**32))
def test_after_any_commands_all_views_agree(commands: list[str], seed: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = init_store(Path(place) / ".coaia")
        with open_store(folder) as one, open_store(folder) as two:
            chart(one, "First", "a", "b")
            work = Random([one, two], seed)
            for command in commands:
                work.do(command)
                if command == "read":
                    compare([one, two])
            compare([one, two])


def test_a_step_that_only_relations_tie_to_its_chart_stays_in_sight(opened: Opener, folder: Path) -> None:
    """Old files name no chart in a step; edited, and before the index has followed, it is still there."""
    lines = [
        {"type": "entity", "name": "old_chart", "entityType": "structural_tension_chart", "observations": []},
        {
            "type": "entity",
            "name": "old_desired_outcome",
            "entityType": "desired_outcome",
            "observations": ["Book"],
        },
        {"type": "entity", "name": "old_action_1", "entityType": "action_step", "observations": ["Draft"]},
        {"type": "relation", "from": "old_chart", "to": "old_desired_outcome", "relationType": "contains"},
        {"type": "relation", "from": "old_chart", "to": "old_action_1", "relationType": "contains"},
    ]
    (folder / "charts.jsonl").write_bytes(b"".join(records.dumps(line) + b"\n" for line in lines))
    store = opened()
    store.catch_up()
    before = store.chart("default", "old").steps
    store.run("default", charts.complete, "old_action_1")
    with store.state("default") as state:
        assert "e:old_action_1" in state.keys_of("old")
    assert len(store.chart("default", "old").steps) == len(before) == 1


def test_the_mirror_forgets_what_was_cut_back(store: Store) -> None:
    """A commit that fails on its way out leaves nothing behind in what planners see."""
    name = chart(store)
    mirror = store._mirrors["default"]
    apply = mirror.apply

    class Stopped(Exception):
        pass

    def stopped(tx: Any) -> None:
        apply(tx)
        raise Stopped

    type(mirror).apply, kept = (lambda _self, tx: stopped(tx)), type(mirror).apply  # type: ignore[method-assign]
    try:
        store.run("default", charts.add_step, name, "Never")
    except Stopped:
        pass
    finally:
        type(mirror).apply = kept  # type: ignore[method-assign]
    compare([store])
    assert not any(key.endswith("_action_1") for key in from_journal(store).state())


def test_relations_that_come_back_have_the_place_they_had(store: Store) -> None:
    name = chart(store, "Book", "One", "Two", "Three")
    compare([store])
    store.run("default", charts.remove, [f"{name}_action_1"])
    compare([store])
    store.undo()
    compare([store])


@pytest.mark.parametrize("synced", [False, True], ids=["index behind", "index level"])
def test_the_name_of_a_deleted_step_is_never_new(opened: Opener, folder: Path, synced: bool) -> None:
    """What another process wrote and deleted, before this one read the chart or since, counts as written."""
    one, two = opened(), opened()
    name = chart(one, "Book")
    for store in (two, two, one):
        store.run("default", charts.add_step, name, "One")
        assert name in two._mirrors["default"].parts
    assert name in two._mirrors["default"].below
    one.run("default", charts.remove, [f"{name}_action_{number}" for number in (2, 3)])
    assert one.run("default", charts.add_step, name, "Two").focus == f"{name}_action_4"
    one.run("default", charts.remove, [f"{name}_action_4"])
    if synced:
        one.sync()
    assert two.run("default", charts.add_step, name, "Three").focus == f"{name}_action_5"
    two.run("default", charts.remove, [f"{name}_action_5"])
    assert one.run("default", charts.add_step, name, "Four").focus == f"{name}_action_6"
    assert [line.ver for line in versions_of(one, f"e:{name}_action_4")] == [1, 2]
    compare([one, two])


def test_versions_go_on_when_a_deleted_step_comes_back(opened: Opener, folder: Path) -> None:
    one, two = opened(), opened()
    name = chart(one, "Book", "One")
    step = f"{name}_action_1"
    one.run("default", charts.remove, [step])
    two.run("default", charts.add_fact, name, "Ten pages")  # it has the chart in mind, not the step
    one.undo()
    two.run("default", charts.edit_text, step, "Two")
    assert [line.ver for line in versions_of(two, f"e:{step}")] == [1, 2, 3, 4]
    compare([one, two])


def test_a_chart_with_a_long_history_is_not_known_by_heart(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.mirror.MOST_BELOW", 3)
    name = chart(store, "Book", "One", "Two")
    store.sync()
    store._mirrors.clear()
    store.run("default", charts.remove, [f"{name}_action_2"])
    store._mirrors.clear()
    assert store.run("default", charts.add_step, name, "Three").focus == f"{name}_action_3"
    assert store.run("default", charts.add_step, name, "Four").focus == f"{name}_action_4"
    assert store._mirrors["default"].below == {name: None}
    compare([store])


def versions_of(store: Store, key: str) -> list[Line]:
    """Every version of a record that the journal holds."""
    return [line for tx in store.journal("default").read() for line in tx.lines if line.key == key]
