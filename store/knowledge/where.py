r"""Conditions on any member of a record, as a person writes them: `quality_score >= 0.8 and not tags has "x"`.

    expression   any of and, or, not, ( ); not binds first, then and
    comparison   MEMBER = != < <= > >= VALUE
                 MEMBER in (VALUE, VALUE)
                 MEMBER has VALUE         a list that holds it, or an object that has a member of that name
                 MEMBER contains "text"   a text, or a text in a list, that it occurs in; case does not count
                 exists MEMBER            it is there and not null; `missing MEMBER` is the opposite
    member       metadata.lang, members.0.key, `odd name`.x; a name looks into every element of a list,
                 and the comparison holds where it holds for one of them
    value        "text" or 'text' with \" \\ \n \t \uXXXX, a number, true, false, null

What is missing equals null and nothing else; `!=` is always the opposite of `=`. Texts compare with
texts by code point, numbers with numbers, and true is no number: between other types nothing is less.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

Test = Callable[[Any], bool]
"""Whether a record matches."""

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SQL_INT = 1 << 63


class Column(NamedTuple):
    """What answers for one member in SQL."""

    sql: str
    """Of `number` and `text`: an expression, NULL unless the member is there and of that type. Of `set`:
    a condition with one `?`, true where the member is a list that holds that text."""
    kind: Literal["number", "text", "set"]


class Part(NamedTuple):
    """A condition in SQL that every matching record satisfies."""

    sql: str
    params: tuple[Any, ...]
    exact: bool
    """True where only matching records satisfy it; else the records must be evaluated too."""


class Node(NamedTuple):
    """One operation of a condition."""

    op: str
    """`and`, `or`, `not`, `exists`, `has`, `contains`, `in`, `=`, `<`, `<=`, `>`, `>=`."""
    path: tuple[str, ...] = ()
    value: Any = None
    """A literal; for `in` a tuple of them."""
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it was written, and as it is understood. Two of the same text are equal."""

    text: str
    node: Node = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def evaluate(self, record: Any) -> bool:
        """True where the record, as parsed JSON, matches."""
        return _compiled(self.text)(record)

    @property
    def test(self) -> Test:
        """`evaluate` as a plain function, for many records."""
        return _compiled(self.text)

    @property
    def names(self) -> frozenset[str]:
        """The members of the record itself that it looks at."""
        return frozenset(node.path[0] for node in _walk(self.node) if node.path)

    def sql(self, columns: Mapping[str, Column]) -> Part | None:
        """What `columns` (by member, in dotted form) can answer of it in SQL; None where that is nothing."""
        return _part(self.node, columns)


def parse(text: str) -> Condition:
    """The condition that `text` states. Raises UsageError that says what was expected in which column."""
    from store.knowledge.where_parser import read

    return Condition(text, read(text))


# -- asking a record -------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _compiled(text: str) -> Test:
    return _test(parse(text).node)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts:
        yield from _walk(part)


def _test(node: Node) -> Test:
    """The function that answers for a node."""
    if node.op == "not":
        inner = _test(node.parts[0])
        return lambda record: not inner(record)
    if node.op in ("and", "or"):
        tests = [_test(part) for part in node.parts]
        if node.op == "and":
            return lambda record: all(test(record) for test in tests)
        return lambda record: any(test(record) for test in tests)
    return _reaching(node.path, _value_test(node), _takes_null(node))


def _takes_null(node: Node) -> bool:
    """True where a member that is missing makes the comparison hold."""
    if node.op == "in":
        return any(value is None for value in node.value)
    return node.op == "=" and node.value is None


def _reaching(path: tuple[str, ...], test: Test, or_missing: bool) -> Test:
    """The function that finds the member and asks `test` of it, or of each where lists lie on the way."""
    if len(path) == 1:
        name = path[0]

        def direct(record: Any) -> bool:
            value = record.get(name) if isinstance(record, dict) else None
            return or_missing if value is None else test(value)

        return direct

    def reach(record: Any) -> bool:
        found = False
        for value in _reached(record, path):
            found = True
            if test(value):
                return True
        return or_missing and not found

    return reach


def _reached(record: Any, path: tuple[str, ...]) -> list[Any]:
    """What a path leads to; null and what is missing are left out."""
    level = [record]
    for name in path:
        below = []
        for value in level:
            if isinstance(value, dict):
                below.append(value.get(name))
            elif isinstance(value, list) and name.isdecimal():
                below.extend(value[int(name) : int(name) + 1] if len(name) < 10 else ())
            elif isinstance(value, list):
                below.extend(item.get(name) for item in value if isinstance(item, dict))
        level = below
    return [value for value in level if value is not None]


def _value_test(node: Node) -> Test:
    """The function that answers for a value that is there."""
    op, literal = node.op, node.value
    if op == "exists":
        return lambda _value: True
    if op == "has":
        return lambda value: _has(value, literal)
    if op == "contains":
        folded = literal.casefold()
        return lambda value: _contains(value, folded)
    if op == "in":
        return lambda value: any(equal(value, one) for one in literal)
    if op == "=":
        return lambda value: equal(value, literal)
    order = _ORDERS[op]
    kinds = (str,) if isinstance(literal, str) else (int, float)
    return lambda value: isinstance(value, kinds) and not isinstance(value, bool) and order(value, literal)


def equal(left: Any, right: Any) -> bool:
    """True where two JSON scalars are the same: 1 is 1.0 but not true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _has(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(equal(item, wanted) for item in value)
    if isinstance(value, dict):
        return isinstance(wanted, str) and wanted in value
    return False


def _contains(value: Any, folded: str) -> bool:
    if isinstance(value, str):
        return folded in value.casefold()
    return isinstance(value, list) and any(
        isinstance(item, str) and folded in item.casefold() for item in value
    )


# -- asking an index -------------------------------------------------------------------------------


def _part(node: Node, columns: Mapping[str, Column]) -> Part | None:
    """A node in SQL. Every condition made here is 0 or 1, never NULL, so that it can be negated."""
    if node.op == "not":
        part = _part(node.parts[0], columns)
        return Part(f"NOT ({part.sql})", part.params, True) if part is not None and part.exact else None
    if node.op in ("and", "or"):
        parts = [_part(one, columns) for one in node.parts]
        known = [part for part in parts if part is not None]
        if not known or (node.op == "or" and len(known) < len(parts)):
            return None
        joined = f" {node.op.upper()} ".join(f"({part.sql})" for part in known)
        params = tuple(param for part in known for param in part.params)
        return Part(joined, params, len(known) == len(parts) and all(part.exact for part in known))
    column = None if any("." in name for name in node.path) else columns.get(".".join(node.path))
    return None if column is None else _asked(node, column)


def _asked(node: Node, column: Column) -> Part | None:
    """A comparison with a column in SQL."""
    op, value = node.op, node.value
    if column.kind == "set":
        return Part(column.sql, (value,), True) if op == "has" and _storable(value, "text") else None
    if op == "in":
        if not value or not all(_storable(one, column.kind) for one in value):
            return None
        marks = ",".join("?" * len(value))
        return Part(f"{column.sql} IS NOT NULL AND {column.sql} IN ({marks})", tuple(value), True)
    if op == "=" or op in _ORDERS:
        if not _storable(value, column.kind):
            return None
        return Part(f"{column.sql} IS NOT NULL AND {column.sql} {op} ?", (value,), True)
    return None


def _storable(value: Any, kind: str) -> bool:
    """True where an engine compares the value with a column of that kind as `evaluate` does."""
    if kind == "text":
        return isinstance(value, str) and "\x00" not in value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or -_SQL_INT <= value < _SQL_INT
