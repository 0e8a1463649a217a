"""The instances of frames that analogies speak of.

A side of an analogy (source or target) uses a frame that its `frame_mappings` name on that
side, or of which one of its concepts is a lexical unit, own or inherited (`move.v` stands for `move`).
Its other concepts are bound to the frame's elements as their concept records say (`roles`: `Motion.Theme` of
that frame or of one that inherits from it, `Theme` of any) or as the elements do (`typical_fillers`). A concept
bound nowhere is not lost: the instance lists it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from store.knowledge.expansion import Circle, Frame, Frames, Whole, folded, name_of

_PARTS_OF_SPEECH = frozenset(("v", "n", "a", "adv", "prep", "num", "c", "intj", "art", "scon"))
_ROLES = ("roles", "frame_roles")
ANY = ""
"""Stands for every frame, where a role is named without one."""


class Side(NamedTuple):
    """What one side of an analogy speaks of."""

    name: str
    """`source` or `target`."""
    domain: str | None
    frames: tuple[str, ...]
    """Frames that `frame_mappings` name on this side."""
    concepts: tuple[str, ...]


class Instance(NamedTuple):
    """A frame as one side of an analogy uses it."""

    frame: Frame
    side: Side
    bindings: dict[str, str]
    """Element to concept."""
    evoked: tuple[str, ...]
    """Concepts that are lexical units of the frame; empty where it is named only."""
    unbound: tuple[str, ...]
    """Concepts of that side that have no element of it."""
    confidence: float


def sides(analogy: Mapping[str, Any]) -> tuple[Side, Side]:
    """Both sides of an analogy: domain, frames and concepts of each."""
    concepts: tuple[dict[str, None], dict[str, None]] = ({}, {})
    frames: tuple[dict[str, None], dict[str, None]] = ({}, {})
    for member, found in (("concept_mappings", concepts), ("frame_mappings", frames)):
        for pair in _pairs(analogy.get(member)):
            for number, words in enumerate(pair):
                found[number].update(dict.fromkeys(words))
    for number, side in enumerate(("source", "target")):
        for member in (f"{side}_concept", f"{side}_pair", f"{side}_concepts", f"{side}_a", f"{side}_b"):
            concepts[number].update(dict.fromkeys(_words(analogy.get(member))))
    source, target = (
        Side(side, domain if isinstance(domain := analogy.get(f"{side}_domain"), str) else None, *words)
        for side, words in zip(
            ("source", "target"),
            ((tuple(frames[0]), tuple(concepts[0])), (tuple(frames[1]), tuple(concepts[1]))),
            strict=True,
        )
    )
    return source, target


def _pairs(value: object) -> Iterator[tuple[list[str], list[str]]]:
    """(source, target) of mappings written as an object, or as a list of pairs or objects."""
    if isinstance(value, Mapping):
        for source, target in value.items():
            yield _words(source), _words(target)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                yield _first(item, "source"), _first(item, "target")
            elif isinstance(item, list) and len(item) == 2:
                yield _words(item[0]), _words(item[1])


def _first(item: Mapping[str, Any], side: str) -> list[str]:
    """What an object says of one side: `source`, `source_frame`, `source_concept`."""
    return next((words for name in item if name.startswith(side) and (words := _words(item[name]))), [])


def _words(value: object) -> list[str]:
    """Names in a value: a text, an object's `name`, or a list of such."""
    if isinstance(value, list):
        return [word for item in value for word in _words(item)]
    name = name_of(value)
    return [name] if name is not None else []


def lemma(unit: str) -> str:
    """A lexical unit without its part of speech: `move.v` is `move`."""
    word, dot, part = unit.strip().rpartition(".")
    return (word if word and dot and part in _PARTS_OF_SPEECH else unit.strip()).casefold()


