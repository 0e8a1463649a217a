"""Records keep their exact bytes and values; keys follow one rule; journal lines read back as written."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import records
from store.model import Collision, TxMeta
from store.records import NO_HASH, BadJson, Draft, decode_line, dumps, encode_lines, key_of, loads, same
from store.txmeta import meta_dict, meta_of

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["\ud800", 'a","record":{', '],"_t":["1",1,1]', '","_h":"'])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_any_json_value_survives_writing_and_reading(value):
    assert same(loads(dumps(value)), value)


@given(values, st.text(st.characters()), st.integers(1, 10**9), st.booleans())
def test_any_record_is_embedded_verbatim_in_a_journal_line(value, key, ver, with_meta):
    raw = dumps({"type": "entity", "value": value})
    meta = TxMeta("step.add", "Add “x”", "s1", undoes="1:1a") if with_meta else None
    (line, gone), digest = encode_lines(
        [Draft("put", key, ver, raw), Draft("delete", key, ver + 1, None)],
        offset=255,
        previous=NO_HASH,
        at="2026-11-21T06:00:00.123456Z",
        by="me@host",
        meta=meta,
    )
    assert line.count(b"\n") == 1
    parts = decode_line(line)
    assert (parts.op, parts.key, parts.ver, parts.raw) == ("put", key, ver, raw)
    assert (parts.start, parts.nth, parts.total) == (255, 1, 2)
    assert meta_of(parts.tx) == meta
    assert records.record_of(line) == raw
    assert records.record_of(gone) is None
    assert decode_line(gone).raw is None
    assert decode_line(gone).hash == digest


def written(meta):
    (line,), _ = encode_lines(
        [Draft("put", "e:a", 1, b'{"record":1}')], offset=1, previous=NO_HASH, at="A", by="b", meta=meta
    )
    return decode_line(line)


@given(st.lists(st.tuples(values, values, values), max_size=3), st.lists(st.text(), max_size=2))
def test_conflicts_travel_with_their_transaction_whatever_is_in_them(sides, path):
    def text(value):
        return None if value is None else dumps({"a": 1, "record": value}).decode()

    conflicts = tuple(
        Collision("e:a", tuple(path), text(one), text(two), text(base), n)
        for n, (one, two, base) in enumerate(sides)
    )
    meta = TxMeta("absorb", "x", "s1", conflicts=conflicts, resolves=("1:2f/0",) if path else ())
    parts = written(meta)
    assert parts.raw == b'{"record":1}'
    assert meta_of(parts.tx) == meta


def test_a_transaction_without_conflicts_is_written_as_before():
    assert meta_dict(TxMeta("c", "l", "s", group="g")) == {
        "cmd": "c",
        "label": "l",
        "session": "s",
        "group": "g",
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"later": {"a": [1]}},
        {"conflicts": {"new": "shape"}},
        {"conflicts": [{"key": "e:a", "path": "dueDate", "ver": 1}]},
        {"resolves": [1]},
        {"later": 1, "resolves": ["1:2f/0"]},
    ],
)
def test_members_of_tx_that_are_not_known_survive(odd):
    tx = {"cmd": "c", "label": "l", "session": "s", **odd}
    meta = meta_of(tx)
    assert meta_dict(meta) == tx
    assert meta_of(written(meta).tx) == meta


def test_what_a_reader_would_take_for_a_record_is_not_written():
    with pytest.raises(ValueError, match="record"):
        written(TxMeta("c", "l", "s", more={"later": {"a": 1, "record": 2}}))


@pytest.mark.parametrize(
    "raw",
    [b'{"n":NaN}', b'{"s":"\\ud800"}', b'{"i":12345678901234567890123}', b'{"f":1e400}', b'{"a":1,\r"b":2}'],
)
def test_irregular_records_are_kept_byte_for_byte(raw):
    (line,), _ = encode_lines(
        [Draft("put", "e:a", 1, raw)], offset=1, previous=NO_HASH, at="A", by="b", meta=None
    )
    assert decode_line(line).raw == raw
    loads(decode_line(line).raw or b"")


@pytest.mark.parametrize("digits", [15, 16, 17, 18, 19, 20, 21, 40])
def test_integers_keep_every_digit(digits):
    for sign in ("", "-"):
        text = sign + "9" * digits
        assert loads(text.encode()) == int(text)
        assert dumps(int(text)) == text.encode()


def test_a_million_like_integers_near_the_64_bit_limits_are_exact():
    chosen = random.Random(1)
    for limit in (2**53, 2**63, 2**64):
        for _ in range(200):
            number = limit + chosen.randrange(-1000, 1000)
            assert loads(str(number).encode()) == number
            assert loads(str(-number).encode()) == -number


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"a":}', b"\xff", b'"\xed\xa0\x80"', b"[" * 100_000, b"{} {}", b"nul"]
)
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(BadJson):
        loads(raw)


def test_a_value_nested_too_deeply_is_refused():
    value: list = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(BadJson):
        dumps(value)


def test_a_long_record_with_a_newline_is_refused():
    with pytest.raises(ValueError, match="one line"):
        encode_lines([Draft("put", "e:a", 1, b"{\n}")], offset=1, previous=NO_HASH, at="A", by="b", meta=None)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        (math.nan, math.nan, True),
        (math.nan, 1, False),
        (9007199254740993, 9007199254740992, True),
        (9007199254740993, 9007199254740996, False),
        (9007199254740991, 9007199254740990, False),
        (10**400, 10**400 + 1, False),
        (10**400, math.inf, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({"a": None}, {}, False),
        ("1", 1, False),
        (None, 0, False),
    ],
)
def test_values_are_the_same_as_the_peers_see_them(a, b, equal):
    assert same(a, b) is equal
    assert same(b, a) is equal


@pytest.mark.parametrize(
    ("line", "key", "kind"),
    [
        (b'{"type":"entity","name":"chart_1_chart"}', "e:chart_1_chart", "entity"),
        (b'{"name":"x","type":"entity"}', "e:x", "entity"),
        (b'{"type":"entity","data":{"name":"x"}}', "e:x", "entity"),
        (b'{"type":"relation","from":"a","to":"b","relationType":"t"}', 'r:["a","t","b"]', "relation"),
        (
            b'{"type":"relation","data":{"from":"a","to":"b","relationType":"t"}}',
            'r:["a","t","b"]',
            "relation",
        ),
        (b'{"type":"narrative_beat","name":"n"}', "x:narrative_beat:n", "other"),
        (b'{"type":"note","id":"7"}', "x:note:7", "other"),
    ],
)
def test_keys_follow_the_kind_of_record(line, key, kind):
    assert key_of(loads(line), line) == key
    assert records.kind_of(key) == kind


def test_what_has_no_name_is_keyed_by_its_bytes():
    for line in (b"[1]", b'{"a":1}', b'{"type":"entity"}', b'{"type":"relation","from":1}'):
        key = key_of(loads(line), line)
        assert key.startswith("x:")
        assert len(key) == 18
        assert key != key_of(loads(line), line + b" ")


@given(st.binary())
def test_a_comment_line_comes_back_byte_for_byte(line):
    record = records.comment_record(b"#" + line)
    again = loads(dumps(record))
    assert records.comment_bytes(again["text"]) == b"#" + line
    assert key_of(again, b"whatever") == key_of(record, b"#" + line)
    assert records.kind_of(key_of(record, b"")) == "comment"
