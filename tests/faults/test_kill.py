"""kill -9 at any moment: what was acknowledged is there, whole; what was not, whole or not at all."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from store.errors import NotFound
from store.store import Store
from tests.faults.tally import tally
from tests.faults.workload import BATCH
from tests.stores import Opener, live

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
ROUNDS = 250 if FULL else 10
SEEDS = (1, 2, 3, 4) if FULL else (1,)
PARTS = ("_desired_outcome", "_current_reality")
KINDS = ("chart", "fact", "batch", "foreign", "compact", "backup")
STEPS = ("_action_1", "_action_2", "_action_3")


@pytest.mark.timeout(3600 if FULL else 150)
@pytest.mark.parametrize("seed", SEEDS)
def test_acknowledged_commands_survive_kill_9(folder: Path, opened: Opener, seed: int) -> None:
    dice = random.Random(seed)
    said: dict[str, list[list[str]]] = defaultdict(list)
    for number in range(ROUNDS):
        for line in _killed(folder, seed * 1000 + number, dice.random() * 0.25):
            kind, *rest = line.split()
            said[kind].append(rest)
    store = opened()
    store.catch_up()
    state = live(store)
    for (name,) in said["chart"]:
        assert f"e:{name}_chart" in state, f"lost: {name}"
    for name, text in said["fact"]:
        assert text in state[f"e:{name}_current_reality"]["observations"], f"lost: {text}"
    for (tag,) in said["foreign"]:
        assert f"e:foreign-{tag}" in state, f"lost: foreign-{tag}"
    batches = _batches(state)
    for (tag,) in said["batch"]:
        assert batches[tag] == BATCH, f"lost: batch-{tag}"
    assert set(batches.values()) <= {BATCH}, "half a batch"
    _whole(state)
    assert [item for item in store.verify() if item.severity == "error"] == []
    store.settle()
    there = sum(key.endswith("_chart") for key in state)
    assert store.layout.chart_file("default").read_bytes().count(b'"structural_tension_chart"') == there
    _backups(store, said["backup"])
    acknowledged = sum(len(lines) for kind, lines in said.items() if kind != "open")
    assert acknowledged >= ROUNDS // 3
    tally("kill -9", kills=ROUNDS, acknowledged=acknowledged, lost=0, half_visible=0)
    tally("kill -9, acknowledged", **{kind: len(said[kind]) for kind in KINDS})


def _killed(folder: Path, seed: int, seconds: float) -> list[str]:
    """Run the workload, kill it after a while, and return what it acknowledged."""
    words = [sys.executable, "-m", "tests.faults.workload", str(folder), str(seed)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        if seed % 10 == 0:
            time.sleep(seconds)  # killed while it starts, too
            first = b""
        else:
            first = child.stdout.readline()
            time.sleep(seconds)
        running = child.poll() is None
        child.kill()
        lines = (first + child.stdout.read()).splitlines(keepends=True)
        assert running, child.stderr.read().decode()
    return [line.decode() for line in lines if line.endswith(b"\n")]


def _batches(state: dict[str, object]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for key, value in state.items():
        if key.endswith("_desired_outcome"):
            text = value["observations"][0]  # type: ignore[index]
            if text.startswith("batch-"):
                found[text.removeprefix("batch-").rpartition("-")[0]] += 1
    return found


def _whole(state: dict[str, object]) -> None:
    """No half of a command is to be seen."""
    for key in state:
        if not key.endswith("_chart"):
            continue
        base = key.removesuffix("_chart")
        assert all(base + part in state for part in PARTS), f"half a command: {base}"
        outcome = state[base + "_desired_outcome"]["observations"][0]  # type: ignore[index]
        if outcome.startswith("Book "):
            assert all(base + part in state for part in STEPS), f"half a command: {base}"


def _backups(store: Store, said: list[list[str]]) -> None:
    """Every acknowledged backup is there, and all that are there are whole."""
    from store.upkeep.backup import checking, open_repository

    try:
        repository = open_repository(store)
    except NotFound:
        assert said == []
        return
    there = {backup.id for backup in repository.backups()}
    assert [backup_id for (backup_id,) in said if backup_id not in there] == []
    assert [item for item in checking.verify(store, all=True) if item.severity == "error"] == []
