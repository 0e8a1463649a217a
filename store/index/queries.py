"""Questions to the index, in plain SQL: a `Snapshot` answers all of them from one state.

Charts and their order are here; `activity` has transactions and versions, `search` the full text.
Rows come as the NamedTuples of `store.model`. `contexts=None` means all but the archive.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from store import clock
from store.index.activity import Activity
from store.index.base import marks
from store.index.extract import bind_key
from store.index.places import Places
from store.index.search import Search
from store.model import ARCHIVE, ChartRow, ChartView, ContextInfo, Progress, StepRow

Sort = Literal["file", "due", "updated", "created", "title", "progress"]

_CHART = "ctx, chart_id, title, due, done, finished, total, level, parent, COALESCE(via, parent_step), created, updated"
_STEP = (
    "s.ctx, s.chart_id, s.name, s.title, s.due, s.done, s.notes, s.child, COALESCE(k.finished, 0),"
    " COALESCE(k.total, 0), s.updated, COALESCE(k.done, 0)"
)
_STEPS = (
    f"SELECT {_STEP} FROM steps s LEFT JOIN charts k ON k.ctx = s.ctx AND k.chart_id = s.child"
    " WHERE s.ctx = ? AND s.chart_id = ? ORDER BY s.number IS NULL, s.number, s.ord"
)
_FREE = (
    "ctx = ?1 AND parent = ?2 AND (via IS NULL OR chart_id NOT IN"
    " (SELECT child FROM steps WHERE ctx = ?1 AND chart_id = ?2 AND child IS NOT NULL)) ORDER BY ord"
)
_ORDERS: dict[str, tuple[tuple[str, str], ...]] = {
    "file": (("", "ctx, ord"),),
    "due": (("due IS NOT NULL", "due, ctx, ord"), ("due IS NULL", "ctx, ord")),
    # Descending throughout, so that the index is read backwards instead of sorting.
    "updated": (("", "updated DESC, ctx DESC, ord DESC"),),
    "created": (("", "created DESC, ctx DESC, ord DESC"),),
    "title": (("", "title COLLATE NOCASE, ctx, ord"),),
    "progress": (("", "total = 0, CAST(finished AS REAL) / MAX(total, 1), ctx, ord"),),
}
_RANGE = "b.id BETWEEN r.id * 65536 AND r.id * 65536 + 65535"


class Parts(NamedTuple):
    """Outcome and reality of a chart: their entities' names (None where missing) and texts."""

    outcome_name: str | None
    outcome: list[str]
    reality_name: str | None
    reality: list[str]


