"""The disk refuses, at each call of each command in turn: a clear error, the store as before, and it works again."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

from store import charts, syscalls
from store.errors import ReadOnly, StorageError
from store.store import Store
from tests.stores import Opener, chart, live

CALLS = ("open_file", "write", "pwrite", "fdatasync", "fsync", "rename", "link", "truncate")
CODES = (errno.ENOSPC, errno.EIO, errno.EACCES)

COMMANDS: dict[str, Callable[[Store, str], Any]] = {
    "run": lambda store, name: store.run("default", charts.add_fact, name, "New"),
    "undo": lambda store, name: store.undo(),
    "move": lambda store, name: store.move("default", [name], "work"),
    "rename": lambda store, name: store.contexts.rename("play", "game"),
    "publish": lambda store, name: store.publish("default"),
    "absorb": lambda store, name: store.absorb("default"),
}


class Refusing:
    """Lets the system calls of the store fail with `code` from the `nth` one on, `times` times."""

    def __init__(self, patch: pytest.MonkeyPatch, nth: int, code: int) -> None:
        self.count = 0
        self.refused = False
        for name in CALLS:
            patch.setattr(syscalls, name, self._wrapped(getattr(syscalls, name), nth, code))

    def _wrapped(self, real: Callable[..., Any], nth: int, code: int) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.count += 1
            if self.count == nth:
                self.refused = True
                raise OSError(code, os.strerror(code))
            return real(*args)

        return call


def states(store: Store) -> dict[str, Any]:
    return {name: live(store, name) for name in ("default", "work", "play", "game")}


@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_refused_call_leaves_the_store_as_it_was(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    store = opened("ann")
    name = chart(store, "Book", "Draft")
    store.contexts.create("play")
    chart(store, "Game", context="play")
    store.run("default", charts.add_fact, name, "Last")
    for nth in range(1, 60):
        store.settle()
        path = store.layout.chart_file("default")
        if command == "absorb":
            path.write_bytes(path.read_bytes() + b'{"type":"entity","name":"n%d"}\n' % nth)
        if command == "publish":
            store.run("default", charts.add_fact, name, f"Fact {nth}")
        before = states(store)
        with monkeypatch.context() as patch:
            refusing = Refusing(patch, nth, code)
            try:
                COMMANDS[command](store, name)
            except (StorageError, ReadOnly):
                failed = True
            else:
                failed = False
        if not refusing.refused:
            break
        store.catch_up()
        after = states(store)
        if failed and command in ("run", "undo", "publish"):
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
        store.run("default", charts.add_fact, name, f"Works {nth}")
        assert [item for item in store.verify() if item.severity == "error"] == []
    else:
        pytest.fail("the command never came to its end")
