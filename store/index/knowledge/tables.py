"""The tables of the index of knowledge, declared once in SQLModel for every engine.

`schema.sql` is generated from here (`python -m store.index.schema`) and is what the program reads.
Everything here is derived from the journals, and only sync and rebuild write it.
"""

from __future__ import annotations

from sqlalchemy import Index as Key
from sqlalchemy import text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """Keeps these tables apart from those of charts, some of which have the same names."""


class Meta(Base, table=True):
    """Facts about the index itself: `schema`, the version of these tables."""

    __tablename__ = "meta"
    name: str = Field(primary_key=True)
    value: str


class Context(Base, table=True):
    """A context's name and number. Versions of context n are numbered from `(n - 1) << 40`."""

    __tablename__ = "contexts"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    keyed: int | None = None
    """Up to which number its rows are in `keys`."""


class Position(Base, table=True):
    """How far a journal has been read: written in the same transaction as the rows it yielded."""

    __tablename__ = "positions"
    id: str = Field(primary_key=True)
    """`<context>/<family>`"""
    generation: int
    start: int
    """Byte offset after the last whole transaction read."""
    hash: str
    seq: int
    """`seq` of the last version."""
    lines: int


class Name(Base, table=True):
    """A domain, a tag, or a type chartkeep does not know, and the number that stands for it."""

    __tablename__ = "names"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)


class Transaction(Base, table=True):
    """One transaction. Its versions are those from `seq` to before the next transaction's."""

    __tablename__ = "transactions"
    __table_args__ = (Key("transactions_workflow", "workflow", sqlite_where=text("workflow IS NOT NULL")),)
    seq: int = Field(primary_key=True)
    """`seq` of its first version."""
    ctx: int
    generation: int
    start: int
    at: str
    who: str
    command: str
    label: str
    session: str
    count: int
    """Lines it has."""
    workflow: str | None = None


class Item(Base, table=True):
    """The newest version of a key, live or deleted. A deleted one keeps what the last live version said."""

    __tablename__ = "items"
    __table_args__ = (
        # The only one: its values rise. One of random values would dirty a page of the log for every record.
        Key("items_created", "created"),
    )
    seq: int = Field(primary_key=True)
    """Rises with the version's place in the journal of its context."""
    ctx: int
    kind: int
    """`store.knowledge.kinds`; for another type `extract.FOREIGN` and its number in `names`."""
    id: str
    hash: int
    """Of the key: see `keys`."""
    ver: int
    deleted: int
    first: int | None = None
    """`seq` of the key's first version; none where that is this one."""
    prev: int | None = None
    """`seq` of the version before."""
    generation: int
    start: int
    size: int
    source: int | None = None
    target: int | None = None
    quality: float | None = None
    created: int
    """Microseconds since 1970."""
    name: str | None = None
    title: str | None = None
    """Only where it does not follow from name or domains."""
    tags: str | None = None
    """Numbers in `names`, each between spaces."""


class Version(Base, table=True):
    """A version that a later one superseded."""

    __tablename__ = "versions"
    seq: int = Field(primary_key=True)
    kind: int
    id: str
    prev: int | None = None
    ver: int
    deleted: int
    generation: int
    start: int
    size: int


class Facet(Base, table=True):
    """How many live records of a context have something: see `rows`."""

    __tablename__ = "facets"
    __table_args__ = {"sqlite_with_rowid": False}
    ctx: int = Field(primary_key=True)
    what: int = Field(primary_key=True)
    id: int = Field(primary_key=True)
    kind: int = Field(primary_key=True)
    live: int


class Keys(Base, table=True):
    """Where to find a key: see `store.index.knowledge.keys`."""

    __tablename__ = "keys"
    __table_args__ = {"sqlite_with_rowid": False}
    hash: int = Field(primary_key=True)
    seq: int = Field(primary_key=True)


class Workflow(Base, table=True):
    """The newest version of a workflow's record, with its state."""

    __tablename__ = "workflows"
    __table_args__ = (Key("workflows_open", "ctx", sqlite_where=text("state IN ('pending', 'processing')")),)
    seq: int = Field(primary_key=True)
    ctx: int
    state: str


ALL: tuple[type[Base], ...] = (
    Meta,
    Context,
    Position,
    Name,
    Transaction,
    Item,
    Version,
    Facet,
    Keys,
    Workflow,
)
