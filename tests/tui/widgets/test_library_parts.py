"""The library's plain parts: the typed filter, records as lines, differences, JSON to edit, pages, tabs."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import clock, records
from store.knowledge.criteria import criteria
from store.knowledge.model import Filter, Row
from tui import library_json
from tui.library_changes import Differing, differences
from tui.library_filter import added, form, parse
from tui.library_text import DEEPEST, MOST_LINES, Line, Reference, lines, references
from tui.widgets.library_list import Columns
from tui.widgets.library_pages import MOST_PAGES, PAGE, Mapped, Pages
from tui.widgets.library_tabs import around, short_count
from tui.widgets.signs import UNICODE

ALL = Filter()


# -- the filter ------------------------------------------------------------------------------------


def test_words_and_forms_hold_together_in_any_order() -> None:
    found = parse('bird tag:x domain:biology source:a target:"b c" tag:"two words" sings', ALL).filter
    assert found == Filter(
        words="bird sings", tags=("x", "two words"), domains=("biology",), source="a", target="b c"
    )


@pytest.mark.parametrize(
    ("text", "member", "value"),
    [
        (">0.8", "quality_from", math.nextafter(0.8, 1)),
        (">=0.8", "quality_from", 0.8),
        ("<0.5", "quality_below", 0.5),
        ("<=.5", "quality_below", math.nextafter(0.5, 1)),
        (">=80%", "quality_from", 0.8),
        ("workflow:w1", "workflow", "w1"),
    ],
)
def test_scores_and_workflows_are_understood(text: str, member: str, value: Any) -> None:
    assert getattr(parse(text, ALL).filter, member) == value


def test_a_day_means_its_beginning_as_on_the_command_line() -> None:
    found = parse("after:2026-11-01 before:2026-11-03", ALL).filter
    assert found == criteria(created_after="2026-11-01", created_before="2026-11-03").filter
    assert found.created_after is not None
    assert found.created_before is not None
    assert found.created_before - found.created_after == timedelta(days=2)


def test_a_condition_takes_the_rest_of_the_line() -> None:
    typed = parse("bird where:metadata.lang = 'en' and quality_score > 0.5", ALL)
    assert typed.filter.words == "bird"
    assert str(typed.filter.where) == "metadata.lang = 'en' and quality_score > 0.5"


def test_a_condition_that_is_half_typed_is_told_of_and_the_rest_holds() -> None:
    typed = parse("bird tag:x where:quality_score >", ALL)
    assert typed.problem
    assert typed.filter == Filter(words="bird", tags=("x",))


def test_what_is_no_form_counts_as_words() -> None:
    assert parse("http://x tga:y >high :z", ALL).filter.words == "http://x tga:y >high :z"
    assert parse("tag: bird", ALL).filter == Filter(words="bird")


def test_a_time_that_is_none_is_told_of() -> None:
    typed = parse("after:someday bird", ALL)
    assert "someday" in typed.problem
    assert typed.filter == Filter(words="bird")


@given(st.text(max_size=60))
def test_nothing_typed_is_an_error(text: str) -> None:
    parse(text, ALL)


def test_choosing_a_facet_again_lets_go_of_it() -> None:
    once = added("bird where:a = 1", form("tag", "two words"))
    assert once == 'bird tag:"two words" where:a = 1'
    assert parse(once, ALL).filter.tags == ("two words",)
    assert added(once, form("tag", "two words")) == "bird where:a = 1"


# -- a record as lines -----------------------------------------------------------------------------


def text_of(found: list[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line.pieces).rstrip() for line in found)


def row(key: str, title: str) -> Row:
    kind, _, record_id = key.partition(":")
    return Row(
        "default", key, kind, record_id, title, 1, False, 0.5, None, None, None, ("t",), None,
        "2026-11-20T10:00:00Z", "2026-11-21T08:30:00Z", 1, 0, 10,
    )  # fmt: skip


def test_every_member_shows_unknown_and_nested_ones_too() -> None:
    record = {"type": "x", "id": "1", "odd": {"deep": [{"a": 1, "b": [True, None]}]}, "n": 0, "empty": {}}
    text = text_of(lines(record, {}, 60))
    for part in ("odd", "deep", "a  1", "true, null", "n", "empty", "none"):
        assert part in text, (part, text)


def test_members_of_a_cluster_stand_with_strength_and_title() -> None:
    record = {"type": "cluster", "members": [{"key": "concept:bird", "strength": 0.9}]}
    bird = Reference("concept:bird")
    found = lines(record, {bird: row("concept:bird", "a bird")}, 60)
    assert any("a bird" in text_of([line]) and "0.90" in text_of([line]) for line in found)
    assert [line.reference for line in found if line.reference] == [bird]


def test_references_are_found_by_key_and_by_member() -> None:
    record = {
        "type": "frame_instance",
        "id": "concept:never",
        "frame": "motion",
        "inherits_from": ["a", "frame:b"],
        "memberships": {"animals": 0.5},
        "x": {"y": "analogy:z"},
        "centroid": [0.1] * 20,
    }
    assert set(references(record)) == {
        Reference("motion", "frame"),
        Reference("a", "frame"),
        Reference("frame:b"),
        Reference("animals", "cluster"),
        Reference("analogy:z"),
    }


def test_a_vector_is_told_of_not_listed() -> None:
    assert "384 numbers" in text_of(lines({"centroid": [0.25] * 384}, {}, 60))
    assert len(lines({"centroid": [0.25] * 384}, {}, 60)) == 1


def test_depth_and_length_are_bounded() -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = {"in": deep}
    assert len(lines({"deep": deep}, {}, 60)) < 3 * DEEPEST + 20
    assert len(lines({"many": [{"a": n, "b": "x" * 100} for n in range(9000)]}, {}, 60)) == MOST_LINES + 1
    assert "more" in text_of(lines({"long": "word " * 20_000}, {}, 60)[-1:])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.integers(1, 120))
def test_any_record_can_be_laid_out(record: Any, width: int) -> None:
    references(record)
    lines(record, {}, width)


# -- differences and JSON --------------------------------------------------------------------------


def test_differences_name_the_member_and_both_values() -> None:
    then = {"a": 1, "meta": {"lang": "en", "gone": True}, "list": [1, 2, 3], "same": "x"}
    now = {"a": 2, "meta": {"lang": "de"}, "list": [1, 5, 3], "same": "x", "new": "y"}
    assert differences(then, now) == [
        Differing("a", "1", "2"),
        Differing("meta.lang", "en", "de"),
        Differing("meta.gone", "true", None),
        Differing("list[1]", "2", "5"),
        Differing("new", None, "y"),
    ]


def test_true_is_not_one_and_a_list_of_another_length_is_shown_whole() -> None:
    assert differences({"a": True, "l": [1, 2]}, {"a": 1, "l": [2]}) == [
        Differing("a", "true", "1"),
        Differing("l", "[1, 2]", "[2]"),
    ]


@given(json_values)
def test_a_record_edited_as_text_and_left_as_it_was_is_the_same(value: Any) -> None:
    record = {"type": "x", "id": "1", "value": value}
    try:
        text = library_json.pretty(record)
        text.encode()
    except UnicodeEncodeError:
        return  # half of a character: the checks refuse it
    assert records.loads(library_json.compact(text)) == record


def test_problems_name_line_or_member() -> None:
    assert library_json.problems('{"type": "analogy",\n "quality_score" 1}', "analogy")[0].startswith(
        "line 2"
    )
    found = library_json.problems('{"type": "analogy", "quality_score": 7, "source_domain": 3}', "analogy")
    assert [each.partition(":")[0] for each in found] == ["source_domain", "quality_score"]
    assert library_json.problems('{"type": "analogy", "x": 1, "x": 2}', "analogy")
    assert library_json.problems('{"type": "analogy", "quality_score": NaN}', "analogy")
    assert "new record" in library_json.problems('{"type": "frame", "id": "b"}', "frame", "frame:a")[0]
    assert not library_json.problems('{"type": "frame", "id": "a", "name": "x"}', "frame", "frame:a")


@pytest.mark.parametrize("kind", library_json.submittable())
def test_every_draft_is_readable_json_of_its_kind(kind: str) -> None:
    assert records.loads(library_json.draft(kind).encode())["type"] == kind


# -- pages, columns, tabs --------------------------------------------------------------------------


def test_pages_hold_what_was_put_and_forget_what_was_looked_at_longest_ago() -> None:
    pages: Pages[str] = Pages(10_000_000)
    pages.put(150, ["a", "b"])
    assert (pages.get(150), pages.get(151), pages.get(152)) == ("a", "b", None)
    for n in range(MOST_PAGES + 1):
        pages.put(1000 * PAGE + n * PAGE, ["x"])
    assert pages.get(150) is None
    assert sum(1 for _ in pages.held()) == MOST_PAGES


def test_mapped_pages_are_a_sequence() -> None:
    pages: Pages[int] = Pages(5)
    pages.put(0, [1, 2, 3, 4, 5])
    mapped = Mapped(pages, str)
    assert (mapped[0], mapped[-1], list(mapped[1:3]), len(mapped)) == ("1", "5", ["2", "3"], 5)
    with pytest.raises(IndexError):
        mapped[5]


@pytest.mark.parametrize("width", [20, 34, 45, 60, 100, 180])
def test_a_row_is_exactly_as_wide_as_the_list(width: int) -> None:
    clock.fix(clock.parse("2026-11-21T09:00:00Z"))
    try:
        columns = Columns(kinds=True, contexts=True)
        pieces = columns.pieces(row("analogy:x", "鳥 flies → fish swims"), width, UNICODE, True)
    finally:
        clock.fix(None)
    from tui.widgets.cells import width_of

    assert sum(width_of(text) for text, _ in pieces) == width
    text = "".join(text for text, _ in pieces)
    assert text.startswith("● 鳥")
    assert ("0.50" in text) == (width >= 34)


def test_the_collection_shown_is_always_on_the_line() -> None:
    sizes = [10] * 12
    for middle in range(12):
        first, last = around(sizes, middle, 45)
        assert first <= middle < last
        assert last - first == 4
    assert around(sizes, 5, 200) == (0, 12)
    assert around(sizes, 3, 2) == (3, 4)


def test_counts_are_short() -> None:
    found = [short_count(n) for n in (0, 999, 9_999, 12_345, 1_000_000, 250_000)]
    assert found == ["0", "999", "9,999", "12.3k", "1M", "250k"]
