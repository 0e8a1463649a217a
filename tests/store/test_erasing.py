"""Erased for good: nothing of it is left in any file of the store, and all else is as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from store import charts, clock, records, replacing
from store.cold import ColdFile, freeze, is_cold
from store.errors import NotFound, Refused, UsageError
from store.journal_read import ends_transaction
from store.publish import PublishedLog
from store.store import Store
from store.upkeep.retention.erasing import What, erase
from tests.stores import Opener, chart, live, until

SECRET = "Zanzibarquux"


def everything(folder: Path) -> dict[Path, bytes]:
    """Every file of the store, the cold ones decompressed."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = Path(top) / name
            if is_cold(path):
                cold = ColdFile(path)
                found[path] = cold.pread(cold.size, 0)
            elif path.exists():
                found[path] = path.read_bytes()
    return found


def holding(folder: Path, text: str) -> list[str]:
    """The files that hold a text."""
    return [str(path) for path, data in everything(folder).items() if text.encode() in data]


def errors(store: Store) -> list[Any]:
    return [item for item in store.verify() if item.severity == "error"]


def versions(store: Store, context: str = "default") -> dict[tuple[str, int], tuple[Any, ...]]:
    """Every version of every record in all generations, but for those that tell of cuts."""
    found = {}
    journal = store.journal(context)
    for number in journal.generations():
        for tx in journal.read_generation(number):
            for line in tx.lines:
                if not line.key.startswith(("x:erasure:", "x:retention:", "x:erased:")):
                    found[line.key, line.ver] = (line.op, line.at, line.by, line.raw)
    return found


def compacted(store: Store, context: str = "default") -> None:
    """Start the next generation with the live records."""
    store.sync()
    journal = store.journal(context)
    with store.index.snapshot() as snap:
        rows = list(snap.live_records(context))
    journal.start_generation(
        [journal.line_bytes(row.generation, row.offset, row.length) for row in rows], by="test"
    )
    store.sync()


@pytest.fixture
def busy(store: Store) -> tuple[Store, str, str]:
    """A store with a secret chart and another, with a past in three generations; their ids."""
    other = chart(store, "A finished book", "Draft", "Edit")
    secret = chart(store, f"{SECRET} in spring", f"Book {SECRET}", "Pack")
    store.run("default", charts.add_fact, other, "It rains")
    compacted(store)
    store.run("default", charts.add_fact, secret, f"No {SECRET} ticket yet")
    store.run("default", charts.add_fact, other, "It pours")
    compacted(store)
    store.run("default", charts.add_fact, other, "Sun")
    store.settle()
    freeze(store.journal("default").archived(1))
    return store, secret, other


def test_nothing_of_an_erased_chart_is_left_anywhere(busy: tuple[Store, str, str], folder: Path) -> None:
    store, secret, _ = busy
    aside = store.layout.recovery / "old.lines"
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(f"half a line of {SECRET} in spring\nanother line\n".encode())
    assert holding(folder, SECRET)
    before = versions(store)
    done = erase(store, What(charts=(("default", secret),)), why="asked to")
    assert holding(folder, SECRET) == []
    assert errors(store) == []
    after = versions(store)
    assert after == {place: value for place, value in before.items() if secret not in place[0]}
    assert done.versions == len(before) - len(after)
    assert aside.read_bytes() == b"another line\n"
    assert not replacing.noted(folder)
    assert replacing.waste(folder) == []


def test_the_history_says_that_something_was_erased_and_where(busy: tuple[Store, str, str]) -> None:
    store, secret, _ = busy
    erase(store, What(charts=(("default", secret),)), why="asked to")
    with store.snapshot() as snap:
        row = snap.transactions(limit=1)[0]
        assert row.command == "erase"
        version = snap.tx_versions("default", row.tx)[0]
    raw = store.journal("default").record_raw(version.generation, version.offset, version.length)
    told = records.loads(raw or b"")
    assert told["why"] == "asked to"
    assert [one["generation"] for one in told["generations"]] == [1, 2, 3]
    for one in told["generations"]:
        reader = store.journal("default").generation_file(one["generation"])
        assert reader.size == one["now"]["size"]
        assert one["was"]["hash"] != one["now"]["hash"]
    assert secret not in str(told)


def test_other_charts_keep_their_history_and_can_be_undone(busy: tuple[Store, str, str]) -> None:
    store, secret, other = busy
    erase(store, What(charts=(("default", secret),)))
    with store.snapshot() as snap:
        rows = snap.versions("default", f"e:{other}_current_reality")
    assert [row.ver for row in rows] == [1, 2, 3, 4]
    store.undo()
    assert "Sun" not in store.chart("default", other).reality
    store.redo()
    assert "Sun" in store.chart("default", other).reality


def test_a_live_chart_file_loses_the_chart_and_keeps_the_rest(busy: tuple[Store, str, str]) -> None:
    store, secret, other = busy
    state = live(store)
    erase(store, What(charts=(("default", secret),)))
    assert live(store) == {key: value for key, value in state.items() if secret not in key}
    text = store.layout.chart_file("default").read_text()
    assert other in text
    assert secret not in text


