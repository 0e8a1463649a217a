"""Embeddings a person gives: `.npz` with `keys` and `vectors`, `.npy` with a file of keys, JSONL with `embedding`.

A file that is not what its name says is refused whole; a row that cannot be used is rejected with its place and
reason, and the rest is taken, all in one step: after a crash the file was added or it was not. Pickled
arrays are never loaded. A vector stands for the version its record has when it is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from store import records
from store.errors import ChartkeepError, NotFound, Refused, UsageError
from store.syscalls import guard
from store.vectors import embedders, embedding, forms, lookup
from store.vectors.folder import of_model
from store.vectors.manifest import Manifest
from store.vectors.values import Added, Rejection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from store.store import Store

_KEYS = ("keys", "ids")
_VECTORS = ("vectors", "embeddings", "embedding")
_LONGEST_LINE = 1 << 23
_MOST_DIMENSIONS = 1 << 16


class Rows(NamedTuple):
    """Some rows of a file: where each stands, its key, its vector."""

    lines: list[int]
    keys: list[str]
    vectors: NDArray[np.floating[Any]]


Reject = Callable[[int, str, str, str], None]


def add(
    store: Store, context: str, path: Path, model: str, *, keys: Path | None = None, form: str | None = None
) -> Added:
    """Take the vectors of a file in under a model's name.

    Raises NotFound, UsageError for a file that cannot be used, Refused for a model that an embedder
    makes or whose vectors have another dimension or form, Locked, Damaged, StorageError.
    """
    if not path.is_file():
        raise NotFound(f"{path} is not a file. Name an .npz, an .npy with --keys, or a .jsonl.")
    if not model or embedders.exists(model):
        raise Refused(
            f"“{model}” is made by an embedder; given vectors need a name of their own: --model my-model."
        )
    rejected: list[Rejection] = []
    folder = of_model(store.layout.vectors, context, model)
    with folder.writing(60.0, f"adding {path.name}"):
        before = folder.manifest()
        if before is not None and form is not None and form != before.form:
            raise Refused(f"The vectors of “{model}” are kept as {before.form}; they cannot become {form}.")
        taking = _Taking(store, context, before.dimension if before is not None else 0, rejected)
        manifest = before or Manifest(model, False, 0, form or store.settings.vectors_form)
        written = 0
        for rows in _rows(path, keys, taking.reject):
            taken = taking.take(rows)
            if not len(taken.keys):
                continue
            manifest = replace(manifest, dimension=taking.dimension)
            directions, lengths = forms.unit(taken.vectors.astype(np.float32))
            odd = lengths if forms.odd_lengths(lengths) else None
            versions = np.array([taking.live[key] for key in taken.keys], np.int64)
            manifest = embedding.add_shard(folder, manifest, taken.keys, versions, directions, odd)
            written += len(taken.keys)
        if written:
            folder.commit(manifest)
    return Added(model, written, rejected)


class _Taking:
    """What is known while one file is taken in: the dimension, the keys it had, the records there are."""

    def __init__(self, store: Store, context: str, dimension: int, rejected: list[Rejection]) -> None:
        self.dimension = dimension
        self.live: dict[str, int] = {}
        self._store = store
        self._context = context
        self._rejected = rejected
        self._seen: dict[str, int] = {}

    def reject(self, line: int, key: str, code: str, reason: str) -> None:
        """Keep why one row is not taken."""
        self._rejected.append(Rejection(line, key, code, reason))

    def take(self, rows: Rows) -> Rows:
        """The rows that can be used; the others are rejected. The first of all gives the dimension."""
        self.dimension = self.dimension or rows.vectors.shape[1]
        self.live.update(lookup.live(self._store, self._context, rows.keys))
        with np.errstate(over="ignore"):
            narrow = rows.vectors.astype(np.float32)
        finite = np.asarray(np.isfinite(narrow).all(axis=1))
        directed = np.asarray((narrow != 0).any(axis=1))
        kept = [
            row
            for row, (line, key) in enumerate(zip(rows.lines, rows.keys, strict=True))
            if self._usable(line, key, rows.vectors.shape[1], bool(finite[row]), bool(directed[row]))
        ]
        return Rows([rows.lines[row] for row in kept], [rows.keys[row] for row in kept], narrow[kept])

    def _usable(self, line: int, key: str, dimension: int, finite: bool, directed: bool) -> bool:
        if dimension != self.dimension:
            self.reject(line, key, "wrong-dimension", f"it has {dimension} dimensions, not {self.dimension}")
        elif key in self._seen:
            self.reject(line, key, "duplicate-key", f"{_place(self._seen[key])} has that key already")
        elif not finite:
            self.reject(line, key, "not-finite", "a component is NaN, infinite or beyond float32")
        elif not directed:
            self.reject(line, key, "no-direction", "all components are 0: it is like nothing")
        elif key not in self.live:
            why = f"no live record or chart of {self._context} has that key"
            self.reject(line, key, "unknown-key", why if ":" in key else f"{why}: keys are <type>:<id>")
        else:
            self._seen[key] = line
            return True
        return False


def _place(line: int) -> str:
    return f"row {line}"


def _rows(path: Path, keys: Path | None, reject: Reject) -> Iterator[Rows]:
    """The rows of a file, some thousands at a time. Raises UsageError for one that is not what it should be."""
    with guard("read", path), path.open("rb") as file:
        head = file.read(8)
    if path.suffix in (".jsonl", ".json", ".ndjson"):
        if keys is not None:
            raise UsageError("--keys goes with an .npy; a JSONL line has its own `key`, or `type` and `id`.")
        yield from _of_lines(path, reject)
    elif head.startswith(b"PK"):
        yield from _in_parts(*_of_npz(path), path)
    elif head.startswith(b"\x93NUMPY"):
        if keys is None:
            raise UsageError(f"{path} holds no keys: name a file with one key a line, in its order (--keys).")
        yield from _in_parts(_key_file(keys), _array(path, path), path)
    else:
        raise UsageError(f"{path} {_what(head)}. Give an .npz, an .npy with --keys, or a .jsonl.")


def _what(head: bytes) -> str:
    """What a file is that is no array, as far as its first bytes tell."""
    if head.lstrip()[:1] in (b"[", b"{"):
        return (
            "is JSON text, not a numpy array, whatever its name says: call it .jsonl if each line is a record"
        )
    if head.startswith(b"\x80"):
        return "is a pickle, which is never loaded: it could run any program"
    return "is empty" if not head else "is no numpy array"


def _of_npz(path: Path) -> tuple[list[str], NDArray[Any]]:
    """(keys, vectors) of a numpy archive."""
    try:
        with guard("read", path), np.load(path, allow_pickle=False) as archive:
            names = {name: archive[name] for name in archive.files if name in (*_KEYS, *_VECTORS)}
    except Exception as error:  # noqa: BLE001
        _not_storage(error)
        raise _refused(path, error) from None
    keys = next((names[name] for name in _KEYS if name in names), None)
    vectors = next((names[name] for name in _VECTORS if name in names), None)
    if keys is None or vectors is None:
        raise UsageError(f"{path} needs the members `keys` (texts) and `vectors` (rows x dimension).")
    if keys.dtype == np.uint8:  # as chartkeep's own shards have them
        try:
            texts = records.loads(keys.tobytes())
        except records.BadJson:
            texts = None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"{path}: `keys` is bytes that are no JSON list of texts.")
        return texts, _checked(vectors, path)
    if keys.ndim != 1 or keys.dtype.kind not in "US":
        raise UsageError(f"{path}: `keys` is {keys.dtype} of the shape {keys.shape}, not one row of texts.")
    if keys.dtype.kind == "S":
        return [text.decode("utf-8", "replace") for text in keys.tolist()], _checked(vectors, path)
    return keys.tolist(), _checked(vectors, path)


def _array(path: Path, shown: Path) -> NDArray[Any]:
    try:
        with guard("read", path):
            return _checked(np.load(path, mmap_mode="r", allow_pickle=False), shown)
    except Exception as error:  # noqa: BLE001
        _not_storage(error)
        raise _refused(path, error) from None


def _not_storage(error: Exception) -> None:
    """Let an error of the disk be one. All else that numpy raises, and it raises much, is about the file."""
    if isinstance(error, ChartkeepError):
        raise error


def _refused(path: Path, error: Exception) -> UsageError:
    if "pickle" in str(error) or "object" in str(error).lower():
        return UsageError(
            f"{path} holds pickled objects, which are never loaded: they could run any program. "
            "Save plain arrays: vectors as float32, keys as texts (dtype U or S)."
        )
    return UsageError(f"{path} cannot be read as numpy arrays: {error}")


def _checked(vectors: NDArray[Any], path: Path) -> NDArray[Any]:
    if vectors.dtype.kind not in "fi":
        raise UsageError(
            f"{path}: the vectors are {vectors.dtype}, not float32, float16, float64 or integers."
        )
    if vectors.ndim != 2 or not 1 <= vectors.shape[1] <= _MOST_DIMENSIONS:
        raise UsageError(f"{path}: the vectors have the shape {vectors.shape}, not (rows, dimension).")
    return vectors


def _key_file(path: Path) -> list[str]:
    with guard("read", path):
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, offset {error.start}: keys must be UTF-8 text.") from None


def _in_parts(keys: list[str], vectors: NDArray[Any], path: Path) -> Iterator[Rows]:
    if len(keys) != len(vectors):
        raise UsageError(f"{path}: there are {len(keys):,} keys for {len(vectors):,} vectors.")
    for start in range(0, len(keys), embedding.ROWS):
        some = keys[start : start + embedding.ROWS]
        lines = list(range(start + 1, start + len(some) + 1))
        yield Rows(lines, some, np.asarray(vectors[start : start + len(some)]))


def _of_lines(path: Path, reject: Reject) -> Iterator[Rows]:
    """Rows of a JSONL file, lines of one dimension together."""
    lines: list[int] = []
    keys: list[str] = []
    found: list[list[float]] = []
    with guard("read", path), path.open("rb") as file:
        number = 0
        while raw := file.readline(_LONGEST_LINE):
            number += 1
            if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
                while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                reject(number, "", "too-long", f"the line is longer than {_LONGEST_LINE >> 20} MB")
                continue
            taken = _of_line(raw, number, reject)
            if taken is None:
                continue
            key, vector = taken
            if found and (len(found) == embedding.ROWS or len(vector) != len(found[0])):
                yield Rows(lines, keys, np.array(found, np.float64))
                lines, keys, found = [], [], []
            lines.append(number)
            keys.append(key)
            found.append(vector)
    if found:
        yield Rows(lines, keys, np.array(found, np.float64))


def _of_line(raw: bytes, number: int, reject: Reject) -> tuple[str, list[float]] | None:
    """(key, vector) of one line; None where it is rejected or blank."""
    if not raw.strip():
        return None
    try:
        record = records.loads(raw)
    except records.BadJson as error:
        reject(number, "", "not-json", str(error))
        return None
    if not isinstance(record, dict):
        reject(number, "", "not-json", "the line is no JSON object")
        return None
    key = record.get("key")
    if key is None and isinstance(record.get("type"), str) and isinstance(record.get("id"), str):
        key = f"{record['type']}:{record['id']}"
    if not isinstance(key, str) or not key:
        reject(number, "", "no-key", "it has neither `key` nor `type` and `id` as texts")
        return None
    vector = record.get("embedding", record.get("vector"))
    if not isinstance(vector, list) or not 1 <= len(vector) <= _MOST_DIMENSIONS:
        reject(number, key, "no-embedding", "`embedding` is no list of numbers")
    elif odd := [one for one in vector if type(one) not in (int, float)]:
        reject(number, key, "no-embedding", f"`embedding` holds {repr(odd[0])[:40]}, which is no number")
    else:
        try:
            return key, [float(one) for one in vector]
        except OverflowError:
            reject(number, key, "not-finite", "a component is beyond float64")
    return None
