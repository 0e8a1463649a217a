"""The approximate index of a model: an inverted file of int8 codes by faiss, the extra `approx`.

Chosen by measuring here, 2 cores, 384 dimensions of lexical vectors: of 300,000 faiss builds its inverted file in 20 s
and finds 96 % of the ten nearest in 0.2 ms; usearch builds its graph in 343 s and finds 92 % in 1.1 ms or more. Of
100,000: 12 s, 89 to 94 % in 0.1 to 0.6 ms, beside 66 s, 86 to 92 % in 0.5 to 2.9 ms; graphs of faiss took 16 to 26 s.

The index proposes rows, which are scored from the vectors themselves: what it can miss is a row, never
an order. It covers the shards there were when it was built; rows added since are searched exactly beside
it, until they are a fifth: then it is built anew with the next embedding. How many lists a question
visits is set by measuring recall against exact search on a sample.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from store import clock
from store.errors import Damaged, NotFound, Refused
from store.vectors import archive
from store.vectors import table as tables
from store.vectors.folder import Folder, of_model, sound
from store.vectors.values import Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from store.store import Store
    from store.vectors.manifest import Manifest
    from store.vectors.table import Table

RECALL = 0.95
"""recall@10 that lists are added for."""
SAMPLE = 200
NEAREST = 10
STALE = 0.2
"""Share of rows not in the index from which it is built anew."""
_PROBES = (4, 8, 16, 32, 64, 128, 256, 512)
_EQUAL = 1e-5
_FILE = "approximate-{}.faiss"

_open: dict[Path, tuple[str, Any]] = {}
_lock = threading.Lock()


def installed() -> bool:
    """Whether the extra is there."""
    from importlib.util import find_spec

    return find_spec("faiss") is not None


def bring_up(store: Store, context: str, model: str) -> Measured | None:
    """Build the index where there are enough vectors for one and it is missing or stale."""
    folder = of_model(store.layout.vectors, context, model)
    manifest = folder.manifest()
    if manifest is None or manifest.rows < store.settings.vectors_approximate_from or not installed():
        return None
    if manifest.rows - manifest.indexed <= STALE * manifest.rows:
        return None
    return build(store, context, model)


def build(store: Store, context: str, model: str) -> Measured:
    """Build the index over all vectors of a model, measure and keep it.

    Raises NotFound for no vectors, Refused without the extra, Locked, Damaged, StorageError.
    """
    faiss = _faiss()
    folder = of_model(store.layout.vectors, context, model)
    title = f"Index the vectors of {context}"
    with folder.writing(60.0, f"indexing {context}"), store.jobs.run("index", title) as job:
        table = tables.table_of(folder)
        if table is None or not len(table):
            raise _nothing(context, model)
        if table.damage:
            raise table.damage[0]
        index = _built(faiss, table)
        job.at(1, 2)
        probes, measured = _tuned(index, table, context)
        data = faiss.serialize_index(index).tobytes()
        manifest = table.manifest
        file = folder.put(_FILE.format(manifest.next), data, len(table))
        folder.commit(
            replace(
                manifest,
                index=file,
                index_shards=len(manifest.shards),
                index_of=manifest.state(len(manifest.shards)),
                measured=_kept(measured, probes),
                next=manifest.next + 1,
            )
        )
        job.note(f"recall@{NEAREST} {measured.recall:.3f} of {measured.rows:,} vectors")
    return measured


def measure(store: Store, context: str, model: str) -> Measured:
    """Measure the index there is on other samples, and keep the figures where the store may be written."""
    folder = of_model(store.layout.vectors, context, model)
    table = tables.table_of(folder)
    if table is None:
        raise _nothing(context, model)
    index = _opened(folder, table.manifest)
    if index is None:
        raise NotFound(
            f"“{model}” in {context} has no approximate index that is up to date; `chartkeep vectors index` builds it."
        )
    probes = int((table.manifest.measured or {}).get("probes", _PROBES[2]))
    sample = _Sample(table, context, table.manifest.indexed, seed=time.monotonic_ns())
    measured = sample.measured(index, probes)
    if not store.readonly:
        with folder.writing(10.0, f"measuring {context}"):
            manifest = folder.manifest()
            if manifest is not None and manifest.index == table.manifest.index:
                folder.commit(replace(manifest, measured=_kept(measured, probes)))
    return measured


def candidates(
    store: Store, context: str, table: Table, vector: NDArray[np.float32], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(rows, their scores) of the nearest by the index and by exact search of what is newer; nothing without one."""
    none = np.zeros(0, np.int64), np.zeros(0, np.float32)
    manifest = table.manifest
    if table.damage or not manifest.indexed:
        return none
    try:
        index = _opened(of_model(store.layout.vectors, context, manifest.model), manifest)
    except (Refused, Damaged):
        return none
    if index is None:
        return none
    wanted = 4 * limit + 32
    probes = int((manifest.measured or {}).get("probes", _PROBES[2]))
    rows = _asked(index, vector[None, :], wanted, probes)[0]
    newer = np.arange(manifest.indexed, len(table))
    rows = np.concatenate((rows[rows >= 0], newer))
    rows = rows[table.current[rows]]
    scores = table.vectors(rows) @ vector
    best = tables.nearest(scores, wanted)
    return rows[best], scores[best]


