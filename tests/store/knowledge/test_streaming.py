"""What is streamed along the journals is what was written there, to the byte, or nothing after the damage."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import journal_stream, records
from store.cold import freeze
from store.errors import Damaged, StorageError
from store.journal import Journal
from store.journal_read import ReadFile
from store.knowledge import streaming
from store.knowledge.model import Filter
from store.knowledge.where import parse
from store.model import TxMeta
from store.records import Draft
from store.store import Store

META = TxMeta("knowledge.add", "Add", "test", group="w")


def record(kind: str, number: int, text: str = "") -> bytes:
    value = {
        "type": kind,
        "id": f"r{number}",
        "quality_score": number % 10 / 10,
        "text": text or "word " * (number % 40),
    }
    return records.dumps(value) + b" " * (number % 3)  # bytes that no encoder would write


def filled(store: Store, count: int = 300, *, seed: int = 1, chunk: int = 7) -> dict[str, bytes]:
    """Records of two kinds in the default context, some with more versions, some deleted; the live ones."""
    rng = random.Random(seed)
    live: dict[str, bytes] = {}
    versions: dict[str, int] = {}
    journal = store.journal("default", "knowledge")
    drafts = []
    for number in range(count):
        again = bool(live) and rng.random() < 0.2
        key = rng.choice(sorted(live)) if again else f"{'analogy' if number % 4 else 'frame'}:r{number}"
        ver = versions[key] = versions.get(key, 0) + 1
        if again and rng.random() < 0.4:
            live.pop(key)
            drafts.append(Draft("delete", key, ver, None))
        else:
            live[key] = record(
                key.partition(":")[0], int(key.partition(":r")[2]), f"version {ver}, number {number}"
            )
            drafts.append(Draft("put", key, ver, live[key]))
    while drafts:
        size = rng.randint(1, chunk)
        part = list({draft.key: draft for draft in drafts[:size]}.values())
        if len(part) < len(drafts[:size]):
            size, part = 1, drafts[:1]
        with journal.writer() as writer:
            writer.append(part, by="test", meta=META)
        del drafts[:size]
    return live


def flat(parts: Iterator[list[bytes]]) -> list[bytes]:
    return [raw for part in parts for raw in part]


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts, so that a helper takes its share of a small journal."""
    monkeypatch.setattr(journal_stream, "PART", 4_000)
    monkeypatch.setattr(journal_stream, "MANY", 8_000)
    monkeypatch.setattr(journal_stream, "BLOCK", 1_500)
    monkeypatch.setattr(journal_stream, "_free", lambda: True)


@pytest.mark.parametrize("helped", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_live_records_come_with_their_bytes_in_the_order_of_the_journal(
    store: Store, parted: None, seed: int, helped: bool
) -> None:
    live = filled(store, seed=seed)
    store.library.sync()
    for wanted in (Filter(), Filter(kinds=("frame",)), Filter(context="default", kinds=("analogy", "frame"))):
        found = flat(streaming.stream(store, wanted, helped=helped))
        assert found == [one.raw for one in store.library.stream(wanted)]
        kinds = wanted.kinds or ("analogy", "frame")
        assert sorted(found) == sorted(raw for key, raw in live.items() if key.partition(":")[0] in kinds)
    assert flat(streaming.stream(store, Filter(kinds=("concept",)))) == []
    assert flat(streaming.stream(store, Filter(deleted=True))) == []


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(words="version"),
        Filter(words="version 1", quality_below=0.5),
        Filter(where=parse("quality_score >= 0.5 and text contains 'number'")),
        Filter(where=parse("metadata.x = 1")),
        Filter(quality_from=0.3, kinds=("analogy",)),
    ],
)
def test_criteria_mean_the_same_as_without_checking(store: Store, wanted: Filter) -> None:
    filled(store)
    assert flat(streaming.stream(store, wanted)) == [one.raw for one in store.library.stream(wanted)]


def test_every_context_is_gone_through(store: Store) -> None:
    filled(store, 20)
    store.contexts.create("work")
    raw = record("analogy", 1)
    with store.journal("work", "knowledge").writer() as writer:
        writer.append([Draft("put", "analogy:r1", 1, raw)], by="test", meta=META)
    assert flat(streaming.stream(store, Filter(context="work"))) == [raw]
    assert len(flat(streaming.stream(store, Filter()))) == store.library.count(Filter())


def next_generation(journal: Journal, keep: range) -> None:
    """A generation that begins with some of the lines of this one, in another order than they were."""
    lines = [(line.key, line) for tx in journal.read() for line in tx.lines if line.raw is not None]
    newest = dict(lines)
    gone = {line.key for tx in journal.read() for line in tx.lines if line.raw is None}
    kept = [
        line
        for number, (key, line) in enumerate(sorted(newest.items()))
        if number in keep and key not in gone
    ]
    journal.start_generation([journal.line_bytes(line.generation, line.offset, line.length) for line in kept])


@pytest.mark.parametrize("cold", [False, True])
def test_records_of_a_later_generation_and_of_archived_ones(store: Store, parted: None, cold: bool) -> None:
    live = filled(store)
    store.library.sync()
    journal = store.journal("default", "knowledge")
    next_generation(journal, range(40, 100))
    if cold:
        freeze(journal.plain_archive(1))
        journal.close()
    with journal.writer() as writer:
        writer.append([Draft("put", "analogy:new", 1, record("analogy", 900))], by="test", meta=META)
    found = flat(streaming.stream(store, Filter()))
    expected = {one.row.key: one.raw for one in store.library.stream(Filter())}
    assert sorted(found) == sorted(raw for raw in expected.values() if raw is not None)
    assert len(expected) > len(live) // 2
    present = {one.row.generation for one in store.library.stream(Filter())}
    assert present == {1, 2}


