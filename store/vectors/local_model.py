"""Sentence-embedding models in a local folder, by the extra `embed`; never downloaded, nothing asked of a network.

`vectors.model = "path:/folder"` names a folder as sentence-transformers saves them. The libraries are
told to stay offline before they are loaded, and code that a model brings along is not run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import NotFound, Refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_AT_ONCE = 64


class LocalModel:
    """A sentence-transformers model in a folder of this machine."""

    quick = False

    def __init__(self, folder: str) -> None:
        """The model is loaded once in a process. Raises NotFound, Refused."""
        self.folder = Path(folder).expanduser()
        if not (self.folder / "modules.json").is_file():
            raise NotFound(
                f"{self.folder} holds no sentence-embedding model (no modules.json). Name the folder of one saved by "
                "sentence-transformers: vectors.model = “path:/folder”. Models are never downloaded."
            )
        fingerprint = _fingerprint(self.folder)
        self._model = _loaded(self.folder, fingerprint)
        dimension = getattr(self._model, "get_embedding_dimension", None)  # so called since release 5
        self.dimension = int((dimension or self._model.get_sentence_embedding_dimension)() or 0)
        self.identity = f"path/{self.dimension}/{fingerprint}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row for each text."""
        import numpy as np

        options = {"batch_size": _AT_ONCE, "convert_to_numpy": True, "show_progress_bar": False}
        return np.asarray(self._model.encode(list(texts), **options), np.float32)


@lru_cache(2)
def _loaded(folder: Path, _: str) -> Any:
    """The model in a folder, kept until its files are others."""
    for name in _OFFLINE:
        os.environ[name] = "1"
    try:
        from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise Refused(
            "A model in a folder needs the extra “embed”: pip install 'chartkeep[embed]'. "
            "The model “lexical” needs nothing."
        ) from None
    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise Refused(f"The model in {folder} cannot be loaded: {error}") from error


def _fingerprint(folder: Path) -> str:
    """Names the very model: the configuration by its bytes, the weights by their sizes and first kilobytes."""
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix in (".json", ".txt", ".safetensors", ".bin", ".model"):
            digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                digest.update(file.read(1 << 16))
    return digest.hexdigest()
