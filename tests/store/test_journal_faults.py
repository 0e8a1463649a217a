"""The disk fails, programs die, others write at the same time: nothing acknowledged is lost.

Invariants 1 (an acknowledged command survives), 2 (whole or not at all), 6 (N writers lose nothing).
Faults are injected in `store.syscalls`, which every write, sync and rename of the store goes through.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store import replacing, syscalls
from store.errors import ReadOnly, StorageError
from store.journal import Draft, Journal
from store.journal_verify import ends

RAW = b'{"type":"entity","name":"a"}'


def open_journal(folder: Path) -> Journal:
    return Journal(folder / "j" / "charts.jsonl", "default", recovery=folder / ".recovery")


@pytest.fixture
def journal(tmp_path):
    made = open_journal(tmp_path)
    put(made, "first")
    return made


def put(journal, key, count=3):
    with journal.writer() as writer:
        return writer.append([Draft("put", f"e:{key}{number}", 1, RAW) for number in range(count)], by="me")


def keys(folder):
    return [tx.lines[0].key[2:-1] for tx in open_journal(folder).read()]


def failing(code, *, calls=1, before=None):
    """A system call that fails the first `calls` times; `before` runs ahead of the first failure."""
    state = {"left": calls}

    def wrap(real):
        def call(*args):
            if state["left"]:
                state["left"] -= 1
                if before is not None:
                    before(*args)
                raise OSError(code, os.strerror(code))
            return real(*args)

        return call

    return wrap


@pytest.fixture
def inject(monkeypatch):
    def replace(name, wrap):
        monkeypatch.setattr(syscalls, name, wrap(getattr(syscalls, name)))

    return replace


# -- writes ----------------------------------------------------------------------------------------


def test_a_full_disk_commits_nothing_and_the_next_write_works(journal, tmp_path, inject):
    inject("write", failing(errno.ENOSPC))
    with pytest.raises(StorageError, match="disk is full"):
        put(journal, "lost")
    put(journal, "next")
    assert keys(tmp_path) == ["first", "next"]
    assert list(journal.check()) == []


def test_a_write_that_stops_half_way_is_cut_back(journal, tmp_path, inject):
    real = os.write
    inject("write", failing(errno.ENOSPC, before=lambda fd, data: real(fd, bytes(data[:100]))))
    size = journal.path.stat().st_size
    with pytest.raises(StorageError):
        put(journal, "lost")
    assert journal.path.stat().st_size == size
    put(journal, "next")
    assert keys(tmp_path) == ["first", "next"]


def test_half_a_write_that_cannot_be_cut_back_is_quarantined_by_the_next_writer(journal, tmp_path, inject):
    real = os.write
    inject("write", failing(errno.EIO, before=lambda fd, data: real(fd, bytes(data[:100]))))
    inject("truncate", failing(errno.EIO))
    with pytest.raises(StorageError):
        put(journal, "lost")
    put(journal, "next")
    assert keys(tmp_path) == ["first", "next"]
    assert [found.code for found in journal.findings] == ["not-cut-back", "torn-tail"]
    assert len(list((tmp_path / ".recovery").iterdir())) == 1


def test_a_swallowed_write_error_still_fails_the_command(journal, tmp_path, inject):
    inject("write", failing(errno.ENOSPC))

    def command():
        with journal.writer() as writer:
            try:
                writer.append([Draft("put", "e:a", 1, RAW)], by="me")
            except StorageError:
                pass

    with pytest.raises(StorageError):
        command()
    assert keys(tmp_path) == ["first"]


# -- syncs -----------------------------------------------------------------------------------------


def test_a_failed_sync_is_cut_back_on_a_fresh_descriptor(journal, tmp_path, inject):
    synced = []
    inject("fdatasync", failing(errno.EIO, before=synced.append))
    with pytest.raises(StorageError, match=r"input/output error.*Nothing was committed"):
        put(journal, "lost")
    assert keys(tmp_path) == ["first"]
    put(journal, "next")
    assert keys(tmp_path) == ["first", "next"]
    assert journal.witness.read()[0] == journal.position()


def test_the_outcome_is_told_to_be_unknown_when_the_cut_cannot_be_synced_either(journal, tmp_path, inject):
    inject("fdatasync", failing(errno.EIO, calls=2))
    with pytest.raises(StorageError, match="unknown"):
        put(journal, "lost")
    put(journal, "next")
    assert keys(tmp_path) == ["first", "next"]


def test_a_transaction_others_built_on_is_written_again_when_its_sync_failed(journal, tmp_path, inject):
    """Cutting it back would break the chain of what came after it."""
    other = open_journal(tmp_path)
    put(other, "second")
    rewritten = []
    inject("fdatasync", failing(errno.EIO, before=lambda fd: append_unsynced(tmp_path)))
    real = syscalls.pwrite

    def pwrite(fd, data, offset):
        if Path(os.readlink(f"/proc/self/fd/{fd}")) == journal.path:
            rewritten.append((offset, len(data)))
        return real(fd, data, offset)

    syscalls_pwrite = pwrite
    inject("pwrite", lambda _: syscalls_pwrite)
    mine = put(journal, "mine")
    assert keys(tmp_path) == ["first", "second", "mine", "other"]
    assert min(offset for offset, _ in rewritten) <= mine.offset
    assert [found.code for found in journal.findings] == ["sync-failed-once"]
    assert list(journal.check()) == []


def append_unsynced(folder):
    """What another process does between our write and the end of our sync, not yet synced itself."""
    other = open_journal(folder)
    with other.locked(5, ""):
        file, position = other.ready()
        from store.records import encode_lines

        lines, _ = encode_lines(
            [Draft("put", "e:other0", 1, RAW)],
            offset=position.offset,
            previous=position.hash,
            at="2026-11-21T00:00:00.000000Z",
            by="other",
            meta=None,
        )
        file.append(b"".join(lines))


def test_the_first_to_open_a_file_writes_again_what_nobody_is_known_to_have_synced(journal, tmp_path, inject):
    """Rule 4: else its own sync could succeed on top of bytes that never reached the disk."""
    start = journal.position().offset
    append_unsynced(tmp_path)
    seen = []

    def watch(real):
        def pwrite(fd, data, offset):
            if Path(os.readlink(f"/proc/self/fd/{fd}")) == journal.path:
                seen.append((offset, offset + len(data)))
            return real(fd, data, offset)

        return pwrite

    end = journal.path.stat().st_size
    inject("pwrite", watch)
    put(open_journal(tmp_path), "next")
    assert seen == [(start, end)]


def test_every_thread_whose_bytes_a_failed_sync_covered_hears_of_it(journal, tmp_path, inject):
    gate = threading.Barrier(3)
    inject("fdatasync", failing(errno.EIO, before=lambda fd: gate.wait(5)))
    done: dict[str, str] = {}

    def work(name):
        try:
            with journal.writer() as writer:
                writer.append([Draft("put", f"e:{name}0", 1, RAW)], by=name)
            done[name] = "kept"
        except StorageError:
            done[name] = "failed"

    one = threading.Thread(target=work, args=("one",))
    one.start()
    while len(keys(tmp_path)) < 2:
        pass
    two = threading.Thread(target=work, args=("two",))
    two.start()
    while len(keys(tmp_path)) < 3:
        pass
    threading.Thread(target=gate.wait, args=(5,)).start()
    gate.wait(5)
    one.join()
    two.join()
    kept = set(keys(tmp_path))
    assert {name for name, how in done.items() if how == "kept"} == kept - {"first"}
    assert list(journal.check()) == []


# -- opening ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"), [(errno.EIO, StorageError), (errno.EACCES, ReadOnly), (errno.EROFS, ReadOnly)]
)
def test_a_journal_that_cannot_be_opened_says_why(tmp_path, journal, inject, code, error):
    inject("open_file", failing(code, calls=9))
    with pytest.raises(error, match=r"charts\.(jsonl|lock)"):
        put(open_journal(tmp_path), "lost")
    assert keys(tmp_path) == ["first"]


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_header_that_cannot_be_written_leaves_no_journal(tmp_path, inject, call):
    inject(call, failing(errno.ENOSPC))
    made = open_journal(tmp_path)
    with pytest.raises(StorageError):
        put(made, "lost")
    assert not made.path.exists()
    put(made, "first")
    assert keys(tmp_path) == ["first"]


def test_a_witness_that_cannot_be_written_does_not_undo_a_commit(journal, tmp_path, monkeypatch):
    monkeypatch.setattr(journal.witness, "advance", lambda *_: (_ for _ in ()).throw(StorageError("full")))
    put(journal, "second")
    assert keys(tmp_path) == ["first", "second"]
    assert [found.code for found in journal.findings] == ["witness-not-written"]


def test_a_journal_exchanged_while_held_open_is_opened_again(journal, tmp_path):
    """Appending to the old inode would lose the transaction."""
    data = journal.path.read_bytes()
    aside = tmp_path / "aside"
    aside.write_bytes(data)
    aside.replace(journal.path)
    put(journal, "second")
    assert keys(tmp_path) == ["first", "second"]


# -- processes -------------------------------------------------------------------------------------

WORKER = """
import pathlib, sys
from store.journal import Draft, Journal
from store.journal_verify import ends
folder, name, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
journal = Journal(folder / "j" / "charts.jsonl", "default", recovery=folder / ".recovery")
for number in range(count):
    with journal.writer(timeout=30) as writer:
        writer.append([Draft("put", f"e:{name}-{number}-{n}", 1, b'{"a":1}') for n in range(3)], by=name)
    print(number, flush=True)
