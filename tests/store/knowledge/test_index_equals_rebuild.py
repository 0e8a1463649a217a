"""Invariant 4 for knowledge: whatever happened in whatever steps, the index equals a rebuild."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import journal_next
from store.errors import StorageError
from store.index.knowledge import applying, keys, places, sync
from store.index.knowledge.handle import KnowledgeIndex
from store.journal import Journal
from store.knowledge.model import Filter
from store.model import TxMeta
from tests.store.knowledge.histories import META, Writer, contents, fresh

KEYS = [
    *(f"analogy:{n}" for n in "abc"),
    "frame:f",
    "workflow:w",
    "validation:w/1",
    "odd kind:x",
    "no colon",
    ":y",
    "analogy:\udc80",
]
domains = st.sampled_from([None, "sun", "atom", "", "Zelle", 7])
bodies = st.none() | st.builds(
    lambda source, target, tags, score, created, text, state: {
        name: value
        for name, value in {
            "source_domain": source,
            "target_domain": target,
            "tags": tags,
            "quality_score": score,
            "created_at": created,
            "name": text,
            "state": state,
        }.items()
        if value is not None
    },
    domains,
    domains,
    st.sampled_from([None, [], ["x"], ["x", "y", "x"], "x", [1, "y"], {"x": 1}]),
    st.sampled_from([None, 0.5, 0.8005, 1, True, "0.5", -1.0, float("nan"), 1e305]),
    st.sampled_from([None, "2026-11-21T06:00:00Z", "2026-11-21T06:00:00", "soon", 5]),
    st.sampled_from([None, "Ünï cöde", "", "two words"]),
    st.sampled_from([None, "pending", "completed"]),
)
odd = st.sampled_from([b"[]", b'"text"', b"1", b'{"name": "\\udc00"}', b'{"tags": ["\\ud800"]}'])
edits = st.lists(st.tuples(st.sampled_from(KEYS), bodies | odd), min_size=1, max_size=5)
metas = st.sampled_from([META, TxMeta("w", "", "s", group="w"), TxMeta("w", "", "s", group="v")])
steps = st.one_of(
    *(st.tuples(st.just("write"), edits) for _ in range(4)),
    st.tuples(st.just("known"), edits),
    *(st.tuples(st.sampled_from(["sync", "compact", "begin"]), st.none()) for _ in range(2)),
)
several = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def compact(journal: Journal, index: KnowledgeIndex) -> None:
    index.sync(journal)
    with index.snapshot() as snap:
        position = snap.position(journal.context, journal.family)
        assert position is not None
        marks = list(places.deletions(snap, journal.context, ""))
        live = list(places.live_places(snap, journal.context, position.generation))
    with journal_next.exclusive(journal):
        journal.compact(journal.position(), [*marks, *live])


@several
@given(
    st.lists(st.tuples(steps, metas, st.sampled_from(["default", "work"])), min_size=1, max_size=14),
    st.sampled_from([1, 3, 5_000]),
    st.sampled_from([0, 2, 5_000]),
)
def test_any_history_equals_a_rebuild(history: list[Any], batch: int, behind: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "BATCH", batch)
        patch.setattr(sync, "MOST", batch)
        patch.setattr(keys, "LEAST", behind)
        patch.setattr(keys, "FEW", behind)
        folder = Path(name)
        writers = {context: Writer(folder, context) for context in ("default", "work")}
        index, late = (KnowledgeIndex.open(folder / part / "knowledge.sqlite") for part in "ab")
        for (what, given_edits), meta, context in history:
            writer = writers[context]
            if what in ("write", "known"):
                tx = writer.write(given_edits, meta=meta)
                if what == "known":
                    index.sync(writer.journal, [tx])
            elif not writer.journal.path.exists():
                continue
            elif what == "sync":
                index.sync(writer.journal)
            elif what == "compact":
                compact(writer.journal, index)
            else:
                late.sync(writer.journal)
        there = [writer.journal for _, writer in sorted(writers.items()) if writer.journal.path.exists()]
        for journal in there:
            index.sync(journal)
            late.sync(journal)
        rebuilt = fresh(folder, *there)
        for one in (index, late):
            assert contents(one) == rebuilt
            with one.snapshot() as snap:
                for context, writer in writers.items():
                    found = snap.newest(context, list(writer.versions))
                    assert {key: row.ver for key, row in found.items()} == writer.versions
                    for key in writer.versions:
                        assert next(row.ver for row in snap.versions(context, key)) == writer.versions[key]
                for kind in ("analogy", "frame", "other"):
                    for deleted in (False, True):
                        wanted = Filter(kinds=(kind,), deleted=deleted)
                        assert snap.count(wanted) == len(snap.ids(wanted))
            one.close()
        for journal in there:
            journal.close()


def test_a_key_whose_first_version_comes_twice_is_one_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal put together by other hands: both ways see the second as no news."""
    monkeypatch.setattr(applying, "BATCH", 1)
    writer = Writer(tmp_path)
    writer.write([("analogy:a", {"name": "one"}), ("analogy:b", {"name": "two"})])
    writer.versions.clear()
    writer.write([("analogy:a", {"name": "other"}), ("analogy:c", {"name": "three"})])
    index = KnowledgeIndex.open(tmp_path / "a" / "knowledge.sqlite")
    index.sync(writer.journal)
    with index.snapshot() as snap:
        assert sorted(row.name or "" for row in snap.rows_of(snap.ids(Filter()))) == ["one", "three", "two"]
    assert contents(index) == fresh(tmp_path, writer.journal)
    index.close()


