"""Every byte of a journal flipped, every length it can be cut to, every length of a last write: found, and the rest intact."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from store import journal_read
from store.errors import Damaged
from store.journal import Draft, Journal
from tests.faults.tally import tally

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
LINES = 200
STEP = 1 if FULL else 151
"""Every so-manieth byte."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader waits a moment for a writer that may be in the middle of its line; here there is none."""
    monkeypatch.setattr(journal_read.time, "sleep", lambda _seconds: None)


def made(folder: Path) -> tuple[Journal, bytes, list[int]]:
    """A journal of 200 lines in transactions of 1, 2 and 3, its bytes, and where each transaction ends."""
    journal = Journal(folder / "charts.jsonl", "default", recovery=folder / ".recovery")
    ends, count = [], 0
    while count < LINES:
        size = min(count % 3 + 1, LINES - count)
        drafts = [
            Draft("put", f"e:n{n}", 1, b'{"type":"entity","name":"n%d"}' % n)
            for n in range(count, count + size)
        ]
        with journal.writer() as writer:
            ends.append(writer.append(drafts, by="me").end)
        count += size
    return journal, journal.path.read_bytes(), ends


def placed(folder: Path, data: bytes, witness: bytes | None) -> Journal:
    path = folder / "charts.jsonl"
    path.write_bytes(data)
    if witness is None:
        path.with_suffix(".witness").unlink(missing_ok=True)
    else:
        path.with_suffix(".witness").write_bytes(witness)
    return Journal(path, "default", recovery=folder / ".recovery")


def _seen(journal: Journal) -> int:
    """The end of the last transaction that can be read; 0 for none."""
    seen = 0
    try:
        for tx in journal.read():
            seen = tx.end
    except Damaged:
        pass
    return seen


@pytest.mark.timeout(1800 if FULL else 150)
def test_every_flipped_byte_is_found_and_the_rest_is_read(tmp_path: Path) -> None:
    journal, data, ends = made(tmp_path)
    witness = journal.path.with_suffix(".witness").read_bytes()
    journal.close()
    count = 0
    for at in range(0, len(data), STEP):
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        other = placed(tmp_path, bytes(broken), witness)
        assert any(item.severity == "error" for item in other.check()), f"byte {at} is not found"
        whole = max((end for end in ends if end <= at), default=0)
        assert _seen(other) == whole, f"byte {at}: what lies before it is not all read"
        other.close()
        count += 1
    tally("flipped bytes", flips=count, missed=0)


@pytest.mark.timeout(1800 if FULL else 150)
def test_every_cut_is_found_and_the_rest_is_read(tmp_path: Path) -> None:
    journal, data, ends = made(tmp_path)
    witness = journal.path.with_suffix(".witness").read_bytes()
    journal.close()
    count = 0
    for size in range(0, len(data), STEP):
        other = placed(tmp_path, data[:size], witness)
        assert any(item.severity == "error" for item in other.check()), f"cut to {size} bytes is not found"
        assert _seen(other) == max((end for end in ends if end <= size), default=0)
        other.close()
        count += 1
    tally("truncations", lengths=count, missed=0)


@pytest.mark.timeout(600)
def test_a_last_write_torn_at_any_offset_costs_that_write_alone(tmp_path: Path) -> None:
    journal, data, ends = made(tmp_path)
    journal.close()
    count = 0
    for size in range(ends[-3], len(data), 1 if FULL else 7):
        (tmp_path / "charts.jsonl").write_bytes(data[:size])
        witness = (tmp_path / "charts.jsonl").with_suffix(".witness")
        witness.unlink(missing_ok=True)  # it is written after the sync: a torn write has none of its own
        other = Journal(tmp_path / "charts.jsonl", "default", recovery=tmp_path / ".recovery")
        assert [tx.end for tx in other.read()] == [end for end in ends if end <= size]
        with other.writer() as writer:
            writer.append([Draft("put", "e:next", 1, b"{}")], by="me")
        assert [item for item in other.check() if item.severity == "error"] == []
        other.close()
        count += 1
    tally("torn last writes", offsets=count, lost=0)
