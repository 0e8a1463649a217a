"""The demo store: charts, and knowledge that came in by workflows; sound, and the same kinds of things each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import open_store, workflows
from store.demo import make_demo
from store.knowledge.model import Filter
from store.store import Store


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / ".coaia")


def test_every_screen_of_knowledge_has_something_to_show(demo: Path) -> None:
    with open_store(demo) as store:
        counts = {collection: live for _, collection, live in store.library.collections()}
        assert counts["analogies"] > 24
        assert {"frames", "instances", "concepts", "scopes", "rejects", "workflows"} <= set(counts)
        assert len(store.library.domains()) > 10
        assert store.library.tags()
        done = workflows.listing(store)
        assert {one.state for one in done} == {"completed"}
        assert sum(one.rejected for one in done) == counts["rejects"] == 3
        codes = {one.code for one in workflows.rejects(store, done[0].id)}
        assert len(codes) == 3, "each was refused for a reason of its own"


def test_what_it_knows_hangs_together(demo: Path) -> None:
    with open_store(demo) as store:
        assert [item for item in store.verify() if item.severity != "info"] == []
        assert named(store, "frame") > {"Process", "Teaching"}


def named(store: Store, kind: str) -> set[str]:
    return {row.name for row in store.library.rows(Filter(kinds=(kind,))) if row.name}
