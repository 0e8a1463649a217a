"""The index's tables, declared once in SQLModel for every engine.

`schema.sql` is generated from here (`python -m store.index.schema`) and is what the program
reads at run time: importing SQLModel costs 300 ms and 30 MiB, which only scripts, tests and
other engines pay. Contexts are small integers in every row (`ctx`, see `Context`).

Everything here is derived from the journals, and only sync and rebuild write it.
"""

from __future__ import annotations

from sqlalchemy import Index as Key
from sqlalchemy import text
from sqlmodel import Field, SQLModel


class Meta(SQLModel, table=True):
    """Facts about the index itself: `schema`, the version of these tables."""

    __tablename__ = "meta"
    name: str = Field(primary_key=True)
    value: str


class Context(SQLModel, table=True):
    """A context's name and the number that stands for it in the other tables."""

    __tablename__ = "contexts"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)


class Position(SQLModel, table=True):
    """How far a journal has been read: written in the same transaction as the rows it yielded."""

    __tablename__ = "positions"
    id: str = Field(primary_key=True)
    """`<context>/<family>`"""
    generation: int
    start: int
    """Byte offset after the last whole transaction read."""
    hash: str
    seq: int
    """`transactions.seq` of that transaction."""
    lines: int


class Transaction(SQLModel, table=True):
    """One transaction. Its id as text is `<generation>:<start in hex>`."""

    __tablename__ = "transactions"
    __table_args__ = (
        Key("transactions_place", "ctx", "generation", "start"),
        Key("transactions_session", "session"),
        Key("transactions_who", "who"),
        Key("transactions_undoes", "ctx", "undoes", sqlite_where=text("undoes IS NOT NULL")),
        Key("transactions_redoes", "ctx", "redoes", sqlite_where=text("redoes IS NOT NULL")),
    )
    seq: int = Field(primary_key=True)
    """Rises with the position in the journal; between contexts with the time of the commit."""
    ctx: int
    generation: int
    start: int
    at: str
    who: str
    command: str
    label: str
    session: str
    count: int
    undoes: str | None
    redoes: str | None
    grp: str | None


class Version(SQLModel, table=True):
    """One version of one record: the place of its line. `at` and `by` are its transaction's."""

    __tablename__ = "versions"
    __table_args__ = (Key("versions_key", "ctx", "key", "ver"), {"sqlite_with_rowid": False})
    seq: int = Field(primary_key=True)
    n: int = Field(primary_key=True)
    """The line's number within its transaction, from 0."""
    ctx: int
    key: str
    ver: int
    deleted: int
    generation: int
    start: int
    size: int


class Record(SQLModel, table=True):
    """One live record: where its line lies and what of it is asked for often."""

    __tablename__ = "records"
    __table_args__ = (
        Key("records_key", "ctx", "key", unique=True),
        Key("records_chart", "ctx", "chart_id", "role", "ord", sqlite_where=text("chart_id IS NOT NULL")),
        Key("records_loose", "ctx", "name", sqlite_where=text("loose = 1")),
    )
    id: int | None = Field(default=None, primary_key=True)
    ctx: int
    key: str
    ver: int
    ord: int
    """Place of the key's first version: the order of the chart file."""
    generation: int
    start: int
    size: int
    kind: str
    role: int
    """0 chart, 1 outcome, 2 reality, 3 step, 4 other entity, 5 relation, 6 other, 7 comment."""
    loose: int
    """1 for an entity that names no chart itself: `chart_id` then comes from its relations."""
    entity_type: str | None
    name: str | None
    chart_id: str | None
    text: str | None
    """The first observation."""
    last_text: str | None
    notes: int
    """Observations after the first."""
    due: str | None
    done: int
    level: int | None
    parent_chart: str | None
    parent_step: str | None
    source_step: str | None
    child_chart: str | None
    step_order: float | None
    phase: str | None
    created: str | None
    updated: str | None
    changed_at: str
    """When the journal took this version in."""


class Observation(SQLModel, table=True):
    """One observation. `id` is the record's id times 65536 plus its place in the list."""

    __tablename__ = "observations"
    id: int = Field(primary_key=True)
    text: str


