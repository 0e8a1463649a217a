"""Moving charts between contexts, archiving them, and bringing them back."""

from __future__ import annotations

import pytest

from store import charts
from store.errors import NeedsConfirm, Refused
from store.model import ARCHIVE
from tests.store.charts.memory import Memory


@pytest.fixture
def work() -> Memory:
    return Memory("work")


@pytest.fixture
def tree(view: Memory) -> tuple[str, str, str]:
    top = view.chart(due="2026-12-21", steps=["One", "Two"])
    child = view.telescope(f"{top}_action_1", steps=["Inner"])
    return top, child, view.telescope(f"{child}_action_1", steps=["Innermost"])


def move(source: Memory, target: Memory, *ids: str) -> None:
    into, out = charts.plan_transfer(source, target, list(ids))
    target.apply(into)
    source.apply(out)


def test_a_whole_subtree_moves_record_for_record(view: Memory, work: Memory, tree: tuple[str, ...]) -> None:
    other = view.chart("Another")
    before = view.state()
    move(view, work, tree[0])
    assert list(view.chart_ids()) == [other]
    assert {**view.state(), **work.state()} == {
        **before,
        f"e:{tree[0]}_chart": work.state()[f"e:{tree[0]}_chart"],
    }
    assert work.view(tree[2]).trail[0][0] == tree[0]


def test_there_and_back_is_as_before(view: Memory, work: Memory, tree: tuple[str, ...]) -> None:
    before = view.state()
    move(view, work, tree[1])
    move(work, view, tree[1])
    assert work.state() == {}
    assert view.state() == before


def test_a_sub_chart_becomes_a_root_and_remembers(view: Memory, work: Memory, tree: tuple[str, ...]) -> None:
    top, child, grandchild = tree
    move(view, work, child)
    row = work.view(child).row
    assert (row.parent, row.parent_step, row.level) == (None, None, 0)
    assert work.view(grandchild).row.level == 1
    origin = work.meta(f"{child}_chart")["movedFrom"]
    assert origin["context"] == "default"
    assert origin["parentChart"] == top
    assert view.view(top).steps[0].child is None
    assert all(child not in start and child not in end for start, _, end in view.relations())
    known = {key[2:] for key in work.state() if key.startswith("e:")}
    assert all(start in known and end in known for start, _, end in work.relations())


def test_it_hangs_below_its_parent_again_where_that_has_gone(
    view: Memory, work: Memory, tree: tuple[str, ...]
) -> None:
    top, child, grandchild = tree
    move(view, work, child)
    move(view, work, top)
    health = Memory("health")
    move(work, health, top)
    move(work, health, child)
    assert health.view(top).steps[0].child == child
    assert health.view(grandchild).row.level == 2
    assert "movedFrom" not in health.meta(f"{child}_chart")


def test_a_step_telescoped_anew_meanwhile_keeps_its_new_chart(
    view: Memory, work: Memory, tree: tuple[str, ...]
) -> None:
    top, child, _ = tree
    move(view, work, child)
    fresh = view.telescope(f"{top}_action_1")
    move(work, view, child)
    assert view.view(top).steps[0].child == fresh
    assert [row.chart_id for row in view.view(top).child_charts] == [child]
    assert charts.progress(view, top).total == 3


def test_several_and_those_below_them_move_once(view: Memory, work: Memory, tree: tuple[str, ...]) -> None:
    other = view.chart("Another")
    into, out = charts.plan_transfer(view, work, [tree[1], other, tree[0]])
    assert into.label == "Move 2 charts here from default"
    assert out.label == "Move 2 charts to work"
    work.apply(into)
    view.apply(out)
    assert view.state() == {}
    assert work.view(tree[1]).row.parent == tree[0]


def test_a_name_that_is_there_already_is_refused(view: Memory, work: Memory, tree: tuple[str, ...]) -> None:
    work.add(view.state()[f"e:{tree[2]}_chart"])
    with pytest.raises(Refused, match=f"work already has a record named {tree[2]}_chart"):
        charts.plan_transfer(view, work, tree[0])


def test_a_step_does_not_move(view: Memory, work: Memory, tree: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="Telescope it first"):
        charts.plan_transfer(view, work, f"{tree[0]}_action_2")


class TestArchive:
    @pytest.fixture
    def archive(self) -> Memory:
        return Memory(ARCHIVE)

    def put_away(self, view: Memory, archive: Memory, chart: str, **options: bool) -> None:
        into, out = charts.plan_archive(view, archive, chart, **options)
        archive.apply(into)
        view.apply(out)

    def test_a_complete_chart_moves_with_its_subtree_and_back(
        self, view: Memory, archive: Memory, tree: tuple[str, ...]
    ) -> None:
        view.apply(charts.complete(view, [f"{tree[0]}_action_1", f"{tree[0]}_action_2", tree[0]]))
        before = view.state()
        self.put_away(view, archive, tree[0])
        assert view.state() == {}
        assert archive.meta(f"{tree[0]}_chart")["archivedFrom"] == "default"
        assert archive.meta(f"{tree[0]}_chart")["archivedAt"] == "2026-11-21T12:00:00.123Z"
        assert charts.home_of(archive, tree[0]) == "default"
        into, out = charts.plan_unarchive(archive, view, tree[0])
        assert into.label == "Bring “A finished book” back from the archive"
        view.apply(into)
        archive.apply(out)
        assert archive.state() == {}
        assert view.state() == before

    def test_an_open_chart_wants_confirmation(
        self, view: Memory, archive: Memory, tree: tuple[str, ...]
    ) -> None:
        with pytest.raises(NeedsConfirm, match="“A finished book” is not complete"):
            charts.plan_archive(view, archive, tree[0])
        self.put_away(view, archive, tree[0], confirmed=True)
        assert view.state() == {}

    def test_so_does_one_marked_complete_with_open_steps(
        self, view: Memory, archive: Memory, tree: tuple[str, ...]
    ) -> None:
        view.meta(f"{tree[0]}_chart")["completionStatus"] = True
        with pytest.raises(NeedsConfirm):
            charts.plan_archive(view, archive, tree[0])

    def test_a_sub_chart_comes_back_below_its_parent(
        self, view: Memory, archive: Memory, tree: tuple[str, ...]
    ) -> None:
        top, child, grandchild = tree
        self.put_away(view, archive, child, confirmed=True)
        assert archive.view(child).row.parent is None
        into, _ = charts.plan_unarchive(archive, view, child)
        view.apply(into)
        assert view.view(top).steps[0].child == child
        assert view.view(grandchild).row.level == 2
