"""The types `import` and `create`: records of a JSONL file, as they are or made from drafts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import UsageError
from store.workflows.types import Batch, Run, Staged, WorkType

if TYPE_CHECKING:
    from store.knowledge.checking import Checker, Item, Reject


class Import(WorkType):
    """Takes in records as they are: not a byte of a line is changed."""

    name = "import"
    title = "Import records"
    takes_file = True
    ahead = True
    creating = False

    def check(self, options: dict[str, Any]) -> None:
        """Raises UsageError for an unknown kind."""
        from store.knowledge.kinds import named

        kind = options.get("kind")
        if kind is None:
            return
        found = named(kind) if isinstance(kind, str) else None
        if found is None or found.own or not found.code:
            raise UsageError(f"“{kind}” is no kind of record that can be submitted.")

    def batches(self, run: Run) -> Iterator[Batch]:
        """The staged items, checked."""
        checker = self._checker(run)
        for lines, cursor in run.staged():
            items, rejects = _checked(checker, lines, run.longest)
            yield Batch(cursor, items, (), rejects)

    def _checker(self, run: Run) -> Checker:
        from store.knowledge.checking import Checker
        from store.knowledge.kinds import named

        kind = named(run.options["kind"]) if run.options.get("kind") else None
        return Checker(
            kind.name if kind is not None else None,
            strict=run.strict,
            workflow=run.id,
            creating=self.creating,
            now=clock.stamp(),
            longest=run.longest,
        )


class Create(Import):
    """Makes records of drafts: type, id, workflow and time are put in front of what they say."""

    name = "create"
    title = "Create records"
    creating = True


def _checked(checker: Checker, lines: list[Staged], longest: int) -> tuple[list[Item], list[Reject]]:
    """What the lines hold, and what of them is refused."""
    from store.knowledge.checking import Item, Reject

    items: list[Item] = []
    rejects: list[Reject] = []
    check = checker.check
    for line, raw, whole in lines:
        if not whole:
            why = f"the line is longer than {longest / (1 << 20):g} MB (workflows.line_megabytes)"
            rejects.append(Reject(line, "too-long", why, raw))
            continue
        found = check(line, raw)
        if type(found) is Item:
            items.append(found)
        else:
            rejects.append(found)  # type: ignore[arg-type]
    return items, rejects
