"""The words of what is erased: to find them in labels, in copies set aside, and where else they stand.

They live in memory alone and are never written anywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from store import records

SHORTEST = 4
"""Characters from which a text is worth looking for: shorter ones stand everywhere."""
SENTENCE = 16
"""The same for records of knowledge, which are known by their keys and whole content too."""
MOST = 20_000
_AT_ONCE = 400
_NAMES = frozenset(("type", "id", "workflow_id", "created_at", "idempotency_key"))
_GIVEN_NAME = re.compile(r"chart_\d+(_\w+)?")


class Words:
    """Texts that stood in erased records: observations, and names that a person gave."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self.contents: set[bytes] = set()
        """Hashes of what records of knowledge said, whatever they were called: see `content_of`."""
        self._patterns: list[re.Pattern[bytes]] | None = None

    def add(self, raw: bytes) -> None:
        """Take in the texts of a record."""
        value = records.loads(raw)
        if (content := content_of(value)) is not None:
            self.contents.add(content)
        for text in texts_of(value):
            if len(self.texts) < MOST:
                self.texts[text] = None
        self._patterns = None

    def drop(self, raw: bytes) -> None:
        """Forget the texts of a record that stays: they may be read by everybody."""
        value = records.loads(raw)
        if (content := content_of(value)) is not None:
            self.contents.discard(content)
        for text in texts_of(value):
            self.texts.pop(text, None)
        self._patterns = None

    def within(self, text: str) -> bool:
        """True where any of them stands in a text, cut short as labels are."""
        from store.charts.work import quote

        if any(other in text for other in self.texts):
            return True
        quoted = set(re.findall("“[^”]*”", text))
        return any(item.endswith("…”") for item in quoted) and any(
            quote(other) in quoted for other in self.texts
        )

    def found_in(self, data: bytes) -> bool:
        """True where any of them stands in bytes, as plain text or written as JSON."""
        if self._patterns is None:
            forms = sorted({form for text in self.texts for form in _forms(text)}, key=len, reverse=True)
            self._patterns = [
                re.compile(b"|".join(map(re.escape, forms[n : n + _AT_ONCE])))
                for n in range(0, len(forms), _AT_ONCE)
            ]
        return any(pattern.search(data) for pattern in self._patterns)


def texts_of(record: Any) -> list[str]:
    """The texts of a record that say something: every string in it but for plain members of the format."""
    body = records.body_of(record)
    if not isinstance(body, dict):
        return []
    if is_knowledge(body):
        return list(_sentences(body))
    found: list[str] = []
    name = body.get("name")
    if isinstance(name, str) and not _GIVEN_NAME.fullmatch(name):
        found.append(name)
    observations = body.get("observations")
    given = [observations] if isinstance(observations, str) else observations
    found += [text for text in given if isinstance(text, str)] if isinstance(given, list) else []
    for member in ("text", "description", "notes", "title", "content"):
        if isinstance(body.get(member), str):
            found.append(body[member])
    return [text for text in found if len(text.strip()) >= SHORTEST and not text.startswith("Chart created")]


def is_knowledge(body: dict[str, Any]) -> bool:
    """True for a record of knowledge: it has a type and an id, and is no part of a chart."""
    return isinstance(body.get("id"), str) and body.get("type") not in ("entity", "relation")


def content_of(value: Any) -> bytes | None:
    """A hash of what a record of knowledge says, but for its id and what chartkeep adds; None for other values."""
    if not isinstance(value, dict) or value.get("type") in ("entity", "relation"):
        return None
    said = {name: member for name, member in value.items() if name not in _NAMES}
    if not said:
        return None
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).digest()


def _sentences(value: Any) -> Iterator[str]:
    """The longer texts anywhere in a value: short ones, such as domains and tags, are everybody's."""
    if isinstance(value, str):
        if len(value) >= SENTENCE:
            yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            if name not in _NAMES:
                yield from _sentences(member)
    elif isinstance(value, list):
        for item in value:
            yield from _sentences(item)


def _forms(text: str) -> set[bytes]:
    """A text as it may lie in a file: plain, or within JSON of either kind."""
    plain = text.encode("utf-8", "surrogatepass")
    return {plain, records.dumps(text)[1:-1], json.dumps(text)[1:-1].encode("ascii")}
