"""Members of a record by their path: read, put there, taken away, and the rest untouched."""

from __future__ import annotations

from typing import Any

import pytest

from store.paths import same_text, value_at, with_value

RECORD: dict[str, Any] = {
    "name": "s",
    "observations": ["a", {"b": 1}, "c"],
    "metadata": {"due": None, "n": 2**60 + 1},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("name",), '"s"'),
        (("metadata", "due"), "null"),
        (("metadata", "n"), "1152921504606846977"),
        (("metadata", "gone"), None),
        (("observations", "2"), '"c"'),
        (("observations", "3"), None),
        (("observations", "-1"), None),
        (("observations", "1", "b"), "1"),
        (("name", "x"), None),
    ],
)
def test_reading(path: tuple[str, ...], found: str | None) -> None:
    assert value_at(RECORD, path) == found
    assert value_at(None, path) is None
    if found is not None:
        assert with_value(RECORD, path, found) == RECORD


def test_putting_and_taking_away_leaves_the_rest() -> None:
    assert with_value(RECORD, ("observations", "1"), '"B"') == {**RECORD, "observations": ["a", "B", "c"]}
    assert with_value(RECORD, ("observations", "1"), None) == {**RECORD, "observations": ["a", "c"]}
    assert with_value(RECORD, ("observations", "3"), '"d"') == {
        **RECORD,
        "observations": ["a", {"b": 1}, "c", "d"],
    }
    changed = with_value(RECORD, ("observations", "1", "b"), None)
    assert changed == {**RECORD, "observations": ["a", {}, "c"]}
    assert with_value(RECORD, ("metadata", "due"), None) == {**RECORD, "metadata": {"n": 2**60 + 1}}
    assert with_value({}, ("metadata", "due"), '"x"') == {"metadata": {"due": "x"}}
    assert with_value({}, ("metadata", "due"), None) == {}
    assert list(with_value(RECORD, ("name",), '"t"') or ()) == list(RECORD), "members keep their order"
    assert with_value(None, (), '{"a":1}') == {"a": 1}
    assert with_value(RECORD, (), None) is None


@pytest.mark.parametrize(
    ("record", "path", "text"),
    [
        (None, ("name",), '"x"'),
        (RECORD, ("name", "x"), "1"),
        (RECORD, ("observations", "9"), "1"),
        (RECORD, ("observations", "3", "b"), "1"),
        (RECORD, ("observations", "x"), "1"),
        (RECORD, (), "[1]"),
    ],
)
def test_where_there_is_no_place_for_it(record: Any, path: tuple[str, ...], text: str) -> None:
    with pytest.raises(LookupError):
        with_value(record, path, text)


def test_values_are_the_same_as_other_programs_see_them() -> None:
    assert same_text("1", "1.0")
    assert same_text('{"a":1,"b":2}', '{"b":2,"a":1}')
    assert same_text(None, None)
    assert not same_text(None, "null")
    assert not same_text("1", "true")
