"""What a foreign rewrite means: no edit of either side is lost, nothing old comes back."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import records
from store.absorb import Absorption, Version, plan_absorb
from store.chartfile import ChartFile, Signature, read_chart_file
from store.merge import merge
from store.model import Collision, Edit, Held, Json, Position
from store.publish import Published, PublishedLog, publish, published_form

DATA = Path(__file__).parents[1] / "data" / "coaia"
SECOND = 1_000_000_000


class Memory:
    """An in-memory journal with the chart file it is published to, and a clock that is set by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = PublishedLog(path.with_name("published.jsonl"))
        self.versions_of: dict[str, list[tuple[int, Json | None, bytes | None]]] = {}
        self.count = 0
        self.foreign: set[int] = set()
        self.known: set[Collision] = set()
        self.seconds = 1000.0
        self.seen: Signature | None = None

    @property
    def position(self) -> Position:
        return Position(1, self.count, f"{self.count:032x}")

    # the History protocol

    def current(self, key: str) -> Held | None:
        found = self.versions_of.get(key, [])
        return Held(key, len(found), found[-1][1]) if found and found[-1][1] is not None else None

    def same_raw(self, key: str, raw: bytes) -> bool:
        found = self.versions_of.get(key)
        return bool(found) and found[-1][2] == raw  # type: ignore[index]

    def at(self, position: Position, key: str) -> Json | None:
        then = [record for when, record, _ in self.versions_of.get(key, []) if when <= position.offset]
        return then[-1] if then else None

    def live_keys(self) -> list[str]:
        keys = [key for key, found in self.versions_of.items() if found[-1][1] is not None]
        return sorted(keys, key=lambda key: key.startswith("r:"))

    def versions(self, key: str) -> list[Version]:
        return [
            Version(record, when in self.foreign, ver)
            for ver, (when, record, _) in reversed([*enumerate(self.versions_of.get(key, []), 1)])
        ]

    def listed(self, conflict: Collision) -> bool:
        said = (conflict.key, conflict.path, conflict.ours, conflict.theirs)
        return any(said == (one.key, one.path, one.ours, one.theirs) for one in self.known)

    def raw(self, key: str) -> bytes | None:
        return self.versions_of[key][-1][2]

    def changed_since(self, position: Position) -> set[str]:
        return {key for key, found in self.versions_of.items() if found[-1][0] > position.offset}

    # what a store does

    def commit(self, *edits: Edit) -> None:
        self.count += 1
        for edit in edits:
            raw = edit.raw
            if raw is None and edit.record is not None:
                raw = records.dumps(edit.record)
            record = None if edit.op == "delete" else records.loads(raw or b"")
            self.versions_of.setdefault(edit.key, []).append((self.count, record, raw))

    def put(self, record: Json) -> str:
        key = records.key_of(record, records.dumps(record))
        self.commit(Edit("put", key, deepcopy(record)))
        return key

    def get(self, key: str) -> Json:
        held = self.current(key)
        assert held is not None
        assert held.record is not None
        return deepcopy(held.record)

    def publish(self) -> None:
        lines = (published_form(self.versions_of[key][-1][2] or b"") for key in self.live_keys())
        self.write(b"".join(line + b"\n" for line in lines if line is not None))
        self.seen = self.signed()
        self.log.published(self.position, Published(self.path, self.seen, 1))

    def write(self, content: bytes) -> None:
        self.path.write_bytes(content)
        os.utime(self.path, ns=(int(self.seconds * SECOND), int(self.seconds * SECOND)))

    def signed(self) -> Signature:
        found = self.path.stat()
        return Signature(found.st_size, found.st_mtime_ns, found.st_ino)

    def plan(self, *, at_rest: bool = True, known: bool = True) -> Absorption:
        file = self.read(known=known)
        return plan_absorb(
            file,
            self.log.around(file.signature.mtime_ns),
            self,
            at_rest=at_rest,
            pool=self.log.pool(),
        )

    def read(self, *, known: bool = True) -> ChartFile:
        return read_chart_file(self.path, known=self.same_raw if known else None)

    def absorb(self, *, at_rest: bool = True) -> Absorption:
        plan = self.plan(at_rest=at_rest)
        if plan.edits:
            self.commit(*plan.edits)
            self.foreign.add(self.count)
        self.seen = self.signed()
        self.log.absorbed(self.position, self.seen, 1, plan.positions)
        return plan

    # what a peer does

    def foreign_read(self) -> list[Json]:
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines() if line.strip()]

    def foreign_write(self, lines: list[Json]) -> None:
        self.write(
            "\n".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in lines).encode()
        )


