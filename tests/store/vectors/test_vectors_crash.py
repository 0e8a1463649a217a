"""A crash or a refusing disk at any system call: what was there stays, what is half done is not seen and goes."""

from __future__ import annotations

import contextlib
import errno
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from store.durable import TEMP_SUFFIX
from store.errors import ChartkeepError
from store.store import Store
from store.vectors import collection
from tests.faults.cutting import AtCall, Killed, named
from tests.store.vectors.conftest import BREAD, CODE, SAIL, SEA, write
from tests.store.vectors.test_given import npz
from tests.store.vectors.test_keeping import answers
from tests.stores import Opener


def embed(store: Store) -> None:
    write(store, {**CODE, "tags": ["new"]}, BREAD)
    collection.embed_missing(store, "default")


def merge(store: Store) -> None:
    collection.merge(store, "default")


def drop(store: Store) -> None:
    collection.drop(store, "default", ["analogy:a1"])


def gone(store: Store) -> None:
    collection.remove(store, "default", "lexical")


def add(store: Store) -> None:
    collection.add_given(store, "default", npz(store.root.parent / "v.npz"), "mine")


@pytest.mark.parametrize("code", [None, errno.EIO], ids=named)
@pytest.mark.parametrize("work", [embed, merge, drop, gone, add], ids=lambda work: work.__name__)
def test_at_any_call_the_model_is_as_before_or_as_after(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, work: Callable[[Store], None], code: int | None
) -> None:
    store = opened()
    write(store, SEA, SAIL, CODE)
    collection.embed_missing(store, "default")
    write(store, BREAD)
    collection.embed_missing(store, "default")
    nth = 1
    while True:
        with monkeypatch.context() as patch:
            cut = AtCall(patch, nth, code)
            with contextlib.suppress(Killed, ChartkeepError):
                work(store)
        assert all(one.severity == "info" for one in collection.check(store)), f"after call {nth}"
        if not cut.met:
            break
        nth += 1
        _mended(store)
    assert nth > 5
    _mended(store)
    assert collection.check(store) == []
    for entry in (store.layout.vectors / "default").iterdir():
        assert not [path for path in entry.iterdir() if path.name.endswith(TEMP_SUFFIX)]


def _mended(store: Store) -> None:
    """As the next question finds it: all that is live has its vector."""
    found = {key for key, _ in answers(store)}
    assert "analogy:a2" in found
    collection.embed_missing(store, "default", keys=["analogy:a1"])  # taken out by drop
    counts = collection.embed_missing(store, "default")
    assert counts.embedded == 0


def test_a_killed_embedding_leaves_whole_shards_only(folder: Path, opened: Opener) -> None:
    store = opened()
    write(store, *({"type": "concept", "id": f"c{n}", "name": f"word{n} thing"} for n in range(4000)))
    for wait in (0.05, 0.2, 0.35):
        with subprocess.Popen([sys.executable, "-c", _EMBED, str(folder)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(wait)
            child.kill()
        assert [one for one in collection.check(store) if one.severity != "info"] == []
    assert collection.embed_missing(store, "default").total == 4000
    assert collection.similar(store, "concept:c17").hits


_EMBED = """
import sys
from store import open_store
from store.vectors import collection, embedding, sources
embedding.ROWS = sources.BATCH = 50
store = open_store(sys.argv[1])
print("open", flush=True)
collection.embed_missing(store, "default")
"""


def test_who_reads_while_shards_are_merged_gets_an_answer(store: Store) -> None:
    import threading

    for number in range(12):
        write(store, {"type": "concept", "id": f"c{number % 7}", "name": f"ship{number % 7} sea{number}"})
        collection.embed_missing(store, "default")
    problems: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        from store.vectors import table

        while not stop.is_set():
            try:
                table.forget()
                assert collection.similar(store, "ship3 sea").hits
            except (ChartkeepError, AssertionError) as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(8):
        write(store, {"type": "concept", "id": f"n{number}", "name": f"sea{number}"})
        collection.embed_missing(store, "default")
        collection.merge(store, "default")
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_two_processes_that_embed_at_once_lose_nothing(folder: Path, opened: Opener) -> None:
    store = opened()
    write(store, *({"type": "concept", "id": f"c{n}", "name": f"word{n} thing"} for n in range(1500)))
    words = [sys.executable, "-c", _EMBED, str(folder)]
    children = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert collection.models(store)[0].rows == 1500
    keys, vectors = collection.matrix(store, "default")
    assert len(keys) == 1500
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
