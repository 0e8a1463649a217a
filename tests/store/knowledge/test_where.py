"""Conditions on any member: what they mean, what they say of a slip, and that SQL answers alike."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import UsageError
from store.knowledge.where import Column, parse

RECORD: dict[str, Any] = {
    "type": "analogy",
    "id": "a1",
    "quality_score": 0.85,
    "tags": ["life", "form"],
    "metadata": {"lang": "en", "rank": 3, "none": None, "ok": True},
    "members": [{"key": "c:1", "strength": 0.4}, {"key": "c:2", "strength": 0.9}],
    "odd name": {"a-b": "x"},
    "big": 12345678901234567890123,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('quality_score >= 0.8 and not (tags has "x") and metadata.lang = "en"', True),
        ("quality_score >= 0.8 and tags has 'x'", False),
        ("quality_score = 0.85", True),
        ("quality_score == .85", True),
        ("quality_score != 0.85", False),
        ("quality_score <> 0.85", False),
        ('quality_score < "z"', False),
        ('type in ("frame", "analogy")', True),
        ('type not in ("frame", "analogy")', False),
        ("metadata.rank = 3.0", True),
        ("metadata.ok = true", True),
        ("metadata.ok = 1", False),
        ("metadata.ok > 0", False),
        ("metadata.none = null", True),
        ("metadata.absent = null", True),
        ("metadata.none exists", False),
        ("missing metadata.none", True),
        ("exists metadata.lang", True),
        ("absent != 3", True),
        ("absent < 3", False),
        ("not absent < 3", True),
        ("absent.deep.deeper exists", False),
        ("absent in (null, 3)", True),
        ("members.strength > 0.8", True),
        ("members.0.strength > 0.8", False),
        ("members.1.key = 'c:2'", True),
        ("members.7.key = 'c:2'", False),
        ("members.strength != 0.4", False),
        ("`odd name`.a-b = 'x'", True),
        ("metadata has 'lang'", True),
        ("metadata has 'language'", False),
        ("tags contains 'LIF'", True),
        ("tags has 'lif'", False),
        ("metadata.lang contains 'N'", True),
        ("quality_score contains '0'", False),
        ("big = 12345678901234567890123", True),
        ("big = 12345678901234567890124", False),
        ("type = 'analogy' or absent = 1 and absent = 2", True),
        ("(type = 'analogy' or absent = 1) and absent = 2", False),
        ("not type = 'frame' and id = 'a1'", True),
        ("NOT type = 'frame' AND id IN ('a1')", True),
        (r"""id = "a\u0031" """, True),
        (r"""id = 'a\'' or id = "\"" """, False),
        ("tags.0 = 'life'", True),
        ("tags = 'life'", False),
    ],
)
def test_meaning(text: str, expected: bool) -> None:
    assert parse(text).evaluate(RECORD) is expected


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("", 1, "a member"),
        ("   ", 4, "a member"),
        ("quality_score >=", 17, "a value"),
        ("quality_score >= and", 18, "found “and”"),
        ("type = analogy", 8, "quotes"),
        ('type = "analogy', 8, "never closed"),
        ("0.8 < quality_score", 1, "before the sign"),
        ("a = 1 b = 2", 7, "“and”, “or” or the end"),
        ("(a = 1", 7, "“)”"),
        ("a = 1)", 6, "the end"),
        ("a ~ 1", 3, "means nothing"),
        ("a < null", 5, "numbers or texts"),
        ("a in 1", 6, "“(”"),
        ("a in ()", 7, "a value"),
        ("a not = 1", 7, "after “not”"),
        ("a contains 1", 12, "text in quotes"),
        ("a..b = 1", 2, "means nothing"),
        ("a = 1.2.3", 5, "means nothing"),
        ("a = 0x10", 5, "means nothing"),
        ("not " * 200 + "a = 1", 401, "levels"),
        (" or ".join(["a = 1"] * 1000), 2701, "600"),
    ],
)
def test_a_slip_is_shown_where_it_stands(text: str, column: int, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    first, shown, mark = str(caught.value).split("\n")
    assert f"column {column}:" in first
    assert word in first
    assert len(mark) - 1 <= len(shown)


def test_conditions_of_the_same_text_are_equal_and_name_their_members() -> None:
    one = parse('a.b > 1 and (c = "x" or not exists d)')
    assert one == parse(str(one))
    assert hash(one) == hash(parse(one.text))
    assert one.names == {"a", "c", "d"}


def test_what_the_index_cannot_tell_is_not_asked_of_it() -> None:
    columns = {
        "a": Column("a", "number"),
        "t": Column("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", "set"),
    }
    assert parse("b = 1").sql(columns) is None
    assert parse("a = 1 or b = 1").sql(columns) is None
    assert parse("not (a = 1 and b = 1)").sql(columns) is None
    assert parse("a = 'x'").sql(columns) is None
    assert parse("a = true").sql(columns) is None
    assert parse("t has 3").sql(columns) is None
    assert parse("`a.b` = 1").sql({"a.b": Column("x", "number")}) is None
    part = parse("a > 1 and b = 1").sql(columns)
    assert part is not None
    assert (part.params, part.exact) == ((1,), False)
    assert "99" not in part.sql


VALUES = st.sampled_from(
    [None, True, False, 0, 1, 0.5, -1, 2**70, "a", "b", "B", "", ["a"], ["a", "b", 1], {"a": 1}]
)
RECORDS = st.dictionaries(st.sampled_from("ntux"), VALUES)
LITERALS = st.sampled_from(
    ["1", "0.5", "-1", "'a'", "'b'", "''", "true", "false", "null", "1180591620717411303424"]
)
COMPARISONS = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from("ntux"), st.sampled_from(["=", "!="]), LITERALS),
    st.builds(
        "{} {} {}".format, st.sampled_from("ntux"), st.sampled_from(["<", "<=", ">", ">="]), LITERALS
    ).filter(lambda text: not text.endswith(("true", "false", "null"))),
    st.builds("{} in ({}, {})".format, st.sampled_from("ntux"), LITERALS, LITERALS),
    st.builds("{} has {}".format, st.sampled_from("ntux"), LITERALS),
    st.builds("exists {}".format, st.sampled_from("ntux")),
)
TEXTS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds("not {}".format, inner.map("({})".format)),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    ),
    max_leaves=6,
)
COLUMNS = {
    "n": Column("n", "number"),
    "t": Column("t", "text"),
    "u": Column("EXISTS (SELECT 1 FROM json_each(u) WHERE value = ? AND type = 'text')", "set"),
}


def _typed(value: Any, kinds: tuple[type, ...]) -> Any:
    return value if isinstance(value, kinds) and not isinstance(value, bool) and value != 2**70 else None


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.lists(RECORDS, min_size=1, max_size=6))
def test_sql_lets_every_match_through_and_where_exact_nothing_else(
    text: str, found: list[dict[str, Any]]
) -> None:
    condition = parse(text)
    assert condition == parse(str(condition))
    part = condition.sql(COLUMNS)
    if part is None:
        return
    for record in found:
        if record.get("n") == 2**70:  # no engine holds it: such a column would be no number to it
            record["n"] = 3
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE r (at, n, t, u)")
    for at, record in enumerate(found):
        tags = json.dumps(record["u"]) if isinstance(record.get("u"), list) else "[]"
        row = (at, _typed(record.get("n"), (int, float)), _typed(record.get("t"), (str,)), tags)
        base.execute("INSERT INTO r VALUES (?, ?, ?, ?)", row)
    passed = {at for (at,) in base.execute(f"SELECT at FROM r WHERE {part.sql}", part.params)}
    base.close()
    matches = {at for at, record in enumerate(found) if condition.evaluate(record)}
    assert matches <= passed
    if part.exact:
        assert matches == passed


@given(st.text(max_size=40) | st.text(alphabet="ab .=<>!()'\"`0179-,notandorhasexistsin", max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except UsageError:
        return
    assert condition.evaluate(RECORD) in (True, False)
    assert condition.evaluate([]) in (True, False)
