"""Reading what is left of a damaged journal: exact where it can be, every good line where it cannot."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.model import Position, TxMeta
from store.records import Draft, encode_header, encode_lines
from store.upkeep.recovery.guessing import fits, mend
from store.upkeep.recovery.lines import raw_lines
from store.upkeep.recovery.salvage import Salvage
from store.upkeep.recovery.salvaged import Salvaged

FULL = os.environ.get("CHARTKEEP_FAULTS") == "full"
AT = "2026-01-01T00:00:00.000000Z"


def made(transactions: int = 24) -> tuple[bytes, Position]:
    """A journal of some 60 lines, and where it ends."""
    header, digest = encode_header(
        generation=1, created=AT, context="default", family="charts", previous=None
    )
    lines, offset = [header], len(header)
    for number in range(transactions):
        drafts = [
            Draft("put", f"e:k{number}_{n}", 1, b'{"type":"entity","name":"k%d_%d"}' % (number, n))
            for n in range(1 + number % 4)
        ]
        meta = TxMeta("chart.edit", f"Change {number}", "s")
        more, digest = encode_lines(drafts, offset=offset, previous=digest, at=AT, by="ann", meta=meta)
        lines += more
        offset += sum(map(len, more))
    return b"".join(lines), Position(1, offset, digest)


DATA, END = made()
LINES = DATA.split(b"\n")[:-1]


class Donor:
    name = "a backup"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, offset: int) -> bytes:
        return self._data[offset : offset + size]


def salvage(
    data: bytes, *donors: Donor, until: Position | None = END, guess: bool = True
) -> tuple[Salvaged, bytes]:
    """What is found in `data`, and the bytes of all its pieces."""

    def read(size: int, offset: int) -> bytes:
        return data[offset : offset + size]

    found = Salvage(read, len(data), until=until, guess=guess, donors=lambda: donors).run()
    parts = [
        piece.data if piece.data is not None else data[piece.offset : piece.offset + piece.length]
        for piece in (*found.exact, *found.after)
    ]
    return found, b"".join(parts)


def flipped(at: int, mask: int) -> bytes:
    return DATA[:at] + bytes([DATA[at] ^ mask]) + DATA[at + 1 :]


def test_a_whole_journal_is_left_as_it_is() -> None:
    found, data = salvage(DATA)
    assert found.untouched
    assert data == DATA


@pytest.mark.timeout(1800 if FULL else 150)
@pytest.mark.parametrize("guess", [True, False])
def test_any_flipped_byte(guess: bool) -> None:
    """With its hash a changed byte is put right; without that at most the line before and after it is lost."""
    for at in range(0, len(DATA), 1 if FULL else 101 if guess else 7):
        data = flipped(at, 1 + at % 255)
        found, left = salvage(data, guess=guess)
        if guess:
            assert left == DATA, at
            assert not found.gap
        else:
            assert len(set(LINES) - set(left.split(b"\n"))) <= 2, at
            assert found.bad or found.unchecked
            found, left = salvage(data, Donor(DATA), guess=False)
            assert left == DATA, at
            assert not found.gap


def test_every_length() -> None:
    for size in range(0, len(DATA), 1 if FULL else 13):
        found, left = salvage(DATA[:size])
        assert DATA.startswith(left)
        assert found.gap or left == DATA
        assert len(left) >= size - max(map(len, LINES)) - 1
        found, left = salvage(DATA[:size], Donor(DATA))
        assert left == DATA
        assert not found.gap


def test_a_torn_tail_that_nobody_was_told_of_is_no_gap() -> None:
    for size in range(len(DATA) + 1, len(DATA) + 90, 7):
        found, left = salvage(DATA + DATA[-100 : size - len(DATA) - 100 or None])
        assert not found.gap
        assert left == DATA


def test_a_half_written_transaction_is_left_out() -> None:
    at = DATA.rfind(b'{"op"')
    found, _ = salvage(DATA[:at], until=None)
    place = DATA[:at].rfind(b'"_t":["')
    start = int(DATA[place + 7 : DATA.find(b'"', place + 7)], 16)
    assert not found.gap
    assert found.keep == start
    assert not found.untouched


@pytest.mark.parametrize("seed", range(12))
def test_lines_swapped_doubled_or_missing(seed: int) -> None:
    dice = random.Random(seed)
    one, two, count = dice.randrange(1, len(LINES)), dice.randrange(1, len(LINES)), dice.randrange(1, 6)
    swapped = list(LINES)
    swapped[one], swapped[two] = swapped[two], swapped[one]
    doubled = [*LINES[:two], LINES[one], *LINES[two:]]
    block = [*LINES[:one], *LINES[one:two], *LINES[one:]]
    for lines in (swapped, doubled, block):
        found, left = salvage(joined(lines))
        assert left == DATA
        assert not found.gap
    missing = LINES[:one] + LINES[one + count :]
    found, left = salvage(joined(missing))
    assert sorted(left.split(b"\n")[:-1]) == sorted(missing)
    assert found.gap
    assert salvage(joined(missing), Donor(DATA))[1] == DATA


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def test_lines_in_any_order_come_back_in_theirs() -> None:
    lines = LINES[1:]
    random.Random(3).shuffle(lines)
    found, left = salvage(joined([LINES[0], *lines]))
    assert left == DATA
    assert not found.gap


@pytest.mark.parametrize("at", range(0, len(DATA), 611))
@pytest.mark.parametrize("size", [2, 300, 3000])
def test_a_hole_of_nul_bytes(at: int, size: int) -> None:
    data = DATA[:at] + bytes(min(size, len(DATA) - at)) + DATA[at + size :]
    found, left = salvage(data)
    lost = set(LINES) - set(left.split(b"\n"))
    begun = DATA[:at].count(b"\n")
    assert lost <= set(LINES[begun : DATA[: at + size].count(b"\n") + 1])
    assert found.gap or left == DATA
    assert salvage(data, Donor(DATA))[1] == DATA


def test_a_backup_that_ends_early_is_used_as_far_as_it_goes() -> None:
    cut = DATA.find(b"\n", len(DATA) // 2) + 1
    found, left = salvage(DATA[:600], Donor(DATA[:cut]))
    assert left == DATA[:cut]
    assert found.gap


def test_a_backup_of_another_history_is_not_believed() -> None:
    other = made(30)[0].replace(b"Change", b"Chance")
    found, left = salvage(DATA[: len(DATA) // 2], Donor(other))
    assert DATA.startswith(left)
    assert found.gap


@settings(max_examples=600 if FULL else 60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, 400), st.binary(max_size=60)), max_size=4)
)
def test_any_damage_keeps_every_line_it_left_alone(damage: list[tuple[int, int, bytes]]) -> None:
    data = DATA
    for at, gone, put in damage:
        data = data[:at] + put + data[at + gone :]
    found, left = salvage(data, guess=False)
    whole = set(LINES) & set(data.split(b"\n"))
    assert whole <= {line for line in left.split(b"\n") if line} | {LINES[0]}
    assert found.gap or left == DATA
    found, left = salvage(data, Donor(DATA), guess=False)
    assert left == DATA
    assert not found.gap


@settings(max_examples=400 if FULL else 60, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    found, left = salvage(data, guess=False)
    assert left == b"" or DATA.startswith(left)
    assert b"".join(raw.data for raw in raw_lines(lambda size, at: data[at : at + size])).replace(
        b"\0", b""
    ) == data.replace(b"\0", b"")
    assert found.gap


def test_a_line_of_another_hash_is_never_made_to_fit() -> None:
    line = LINES[5] + b"\n"
    previous = LINES[4][-34:-2].decode()
    assert fits(previous, line)
    two_wrong = b"XX" + line[2:]
    assert mend(two_wrong, previous) is None
    assert mend(line, "0" * 32) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:40] + b"\n" + line[41:],
        lambda line: line[:-20] + b"\n" + line[-19:],
        lambda line: line[:-1] + b"x",
    ],
    ids=["a newline in a line", "a newline in its hash", "no newline after it"],
)
def test_newlines_that_came_or_went(damage: Callable[[bytes], bytes]) -> None:
    lines = [line + b"\n" for line in LINES]
    lines[7] = damage(lines[7])
    found, left = salvage(b"".join(lines))
    assert left == DATA
    assert not found.gap
