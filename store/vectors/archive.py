"""A shard on disk: a numpy archive (`.npz`) of vectors, the keys and versions of their records, and what they are.

Members: `vectors` (rows x dimension), `scales` (int8 only), `lengths` (only where given vectors were not of
length 1), `versions` (int64), and as JSON text in bytes `keys` (a list) and `about` (model, dimension, form,
rows). `numpy.load` reads it without pickle, which is never used here either.

Members are deflated with Huffman codes alone: on the codes of vectors that is as small as anything
slower, and in float16 and int8 it pays for keys and versions. Arrays of float32 are stored as they are.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from store import records
from store.errors import Damaged, StorageError
from store.syscalls import guard
from store.vectors import forms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DATE = 0x21
"""1 January 1980: equal shards are equal bytes."""
_MEMBERS = {"vectors", "scales", "lengths", "versions", "keys", "about"}


class Shard(NamedTuple):
    """What one shard holds, as it lies in the file: nothing decoded."""

    keys: list[str]
    versions: NDArray[np.int64]
    vectors: NDArray[np.generic]
    scales: NDArray[np.float32] | None
    lengths: NDArray[np.float32] | None
    """None where all given vectors had length 1."""


def pack(
    model: str,
    form: str,
    keys: list[str],
    versions: NDArray[np.int64],
    vectors: NDArray[np.float32],
    lengths: NDArray[np.float32] | None = None,
) -> bytes:
    """The bytes of a shard of vectors of length 1."""
    about = {"model": model, "dimension": vectors.shape[1], "form": form, "rows": len(keys)}
    arrays: dict[str, NDArray[Any]] = dict(forms.encode(vectors, form))
    if lengths is not None:
        arrays["lengths"] = lengths.astype("<f4")
    arrays["versions"] = versions.astype("<i8")
    return zipped({**arrays, "keys": _bytes(keys), "about": _bytes(about)}, stored=form == "float32")


def zipped(arrays: dict[str, NDArray[Any]], *, stored: bool = False) -> bytes:
    """The bytes of a numpy archive; with `stored`, the member `vectors` is not compressed."""
    body, central, offset = [], [], 0
    for name, array in arrays.items():
        plain = _npy(array)
        raw = stored and name == "vectors"
        data = plain if raw else _deflated(plain)
        path = f"{name}.npy".encode("ascii")
        method = 0 if raw else 8
        sizes = (zlib.crc32(plain), len(data), len(plain))
        body += [_LOCAL.pack(b"PK\x03\x04", 20, 0, method, 0, _DATE, *sizes, len(path), 0), path, data]
        place = (len(path), 0, 0, 0, 0, 0, offset)
        central += [_CENTRAL.pack(b"PK\x01\x02", 20, 20, 0, method, 0, _DATE, *sizes, *place), path]
        offset += _LOCAL.size + len(path) + len(data)
    listed = b"".join(central)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(arrays), len(arrays), len(listed), offset, 0)
    return b"".join((*body, listed, end))


def unzipped(path: Path, names: set[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a numpy archive of ours, each member's checksum checked. Raises Damaged, StorageError."""
    try:
        with guard("read", path), zipfile.ZipFile(path) as archive:
            listed = [member for member in archive.namelist() if names is None or member[:-4] in names]
            return {member[:-4]: _array(archive.read(member)) for member in listed}
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001 - numpy and zipfile raise much for damaged bytes
        raise damaged(path, f"it is no whole numpy archive ({error})") from None


def unpack(path: Path, *, dimension: int, form: str, rows: int) -> Shard:
    """A shard read and checked against what the model says of it. Raises Damaged, StorageError."""
    arrays = unzipped(path, _MEMBERS)
    try:
        keys = records.loads(arrays["keys"].tobytes())
        versions, vectors = arrays["versions"], arrays["vectors"]
    except (KeyError, records.BadJson) as error:
        raise damaged(path, f"its member {error} is missing or unreadable") from None
    shape = (rows, dimension)
    if vectors.shape != shape or vectors.dtype != forms.dtype_of(form):
        raise damaged(path, f"it holds {vectors.shape} of {vectors.dtype}, not {shape} of {form}")
    if not isinstance(keys, list) or len(keys) != rows or versions.shape != (rows,):
        raise damaged(path, f"its keys or versions are not those of {rows} vectors")
    scales = arrays.get("scales")
    if form == "int8" and (scales is None or scales.shape != (rows,)):
        raise damaged(path, f"its scales are not those of {rows} vectors")
    return Shard(keys, versions, vectors, scales, arrays.get("lengths"))


def damaged(path: Path, why: str) -> Damaged:
    """A Damaged error that says what is wrong with a file of vectors and what to do."""
    return Damaged(
        f"{path}: {why}. Vectors that an embedder makes are made again by `chartkeep vectors embed`; "
        "given ones are added again, or come back with a backup.",
        path=path,
    )


def _bytes(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(records.dumps(value), np.uint8)


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _array(data: bytes) -> NDArray[Any]:
    """An array of the bytes of an `.npy` file, in place. Raises ValueError, also for one of objects."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    if dtype.hasobject or fortran:
        raise ValueError("an array of objects, or in Fortran order")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape)


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(data) + packer.flush()
