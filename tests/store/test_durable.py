"""Files are replaced whole, syncs are never believed twice, locks exclude and name their holder."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store import durable, syscalls
from store.durable import AppendFile, Lock
from store.errors import Locked, StorageError


def fail(code, times=1, then=None):
    """A system call that fails `times` times with `code`, then does `then`."""
    calls = []

    def call(*args, **_options):
        calls.append(args)
        if len(calls) <= times or then is None:
            raise OSError(code, os.strerror(code))
        return then(*args)

    call.calls = calls
    return call


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.jsonl"
    durable.write_file(path, b"old")
    path.chmod(0o640)
    durable.write_file(path, [b"n", b"ew"])
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open_file"])
def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"old")
    monkeypatch.setattr(syscalls, call, fail(errno.ENOSPC))
    with pytest.raises(StorageError, match=r"a\.jsonl: the disk is full; free some space") as caught:
        durable.write_file(path, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    durable.write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_exchanging_keeps_what_was_replaced_in_hand(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    if not durable.exchange_file(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this system has no exchange")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"b", b"a")
    assert durable.exchange_file(tmp_path / "a", tmp_path / "missing") is False


def test_every_new_folder_is_synced_in_its_parent(tmp_path, monkeypatch):
    synced = []
    real = syscalls.fsync
    monkeypatch.setattr(
        syscalls, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd))
    )
    durable.make_dirs(tmp_path / "a" / "b")
    assert synced == [str(tmp_path), str(tmp_path / "a")]


def test_a_link_falls_back_to_a_copy_where_there_are_no_links(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"a" * 3_000_000)
    monkeypatch.setattr(syscalls, "link", fail(errno.EPERM))
    durable.link_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"a" * 3_000_000


def test_a_descriptor_whose_sync_failed_is_never_synced_again(tmp_path, monkeypatch):
    (tmp_path / "a").touch()
    file = AppendFile(tmp_path / "a")
    ticket = file.append(b"x")
    sync = fail(errno.EIO, then=lambda fd: None)
    monkeypatch.setattr(syscalls, "fdatasync", sync)
    for _ in range(3):
        with pytest.raises(StorageError, match="input/output error"):
            file.sync(ticket)
    assert len(sync.calls) == 1


def test_one_sync_serves_every_thread_that_wrote_before_it(tmp_path, monkeypatch):
    (tmp_path / "a").touch()
    file = AppendFile(tmp_path / "a")
    tickets = [file.append(b"x") for _ in range(3)]
    calls = []
    monkeypatch.setattr(syscalls, "fdatasync", calls.append)
    for ticket in tickets:
        file.sync(ticket)
    assert len(calls) == 1


def test_short_writes_are_completed(tmp_path, monkeypatch):
    (tmp_path / "a").touch()
    file = AppendFile(tmp_path / "a")
    monkeypatch.setattr(syscalls, "write", lambda fd, data: os.write(fd, data[:3]))
    file.append(b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_a_replaced_file_is_stale(tmp_path):
    path = tmp_path / "a"
    path.touch()
    file = AppendFile(path)
    assert not file.stale()
    durable.write_file(path, b"")
    assert file.stale()
    path.unlink()
    assert file.stale()


def test_a_lock_that_times_out_names_its_holder(tmp_path):
    held, other = Lock(tmp_path / "l"), Lock(tmp_path / "l")
    with held.held(what="adding a step"):
        with pytest.raises(Locked, match=rf"pid {os.getpid()} on .* since .*, adding a step; waited 0\.05 s"):
            other.acquire(0.05)
        with pytest.raises(Locked):
            held.acquire(0.05)  # another thread of the same object waits too
    with other.held(0.05):
        pass


def test_a_lock_excludes_threads(tmp_path):
    lock, count = Lock(tmp_path / "l"), [0]

    def work():
        for _ in range(50):
            with lock.held():
                seen = count[0]
                os.sched_yield()
                count[0] = seen + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [200]


def test_a_lock_dies_with_its_holder(tmp_path):
    code = "import os, sys, store.durable as d; d.Lock(d.Path(sys.argv[1])).acquire(); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "l")], check=False)
    with Lock(tmp_path / "l").held(0.5):
        pass


def test_a_deleted_lock_file_is_made_again(tmp_path):
    lock = Lock(tmp_path / "l")
    with lock.held():
        pass
    (tmp_path / "l").unlink()
    with lock.held(), pytest.raises(Locked):
        Lock(tmp_path / "l").acquire(0.01)


def test_nothing_is_locked_without_the_system_lock(tmp_path, monkeypatch):
    import filelock

    monkeypatch.setattr(filelock, "lock_descriptor", fail(errno.ENOSYS))
    lock = Lock(tmp_path / "l")
    with pytest.raises(StorageError):
        lock.acquire(0.05)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_someone_else_is_told_clearly(tmp_path):
    (tmp_path / "a").touch(0o000)
    with pytest.raises(StorageError, match="permission denied"):
        AppendFile(tmp_path / "a")


def test_import_of_the_durable_layer_brings_no_filelock():
    code = "import sys, store.journal; sys.exit('filelock' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_lock_that_nobody_needs_any_more_keeps_no_file_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        with Lock(tmp_path / f"{number}.lock").held():
            pass
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
