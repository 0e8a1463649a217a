"""Cold archives: the same bytes, any damage told by file and offset, at most a few frames in memory."""

from __future__ import annotations

import random
import struct
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import cold, syscalls
from store.errors import Damaged, StorageError

DICE = random.Random(5)
PLAIN = b"".join(b'{"n":%d,"text":"%b"}\n' % (n, DICE.randbytes(12).hex().encode()) for n in range(60_000))
"""More than two frames."""


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cold") / "charts.1.jsonl"
    path.write_bytes(PLAIN)
    return cold.freeze(path)


def changed(frozen: Path, tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / frozen.name
    path.write_bytes(data)
    return path


def test_the_bytes_come_back_and_the_plain_file_is_gone(frozen: Path) -> None:
    assert frozen.name == "charts.1.jsonl.zst"
    assert not frozen.with_name("charts.1.jsonl").exists()
    file = cold.ColdFile(frozen)
    assert len(PLAIN) > 2 * cold.FRAME
    assert file.size == len(PLAIN)
    assert b"".join(file.blocks()) == b"".join(cold.blocks(frozen)) == PLAIN
    assert frozen.stat().st_size < len(PLAIN) / 1.5


@given(st.integers(0, len(PLAIN) + 10), st.integers(0, 3 * cold.FRAME))
@settings(max_examples=60)
def test_any_range_is_what_it_was(frozen: Path, offset: int, size: int) -> None:
    assert cold.ColdFile(frozen).pread(size, offset) == PLAIN[offset : offset + size]


def test_threads_share_one_file(frozen: Path) -> None:
    file = cold.ColdFile(frozen)
    wrong: list[int] = []

    def read(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(200):
            offset = dice.randrange(len(PLAIN))
            if file.pread(300, offset) != PLAIN[offset : offset + 300]:
                wrong.append(offset)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_every_truncation_is_damage(frozen: Path, tmp_path: Path) -> None:
    whole = frozen.read_bytes()
    for size in [*range(40), *range(len(whole) - 60, len(whole)), *range(40, len(whole), len(whole) // 50)]:
        path = changed(frozen, tmp_path, whole[:size])
        with pytest.raises(Damaged) as caught:
            b"".join(cold.ColdFile(path).blocks())
        assert str(path) in str(caught.value)
        assert caught.value.offset is not None


def test_every_flipped_byte_is_damage_or_changes_nothing(frozen: Path, tmp_path: Path) -> None:
    whole = frozen.read_bytes()
    dice = random.Random(3)
    places = [
        *range(24),
        *range(len(whole) - 50, len(whole)),
        *(dice.randrange(len(whole)) for _ in range(60)),
    ]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << dice.randrange(8)
        path = changed(frozen, tmp_path, bytes(data))
        try:
            assert b"".join(cold.ColdFile(path).blocks()) == PLAIN
        except Damaged as error:
            told = str(error)
            at = error.offset
        else:
            continue
        assert f"{path}, offset {at}" in told


def test_damage_leaves_the_other_frames_readable(frozen: Path, tmp_path: Path) -> None:
    data = bytearray(frozen.read_bytes())
    data[1000] ^= 0x55
    file = cold.ColdFile(changed(frozen, tmp_path, bytes(data)))
    with pytest.raises(Damaged, match="offset 0:"):
        file.pread(10, 0)
    assert file.pread(100, cold.FRAME + 5) == PLAIN[cold.FRAME + 5 : cold.FRAME + 105]


@given(st.binary(max_size=400))
def test_garbage_is_damage(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "charts.1.jsonl.zst"
    for tail in (b"", struct.pack("<IBI", len(data) % 7, 0, 0x8F92EAB1)):
        path.write_bytes(data + tail)
        with pytest.raises(Damaged):
            b"".join(cold.ColdFile(path).blocks())


def _archive(frame: bytes, claims: int, count: int = 1) -> bytes:
    """A cold file of one real frame whose table claims `claims` plain bytes, in `count` frames."""
    table = struct.pack("<II", len(frame), claims) * min(count, 1000)
    head = struct.pack("<II", 0x184D2A5E, len(table) + 9)
    return frame + head + table + struct.pack("<IBI", count, 0, 0x8F92EAB1)


def test_a_file_that_claims_to_be_enormous_takes_little_memory(tmp_path: Path) -> None:
    from pyzstd import CParameter, compress

    bomb = compress(bytes(512 << 20))  # 512 MiB of NULs in a few bytes
    wide = compress(bytes(100), {CParameter.windowLog: 27, CParameter.compressionLevel: 1})
    path = tmp_path / "charts.1.jsonl.zst"
    for data in (
        _archive(bomb, 1 << 20),
        _archive(bomb, 512 << 20),
        _archive(bomb, (1 << 32) - 1),
        _archive(wide, 1 << 20),
        _archive(bomb, 100, count=(1 << 32) - 1),
        _archive(b"", 1 << 20),
    ):
        path.write_bytes(data)
        tracemalloc.start()
        with pytest.raises(Damaged):
            b"".join(cold.ColdFile(path).blocks())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 16 << 20


def test_a_frame_without_its_end_is_damage(tmp_path: Path) -> None:
    from pyzstd import CParameter, compress

    frame = compress(PLAIN[:1000], {CParameter.checksumFlag: 1})
    path = tmp_path / "charts.1.jsonl.zst"
    path.write_bytes(_archive(frame, 1000))
    assert b"".join(cold.blocks(path)) == PLAIN[:1000]
    path.write_bytes(_archive(frame[:-4], 1000))
    with pytest.raises(Damaged):
        b"".join(cold.blocks(path))


def test_frames_kept_at_hand_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "charts.1.jsonl"
    path.write_bytes(bytes(20 << 20))
    file = cold.ColdFile(cold.freeze(path))
    tracemalloc.start()
    for _ in file.blocks():
        pass
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept <= cold.CACHE + (1 << 20)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        cold.ColdFile(tmp_path / "charts.1.jsonl.zst")
    with pytest.raises(StorageError, match="does not exist"):
        cold.freeze(tmp_path / "charts.1.jsonl")


def test_freezing_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "charts.1.jsonl"
    path.write_bytes(PLAIN[:5000])
    target = cold.freeze(path)
    before = target.stat().st_mtime_ns
    assert cold.freeze(path) == target
    assert target.stat().st_mtime_ns == before


@pytest.mark.parametrize("stale", [False, True])
def test_what_a_crash_left_half_done_is_finished(tmp_path: Path, stale: bool) -> None:
    """Both files are there: the plain one counts."""
    path = tmp_path / "charts.1.jsonl"
    path.write_bytes(PLAIN[:4000] if stale else PLAIN[:5000])
    target = cold.freeze(path)
    path.write_bytes(PLAIN[:5000])
    assert cold.freeze(path) == target
    assert not path.exists()
    assert b"".join(cold.blocks(target)) == PLAIN[:5000]


def test_a_disk_that_gives_back_other_bytes_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "charts.1.jsonl"
    path.write_bytes(PLAIN[:50_000])
    real = syscalls.write

    def garble(fd: int, data: bytes | memoryview) -> int:
        return real(fd, bytes(data).replace(bytes(data)[100:104], b"\0\0\0\0", 1))

    monkeypatch.setattr(syscalls, "write", garble)
    with pytest.raises(StorageError, match="did not read back"):
        cold.freeze(path)
    assert path.read_bytes() == PLAIN[:50_000]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
