"""Invariant 4 over generations: wherever the index stood when one began, it comes to equal a rebuild."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import cold, journal_next
from store.index import Index, carried
from store.journal import Journal
from tests.store.index.conftest import Writer, chart, contents, entity
from tests.store.index.test_equals_rebuild import transactions

steps = st.one_of(
    *(st.tuples(st.just("write"), transactions) for _ in range(3)),
    *(
        st.tuples(
            st.sampled_from(["sync", "compact", "compact late", "freeze", "begin", "reopen"]), st.none()
        )
        for _ in range(2)
    ),
)


def places(journal: Journal, index: Index) -> list[tuple[int, int, int]]:
    """What compaction carries over: deletions that stand, then live lines."""
    index.sync(journal)
    with index.snapshot() as snap:
        marks = [mark[3:] for mark in snap.deletions("default", "", (0, 0))]
        return [*marks, *snap.live_places("default")]


def compact(journal: Journal, index: Index) -> None:
    found = places(journal, index)
    with journal_next.exclusive(journal):
        journal.compact(journal.position(), found)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(steps, min_size=2, max_size=14), st.sampled_from([1, 3, 5_000]), st.sampled_from([2, 100_000])
)
def test_any_history_over_generations_equals_a_rebuild(history: list[Any], batch: int, most: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(carried, "BATCH", batch)
        patch.setattr(carried, "MOST", most)
        writer = Writer(Path(folder))
        index, ahead = (Index.open(Path(folder) / name / "chartkeep.sqlite") for name in "ac")
        for what, edits in history:
            journal = writer.journal
            if what == "write":
                writer.write(edits)
            elif not journal.path.exists():
                continue
            elif what == "sync":
                index.sync(journal)
            elif what == "reopen":
                journal.close()
            elif what == "begin":
                journal.start_generation([journal.line_bytes(*place) for place in places(journal, ahead)])
            elif what == "freeze":
                for generation in journal.generations()[:-1]:
                    cold.freeze(journal.plain_archive(generation))
            elif journal.position().offset > journal.opened(None).header.end:  # type: ignore[union-attr]
                compact(journal, index if what == "compact" else ahead)
        if writer.journal.path.exists():
            index.sync(writer.journal)
            other = Index(Path(folder) / "b" / "chartkeep.sqlite")
            other.rebuild([writer.journal])
            synced, rebuilt = contents(index), contents(other)
            other.close()
            for name, rows in rebuilt.items():
                assert synced[name] == rows, name
            assert synced["orphans"] == [(0,)]
            assert list(writer.journal.check()) == []
        index.close()
        ahead.close()
        writer.journal.close()


def test_what_is_carried_over_is_no_news(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    writer.put(entity("action_step", "chart_1_action_1", "better", chartId="chart_1"))
    index.sync(writer.journal)
    with index.snapshot() as snap:
        before = snap.transactions()
    compact(writer.journal, index)
    done = index.sync(writer.journal)
    assert (done.transactions, done.lines, done.reset, done.charts) == (0, 0, False, set())
    with index.snapshot() as snap:
        assert snap.transactions() == before
        assert {place[0] for place in snap.live_places("default")} == {2}
        assert [row.generation for row in snap.versions("default", "e:chart_1_action_1")] == [1, 1]


def test_an_archive_that_is_gone_means_reading_anew(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    index.sync(writer.journal)
    writer.put(*chart("chart_2", "Two"))
    other = Index.open(index.path.with_name("other.sqlite"))
    compact(writer.journal, other)
    other.close()
    writer.journal.archived(1).unlink()
    writer.journal.close()
    done = index.sync(writer.journal)
    assert done.reset
    with index.snapshot() as snap:
        assert snap.chart_ids("default") == ["chart_1", "chart_2"]


def test_damage_in_an_archive_hides_nothing_that_is_live(index: Index, writer: Writer) -> None:
    writer.put(*chart("chart_1", "One", "step"))
    writer.put(*chart("chart_2", "Two"))
    compact(writer.journal, index)
    writer.put(*chart("chart_3", "Three"))
    path = writer.journal.archived(1)
    data = bytearray(path.read_bytes())
    data[400] ^= 1
    path.write_bytes(bytes(data))
    writer.journal.close()
    index.rebuild([writer.journal])
    with index.snapshot() as snap:
        assert snap.chart_ids("default") == ["chart_1", "chart_2", "chart_3"]
