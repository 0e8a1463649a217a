"""A chart whole, from the index as it is now or from the journal as it was then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from store import clock, records
from store.errors import NotFound
from store.model import ChartView, Held, Json

if TYPE_CHECKING:
    from datetime import datetime

    from store.index import Snapshot
    from store.store import Store


def chart_view(store: Store, snap: Snapshot, context: str, chart_id: str, at: datetime | None) -> ChartView:
    """The chart as the pane and `show` draw it. Raises NotFound."""
    from store.charts import chart_view as of_view
    from store.charts import with_hints

    if at is not None:
        past = Past(store, snap, context, at)
        if chart_id not in set(past.chart_ids()):
            raise NotFound(f"There was no chart {chart_id} in “{context}” at {clock.stamp(at)[:19]} UTC.")
        return of_view(past, chart_id)
    row = snap.chart(context, chart_id)
    if row is None:
        raise NotFound(f"No chart {chart_id} in “{context}”. See `chartkeep list`.")
    view = snap.chart_view(context, chart_id)
    assert view is not None, "its row is there"
    return with_hints(view)


class Past:
    """A `store.charts.View` of one context as it was at an instant.

    That is the state after the last transaction, in journal order, that was stamped at or before `at`.
    """

    def __init__(self, store: Store, snap: Snapshot, context: str, at: datetime) -> None:
        self.context = context
        self._records: dict[str, Held] = {}
        journal = store.journal(context)
        for version in snap.live_at(context, clock.stamp(at)):
            raw = journal.record_raw(version.generation, version.offset, version.length)
            if raw is not None:
                self._records[version.key] = Held(version.key, version.ver, records.loads(raw))

    def get(self, key: str) -> Held | None:
        return self._records.get(key)

    def keys(self) -> list[str]:
        """The keys of all records there were."""
        return list(self._records)

    def _entities(self) -> Iterator[tuple[str, Json]]:
        for key, held in self._records.items():
            if key.startswith("e:") and held.record is not None:
                yield key, records.body_of(held.record)

    def keys_of(self, chart_id: str) -> list[str]:
        return [key for key, entity in self._entities() if records.chart_id_of(entity) == chart_id]

    def children(self, chart_id: str) -> list[str]:
        return [
            child
            for _, entity in self._charts()
            if records.metadata_of(entity).get("parentChart") == chart_id
            and (child := records.chart_id_of(entity))
        ]

    def relations_of(self, name: str) -> list[str]:
        return [
            key
            for key, held in self._records.items()
            if key.startswith("r:")
            and held.record is not None
            and name in ((body := records.body_of(held.record)).get("from"), body.get("to"))
        ]

    def chart_ids(self) -> Iterator[str]:
        for _, entity in self._charts():
            chart_id = records.chart_id_of(entity)
            if chart_id:
                yield chart_id

    def _charts(self) -> Iterator[tuple[str, Json]]:
        return (pair for pair in self._entities() if pair[1].get("entityType") == records.CHART)
