"""Staged items are read a block at a time, from any cursor on, whatever their lengths."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.errors import NotFound, UsageError
from store.workflows import staging

LINES = st.lists(st.integers(0, 90), max_size=30)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=LINES,
    size=st.integers(1, 7),
    longest=st.integers(5, 60),
    ended=st.booleans(),
    block=st.integers(3, 40),
)
def test_every_line_comes_once_from_any_cursor(
    tmp_path: Path, lengths: list[int], size: int, longest: int, ended: bool, block: int
) -> None:
    lines = [bytes([97 + number % 26]) * length for number, length in enumerate(lengths)]
    data = b"".join(line + b"\n" for line in lines)
    if not ended and lines and lines[-1]:
        data = data[:-1]
    path = tmp_path / "items.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "BLOCK", block)
        path.write_bytes(data)
        assert staging.lines_in(path) == len(lines)
        found = list(staging.chunks(path, None, size, longest))
        whole = [item for items, _ in found for item in items]
        assert [item.line for item in whole] == list(range(1, len(lines) + 1))
        assert [item.raw for item in whole] == [line[:longest] for line in lines]
        assert [item.whole for item in whole] == [len(line) <= longest for line in lines]
        for number, (_, cursor) in enumerate(found):
            rest = [item for items, _ in staging.chunks(path, cursor, size, longest) for item in items]
            assert rest == [item for items, _ in found[number + 1 :] for item in items]


def test_a_hundred_megabytes_in_one_line_take_no_more_memory_than_is_read(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "items.jsonl"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\nlast\n")
    tracemalloc.start()
    ((items, _),) = staging.chunks(path, None, 10, 1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(item.line, item.whole, len(item.raw)) for item in items] == [(1, False, 1 << 20), (2, True, 4)]
    assert peak < 8 << 20


def test_what_cannot_be_staged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not a file"):
        staging.stage(tmp_path / "out", tmp_path / "none")
    with pytest.raises(UsageError, match="line break"):
        staging.stage(tmp_path / "out", [b'{"a":\n1}'])
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.iterdir()) == []


def test_items_come_from_a_file_an_open_one_or_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"one\ntwo")
    for number, source in enumerate((path, path.open("rb"), [b"one", b"two\n"])):
        assert staging.stage(tmp_path / str(number), source) == 2
    assert (tmp_path / "0").read_bytes() == b"one\ntwo"
    assert (tmp_path / "2").read_bytes() == b"one\ntwo\n"
