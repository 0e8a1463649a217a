"""The numbers that stand for names in the rows of knowledge, and what parts of a Snapshot know of them."""

from __future__ import annotations

import sqlite3

from store.index.base import Reads
from store.index.extract import read_key, scrub
from store.index.knowledge import rows
from store.index.knowledge.extract import FOREIGN
from store.knowledge import kinds


class Names:
    """The numbers of domains, tags and types, asked for one by one and remembered."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._texts: dict[int, str] = {}

    def number(self, name: str) -> int | None:
        """The number of a name; None for one the index has never met."""
        row = self._conn.execute("SELECT id FROM names WHERE name = ?", (scrub(name),)).fetchone()
        return None if row is None else int(row[0])

    def text(self, number: int) -> str:
        """The name with a number."""
        found = self._texts.get(number)
        if found is None:
            row = self._conn.execute("SELECT name FROM names WHERE id = ?", (number,)).fetchone()
            found = self._texts[number] = "" if row is None else str(row[0])
        return found

    def code(self, kind: str) -> int | None:
        """The number of a kind of records; None for one the index has never met."""
        known = kinds.BY_NAME.get(kind)
        if known is not None:
            return known.code
        number = self.number(kind)
        return None if number is None else FOREIGN + number

    def kind(self, code: int) -> str:
        """The type of records with a number."""
        return self.text(code - FOREIGN) if code >= FOREIGN else kinds.BY_CODE[code].name


class Named(Reads):
    """Base of the parts of `Snapshot`."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        super().__init__(conn)
        self.names = Names(conn)

    def contexts(self) -> list[str]:
        """The contexts the index has read, as lists show them."""
        return self._listed(name for name in self._by_name if not name.startswith("/"))

    def span(self, context: str) -> tuple[int, int]:
        """First and last number that versions of a context can have."""
        ctx = self._by_name.get(context)
        return (1, 0) if ctx is None else (rows.base(ctx) + 1, rows.base(ctx + 1))

    def _key(self, code: int, item: str | bytes) -> str:
        kind, text = self.names.kind(code), read_key(item)
        return kinds.key_of(kind, text) if kind else text
