"""Contexts of knowledge with inheritance: what is not found in one is looked for in its parent, and so on up.

Such a context is a record of the type `context`; it lies within one context of the store. A record
belongs to it by its member `context`, which holds its name, id or key. A record without that member
belongs to every one of them: a lookup falls through to it last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from store.errors import NotFound, Refused
from store.knowledge.kinds import key_of, parts_of
from store.knowledge.looking import Json, by_name, value_of
from store.knowledge.model import Filter, Found

if TYPE_CHECKING:
    from store.knowledge.library import Library

KIND = "context"
MOST = 10_000
"""Contexts of knowledge that are known at most."""


class Scope(NamedTuple):
    """One context of knowledge."""

    key: str
    name: str
    parent: str | None
    """As its record says: a name, an id or a key."""

    @property
    def words(self) -> frozenset[str]:
        """What a record may call it."""
        return frozenset((self.key, parts_of(self.key)[1], self.name))


class Seen(NamedTuple):
    """Records that a lookup found, all in one scope."""

    records: list[Found]
    scope: str
    """The name of the scope they belong to; empty where they belong to every one."""
    way: list[str]
    """The names of the scopes that were looked in, the nearest first."""


def chain(library: Library, scope: str, context: str) -> list[Scope]:
    """A scope and those it inherits from, the nearest first.

    Raises NotFound where it, or one that is named as a parent, is not there; Refused where they go in a circle
    (contracts let none be written, but a file may bring one).
    """
    found = _scopes(library, context)
    way: list[Scope] = []
    word: str | None = scope
    while word is not None:
        here = found.get(word)
        if here is None:
            below = f", which “{way[-1].name}” names as its parent" if way else ""
            raise NotFound(
                f"There is no context of knowledge “{word}” in {context}{below}. `query scopes` lists them."
            )
        if here in way:
            names = [step.name for step in way[way.index(here) :]]
            raise Refused(
                f"The contexts of knowledge go in a circle: {' → '.join([*names, here.name])}. Change a parent."
            )
        way.append(here)
        word = here.parent
    return way


def lookup(library: Library, scope: str, kind: str, name: str, *, context: str = "default") -> Seen:
    """The records of a kind that a name means in a scope: those of the nearest scope that has any.

    `name` is a name, an id or a key; of one name there may be several (senses of a word). Raises NotFound,
    Refused.
    """
    way = chain(library, scope, context)
    candidates = [(one, belongs_to(one)) for one in _named(library, kind, name, context)]
    names = [step.name for step in way]
    for step in way:
        words = step.words
        if here := [one for one, owner in candidates if owner in words]:
            return Seen(here, step.name, names)
    if everywhere := [one for one, owner in candidates if owner is None]:
        return Seen(everywhere, "", names)
    elsewhere = sorted({owner for _, owner in candidates if owner is not None})
    hint = f" There are some in {', '.join(f'“{owner}”' for owner in elsewhere[:5])}." if elsewhere else ""
    raise NotFound(f"There is no {kind} “{name}” in {' or '.join(f'“{step}”' for step in names)}.{hint}")


def belongs_to(found: Found) -> str | None:
    """What a record names as its context; None where it belongs to every one."""
    value = value_of(found.raw) if found.raw is not None else None
    owner = (value or {}).get("context")
    return owner if isinstance(owner, str) and owner else None


def _scopes(library: Library, context: str) -> dict[str, Scope]:
    """Every scope by its key, its id and its name; a key wins over an id, that over a name."""
    scopes: list[Scope] = []
    for one in library.stream(Filter(context=context, kinds=(KIND,))):
        value: Json = (value_of(one.raw) if one.raw is not None else None) or {}
        name, parent = value.get("name"), value.get("parent")
        own = name if isinstance(name, str) and name else one.row.id
        scopes.append(Scope(one.row.key, own, parent if isinstance(parent, str) and parent else None))
        if len(scopes) >= MOST:
            break
    found: dict[str, Scope] = {}
    for words in (
        [(s.key, s) for s in scopes],
        [(parts_of(s.key)[1], s) for s in scopes],
        [(s.name, s) for s in scopes],
    ):
        for word, scope in words:
            found.setdefault(word, scope)
    return found


def _named(library: Library, kind: str, name: str, context: str) -> list[Found]:
    """Live records of a kind that a name may mean: by key or id, else by name."""
    for key in (name if name.startswith(f"{kind}:") else "", key_of(kind, name)):
        one = library.newest(context, key) if key else None
        if one is not None and one.raw is not None:
            return [one]
    return list(library.stream(by_name(context, kind, name)))