def step(number: int, *notes: str, **metadata: Any) -> Json:
    return {
        "type": "entity",
        "name": f"chart_1_action_{number}",
        "entityType": "action_step",
        "observations": [f"Step {number}", *notes],
        "metadata": {"chartId": "chart_1", "completionStatus": False, **metadata},
    }


def link(number: int) -> Json:
    return {
        "type": "relation",
        "from": f"chart_1_action_{number}",
        "to": "o",
        "relationType": "advances_toward",
    }


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    memory = Memory(tmp_path / "charts.jsonl")
    for number in range(1, 11):
        memory.put(step(number))
        memory.put(link(number))
    memory.publish()
    memory.seconds += 60
    return memory


# -- first import ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.jsonl")))
def test_a_first_import_takes_every_line_over_as_it_is(name: str, tmp_path: Path) -> None:
    memory = Memory(tmp_path / "charts.jsonl")
    content = (DATA / name).read_bytes()
    memory.write(content)
    plan = memory.absorb()
    assert plan.first
    assert plan.distrust is None
    broken = [found.line_no for found in memory.read().broken]
    lines = [
        line.strip()
        for number, line in enumerate(content.split(b"\n"), 1)
        if line.strip() and not line.startswith(b"#") and number not in broken
    ]
    assert [edit.raw for edit in plan.edits if not edit.key.startswith("c:")] == lines
    assert len([edit for edit in plan.edits if edit.key.startswith("c:")]) == content.count(b"# COAIA")
    memory.publish()
    assert sorted(memory.path.read_bytes().splitlines()) == sorted(lines)
    again = memory.plan()
    assert (again.edits, again.stale, again.conflicts) == ([], False, [])


def test_of_two_lines_the_first_is_live_and_the_other_in_the_history(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "charts.jsonl")
    first, second, third = step(1, "a"), step(1, "b"), step(1, "c")
    memory.foreign_write([first, link(1), second, third])
    plan = memory.absorb()
    assert [edit.record for edit in plan.edits] == [third, second, first, link(1)]
    assert memory.get("e:chart_1_action_1") == first
    assert [finding.code for finding in plan.findings].count("duplicate-name") == 2


def test_another_format_is_neither_imported_nor_overwritten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "charts.jsonl")
    memory.write(b'[{"type":"entity","name":"a"}]')
    plan = memory.plan()
    assert (plan.edits, plan.stale, plan.first) == ([], False, True)
    assert plan.distrust is not None


# -- one foreign change ----------------------------------------------------------------------------


def test_an_unchanged_file_in_any_order_is_no_news(memory: Memory) -> None:
    lines = memory.foreign_read()
    random.Random(1).shuffle(lines)
    memory.foreign_write(lines)
    plan = memory.plan()
    assert (plan.edits, plan.stale, plan.believed_deletions, plan.conflicts) == ([], False, [], [])


def test_their_change_and_ours_to_one_record_both_stay(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(1, "ours", dueDate="2026-12-01"))
    lines[0]["observations"].append("theirs")
    lines[0]["metadata"]["completionStatus"] = True
    memory.foreign_write(lines)
    plan = memory.absorb()
    assert memory.get("e:chart_1_action_1") == step(
        1, "ours", "theirs", dueDate="2026-12-01", completionStatus=True
    )
    assert len(plan.edits) == 1
    assert plan.stale
    assert plan.conflicts == []


