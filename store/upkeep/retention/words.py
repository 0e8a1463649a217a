"""The words of what is erased: to find them in labels, in copies set aside, and where else they stand.

They live in memory alone and are never written anywhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

from store import records

SHORTEST = 4
"""Characters from which a text is worth looking for: shorter ones stand everywhere."""
MOST = 20_000
_AT_ONCE = 400
_GIVEN_NAME = re.compile(r"chart_\d+(_\w+)?")


class Words:
    """Texts that stood in erased records: observations, and names that a person gave."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self._patterns: list[re.Pattern[bytes]] | None = None

    def add(self, raw: bytes) -> None:
        """Take in the texts of a record."""
        for text in texts_of(records.loads(raw)):
            if len(self.texts) < MOST:
                self.texts[text] = None
        self._patterns = None

    def drop(self, raw: bytes) -> None:
        """Forget the texts of a record that stays: they may be read by everybody."""
        for text in texts_of(records.loads(raw)):
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


def _forms(text: str) -> set[bytes]:
    """A text as it may lie in a file: plain, or within JSON of either kind."""
    plain = text.encode("utf-8", "surrogatepass")
    return {plain, records.dumps(text)[1:-1], json.dumps(text)[1:-1].encode("ascii")}