# -- building and measuring ------------------------------------------------------------------------


def _built(faiss: Any, table: Table) -> Any:
    rows = np.flatnonzero(table.current)
    vectors = table.vectors(rows)
    lists = max(1, min(int(4 * np.sqrt(len(rows))), len(rows) // 40))
    index = faiss.index_factory(table.manifest.dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    dice = np.random.default_rng(len(rows))
    index.train(vectors[dice.permutation(len(rows))[: 40 * lists]])
    index.add_with_ids(vectors, rows)
    return index


class _Sample:
    """Vectors of the model itself with their true nearest ones, each but for its own row."""

    def __init__(self, table: Table, context: str, rows: int, seed: int) -> None:
        self.table = table
        self.context = context
        current = np.flatnonzero(table.current[:rows])
        self.rows = np.random.default_rng(seed).choice(current, min(SAMPLE, len(current)), replace=False)
        self.queries = table.vectors(self.rows)
        times: list[float] = []
        self.enough: list[float] = []
        """The score of the tenth: whatever reaches it is found, since equal ones are as good as each other."""
        self.each = min(NEAREST, len(current) - 1)
        for row, query in zip(self.rows.tolist(), self.queries, strict=True):
            begun = time.perf_counter()
            nearest = _exactly(table, query, rows)
            times.append(time.perf_counter() - begun)
            others = nearest[nearest != row][: self.each]
            scores = table.vectors(others) @ query
            self.enough.append(float(scores.min(initial=1)) - _EQUAL)
        self.exact_ms = 1e3 * float(np.median(times))

    def measured(self, index: Any, probes: int) -> Measured:
        """recall@10 and milliseconds of an index that visits so many lists."""
        times: list[float] = []
        found = 0
        for row, query, enough in zip(self.rows.tolist(), self.queries, self.enough, strict=True):
            begun = time.perf_counter()
            told = _asked(index, query[None, :], 4 * NEAREST + 32, probes)[0]
            told = told[(told >= 0) & (told != row)]
            scores = self.table.vectors(told) @ query
            times.append(time.perf_counter() - begun)
            found += min(self.each, int(np.sum(scores >= enough)))
        total = self.each * len(self.rows)
        return Measured(
            self.table.manifest.model,
            self.context,
            len(self.table),
            len(self.rows),
            found / total if total else 1.0,
            self.exact_ms,
            1e3 * float(np.median(times)),
        )


def _tuned(index: Any, table: Table, context: str) -> tuple[int, Measured]:
    """The fewest lists to visit that find enough, and what was measured with them."""
    sample = _Sample(table, context, len(table), seed=1)
    for probes in _PROBES:
        measured = sample.measured(index, probes)
        if measured.recall >= RECALL or probes >= index.nlist:
            break
    return probes, measured


def _exactly(table: Table, query: NDArray[np.float32], rows: int) -> NDArray[np.int64]:
    """The nearest of the first so many rows."""
    scores = table.scores(query)[:rows]
    scores[~table.current[:rows]] = -2
    return tables.nearest(scores, NEAREST + 1)


def _asked(index: Any, queries: NDArray[np.float32], count: int, probes: int) -> NDArray[np.int64]:
    index.nprobe = probes
    _, rows = index.search(np.ascontiguousarray(queries, np.float32), count)
    return np.asarray(rows, np.int64)


def _kept(measured: Measured, probes: int) -> dict[str, Any]:
    figures = {"recall": round(measured.recall, 4), "sample": measured.sample, "probes": probes}
    times = {"exact_ms": round(measured.exact_ms, 3), "approximate_ms": round(measured.approximate_ms, 3)}
    return {**figures, **times, "at": clock.stamp()}


# -- opening ---------------------------------------------------------------------------------------


def _opened(folder: Folder, manifest: Manifest) -> Any:
    """The index, kept open between questions; None where there is none for these shards.

    Its hash is checked before faiss reads it, since faiss trusts what it reads. Raises Refused without the
    extra, Damaged.
    """
    if not manifest.indexed or manifest.index is None:
        return None
    with _lock:
        kept = _open.get(folder.path)
        if kept is not None and kept[0] == manifest.index.hash:
            return kept[1]
        faiss = _faiss()
        path = folder.path / manifest.index.file
        if (why := sound(path, manifest.index)) is not None:
            raise archive.damaged(path, why)
        index = faiss.deserialize_index(np.fromfile(path, np.uint8))
        _open[folder.path] = manifest.index.hash, index
        return index


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise Refused(
            "The approximate index needs the extra “approx”: pip install 'chartkeep[approx]'. "
            "Without it every vector is looked at."
        ) from None
    return faiss


def _nothing(context: str, model: str) -> NotFound:
    return NotFound(
        f"There are no vectors of “{model}” in {context} to index; `chartkeep vectors embed` makes them."
    )
