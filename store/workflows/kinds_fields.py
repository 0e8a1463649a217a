"""The type `fields`: semantic fields among concepts, kept as `semantic_field` records.

Concepts are known by their names: those of concept records, and those analogies use. They are linked by
their vectors, where their records have some, and by occurring in the same analogies
(`store.knowledge.fields` says how fields follow from that). A field's record holds

    name               its first core concepts
    core_concepts      names, the one that holds it together most first
    related_concepts   name to strength, from 0 to 1
    coherence          from 0 to 1
    settings           made_by, model (where there are vectors), of (the criteria), concepts, analogies

Criteria choose among analogies and concepts both; those that only analogies have (domains, say) leave out
concepts that are not used there. An update goes as that of clusters: a field that has at least half of its
concepts in common with one of before keeps its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from store.errors import NotFound
from store.knowledge import fields
from store.knowledge.clustering import coherence, matched
from store.knowledge.expansion import name_of
from store.knowledge.fields import Field, Links, Together
from store.knowledge.instances import sides
from store.model import Edit
from store.workflows import deriving, gathering
from store.workflows.selecting import meant, value_of
from store.workflows.types import Batch, Decision, Run, WorkType

if TYPE_CHECKING:
    from store.knowledge.model import Filter
    from store.knowledge.writing import View
    from store.workflows.gathering import Array, Before

KIND = "semantic_field"
_BOTH = ("concept", "analogy")
_TOLD_EVERY = 1_000


class Fields(WorkType):
    """Discovers semantic fields, or brings those there are up to date."""

    name = "fields"
    title = "Discover semantic fields"

    def __init__(self) -> None:
        self._note = ""

    def check(self, options: dict[str, Any]) -> None:
        """Raises UsageError for criteria that cannot be understood, or about other kinds."""
        meant(options, "", _BOTH)

    def batches(self, run: Run) -> Iterator[Batch]:
        """One batch: the fields, and the end of those that are no more."""
        if run.cursor is not None:
            return
        concepts = _Concepts(run)
        gathering.require(len(concepts.names), "concepts")
        settings = gathering.settings_of(run, made_by=self.name)
        earlier = gathering.before(run, KIND, settings)
        settings |= {"concepts": len(concepts.names), "analogies": concepts.together.analogies}

        def told(done: int, total: int) -> None:
            run.at(done, max(total, 1))

        found = fields.fields(concepts.links(told), concepts.cohesion, told=told)
        edits = list(_edits(run, concepts.names, found, earlier, settings))
        gone = sum(edit.op == "delete" for edit in edits)
        self._note = f"{len(found):,} fields of {len(concepts.names):,} concepts"
        self._note += f"; {gone:,} of before are gone" if gone else ""
        yield Batch("done", (), edits, (), len(edits), total=len(edits))

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """Writes what says something new."""
        return deriving.decide(run, view, batch)

    def note(self, run: Run) -> str:  # noqa: ARG002
        """How many there are."""
        return self._note


class _Concepts:
    """The concepts that are meant, by number, with what links them."""

    def __init__(self, run: Run) -> None:
        self.names: list[str] = []
        self.together = Together()
        self._numbers: dict[str, int] = {}
        self._rows: Array | None = None
        self._row_of: dict[int, int] = {}
        self._read(run, meant(run.options, run.context, _BOTH))

    def _number(self, name: str) -> int:
        folded = name.casefold()
        found = self._numbers.get(folded)
        if found is None:
            found = self._numbers[folded] = len(self.names)
            self.names.append(name)
        return found

    def _read(self, run: Run, wanted: Filter) -> None:
        by_key: dict[str, int] = {}
        for done, one in enumerate(run.store.library.stream(wanted)):
            value = value_of(one.raw) if one.raw is not None else {}
            if one.row.kind == "concept":
                if (name := name_of(value)) is not None:
                    by_key[one.row.key] = self._number(name)
            else:
                used = {concept for side in sides(value) for concept in side.concepts}
                self.together.add(self._number(concept) for concept in sorted(used))
            if done % _TOLD_EVERY == 0:
                run.at(done)
        if by_key:
            self._take_vectors(run, replace(wanted, kinds=("concept",)), by_key)

    def _take_vectors(self, run: Run, wanted: Filter, by_key: dict[str, int]) -> None:
        try:
            keys, rows = gathering.vectors(run, wanted)
        except NotFound:
            return  # a model of given vectors, and none for concepts: what they are used with remains
        kept = [(by_key[key], row) for row, key in enumerate(keys) if key in by_key]
        self._row_of = dict(reversed(kept))  # of several records with one name the first
        self._rows = rows

    def links(self, told: fields.Told) -> Links:
        """By use and by likeness."""
        use = self.together.links()
        if self._rows is None or not self._row_of:
            return use
        numbers = sorted(self._row_of)
        like = fields.near(self._rows[[self._row_of[number] for number in numbers]], told)
        renamed = {numbers[a]: {numbers[b]: weight for b, weight in ends.items()} for a, ends in like.items()}
        return fields.joined(use, renamed, frozenset(numbers))

    def cohesion(self, group: Sequence[int]) -> float | None:
        """The mean cosine of those of a group that have vectors; None for fewer than two."""
        rows = [self._row_of[number] for number in group if number in self._row_of]
        return coherence(self._rows[rows]) if self._rows is not None and len(rows) > 1 else None


def _edits(
    run: Run, names: list[str], found: list[Field], earlier: list[Before], settings: dict[str, Any]
) -> Iterator[Edit]:
    """Every field as its record, then the deletion of those of before that none is like."""
    held = [frozenset(names[number].casefold() for number in field.concepts) for field in found]
    known = matched(held, {one.id: _concepts(one) for one in earlier})
    kept = set()
    for field, record_id in zip(found, gathering.ids(run, known, (one.id for one in earlier)), strict=True):
        core = [names[number] for number, _ in field.core]
        kept.add(record_id)
        members: dict[str, Any] = {
            "name": ", ".join(core[: gathering.NAMED_BY]),
            "core_concepts": core,
            "related_concepts": {names[number]: strength for number, strength in field.related},
            "coherence": field.coherence,
            "settings": settings,
        }
        yield deriving.edit(run, KIND, record_id, members)
    yield from (Edit("delete", one.key) for one in earlier if one.id not in kept)


def _concepts(one: Before) -> frozenset[str]:
    core, related = one.value.get("core_concepts"), one.value.get("related_concepts")
    found = [*(core if isinstance(core, list) else ()), *(related if isinstance(related, dict) else ())]
    return frozenset(name.casefold() for name in found if isinstance(name, str))