def test_the_bytes_of_an_unmodified_line_are_kept(memory: Memory) -> None:
    raw = b'{ "type": "entity", "zeta": 1, "name": "new", "big": 12345678901234567890123 }'
    memory.write(memory.path.read_bytes() + raw + b"\r\n")
    plan = memory.absorb()
    assert [(edit.key, edit.raw) for edit in plan.edits] == [("e:new", raw)]
    assert not plan.stale


def test_a_conflict_is_said_and_the_other_value_is_in_the_history(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(1, dueDate="2026-12-01"))
    lines[0]["metadata"]["dueDate"] = "2027-01-01"
    memory.foreign_write(lines)
    path = ("metadata", "dueDate")
    assert memory.absorb().conflicts == [
        Collision("e:chart_1_action_1", path, '"2026-12-01"', '"2027-01-01"', None, 2)
    ]
    assert [
        record["metadata"].get("dueDate")
        for _, record, _ in memory.versions_of["e:chart_1_action_1"]
        if record
    ] == [
        None,
        "2026-12-01",
        "2027-01-01",
    ]


def test_where_nothing_tells_what_they_had_read_our_value_is_listed(memory: Memory) -> None:
    """They read the file before or after our edit: its line, which alone could tell, they changed."""
    lines = memory.foreign_read()
    memory.put(step(1, dueDate="2026-12-01"))
    memory.publish()
    lines[0]["metadata"]["dueDate"] = "2027-01-01"
    memory.foreign_write(lines)
    (found,) = memory.absorb().conflicts
    assert (found.ours, found.theirs) == ('"2026-12-01"', '"2027-01-01"')


def test_where_the_rest_of_the_file_tells_that_they_had_read_ours_it_is_no_conflict(memory: Memory) -> None:
    memory.commit(
        Edit("put", "e:chart_1_action_1", step(1, dueDate="2026-12-01")),
        Edit("put", "e:chart_1_action_2", step(2, "a note")),
    )
    memory.publish()
    lines = memory.foreign_read()
    lines[0]["metadata"]["dueDate"] = "2027-01-01"
    memory.foreign_write(lines)
    plan = memory.absorb()
    assert (len(plan.edits), plan.conflicts) == (1, [])


