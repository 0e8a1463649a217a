"""The journal gives back what was written, in order, to any reader; and finds every damage.

Invariants of the design: 2 whole or not at all, 3 only grows, 5 damage is found, 6 writers lose nothing.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from store.errors import Damaged, Locked, TooNew
from store.journal import NOWHERE, Draft, Journal, OffChain
from store.model import Position, TxMeta
from store.records import NO_HASH, chain

META = TxMeta("step.add", "Add “x”", "s1")


@pytest.fixture
def journal(tmp_path):
    return open_journal(tmp_path)


def open_journal(folder: Path) -> Journal:
    return Journal(folder / "j" / "charts.jsonl", "default", recovery=folder / ".recovery")


def put(journal, *keys, meta=META, size=1, by="me@host"):
    drafts = [Draft("put", f"e:{key}", 1, b'{"name":"%b"}' % (str(key).encode() * size)) for key in keys]
    with journal.writer() as writer:
        return writer.append(drafts, by=by, meta=meta)


def reread(journal):
    return list(open_journal(journal.path.parent.parent).read())


def test_nothing_is_there_before_the_first_write(journal):
    assert journal.position() == NOWHERE
    assert list(journal.read()) == []
    assert list(journal.check()) == []
    assert not journal.path.parent.exists()


def test_what_was_written_is_read_back(journal):
    written = [put(journal, "a", "b"), put(journal, "c", meta=None)]
    with journal.writer() as writer:
        written.append(
            writer.append([Draft("delete", "e:a", 2, None)], by="x", at="2026-01-01T00:00:00.000000Z")
        )
    assert reread(journal) == written
    assert written[0].meta == META
    assert [line.value() for tx in written for line in tx.lines] == [
        {"name": "a"},
        {"name": "b"},
        {"name": "c"},
        None,
    ]
    assert list(journal.check()) == []


def test_reading_goes_on_from_any_position_up_to_any_other(journal):
    written = [put(journal, number) for number in range(6)]
    assert list(journal.read(NOWHERE)) == written
    for first in range(6):
        for last in range(first, 6):
            found = journal.read(written[first].position, upto=written[last].position)
            assert list(found) == written[first + 1 : last + 1]
    assert journal.position() == written[-1].position


def test_a_position_that_is_not_on_the_chain_is_refused(journal):
    first, second = put(journal, "a", "b"), put(journal, "c")
    good = first.position
    inside = Position(1, first.lines[1].offset, chain(NO_HASH, b""))
    for bad in (
        inside,
        good._replace(hash=NO_HASH),
        good._replace(generation=2),
        good._replace(offset=10**9),
    ):
        assert not journal.holds(bad)
        assert not journal.trust(bad)
        with pytest.raises(OffChain):
            list(journal.read(bad))
    assert journal.holds(good)
    assert journal.trust(second.position)


def test_two_journals_on_one_file_see_each_others_writes(journal, tmp_path):
    other = open_journal(tmp_path)
    written = [put(journal if number % 2 else other, number) for number in range(6)]
    assert list(journal.read()) == list(other.read()) == written
    assert journal.position() == other.position() == written[-1].position


def test_a_new_process_reads_only_what_follows_a_known_point(journal, tmp_path, monkeypatch):
    import store.journal_read as reading

    put(journal, *range(2000))
    known = journal.position()
    put(journal, "last")
    journal.witness.path.unlink()
    offsets = []
    real = reading.pread
    monkeypatch.setattr(
        reading, "pread", lambda fd, size, at, path: (offsets.append(at), real(fd, size, at, path))[1]
    )
    fresh = open_journal(tmp_path)
    assert fresh.trust(known)
    assert put(fresh, "more").offset > known.offset
    assert [at for at in offsets if 0 < at < known.offset - 200] == []


def test_an_exception_in_the_block_takes_everything_back(journal):
    kept = put(journal, "a")

    def command():
        with journal.writer() as writer:
            writer.append([Draft("put", "e:b", 1, b"{}")], by="me")
            raise KeyError

    with pytest.raises(KeyError):
        command()
    assert reread(journal) == [kept]
    assert put(journal, "c").offset == kept.end


def test_no_drafts_are_no_transaction(journal):
    with pytest.raises(ValueError, match="at least one"), journal.writer() as writer:
        writer.append([], by="me")


def test_ten_thousand_records_go_in_one_transaction_or_in_chunks(journal):
    drafts = [Draft("put", f"e:{number}", 1, b'{"n":%d}' % number) for number in range(10_000)]
    (whole,) = journal.append_many(drafts, by="me", meta=META)
    assert len(whole.lines) == 10_000
    chunks = journal.append_many(iter(drafts), 3_000, by="me", meta=META)
    assert [len(tx.lines) for tx in chunks] == [3000, 3000, 3000, 1000]
    assert reread(journal) == [whole, *chunks]


def test_reading_takes_constant_memory(journal):
    for _ in range(20):
        put(journal, *range(500), size=100)
    size = journal.path.stat().st_size
    assert size > 2_000_000
    tracemalloc.start()
    for _ in journal.read():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000 < size


def test_lines_of_megabytes_are_read(journal):
    raw = b'{"a":"%b"}' % (b"x" * 3_000_000)
    with journal.writer() as writer:
        tx = writer.append([Draft("put", "e:a", 1, raw), Draft("put", "e:b", 1, b"{}")], by="me")
    assert reread(journal) == [tx]
    assert journal.record_raw(*tx.lines[0][:3]) == raw


def test_single_lines_are_read_by_place(journal):
    tx = put(journal, "a", "b")
    line = tx.lines[1]
    assert journal.line_bytes(*line[:3]).startswith(b'{"op":"put","key":"e:b"')
    assert journal.record_raw(*line[:3]) == b'{"name":"b"}'


# -- torn tails ------------------------------------------------------------------------------------


def test_a_write_torn_at_any_byte_is_ignored_by_readers_and_quarantined_by_the_next_writer(journal, tmp_path):
    """Invariant 2, at every byte offset of the last transaction."""
    first, last = put(journal, "a"), put(journal, "b", "c")
    whole = journal.path.read_bytes()
    journal.witness.path.unlink()
    for size in range(first.end + 1, last.end):
        journal.path.write_bytes(whole[:size])
        fresh = open_journal(tmp_path)
        assert list(fresh.read()) == [first]
        assert [found.code for found in fresh.check()] == ["torn-tail"]
        assert fresh.position() == first.position
    added = put(fresh, "d")
    assert added.offset == first.end
    (finding,) = fresh.findings
    assert (finding.code, finding.offset) == ("torn-tail", first.end)
    kept = tmp_path / str(finding.kept)
    assert kept.name == f"default-charts-1-{first.end}.torn"
    assert kept.read_bytes() == whole[first.end : size]
    assert reread(journal) == [first, added]


def test_quarantined_bytes_never_overwrite_earlier_ones(journal, tmp_path):
    first = put(journal, "a")
    for number in range(3):
        with journal.path.open("ab") as file:
            file.write(b"torn %d" % number)
        with open_journal(tmp_path).writer():
            pass
    kept = sorted(file.read_bytes() for file in (tmp_path / ".recovery").iterdir())
    assert kept == [b"torn 0", b"torn 1", b"torn 2"]
    assert reread(journal) == [first]


def test_a_block_that_was_never_written_out_is_a_torn_tail(journal, tmp_path):
    first, last = put(journal, "a"), put(journal, "b", "c", size=500)
    data = bytearray(journal.path.read_bytes())
    data[first.end + 100 : first.end + 300] = bytes(200)
    journal.path.write_bytes(data)
    journal.witness.path.unlink()
    assert list(open_journal(tmp_path).read()) == [first]
    data[first.end + 100 : first.end + 300] = bytes(200)
    journal.path.write_bytes(bytes(data))
    assert put(open_journal(tmp_path), "d").offset == first.end
    assert last.end > first.end


def test_a_torn_tail_before_other_transactions_is_damage(journal, tmp_path):
    first, second = put(journal, "a"), put(journal, "b", "c")
    put(journal, "d")
    data = bytearray(journal.path.read_bytes())
    data[first.end + 20 : first.end + 40] = bytes(20)
    journal.path.write_bytes(data)
    journal.witness.path.unlink()
    with pytest.raises(Damaged) as caught:
        list(open_journal(tmp_path).read())
    assert (caught.value.line, caught.value.offset) == (3, first.end)
    assert second.end > first.end


# -- damage (invariant 5) --------------------------------------------------------------------------


@pytest.fixture
def sixty(journal):
    for number in range(20):
        put(journal, f"{number}a", f"{number}b", f"{number}c")
    return journal


def damage_is_found(folder: Path) -> tuple[int | None, int | None]:
    """Where reading, verifying and appending all find damage, and that nothing is appended."""
    journal = open_journal(folder)
    before = journal.path.read_bytes()
    with pytest.raises((Damaged, TooNew)) as read:
        list(journal.read())
    assert [found for found in journal.check() if found.severity == "error"]
    with pytest.raises((Damaged, TooNew)):
        put(journal, "more")
    assert journal.path.read_bytes() == before
    error = read.value
    return (error.line, error.offset) if isinstance(error, Damaged) else (1, 0)


@pytest.mark.parametrize("part", range(4))
def test_a_flip_of_any_byte_is_found(sixty, tmp_path, monkeypatch, part):
    import store.journal_read as reading

    monkeypatch.setattr(reading.time, "sleep", lambda seconds: None)
    data = bytearray(sixty.path.read_bytes())
    position = sixty.position()
    witness = sixty.witness
    for offset in range(part, len(data), 4):
        data[offset] ^= 1 << (offset % 8)
        sixty.path.write_bytes(data)
        data[offset] ^= 1 << (offset % 8)
        fresh = open_journal(tmp_path)
        with pytest.raises((Damaged, TooNew)):
            for _ in fresh.read():
                pass
        assert witness.read()[0] == position
    assert len(data) > 9_000


def test_a_flip_is_named_by_line_and_offset_and_is_the_only_finding(sixty, tmp_path):
    lines = sixty.path.read_bytes().splitlines(keepends=True)
    for number in (2, 17, 60):
        broken = bytearray(lines[number - 1])
        broken[40] ^= 4
        offset = sum(map(len, lines[: number - 1]))
        sixty.path.write_bytes(b"".join([*lines[: number - 1], bytes(broken), *lines[number:]]))
        assert damage_is_found(tmp_path) == (number, offset)
        (finding,) = open_journal(tmp_path).check()
        assert (finding.code, finding.line, finding.offset) == ("broken-chain", number, offset)


def test_several_damages_are_all_named(sixty, tmp_path):
    lines = sixty.path.read_bytes().splitlines(keepends=True)
    for number in (5, 30, 31, 55):
        lines[number - 1] = lines[number - 1].replace(b"me@host", b"me@hosT")
    sixty.path.write_bytes(b"".join(lines))
    found = list(open_journal(tmp_path).check())
    assert [one.line for one in found] == [5, 30, 31, 55]


@pytest.mark.parametrize("first", [2, 3, 20, 58])
def test_missing_doubled_and_swapped_lines_are_found(sixty, tmp_path, first):
    lines = sixty.path.read_bytes().splitlines(keepends=True)
    one, two = lines[first - 1], lines[first]
    for middle in ([two], [one, one, two], [two, one], [one, b"\n", two], [one[:-1] + two]):
        sixty.path.write_bytes(b"".join([*lines[: first - 1], *middle, *lines[first + 1 :]]))
        line, _ = damage_is_found(tmp_path)
        assert line in (first, first + 1)


def test_missing_and_doubled_whole_transactions_are_found(sixty, tmp_path):
    lines = sixty.path.read_bytes().splitlines(keepends=True)
    for changed in (lines[:4] + lines[7:], lines[:7] + lines[4:]):
        sixty.path.write_bytes(b"".join(changed))
        damage_is_found(tmp_path)


def test_every_shortening_is_found_by_the_witness(sixty, tmp_path, monkeypatch):
    import store.journal_read as reading

    monkeypatch.setattr(reading.time, "sleep", lambda seconds: None)
    data = sixty.path.read_bytes()
    for size in range(0, len(data), 7):
        sixty.path.write_bytes(data[:size])
        fresh = open_journal(tmp_path)
        with pytest.raises(Damaged):
            list(fresh.read())
        with pytest.raises(Damaged):
            fresh.position()
        with pytest.raises(Damaged), fresh.writer():
            pass
    assert not (tmp_path / ".recovery").exists()
    assert {found.code for found in fresh.check()} == {"torn-tail", "shortened-journal"}


def test_a_shortened_journal_is_found_by_one_who_had_it_open(sixty):
    data = sixty.path.read_bytes()
    end = list(sixty.read())[-2].end
    sixty.path.write_bytes(data[:end])
    with pytest.raises(Damaged, match="shortened"):
        put(sixty, "more")
    with pytest.raises(Damaged, match="shortened"):
        sixty.position()


def test_a_lost_journal_is_not_silently_begun_again(sixty, tmp_path):
    sixty.path.unlink()
    for journal in (sixty, open_journal(tmp_path)):
        with pytest.raises(Damaged, match="is missing"):
            put(journal, "more")
        with pytest.raises(Damaged, match="is missing"):
            journal.position()
    assert [found.code for found in open_journal(tmp_path).check()] == ["missing-journal"]
    assert not sixty.path.exists()


def test_another_journal_put_in_its_place_is_found(sixty, tmp_path):
    (tmp_path / "other").mkdir()
    other = open_journal(tmp_path / "other")
    for number in range(40):
        put(other, number, "x", "y")
    sixty.path.write_bytes(other.path.read_bytes())
    with pytest.raises(Damaged, match="is not in it"):
        put(open_journal(tmp_path), "more")


def test_a_garbled_witness_is_ignored_and_named(sixty, tmp_path):
    sixty.witness.path.write_bytes(b"garbage")
    fresh = open_journal(tmp_path)
    assert [found.code for found in fresh.check()] == ["garbled-witness"]
    put(fresh, "more")
    assert [found.code for found in fresh.findings] == ["garbled-witness"]
    assert list(open_journal(tmp_path).check()) == []


def test_a_newer_format_is_refused_clearly(journal, tmp_path):
    put(journal, "a")
    journal.path.write_bytes(
        journal.path.read_bytes().replace(b'"format_version":1', b'"format_version":2', 1)
    )
    with pytest.raises(TooNew, match="newer chartkeep"):
        open_journal(tmp_path).position()
    with pytest.raises(TooNew):
        put(open_journal(tmp_path), "b")


def test_a_lock_time_out_names_the_holder(journal, tmp_path):
    put(journal, "a")
    with (
        journal.writer(what="adding a step"),
        pytest.raises(Locked, match=r"pid \d+ on .*adding a step"),
        open_journal(tmp_path).writer(timeout=0.05),
    ):
        pass


# -- generations -----------------------------------------------------------------------------------


def test_a_new_generation_holds_the_live_records_and_archives_the_old_whole(journal, tmp_path):
    old = [put(journal, "a", "b"), put(journal, "a"), put(journal, "c")]
    before = journal.path.read_bytes()
    live = [old[0].lines[1], old[1].lines[0]]
    lines = [journal.line_bytes(*line[:3]) for line in live]
    other = open_journal(tmp_path)
    other.position()
    position = journal.start_generation([*lines, Draft("put", "e:z", 4, b"{}")], by="upkeep@host")

    assert position.generation == 2
    assert journal.position() == other.position() == position
    assert (journal.archive / "charts.1.jsonl").read_bytes() == before
    assert journal.generations() == [1, 2]
    found = [tx.lines[0] for tx in other.read()]
    assert [(line.key, line.ver, line.at, line.by, line.raw) for line in found[:2]] == [
        line[4:] and (line.key, line.ver, line.at, line.by, line.raw) for line in live
    ]
    assert (found[2].key, found[2].ver, found[2].by) == ("e:z", 4, "upkeep@host")
    assert list(other.read_generation(1)) == old
    assert other.record_raw(*old[0].lines[0][:3]) == b'{"name":"a"}'
    assert not other.holds(old[-1].position)
    assert list(other.check()) == []


def test_appending_goes_on_in_the_new_generation(journal, tmp_path):
    """A writer that holds the old file open compares (device, inode) and opens the new one."""
    other = open_journal(tmp_path)
    put(other, "a")
    journal.start_generation(lambda position: [other.line_bytes(*tx.lines[0][:3]) for tx in other.read()])
    added = put(other, "b")
    assert added.generation == 2
    assert [tx.lines[0].key for tx in reread(journal)] == ["e:a", "e:b"]


def test_a_reader_keeps_its_generation_to_the_end(journal, tmp_path):
    old = [put(journal, number, size=100_000) for number in range(5)]
    reading = open_journal(tmp_path).read()
    found = [next(reading)]
    journal.start_generation([])
    put(journal, "new")
    assert found + list(reading) == old


def test_a_damaged_or_changed_archive_is_found(journal):
    put(journal, "a")
    journal.start_generation([])
    put(journal, "b")
    archived = journal.archive / "charts.1.jsonl"
    data = archived.read_bytes()
    for changed, code in (
        (data.replace(b"me@host", b"me@hosT"), "broken-chain"),
        (data[: data.index(b"\n") + 1], "changed-generation"),
    ):
        archived.write_bytes(changed)
        assert code in [found.code for found in journal.check()]
    archived.unlink()
    assert [found.code for found in journal.check()] == ["missing-generation"]


def test_a_generation_change_that_stopped_half_way_is_made_again(journal, monkeypatch):
    from store import syscalls
    from store.errors import StorageError

    first = put(journal, "a")

    def fail(source, target):
        raise OSError(5, "no")

    with monkeypatch.context() as patch:
        patch.setattr(syscalls, "rename", fail)
        with pytest.raises(StorageError):
            journal.start_generation([])
    second = put(journal, "b")
    assert reread(journal) == [first, second]
    journal.start_generation([])
    assert list(journal.read_generation(1)) == [first, second]
    assert list(journal.check()) == []
