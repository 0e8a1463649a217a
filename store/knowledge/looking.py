"""Records as a rule sees them while a change is planned: by key or by name, at the journal's very end.

Names are asked of the index and of the lines it has not seen yet, what stands behind them of the view
under the journal's lock: so a record is found by the name it has, however far the index lags.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from store import records
from store.knowledge.kinds import key_of
from store.knowledge.model import Filter
from store.knowledge.where import parse

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.store import Store

Json = dict[str, Any]
MOST = 8
"""Records of one name that are looked at."""


class Look:
    """Finds live records of one context, and those of the same change that are not written yet."""

    def __init__(
        self, live: Callable[[str], bytes | None], named: Callable[[str, str], Iterable[str]]
    ) -> None:
        self.pending: dict[str, Json] = {}
        """Records of the same change, by key."""
        self.others: set[str] = set()
        """Keys of the same change whose records no rule looks into."""
        self._live = live
        self._named = named

    def record(self, key: str) -> Json | None:
        """The live record of a key."""
        if key in self.pending:
            return self.pending[key]
        raw = self._live(key)
        return None if raw is None else value_of(raw)

    def there(self, key: str) -> bool:
        """True where a key has a live record."""
        return key in self.pending or key in self.others or self._live(key) is not None

    def find(self, kind: str, word: str) -> tuple[str, Json] | None:
        """(key, record) of the record of a kind that a word names: by its key, its id or its name."""
        keys = [word] if word.startswith(f"{kind}:") else []
        keys.append(key_of(kind, word))
        for key in keys:
            if (record := self.record(key)) is not None:
                return key, record
        for key, record in self.pending.items():
            if key.startswith(f"{kind}:") and record.get("name") == word:
                return key, record
        for key in self._named(kind, word):
            record = self.record(key)
            if record is not None and record.get("name") == word:
                return key, record
        return None


def looking(store: Store, context: str, view: View) -> Look:
    """A look at a context while a change of it is planned."""
    recent: dict[str, list[tuple[str, object]]] = {}

    def named(kind: str, word: str) -> list[str]:
        if kind not in recent:
            keys = view.recent(f"{kind}:")
            recent[kind] = [(key, (value_of(view.live(key) or b"") or {}).get("name")) for key in keys]
        with store.library.index.snapshot() as snap:
            rows = snap.rows_of(snap.ids(by_name(context, kind, word), limit=MOST))
        return [key for key, name in recent[kind] if name == word] + [row.key for row in rows]

    return Look(view.live, named)


def by_name(context: str | None, kind: str, word: str) -> Filter:
    """The records of a kind whose name is that word."""
    return Filter(context=context, kinds=(kind,), where=parse(f"name = {json.dumps(word)}"))


def value_of(raw: bytes) -> Json | None:
    """A record's members; None where it is no object."""
    try:
        value = records.loads(raw)
    except records.BadJson:
        return None
    return value if isinstance(value, dict) else None