def test_what_was_known_is_taken_only_where_it_goes_on_from_the_index(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    first = writer.write([("analogy:a", {"name": "one"})])
    second = writer.write([("analogy:a", None)])
    third = writer.write([("analogy:a", {"name": "three"})])
    index = KnowledgeIndex.open(tmp_path / "a" / "knowledge.sqlite")
    index.sync(writer.journal, [third])
    assert contents(index) == fresh(tmp_path, writer.journal)
    index.sync(writer.journal, [first, second, third])
    fourth = writer.write([("analogy:b", {"name": "four"})])
    assert index.sync(writer.journal, [third, fourth]).lines == 1
    assert contents(index) == fresh(tmp_path, writer.journal)
    index.close()


def test_a_version_is_superseded_where_its_line_stands_now(tmp_path: Path) -> None:
    """The index stood before a new generation, and reads the carried line and what follows it in one go."""
    writer = Writer(tmp_path)
    writer.write([("analogy:z", {}), ("analogy:a", {"name": "one"}), ("analogy:z", None)])
    index, ahead = (KnowledgeIndex.open(tmp_path / part / "knowledge.sqlite") for part in "ab")
    index.sync(writer.journal)
    compact(writer.journal, ahead)
    writer.write([("analogy:a", {"name": "two"})])
    index.sync(writer.journal)
    with index.snapshot() as snap:
        history = snap.versions("default", "analogy:a")
    assert [row.generation for row in history] == [2, 2]
    assert contents(index) == fresh(tmp_path, writer.journal)
    index.close()
    ahead.close()


def test_numbers_of_names_that_were_rolled_back_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path)
    index = KnowledgeIndex.open(tmp_path / "a" / "knowledge.sqlite")
    writer.write([("analogy:a", {"source_domain": "sun", "tags": ["x"]})])
    index.sync(writer.journal)
    writer.write([("analogy:b", {"source_domain": "moon", "tags": ["y"]})])
    stored = sync.store_position

    def refuse(*_: Any) -> None:
        raise sqlite3.OperationalError("the disk refuses")

    monkeypatch.setattr(sync, "store_position", refuse)
    with pytest.raises(StorageError):
        index.sync(writer.journal)
    monkeypatch.setattr(sync, "store_position", stored)
    writer.write([("analogy:c", {"source_domain": "sea", "tags": ["z", "y"]})])
    index.sync(writer.journal)
    assert contents(index) == fresh(tmp_path, writer.journal)
    index.close()


def test_a_batch_that_is_indexed_without_a_pause_is_not_waited_for(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    index, reader = (KnowledgeIndex.open(tmp_path / "a" / "knowledge.sqlite") for _ in "ab")
    writer.write([("analogy:a", {})])
    conn = sqlite3.connect(index.path, isolation_level=None)
    conn.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=reader.sync, args=(writer.journal,), daemon=True)
    waiting.start()
    conn.execute("ROLLBACK")
    index.sync(writer.journal)
    conn.execute("BEGIN IMMEDIATE")  # the next part of the batch
    waiting.join(5.0)
    assert not waiting.is_alive()
    conn.close()
    index.close()
    reader.close()


def test_what_was_known_is_not_put_behind_a_transaction_that_was_cut_back(tmp_path: Path) -> None:
    """The index has read a transaction that is gone; another of the same length stands in its place."""
    writer = Writer(tmp_path)
    writer.write([("analogy:a", {"name": "one"})])
    begun = writer.journal.path.stat().st_size
    writer.write([("analogy:b", {"name": "two"})])
    index = KnowledgeIndex.open(tmp_path / "a" / "knowledge.sqlite")
    index.sync(writer.journal)
    writer.journal.close()
    os.truncate(writer.journal.path, begun)
    writer.journal.path.with_suffix(".witness").unlink()
    again = Writer(tmp_path)
    again.write([("analogy:c", {"name": "new"})])
    assert again.journal.path.stat().st_size == index_end(index)
    known = again.write([("analogy:d", {"name": "last"})])
    index.take(again.journal, [known])
    index.sync(again.journal)
    assert contents(index)["items"] == fresh(tmp_path, again.journal)["items"]
    index.close()


def index_end(index: KnowledgeIndex) -> int:
    position = index.position("default")
    assert position is not None
    return position.offset
