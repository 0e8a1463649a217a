"""Chart files and journals in step: taken in, published, and nothing of either side lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import absorbing, charts, durable, exchange, records
from store.errors import Refused, StorageError
from store.model import Plan
from store.store import Store
from tests.stores import DATA, Opener, chart, live, until

SAMPLES = sorted(DATA.rglob("*.jsonl"))


def file_of(store: Store) -> Path:
    return store.layout.chart_file("default")


def good_lines(data: bytes) -> list[bytes]:
    """The record lines of a file, the first of each name."""
    found: dict[str, bytes] = {}
    for line in data.splitlines():
        try:
            found.setdefault(records.key_of(records.loads(line), line), line)
        except (records.BadJson, AttributeError):
            continue
    return list(found.values())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_sample_is_taken_in_and_published_exactly(store: Store, sample: Path) -> None:
    file_of(store).write_bytes(sample.read_bytes())
    store.catch_up()
    store.settle()
    if len(good_lines(sample.read_bytes())) == len(sample.read_bytes().splitlines()):
        assert file_of(store).read_bytes() == sample.read_bytes(), (
            "nothing was changed, so nothing is written"
        )
    name = chart(store)
    store.settle()
    published = file_of(store).read_bytes().splitlines()
    assert set(good_lines(sample.read_bytes())) <= set(published)
    assert any(name.encode() in line for line in published)
    kinds = [json.loads(line)["type"] == "relation" for line in published]
    assert kinds == sorted(kinds), "entities come before relations"


def test_what_is_published_is_the_state(store: Store) -> None:
    chart(store, "Book", "Draft")
    store.settle()
    lines = file_of(store).read_bytes().splitlines()
    assert {records.key_of(records.loads(line), line) for line in lines} == set(live(store))
    assert file_of(store).read_bytes().endswith(b"\n")


def test_an_unchanged_file_is_not_written_again(store: Store) -> None:
    chart(store)
    assert store.publish() == ["default"]
    before = file_of(store).stat()
    assert store.publish() == []
    store.catch_up()
    store.settle()
    after = file_of(store).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def edit(store: Store, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """What another program does: read all, change something, write all."""
    lines = file_of(store).read_bytes().splitlines()
    file_of(store).write_bytes(b"".join(line + b"\n" for line in change(lines)))


def test_a_foreign_edit_is_taken_in_and_says_who(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.settle()
    edit(store, lambda lines: [line.replace(b'"Draft"', b'"Drafted"') for line in lines])
    assert store.absorb() == ["1 record changed by another program (charts.jsonl)"]
    assert store.chart("default", name).steps[0].title == "Drafted"
    assert list(store.journal("default").read())[-1].by == "file:charts.jsonl"
    assert store.absorb() == []


def test_deletions_are_believed_at_rest(store: Store) -> None:
    name = chart(store, "Book", *"abcdefgh")
    store.settle()
    edit(store, lambda lines: [line for line in lines if b"_action_3" not in line])
    store.catch_up()
    assert f"e:{name}_action_3" not in live(store)
    assert len(store.chart("default", name).steps) == 7


def test_a_program_in_the_middle_of_its_writing_deletes_nothing(store: Store) -> None:
    """Cut off at a line's end it looks like a deletion; even a one-shot command waits for what follows."""
    import threading

    name = chart(store, "Book", *"abcdefghijklmnopqrst")
    store.settle()
    whole = file_of(store).read_bytes()
    before = live(store)
    lines = whole.splitlines(keepends=True)
    with file_of(store).open("wb", buffering=0) as file:
        file.write(b"".join(lines[:-4]))
        rest = threading.Timer(0.2, lambda: file.write(b"".join(lines[-4:])))
        rest.start()
        store.catch_up()
        rest.join()
    store.catch_up()
    store.settle()
    assert live(store) == before, name
    assert file_of(store).read_bytes() == whole


def test_duplicates_keep_the_first_and_remember_the_rest(store: Store) -> None:
    first, second = (
        records.dumps({"type": "entity", "name": "a", "entityType": "note", "observations": [text]})
        for text in ("first", "second")
    )
    file_of(store).write_bytes(first + b"\n" + second + b"\n")
    store.catch_up()
    assert live(store)["e:a"]["observations"] == ["first"]
    with store.snapshot() as snap:
        assert len(snap.versions("default", "e:a")) == 2


