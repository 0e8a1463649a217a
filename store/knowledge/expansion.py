"""What a frame has when all it inherits is counted in, and the instances of frames that analogies speak of.

**Inheritance.** A frame has its own core elements, peripheral elements and lexical units, and those of the
frames it inherits from, of theirs, and so on. The nearer frame decides: an element that a frame has
itself is not inherited, also where it is core here and peripheral there. Among several parents the one
named first is nearer; a frame met twice counts once. Names are compared without regard to case. A
frame that inherits from itself over others has no elements that could be said: a refusal names the circle.

**Instances.** A side of an analogy (source or target) uses a frame that its `frame_mappings` name on that
side, or of which one of its concepts is a lexical unit, own or inherited (`move.v` stands for `move`).
Its other concepts are bound to the frame's elements as their concept records say (`roles`: `Motion.Theme` of
that frame or of one that inherits from it, `Theme` of any) or as the elements do (`typical_fillers`). A concept
bound nowhere is not lost: the instance lists it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]
CORE, PERIPHERAL, UNITS = "core_elements", "peripheral_elements", "lexical_units"
PARENTS = "inherits_from"

_PARTS_OF_SPEECH = frozenset(("v", "n", "a", "adv", "prep", "num", "c", "intj", "art", "scon"))
_ROLES = ("roles", "frame_roles")
ANY = ""
"""Stands for every frame, where a role is named without one."""


class Frame(NamedTuple):
    """A frame as its record says."""

    key: str
    id: str
    name: str
    core: tuple[Any, ...]
    """Elements as the record has them: names, or objects with a `name`."""
    peripheral: tuple[Any, ...]
    units: tuple[str, ...]
    parents: tuple[str, ...]
    """Names or ids, nearest first."""


class Whole(NamedTuple):
    """A frame with all it inherits."""

    frame: Frame
    core: tuple[Any, ...]
    """Its own first, then those of nearer frames before those of further ones."""
    peripheral: tuple[Any, ...]
    units: tuple[str, ...]
    ancestors: tuple[Frame, ...]
    """Nearest first."""
    origins: dict[str, str]
    """For every inherited element and lexical unit the name of the frame it comes from."""
    unknown: tuple[str, ...]
    """Frames that are named as parents and are not there."""

    @property
    def inherited(self) -> Json:
        """What it does not have itself, as the record keeps it; empty where that is nothing."""
        own = self.frame
        parts: Json = {
            CORE: list(self.core[len(own.core) :]),
            PERIPHERAL: list(self.peripheral[len(own.peripheral) :]),
            UNITS: list(self.units[len(own.units) :]),
        }
        made: Json = {name: found for name, found in parts.items() if found}
        if made:
            made["from"] = self.origins
        if self.ancestors:
            made["ancestors"] = [frame.name for frame in self.ancestors]
        if self.unknown:
            made["unknown"] = list(self.unknown)
        return made


class Circle(ValueError):
    """Frames that inherit from each other in a circle; the text names them in order."""


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


# -- inheritance -----------------------------------------------------------------------------------


def frame_of(key: str, record: Mapping[str, Any]) -> Frame:
    """A frame from its record; members that are not of the documented shape are left out."""
    name, record_id = record.get("name"), record.get("id")
    known = record_id if isinstance(record_id, str) else key.partition(":")[2]
    parents = record.get(PARENTS)
    return Frame(
        key,
        known,
        name if isinstance(name, str) and name else known,
        _elements(record.get(CORE)),
        _elements(record.get(PERIPHERAL)),
        tuple(_texts(record.get(UNITS))),
        tuple(_texts([parents] if isinstance(parents, str) else parents)),
    )


def _elements(value: object) -> tuple[Any, ...]:
    """Elements with a name, each name once."""
    if isinstance(value, Mapping):  # name to description
        value = [{"name": name, "description": told} for name, told in value.items()]
    found: dict[str, Any] = {}
    for element in value if isinstance(value, (list, tuple)) else ():
        if (name := name_of(element)) is not None:
            found.setdefault(name.casefold(), element)
    return tuple(found.values())


def _texts(value: object) -> list[str]:
    found: dict[str, str] = {}
    for item in value if isinstance(value, (list, tuple)) else ():
        if (text := name_of(item)) is not None:
            found.setdefault(text.casefold(), text)
    return list(found.values())


def name_of(element: object) -> str | None:
    """The name of an element, however it is written; None where it has none."""
    if isinstance(element, Mapping):
        element = element.get("name")
    return element if isinstance(element, str) and element.strip() else None


class Frames:
    """The frames of a context, by name and id."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._by_id: dict[str, Frame] = {}
        self._by_name: dict[str, Frame] = {}
        self._whole: dict[str, Whole] = {}
        for frame in frames:
            self._by_id.setdefault(frame.id, frame)
            self._by_name.setdefault(frame.name.casefold(), frame)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._by_id.values())

    def find(self, word: str) -> Frame | None:
        """The frame with this id or key, else with this name."""
        return (
            self._by_id.get(word)
            or self._by_id.get(word.removeprefix("frame:"))
            or self._by_name.get(word.casefold())
        )

    def whole(self, frame: Frame) -> Whole:
        """A frame with all it inherits. Raises Circle."""
        found = self._whole.get(frame.id)
        if found is None:
            found = self._whole[frame.id] = self._resolved(frame)
        return found

    def _resolved(self, frame: Frame) -> Whole:
        ancestors, unknown = self._ancestors(frame)
        seen = {_folded(element) for element in (*frame.core, *frame.peripheral)}
        units = {unit.casefold() for unit in frame.units}
        core, peripheral, words = list(frame.core), list(frame.peripheral), list(frame.units)
        origins: dict[str, str] = {}
        for other in ancestors:
            for mine, theirs in ((core, other.core), (peripheral, other.peripheral)):
                for element in theirs:
                    if (folded := _folded(element)) not in seen:
                        seen.add(folded)
                        mine.append(element)
                        origins[name_of(element) or ""] = other.name
            for unit in other.units:
                if unit.casefold() not in units:
                    units.add(unit.casefold())
                    words.append(unit)
                    origins.setdefault(unit, other.name)
        return Whole(frame, tuple(core), tuple(peripheral), tuple(words), ancestors, origins, unknown)

    def _ancestors(self, frame: Frame) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
        """All frames it inherits from, those of each step up before the next; and names that lead nowhere."""
        self._refuse_circle(frame)
        found: dict[str, Frame] = {}
        unknown: dict[str, None] = {}
        step = [frame]
        while step:
            above = []
            for here in step:
                for word in here.parents:
                    parent = self.find(word)
                    if parent is None:
                        unknown[word] = None
                    elif parent.id not in found:
                        found[parent.id] = parent
                        above.append(parent)
            step = above
        return tuple(found.values()), tuple(unknown)

    def _refuse_circle(self, frame: Frame) -> None:
        """Walk up every line once; a frame met again on the way down to itself closes a circle."""
        done: set[str] = set()
        way: list[Frame] = []
        on_way: set[str] = set()
        stack: list[tuple[Frame, bool]] = [(frame, False)]
        while stack:
            here, leaving = stack.pop()
            if leaving:
                on_way.discard(way.pop().id)
                done.add(here.id)
                continue
            if here.id in on_way:
                names = [step.name for step in way]
                first = next(number for number, step in enumerate(way) if step.id == here.id)
                raise Circle(" → ".join([*names[first:], here.name]))
            if here.id in done:
                continue
            way.append(here)
            on_way.add(here.id)
            stack.append((here, True))
            parents = [self.find(word) for word in here.parents]
            stack.extend((parent, False) for parent in reversed(parents) if parent is not None)


def _folded(element: object) -> str:
    return (name_of(element) or "").casefold()


# -- instances -------------------------------------------------------------------------------------


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
        named = {_folded(element): name_of(element) for element in (*whole.core, *whole.peripheral)}
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
