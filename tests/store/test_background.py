"""The background thread: others' changes are seen and told, ours published, trouble said until it is over."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from store import charts, durable
from store.errors import StorageError
from store.knowledge import editing
from store.store import Notice, Store
from tests.stores import Opener, chart, live, until


@pytest.fixture
def told(store: Store) -> list[Notice]:
    notices: list[Notice] = []
    store.on_change(notices.append)
    store.start_background()
    until(lambda: store.background is not None and store.background.idle, "the start")
    time.sleep(0.1)  # until the watches are set: nothing says when they are
    return notices


def test_another_processs_change_is_told(store: Store, folder: Path, told: list[Notice]) -> None:
    name = chart(store)
    until(lambda: store.background is not None and store.background.idle, "our own")
    told.clear()
    code = (
        "import sys; from store import open_store, charts; "
        "open_store(sys.argv[1]).run('default', charts.add_step, sys.argv[2], 'Theirs')"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), name], check=True)
    until(lambda: any(not item.own and item.charts and name in item.charts for item in told), "a notice")
    assert [step.title for step in store.chart("default", name).steps] == ["Theirs"]


def test_changed_knowledge_is_told_apart_from_charts_and_not_at_every_commit(
    store: Store, opened: Opener, told: list[Notice]
) -> None:
    told.clear()
    theirs = opened("bob")
    for number in range(10):
        editing.add(theirs, "default", b'{"type":"frame","id":"f%d","name":"Motion"}' % number)
    until(lambda: any(item.knowledge for item in told), "a notice")
    found = [item for item in told if item.knowledge]
    assert {item.context for item in found} == {"default"}
    assert all(item.charts == frozenset() for item in found)
    assert len(found) < 5


def test_a_change_that_a_reader_synced_in_passing_is_told_all_the_same(
    store: Store, opened: Opener, told: list[Notice]
) -> None:
    name = chart(store)
    until(lambda: store.background is not None and store.background.idle, "our own")
    told.clear()
    opened("bob").run("default", charts.add_step, name, "Theirs")
    store.sync()
    until(lambda: any(item.charts and name in item.charts for item in told), "a notice")


def test_a_change_whose_maker_brought_the_index_on_is_told_all_the_same(
    store: Store, opened: Opener, told: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = chart(store)
    store.sync()
    until(lambda: store.background is not None and store.background.idle, "our own")
    assert store.background is not None
    heard = store.background.poke
    monkeypatch.setattr(store.background.watcher, "_changed", lambda *_: None)
    told.clear()
    other = opened("bob")
    other.run("default", charts.add_step, name, "Theirs")
    other.sync()
    monkeypatch.setattr(store.background.watcher, "_changed", heard)
    heard("default", "journal")
    until(lambda: any(item.charts is None or name in item.charts for item in told), "a notice")


def test_a_foreign_write_is_told_in_well_under_a_second(store: Store, told: list[Notice]) -> None:
    chart(store)
    path = store.layout.chart_file("default")
    until(lambda: path.stat().st_size, "the publication")
    until(lambda: store.background is not None and store.background.idle, "rest")
    told.clear()
    begun = time.monotonic()
    path.write_bytes(path.read_bytes() + b'{"type":"entity","name":"foreign"}\n')
    until(lambda: any("1 record changed by another program" in item.text for item in told), "a notice")
    assert time.monotonic() - begun < 1.0
    assert "e:foreign" in live(store)


def test_closing_publishes_what_is_owed(store: Store, told: list[Notice]) -> None:
    chart(store, "The last one")
    store.close()
    assert b"The last one" in store.layout.chart_file("default").read_bytes()


def test_a_context_made_by_another_process_is_read(store: Store, opened: Opener, told: list[Notice]) -> None:
    other = opened("bob")
    other.contexts.create("health")
    name = chart(other, "Run", context="health")

    def there() -> bool:
        with store.index.snapshot() as snap:
            return snap.rowid("health", name) is not None

    until(there, "the new context")


def test_a_publication_that_failed_is_tried_again_and_its_problem_stays_until_then(
    store: Store, told: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import background

    monkeypatch.setattr(background, "AGAIN", 0.05)
    assert store.background is not None
    real = durable.write_aside

    def full(path: Path, *args: object, **options: object) -> Path:
        if path == store.layout.chart_file("default"):
            raise StorageError(f"Cannot write {path}: the disk is full; free some space and try again.")
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(durable, "write_aside", full)
    chart(store, "Kept")
    until(lambda: store.background and store.background.problem, "the problem")
    for _ in range(20):
        assert "disk is full" in store.background.problem
        time.sleep(0.01)
    assert sum(item.problem for item in told) == 1, "told once"
    monkeypatch.setattr(durable, "write_aside", real)
    until(lambda: b"Kept" in store.layout.chart_file("default").read_bytes(), "the publication")
    until(lambda: store.background and not store.background.problem, "the all-clear")


def test_it_stops_at_once(opened: Opener) -> None:
    for _ in range(5):
        store = opened()
        store.start_background()
        begun = time.monotonic()
        store.close()
        assert time.monotonic() - begun < 2.0
