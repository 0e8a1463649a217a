"""Samples of the health figures: kept in a journal of their own, read over time, and nobody's context."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import clock, init_store, open_store, records, syscalls
from store.errors import StorageError
from store.records import Draft
from store.store import Store
from store.upkeep.health import metrics
from tests.stores import Opener, chart, live, size

START = clock.parse("2026-11-01T00:00:00Z")


def record(at: datetime, **figures: float) -> dict[str, object]:
    """A sample of an instant; its id is the instant."""
    return {"type": "metric", "id": clock.stamp(at), "at": clock.stamp(at), "figures": figures}


def every_minute(store: Store, count: int, start: datetime = START) -> None:
    """So many samples, a minute apart, in one transaction each."""
    journal = store.journal(metrics.CONTEXT, metrics.FAMILY)
    with journal.writer() as writer:
        for number in range(count):
            one = record(start + timedelta(minutes=number), number=number)
            raw = records.dumps(one)
            writer.append([Draft("put", records.key_of(one, raw), 1, raw)], by="t", at=str(one["at"]))


def numbers(found: list[metrics.Sample]) -> list[int]:
    return [int(sample.figures["number"]) for sample in found]


def test_a_sample_is_measured_kept_and_read_again(store: Store) -> None:
    chart(store, "A book", "Write it")
    made = metrics.sample(store)
    (found,) = metrics.samples(store)
    assert found.figures == made["figures"]
    assert clock.stamp(found.at) == made["at"]
    assert found.severity == made["severity"] == "ok"
    assert made["figures"]["fsync_latency"] > 0
    assert made["figures"]["query_time"] > 0
    assert made["figures"]["journal_bytes"] == size(store)
    assert made["figures"]["disk_free_bytes"] > 0


def test_every_sample_has_a_key_of_its_own(store: Store) -> None:
    clock.fix(START)
    for _ in range(20):
        metrics.sample(store)
    journal = store.journal(metrics.CONTEXT, metrics.FAMILY)
    keys = [line.key for tx in journal.read() for line in tx.lines]
    assert len(set(keys)) == 20
    assert all(key.startswith("x:metric:") for key in keys)
    assert not list(journal.check())


def test_the_probe_leaves_nothing_behind(store: Store) -> None:
    metrics.sample(store)
    (store.layout.journals / ".probe.1-abcd.ckpart").write_bytes(b"left by a crash")
    metrics.sample(store)
    assert [path.name for path in store.layout.journals.iterdir()] == ["default"]


def test_a_store_that_may_only_be_read_is_not_sampled(opened: Opener, store: Store) -> None:
    chart(store)
    metrics.sample(store)
    reader = opened(readonly=True)
    before = size_of_samples(store)
    assert metrics.sample(reader) == {}
    assert size_of_samples(store) == before
    assert len(metrics.samples(reader)) == 1


def size_of_samples(store: Store) -> int:
    return store.layout.journal("default", "activity").stat().st_size


# -- nobody's context ------------------------------------------------------------------------------


@pytest.fixture
def work_only(tmp_path: Path) -> Path:
    """A store whose only context is `work`, sampled."""
    folder = init_store(tmp_path / "other")
    (folder / "charts.jsonl").unlink()
    with open_store(folder) as store:
        store.contexts.create("work")
        chart(store, "At work", context="work")
        store.settle()
        metrics.sample(store)
    return folder


def test_samples_make_no_context(opened: Opener, work_only: Path) -> None:
    store = opened(path=work_only)
    store.catch_up()
    store.settle()
    assert store.contexts.names() == ["work"]
    assert [one.name for one in store.contexts.info()] == ["work"]
    assert not (work_only / "charts.jsonl").exists()
    assert [one["name"] for one in store.status()["contexts"]] == ["work"]
    assert ("default", "activity") in store.layout.families()
    assert [item for item in store.verify() if item.severity == "error"] == []


def test_a_default_context_can_still_be_made_beside_them(opened: Opener, work_only: Path) -> None:
    store = opened(path=work_only)
    chart(store, "At home")
    store.settle()
    assert store.contexts.names() == ["default", "work"]
    assert len(metrics.samples(store)) == 1


def test_a_chart_file_without_a_journal_is_read_though_samples_lie_in_its_folder(
    opened: Opener, work_only: Path
) -> None:
    """Read-only, its journal is a copy elsewhere; the folder of the samples does not stand for one."""
    sample = Path(__file__).parents[2] / "data" / "coaia"
    source = next(path for path in sorted(sample.rglob("*.jsonl")) if b"structural" in path.read_bytes())
    (work_only / "charts.jsonl").write_bytes(source.read_bytes())
    store = opened(path=work_only, readonly=True)
    store.catch_up()
    with store.snapshot() as snap:
        assert snap.chart_ids("default")
    assert len(metrics.samples(store)) == 1


def test_the_index_knows_nothing_of_samples(store: Store) -> None:
    chart(store)
    store.sync()
    before = store.index.position("default"), live(store), store.status()["counts"]
    every_minute(store, 50)
    store.sync()
    store.rebuild()
    assert (store.index.position("default"), live(store), store.status()["counts"]) == before
    assert store.index.position("default", "activity") is None


# -- reading ---------------------------------------------------------------------------------------


def test_samples_come_oldest_first_and_since_an_instant(store: Store) -> None:
    every_minute(store, 300)
    assert numbers(metrics.samples(store, most=10_000)) == list(range(300))
    late = metrics.samples(store, START + timedelta(minutes=250), most=10_000)
    assert numbers(late) == list(range(250, 300))
    assert metrics.samples(store, START + timedelta(days=9)) == []


@pytest.mark.parametrize("begin", [0, 1, 2, 7, 149, 150, 151, 298, 299])
def test_the_first_sample_since_an_instant_is_found(store: Store, begin: int) -> None:
    every_minute(store, 300)
    found = metrics.samples(store, START + timedelta(minutes=begin), most=10_000)
    assert numbers(found) == list(range(begin, 300))


def test_of_many_samples_evenly_chosen_ones_are_read(store: Store) -> None:
    every_minute(store, 2000)
    found = numbers(metrics.samples(store, most=100))
    assert 80 <= len(found) <= 101
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] > 1950
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert max(gaps) <= 3 * min(gaps)


def test_reading_some_of_many_reads_little(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    every_minute(store, 20_000)
    read = 0
    real = metrics.pread

    def counted(source: int, wanted: int, offset: int, path: Path) -> bytes:
        nonlocal read
        data = real(source, wanted, offset, path)
        read += len(data)
        return data

    monkeypatch.setattr(metrics, "pread", counted)
    assert len(metrics.samples(store, START + timedelta(days=11), most=40)) >= 30
    assert read < size_of_samples(store) / 4


def test_first_and_last(store: Store) -> None:
    assert metrics.ends(store) is None
    every_minute(store, 500)
    first, last = metrics.ends(store) or (None, None)
    assert first is not None
    assert last is not None
    assert numbers([first, last]) == [0, 499]


def test_archived_generations_are_read_on(store: Store) -> None:
    """Carried-over samples are in both generations, and count once."""
    every_minute(store, 100)
    journal = store.journal(metrics.CONTEXT, metrics.FAMILY)
    kept = [b"".join([journal.line_bytes(1, line.offset, line.length)])
            for tx in list(journal.read())[60:] for line in tx.lines]  # fmt: skip
    journal.start_generation(kept)
    every_minute(store, 20, START + timedelta(minutes=100))
    found = [sample.at for sample in metrics.samples(store, most=10_000)]
    assert found == [START + timedelta(minutes=number) for number in range(120)]
    since = START + timedelta(minutes=30)
    assert [sample.at for sample in metrics.samples(store, since, most=10_000)] == found[30:]


def test_a_clock_set_back_loses_no_sample_that_is_asked_for_whole(store: Store) -> None:
    every_minute(store, 50)
    every_minute(store, 50, START - timedelta(hours=1))
    assert len(metrics.samples(store, most=10_000)) == 100


def test_what_is_no_sample_is_passed_over(store: Store) -> None:
    every_minute(store, 3)
    journal = store.journal(metrics.CONTEXT, metrics.FAMILY)
    figures = {"a": "b", "c": True, "number": 7}
    whole = {"type": "metric", "at": "2026-11-01T01:00:00Z", "figures": figures}
    odd: list[object] = [{"type": "metric"}, {"type": "other", "at": "x"}, [], 5, whole]
    with journal.writer() as writer:
        for number, value in enumerate(odd):
            writer.append([Draft("put", f"x:{number}", 1, records.dumps(value))], by="t")
        writer.append([Draft("delete", "x:0", 2, None)], by="t")
    found = metrics.samples(store)
    assert numbers(found) == [0, 1, 2, 7]
    assert found[-1].figures == {"number": 7.0}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(("type", "at", "figures", "x")), inner)
        ),
        max_leaves=12,
    )
)
def test_any_record_is_a_sample_or_none(value: object) -> None:
    record = {"type": "metric", "at": "2026-11-01T01:00:00Z", "figures": value}
    for one in (value, record, {**record, "figures": {"x": value}}):
        lines, _ = records.encode_lines(
            [Draft("put", "x:1", 1, records.dumps(one))],
            offset=0, previous=records.NO_HASH, at="2026-11-01T01:00:00Z", by="t", meta=None,
        )  # fmt: skip
        found = metrics._sample_of(lines[0])
        assert found is None or all(math.isfinite(figure) for figure in found.figures.values())


def test_a_damaged_journal_of_samples_stops_no_status(store: Store) -> None:
    every_minute(store, 3)
    path = store.layout.journal(metrics.CONTEXT, metrics.FAMILY)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(bytes(data))
    store.close()
    assert metrics.samples(store) == []
    assert store.status()["samples"]["last"] is None


# -- faults ----------------------------------------------------------------------------------------


def test_a_disk_that_refuses_leaves_the_samples_as_they_were(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_minute(store, 3)
    with monkeypatch.context() as patch:

        def refuse(fd: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(syscalls, "fdatasync", refuse)
        with pytest.raises(StorageError):
            metrics.sample(store)
    assert numbers(metrics.samples(store)) == [0, 1, 2]
    metrics.sample(store)
    assert len(metrics.samples(store)) == 4


KILLED = """
import os, signal, sys
from store import open_store, syscalls
from store.upkeep.health import metrics
left = int(sys.argv[2])
def counting(name):
    real = getattr(syscalls, name)
    def call(*args):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    setattr(syscalls, name, call)
for name in ("open_file", "write", "pwrite", "fdatasync", "fsync", "rename", "unlink", "mkdir"):
    counting(name)
with open_store(sys.argv[1]) as store:
    metrics.sample(store)
    print("sampled", flush=True)
"""


def test_killed_at_any_call_a_sample_is_there_in_full_or_not_at_all(folder: Path) -> None:
    kept, calls = 0, 0
    while True:
        ran = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(calls)], capture_output=True,
                             text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})  # fmt: skip
        acknowledged = "sampled" in ran.stdout
        assert acknowledged or ran.returncode == -signal.SIGKILL, ran.stderr
        with open_store(folder) as store:
            found = len(metrics.samples(store))
            assert found in ((kept + 1,) if acknowledged else (kept, kept + 1))
            assert store.contexts.names() == ["default"]
            kept = found
            with store.journal(metrics.CONTEXT, metrics.FAMILY).writer():
                pass  # it can be written to again
        if ran.returncode == 0:
            break
        calls += 5
    assert calls >= 15