def test_superseded_versions_go_and_live_records_stay(busy: tuple[Store, str, str], folder: Path) -> None:
    store, _, other = busy
    step = f"{other}_action_1"
    store.run("default", charts.edit_text, step, f"Was {SECRET} once")
    store.run("default", charts.edit_text, step, "Harmless")
    store.settle()
    state, file = live(store), store.layout.chart_file("default").read_bytes()
    erase(store, What(keys=(f"e:{step}",), superseded=True))
    assert f"Was {SECRET} once".encode() not in b"".join(everything(folder).values())
    assert live(store) == state
    assert store.layout.chart_file("default").read_bytes() == file
    assert errors(store) == []
    with pytest.raises(Refused):
        store.undo()


def test_deleted_records_go_whole(busy: tuple[Store, str, str], folder: Path) -> None:
    store, secret, _ = busy
    store.run("default", charts.remove, secret)
    state = live(store)
    erase(store, What(deleted=True))
    assert holding(folder, SECRET) == []
    assert live(store) == state
    assert errors(store) == []
    assert erase(store, What(deleted=True)).versions == 0


def test_only_what_is_older_goes_with_before(busy: tuple[Store, str, str]) -> None:
    store, secret, _ = busy
    store.run("default", charts.remove, secret)
    assert erase(store, What(deleted=True, before="2020")).versions == 0
    assert erase(store, What(deleted=True, before=clock.stamp())).versions > 0


def test_a_transaction_that_lost_lines_is_not_undone(busy: tuple[Store, str, str]) -> None:
    store, secret, other = busy
    change = store.run("default", charts.add_step, other, "Sub", as_chart=True, reality=["r"])
    child = change.focus
    assert child is not None
    erase(store, What(charts=(("default", child),)))
    with store.snapshot() as snap:
        row = next(row for row in snap.transactions(limit=5) if row.command == "erased")
        assert row.label == "(erased)"
    with pytest.raises(Refused, match="erased"):
        store.undo(row.tx, "default")
    assert secret


def test_a_dry_run_changes_nothing_and_counts_the_same(busy: tuple[Store, str, str], folder: Path) -> None:
    store, secret, _ = busy
    what = What(charts=(("default", secret),))
    before = everything(folder)
    planned = erase(store, what, dry_run=True)
    after = everything(folder)
    assert {path for path in before if before[path] != after.get(path) and ".index" not in str(path)} == set()
    done = erase(store, what)
    assert (planned.records, planned.versions, planned.files) == (done.records, done.versions, done.files)


def test_charts_that_moved_are_erased_in_both_contexts(store: Store, folder: Path) -> None:
    secret = chart(store, f"{SECRET} in spring", "Pack")
    chart(store, "Other", "Pack")
    store.contexts.create("work")
    store.move("default", [secret], "work")
    store.settle()
    erase(store, What(charts=(("work", secret),)))
    assert holding(folder, SECRET) == []
    assert holding(folder, secret) == []
    assert errors(store) == []
    assert store.finish_moves() == 0


def test_half_of_a_move_is_no_move_cut_short(store: Store) -> None:
    name = chart(store, "Book", "Draft")
    store.contexts.create("work")
    store.move("default", [name], "work")
    store.move("work", [name], "default")
    state = live(store)
    erase(store, What(superseded=True, contexts=("work",)))
    erase(store, What(deleted=True, contexts=("work",)))
    store.catch_up()
    assert store.finish_moves() == 0
    assert live(store) == state


def test_where_a_text_still_stands_is_said(busy: tuple[Store, str, str]) -> None:
    store, secret, other = busy
    store.run("default", charts.add_fact, other, f"Completed: Book {SECRET}")
    done = erase(store, What(charts=(("default", secret),)))
    assert [item.key for item in done.standing] == [f"e:{other}_current_reality"]


def test_nothing_named_is_refused(store: Store) -> None:
    with pytest.raises(UsageError):
        erase(store, What())
    with pytest.raises(NotFound):
        erase(store, What(keys=("e:nobody",)))


def test_another_process_carries_on(busy: tuple[Store, str, str], opened: Opener) -> None:
    store, secret, other = busy
    ben = opened("ben")
    ben.run("default", charts.add_fact, other, "Ben was here")
    erase(store, What(charts=(("default", secret),)))
    ben.run("default", charts.add_fact, other, "Ben is here")
    assert "Ben is here" in ben.chart("default", other).reality
    with ben.snapshot() as snap:
        assert len(snap.versions("default", f"e:{other}_current_reality")) == 6
    assert ben.undo()[0].label.startswith("Undo")
    ben.settle()
    assert errors(ben) == []


