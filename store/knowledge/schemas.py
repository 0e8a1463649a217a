"""What each kind of knowledge record holds: documented members, their types and bounds, as pydantic models.

The models are the authority on a record's members; `checking` lets the usual shape pass without asking
them, and asks them for every other. A member given as null counts as not given. Unknown members are
kept and may hold any JSON. Types are strict: true is no number and "0.5" is none either.

No member is demanded by a model: what a record ought to have stands in REQUIRED. A lenient check counts
what is missing, a strict one refuses it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]

_SCORE = "a number from 0 to 1"
_TEXTS = "a list of texts"
_OBJECT = "an object"
_TEXT = "text"
_NAME = "text that is not empty"
_REFERENCE = "the name, id or key of a record"


class Documented(BaseModel):
    """What records of every kind may hold."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, defer_build=True)

    tags: list[str] | None = Field(None, description=_TEXTS)
    metadata: dict[str, Any] | None = Field(None, description=_OBJECT)
    created_at: str | None = Field(None, description="an instant as text, such as 2026-11-21T06:00:00Z")
    idempotency_key: str | None = Field(None, description="text that names this very item")
    workflow_id: str | None = Field(None, description="the id of the workflow that made it")


class Analogy(Documented):
    """Something in one domain that stands as something in another does."""

    source_domain: str | None = Field(None, description=_TEXT)
    target_domain: str | None = Field(None, description=_TEXT)
    quality_score: Score | None = Field(None, description=_SCORE)
    concept_mappings: dict[str, Any] | None = Field(None, description="an object: concept to its counterpart")
    frame_mappings: dict[str, Any] | None = Field(None, description="an object: frame to its counterpart")


class Frame(Documented):
    """A scene that words evoke: its elements, the words, the frames it inherits from."""

    name: Name | None = Field(None, description=_NAME)
    definition: str | None = Field(None, description=_TEXT)
    core_elements: list[str] | None = Field(None, description=_TEXTS)
    peripheral_elements: list[str] | None = Field(None, description=_TEXTS)
    lexical_units: list[str] | None = Field(None, description=_TEXTS)
    inherits_from: str | list[str] | None = Field(
        None, description="a frame's name, id or key, or a list of them"
    )


class FrameInstance(Documented):
    """A frame as it occurs: what its elements stand for."""

    frame: str | None = Field(None, description=_REFERENCE)
    bindings: dict[str, Any] | None = Field(None, description="an object: element to what it stands for")
    context: str | None = Field(None, description=_TEXT)
    confidence: Score | None = Field(None, description=_SCORE)


class Concept(Documented):
    """One sense of a word, the roles it takes and the clusters it belongs to."""

    name: Name | None = Field(None, description=_NAME)
    context: str | None = Field(None, description=_TEXT)
    synset: str | None = Field(None, description=_TEXT)
    disambiguation: str | None = Field(None, description=_TEXT)
    roles: list[str] | None = Field(None, description=_TEXTS)
    memberships: dict[str, Score] | list[str] | None = Field(
        None, description="a list of texts, or an object: cluster to a strength from 0 to 1"
    )


class Member(BaseModel):
    """One member of a cluster."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, defer_build=True)

    key: Name
    strength: Score | None = None


class Cluster(Documented):
    """Records that lie close together."""

    name: Name | None = Field(None, description=_NAME)
    members: list[Member] | None = Field(None, description="a list of {key, strength}, strength from 0 to 1")
    centroid: list[Number] | None = Field(None, description="a list of numbers")
    coherence: Score | None = Field(None, description=_SCORE)
    settings: dict[str, Any] | None = Field(None, description="an object: what it was made with")


class SemanticField(Documented):
    """Concepts that belong together, and those beside them."""

    name: Name | None = Field(None, description=_NAME)
    core_concepts: list[str] | None = Field(None, description=_TEXTS)
    related_concepts: dict[str, Score] | list[str] | None = Field(
        None, description="a list of texts, or an object: concept to a strength from 0 to 1"
    )
    coherence: Score | None = Field(None, description=_SCORE)


class Scope(Documented):
    """A context of knowledge: what is not found in it is looked for in its parent."""

    name: Name | None = Field(None, description=_NAME)
    parent: str | None = Field(None, description=_REFERENCE)
    description: str | None = Field(None, description=_TEXT)


MODELS: dict[str, type[Documented]] = {
    "analogy": Analogy,
    "frame": Frame,
    "frame_instance": FrameInstance,
    "concept": Concept,
    "cluster": Cluster,
    "semantic_field": SemanticField,
    "context": Scope,
}


class Fault(NamedTuple):
    """A documented member that is not what it should be."""

    code: str
    """`bad-score` for a number that must lie between 0 and 1, else `bad-member`."""
    reason: str


def faults(kind: str, record: dict[str, Any]) -> list[Fault]:
    """What is wrong with the documented members of a record of that kind, in their order; empty where all is well."""
    model = MODELS.get(kind, Documented)
    try:
        model.model_validate(record)
    except ValidationError as error:
        found: dict[str, Fault] = {}
        for problem in error.errors(include_url=False, include_context=False):
            name = str(problem["loc"][0])
            found.setdefault(name, _fault(model, name, problem["loc"], problem["input"]))
        return list(found.values())
    return []


def _fault(model: type[Documented], name: str, path: Sequence[int | str], value: Any) -> Fault:
    field = model.model_fields[name]
    described = field.description or ""
    scored = described == _SCORE or (bool(path) and path[-1] == "strength")
    where = name
    for part in path[1:]:
        if isinstance(part, int):
            where += f"[{part}]"
        elif part not in _BRANCHES:
            where += f".{part}" if part != "[key]" else ""
    expected = described if len(path) == 1 or not scored else _SCORE
    return Fault(
        "bad-score" if scored else "bad-member", f"{where}: expected {expected}, found {shown(value)}"
    )


_BRANCHES = frozenset(
    {"str", "list[str]", "dict[str,constrained-float]", "dict[str,float]", "constrained-str"}
)
"""How pydantic names the branches of a union on the way to a fault."""


class _Short(reprlib.Repr):
    """Values as JSON shows them, cut short."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60

    def repr_bool(self, value: bool, _level: int) -> str:
        return "true" if value else "false"

    def repr_NoneType(self, _value: None, _level: int) -> str:  # noqa: N802
        return "null"


_short = _Short()


def shown(value: Any) -> str:
    """`value` in a few words: what kind of JSON it is and how it begins."""
    if isinstance(value, dict):
        return f"an object of {len(value)} members" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, bool) or value is None:
        return _short.repr(value)
    return f"the text {_short.repr(value)}" if isinstance(value, str) else f"the number {_short.repr(value)}"