"""


def worker(folder, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def test_four_processes_lose_nothing_though_one_is_killed(tmp_path):
    """Invariants 1 and 6: what was acknowledged is there, in order, whole; the rest whole or not at all."""
    doomed = worker(tmp_path, "doomed", 100_000)
    others = [worker(tmp_path, f"p{number}", 40) for number in range(3)]
    assert doomed.stdout is not None
    acknowledged = [int(doomed.stdout.readline()) for _ in range(20)]
    doomed.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in doomed.stdout.read().split()]
    doomed.wait()
    for process in others:
        process.communicate(timeout=60)
        assert process.returncode == 0
    journal = open_journal(tmp_path)
    put(journal, "after")
    found: dict[str, list[int]] = {}
    for tx in journal.read():
        assert len(tx.lines) == 3
        found.setdefault(tx.by, []).append(
            int(tx.lines[0].key.split("-")[1]) if "-" in tx.lines[0].key else 0
        )
    for number in range(3):
        assert found[f"p{number}"] == list(range(40))
    assert found["doomed"][: len(acknowledged)] == acknowledged
    assert len(found["doomed"]) <= len(acknowledged) + 1
    assert [finding for finding in journal.check() if finding.severity == "error"] == []


def test_compaction_among_writers_loses_nothing(tmp_path):
    journal = open_journal(tmp_path)
    put(journal, "first")
    others = [worker(tmp_path, f"p{number}", 40) for number in range(2)]
    for _ in range(5):
        assert others[0].stdout is not None
        others[0].stdout.readline()
        journal.start_generation(
            lambda _position: [journal.line_bytes(*line[:3]) for tx in journal.read() for line in tx.lines]
        )
    for process in others:
        process.communicate(timeout=60)
        assert process.returncode == 0
    found = [line.key for tx in journal.read() for line in tx.lines]
    assert len(found) == len(set(found)) == 3 + 2 * 40 * 3
    assert list(journal.check()) == []


def test_a_forked_child_opens_the_files_itself(journal, tmp_path):
    child = os.fork()
    if child == 0:
        try:
            put(journal, "child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    put(journal, "parent")
    assert keys(tmp_path) == ["first", "child", "parent"]


# -- the journal is replaced, as by a restore, between two system calls of others ----------------------


@pytest.fixture
def earlier(journal, tmp_path):
    """Puts the journal back as it was after its first transaction, with its witness, as a restore does."""
    data, position = journal.path.read_bytes(), journal.position()

    def put_back() -> None:
        new = tmp_path / "earlier.jsonl"
        new.write_bytes(data)
        with journal.lock.held(1.0, "restoring"), replacing.alone(tmp_path, 1.0, "restoring"):
            swap = replacing.Swap(new, journal.path, tmp_path / "replaced.jsonl")
            replacing.decide(tmp_path, [swap], locks=[], positions={journal.witness.path: position})

    return put_back


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen by another thread"])
@pytest.mark.parametrize("fresh", [False, True], ids=["writer at work", "first write of a process"])
def test_a_witness_is_not_moved_for_a_journal_that_was_replaced(
    journal, tmp_path, monkeypatch, earlier, seen, fresh
):
    writer = open_journal(tmp_path) if fresh else journal
    real, left = syscalls.fdatasync, [1]

    def replaced_while_synced(fd):
        real(fd)
        if left.pop() if left else 0:
            earlier()
            if seen:
                writer.position()

    monkeypatch.setattr(syscalls, "fdatasync", replaced_while_synced)
    put(writer, "lost")
    assert keys(tmp_path) == ["first"]
    assert list(open_journal(tmp_path).check()) == []
    put(writer, "then")
    assert keys(tmp_path) == ["first", "then"]


def test_a_reader_takes_no_witness_for_that_of_another_file(journal, tmp_path, monkeypatch, earlier):
    for ask in ("position", "read", "check", "ends"):
        put(journal, f"more-{ask}")
        reader = open_journal(tmp_path)
        opened, left = reader.opened, [1]

        def replaced_before(witness, opened=opened, left=left):
            if left:
                left.pop()
                earlier()
            return opened(witness)

        monkeypatch.setattr(reader, "opened", replaced_before)
        if ask == "ends":
            assert list(ends(reader, {1: journal.position()})) == []
        else:
            done = getattr(reader, ask)()
            assert ask == "position" or len(list(done)) == (1 if ask == "read" else 0)
        assert not left
