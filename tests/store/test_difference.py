"""What a file set aside held, beside the file there is now: every difference has a row, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import difference, records
from store.difference import Part, Row
from store.errors import NotFound
from store.store import Store
from tests.stores import chart


def step(number: int, *texts: str, **metadata: Any) -> dict[str, Any]:
    return {
        "type": "entity",
        "name": f"chart_1_action_{number}",
        "entityType": "action_step",
        "observations": list(texts),
        "metadata": metadata,
    }


def lines(*values: Any) -> bytes:
    return b"".join(records.dumps(value) + b"\n" for value in values)


def test_each_record_is_lacked_had_changed_or_the_same() -> None:
    relation = {"type": "relation", "from": "a", "to": "b", "relationType": "contains"}
    old = lines(step(1, "Same"), step(2, "Old", "note", dueDate="2026-12-01"), step(3, "Only there"))
    new = lines(step(1, "Same"), step(2, "New", "note", completionStatus=True), step(4, "Only now"), relation)
    assert difference.difference(old + b"{torn", new) == [
        Row("unreadable", "", "", (Part("", "{torn", None),), 4),
        Row(
            "changed",
            "e:chart_1_action_2",
            "step “New”",
            (
                Part("wording", "Old", "New"),
                Part("completion", None, "complete"),
                Part("due date", "2026-12-01", None),
            ),
        ),
        Row("had", "e:chart_1_action_3", "step “Only there”", (Part("", "Only there", None),)),
        Row("lacked", "e:chart_1_action_4", "step “Only now”", (Part("", None, "Only now"),)),
        Row("lacked", 'r:["a","contains","b"]', "a contains b"),
    ]


def test_lists_differ_by_their_items() -> None:
    (row,) = difference.difference(lines(step(1, "T", "a", "c")), lines(step(1, "T", "b", "c", "d")))
    assert row.parts == (Part("observations 2", "a", "b"), Part("observations 4", None, "d"))


def test_order_blanks_comments_and_rounded_numbers_are_no_difference() -> None:
    big = 2**60 + 1
    old = b"\xef\xbb\xbf# by hand\n\n" + lines(step(2, "b"), step(1, "a", id=float(big))).replace(
        b"\n", b"\r\n"
    )
    assert difference.difference(old, lines(step(1, "a", id=big), step(2, "b"))) == []


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_make_it_fail(old: bytes, new: bytes) -> None:
    difference.difference(old, new)


files = st.lists(
    st.builds(
        step,
        st.integers(1, 4),
        st.sampled_from("ab"),
        dueDate=st.sampled_from(["x", None, 1, [1], {"a": {"b": {"c": {"d": 1}}}}, {"a": 2}]),
    ),
    max_size=5,
)


@given(files, files)
def test_a_record_has_a_row_exactly_where_it_differs(old: list[Any], new: list[Any]) -> None:
    def firsts(values: list[Any]) -> dict[str, Any]:
        return {f"e:{value['name']}": value for value in reversed(values)}

    then, now = firsts(old), firsts(new)
    rows = {row.key: row for row in difference.difference(lines(*old), lines(*new))}
    assert rows.keys() == {key for key in {**then, **now} if then.get(key) != now.get(key)}
    for key, row in rows.items():
        assert row.kind == ("lacked" if key not in then else "had" if key not in now else "changed")
        assert row.parts
        assert all(part.then != part.now for part in row.parts)


@pytest.mark.parametrize("bad", [b"", b"{half", b'{"type":"entity","name":"x"}\n{half'])
def test_what_was_wiped_or_half_written_can_be_seen_after_it_was_healed(store: Store, bad: bytes) -> None:
    chart(store, "Book", *"abcdefgh")
    store.settle()
    path = store.layout.chart_file("default")
    whole = path.read_bytes()
    path.write_bytes(bad)
    store.catch_up()
    store.settle()
    found = difference.differing(store)
    assert found.aside.path.read_bytes() == bad
    assert set(whole.splitlines()) <= set(path.read_bytes().splitlines())
    assert sum(row.kind == "lacked" for row in found.rows) == len(whole.splitlines())
    assert (found.same, found.older) == (int(b"x" in bad), 0)


def test_the_newest_comes_first_and_only_whole_chart_files_count(store: Store) -> None:
    recovery = store.layout.recovery
    recovery.mkdir(exist_ok=True)
    for name in (
        "2026-11-21T080000-charts.jsonl",
        "2026-11-21T080000-charts.jsonl.2",
        "2026-11-20T235959-charts.jsonl",
        "2026-11-21T090000-charts.jsonl.lines",
        "2026-11-21T090000-charts-gone.jsonl",
        "findings.jsonl",
    ):
        (recovery / name).write_bytes(b"")
    kept = [aside.path.name for aside in difference.set_aside(store)]
    assert kept == [
        "2026-11-21T080000-charts.jsonl.2",
        "2026-11-21T080000-charts.jsonl",
        "2026-11-20T235959-charts.jsonl",
    ]
    assert difference.differing(store, number=1).older == 1
    assert difference.differing(store, number=9).aside.path.name == kept[2]
    assert difference.differing(store).aside.at == "2026-11-21T08:00:00Z"


def test_where_nothing_was_set_aside(store: Store) -> None:
    with pytest.raises(NotFound, match="ever set aside"):
        difference.differing(store)
