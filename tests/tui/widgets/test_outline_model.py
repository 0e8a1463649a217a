"""The flat arrays say the same as a plain tree would, after any sequence of folds and changes."""

from __future__ import annotations

import time
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.widgets.outline_model import Key, OutlineModel, Row


def kids(key: Key) -> list[Row]:
    """Children of any row: 0 to 3, by its name; a child's name is its parent's and a digit."""
    name = str(key)
    return [] if len(name) > 6 else [row(f"{name}{i}") for i in range(sum(map(ord, name)) % 4)]


def row(key: str) -> Row:
    return Row(key, f"title {key}", children=3)


def filled(count: int) -> OutlineModel:
    model = OutlineModel()
    model.load(range(count))
    model.supply(0, [row(f"<{i}>") for i in range(count)])
    return model


def naive(tops: list[str], opened: set[Key]) -> list[tuple[Key, int]]:
    out: list[tuple[Key, int]] = []

    def walk(key: Key, depth: int) -> None:
        out.append((key, depth))
        if key in opened:
            for child in kids(key):
                walk(child.key, depth + 1)

    for top in tops:
        walk(top, 0)
    return out


def shown(model: OutlineModel) -> list[tuple[Key | None, int]]:
    return [(model.key(line), model.depths[line]) for line in range(len(model))]


STEPS = st.lists(
    st.tuples(
        st.sampled_from("ufUFr"), st.integers(0, 40), st.lists(st.integers(0, 9), unique=True, max_size=9)
    ),
    max_size=25,
)


@settings(deadline=None)
@given(STEPS)
def test_folds_and_changes_match_a_naive_tree(steps: list[tuple[str, int, list[int]]]) -> None:
    model, tops = filled(6), [f"<{i}>" for i in range(6)]
    opened: set[Key] = set()
    for what, at, ids in steps:
        if what == "r":
            tops = [f"<{i}>" for i in ids]
            model.replace(ids, rows={i: row(f"<{i}>") for i in ids})
            visible = {key for key, _ in naive(tops, opened)}
            opened &= visible
        elif len(model):
            line = at % len(model)
            key = model.key(line)
            assert key is not None
            if what == "u":
                model.unfold(key, kids(key))
                opened.add(key)
            elif what == "U":
                wanted = [k for k, _ in naive(tops, opened)][:at]
                model.unfold_many({k: kids(k) for k in wanted})
                opened.update(wanted)
            elif what == "f" and key in opened:
                below = {k for k, _ in shown(model)[line : model.end_of(line)]}
                model.fold(line)
                opened -= below
            elif what == "F":
                model.fold_all()
                opened.clear()
        assert shown(model) == naive(tops, opened)
        assert set(model.open_keys()) == opened


@given(st.integers(0, 5), st.integers(0, 3))
def test_family_of_a_line(top: int, deeper: int) -> None:
    model = filled(6)
    for _ in range(deeper):
        model.unfold_many({k: kids(k) for k, _ in shown(model) if k is not None})
    lines = shown(model)
    for line, (key, depth) in enumerate(lines):
        above = [n for n in range(line) if lines[n][1] < depth]
        assert model.parent(line) == (above[-1] if above else None)
        end = next((n for n in range(line + 1, len(lines)) if lines[n][1] <= depth), len(lines))
        assert model.end_of(line) == end
        following = model.sibling(line, 1)
        if following is not None:
            assert model.sibling(following, -1) == line
            assert model.parent(following) == model.parent(line)
        assert key is not None
        assert model.line_of(key) == line


@given(
    st.lists(st.integers(0, 19), unique=True, min_size=1),
    st.lists(st.integers(0, 19), unique=True),
    st.integers(0, 19),
)
def test_cursor_follows_its_row_or_the_nearest_left(before: list[int], after: list[int], at: int) -> None:
    model = OutlineModel()
    model.load(before)
    model.supply(0, [row(f"<{i}>") for i in before])
    at %= len(before)
    line = model.replace(after, rows={i: row(f"<{i}>") for i in after}, cursor=at)
    if before[at] in after:
        assert after[line] == before[at]
        return
    rest = [i for i in before[at + 1 :] if i in after] or [i for i in reversed(before[:at]) if i in after]
    if rest:
        assert after[line] == rest[0]
    else:
        assert 0 <= line <= max(0, len(after) - 1)


def test_selection_and_folds_outlive_a_change() -> None:
    model = filled(5)
    model.unfold("<2>", [row("a"), row("b")])
    model.toggle(3)
    model.toggle(0)
    assert model.selected_keys() == ["<0>", "a"]
    model.replace(
        [4, 2, 1], rows={i: row(f"<{i}>") for i in (4, 2, 1)}, children={"<2>": [row("b"), row("a")]}
    )
    assert [key for key, _ in shown(model)] == ["<4>", "<2>", "b", "a", "<1>"]
    assert model.selected_keys() == ["a"]


def test_rows_are_asked_for_again_after_a_change_but_stay_drawn() -> None:
    model = filled(3)
    assert model.missing(0, 3) == []
    model.replace([0, 1, 2], rows={1: row("<1>")})
    assert model.missing(0, 3) == [0, 2]
    assert model.row(0) is not None
    assert model.supply([0, 2], [row("<0>"), Row("<2>", "new")]) == [2]
    assert model.missing(0, 3) == []


def test_a_chart_within_itself_does_not_hang() -> None:
    model = filled(1)
    loop = Row("loop", "loop", children=1)
    for _ in range(3):
        model.unfold_many({"<0>": [loop], "loop": [loop]})
    assert len(model) == 2


def test_old_rows_are_forgotten_but_not_those_in_use() -> None:
    model = OutlineModel()
    model.load(range(60_000))
    model.supply(0, [row("<0>")])
    model.toggle(0)
    for start in range(0, 60_000, 100):
        model.supply(start, [row(f"<{i}>") for i in range(start, start + 100)])
    assert len(model.rows) < 20_000
    assert model.selected_keys() == ["<0>"]


def test_hundred_thousand_rows_fold_in_no_time() -> None:
    model = OutlineModel()
    model.load(array("q", range(100_000)))
    model.supply(0, [row("<0>")])
    start = time.perf_counter()
    for _ in range(20):
        model.unfold("<0>", [row("a"), row("b")])
        model.sibling(0, 1)
        model.fold(0)
    assert (time.perf_counter() - start) / 20 < 0.02