class Evoking:
    """Which frames words evoke, and to which of their elements concepts are bound."""

    def __init__(self, frames: Frames) -> None:
        """Frames in a circle evoke nothing: what they are cannot be said."""
        self.frames = frames
        self._by_word: dict[str, dict[str, Whole]] = {}
        self._roles: dict[str, dict[str, list[str]]] = {}
        for frame in frames:
            try:
                whole = frames.whole(frame)
            except Circle:
                continue
            for unit in whole.units:
                self._by_word.setdefault(lemma(unit), {})[frame.id] = whole

    def learn(self, concept: Mapping[str, Any]) -> None:
        """Take in what a concept's record says of its roles, for frames that are known."""
        name = name_of(concept)
        if name is None:
            return
        for member in _ROLES:
            for frame_name, element in _roles(concept.get(member)):
                frame = self.frames.find(frame_name) if frame_name else None
                if frame is not None or not frame_name:
                    known = self._roles.setdefault(name.casefold(), {})
                    known.setdefault(frame.id if frame is not None else ANY, []).append(element.casefold())

    def instances(self, analogy: Mapping[str, Any], only: frozenset[str] | None = None) -> Iterator[Instance]:
        """The instances an analogy speaks of, for each side its frames in the order they are named.

        `only` names the ids of the frames that are asked for.
        """
        score = analogy.get("quality_score")
        usable = isinstance(score, (int, float)) and not isinstance(score, bool) and 0 <= score <= 1
        quality = float(score) if usable and score is not None else 1.0
        for side in sides(analogy):
            wholes: dict[str, Whole] = {}
            for word in side.frames:
                frame = self.frames.find(word)
                if frame is not None:
                    try:
                        wholes[frame.id] = self.frames.whole(frame)
                    except Circle:
                        continue
            for concept in side.concepts:
                wholes.update(self._by_word.get(lemma(concept), {}))
            for whole in wholes.values():
                if only is None or whole.frame.id in only:
                    yield self._instance(whole, side, quality)

    def _instance(self, whole: Whole, side: Side, quality: float) -> Instance:
        """Bind what can be bound: each element to the first concept that has it."""
        units = {lemma(unit) for unit in whole.units}
        bindings: dict[str, str] = {}
        evoked, unbound = [], []
        for concept in side.concepts:
            element = self._element(whole, concept)
            if element is not None and element not in bindings:
                bindings[element] = concept
            elif lemma(concept) in units:
                evoked.append(concept)
            else:
                unbound.append(concept)
        core = {name_of(element) for element in whole.core}
        filled = sum(element in core for element in bindings)
        confidence = quality * (1 + filled) / (1 + len(core))
        return Instance(whole.frame, side, bindings, tuple(evoked), tuple(unbound), round(confidence, 6))

    def _element(self, whole: Whole, concept: str) -> str | None:
        """The element of a frame that a concept fills; None where nothing says so."""
        named = {folded(element): name_of(element) for element in (*whole.core, *whole.peripheral)}
        roles = self._roles.get(concept.casefold(), {})
        for place in (whole.frame.id, *(frame.id for frame in whole.ancestors), ANY):
            for role in roles.get(place, ()):
                if (element := named.get(role)) is not None:
                    return element
        for given in (*whole.core, *whole.peripheral):
            fillers = given.get("typical_fillers") if isinstance(given, Mapping) else None
            if any(word.casefold() == concept.casefold() for word in _words(fillers)):
                return name_of(given)
        return None


def _roles(value: object) -> Iterator[tuple[str, str]]:
    """(frame, element) of roles written as texts `Frame.Element`, as an object, or as objects with `frame` and `role`.

    The frame is empty where only the element is named.
    """
    if isinstance(value, Mapping):
        for frame, element in value.items():
            for word in _words(element):
                yield str(frame), word
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                element, frame = item.get("element", item.get("role")), item.get("frame")
                if isinstance(frame, str) and isinstance(element, str):
                    yield frame, element
            elif isinstance(item, str):
                frame, _, element = item.replace(":", ".").rpartition(".")
                yield frame.strip(), element.strip()