class Snapshot(Activity, Places, Search):
    """All reads on one consistent state of the index; get one from `Index.snapshot()`."""

    # -- contexts --------------------------------------------------------------------------------

    def contexts(self) -> list[ContextInfo]:
        """Counts of every context that has charts, by name; `file` and `findings` are for others to fill in."""
        rows = self._ask(
            "SELECT ctx, COUNT(*), SUM(done), SUM(done = 0 AND due < ?), MAX(updated) FROM charts GROUP BY ctx",
            (clock.today().isoformat(),),
        )
        made = [
            ContextInfo(
                self._name(ctx), "", charts, complete, overdue or 0, updated, self._name(ctx) == ARCHIVE
            )
            for ctx, charts, complete, overdue, updated in rows
        ]
        return sorted(made)

    def count(self, contexts: Iterable[str] | None = None) -> int:
        """Charts in these contexts."""
        where, bind = self._within(contexts)
        found: int = self._ask(f"SELECT COUNT(*) FROM charts WHERE {where}", bind).fetchone()[0]
        return found

    # -- the hierarchy ---------------------------------------------------------------------------

    def roots(
        self,
        contexts: Iterable[str] | None = None,
        *,
        sort: Sort = "file",
        hide_done: bool = False,
        limit: int | None = None,
    ) -> array[int]:
        """Row ids of the charts under no other, in order.

        By due date and by progress the least comes first, by change and creation the latest.
        """
        if sort == "file" and not isinstance(contexts, str):
            return self._file_by_file(contexts, hide_done, limit)
        where, bind = self._within(contexts)
        if hide_done:
            where += " AND done = 0"
        found: array[int] = array("q")
        for extra, order in _ORDERS[sort]:
            sql = f"SELECT id FROM charts WHERE parent IS NULL AND {where}"
            sql += (f" AND {extra}" if extra else "") + f" ORDER BY {order}"
            if limit is not None:
                sql += f" LIMIT {max(0, int(limit) - len(found))}"
            found.extend(self._rowids(sql, bind))
        return found

    def _file_by_file(self, contexts: Iterable[str] | None, hide_done: bool, limit: int | None) -> array[int]:
        """Roots in file order, contexts as lists show them: the index numbers them as it came across them."""
        names = set(self._by_name) - {ARCHIVE} if contexts is None else set(contexts)
        where = "ctx = ? AND done = 0" if hide_done else "ctx = ?"
        found: array[int] = array("q")
        for name in self._listed(names):
            left = "" if limit is None else f" LIMIT {max(0, int(limit) - len(found))}"
            sql = f"SELECT id FROM charts WHERE parent IS NULL AND {where} ORDER BY ord{left}"
            found.extend(self._rowids(sql, (self._ctx(name),)))
        return found

    def charts(self, contexts: Iterable[str] | None = None, *, sort: Sort = "file") -> list[ChartRow]:
        """Every chart of these contexts, in order: for lists that show all of them."""
        where, bind = self._within(contexts)
        found: list[ChartRow] = []
        for extra, order in _ORDERS[sort]:
            found += self._charts(f"{where}{f' AND {extra}' if extra else ''} ORDER BY {order}", bind)
        return found

    def first_roots(self, limit: int, contexts: Iterable[str] | None = None) -> list[ChartRow]:
        """The first root charts in file order: enough for the first screen, whatever the store's size."""
        return [row for row in self.rows(self.roots(contexts, limit=limit)) if row is not None]

    def rows(self, rowids: Sequence[int]) -> list[ChartRow | None]:
        """Charts by row id, in the order asked; None for one that is gone."""
        found: dict[int, ChartRow] = {}
        for begin in range(0, len(rowids), 500):
            part = tuple(rowids[begin : begin + 500])
            rows = self._ask(f"SELECT id, {_CHART} FROM charts WHERE id IN ({marks(part)})", part)
            for row in rows:
                found[row[0]] = self._chart(row[1:])
        return [found.get(rowid) for rowid in rowids]

    def chart(self, context: str, chart_id: str) -> ChartRow | None:
        """One chart; None where there is none."""
        rows = self._charts("ctx = ? AND chart_id = ?", (self._ctx(context), chart_id))
        return rows[0] if rows else None

    def rowid(self, context: str, chart_id: str) -> int | None:
        """Row id of a chart, the same until the next rebuild."""
        row = self._ask(
            "SELECT id FROM charts WHERE ctx = ? AND chart_id = ?", (self._ctx(context), chart_id)
        ).fetchone()
        return None if row is None else row[0]

    def steps(self, context: str, chart_id: str) -> list[StepRow]:
        """The action steps of a chart in their order. One whose child chart is complete is done."""
        return [self._step(row) for row in self._ask(_STEPS, (self._ctx(context), chart_id))]

    def child_charts(self, context: str, chart_id: str) -> list[ChartRow]:
        """Charts right under one that come from none of its steps."""
        return self._charts(_FREE, (self._ctx(context), chart_id))

    def unfolding(self, context: str, chart_id: str) -> list[StepRow | ChartRow]:
        """What appears when a chart is unfolded: its steps, then its other child charts."""
        return [*self.steps(context, chart_id), *self.child_charts(context, chart_id)]

    def trail(self, context: str, chart_id: str) -> list[tuple[str, str]]:
        """(chart id, title) of the ancestors, outermost first."""
        ctx = self._ctx(context)
        above: dict[str, str] = {}
        current: str | None = chart_id
        while current is not None:
            row = self._ask(
                "SELECT p.chart_id, p.title FROM charts c JOIN charts p ON p.ctx = c.ctx AND p.chart_id = c.parent"
                " WHERE c.ctx = ? AND c.chart_id = ?",
                (ctx, current),
            ).fetchone()
            current = None
            if row is not None and row[0] not in above and row[0] != chart_id:
                above[row[0]] = row[1]
                current = row[0]
        return list(above.items())[::-1]

    def children_of(self, context: str, chart_id: str) -> list[str]:
        """Ids of all charts right under one, in file order."""
        rows = self._ask(
            "SELECT chart_id FROM charts WHERE ctx = ? AND parent = ? ORDER BY ord",
            (self._ctx(context), chart_id),
        )
        return [row[0] for row in rows]

    def subtree(self, context: str, chart_id: str) -> list[str]:
        """Ids of a chart and all below it, parents first; empty where there is no such chart."""
        if self.rowid(context, chart_id) is None:
            return []
        found = {chart_id: None}
        todo = [chart_id]
        for above in todo:
            for child in self.children_of(context, above):
                if child not in found:
                    found[child] = None
                    todo.append(child)
        return todo

    def chart_ids(self, context: str) -> list[str]:
        """Every chart of a context, in file order."""
        rows = self._ask("SELECT chart_id FROM charts WHERE ctx = ? ORDER BY ord", (self._ctx(context),))
        return [row[0] for row in rows]

    # -- one chart whole -------------------------------------------------------------------------

    def observations(self, context: str, name: str) -> list[str]:
        """The observations of an entity."""
        rows = self._ask(
            f"SELECT b.text FROM records r JOIN observations b ON {_RANGE} WHERE r.ctx = ? AND r.key = ? ORDER BY b.id",
            (self._ctx(context), bind_key("e:" + name)),
        )
        return [row[0] for row in rows]

    def chart_parts(self, context: str, chart_id: str) -> Parts:
        """Outcome and reality; of several realities all facts, of several outcomes the first."""
        names: dict[int, str] = {}
        texts: dict[int, list[str]] = {1: [], 2: []}
        for role, name, text in self._ask(
            f"SELECT r.role, r.name, b.text FROM records r LEFT JOIN observations b ON {_RANGE}"
            " WHERE r.ctx = ? AND r.chart_id = ? AND r.role BETWEEN 1 AND 2 ORDER BY r.role, r.ord, b.id",
            (self._ctx(context), chart_id),
        ):
            first = names.setdefault(role, name)
            if text is not None and (role == 2 or name == first):
                texts[role].append(text)
        return Parts(names.get(1), texts[1], names.get(2), texts[2])

    def chart_texts(self, context: str) -> list[tuple[str, int, str]]:
        """(chart id, 1 outcome | 2 reality | 3 step, text) of all texts of all charts, chart by chart."""
        return list(
            self._ask(
                f"SELECT r.chart_id, r.role, b.text FROM records r JOIN observations b ON {_RANGE}"
                " WHERE r.ctx = ? AND r.chart_id IS NOT NULL AND r.role BETWEEN 1 AND 3"
                " ORDER BY r.chart_id, r.role, r.ord, b.id",
                (self._ctx(context),),
            )
        )

    def others(self, context: str, chart_id: str) -> int:
        """Records of other kinds that belong to the chart: narrative beats, belts and the like."""
        row = self._ask(
            "SELECT COUNT(*) FROM records WHERE ctx = ? AND chart_id = ? AND role >= 4",
            (self._ctx(context), chart_id),
        ).fetchone()
        return int(row[0])

    def step_notes(self, context: str, chart_id: str) -> dict[str, tuple[str, ...]]:
        """Progress notes (observations after the first) by step name, of the steps that have any."""
        found: dict[str, list[str]] = {}
        for name, text in self._ask(
            f"SELECT r.name, b.text FROM records r JOIN observations b ON {_RANGE} AND b.id > r.id * 65536"
            " WHERE r.ctx = ? AND r.chart_id = ? AND r.role = 3 AND r.notes > 0 ORDER BY r.ord, b.id",
            (self._ctx(context), chart_id),
        ):
            found.setdefault(name, []).append(text)
        return {name: tuple(texts) for name, texts in found.items()}

    def chart_view(self, context: str, chart_id: str) -> ChartView | None:
        """A chart as the chart pane draws it, without hints; None where there is none."""
        row = self.chart(context, chart_id)
        if row is None:
            return None
        parts = self.chart_parts(context, chart_id)
        steps = tuple(self.steps(context, chart_id))
        phase = self._ask(
            "SELECT phase FROM charts WHERE ctx = ? AND chart_id = ?", (self._ctx(context), chart_id)
        ).fetchone()
        return ChartView(
            row=row,
            outcome=parts.outcome[0] if parts.outcome else "",
            outcome_notes=tuple(parts.outcome[1:]),
            reality=tuple(parts.reality),
            steps=steps,
            child_charts=tuple(self.child_charts(context, chart_id)),
            trail=tuple(self.trail(context, chart_id)),
            phase=phase[0],
            notes=self.step_notes(context, chart_id) if any(step.notes for step in steps) else {},
            others=self.others(context, chart_id),
        )

    # -- states ----------------------------------------------------------------------------------

    def overdue(self, contexts: Iterable[str] | None = None, limit: int = 100) -> list[ChartRow]:
        """Open charts whose due date is past, the longest first."""
        return self._by_due(contexts, "", clock.today().isoformat(), limit)

    def due_soon(
        self, days: int = 7, contexts: Iterable[str] | None = None, limit: int = 100
    ) -> list[ChartRow]:
        """Open charts due today or within `days`, the next first."""
        today = clock.today()
        return self._by_due(
            contexts, today.isoformat(), (today + timedelta(days=days + 1)).isoformat(), limit
        )

    def _by_due(self, contexts: Iterable[str] | None, since: str, until: str, limit: int) -> list[ChartRow]:
        """Open charts by due date, from `since` to before `until`; context by context, as the index is."""
        found: list[ChartRow] = []
        for ctx in self._ids(contexts):
            where = "ctx = ? AND done = 0 AND due >= ? AND due < ? ORDER BY due LIMIT ?"
            found.extend(self._charts(where, (ctx, since, until, limit)))
        return sorted(found, key=lambda row: row.due or "")[:limit]

    def stalled(
        self, days: int = 14, contexts: Iterable[str] | None = None, limit: int = 100
    ) -> list[ChartRow]:
        """Open charts in which nothing changed for `days`, the longest first."""
        ids_of = self._ids(contexts)
        where, bind = f"ctx IN ({marks(ids_of)})", ids_of
        since = clock.stamp(clock.now() - timedelta(days=days))
        # Ids first: an index holds all that is asked of them.
        sql = f"SELECT id FROM charts WHERE {where} AND done = 0 AND updated < ? ORDER BY updated, id LIMIT ?"
        ids = [row[0] for row in self._ask(sql, (*bind, since, limit))]
        return [row for row in self.rows(ids) if row is not None]

    # -- rows ------------------------------------------------------------------------------------

    def _charts(self, where: str, bind: tuple[Any, ...]) -> list[ChartRow]:
        return [self._chart(row) for row in self._ask(f"SELECT {_CHART} FROM charts WHERE {where}", bind)]

    def _chart(self, row: Sequence[Any]) -> ChartRow:
        ctx, chart_id, title, due, done, finished, total, level, parent, parent_step, created, updated = row
        return ChartRow(
            self._name(ctx),
            chart_id,
            title,
            due,
            bool(done),
            Progress(finished, total),
            level,
            parent,
            parent_step,
            total,
            created,
            updated,
        )

    def _step(self, row: Sequence[Any]) -> StepRow:
        ctx, chart_id, name, title, due, done, notes, child, finished, total, updated, child_done = row
        return StepRow(
            self._name(ctx),
            chart_id,
            name,
            title,
            due,
            bool(done or child_done),
            notes,
            child,
            Progress(finished, total),
            updated,
        )
