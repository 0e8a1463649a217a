"""The disk refuses, at each call of each command in turn: a clear error, the store as before, and it works again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store import charts, clock
from store.errors import ReadOnly, StorageError
from store.store import Store
from store.upkeep.health import metrics
from store.upkeep.retention import retain as retention
from store.upkeep.rules import parse_rule
from tests.faults.cutting import CODES, FULL, AtCall, named
from tests.faults.tally import tally
from tests.stores import Opener, chart, live

COMMANDS: dict[str, Callable[[Store, str], Any]] = {
    "run": lambda store, name: store.run("default", charts.add_fact, name, "New"),
    "add": lambda store, name: store.run("default", charts.create_chart, "New", "r", steps=["a"]),
    "telescope": lambda store, name: store.run("default", charts.telescope, f"{name}_action_1"),
    "remove": lambda store, name: store.run("default", charts.remove, [name]),
    "import": lambda store, name: store.import_file(outline(store), "default"),
    "undo": lambda store, name: store.undo(),
    "redo": lambda store, name: store.redo(),
    "move": lambda store, name: store.move("default", [name], "work"),
    "rename": lambda store, name: store.contexts.rename("play", "game"),
    "publish": lambda store, name: store.publish("default"),
    "absorb": lambda store, name: store.absorb("default"),
    "create": lambda store, name: store.contexts.create(f"new-{len(store.contexts.names())}"),
    "put-away": lambda store, name: store.contexts.archive("play"),
    "bring-back": lambda store, name: store.contexts.restore("play"),
    "retention": lambda store, name: forget_samples(store),
}


ALL_OR_NOTHING = ("run", "add", "telescope", "remove", "import", "undo", "redo", "publish")


def outline(store: Store) -> Path:
    path = store.root.parent / "outline.md"
    path.write_text("# One\n# Two\n")
    return path


def forget_samples(store: Store) -> None:
    """Apply a rule under which all but the newest sample go."""
    (part,) = retention.apply(store, at_once=True).parts
    if part.problem:
        raise StorageError(part.problem)


def sample(store: Store, number: int) -> None:
    """A sample that is due to be forgotten, and one that is not."""
    rules = {"metrics": parse_rule("delete 30d")}
    store._settings = dataclasses.replace(store.settings, retention=rules)
    now = clock.now()
    for age in (90, 0):
        at = clock.stamp(now - timedelta(days=age))
        record = {"type": "metric", "id": f"m{number}-{age}", "at": at, "figures": {"n": float(age)}}
        metrics.append(store, record)


def samples(store: Store) -> set[str]:
    """The names of the samples that are live."""
    journal = store.journal("default", "activity")
    lines = (line for tx in journal.read() for line in tx.lines)
    return {line.key for line in lines if line.raw is not None and line.key.startswith("x:metric:")}


def states(store: Store) -> dict[str, Any]:
    return {name: live(store, name) for name in ("default", "work", "play", "game")}


@pytest.mark.parametrize("code", CODES, ids=named)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_refused_call_leaves_the_store_as_it_was(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    store = opened("ann")
    name = chart(store, "Book", "Draft")
    store.contexts.create("play")
    chart(store, "Game", context="play")
    played = live(store, "play")
    store.run("default", charts.add_fact, name, "Last")
    for nth in range(1, 100, 1 if FULL or command in ALL_OR_NOTHING else 3):
        store.settle()
        path = store.layout.chart_file("default")
        if command == "absorb":
            path.write_bytes(path.read_bytes() + b'{"type":"entity","name":"n%d"}\n' % nth)
        if command == "publish":
            store.run("default", charts.add_fact, name, f"Fact {nth}")
        if command in ("telescope", "remove"):
            name = chart(store, "Another", "Draft")
        if command == "redo":
            store.run("default", charts.add_fact, name, f"Undone {nth}")
            store.undo()
        if command == "bring-back":
            store.contexts.archive("play")
        if command == "retention":
            sample(store, nth)
        before = states(store)
        with monkeypatch.context() as patch:
            at = AtCall(patch, nth, code)
            try:
                COMMANDS[command](store, name)
            except (StorageError, ReadOnly):
                failed = True
            else:
                failed = False
        if not at.met:
            break
        store.catch_up()
        after = states(store)
        tally(f"refused calls, {command}", calls=1, lost=0)
        if failed and command in ALL_OR_NOTHING:
            assert after == before
        elif command == "move":
            assert (f"e:{name}_chart" in after["default"]) != (f"e:{name}_chart" in after["work"])
            if f"e:{name}_chart" in after["work"]:
                store.move("work", [name], "default")
        elif command == "rename":
            assert (after["play"] == before["play"]) != (after["game"] == before["play"])
            if after["game"]:
                store.contexts.rename("game", "play")
        elif command == "absorb":
            assert f"e:n{nth}" in after["default"]
        elif command in ("put-away", "bring-back"):
            assert ("play" in store.contexts.names()) != ("play" in store.contexts.archived())
            if "play" in store.contexts.archived():
                store.contexts.restore("play")
            assert live(store, "play") == played
        elif command == "retention":
            assert after == before
            assert f"x:metric:m{nth}-0" in samples(store)
            forget_samples(store)
            assert not any(key.endswith("-90") for key in samples(store))
        works = chart(store, "Another") if command == "remove" else name
        store.run("default", charts.add_fact, works, f"Works {nth}")
        assert [item for item in store.verify() if item.severity == "error"] == []
    else:
        pytest.fail("the command never came to its end")
