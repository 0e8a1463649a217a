"""Embedders: what turns texts into vectors. Built-ins, and plug-ins by the entry point group `chartkeep.embedders`.

`vectors.model` names one: `lexical`; `path:/folder`, a sentence-embedding model that lies there; or the name of
an entry point, with an argument for it after a colon. An entry point is a function of (argument, settings)
that gives an `Embedder`. Nothing is ever downloaded by what ships here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from store.errors import ChartkeepError, Refused, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from store.settings import Settings

GROUP = "chartkeep.embedders"


@runtime_checkable
class Embedder(Protocol):
    """Makes one vector of every text. A member `chance` may say up to which cosine likeness tells nothing."""

    dimension: int
    identity: str
    """Changes whenever the same text would get another vector: then everything is embedded anew."""
    quick: bool
    """True where thousands of texts a second are made: then a question embeds what is new by the way."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row for each text; a row of zeros where there is nothing to go by."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """An embedder that learns from the corpus first; what it learned is kept with the model's vectors."""

    def outgrown(self, texts: int) -> bool:
        """True where it should learn again, now that there are so many texts."""
        ...

    def fit(self, texts: Sequence[str]) -> None:
        """Learn from a sample of the corpus."""
        ...

    def frozen(self) -> dict[str, NDArray[Any]]:
        """What it learned, as plain arrays."""
        ...

    def thaw(self, arrays: dict[str, NDArray[Any]], texts: int) -> None:
        """Take back what was learned from so many texts. Raises KeyError, ValueError for other arrays."""
        ...


Factory = Callable[[str, "Settings"], Embedder]


def names() -> list[str]:
    """What `vectors.model` may name, with what each is in words."""
    own = [
        "lexical: words and parts of words that two texts share; knows nothing of meaning, needs no download",
        "path:/FOLDER: a sentence-embedding model in that folder (pip install 'chartkeep[embed]')",
    ]
    return own + sorted(f"{point.name}: by {_giver(point)}" for point in _points())


def make(name: str, settings: Settings) -> Embedder:
    """The embedder of that name. Raises UsageError for no such one, Refused where it cannot be used."""
    kind, _, argument = name.partition(":")
    factory = _own(kind)
    if factory is None:
        point = next((point for point in _points() if point.name == kind), None)
        if point is None:
            known = ["lexical", "path:/folder", *sorted(point.name for point in _points())]
            raise UsageError(f"No embedder is called “{kind}”; there are {', '.join(known)}.")
        factory = _loaded(point)
    try:
        embedder = factory(argument, settings)
    except ChartkeepError:
        raise
    except Exception as error:
        raise Refused(f"The embedder “{name}” cannot be used: {error}.") from error
    if not isinstance(embedder, Embedder):
        raise Refused(f"What the plug-in “{kind}” gives is no embedder: see store/vectors/embedders.py.")
    return embedder


def embedded(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """One row of length 1 for each text, whatever the embedder gives; zeros where it knows nothing of a text.

    Raises Refused where it fails, or gives another shape, NaN or infinite numbers.
    """
    import numpy as np

    from store.vectors.forms import unit

    try:
        made = np.asarray(embedder.embed(texts), np.float32)
    except ChartkeepError:
        raise
    except Exception as error:
        raise Refused(f"The embedder {embedder.identity} failed: {error}.") from error
    if made.shape != (len(texts), embedder.dimension):
        expected = (len(texts), embedder.dimension)
        raise Refused(f"The embedder {embedder.identity} gave {made.shape} numbers, not {expected}.")
    if not np.isfinite(made).all():
        row = int(np.flatnonzero(~np.isfinite(made).all(axis=1))[0])
        raise Refused(f"The embedder {embedder.identity} gave NaN or infinity for “{texts[row][:60]}”.")
    return unit(made)[0]


def exists(name: str) -> bool:
    """True where some embedder makes vectors under that name."""
    kind = name.partition(":")[0]
    return kind in ("lexical", "path") or any(point.name == kind for point in _points())


def _own(kind: str) -> Factory | None:
    if kind == "lexical":
        return _lexical
    if kind == "path":
        return _local
    return None


def _lexical(_: str, settings: Settings) -> Embedder:
    from store.vectors.lexical import Lexical

    return Lexical(settings.vectors_dimension)


def _local(folder: str, _: Settings) -> Embedder:
    from store.vectors.local_model import LocalModel

    return LocalModel(folder)


def _points() -> Iterator[Any]:
    from importlib.metadata import entry_points

    yield from entry_points(group=GROUP)


def _giver(point: Any) -> str:
    return str(point.dist.name) if point.dist is not None else str(point.value)


def _loaded(point: Any) -> Factory:
    try:
        factory: Factory = point.load()
    except Exception as error:
        raise Refused(
            f"The embedder “{point.name}” of {_giver(point)} cannot be loaded: {error}. Mend or remove that package."
        ) from error
    return factory
