"""`schema.sql`: the DDL of the tables, generated from SQLModel and committed.

Run `python -m store.index.schema` after a change in tables.py, and raise VERSION: an index of
another version is rebuilt from the journals. A contract test holds the file equal to the tables.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

VERSION = "2"
"""Version of the tables and of what is put into them; any other one in a file means a rebuild."""

FILE = "schema.sql"


@cache
def statements() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(CREATE TABLE statements, CREATE INDEX statements) from schema.sql, for SQLite."""
    source = (resources.files("store.index") / FILE).read_text("utf-8")
    body = "\n".join(line for line in source.splitlines() if not line.startswith("--"))
    found = [part.strip() for part in body.split(";\n") if part.strip().rstrip(";")]
    tables = tuple(part for part in found if part.startswith("CREATE TABLE"))
    return tables, tuple(part for part in found if not part.startswith("CREATE TABLE"))


def generate() -> str:
    """The text of schema.sql as the SQLModel tables say it should be."""
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable
    from sqlmodel import SQLModel

    from store.index.tables import ALL

    dialect = sqlite.dialect()
    made = ["-- Generated from store/index/tables.py by `python -m store.index.schema`. Do not edit.\n"]
    for model in ALL:
        table = SQLModel.metadata.tables[str(model.__tablename__)]
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip().replace("\t", "  ") + ";\n")
        made.extend(
            str(CreateIndex(index).compile(dialect=dialect)).strip() + ";\n"
            for index in sorted(table.indexes, key=lambda item: str(item.name))
        )
    lines = "\n".join(made).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main() -> None:
    """Write schema.sql beside this module."""
    from pathlib import Path

    Path(__file__).with_name(FILE).write_text(generate(), "utf-8")


if __name__ == "__main__":
    main()
