"""Vectors: how small their archives are and what that costs in recall, search beside a bare product, embedding.

Archives are whole files with keys (UUIDs), versions and all, against a float32 `.npy` that holds numbers only.
Directions are random, the hardest there are: every real embedding compresses as well and finds more. A
comparable program publishes 4.1 times for its archives; 0.9 was measured (its archive of a float32
array is larger than the array).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from bench import stores
from bench.measure import Figure, in_turns, median
from store import init_store, open_store, records
from store.journal import Draft
from store.store import Store
from store.vectors import approximate, collection, embedding, folder, forms, lexical, manifest, table

DIMENSION = 384
ROWS, FULL_ROWS = 100_000, 300_000
QUERIES = 200
NEAREST = 10
TARGETS = {"int8": (3.9, 0.96), "float16": (2.0, 0.99), "float32": (None, 1.0)}


def figures(*, full: bool) -> Iterator[Figure]:
    dice = np.random.default_rng(1)
    vectors = _directions(dice, ROWS)
    queries = _directions(dice, QUERIES)
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        for form in TARGETS:
            yield from _form(Path(name) / form, form, vectors, queries)
    yield from _threads()
    del vectors
    yield _texts()
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name, _store(Path(name), ROWS) as store:
        yield from _whole(store, ROWS)
    if full and approximate.installed():
        with (
            tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name,
            _store(Path(name), FULL_ROWS) as store,
        ):
            collection.embed_missing(store, "default", form="int8")
            yield from _approximate(store)


def _directions(dice: np.random.Generator, count: int) -> Any:
    return forms.unit(dice.standard_normal((count, DIMENSION), dtype=np.float32))[0]


def _form(place: Path, form: str, vectors: Any, queries: Any) -> Iterator[Figure]:
    """The size of an archive, its recall, and a question to it beside a bare product."""
    place.mkdir()
    keys = [f"analogy:{uuid.UUID(int=number * 2**90 + number**3)}" for number in _spread(len(vectors))]
    here = folder.Folder(place)
    with here.writing():
        made = manifest.Manifest("bench", False, DIMENSION, form)
        for start in range(0, len(keys), embedding.ROWS):
            part = slice(start, start + embedding.ROWS)
            ones = np.ones(len(keys[part]), np.int64)
            made = embedding.add_shard(here, made, keys[part], ones, vectors[part])
        here.commit(made)
    np.save(place / "plain.npy", vectors)
    plain = (place / "plain.npy").stat().st_size
    least, recall = TARGETS[form]
    size = sum(path.stat().st_size for path in place.glob("0*.npz"))
    yield Figure(
        f"archive {form}, bytes a vector, against .npy" + (" (published: 1/4.1)" if form == "int8" else ""),
        "B",
        size / len(keys),
        plain / len(keys),
        most=None if least is None else round(1 / least, 4),
    )
    table.forget()
    begun = time.perf_counter()
    found = table.table_of(here)
    opening = time.perf_counter() - begun
    assert found is not None
    yield Figure(f"recall@10 {form}", "of 1", _recall(found, vectors, queries), 1.0, least=recall)
    turn = _turning(queries)
    times = in_turns(
        30,
        {
            "floor": lambda: vectors @ next(turn),
            "ours": lambda: table.nearest(found.scores(next(turn)), NEAREST),
        },
        warm=3,
    )
    name = f"top 10 of {len(keys):,} x {DIMENSION}, {form}, against a bare product"
    yield Figure(name, "ms", 1e3 * median(times["ours"]), 1e3 * median(times["floor"]), most=2)
    yield Figure(f"opening {len(keys):,} vectors, {form}", "ms", 1e3 * opening)


def _spread(count: int) -> Iterator[int]:
    dice = random.Random(1)
    return (dice.getrandbits(34) for _ in range(count))


def _turning(queries: Any) -> Iterator[Any]:
    while True:
        yield from queries


def _recall(found: table.Table, vectors: Any, queries: Any) -> float:
    same = 0
    for query in queries:
        true = table.nearest(vectors @ query, NEAREST)
        same += len(set(true) & set(table.nearest(found.scores(query), NEAREST)))
    return same / (NEAREST * len(queries))


_PRODUCT = """
import time
import numpy as np
vectors = np.random.default_rng(1).standard_normal((100_000, 384), dtype=np.float32)
times = []
for query in vectors[:40]:
    begun = time.perf_counter()
    vectors @ query
    times.append(time.perf_counter() - begun)
