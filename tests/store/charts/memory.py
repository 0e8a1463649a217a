"""A context in memory: the view that the planners' tests plan on, and apply plans to."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from store import charts, records
from store.charts import names, parts
from store.model import ChartView, Held, Json, Plan


class Memory:
    """Records by key in file order, deleted ones remembered with their version."""

    def __init__(self, context: str = "default", lines: list[Json] | None = None) -> None:
        self.context = context
        self.held: dict[str, Held] = {}
        for record in lines or ():
            self.add(record)

    def add(self, record: Json) -> None:
        key = records.key_of(record, records.dumps(record))
        self.held[key] = Held(key, 1, record)

    def load(self, text: str) -> Memory:
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                self.add(records.loads(line.encode()))
        return self

    # -- the view
    def get(self, key: str) -> Held | None:
        held = self.held.get(key)
        return held if held is not None and held.record is not None else None

    def last(self, key: str) -> Held | None:
        return self.held.get(key)

    def keys_of(self, chart_id: str) -> list[str]:
        return [key for key, body in self._entities() if names.chart_id_of(body) == chart_id]

    def children(self, chart_id: str) -> list[str]:
        found = []
        for _, body in self._entities():
            child = names.chart_id_of(body)
            if body.get("entityType") == names.CHART and child is not None:
                metadata = body.get("metadata") or {}
                if (metadata.get("parentChart") or metadata.get("parentChartId")) == chart_id:
                    found.append(child)
        return found

    def relations_of(self, name: str) -> list[str]:
        found = []
        for key, held in self.held.items():
            if key.startswith("r:") and held.record is not None:
                body = records.body_of(held.record)
                if name in (body.get("from"), body.get("to")):
                    found.append(key)
        return found

    def chart_ids(self) -> Iterator[str]:
        for _, body in self._entities():
            chart_id = names.chart_id_of(body)
            if body.get("entityType") == names.CHART and chart_id is not None:
                yield chart_id

    # -- what a store does with a plan
    def apply(self, plan: Plan) -> Plan:
        before = {key: copy.deepcopy(held.record) for key, held in self.held.items()}
        keys = [edit.key for edit in plan.edits]
        assert len(keys) == len(set(keys)), "a plan writes a record once"
        for edit in plan.edits:
            ver = self.held[edit.key].ver if edit.key in self.held else 0
            self.held[edit.key] = Held(edit.key, ver + 1, edit.record if edit.op == "put" else None)
        for key, held in self.held.items():
            if key not in keys:
                assert held.record == before[key], "a planner changed a shared record"
        return plan

    def state(self) -> dict[str, Any]:
        """Every live record, in a copy."""
        return {key: copy.deepcopy(held.record) for key, held in self.held.items() if held.record is not None}

    # -- short ways for tests
    def chart(self, outcome: str = "A finished book", reality: str = "Ten pages", **options: Any) -> str:
        focus = self.apply(charts.create_chart(self, outcome, reality, **options)).focus
        assert focus is not None
        return focus

    def step(self, chart_id: str, title: str, **options: Any) -> str:
        focus = self.apply(charts.add_step(self, chart_id, title, **options)).focus
        assert focus is not None
        return focus

    def telescope(self, step: str, **options: Any) -> str:
        focus = self.apply(charts.telescope(self, step, **options)).focus
        assert focus is not None
        return focus

    def view(self, chart_id: str) -> ChartView:
        return charts.chart_view(self, chart_id)

    def fetch(self, chart_id: str) -> ChartView | None:
        return charts.chart_view(self, chart_id) if parts.find(self, chart_id) else None

    def titles(self, chart_id: str) -> list[str]:
        return [step.title for step in self.view(chart_id).steps]

    def reality(self, chart_id: str) -> list[str]:
        return list(self.view(chart_id).reality)

    def body(self, name: str) -> Json:
        held = self.get(f"e:{name}")
        assert held is not None
        assert held.record is not None
        return records.body_of(held.record)  # type: ignore[no-any-return]

    def meta(self, name: str) -> Json:
        return self.body(name)["metadata"]  # type: ignore[no-any-return]

    def relations(self) -> set[tuple[str, str, str]]:
        return {parts.ends(key) for key in self.held if key.startswith("r:") and self.get(key)}

    def _entities(self) -> list[tuple[str, Json]]:
        return [
            (key, records.body_of(held.record))
            for key, held in self.held.items()
            if key.startswith("e:") and held.record is not None
        ]
