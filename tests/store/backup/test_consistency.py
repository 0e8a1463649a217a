"""Backups taken while other processes write and move charts: each restores to a state that existed."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from store import charts, open_store
from store.journal_reader import JournalReader
from store.model import Position
from store.store import Store
from store.upkeep.backup import snapshot
from store.upkeep.backup.taking import take
from tests.store.backup.restored import out, states
from tests.stores import Opener, chart, until

WRITER = """
import sys
from pathlib import Path
from store.journal import Draft, Journal
home = Path(sys.argv[1])
journals = [
    Journal(home / ".journal" / name / "charts.jsonl", name, recovery=home / ".recovery")
    for name in ("default", "play")
]
for n in range(100000):
    raw = b'{"type":"entity","name":"n%d","entityType":"t","observations":["%d"]}' % (n, n)
    for journal in journals:
        journal.append_many([Draft("put", f"e:n{n}", 1, raw)], by="writer")
    print(n, flush=True)
"""

MOVER = """
import sys, time
from store import open_store
with open_store(sys.argv[1]) as store:
    name, there = sys.argv[2], "default"
    for n in range(100000):
        other = "play" if there == "default" else "default"
        store.move(there, [name], other)
        there = other
        print(n, flush=True)
        time.sleep(0.02)
"""


def begun(code: str, *words: str) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline()
    return child


def numbers(state: dict[str, Any]) -> list[int]:
    return sorted(int(key[3:]) for key in state if re.fullmatch(r"e:n\d+", key))


@pytest.mark.parametrize("tries", [snapshot.TRIES, 0], ids=["read twice", "locked"])
def test_every_backup_is_of_one_moment(
    opened: Opener, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(snapshot, "TRIES", tries)
    store = opened()
    store.contexts.create("play")
    chart(store, "Game", context="play")
    moved = chart(store, "Wanderer", "A step")
    store.settle()
    children = [begun(WRITER, str(folder)), begun(MOVER, str(folder), moved)]
    made = []
    try:
        for number in range(8):
            made.append(take(store, "full" if number == 4 else None))
            time.sleep(0.05)
    finally:
        assert [child.poll() for child in children] == [None, None], "a writer was stopped by the backup"
        for child in children:
            child.kill()
            child.wait()
    reached = -1
    for number, backup in enumerate(made):
        found = states(out(store, backup, tmp_path / str(number)))
        here, there = numbers(found["default"]), numbers(found["play"])
        assert here == list(range(len(here)))
        assert len(here) - 1 <= len(there) <= len(here), "the contexts are of two moments"
        places = [name for name in ("default", "play") if f"e:{moved}_chart" in found[name]]
        assert len(places) == 1, "a move is there whole"
        assert len(here) >= reached
        reached = len(here)
    assert len(numbers(states(out(store, made[-1], tmp_path / "last"))["default"])) > len(
        numbers(states(out(store, made[0], tmp_path / "first"))["default"])
    )


def test_a_compaction_in_the_middle_changes_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = chart(store, "Book", *(f"Step {n}" for n in range(50)))
    real = snapshot.journals

    def compacted(store: Store) -> list[snapshot.Generation]:
        found = real(store)
        with open_store(store.root) as other:
            journal = other.journal("default")
            lines = store.layout.journal("default").read_bytes().splitlines(keepends=True)[1:]
            journal.start_generation(lines)
        return found

    monkeypatch.setattr(snapshot, "journals", compacted)
    backup = take(store)
    there = out(store, backup, tmp_path / "there")
    assert f"e:{name}_chart" in states(there)["default"]
    assert not (there / ".journal/default/archive").exists()


def test_a_context_renamed_in_the_middle_is_there_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart(store, "Book")
    store.contexts.create("play")
    chart(store, "Game", context="play")
    store.settle()
    with store.layout.chart_file("play").open("ab") as file:  # so it is copied, not published anew
        file.write(b'{"type":"entity","name":"theirs","entityType":"t","observations":[]}\n')
    real, renamed = snapshot.journals, []

    def journals(store: Store) -> list[snapshot.Generation]:
        if not renamed:
            renamed.append(store.contexts.rename("play", "game"))
        return real(store)

    monkeypatch.setattr(snapshot, "journals", journals)
    assert set(states(out(store, take(store), tmp_path / "there"))) == {"default", "game"}


def test_a_chart_file_written_in_the_middle_brings_nothing_that_the_journals_lack(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program adds a record to a version of the file that is newer than the backup's journals."""
    name = chart(store, "Book")
    store.settle()
    real = snapshot.journals

    def journals(store: Store) -> list[snapshot.Generation]:
        found = real(store)
        chart(store, "Too late")
        store.settle()
        return found

    monkeypatch.setattr(snapshot, "journals", journals)
    found = states(out(store, take(store), tmp_path / "there"))["default"]
    assert f"e:{name}_chart" in found
    assert "Too late" not in str(found)


