"""What a frame has when all it inherits is counted in.

A frame has its own core elements, peripheral elements and lexical units, and those of the
frames it inherits from, of theirs, and so on. The nearer frame decides: an element that a frame has
itself is not inherited, also where it is core here and peripheral there. Among several parents the one
named first is nearer; a frame met twice counts once. Names are compared without regard to case. A
frame that inherits from itself over others has no elements that could be said: a refusal names the circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]
CORE, PERIPHERAL, UNITS = "core_elements", "peripheral_elements", "lexical_units"
PARENTS = "inherits_from"


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
        seen = {folded(element) for element in (*frame.core, *frame.peripheral)}
        units = {unit.casefold() for unit in frame.units}
        core, peripheral, words = list(frame.core), list(frame.peripheral), list(frame.units)
        origins: dict[str, str] = {}
        for other in ancestors:
            for mine, theirs in ((core, other.core), (peripheral, other.peripheral)):
                for element in theirs:
                    if (name := folded(element)) not in seen:
                        seen.add(name)
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


def folded(element: object) -> str:
    """The name of an element as it is compared."""
    return (name_of(element) or "").casefold()
