"""What the parts of a Snapshot share: the connection and the names of the contexts."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from store.index.extract import scrub
from store.index.sqlite import numbers
from store.model import ARCHIVE, DEFAULT, Position


def marks(values: Sequence[Any]) -> str:
    """`?, ?, ?` for an IN list."""
    return ", ".join("?" * len(values))


class Reads:
    """Base of the parts of `Snapshot`."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._by_id: dict[int, str] = dict(conn.execute("SELECT id, name FROM contexts").fetchall())
        self._by_name = {name: ctx for ctx, name in self._by_id.items()}

    def _ask(self, sql: str, bind: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a query. What a person typed may hold lone surrogates: they are escaped as in the rows."""
        try:
            return self._conn.execute(sql, bind)
        except UnicodeEncodeError:
            return self._conn.execute(sql, [scrub(item) if isinstance(item, str) else item for item in bind])

    def _rowids(self, sql: str, bind: Sequence[Any] = ()) -> array[int]:
        """The numbers that a query with the one column `id` gives, in its order."""
        return numbers(lambda whole: self._ask(whole, bind), sql)

    def empty(self) -> bool:
        """True where no journal was ever read into the index."""
        return self._ask("SELECT 1 FROM positions LIMIT 1").fetchone() is None

    def position(self, context: str, family: str = "charts") -> Position | None:
        """How far a journal was read; None if not at all."""
        row = self._ask(
            "SELECT generation, start, hash FROM positions WHERE id = ?", (f"{context}/{family}",)
        ).fetchone()
        return None if row is None else Position(*row)

    def _ctx(self, context: str) -> int:
        """The number of a context; -1, which no row has, for one the index does not know."""
        return self._by_name.get(context, -1)

    def _name(self, ctx: int) -> str:
        return self._by_id[ctx]

    def _within(self, contexts: Iterable[str] | None, column: str = "ctx") -> tuple[str, tuple[Any, ...]]:
        """A condition that holds for rows of `contexts`, and its values."""
        if contexts is None:
            archive = self._by_name.get(ARCHIVE)
            return ("1", ()) if archive is None else (f"{column} <> ?", (archive,))
        ids = self._ids(contexts)
        return f"{column} IN ({marks(ids)})", ids

    def _listed(self, names: Iterable[str]) -> list[str]:
        """Contexts as lists show them: the default one first, the archive last. The index numbers them as it met them."""
        return sorted(names, key=lambda name: (name == ARCHIVE, name != DEFAULT, name))

    def _rank(self, column: str) -> str:
        """An expression that orders rows by their contexts as lists show them."""
        places = [
            f"WHEN {self._by_name[name]} THEN {n}" for n, name in enumerate(self._listed(self._by_name))
        ]
        return f"CASE {column} {' '.join(places)} END" if len(places) > 1 else column

    def _ids(self, contexts: Iterable[str] | None) -> tuple[int, ...]:
        """The numbers of these contexts; None means all but the archive."""
        if contexts is None:
            return tuple(ctx for name, ctx in self._by_name.items() if name != ARCHIVE)
        return tuple(self._ctx(name) for name in ([contexts] if isinstance(contexts, str) else contexts))
