"""Making vectors of what changed: incremental, in shards, never more than what is new.

A model goes on from the point of each journal that its manifest says is embedded. It is made anew as a
whole when the embedder is another (its identity, dimension) or has outgrown what it learned; then
the old vectors serve until all the new ones are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from store import records
from store.errors import Damaged
from store.journal_read import OffChain
from store.vectors import archive, embedders, sources
from store.vectors.folder import Folder, of_model, shard_name, sound
from store.vectors.manifest import Manifest
from store.vectors.values import Counts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from store.model import Position
    from store.store import Store
    from store.vectors.embedders import Embedder
    from store.vectors.manifest import ShardFile
    from store.vectors.sources import Source

ROWS = 32_768
"""Vectors in one shard at most."""
FROZEN = "frozen-{}.npz"
SAMPLE = 20_000
"""Texts an embedder learns from at most."""
Progress = Callable[[int, int], None]


def _unseen(_: int, __: int) -> None:
    """Progress that nobody asked for."""


class Run:
    """One run of embedding one model in one context; its folder is locked meanwhile."""

    def __init__(
        self, store: Store, context: str, folder: Folder, embedder: Embedder, progress: Progress | None
    ) -> None:
        self.store = store
        self.context = context
        self.folder = folder
        self.embedder = embedder
        self.progress = progress or _unseen
        self.embedded = self.unchanged = self.gone = 0
        self._keys: list[str] = []
        self._versions: list[int] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._there: dict[str, int] | None = None

    def bring_up(self, manifest: Manifest, *, quietly: bool) -> Manifest:
        """Embed what changed since the manifest; with `quietly` nothing is committed before the end."""
        manifest = self._charts(manifest)
        after = manifest.position("knowledge")
        # A later generation begins with copies of all that is live: most of it has its vector.
        compare = after is None or after.generation != knowledge_end(self.store, self.context).generation
        try:
            return self._records(manifest, after, compare=compare and bool(manifest.shards), quietly=quietly)
        except OffChain:  # restored, or its archive is gone
            if after is None:
                raise
            self._keys, self._versions, self._vectors = [], [], []
            self.embedded = self.unchanged = self.gone = 0
            manifest = self._charts(replace(self.folder.manifest() or manifest, seen=None))
            return self._records(manifest, None, compare=True, quietly=quietly)

    def _records(
        self, manifest: Manifest, after: Position | None, *, compare: bool, quietly: bool
    ) -> Manifest:
        total = _size(self.store, self.context)
        for news in sources.records_since(self.store, self.context, after):
            self._take(self._new_of(manifest, news.changed) if compare else news.changed)
            self.progress(min(news.bytes, total), total)
            manifest = manifest.seeing("knowledge", news.upto)
            if len(self._keys) >= ROWS:
                manifest = self._flush(manifest)
                manifest = manifest if quietly else self.folder.commit(manifest)
        return self._flush(manifest)

    def these(self, manifest: Manifest, changed: dict[str, Source]) -> Manifest:
        """Embed those of these whose vector is not of this version."""
        self._take(self._new_of(manifest, changed))
        return self._flush(manifest)

    def learn(self, manifest: Manifest) -> Manifest:
        """Let the embedder learn from what there is, and keep that."""
        if not isinstance(self.embedder, embedders.Fitted):
            return manifest
        sample = [text for text in _texts(self.store, self.context) if text]
        self.embedder.fit(sample)
        data = archive.zipped(self.embedder.frozen())
        frozen = self.folder.put(FROZEN.format(manifest.next), data, len(sample))
        return replace(manifest, frozen=frozen, next=manifest.next + 1)

    def _charts(self, manifest: Manifest) -> Manifest:
        end = charts_end(self.store, self.context)
        if end is None or end == manifest.position("charts"):
            return manifest
        self._take(self._new_of(manifest, sources.charts(self.store, self.context)))
        return manifest.seeing("charts", end)

    def _new_of(self, manifest: Manifest, changed: dict[str, Source]) -> dict[str, Source]:
        """Those of which there is no vector of this version."""
        if self._there is None:
            self._there = versions(self.folder, manifest)
        there = self._there
        new = {key: source for key, source in changed.items() if there.get(key) != source.ver}
        self.unchanged += len(changed) - len(new)
        return new

    def _take(self, changed: dict[str, Source]) -> None:
        live = {key: source for key, source in changed.items() if source.text is not None}
        self.gone += len(changed) - len(live)
        if not live:
            return
        vectors = embedders.embedded(self.embedder, [source.text or "" for source in live.values()])
        self._keys.extend(live)
        self._versions.extend(source.ver for source in live.values())
        self._vectors.append(vectors)
        self.embedded += len(live)

    def _flush(self, manifest: Manifest) -> Manifest:
        """Write what is held as shards; the manifest that names them."""
        if not self._keys:
            return manifest
        vectors = np.concatenate(self._vectors)
        for start in range(0, len(self._keys), ROWS):
            part = slice(start, start + ROWS)
            numbers = np.array(self._versions[part], np.int64)
            manifest = add_shard(self.folder, manifest, self._keys[part], numbers, vectors[part])
        self._keys, self._versions, self._vectors = [], [], []
        return manifest


def add_shard(
    folder: Folder,
    manifest: Manifest,
    keys: list[str],
    numbers: NDArray[np.int64],
    vectors: NDArray[np.float32],
    lengths: NDArray[np.float32] | None = None,
) -> Manifest:
    """Write one more shard; the manifest that names it, not committed yet."""
    data = archive.pack(manifest.model, manifest.form, keys, numbers, vectors, lengths)
    shard = folder.put(shard_name(manifest.next), data, len(keys))
    return replace(manifest, shards=(*manifest.shards, shard), next=manifest.next + 1)


def embed(
    store: Store,
    context: str,
    model: str,
    *,
    keys: Sequence[str] | None = None,
    form: str | None = None,
    progress: Progress | None = None,
    repair: bool = False,
    timeout: float = 10.0,
) -> Counts:
    """Make the vectors that are missing or of older versions, of all records and charts or of `keys`.

    Raises UsageError for no such embedder, Refused, Locked, Damaged, StorageError.
    """
    folder = of_model(store.layout.vectors, context, model)
    embedder = embedders.make(model, store.settings)
    with folder.writing(timeout, f"embedding {context}"):
        before = usable(folder, folder.manifest(), read=repair)
        fresh = Manifest(
            model,
            True,
            embedder.dimension,
            form or (before.form if before is not None else store.settings.vectors_form),
            embedder.identity,
            float(getattr(embedder, "chance", 0.0)),
        )
        run = Run(store, context, folder, embedder, progress)
        renewed = before is None or not _goes_on(folder, before, fresh, embedder)
        if renewed or before is None:
            start = run.learn(replace(fresh, next=before.next if before is not None else 1))
            made = run.bring_up(start, quietly=before is not None)
        elif keys is not None:
            made = run.these(before, _newest(store, context, keys))
        else:
            made = run.bring_up(before, quietly=False)
        if made != before:
            folder.commit(made)
    return Counts(run.embedded, run.unchanged, run.gone, made.rows, renewed and before is not None)


def behind(store: Store, context: str, model: str) -> int:
    """Bytes of journals that are not embedded yet; 0 where all is."""
    try:
        manifest = of_model(store.layout.vectors, context, model).manifest()
    except Damaged:
        return 0
    return sum(_behind(store, context, family, manifest) for family in ("knowledge", "charts"))


def _behind(store: Store, context: str, family: str, manifest: Manifest | None) -> int:
    if not store.layout.journal(context, family).exists():
        return 0
    try:
        end = store.journal(context, family).position()
    except Damaged:
        return 0
    seen = manifest.position(family) if manifest is not None else None
    if seen is None or seen.generation != end.generation:
        return end.offset
    return max(0, end.offset - seen.offset)


def usable(folder: Folder, manifest: Manifest | None, *, read: bool = False) -> Manifest | None:
    """A manifest without the shards that are gone or damaged; then everything has to be compared.

    Their sizes are looked at; with `read` all their bytes.
    """
    if manifest is None:
        return None
    whole = tuple(shard for shard in manifest.shards if _whole(folder.path / shard.file, shard, read=read))
    if len(whole) == len(manifest.shards):
        return manifest
    return replace(manifest, shards=whole, seen=None)


def _whole(path: Path, shard: ShardFile, *, read: bool) -> bool:
    if read:
        return sound(path, shard) is None
    try:
        return path.stat().st_size == shard.bytes
    except OSError:
        return False


def versions(folder: Folder, manifest: Manifest) -> dict[str, int]:
    """The version of each key's vector. Raises Damaged, StorageError."""
    return dict(rows(folder, manifest))