def test_a_later_duplicate_that_is_news_is_merged_by_itself(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.foreign_write([*lines, step(1, "appended by a tool")])
    plan = memory.absorb()
    assert memory.get("e:chart_1_action_1") == step(1, "appended by a tool")
    assert [finding.code for finding in plan.findings] == ["no-newline", "duplicate-name"]


def test_of_two_new_lines_of_one_key_the_first_wins(memory: Memory) -> None:
    lines = memory.foreign_read()
    lines[0]["metadata"]["dueDate"] = "2027-01-01"
    memory.foreign_write([*lines, step(1, dueDate="2027-02-02")])
    plan = memory.absorb()
    assert plan.edits[-1].record == step(1, dueDate="2027-01-01")
    assert plan.conflicts == [], "they disagree among themselves, not with us"


def test_where_our_value_comes_out_of_several_lines_it_did_not_give_way(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(1, dueDate="2027-01-01"))
    lines[0] = step(1, "theirs", dueDate="2027-01-01")
    memory.foreign_write([*lines, step(1, dueDate="2027-02-02")])
    plan = memory.absorb()
    assert memory.get("e:chart_1_action_1") == step(1, "theirs", dueDate="2027-01-01")
    assert plan.conflicts == []


def test_comments_are_kept_and_not_published(memory: Memory) -> None:
    memory.write(b"# by hand\n" + memory.path.read_bytes())
    plan = memory.absorb()
    assert [edit.record for edit in plan.edits] == [{"type": "comment", "text": "# by hand"}]
    memory.publish()
    assert b"#" not in memory.path.read_bytes()
    again = memory.plan()
    assert (again.edits, again.believed_deletions) == ([], [])


# -- deletions -------------------------------------------------------------------------------------


def without(memory: Memory, *numbers: int) -> None:
    gone = {step(number)["name"] for number in numbers}
    memory.foreign_write([line for line in memory.foreign_read() if line.get("name") not in gone])


def test_a_deletion_at_rest_is_believed(memory: Memory) -> None:
    without(memory, 3)
    waiting = memory.plan(at_rest=False)
    assert (waiting.edits, waiting.waiting) == ([], ["e:chart_1_action_3"])
    plan = memory.absorb()
    assert plan.believed_deletions == ["e:chart_1_action_3"]
    assert memory.current("e:chart_1_action_3") is None
    assert memory.plan().edits == []


def test_a_record_younger_than_what_they_read_is_not_deleted(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(11))
    memory.publish()
    memory.seconds += 3
    memory.foreign_write(lines)
    plan = memory.absorb()
    assert (plan.edits, plan.stale) == ([], True)


def test_nor_when_they_were_very_slow(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(11))
    memory.publish()
    memory.seconds += 3600
    lines[0]["observations"].append("theirs")
    memory.foreign_write(lines)
    assert [edit.key for edit in memory.absorb().edits] == ["e:chart_1_action_1"]


def test_a_very_slow_writer_does_not_undo_our_edits(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(1, dueDate="2026-12-01"))
    memory.publish()
    memory.seconds += 60
    memory.put(step(2, "later"))
    memory.publish()
    memory.seconds += 3600
    lines[4]["metadata"]["completionStatus"] = True
    memory.foreign_write(lines)
    assert [edit.key for edit in memory.absorb().edits] == [f"e:{lines[4]['name']}"]
    assert memory.get("e:chart_1_action_1") == step(1, dueDate="2026-12-01")


def test_a_record_we_changed_since_is_not_deleted_and_that_is_a_conflict(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.put(step(3, "ours"))
    memory.foreign_write([line for line in lines if line.get("name") != step(3)["name"]])
    assert memory.plan(at_rest=False).waiting == ["e:chart_1_action_3"]
    plan = memory.absorb()
    assert (plan.believed_deletions, plan.held_against) == ([], ["e:chart_1_action_3"])
    assert memory.get("e:chart_1_action_3") == step(3, "ours")
    (found,) = plan.conflicts
    assert (found.path, found.theirs) == ((), None)
    assert records.loads((found.ours or "").encode()) == step(3, "ours")
    memory.known.add(found)
    assert (memory.plan().edits, memory.plan().conflicts) == ([], [])


def test_what_we_deleted_is_not_brought_back_by_a_copy(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.commit(Edit("delete", "e:chart_1_action_3"))
    lines[0]["observations"].append("theirs")
    memory.foreign_write(lines)
    plan = memory.absorb()
    assert [edit.key for edit in plan.edits] == ["e:chart_1_action_1"]
    assert memory.current("e:chart_1_action_3") is None


def test_what_we_deleted_and_they_changed_comes_back_and_is_said(memory: Memory) -> None:
    lines = memory.foreign_read()
    memory.commit(Edit("delete", "e:chart_1_action_3"))
    lines[2]["observations"].append("theirs")
    memory.foreign_write(lines)
    (found,) = memory.absorb().conflicts
    assert (found.key, found.path, found.ours, found.ver) == ("e:chart_1_action_3", (), None, 2)
    assert records.loads((found.theirs or "").encode()) == step(3, "theirs")
    assert memory.get("e:chart_1_action_3") == step(3, "theirs")


# -- files that are not believed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: b"", "the file is empty"),
        (lambda content: b"\n\n", "the file is empty"),
        (lambda content: content[:500], "the file ends in the middle of a record"),
        (lambda content: content[: content.index(b"\n", 700) + 1], "15 of 20 records are suddenly gone"),
        (
            lambda content: b"".join(content.splitlines(keepends=True)[:15]),
            "the last 5 of 20 records are cut off",
        ),
        (lambda content: content.replace(b'"Step 4"', b'"Step', 1), "1 line of the file cannot be read"),
        (lambda content: b"\x00" * len(content), "the file holds another format, not one record to a line"),
    ],
)
def test_a_file_nobody_meant_is_not_believed(
    memory: Memory, damage: Callable[[bytes], bytes], reason: str
) -> None:
    before = {key: memory.get(key) for key in memory.live_keys()}
    memory.write(damage(memory.path.read_bytes()))
    plan = memory.absorb()
    assert plan.distrust == reason
    assert plan.stale
    assert {key: memory.get(key) for key in memory.live_keys()} == before


def test_good_lines_of_a_torn_file_are_absorbed(memory: Memory) -> None:
    lines = memory.foreign_read()
    lines[0]["observations"].append("theirs")
    memory.foreign_write(lines)
    memory.write(memory.path.read_bytes()[:-300])
    plan = memory.absorb()
    assert plan.distrust is not None
    assert [edit.key for edit in plan.edits] == ["e:chart_1_action_1"]


def test_a_file_that_is_gone_is_published_again(memory: Memory) -> None:
    memory.path.unlink()
    plan = memory.plan()
    assert (plan.distrust, plan.edits, plan.stale) == ("the file is gone", [], True)


def test_many_records_may_be_deleted_one_after_the_other(memory: Memory) -> None:
    for number in (1, 3, 5, 7, 9):
        memory.seconds += 60
        without(memory, number)
        assert len(memory.absorb().believed_deletions) == 1


def test_without_a_log_nothing_is_lost(memory: Memory) -> None:
    memory.log.path.unlink()
    lines = memory.foreign_read()
    memory.put(step(1, "ours"))
    memory.put(step(12))
    lines[0]["observations"].append("theirs")
    del lines[3]
    memory.foreign_write(lines)
    memory.absorb()
    assert memory.get("e:chart_1_action_1") == step(1, "ours", "theirs")
    assert len(memory.live_keys()) == 21


# -- fast path -------------------------------------------------------------------------------------


def test_only_lines_whose_bytes_differ_are_parsed(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    content = memory.path.read_bytes().replace(b'"Step 7"', b'"Step seven"')
    memory.write(content)
    parsed: list[bytes] = []
    loads = records.loads

    def counting(raw: bytes) -> Any:
        parsed.append(raw)
        return loads(raw)

    monkeypatch.setattr(records, "loads", counting)
    plan = memory.plan()
    assert [edit.key for edit in plan.edits] == ["e:chart_1_action_7"]
    assert {raw for raw in parsed if raw.startswith(b'{"type":"e')} == {
        line for line in content.splitlines() if b"Step seven" in line
    }


def test_reading_with_and_without_known_plans_the_same(memory: Memory) -> None:
    lines = memory.foreign_read()
    lines[2]["observations"][0] = "Reworded"
    memory.foreign_write([*lines[:5], *lines[6:], step(20)])
    assert memory.plan(known=True).edits == memory.plan(known=False).edits


# -- replays and simulations -----------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 5, 99])
@pytest.mark.parametrize("pause", [0.05, 3.0, 3600.0])
def test_ten_rewrites_of_a_real_file_and_our_edits_between(tmp_path: Path, every: int, pause: float) -> None:
    """The foreign program rewrote the whole file ten times; ours adds and edits after each.

    Versions 2 and 9 lack notes that versions 3 and 10 have again. A note may outlive its removal
    there (a version that peer can have read lacked it already), none may be lost.
    """
    memory = Memory(tmp_path / "charts.jsonl")
    name = "e:chart_1774223775114_current_reality"
    ours: list[str] = []
    for number in range(1, 11):
        memory.write((DATA / "rewrites" / f"ava-pi.v{number:02}.jsonl").read_bytes())
        assert memory.absorb().believed_deletions == []
        theirs = next(
            line for line in read_chart_file(memory.path, known=None).lines if line.key == name
        ).value
        assert set(memory.get(name)["observations"]) >= {*theirs["observations"], *ours}
        record = memory.get(name)
        record["observations"].append(f"ours {number}")
        record.setdefault("ours", {})[str(number)] = True
        ours.append(f"ours {number}")
        memory.put(record)
        memory.put(step(number))
        memory.seconds += pause
        if number % every == 0:
            memory.publish()
        memory.seconds += pause
    assert set(memory.get(name)["ours"]) == {str(number) for number in range(1, 11)}
    assert all(memory.current(f"e:chart_1_action_{number}") for number in range(1, 11))


class Peer:
    """A program that reads the whole file, takes its time, changes one record and writes all of it."""

    def __init__(self, name: str, memory: Memory, dice: random.Random) -> None:
        self.name, self.memory, self.dice = name, memory, dice
        self.made = 0
        self.lines: list[Json] | None = None
        self.notes: dict[str, set[str]] = {}
        self.added: set[str] = set()

    def read(self) -> None:
        self.lines = self.memory.foreign_read()

    def write(self) -> None:
        assert self.lines is not None
        self.made += 1
        if self.dice.random() < 0.2:
            self.lines.insert(0, {**step(0), "name": f"{self.name}{self.made}"})
            self.added.add(f"e:{self.name}{self.made}")
        else:
            line = self.dice.choice([line for line in self.lines if line["type"] == "entity"])
            note = f"{self.name} {self.made}"
            line["observations"].append(note)
            line["metadata"][self.name] = self.made
            self.notes.setdefault(f"e:{line['name']}", set()).add(note)
        self.memory.foreign_write(self.lines)
        self.lines = None


def own_edit(
    memory: Memory, dice: random.Random, number: int, notes: dict[str, set[str]], added: set[str]
) -> None:
    """A new record, or a note and a changed scalar on one there is."""
    if dice.random() < 0.2:
        added.add(memory.put({**step(0), "name": f"own{number}"}))
        return
    key = dice.choice([key for key in memory.live_keys() if key.startswith("e:")])
    record = memory.get(key)
    record["observations"].append(f"own {number}")
    record["metadata"]["own"] = number
    notes.setdefault(key, set()).add(f"own {number}")
    memory.put(record)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("slow", [2.0, 3600.0])
def test_two_hundred_rounds_against_slow_peers_lose_nothing(memory: Memory, seed: int, slow: float) -> None:
    """Own edits of any kind, and whatever of a peer's was visible in the file, are there at the end.

    Two peers take turns; between a peer's reading and writing own edits happen and are published.
    """
    dice = random.Random(seed)
    peers = [Peer("anna", memory, dice), Peer("bert", memory, dice)]
    notes: dict[str, set[str]] = {}
    added: set[str] = set()
    latest: dict[str, int] = {}
    for number in range(200):
        peer = dice.choice(peers)
        peer.read()
        for edit in range(dice.randrange(4)):
            own_edit(memory, dice, number * 10 + edit, notes, added)
            memory.seconds += dice.random() * slow / 4
            if dice.random() < 0.5:
                memory.publish()
        memory.seconds += dice.random() * slow
        peer.write()
        plan = memory.absorb()
        assert plan.believed_deletions == []
        assert plan.distrust is None
        if dice.random() < 0.7:
            memory.publish()
        memory.seconds += dice.random()
    for key, found in memory.versions_of.items():
        latest[key] = max((record or {}).get("metadata", {}).get("own", 0) for _, record, _ in found)
    for who in (notes, *(peer.notes for peer in peers)):
        for key, wanted in who.items():
            assert wanted <= set(memory.get(key)["observations"])
            assert memory.get(key)["metadata"].get("own", 0) == latest[key]
    for key in added.union(*(peer.added for peer in peers)):
        assert memory.current(key) is not None


def test_a_program_that_writes_while_we_publish_loses_nothing(memory: Memory) -> None:
    """Real files and real time: a peer truncates and rewrites the file while it is published."""
    stop = threading.Event()
    theirs: list[str] = []

    def peer() -> None:
        while not stop.is_set():
            lines = memory.foreign_read()
            line = lines[len(theirs) % 10]
            time.sleep(0.002)
            line["observations"].append(f"theirs {len(theirs)}")
            with memory.path.open("w", encoding="utf-8") as file:
                file.write("\n".join(json.dumps(line) for line in lines[:5]))
                file.flush()
                time.sleep(0.001)
                file.write("\n" + "\n".join(json.dumps(line) for line in lines[5:]))
            theirs.append(f"theirs {len(theirs)}")
            time.sleep(0.002)

    def absorb(path: Path) -> Signature:
        while not (file := read_chart_file(path, known=memory.same_raw)).steady:
            pass
        around = memory.log.around(file.signature.mtime_ns)
        plan = plan_absorb(file, around, memory, at_rest=False, pool=memory.log.pool())
        if plan.edits:
            memory.commit(*plan.edits)
            memory.foreign.add(memory.count)
        memory.log.absorbed(memory.position, file.signature, file.count, plan.positions)
        return file.signature

    thread = threading.Thread(target=peer)
    thread.start()
    replaced: list[tuple[float, Published]] = []
    ours: list[str] = []
    try:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            ours.append(f"ours {len(ours)}")
            record = memory.get(f"e:chart_1_action_{len(ours) % 10 + 1}")
            record["observations"].append(ours[-1])
            memory.put(record)
            expected = absorb(memory.path)
            raws = [memory.versions_of[key][-1][2] or b"" for key in memory.live_keys()]
            done = publish(memory.path, raws, expected=expected)
            memory.log.published(memory.position, done)
            if done.slipped is not None:
                absorb(done.slipped)
            replaced.append((time.monotonic() + 0.2, done))
            for _, old in replaced:
                if old.still_changing() and old.slipped is not None:
                    absorb(old.slipped)
            while replaced and replaced[0][0] < time.monotonic():
                replaced.pop(0)[1].discard()
    finally:
        stop.set()
        thread.join()
    for _, old in replaced:
        if old.still_changing() and old.slipped is not None:
            absorb(old.slipped)
    absorb(memory.path)
    held = {
        note for number in range(1, 11) for note in memory.get(f"e:chart_1_action_{number}")["observations"]
    }
    assert len(theirs) > 20
    assert len(ours) > 20
    assert [note for note in theirs + ours if note not in held] == []


JUNK = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [b'{"type":"entity","name":"a"}', b'{"type":"entity","name":"a","x":[1,NaN]}', b"#", b"{"]
    ),
    st.dictionaries(
        st.sampled_from(["type", "name", "data", "x"]), st.sampled_from(["entity", "a", 1, None, [], {}])
    ).map(records.dumps),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JUNK, max_size=12), st.booleans())
def test_whatever_bytes_a_file_holds_absorbing_settles(
    tmp_path: Path, lines: list[bytes], started: bool
) -> None:
    """After absorbing and publishing, there is no more news: the two never push each other on."""
    path = tmp_path / "charts.jsonl"
    path.with_name("published.jsonl").unlink(missing_ok=True)
    memory = Memory(path)
    if started:
        memory.put(step(1))
        memory.publish()
    memory.write(b"\n".join(lines))
    memory.absorb()
    assert memory.plan().edits == []
    memory.publish()
    again = memory.plan()
    assert (again.edits, again.conflicts, again.distrust, again.stale) == ([], [], None, False)


def test_merging_is_what_planning_uses(memory: Memory) -> None:
    lines = memory.foreign_read()
    lines[0]["observations"] = ["Reworded", "note"]
    memory.put(step(1, "ours"))
    memory.foreign_write(lines)
    base = memory.at(next(iter(memory.log.pool())), "e:chart_1_action_1")
    assert base is not None
    assert memory.plan().edits[0].record == merge([base], step(1, "ours"), lines[0]).value
