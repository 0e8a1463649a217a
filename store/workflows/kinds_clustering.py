"""The type `clusters`: records sorted into clusters by their vectors, kept as `cluster` records.

Which records: those the criteria mean; without a kind concepts, where there are any, else analogies. How many
clusters: as many as `clusters` says, else as the silhouette of a sample says best. A cluster's record holds

    name        words that tell it from the others, from the titles of its members
    centroid    of length 1
    members     {key, strength} of every member, strength being its cosine to the centroid, strongest first;
                of more than MOST_MEMBERS the strongest, and `members_total`
    coherence   the mean cosine of all pairs of its members, from 0 to 1
    distinctiveness   1 - cosine to the nearest other centroid
    settings    made_by, model, dimension, of (the criteria), k, chosen (given | silhouette), silhouette,
                seed, vectors, without (records left out because their vector has no direction)

**Update.** Clusters made before of the same records by the same model are where the new ones begin, where there
are to be as many. One that shares at least half of its members with one of before keeps its id, and so its
history; what is left of before is deleted, unless a person changed it (`store.workflows.gathering`).
All of it is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from store.errors import UsageError
from store.knowledge.clustering import Clustering, choose, coherence, distinctiveness, kmeans, matched
from store.knowledge.kinds import key_of
from store.knowledge.model import Filter
from store.model import Edit
from store.workflows import deriving, gathering
from store.workflows.selecting import meant
from store.workflows.types import Batch, Decision, Run, WorkType

if TYPE_CHECKING:
    from store.knowledge.clustering import Chosen
    from store.knowledge.writing import View
    from store.workflows.gathering import Array, Before

KIND = "cluster"
MOST_MEMBERS = 50_000
_DIGITS = 6


class Clusters(WorkType):
    """Finds clusters, or brings those there are up to date."""

    name = "clusters"
    title = "Find clusters"

    def __init__(self) -> None:
        self._note = ""

    def check(self, options: dict[str, Any]) -> None:
        """Raises UsageError for criteria or a number of clusters that make no sense."""
        meant(options, "")
        k, seed = options.get("clusters"), options.get("seed", 0)
        if k is not None and (isinstance(k, bool) or not isinstance(k, int) or k < 1):
            raise UsageError(f"{k} is no number of clusters: give 1 or more, or leave it out.")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise UsageError(f"{seed} is no seed: give a whole number from 0.")

    def batches(self, run: Run) -> Iterator[Batch]:
        """One batch: the clusters, and the end of those that are no more."""
        if run.cursor is not None:
            return
        wanted = _wanted(run)
        keys, rows = gathering.vectors(run, wanted)
        gathering.require(len(keys), f"{', '.join(wanted.kinds)} with vectors")
        settings = gathering.settings_of(run, made_by=self.name)
        earlier = gathering.before(run, KIND, settings)
        chosen, found = _found(run, keys, rows, earlier)
        settings |= {
            "dimension": int(rows.shape[1]),
            "k": found.k,
            "chosen": "given" if run.options.get("clusters") else "silhouette",
            "silhouette": None if chosen.silhouette is None else round(chosen.silhouette, _DIGITS),
            "seed": run.options.get("seed", 0),
            "vectors": len(keys),
            "without": int((found.labels < 0).sum()),
        }
        edits = list(_edits(run, keys, rows, found, earlier, settings))
        self._note = _told(found, wanted, edits, earlier)
        yield Batch("done", (), edits, (), len(edits), total=len(edits))

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """Writes what says something new."""
        return deriving.decide(run, view, batch)

    def note(self, run: Run) -> str:  # noqa: ARG002
        """How many there are, of what."""
        return self._note


def _wanted(run: Run) -> Filter:
    """What is to be clustered: concepts, or where there are none analogies, unless the criteria name kinds."""
    found = meant(run.options, run.context)
    if found.kinds:
        return found
    concepts = replace(found, kinds=("concept",))
    return concepts if run.store.library.count(concepts) else replace(found, kinds=("analogy",))


def _found(run: Run, keys: list[str], rows: Array, earlier: list[Before]) -> tuple[Chosen, Clustering]:
    """The clusters; where there were as many before they begin where those were."""
    import numpy as np

    from store.knowledge.clustering import Chosen

    seed, given = int(run.options.get("seed", 0)), run.options.get("clusters")

    def told(done: int, total: int) -> None:
        run.at(len(keys) * done // max(1, total), len(keys))

    told(0, 1)
    chosen = Chosen(int(given), None) if given else choose(rows, seed=seed, present=len(earlier), told=told)
    start = [one.value.get("centroid") for one in earlier]
    usable = len(start) == chosen.k and all(
        isinstance(centroid, list) and len(centroid) == rows.shape[1] for centroid in start
    )
    centres = np.array(start, dtype=np.float32) if usable else None
    return chosen, kmeans(rows, chosen.k, seed=seed, start=centres, told=told)


def _edits(
    run: Run,
    keys: list[str],
    rows: Array,
    found: Clustering,
    earlier: list[Before],
    settings: dict[str, Any],
) -> Iterator[Edit]:
    """Every cluster as its record, then the deletion of those of before that none is like."""
    members = [[keys[row] for row in found.members(number)] for number in range(found.k)]
    known = matched([frozenset(held) for held in members], {one.id: _members(one) for one in earlier})
    apart = distinctiveness(found.centroids)
    names = gathering.telling(_titles(run, members))
    kept = set()
    taken = (one.id for one in earlier)
    for number, record_id in enumerate(gathering.ids(run, known, taken)):
        numbers = found.members(number)
        strengths = [round(float(value), _DIGITS) for value in found.strengths[numbers[:MOST_MEMBERS]]]
        held = members[number][:MOST_MEMBERS]
        told: dict[str, Any] = {
            "name": names[number] or record_id,
            "centroid": [round(float(value), _DIGITS) for value in found.centroids[number]],
            "members": [{"key": key, "strength": value} for key, value in zip(held, strengths, strict=True)],
            "coherence": round(coherence(rows[numbers]), _DIGITS),
            "distinctiveness": round(apart[number], _DIGITS),
            "settings": settings,
        }
        if len(members[number]) > MOST_MEMBERS:
            told["members_total"] = len(members[number])
        kept.add(record_id)
        yield deriving.edit(run, KIND, record_id, told)
        run.at(number)
    yield from (Edit("delete", one.key) for one in earlier if one.id not in kept)


def _members(one: Before) -> frozenset[str]:
    listed = one.value.get("members")
    found = (item.get("key") for item in listed if isinstance(item, dict)) if isinstance(listed, list) else ()
    return frozenset(key for key in found if isinstance(key, str))


def _titles(run: Run, members: list[list[str]]) -> list[list[str]]:
    """What the strongest members of each cluster are called."""
    from store.vectors import lookup

    some = [held[: gathering.LOOKED_AT] for held in members]
    titles = lookup.titles(run.store, run.context, [key for held in some for key in held])
    return [[titles.get(key, "") for key in held] for held in some]


def _told(found: Clustering, wanted: Filter, edits: list[Edit], earlier: list[Before]) -> str:
    gone = sum(edit.op == "delete" for edit in edits)
    keys = {edit.key for edit in edits if edit.op == "put"}
    stayed = sum(key_of(KIND, one.id) in keys for one in earlier)
    said = f"{found.k:,} clusters of {', '.join(wanted.kinds)}"
    if earlier:
        said += f"; {stayed:,} of {len(earlier):,} stayed"
    return said + (f", {gone:,} are gone" if gone else "")