def rows(folder: Folder, manifest: Manifest) -> Iterator[tuple[str, int]]:
    """(key, version) of every vector, those that a later one stands for too. Raises Damaged, StorageError."""
    for shard in manifest.shards:
        path = folder.path / shard.file
        arrays = archive.unzipped(path, {"keys", "versions"})
        try:
            found = list(
                zip(records.loads(arrays["keys"].tobytes()), arrays["versions"].tolist(), strict=True)
            )
        except (KeyError, ValueError, TypeError) as error:
            raise archive.damaged(path, f"its keys or versions cannot be read ({error})") from None
        yield from found


def thaw(folder: Folder, manifest: Manifest, embedder: Embedder) -> None:
    """Give the embedder what it learned for these vectors. Raises Damaged, StorageError."""
    if not isinstance(embedder, embedders.Fitted) or manifest.frozen is None:
        return
    path = folder.path / manifest.frozen.file
    try:
        embedder.thaw(archive.unzipped(path), manifest.frozen.rows)
    except (KeyError, ValueError) as error:
        raise archive.damaged(path, f"it is not what the embedder learned ({error})") from None


def _goes_on(folder: Folder, before: Manifest, fresh: Manifest, embedder: Embedder) -> bool:
    """True where the vectors there are can be added to."""
    if (before.identity, before.dimension, before.form) != (fresh.identity, fresh.dimension, fresh.form):
        return False
    try:
        thaw(folder, before, embedder)
    except Damaged:
        return False
    if not isinstance(embedder, embedders.Fitted):
        return True
    return before.frozen is not None and not embedder.outgrown(before.rows)


def charts_end(store: Store, context: str) -> Position | None:
    """The end of a context's journal of charts; None without one."""
    if not store.layout.journal(context).exists():
        return None
    return store.journal(context).position()


def knowledge_end(store: Store, context: str) -> Position:
    """The end of a context's journal of knowledge."""
    return store.journal(context, "knowledge").position()


def _size(store: Store, context: str) -> int:
    try:
        return store.layout.journal(context, "knowledge").stat().st_size
    except OSError:
        return 0


def _texts(store: Store, context: str) -> Iterator[str]:
    """Texts an embedder may learn from: all charts, and records from the beginning."""
    left = SAMPLE
    for text in _all_texts(store, context):
        yield text
        left -= 1
        if not left:
            return


def _all_texts(store: Store, context: str) -> Iterator[str]:
    if charts_end(store, context) is not None:
        yield from _of(sources.charts(store, context).values())
    for news in sources.records_since(store, context, None):
        yield from _of(news.changed.values())


def _of(found: Iterable[Source]) -> Iterator[str]:
    return (source.text for source in found if source.text is not None)


def _newest(store: Store, context: str, keys: Iterable[str]) -> dict[str, Source]:
    from store.vectors import lookup

    return lookup.sources(store, context, keys)
