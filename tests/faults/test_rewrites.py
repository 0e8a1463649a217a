"""Another program rewrites the chart file over and over, from what it read some time ago, or halves it, or empties it.

No edit of either side is lost that was in any version of the file: ours is live, theirs is live or in
the history.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from store import charts
from store.store import Store
from tests.faults.tally import tally
from tests.stores import chart

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
ROUNDS = 500 if FULL else 60


class Peer:
    """A program without a lock: reads the whole file, thinks, writes all of it back."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.memory: list[dict[str, Any]] = []
        self.count = 0

    def read(self) -> None:
        lines = self.path.read_bytes().splitlines()
        self.memory = [json.loads(line) for line in lines if line.strip()]

    def think(self, chart_id: str) -> str:
        """Change something in what was read; the word it adds."""
        self.count += 1
        word = f"{self.name}-{self.count}"
        if self.count % 3 == 0:
            self.memory.append({"type": "entity", "name": word, "entityType": "note", "observations": [word]})
            return word
        for record in self.memory:
            if record.get("name") == f"{chart_id}_current_reality":
                record["observations"].append(word)
                return word
        return ""

    def write(self) -> None:
        self.path.write_text("".join(json.dumps(record) + "\n" for record in self.memory))

    def tear(self) -> None:
        """Write the first half of it and die."""
        data = "".join(json.dumps(record) + "\n" for record in self.memory).encode()
        self.path.write_bytes(data[: len(data) // 2])

    def wipe(self) -> None:
        self.path.write_bytes(b"")


@pytest.mark.timeout(1800 if FULL else 150)
def test_nothing_that_was_in_any_version_is_lost(store: Store) -> None:
    dice = random.Random(5)
    name = chart(store, "Shared")
    store.settle()
    path = store.layout.chart_file("default")
    peers = [Peer(path, who) for who in ("ann", "bob", "cid")]
    for peer in peers:
        peer.read()
    ours: list[str] = []
    theirs: list[str] = []
    did: Counter[str] = Counter()
    for n in range(ROUNDS):
        peer = dice.choice(peers)
        if dice.random() < 0.6:  # else it goes by what it read before: a lost update
            peer.read()
        for _ in range(dice.randrange(3)):
            ours.append(f"our-{len(ours)}")
            store.run("default", charts.add_fact, name, ours[-1])
            if dice.random() < 0.5:
                store.settle()
        what = dice.choices(("write", "tear", "wipe"), (7, 1, 1))[0]
        did[what] += 1
        if what == "write":
            theirs.append(peer.think(name))
        getattr(peer, what)()
        if what == "write" and n % 2:
            _check_seen(path, theirs[-1])
        store.absorb(at_rest=dice.random() < 0.5)
        store.settle()
    facts = set(store.chart("default", name).reality)
    assert set(ours) <= facts, f"lost of ours: {sorted(set(ours) - facts)}"
    history = _words(store)
    assert set(filter(None, theirs)) <= history, f"lost of theirs: {sorted(set(theirs) - history)}"
    assert [item for item in store.verify() if item.severity == "error"] == []
    tally("rewrites by another program", **did, edits_lost=0)


def _check_seen(path: Path, word: str) -> None:
    assert word.encode() in path.read_bytes()


def _words(store: Store) -> set[str]:
    """Every observation of every version in the journal."""
    found: set[str] = set()
    for tx in store.journal("default").read():
        for line in tx.lines:
            value = line.value() or {}
            found.update(value.get("observations", ()))
    return found
