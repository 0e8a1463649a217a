"""What clusters and semantic fields are made from: vectors of chosen records; and what became of earlier ones.

A record that a workflow of the same type made is *ours* as long as it is as that one wrote it, to the byte: an
update may renew it, or delete it where nothing like it is left. One that a person has changed is left
alone. Everything an update does is one workflow, so `rollback` takes all of it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.errors import Refused
from store.knowledge.model import Filter
from store.workflows.kinds_embedding import model_of, progress_in_items
from store.workflows.selecting import value_of
from store.workflows.types import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from store.knowledge.model import Found

    Array = NDArray[Any]

NAMED_BY = 3
"""Words in the name of a cluster."""
LOOKED_AT = 50
"""Members of a cluster whose titles its name is made of."""
_SHORTEST = 3


class Before(NamedTuple):
    """One record that an earlier run made and nobody changed."""

    key: str
    id: str
    value: dict[str, Any]


def model_name(run: Run) -> str:
    """The model whose vectors are meant."""
    return model_of(run.options) or str(run.store.settings.vectors_model)


def vectors(run: Run, wanted: Filter) -> tuple[list[str], Array]:
    """(keys in order, a row for each) of the records that are meant and have a vector; new ones are embedded first.

    Raises NotFound where there are no vectors at all.
    """
    import numpy as np

    from store.vectors import collection, embedders

    model = model_name(run)
    if embedders.exists(model) and not run.preview and not run.store.readonly:
        collection.embed_missing(run.store, run.context, model, None, progress_in_items(run))
    keys, rows = collection.matrix(run.store, run.context, model, wanted.kinds)
    if wanted != Filter(context=run.context, kinds=wanted.kinds):
        meant = {found.row.key for found in run.store.library.stream(wanted)}
        kept = [number for number, key in enumerate(keys) if key in meant]
        keys, rows = [keys[number] for number in kept], rows[kept]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return [keys[number] for number in order], rows[np.array(order, dtype=np.int64)]


def settings_of(run: Run, **more: Any) -> dict[str, Any]:
    """What a cluster or field was made with; `of` and `model` say which earlier ones an update is about."""
    chosen = {name: value for name, value in sorted(run.options.items()) if name not in _HOW and value}
    return {"made_by": "", "model": model_name(run), "of": chosen} | more


_HOW = ("model", "clusters", "seed", "kind_named")


def before(run: Run, kind: str, settings: dict[str, Any]) -> list[Before]:
    """The live records of a kind that an earlier run with the same purpose made, and nobody changed since."""
    found = []
    for one in run.store.library.stream(Filter(context=run.context, kinds=(kind,))):
        value = value_of(one.raw) if one.raw is not None else {}
        told = value.get("settings")
        if not isinstance(told, dict):
            continue
        alike = all(records.same(told.get(name), settings[name]) for name in ("made_by", "model", "of"))
        if alike and _untouched(run, one, value.get("workflow_id")):
            found.append(Before(one.row.key, one.row.id, value))
    return found


def _untouched(run: Run, one: Found, workflow: object) -> bool:
    """True where the record is as the workflow that it names wrote it: since then, or again after a rollback."""
    if not isinstance(workflow, str) or one.row.workflow == workflow:
        return isinstance(workflow, str)
    library = run.store.library
    written = [
        version.ver
        for version in library.history(run.context, one.row.key)
        if version.workflow == workflow and version.op == "put"
    ]
    return any(library.record(run.context, one.row.key, ver).raw == one.raw for ver in written)


def ids(run: Run, known: Sequence[str | None], taken: Iterable[str]) -> Iterator[str]:
    """An id for each: the one it had, else a new one after the workflow, `<workflow>-<n>`, that nothing has."""
    used, number = set(taken), 0
    for one in known:
        if one is None:
            number += 1
            while f"{run.id}-{number}" in used:
                number += 1
            one = f"{run.id}-{number}"  # noqa: PLW2901
        yield one


def telling(groups: Sequence[Sequence[str]]) -> list[str]:
    """A name for each group of texts: the words that are many there and few elsewhere, the most telling first."""
    counts = [Counter(word for text in group for word in set(words(text))) for group in groups]
    everywhere: Counter[str] = Counter()
    for count in counts:
        everywhere.update(count)
    names = []
    for group, count in zip(groups, counts, strict=True):
        worth = {word: (held / len(group)) * (held / everywhere[word]) for word, held in count.items()}
        best = sorted(worth, key=lambda word: (-worth[word], word))[:NAMED_BY]
        names.append(", ".join(best))
    return names


def words(text: str) -> list[str]:
    """The words of a title, without the shortest."""
    plain = "".join(char if char.isalnum() else " " for char in text.casefold())
    return [word for word in plain.split() if len(word) >= _SHORTEST and not word.isdigit()]


def require(count: int, what: str) -> None:
    """Raise Refused where there is nothing to work on."""
    if not count:
        raise Refused(f"There are no {what} here that are meant: nothing was made.")
