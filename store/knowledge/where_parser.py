"""The text of a condition, read: words, then operations. Its grammar stands in `where`."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

from store.errors import UsageError
from store.knowledge.where import Node

_DEEPEST = 100
"""Brackets and nots within each other."""
_MOST = 600
"""Comparisons and values in one condition: engines take no more."""
_WORDS = ("and", "or", "not", "has", "contains", "in", "exists", "missing", "true", "false", "null")
_COMPARE = ("=", "!=", "<", "<=", ">", ">=")
_SAME = {"==": "=", "<>": "!="}
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<number>[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<member>(?:[^\W\d]\w*|`[^`]+`)(?:\.(?:\w+(?:-\w+)*|`[^`]+`))*)
    |(?P<sign>==|!=|<>|<=|>=|[=<>(),])""",
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"`([^`]+)`|([^.`]+)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class _Token(NamedTuple):
    kind: str
    """`number`, `text`, `member`, `word`, `sign` or `end`."""
    text: str
    at: int


def read(text: str) -> Node:
    """The operations that `text` states. Raises UsageError."""
    reader = _Reader(text)
    node = reader.either()
    if reader.now.kind != "end":
        reader.fail("“and”, “or” or the end")
    return node


class _Reader:
    """Goes through the tokens of a text once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.place = 0
        self.depth = 0
        self.count = 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.place]

    def take(self, *texts: str) -> bool:
        """Go past the present word or sign if it is one of these."""
        if self.now.kind in ("word", "sign") and self.now.text in texts:
            self.place += 1
            return True
        return False

    def fail(self, expected: str) -> NoReturn:
        found = "the end" if self.now.kind == "end" else f"“{self.now.text}”"
        _fail(self.text, self.now.at, f"expected {expected}, found {found}")

    def either(self) -> Node:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Node("or", parts=tuple(parts))

    def both(self) -> Node:
        parts = [self.one()]
        while self.take("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else Node("and", parts=tuple(parts))

    def one(self) -> Node:
        """A comparison, or what stands in brackets or after `not`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            _fail(self.text, self.now.at, f"brackets lie within each other beyond {_DEEPEST} levels")
        if self.take("not"):
            node = Node("not", parts=(self.one(),))
        elif self.take("("):
            node = self.either()
            if not self.take(")"):
                self.fail("“)”, “and” or “or”")
        elif self.take("exists"):
            node = Node("exists", self.member())
        elif self.take("missing"):
            node = Node("not", parts=(Node("exists", self.member()),))
        else:
            node = self.comparison()
        self.depth -= 1
        return node

    def counted(self) -> None:
        """Count a member or value. Raises UsageError where there are too many."""
        self.count += 1
        if self.count > _MOST:
            _fail(
                self.text, self.now.at, f"members and values are more than the {_MOST} a condition may have"
            )

    def member(self) -> tuple[str, ...]:
        token = self.now
        self.counted()
        if token.kind != "member":
            expected = "a member such as quality_score or metadata.lang"
            self.fail(expected + (", before the sign" if token.kind in ("number", "text") else ""))
        self.place += 1
        return tuple(quoted or plain for quoted, plain in _NAME.findall(token.text))

    def comparison(self) -> Node:
        path = self.member()
        if self.take("exists"):
            return Node("exists", path)
        if self.take("missing"):
            return Node("not", parts=(Node("exists", path),))
        token = self.now
        sign = _SAME.get(token.text, token.text)
        negated = self.take("not")
        if negated and self.now.text not in ("in", "has", "contains"):
            self.fail("“in”, “has” or “contains” after “not”")
        if self.take("in"):
            node = Node("in", path, self.values())
        elif self.take("has"):
            node = Node("has", path, self.value())
        elif self.take("contains"):
            if self.now.kind != "text":
                self.fail("a text in quotes after “contains”")
            node = Node("contains", path, self.value())
        elif token.kind == "sign" and sign in _COMPARE:
            self.place += 1
            node = self.compared(path, sign)
        else:
            self.fail("= != < <= > >= in has contains exists or missing after the member")
        return Node("not", parts=(node,)) if negated else node

    def compared(self, path: tuple[str, ...], sign: str) -> Node:
        at = self.now.at
        value = self.value()
        if sign not in ("=", "!=") and (value is None or isinstance(value, bool)):
            _fail(self.text, at, f"“{sign}” compares numbers or texts, not true, false or null")
        if sign == "!=":
            return Node("not", parts=(Node("=", path, value),))
        return Node(sign, path, value)

    def values(self) -> tuple[Any, ...]:
        if not self.take("("):
            self.fail("“(” and values after “in”")
        found = [self.value()]
        while self.take(","):
            found.append(self.value())
        if not self.take(")"):
            self.fail("“,” or “)”")
        return tuple(found)

    def value(self) -> Any:
        token = self.now
        self.counted()
        if token.kind == "text":
            self.place += 1
            text = _ESCAPE.sub(_unescape, token.text[1:-1])
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if token.kind == "number":
            self.place += 1
            plain = token.text.lstrip("+-").isdecimal()
            return int(token.text) if plain and len(token.text) < 4000 else float(token.text)
        if token.kind == "word" and token.text in ("true", "false", "null"):
            self.place += 1
            return {"true": True, "false": False, "null": None}[token.text]
        if token.kind == "member":
            self.fail("a value (texts stand in quotes)")
        self.fail("a value: a text in quotes, a number, true, false or null")


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] in "\"'`":
                _fail(text, at, "the quotes that open here are never closed")
            _fail(text, at, f"“{text[at]}” means nothing here; texts stand in quotes, odd names in `")
        kind, word = str(match.lastgroup), match[0]
        if kind == "member" and word.lower() in _WORDS:
            kind, word = "word", word.lower()
        if kind != "blank":
            found.append(_Token(kind, word, at))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)


def _fail(text: str, at: int, what: str) -> NoReturn:
    """Raise UsageError that shows where."""
    column = at + 1
    start = max(0, at - 40)
    shown = text[start : at + 30].replace("\n", " ").replace("\t", " ")
    raise UsageError(
        f"The condition is not understood: column {column}: {what}.\n  {shown}\n  {' ' * (at - start)}^"
    )
