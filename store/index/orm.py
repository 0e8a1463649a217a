"""The same reads through SQLModel: for scripts, for other engines, and as the contract of queries.py.

Slower (a row costs three to ten times as much) and needs SQLModel, so the program itself does not
import this. `session(path)` opens the database read-only; the functions take it and answer what
the Snapshot method of the same name does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session, col, create_engine, func, select

from store.index.extract import bind_key, read_key
from store.index.tables import (
    Chart,
    Conflict,
    Context,
    Observation,
    Record,
    Relation,
    Step,
    Transaction,
    Version,
)
from store.model import ChartRow, ConflictRow, Progress, StepRow, VersionRow


@contextmanager
def session(path: Path) -> Iterator[Session]:
    """A SQLModel session on the index at `path`, for reading."""
    engine = create_engine(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true")
    try:
        with Session(engine) as opened:
            yield opened
    finally:
        engine.dispose()


def _ctx(db: Session, context: str) -> int:
    found = db.exec(select(Context.id).where(Context.name == context)).first()
    return -1 if found is None else found


def _row(context: str, chart: Chart) -> ChartRow:
    return ChartRow(
        context,
        chart.chart_id,
        chart.title,
        chart.due,
        bool(chart.done),
        Progress(chart.finished, chart.total),
        chart.level,
        chart.parent,
        chart.via or chart.parent_step,
        chart.total,
        chart.created,
        chart.updated,
    )


def chart(db: Session, context: str, chart_id: str) -> ChartRow | None:
    """One chart."""
    found = db.exec(select(Chart).where(Chart.ctx == _ctx(db, context), Chart.chart_id == chart_id)).first()
    return None if found is None else _row(context, found)


def roots(db: Session, context: str) -> list[ChartRow]:
    """The charts of a context under no other, in file order."""
    query = select(Chart).where(Chart.ctx == _ctx(db, context), col(Chart.parent).is_(None))
    return [_row(context, found) for found in db.exec(query.order_by(col(Chart.ord)))]


def steps(db: Session, context: str, chart_id: str) -> list[StepRow]:
    """The action steps of a chart in their order."""
    ctx = _ctx(db, context)
    query = (
        select(Step)
        .where(Step.ctx == ctx, Step.chart_id == chart_id)
        .order_by(col(Step.number).is_(None), col(Step.number), col(Step.ord))
    )
    made = []
    for step in db.exec(query):
        child = None
        if step.child is not None:
            child = db.exec(select(Chart).where(Chart.ctx == ctx, Chart.chart_id == step.child)).first()
        made.append(
            StepRow(
                context,
                chart_id,
                step.name,
                step.title,
                step.due,
                bool(step.done or (child is not None and child.done)),
                step.notes,
                step.child,
                Progress(child.finished, child.total) if child is not None else Progress(0, 0),
                step.updated,
            )
        )
    return made


def child_charts(db: Session, context: str, chart_id: str) -> list[ChartRow]:
    """Charts right under one that come from none of its steps."""
    ctx = _ctx(db, context)
    taken = set(db.exec(select(Step.child).where(Step.ctx == ctx, Step.chart_id == chart_id)))
    query = select(Chart).where(Chart.ctx == ctx, Chart.parent == chart_id).order_by(col(Chart.ord))
    return [_row(context, found) for found in db.exec(query) if found.chart_id not in taken]


def observations(db: Session, context: str, name: str) -> list[str]:
    """The observations of an entity."""
    found = db.exec(
        select(Record.id).where(Record.ctx == _ctx(db, context), Record.key == f"e:{name}")
    ).first()
    if found is None:
        return []
    query = select(Observation.text).where(col(Observation.id).between(found << 16, (found << 16) + 0xFFFF))
    return list(db.exec(query.order_by(col(Observation.id))))


def keys_of(db: Session, context: str, chart_id: str) -> list[str]:
    """Keys of the live entities of a chart, in file order."""
    query = select(Record.key).where(Record.ctx == _ctx(db, context), Record.chart_id == chart_id)
    return list(db.exec(query.order_by(col(Record.ord))))


def relations_of(db: Session, context: str, name: str) -> list[str]:
    """Keys of the live relations from or to an entity, in file order."""
    query = (
        select(Record.key)
        .join(Relation, col(Relation.id) == Record.id)
        .where(Relation.ctx == _ctx(db, context), (Relation.from_name == name) | (Relation.to_name == name))
        .order_by(col(Record.ord))
    )
    return list(db.exec(query))


def versions(db: Session, context: str, key: str) -> list[VersionRow]:
    """Every version of a key, oldest first."""
    query = (
        select(Version, Transaction)
        .join(Transaction, col(Transaction.seq) == Version.seq)
        .where(Version.ctx == _ctx(db, context), Version.key == bind_key(key))
        .order_by(col(Version.ver))
    )
    return [
        VersionRow(
            context,
            key,
            version.ver,
            "delete" if version.deleted else "put",
            tx.at,
            tx.who,
            f"{tx.generation}:{tx.start:x}",
            version.generation,
            version.start,
            version.size,
        )
        for version, tx in db.exec(query)
    ]


def counts(db: Session, context: str) -> dict[str, int]:
    """Rows of a context: records, versions, transactions, charts, steps."""
    ctx = _ctx(db, context)
    tables = {
        "records": Record,
        "versions": Version,
        "transactions": Transaction,
        "charts": Chart,
        "steps": Step,
    }
    return {
        name: db.exec(select(func.count()).select_from(table).where(col(table.ctx) == ctx)).one()  # type: ignore[attr-defined]
        for name, table in tables.items()
    }


def conflicts(db: Session, context: str, open_only: bool = True) -> list[ConflictRow]:
    """What both sides had changed, the newest first."""
    query = select(Conflict).where(Conflict.ctx == _ctx(db, context))
    if open_only:
        query = query.where(Conflict.state == "open")
    return [
        ConflictRow(
            context,
            found.id,
            read_key(found.key),
            tuple(json.loads(found.path)),
            found.ours,
            found.theirs,
            found.base,
            found.ver,
            found.at,
            found.who,
            found.state,  # type: ignore[arg-type]
            found.now,
            found.settled_by,
        )
        for found in db.exec(query.order_by(col(Conflict.seq).desc(), col(Conflict.n)))
    ]
