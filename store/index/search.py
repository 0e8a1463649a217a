"""Full text: what a person searches for, and the filter that follows each letter typed.

Two indexes. `texts` holds single observations with English word stems, for search; `chart_words`
holds all words of a chart as they are, for the filter, so that half a word finds its charts.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from array import array
from collections.abc import Iterable
from typing import Any, Literal

from store.index.base import Reads
from store.model import Hit

_KINDS = ("chart", "outcome", "reality", "step")
_HIT = "r.ctx, r.chart_id, COALESCE(r.name, ''), r.role, COALESCE(r.entity_type, r.kind), {text}, c.title, r.done, c.done"


def words_of(text: str) -> list[str] | None:
    """The words of a query; None where it holds anything but letters, digits and spaces."""
    if not all(char.isalnum() or char.isspace() or unicodedata.category(char)[0] == "M" for char in text):
        return None
    return text.split()


def _like(word: str) -> str:
    for char in "\\%_":
        word = word.replace(char, "\\" + char)
    return f"%{word}%"


def _match(words: Iterable[str]) -> str:
    """An FTS5 query: every word, as a prefix."""
    return " ".join(f'"{word}"*' for word in words)


class Search(Reads):
    """The part of a Snapshot that looks for words."""

    def matching(self, text: str, contexts: Iterable[str] | None = None) -> array[int]:
        """Row ids of the charts that hold every word of `text` in title, outcome, reality or steps, in file order.

        Words match from their beginning; with punctuation in the query, anywhere. An empty query
        matches nothing.
        """
        words = words_of(text)
        where, bind = self._within(contexts, "c.ctx")
        rest = f"AND {where} ORDER BY {self._rank('c.ctx')}, c.ord"
        if words:
            sql = (
                "SELECT c.id AS id FROM chart_words w CROSS JOIN charts c ON c.id = w.rowid"
                f" WHERE w.chart_words MATCH ? {rest}"
            )
            try:
                return self._rowids(sql, (_match(words), *bind))
            except sqlite3.OperationalError:
                # A letter newer than SQLite's tables counts as punctuation there.
                pass
        parts = text.split()
        if parts:
            likes = " AND ".join(["t.c0 LIKE ? ESCAPE '\\'"] * len(parts))
            sql = (
                "SELECT c.id AS id FROM chart_words_content t CROSS JOIN charts c ON c.id = t.id"
                f" WHERE {likes} {rest}"
            )
            return self._rowids(sql, (*map(_like, parts), *bind))
        return array("q")

    def search(
        self,
        text: str,
        contexts: Iterable[str] | None = None,
        limit: int = 50,
        order: Literal["newest", "rank"] = "newest",
    ) -> list[Hit]:
        """Observations that hold every word of `text` (their stems, as prefixes), newest or best first."""
        where, bind = self._within(contexts, "r.ctx")
        words = words_of(text) or ["".join(char for char in part if char.isalnum()) for part in text.split()]
        words = [word for word in words if word]
        chart = "LEFT JOIN charts c ON c.ctx = r.ctx AND c.chart_id = r.chart_id"
        if words and words_of(text) is not None:
            sql = (
                f"SELECT {_HIT.format(text='texts.text')} FROM texts CROSS JOIN records r ON r.id = texts.rowid >> 16 {chart}"
                f" WHERE texts MATCH ? AND {where} ORDER BY {'rank' if order == 'rank' else 'texts.rowid DESC'} LIMIT ?"
            )
            return self._hits(sql, (_match(words), *bind, limit))
        parts = text.split()
        if not parts:
            return []
        likes = " AND ".join(["b.text LIKE ? ESCAPE '\\'"] * len(parts))
        sql = (
            f"SELECT {_HIT.format(text='b.text')} FROM observations b CROSS JOIN records r ON r.id = b.id >> 16 {chart}"
            f" WHERE {likes} AND {where} ORDER BY b.id DESC LIMIT ?"
        )
        return self._hits(sql, (*map(_like, parts), *bind, limit))

    def _hits(self, sql: str, bind: tuple[Any, ...]) -> list[Hit]:
        return [
            Hit(
                self._name(ctx),
                chart_id or "",
                name,
                _KINDS[role] if role < len(_KINDS) else kind,
                text,
                title or name,
                bool(done or (chart_done and role != 3)),
            )
            for ctx, chart_id, name, role, kind, text, title, done, chart_done in self._ask(sql, bind)
        ]