@pytest.mark.parametrize("what", ["wiped", "torn", "short", "garbage in it"])
def test_a_file_that_cannot_be_trusted_takes_nothing_away(store: Store, what: str) -> None:
    chart(store, "Book", *"abcdefgh")
    store.settle()
    before, whole = live(store), file_of(store).read_bytes()
    lines = whole.splitlines(keepends=True)
    bad = {
        "wiped": b"",
        "torn": whole[:-30],
        "short": b"".join(lines[:4]),
        "garbage in it": b"".join([*lines[:5], b"<<<<<<< HEAD\n", *lines[5:]]),
    }[what]
    file_of(store).write_bytes(bad)
    said = store.absorb()
    assert len(said) == 1
    assert "published again" in said[0]
    store.settle()
    assert live(store) == before
    assert file_of(store).read_bytes() == whole
    if bad:
        kept = [path for path in store.layout.recovery.iterdir() if path.name.endswith("charts.jsonl")]
        assert [path.read_bytes() for path in kept] == [bad]


def test_a_deleted_file_is_published_again(store: Store) -> None:
    chart(store)
    store.settle()
    whole = file_of(store).read_bytes()
    file_of(store).unlink()
    store.catch_up()
    store.settle()
    assert file_of(store).read_bytes() == whole


def test_comments_and_foreign_records_live_on(store: Store) -> None:
    file_of(store).write_bytes(b'# by hand\n{"type":"belt","id":"b1","x":12345678901234567890123}\n')
    store.catch_up()
    chart(store)
    store.settle()
    data = file_of(store).read_bytes()
    assert b'{"type":"belt","id":"b1","x":12345678901234567890123}\n' in data
    assert b"#" not in data
    assert any(value.get("text") == "# by hand" for value in live(store).values())


@pytest.mark.parametrize(
    "data", [b'[{"a": 1}]\n', b"# Notes\n\nSome prose\nand more\n"[10:], b"PK\x03\x04\x00\xff"]
)
def test_another_format_is_refused_and_left_as_it_is(store: Store, opened: Opener, data: bytes) -> None:
    file_of(store).write_bytes(data)
    for _ in range(2):
        store.catch_up()
        with pytest.raises(Refused, match="something else"):
            store.run("default", charts.create_chart, "Book")
        store.settle()
        assert file_of(store).read_bytes() == data
        store = opened()
    assert not store.layout.journal("default").exists()
    file_of(store).write_bytes(b'{"type":"entity","name":"a"}\n')
    store.catch_up()
    chart(store)
    assert "e:a" in live(store)


def test_a_write_that_slips_in_while_publishing_is_taken_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = chart(store, "Book", "Draft")
    store.settle()
    swap = durable.exchange_file
    slipped = []

    def late(temp: Path, path: Path) -> bool:
        if not slipped:
            slipped.append(1)
            edit(store, lambda lines: [*lines, b'{"type":"entity","name":"slipped"}'])
        return swap(temp, path)

    monkeypatch.setattr(durable, "exchange_file", late)
    store.run("default", charts.add_fact, name, "Twenty pages")
    store.publish()
    assert "e:slipped" in live(store)
    assert b"slipped" in file_of(store).read_bytes()
    assert b"Twenty pages" in file_of(store).read_bytes()


def test_what_a_crash_left_beside_the_file_is_taken_in_and_removed(folder: Path, store: Store) -> None:
    chart(store)
    store.settle()
    (folder / ".charts.jsonl.999999999-ab.ckpart").write_bytes(b'{"type":"entity","name":"slipped"}\n')
    before = len(live(store))
    store.catch_up()
    store.settle()
    assert "e:slipped" in live(store)
    assert len(live(store)) == before + 1
    assert not list(folder.glob("*.ckpart")) + list(folder.glob(".*.ckpart"))


def test_what_a_running_program_still_watches_is_left_to_it(folder: Path, store: Store) -> None:
    chart(store)
    store.settle()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    left = folder / f".charts.jsonl.{other.pid}-ab.ckpart"
    try:
        left.write_bytes(file_of(store).read_bytes())
        store.catch_up()
        assert left.exists()
    finally:
        other.communicate(b"\n")
    store.catch_up()
    assert not left.exists()


