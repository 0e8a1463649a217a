"""What a submission would do, without doing it: counts, and the first ten of each sort."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store.knowledge import writing
from store.knowledge.kinds import parts_of
from store.model import Edit
from store.workflows import deciding, rejecting, staging
from store.workflows.counting import gone
from store.workflows.lists import rejected
from store.workflows.model import Rejected
from store.workflows.types import Batch, Decision, Run, type_of

if TYPE_CHECKING:
    from store.knowledge.writing import Newest, View
    from store.store import Store
    from store.workflows.staging import Source

EXAMPLES = 10
Example = tuple[int, str, str]
"""(line, key, title)"""
_MOST_KEYS = 2_000_000
"""Keys that are remembered to see that one comes twice."""


class Preview(NamedTuple):
    """What would come of a submission."""

    total: int
    new: int
    changed: int
    unchanged: int
    rejected: int
    deleted: int
    missing: dict[str, int]
    new_examples: list[Example]
    changed_examples: list[Example]
    unchanged_examples: list[Example]
    deleted_examples: list[Example]
    rejects: list[Rejected]
    """The first of them."""
    deleted_kinds: dict[str, int] = {}
    """Of what kinds the deleted ones are: `quality below` means instances and fields too, say."""


def preview(
    store: Store,
    context: str,
    kind: str,
    source: Source = None,
    *,
    strict: bool = False,
    update: bool = False,
    options: dict[str, Any] | None = None,
) -> Preview:
    """What a workflow of that type would do now; nothing is written. Raises what `submit` does."""
    work = type_of(kind)
    asked = dict(options or {})
    work.check(asked)
    store.contexts.require(context)
    settings = store.settings
    with tempfile.TemporaryDirectory(prefix="chartkeep-") as folder:
        run = Run(
            store,
            context,
            "preview",
            asked,
            strict=strict,
            update=update,
            size=settings.workflows_batch,
            preview=True,
            longest=int(settings.workflows_line_megabytes * (1 << 20)),
        )
        items = source if work.takes_file else work.stage(run)
        if isinstance(items, Path):
            for _ in staging.blocks(items):  # says what is wrong with the path
                break
            run.items = items
        elif items is not None:
            run.items = Path(folder) / staging.ITEMS
            staging.stage(run.items, items)
        found = _Found()
        with writing.looking(store, context) as view:
            for batch in work.batches(run):
                found.take(view, run, batch, work.decide(run, view, batch))
        return found.result()


class _Found:
    """Counts and examples as they come."""

    def __init__(self) -> None:
        self.total = self.unchanged = self.rejected = 0
        self.counts = {"new": 0, "changed": 0, "deleted": 0}
        self.examples: dict[str, list[Example]] = {"new": [], "changed": [], "deleted": [], "unchanged": []}
        self.missing: dict[str, int] = {}
        self.kinds: dict[str, int] = {}
        self.rejects: list[Rejected] = []
        self._seen: set[int] = set()

    def take(self, view: View, run: Run, batch: Batch, decision: Decision) -> None:
        self.total += gone(batch)
        self.unchanged += decision.unchanged
        refused = list(decision.rejects)
        newest = view.newest([edit.key for edit in decision.edits])
        lines = {item.key: item for item in batch.items}
        for edit in decision.edits:
            digest = hash(edit.key)
            if digest in self._seen and edit.key in lines:
                item = lines[edit.key]
                if item.given:
                    refused.append(deciding.duplicate(item, None))
                else:
                    self.unchanged += 1
                continue
            if len(self._seen) < _MOST_KEYS:
                self._seen.add(digest)
            found = newest.get(edit.key)
            sort = _sort_of(edit, found)
            if sort == "deleted" and found is not None:
                kind = parts_of(edit.key)[0]
                self.kinds[kind] = self.kinds.get(kind, 0) + 1
                if len(self.examples[sort]) < EXAMPLES:
                    edit = edit._replace(raw=view.raw(found))  # noqa: PLW2901 - to have a title
            self._add(sort, lines[edit.key].line if edit.key in lines else 0, edit)
        if decision.unchanged and len(self.examples["unchanged"]) < EXAMPLES:
            self._unchanged(batch, decision, {one.line for one in refused})
        for name, count in decision.missing.items():
            self.missing[name] = self.missing.get(name, 0) + count
        self.rejected += len(refused)
        room = EXAMPLES - len(self.rejects)
        for edit in rejecting.edits(run.id, refused[: max(room, 0)], None):
            self.rejects.append(rejected(edit.raw or b"{}", ""))

    def _add(self, sort: str, line: int, edit: Edit) -> None:
        self.counts[sort] += 1
        if len(self.examples[sort]) < EXAMPLES:
            self.examples[sort].append((line, edit.key, _title(edit.raw)))

    def _unchanged(self, batch: Batch, decision: Decision, refused: set[int]) -> None:
        written = {edit.key for edit in decision.edits}
        same = [item for item in batch.items if item.key not in written and item.line not in refused]
        room = EXAMPLES - len(self.examples["unchanged"])
        self.examples["unchanged"] += [(item.line, item.key, _title(item.raw)) for item in same[:room]]

    def result(self) -> Preview:
        shown = self.examples
        return Preview(
            self.total,
            self.counts["new"],
            self.counts["changed"],
            self.unchanged,
            self.rejected,
            self.counts["deleted"],
            self.missing,
            shown["new"],
            shown["changed"],
            shown["unchanged"],
            shown["deleted"],
            self.rejects,
            self.kinds,
        )


def _sort_of(edit: Edit, newest: Newest | None) -> str:
    if edit.op == "delete":
        return "deleted"
    return "new" if newest is None or newest.deleted else "changed"


def _title(raw: bytes | None) -> str:
    """A record in one line, as lists show it."""
    from store.index.knowledge.extract import extract
    from store.index.knowledge.queries import title_of

    if raw is None:
        return ""
    found = extract(0, raw)
    return title_of(found.name, found.title, found.source, found.target)