def _take(walk: Iterator[list[bytes]], into: list[bytes]) -> None:
    for part in walk:
        into.extend(part)


@pytest.mark.parametrize("helped", [False, True])
def test_after_damage_comes_nothing_and_before_it_only_what_was_written(
    store: Store, parted: None, helped: bool
) -> None:
    filled(store, 120)
    store.library.sync()
    path = store.layout.journal("default", "knowledge")
    good = path.read_bytes()
    whole = flat(streaming.stream(store, Filter()))
    header = good.index(b"\n") + 1
    rng = random.Random(3)
    store.journal("default", "knowledge").close()
    for place in [*rng.sample(range(header, len(good) - 1), 25 if helped else 150), header, len(good) - 2]:
        bad = bytearray(good)
        bad[place] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(bad))
        given: list[bytes] = []
        with pytest.raises((Damaged, StorageError)) as caught:
            _take(streaming.stream(store, Filter(), helped=helped), given)
        assert given == whole[: len(given)]
        lines_before = good[:place].count(b"\n")
        assert len(given) <= lines_before
        if isinstance(caught.value, Damaged) and caught.value.line is not None:
            assert caught.value.line <= lines_before + 1
        path.write_bytes(good)
        store.journal("default", "knowledge").close()


@pytest.mark.parametrize("helped", [False, True])
def test_a_journal_cut_short_or_of_other_lines_is_no_whole_answer(
    store: Store, parted: None, helped: bool
) -> None:
    filled(store, 120)
    store.library.sync()
    path = store.layout.journal("default", "knowledge")
    with store.library.snapshot() as snap:
        position = snap.position("default", "knowledge")
    assert position is not None
    good = path.read_bytes()
    for size in (len(good) - 1, len(good) // 2):
        path.write_bytes(good[:size])
        reader = ReadFile(path)
        with pytest.raises(Damaged):
            list(journal_stream.checked(reader, position, helped=helped))
    path.write_bytes(good)
    reader = ReadFile(path)
    other = position._replace(hash="0" * 32)
    with pytest.raises(Damaged, match="other lines end here"):
        list(journal_stream.checked(reader, other, helped=helped))


def test_damage_is_named_by_line_and_offset(store: Store) -> None:
    filled(store, 60)
    store.library.sync()
    path = store.layout.journal("default", "knowledge")
    lines = path.read_bytes().split(b"\n")
    lines[30] = (
        lines[30].replace(b"number", b"nember", 1)
        if b"number" in lines[30]
        else lines[30][:-50] + lines[30][-49:]
    )
    path.write_bytes(b"\n".join(lines))
    store.journal("default", "knowledge").close()
    with pytest.raises(Damaged, match="line 31, offset") as caught:
        flat(streaming.stream(store, Filter()))
    assert caught.value.offset == sum(map(len, lines[:30])) + 30


@pytest.mark.parametrize(
    "program", ["import sys; sys.exit(3)", "print('nonsense', flush=True)", "import os; os._exit(0)"]
)
def test_a_helper_that_fails_changes_nothing(
    store: Store, parted: None, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    filled(store)
    whole = flat(streaming.stream(store, Filter(), helped=False))
    monkeypatch.setattr(journal_stream, "PROGRAM", program)
    assert flat(streaming.stream(store, Filter())) == whole


def test_the_helper_ends_with_the_one_who_asked(
    store: Store, parted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store)
    started = []
    init = journal_stream._Helper.__init__

    def noted(self: journal_stream._Helper, *given: object) -> None:
        init(self, *given)  # type: ignore[arg-type]
        started.append(self._process)

    monkeypatch.setattr(journal_stream._Helper, "__init__", noted)
    walk = streaming.stream(store, Filter())
    assert next(walk)
    (process,) = started
    assert process is not None
    assert process.poll() is None or process.returncode == 0
    walk.close()  # type: ignore[attr-defined]
    assert process.returncode is not None


@pytest.mark.parametrize(
    ("cores", "load", "free"), [(2, 0.0, True), (2, 2.4, True), (2, 2.6, False), (1, 0.0, False)]
)
def test_a_busy_machine_is_given_no_second_process(
    monkeypatch: pytest.MonkeyPatch, cores: int, load: float, free: bool
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 9.0, 9.0))
    assert journal_stream._free() is free


def test_what_is_written_meanwhile_is_not_given(store: Store) -> None:
    filled(store, 50)
    walk = streaming.stream(store, Filter())
    first = next(walk)
    with store.journal("default", "knowledge").writer() as writer:
        writer.append(
            [Draft("put", "analogy:later", 1, b'{"type":"analogy","id":"later"}')], by="test", meta=META
        )
    assert not any(b"later" in raw for raw in [*first, *flat(walk)])


def test_an_index_of_other_places_is_told_not_believed(store: Store, folder: Path) -> None:
    filled(store, 30)
    store.library.sync()
    with store.library.snapshot() as snap:
        reader = store.journal("default", "knowledge").generation_file(1)
        position = snap.position("default", "knowledge")
        assert position is not None
        walk = journal_stream.checked(reader, position)
        with pytest.raises(StorageError, match="out of date"):
            flat(streaming._taken(reader, walk, iter([[reader.header.end + 3]]), None))