def test_an_edit_made_while_a_file_is_read_is_not_taken_for_published(
    store: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file stands for what it was compared with: our edit in between is still to be published,

    and the next foreign write, made from the file as it was, does not undo it.
    """
    name = chart(store, "Book", "Draft", "Write")
    store.settle()
    other = opened("bob")
    read = absorbing.read_chart_file
    once = []

    def slow(path: Path, **options: object) -> object:
        file = read(path, **options)  # type: ignore[arg-type]
        if not once:
            once.append(1)
            other.run("default", charts.edit_text, f"{name}_action_1", "Edited")
        return file

    monkeypatch.setattr(absorbing, "read_chart_file", slow)
    edit(store, lambda lines: [line.replace(b'"Write"', b'"Written"') for line in lines])
    old = file_of(store).read_bytes()
    store.absorb()
    assert exchange.unpublished(store, "default")
    file_of(store).write_bytes(old.replace(b'"Written"', b'"Wrote"'))
    store.catch_up()
    store.settle()
    titles = [step.title for step in store.chart("default", name).steps]
    assert titles == ["Edited", "Wrote"]
    assert b'"Edited"' in file_of(store).read_bytes()


def test_a_command_right_after_absorbing_is_still_to_be_published(
    store: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log notes the file for the state it held, not for the journal's end a moment later."""
    name = chart(store, "Book", "Draft")
    store.settle()
    other = opened("bob")
    keep = absorbing.Absorbing._keep

    def late(*args: Any) -> str | None:
        other.run("default", charts.edit_text, f"{name}_action_1", "Edited")
        return keep(*args)

    monkeypatch.setattr(absorbing.Absorbing, "_keep", late)
    edit(store, lambda lines: [*lines, b'{"type":"entity","name":"foreign"}'])
    store.absorb()
    monkeypatch.undo()
    assert exchange.unpublished(store, "default")
    store.settle()
    assert b'"Edited"' in file_of(store).read_bytes()


def test_an_index_that_cannot_follow_empties_no_chart_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = chart(store)
    store.settle()
    whole = file_of(store).read_bytes()
    store.run("default", charts.add_fact, name, "New")
    store.index.forget("default")
    monkeypatch.setattr(store, "sync", lambda _context=None: [])
    with pytest.raises(StorageError, match="not published"):
        exchange.publish(store, "default")
    assert file_of(store).read_bytes() == whole


def test_a_burst_of_edits_publishes_once(store: Store) -> None:
    store.start_background()
    assert store.background is not None
    until(lambda: store.background and store.background.idle, "the start")
    name = chart(store, "Book", "Draft")
    inodes = set()
    for n in range(20):
        store.run("default", charts.add_fact, name, f"Fact {n}")
        inodes.add(file_of(store).stat().st_ino)
    until(lambda: b"Fact 19" in file_of(store).read_bytes(), "the publication")
    inodes.add(file_of(store).stat().st_ino)
    assert len(inodes) <= 3


FOREIGN = """
import json, os, sys, time
path = sys.argv[1]
for n in range(60):
    lines = [line for line in open(path, encoding="utf-8") if line.strip()]
    lines.append(json.dumps({"type": "entity", "name": f"foreign_{n}", "entityType": "note", "observations": []}) + "\\n")
    temp = path + ".foreign"
    with open(temp, "w", encoding="utf-8") as file:
        file.writelines(lines)
    os.replace(temp, path)
    print(n, flush=True)
    time.sleep(0.01)
"""


def test_a_foreign_program_that_rewrites_all_the_time_loses_nothing_and_nor_do_we(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.settle()
    store.start_background()
    other = subprocess.Popen([sys.executable, "-c", FOREIGN, str(file_of(store))], stdout=subprocess.PIPE)
    ours = 0
    while other.poll() is None:
        store.run("default", charts.add_fact, name, f"Ours {ours}")
        ours += 1
        assert other.stdout is not None
        other.stdout.readline()
    assert other.returncode == 0
    store.close()
    facts = live(store)[f"e:{name}_current_reality"]["observations"]
    assert {f"Ours {n}" for n in range(ours)} <= set(facts)
    # What a later rewrite of the same program left out, it had not read: nobody ever saw both.
    assert {f"e:foreign_{n}" for n in range(60)} <= set(live(store))
    assert b"foreign_59" in file_of(store).read_bytes()


def test_a_first_import_is_one_readers_see_whole(store: Store) -> None:
    def odd(_view: object) -> Plan:
        return Plan("none", "Nothing")

    file_of(store).write_bytes((DATA / "spiral" / "charts.jsonl").read_bytes())
    store.run("default", odd)
    assert len(list(store.journal("default").read())) == 1