def test_positions_read_while_another_was_passed_by_are_not_taken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the readings of two journals somebody writes to the first, and then to the second."""
    name = chart(store, "Book")
    store.contexts.create("play")
    other = chart(store, "Game", context="play")
    real = JournalReader.position
    outside = open_store(store.root)
    read: list[str] = []
    written: list[str] = []

    def position(self: JournalReader) -> Position:
        found = real(self)
        if self is store.journal(self.context):
            read.append(self.context)
            if len(read) in (1, 3):  # the first of the two, in the first reading and in the second
                for context, target in sorted(
                    {"default": name, "play": other}.items(), reverse=read[0] == "play"
                ):
                    outside.run(context, charts.add_fact, target, f"Both or none {len(read)}")
                    written.append(context)
        return found

    monkeypatch.setattr(JournalReader, "position", position)
    backup = take(store)
    monkeypatch.setattr(JournalReader, "position", real)
    outside.close()
    assert len(written) == 4
    found = states(out(store, backup, tmp_path / "there"))
    assert [str(found[context]).count("Both or none") for context in ("default", "play")] == [2, 2]


def test_a_move_that_holds_one_journal_and_wants_another_comes_to_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup would wait for the one, holding the other, if it did not hold off moves first."""
    store.layout.settings.write_text("[store]\nlock_timeout = 2\n", encoding="utf-8")
    store._settings = None
    chart(store, "Book")
    store.contexts.create("play")
    name = chart(store, "Game", context="play")
    monkeypatch.setattr(snapshot, "TRIES", 0)
    done: list[object] = []
    backing = threading.Thread(target=lambda: done.append(take(store)))
    with open_store(store.root) as other:
        real = other.commit

        def commit(context: str, *args: Any, **words: Any) -> Any:
            if context == "default":  # the journal of “play” is locked by now
                backing.start()
                time.sleep(0.3)
            return real(context, *args, **words)

        monkeypatch.setattr(other, "commit", commit)
        other.move("play", [name], "default")
        backing.join(5)
    assert len(done) == 1


def test_moves_and_backups_wait_for_each_other_without_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a backup holds every journal, moves wait before they take one."""
    name = chart(store, "Book")
    store.contexts.create("play")
    monkeypatch.setattr(snapshot, "TRIES", 0)
    holding, go = threading.Event(), threading.Event()
    real = snapshot._pinned

    def pinned(store: Store, positions: Any) -> Any:
        holding.set()
        go.wait(5)
        return real(store, positions)

    monkeypatch.setattr(snapshot, "_pinned", pinned)
    backing = threading.Thread(target=take, args=(store,))
    backing.start()
    assert holding.wait(5)
    with open_store(store.root) as other:
        moving = threading.Thread(target=other.move, args=("default", [name], "play"))
        moving.start()
        time.sleep(0.1)
        assert moving.is_alive()
        go.set()
        backing.join(5)
        moving.join(5)
        assert not moving.is_alive()
        assert not backing.is_alive()
    until(lambda: store.layout.journal("play").exists())