print(sorted(times)[20])
"""


def _threads() -> Iterator[Figure]:
    """The bare product with one BLAS thread against as many as there are cores."""
    took = {}
    for threads in (1, os.cpu_count() or 1):
        done = subprocess.run(
            [sys.executable, "-c", _PRODUCT],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": str(threads)},
        )
        took[threads] = 1e3 * float(done.stdout)
    one, more = took[1], took[os.cpu_count() or 1]
    yield Figure(f"bare product, {os.cpu_count()} BLAS threads against one", "ms", more, one)


def _sentences(count: int) -> list[str]:
    """Texts of some 250 characters about 500 topics, in words as frequent as words are."""
    dice = random.Random(1)
    vocabulary = [
        "".join(dice.choices("abcdefghijklmnoprstuvw", k=dice.randint(3, 9))) for _ in range(30_000)
    ]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(vocabulary))))
    topics = [dice.sample(vocabulary, 60) for _ in range(500)]
    return [
        " ".join(
            [*dice.choices(dice.choice(topics), k=15), *dice.choices(vocabulary, cum_weights=weights, k=20)]
        )
        for _ in range(count)
    ]


def _texts() -> Figure:
    """Lexical vectors a second, the IDF learned before."""
    texts = _sentences(20_000)
    embedder = lexical.Lexical(DIMENSION)
    embedder.fit(texts[:5_000])
    embedder.embed(texts[:1_000])
    begun = time.perf_counter()
    embedder.embed(texts)
    return Figure(
        "lexical embedding, texts of 250 characters", "/s", len(texts) / (time.perf_counter() - begun)
    )


def _store(place: Path, count: int) -> Store:
    """A store with so many concepts."""
    store = open_store(init_store(place))
    store._settings = replace(store.settings, vectors_dimension=DIMENSION)
    texts = _sentences(count)
    with store.journal("default", "knowledge").writer() as writer:
        for start in range(0, count, stores.CHUNK):
            drafts = [
                Draft("put", f"concept:c{number}", 1, records.dumps(_concept(number, texts[number])))
                for number in range(start, min(start + stores.CHUNK, count))
            ]
            writer.append(drafts, by="bench", meta=stores.META)
    store.library.sync()
    return store


def _concept(number: int, text: str) -> dict[str, str]:
    return {"type": "concept", "id": f"c{number}", "name": text[:20], "disambiguation": text}


def _whole(store: Store, count: int) -> Iterator[Figure]:
    """Embedding a store, and whole questions to it."""
    begun = time.perf_counter()
    collection.embed_missing(store, "default", form="int8")
    took = time.perf_counter() - begun
    yield Figure(f"embed {count:,} records, from journal to durable shards", "/s", count / took)
    turn = iter(range(0, count, 97))

    def key() -> object:
        return collection.similar(store, f"concept:c{next(turn)}", exact=True)

    def text() -> object:
        return collection.similar(store, f"a question about {next(turn)} things", exact=True)

    times = in_turns(30, {"key": key, "text": text}, warm=2)
    yield Figure(f"similar to a record of {count:,}, whole", "ms", 1e3 * median(times["key"]), limit=50)
    yield Figure(f"similar to a text of {count:,}, whole", "ms", 1e3 * median(times["text"]), limit=50)
    took = _timed_after_edit(store)
    yield Figure("similar right after one record changed, whole", "ms", 1e3 * took)
    if approximate.installed():
        yield from _approximate(store)


def _timed_after_edit(store: Store) -> float:
    took = []
    for number in range(10):
        draft = Draft("put", f"concept:n{number}", 1, records.dumps(_concept(number, f"new {number}")))
        stores.commit(store.journal("default", "knowledge"), [draft])
        took.append(_timed(lambda: collection.similar(store, "concept:c5", exact=True)))
    return median(took)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _approximate(store: Store) -> Iterator[Figure]:
    begun = time.perf_counter()
    measured = collection.index(store, "default")
    took = time.perf_counter() - begun
    yield Figure(f"approximate index of {measured.rows:,}, built and measured", "s", took)
    yield Figure(
        f"approximate index of {measured.rows:,}, recall@10", "of 1", measured.recall, 1.0, least=0.9
    )
    name = f"approximate search of {measured.rows:,}, rescored, against exact"
    yield Figure(name, "ms", measured.approximate_ms, measured.exact_ms)