class Relation(SQLModel, table=True):
    """The ends of a relation; `id` is its record's."""

    __tablename__ = "relations"
    __table_args__ = (Key("relations_from", "ctx", "from_name"), Key("relations_to", "ctx", "to_name"))
    id: int = Field(primary_key=True)
    ctx: int
    from_name: str
    type: str
    to_name: str


class Chart(SQLModel, table=True):
    """A chart, derived from its records: one row of the hierarchy."""

    __tablename__ = "charts"
    __table_args__ = (
        Key("charts_id", "ctx", "chart_id", unique=True),
        Key("charts_parent", "ctx", "parent", "via", "ord", "done", sqlite_where=text("parent IS NOT NULL")),
        Key("charts_given", "ctx", "parent_given", sqlite_where=text("parent_given IS NOT NULL")),
        Key("charts_parent_step", "ctx", "parent_step", sqlite_where=text("parent_step IS NOT NULL")),
        Key("charts_source_step", "ctx", "source_step", sqlite_where=text("source_step IS NOT NULL")),
        Key("charts_looped", "ctx", sqlite_where=text("looped = 1")),
        Key("charts_roots", "ctx", "ord", "done", sqlite_where=text("parent IS NULL")),
        Key("charts_due", "due", "ctx", "ord", "done", sqlite_where=text("parent IS NULL")),
        Key("charts_updated", "updated", "ctx", "ord", "done", sqlite_where=text("parent IS NULL")),
        Key("charts_state", "ctx", "done", "due", "updated"),
    )
    id: int | None = Field(default=None, primary_key=True)
    ctx: int
    chart_id: str
    ord: int
    title: str
    due: str | None
    done: int
    level: int
    parent_given: str | None
    """The parent its record names, whether or not there is such a chart."""
    parent_step: str | None
    source_step: str | None
    phase: str | None
    created: str | None
    updated: str | None
    parent: str | None
    """The chart it hangs under; None for a root. Never part of a circle."""
    via: str | None
    """The parent's step it says it came from."""
    looped: int
    """1 where its record's parents form a circle, which is cut at its oldest chart."""
    finished: int
    total: int
    """Steps and child charts that come from no step: what appears when it is unfolded."""


class Step(SQLModel, table=True):
    """An action step, derived from its record; `id` is the record's."""

    __tablename__ = "steps"
    __table_args__ = (
        Key("steps_chart", "ctx", "chart_id"),
        Key("steps_name", "ctx", "name"),
        Key("steps_child", "ctx", "child_given", sqlite_where=text("child_given IS NOT NULL")),
    )
    id: int = Field(primary_key=True)
    ctx: int
    chart_id: str
    name: str
    number: float | None
    ord: int
    title: str
    due: str | None
    done: int
    notes: int
    child_given: str | None
    child: str | None
    """Chart it telescoped into, where there is such a child chart."""
    updated: str | None


class Conflict(SQLModel, table=True):
    """A member both sides had changed when a chart file was taken in; see `store.index.conflicts`."""

    __tablename__ = "conflicts"
    __table_args__ = (
        Key("conflicts_key", "ctx", "key"),
        Key("conflicts_open", "ctx", sqlite_where=text("state = 'open'")),
        {"sqlite_with_rowid": False},
    )
    seq: int = Field(primary_key=True)
    n: int = Field(primary_key=True)
    """Its number within the transaction that holds it, from 0."""
    ctx: int
    id: str
    """`<tx>/<n>`"""
    key: str
    path: str
    """A JSON list of names."""
    ours: str | None
    """JSON text, as in `theirs`, `base` and `now`; None where there was nothing."""
    theirs: str | None
    base: str | None
    ver: int
    at: str
    who: str
    state: str
    now: str | None
    """What stands there after the last transaction that wrote the record."""
    settled_as: str | None
    settled_by: str | None
    """The transaction that settled it, also where that one was taken back."""
    last: str | None
    """The last one that settled it or opened it again."""


ALL = (Meta, Context, Position, Transaction, Version, Record, Observation, Relation, Chart, Step, Conflict)
"""Every table, in the order of creation."""
