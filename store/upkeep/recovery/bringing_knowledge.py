"""Records of knowledge whose newest version is lost: what was submitted to workflows still holds some of them.

The index tells which versions lay where the journal is damaged, and which workflow wrote them. A value is
looked for among the items of that workflow, made into a record the way it was then, and believed where it
says what the index has. A deletion that was lost is done again. Nothing is made up: where no value is to be
had, the older version that is left stands, and the loss is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from store.errors import ChartkeepError
from store.index.knowledge import remembered
from store.index.remembered import LostRow
from store.records import Draft
from store.upkeep.recovery.bringing import Bringing

if TYPE_CHECKING:
    from store.index.base import Reads
    from store.knowledge.checking import Checker
    from store.store import Store
    from store.upkeep.recovery.mending import Part

_WAYS = ("import", "create")


class BringingKnowledge(Bringing):
    """What is brought back to one journal of knowledge."""

    def __init__(self, store: Store, context: str, snap: Reads) -> None:
        super().__init__(store, context, None)
        self._index = snap

    @property
    def _known(self) -> bool:
        return True

    def _rows(self, generation: int, begun: int) -> Iterator[LostRow]:
        return remembered.versions_from(self._index, self._context, generation, begun)

    def _newest_version(self, key: str) -> int:
        from store.index.knowledge import checking

        found = checking.newest(self._index, self._context, [key]).get(key)
        return found.ver if found is not None else 0

    def _elsewhere(self, rows: dict[str, LostRow]) -> dict[str, bytes]:
        by_workflow: dict[str, dict[str, LostRow]] = {}
        for key, row in rows.items():
            meta = remembered.meta_at(self._index, self._context, row.generation, row.tx)
            if meta is not None and meta.group:
                by_workflow.setdefault(meta.group, {})[key] = row
        found: dict[str, bytes] = {}
        for workflow, wanted in by_workflow.items():
            found.update(self._submitted(workflow, wanted))
        return found

    def _submitted(self, workflow: str, wanted: dict[str, LostRow]) -> Iterator[tuple[str, bytes]]:
        """The records that were made of what was submitted to a workflow, of those wanted."""
        from store.knowledge.checking import Item
        from store.workflows import staging

        path = staging.items_of(self._store.layout, workflow)
        if not path.is_file():
            return
        checkers = list(self._checkers(workflow, max(row.at for row in wanted.values())))
        longest = int(self._store.settings.workflows_line_megabytes * (1 << 20))
        try:
            for lines, _ in staging.chunks(path, None, 1000, longest):
                for line, raw, whole in lines:
                    for checker in checkers if whole else ():
                        item = checker.check(line, raw)
                        if isinstance(item, Item) and item.key in wanted:
                            yield item.key, item.raw
        except ChartkeepError:
            return

    def _checkers(self, workflow: str, at: str) -> Iterator[Checker]:
        """Ways in which items may have become records; the workflow's own record may be lost too."""
        from store.knowledge.checking import Checker
        from store.knowledge.kinds import KINDS

        yield Checker(None, workflow=workflow, now=at)
        for kind in KINDS:
            if not kind.own:
                yield Checker(kind.name, workflow=workflow, creating=True, now=at)

    def _back(self, row: LostRow, published: bytes | None, _parts: list[Part]) -> str:
        ver = row.ver + 1
        if row.deleted:
            self.drafts.append(Draft("delete", row.key, ver, None))
            return "the index (it was deleted)"
        if published is None or not remembered.agrees(self._index, self._context, row.key, published):
            return ""
        self.drafts.append(Draft("put", row.key, ver, published))
        return "what was submitted to its workflow"