def test_a_reader_that_holds_files_open_reads_the_right_lines_afterwards(
    busy: tuple[Store, str, str], opened: Opener
) -> None:
    """Its rows come from the new index, so its files must be the new ones too, archived and live."""
    store, secret, other = busy
    ben = opened("ben")
    key = f"e:{other}_current_reality"

    def past() -> list[Any]:
        with ben.snapshot() as snap:
            rows = snap.versions("default", key)
        return [ben.journal("default").record_raw(row.generation, row.offset, row.length) for row in rows]

    before = past()
    erase(store, What(charts=(("default", secret),)))
    assert past() == before


def test_a_process_with_a_background_thread_carries_on(
    busy: tuple[Store, str, str], opened: Opener, folder: Path
) -> None:
    store, secret, other = busy
    ben = opened("ben")
    ben.start_background()
    ben.run("default", charts.add_fact, other, "Ben was here")
    until(lambda: ben.background is not None and ben.background.idle, "the background")
    erase(store, What(charts=(("default", secret),)))
    ben.run("default", charts.add_fact, other, "Ben is here")
    until(lambda: ben.background is not None and ben.background.idle, "the background")
    assert ben.background is not None
    assert ben.background.problem == ""
    assert ben.chart("default", other).reality[-2:] == ("Ben was here", "Ben is here")
    ben.close()
    assert holding(folder, SECRET) == []
    assert errors(store) == []


def test_what_was_published_is_led_to_where_it_lies_now(busy: tuple[Store, str, str]) -> None:
    """Absorbing compares with those states: a position off the chain would compare with another one."""
    store, secret, other = busy
    log = PublishedLog(store.layout.journal_dir("default") / "published.jsonl")
    count = len(log.entries())
    erase(store, What(charts=(("default", secret),)))
    journal = store.journal("default")
    positions = {entry.position for entry in log.entries()[:count]}
    for position in positions:
        reader = journal.generation_file(position.generation)
        assert ends_transaction(reader.fd, position, reader.header, reader.path)
    path = store.layout.chart_file("default")
    path.write_text(path.read_text().replace("Draft", "Draft it"))
    assert store.absorb("default")
    state = live(store)
    assert state[f"e:{other}_action_1"]["observations"][0] == "Draft it"
    assert not any(secret in key for key in state)


def test_whole_states_set_aside_are_named_and_go_with_everywhere(
    busy: tuple[Store, str, str], folder: Path
) -> None:
    """A garbled line may hide a word, and a compressed archive cannot be read where it is damaged."""
    store, secret, _ = busy
    recovery = store.layout.recovery
    hurt = recovery / "damaged-20260101T000000Z" / "default" / "charts.jsonl"
    past = recovery / "replaced-20260101T000000Z" / "charts.jsonl"
    other = recovery / "replaced-20260102T000000Z" / "charts.jsonl"
    for path in (hurt, past, other):
        path.parent.mkdir(parents=True)
    journal = store.layout.journal("default").read_bytes()
    hurt.write_bytes(journal.replace(SECRET.encode(), SECRET[:-1].encode() + b"\x00", 1))
    past.write_bytes(store.layout.chart_file("default").read_bytes())
    other.write_bytes(b'{"type":"entity","name":"another"}\n')
    what = What(charts=(("default", secret),))
    planned = erase(store, what, dry_run=True)
    named = [store.layout.relative(recovery / path.relative_to(recovery).parts[0]) for path in (hurt, past)]
    assert planned.folders == named
    assert hurt.exists()
    done = erase(store, what, everywhere=True)
    assert done.folders == []
    assert done.discarded == named
    assert [path.name for path in recovery.glob("*-2026*")] == [other.parent.name]
    assert holding(folder, SECRET[:-1]) == []
    assert holding(folder, secret) == []
    assert errors(store) == []


def test_a_background_that_has_just_published_brings_nothing_back(
    busy: tuple[Store, str, str], opened: Opener, folder: Path
) -> None:
    """The file it replaced lies beside the chart file still, and is looked at once more."""
    store, secret, other = busy
    store.start_background()
    store.run("default", charts.add_fact, other, "Just now")
    store.publish("default")
    store.run("default", charts.add_fact, secret, f"Also {SECRET}")
    until(lambda: store.background is not None and store.background.idle, "the background")
    erase(store, What(charts=(("default", secret),)))
    until(lambda: store.background is not None and store.background.idle, "the background")
    store.close()
    with_all = opened("ben")
    with_all.catch_up()
    with_all.settle()
    assert not any(secret in key for key in live(with_all))
    assert holding(folder, SECRET) == []
    assert errors(with_all) == []


def test_a_replaced_chart_file_found_after_an_erasure_is_no_news(
    busy: tuple[Store, str, str], folder: Path
) -> None:
    """Its publisher died before the erasure, or beside it: the chart in it is not taken in again."""
    store, secret, _ = busy
    replaced = store.layout.chart_file("default").read_bytes()
    erase(store, What(charts=(("default", secret),)))
    (folder / ".charts.jsonl.999999999-ab.ckpart").write_bytes(replaced)
    store.catch_up()
    store.settle()
    assert not any(secret in key for key in live(store))
    assert holding(folder, SECRET) == []
