"""A record as lines to read: every member, unknown and nested ones too, and where its references lead.

Pure: plain values in, lines of styled pieces out. What a file brought may be of any shape, depth and
size, so depth, lines and characters are bounded here; `E` shows a record whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from store.knowledge.kinds import BY_NAME, parts_of
from tui.widgets.cells import clean, clean_lines, cut, fit, width_of, wrap

Piece = tuple[str, str]

DEEPEST = 12
"""Levels of nesting that are laid out; below them stands the JSON text."""
MOST_LINES = 4_000
MOST_CHARS = 20_000
"""Characters of one text that are shown."""
VECTOR = 8
"""From so many numbers on a list is a vector: told of, not listed."""
INLINE = 60
"""Characters up to which a list of plain values stands on one line."""
BAR = 10

_ABOUT = ("type", "id")
"""Members the head of the detail says already."""
_SCORES = ("quality_score", "confidence", "coherence", "strength", "weight", "score", "similarity")
_POINTS_TO = {
    "inherits_from": "frame",
    "frame": "frame",
    "frame_id": "frame",
    "parent": "context",
    "workflow_id": "workflow",
    "workflow": "workflow",
    "core_concepts": "concept",
    "core": "concept",
    "related_concepts": "concept",
    "related": "concept",
    "memberships": "cluster",
    "concept": "concept",
    "cluster": "cluster",
    "instance_of": "frame",
}
"""Members that name other records, and the kind they name."""
_NAMES = ("key", "id", "record", "item", "member", "concept", "name")
"""Members by which an object in a list says which record it is about."""


class Reference(NamedTuple):
    """A text that may lead to another record."""

    word: str
    """A key, an id or a name."""
    kind: str = ""
    """The kind it must be of; empty where the word says that itself."""


class Line(NamedTuple):
    """One line of the detail."""

    pieces: tuple[Piece, ...]
    reference: Reference | None = None


Titles = Mapping[Reference, Any]
"""The rows of the records that references lead to."""


def references(record: Any) -> list[Reference]:
    """Every text of a record that may name another one, in the order of the record."""
    return [found for found, _ in _walk(record, "", 0)]


def _walk(value: Any, member: str, depth: int) -> Iterator[tuple[Reference, str]]:
    if depth > DEEPEST:
        return
    if isinstance(value, str):
        found = reference(value, member)
        if found is not None:
            yield found, member
    elif isinstance(value, Mapping):
        if member in _POINTS_TO and value and all(_is_score(item) for item in value.values()):
            for word in value:
                yield from _walk(word, member, depth + 1)
            return
        for name, item in value.items():
            if depth or name not in _ABOUT:
                yield from _walk(item, str(name), depth + 1)
    elif isinstance(value, list) and not is_vector(value):
        for item in value:
            yield from _walk(item, member, depth + 1)


def reference(text: str, member: str) -> Reference | None:
    """What a text names: a key as such, or a record of the kind its member points to."""
    if not text or len(text) > 300:
        return None
    kind, rest = parts_of(text)
    if rest and (kind in BY_NAME or kind == "chart"):
        return Reference(text)
    points = _POINTS_TO.get(member)
    return Reference(text, points) if points else None


def is_vector(value: Any) -> bool:
    """Whether a list is a vector: many numbers and nothing else."""
    return (
        isinstance(value, list)
        and len(value) >= VECTOR
        and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    )


def lines(record: Any, titles: Titles, width: int) -> list[Line]:
    """The members of a record as lines of at most `width` cells."""
    page = _Page(titles, width)
    if isinstance(record, Mapping):
        page.members({name: item for name, item in record.items() if name not in _ABOUT}, 0)
    elif record is not None:
        page.value("", record, 0, 0)
    if len(page.lines) >= MOST_LINES:
        page.lines = page.lines[:MOST_LINES]
        page.lines.append(Line((("… more than can be shown here; open it as text", "muted"),)))
    return page.lines


class _Page:
    """Collects lines."""

    def __init__(self, titles: Titles, width: int) -> None:
        self.titles = titles
        self.width = max(16, width)
        self.lines: list[Line] = []

    def members(self, record: Mapping[str, Any], depth: int) -> None:
        """Each member on lines of its own, the values in one column."""
        indent = 2 * depth
        column = max((width_of(clean(str(name))) for name in record), default=0)
        column = min(column, 22, max(6, (self.width - indent) // 3))
        for name, value in record.items():
            if len(self.lines) >= MOST_LINES:
                return
            self.value(str(name), value, depth, column)

    def value(self, name: str, value: Any, depth: int, column: int) -> None:
        """One member."""
        if isinstance(value, Mapping | list) and value and depth >= DEEPEST:
            self.text(name, json.dumps(value, ensure_ascii=False, default=str), depth, column, "muted")
        elif isinstance(value, Mapping) and value:
            self.head(name if name not in _POINTS_TO else f"{name} ({len(value):,})", depth)
            if name in _POINTS_TO and all(_is_score(item) for item in value.values()):
                for word, score in value.items():
                    self.lines.append(self.strength(name, str(word), score, depth + 1))
            else:
                self.members(value, depth + 1)
        elif isinstance(value, list) and value:
            self.many(name, value, depth, column)
        else:
            style = "muted" if value is None or value in ({}, []) else ""
            found = reference(value, name) if isinstance(value, str) else None
            self.text(name, self.said(name, value, found), depth, column, style, found)

    def many(self, name: str, values: list[Any], depth: int, column: int) -> None:
        """A list: a vector told of, plain values on one line where they fit, else one below the other."""
        if is_vector(values):
            some = ", ".join(f"{item:.3g}" for item in values[:4])
            self.text(name, f"{len(values):,} numbers: {some}, …", depth, column, "muted")
            return
        plain = not any(isinstance(item, Mapping | list) for item in values)
        points = plain and any(isinstance(item, str) and reference(item, name) for item in values)
        joined = ", ".join(_scalar(item) for item in values) if plain and len(values) <= INLINE else ""
        if plain and not points and joined and len(joined) <= INLINE:
            self.text(name, joined, depth, column)
            return
        self.head(f"{name} ({len(values):,})", depth)
        for item in values:
            if len(self.lines) >= MOST_LINES:
                return
            self.item(name, item, depth + 1)

    def item(self, name: str, value: Any, depth: int) -> None:
        """One value of a list."""
        if isinstance(value, Mapping) and value and depth < DEEPEST:
            member = self.member(name, value, depth)
            if member is not None:
                self.lines.append(member)
                return
            at = len(self.lines)
            self.members(value, depth + 1)
            if at < len(self.lines):
                self._bullet(at, depth)
        elif isinstance(value, Mapping | list) and value:
            self.text("·", json.dumps(value, ensure_ascii=False, default=str), depth, 1, "muted")
        else:
            found = reference(value, name) if isinstance(value, str) else None
            self.text("·", self.said(name, value, found), depth, 1, "", found)

    def _bullet(self, at: int, depth: int) -> None:
        """Mark the first line of an object in a list."""
        line = self.lines[at]
        text, style = line.pieces[0]
        place = 2 * depth
        if text[place : place + 2] == "  ":
            text = f"{text[:place]}· {text[place + 2 :]}"
        self.lines[at] = Line(((text, style), *line.pieces[1:]), line.reference)

    def member(self, name: str, value: Mapping[str, Any], depth: int) -> Line | None:
        """A member of a cluster or field on one line: what it is called, and how strongly it belongs."""
        word = next((item for key in _NAMES if isinstance(item := value.get(key), str)), None)
        score = next((value[key] for key in _SCORES if _is_score(value.get(key))), None)
        if word is None or score is None or len(value) > 3:
            return None
        return self.strength(name, word, score, depth)

    def strength(self, name: str, word: str, score: float, depth: int) -> Line:
        """What belongs to something, and how strongly."""
        found = reference(word, name) or Reference(word, "concept")
        room = self.width - 2 * depth - BAR - 8
        known = found in self.titles
        text = fit(clean(self.said(name, word, found)), max(8, room))
        style = "match" if known else ""
        tail = (f" {bar(score)} {score:4.2f}", "muted")
        return Line(((" " * (2 * depth) + "· ", "muted"), (text, style), tail), found)

    def head(self, name: str, depth: int) -> None:
        """The name of what is nested below it."""
        self.lines.append(Line(((" " * (2 * depth) + cut(clean(name), self.width - 2 * depth), "muted"),)))

    def said(self, name: str, value: Any, found: Reference | None) -> str:
        """A plain value in words: a score with a bar, a reference with the title of what it names."""
        if _is_score(value) and name in _SCORES:
            return f"{_scalar(value):<5} {bar(value)}"
        text = _scalar(value)
        row = self.titles.get(found) if found is not None else None
        if row is not None and row.title != text:
            return f"{text}  ({row.title})"
        return text

    def text(
        self,
        name: str,
        text: str,
        depth: int,
        column: int,
        style: str = "",
        found: Reference | None = None,
    ) -> None:
        """A name and a text that wraps beside it; below it where the name is long."""
        indent = " " * (2 * depth)
        label = clean(name)
        if width_of(label) > column:
            self.lines.append(Line(((indent + cut(label, self.width - len(indent)), "muted"),)))
            label = ""
        gap = column + (1 if name == "·" else 2)
        room = max(8, self.width - len(indent) - gap)
        known = found is not None and found in self.titles
        first = True
        parts = (part for each in clean_lines(text[:MOST_CHARS]) for part in wrap(each, room))
        for part in parts:
            lead = fit(label, gap) if first else " " * gap
            self.lines.append(Line(((indent + lead, "muted"), (part, "match" if known else style)), found))
            first = False
            if len(self.lines) >= MOST_LINES:
                return
        if len(text) > MOST_CHARS:
            rest = f"… and {len(text) - MOST_CHARS:,} characters more"
            self.lines.append(Line(((indent + " " * gap + rest, "muted"),)))


def bar(score: float, full: str = "━", empty: str = "─") -> str:
    """A score from 0 to 1 as a bar."""
    filled = round(max(0.0, min(1.0, score)) * BAR)
    return full * filled + empty * (BAR - filled)


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value or "“”"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | Mapping):
        return "none" if not value else json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
