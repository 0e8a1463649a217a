"""`schema.sql`: the DDL of the tables, generated from SQLModel and committed; what a database is made of.

Run `python -m store.index.schema` after a change in a tables.py, and raise the version: an index of
another version is rebuilt from the journals. A contract test holds the files equal to the tables.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module, resources
from typing import NamedTuple

VERSION = "2"
"""Version of the tables and of what is put into them; any other one in a file means a rebuild."""

FILE = "schema.sql"
PACKAGES = ("store.index", "store.index.knowledge")
"""Packages with a `tables` module, whose tables make one database each."""


class Schema(NamedTuple):
    """What one database of the index holds."""

    stem: str
    """Its files are called `<stem>.sqlite`, `<stem>-<hex>.db`, …"""
    version: str
    package: str
    """Where schema.sql lies."""
    full_text: tuple[str, ...]
    """CREATE VIRTUAL TABLE statements."""
    temporary: tuple[str, ...] = ()
    """CREATE TEMP TABLE statements that every connection starts with."""
    undo: str = "OFF"
    """`journal_mode` while a new file is filled: OFF where nothing is ever rolled back."""

    def statements(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(CREATE TABLE statements, CREATE INDEX statements) from schema.sql, for SQLite."""
        return statements(self.package)


CHARTS = Schema(
    "chartkeep",
    VERSION,
    "store.index",
    (
        "CREATE VIRTUAL TABLE texts USING fts5(text, content='observations', content_rowid='id',"
        " tokenize='porter unicode61 remove_diacritics 2')",
        # No stemming here: a filter is typed letter by letter, and the stem of half a word is no prefix.
        "CREATE VIRTUAL TABLE chart_words USING fts5(words, detail=none, prefix='1 2 3',"
        " tokenize='unicode61 remove_diacritics 2')",
    ),
    tuple(
        f"CREATE TEMP TABLE {scope} (id TEXT PRIMARY KEY) WITHOUT ROWID"
        for scope in ("touched", "linked", "stepped", "worded")
    ),
)
"""The index of charts. The temporary tables hold chart ids for `derive`: made anew, hanging elsewhere,
with other steps, with other words."""


@cache
def statements(package: str = "store.index") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(CREATE TABLE statements, CREATE INDEX statements) from a package's schema.sql, for SQLite."""
    source = (resources.files(package) / FILE).read_text("utf-8")
    body = "\n".join(line for line in source.splitlines() if not line.startswith("--"))
    found = [part.strip() for part in body.split(";\n") if part.strip().rstrip(";")]
    tables = tuple(part for part in found if part.startswith("CREATE TABLE"))
    return tables, tuple(part for part in found if not part.startswith("CREATE TABLE"))


def generate(package: str = "store.index") -> str:
    """The text of a package's schema.sql as its SQLModel tables say it should be."""
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    dialect = sqlite.dialect()
    source = package.replace(".", "/")
    made = [f"-- Generated from {source}/tables.py by `python -m store.index.schema`. Do not edit.\n"]
    for model in import_module(f"{package}.tables").ALL:
        table = model.metadata.tables[str(model.__tablename__)]
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip().replace("\t", "  ") + ";\n")
        made.extend(
            str(CreateIndex(index).compile(dialect=dialect)).strip() + ";\n"
            for index in sorted(table.indexes, key=lambda item: str(item.name))
        )
    lines = "\n".join(made).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main() -> None:
    """Write every schema.sql beside its tables."""
    from pathlib import Path

    for package in PACKAGES:
        place = Path(__file__).parents[2].joinpath(*package.split("."))
        (place / FILE).write_text(generate(package), "utf-8")


if __name__ == "__main__":
    main()
