"""Single members of a record: read by their path, put there, taken away. Pure; no argument is changed.

A path names members from the record inwards (`metadata`, `dueDate`), a place in a list as text
(`observations`, `0`); the empty path is the record itself. Values travel as JSON text, exact to
the digit; None stands for a member, or a record, that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store.model import Json
from store.records import dumps, loads, same


def value_at(record: Json | None, path: Sequence[str]) -> str | None:
    """The value at `path` as JSON text."""
    if record is None:
        return None
    value: Any = record
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _place(name, value) is not None:
            value = value[int(name)]
        else:
            return None
    return dumps(value).decode("utf-8")


def with_value(record: Json | None, path: Sequence[str], text: str | None) -> Json | None:
    """`record` with the value at `path`; objects on the way are made where there are none.

    Raises LookupError where the way leads through something that has no members: the record
    has another shape by now.
    """
    if not path:
        found = None if text is None else loads(text.encode("utf-8"))
        if found is not None and not isinstance(found, dict):
            raise LookupError("a record is an object")
        return found
    if record is None:
        raise LookupError("the record is gone")
    changed: Json = _with(record, path, text)
    return changed


def same_text(one: str | None, other: str | None) -> bool:
    """True where two values are the same as other programs see them."""
    if one is None or other is None or one == other:
        return one == other
    return same(loads(one.encode("utf-8")), loads(other.encode("utf-8")))


def _with(value: Any, path: Sequence[str], text: str | None) -> Any:
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        if rest:
            if text is None and name not in value:
                return value
            return {**value, name: _with(value.get(name, {}), rest, text)}
        if text is None:
            return {other: item for other, item in value.items() if other != name}
        return {**value, name: loads(text.encode("utf-8"))}
    if isinstance(value, list) and name.isdecimal() and int(name) <= len(value):
        place = int(name)
        if rest:
            if place == len(value):
                raise LookupError(f"there is no item {place}")
            return [*value[:place], _with(value[place], rest, text), *value[place + 1 :]]
        new = [] if text is None else [loads(text.encode("utf-8"))]
        return [*value[:place], *new, *value[place + 1 :]]
    raise LookupError(f"there is nothing that could hold “{name}”")


def _place(name: str, items: list[Any]) -> int | None:
    return int(name) if name.isdecimal() and int(name) < len(items) else None
