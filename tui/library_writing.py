"""What the library does to records: keeps them, deletes them, brings versions back; each says what came of it.

The work runs in the write lane, what takes long as a workflow in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import ChartkeepError, UsageError
from store.knowledge.model import Filter, Row
from tui.screens.confirm import ConfirmScreen

if TYPE_CHECKING:
    from store.model import Change
    from store.store import Store
    from store.workflows.model import Workflow
    from tui.app import ChartkeepApp
    from tui.library_reading import Place

Then = Callable[[], object]

EXAMPLES = 10
"""Records named by a dry run."""


class DryRun(NamedTuple):
    """What a deletion by criteria would do."""

    counts: list[tuple[str, int]]
    """(context, records) of each context that has any."""
    examples: list[Row]
    staying: list[tuple[str, int]]
    """(context, records) of those that stay, since others point to them."""
    reasons: list[str]
    """Of the first of them."""

    @property
    def total(self) -> int:
        """Records that are meant."""
        return sum(number for _, number in self.counts)

    @property
    def going(self) -> int:
        """Those of them that would be deleted."""
        return self.total - sum(number for _, number in self.staying)


def writable(desk: ChartkeepApp) -> bool:
    """False, and said, where nothing may be changed."""
    if desk.readonly:
        desk.say("This store is open for reading only.", error=True)
    return not desk.readonly


def keep(
    desk: ChartkeepApp,
    context: str,
    raw: bytes,
    *,
    old: Row | None,
    then: Callable[[Place], object],
    refused: Callable[[str], object],
) -> None:
    """Write a new record, or a new version of `old` unless somebody wrote one meanwhile."""
    from store.knowledge import editing

    store = desk.store

    def work() -> Change:
        if old is None:
            return editing.add(store, context, raw)
        return editing.put(store, context, old.key, raw, ver=old.ver)

    def done(change: Change) -> None:
        if change.empty:
            desk.say(said(change) or "Nothing to change.")
            return
        desk.say(said(change))
        key = change.edits[0].key
        then((context, key))

    def otherwise(error: Exception) -> bool:
        if not isinstance(error, ChartkeepError):
            return False
        refused(str(error))
        return True

    desk.bridge.write.ask(work, done, otherwise=otherwise)


def restore(desk: ChartkeepApp, row: Row, ver: int | None, then: Then) -> None:
    """Make an earlier version the present one; without `ver` the last one of a deleted record."""
    from store.knowledge import editing

    store = desk.store

    def done(change: Change) -> None:
        desk.say(said(change) or "Nothing to change.")
        then()

    desk.bridge.write.ask(lambda: editing.restore(store, row.context, row.key, ver), done)


def delete(desk: ChartkeepApp, places: Sequence[Place], then: Then, *, force: bool = False) -> None:
    """Delete records, in one transaction for each context; asks again where others point to them."""
    from store.knowledge import editing
    from store.knowledge.contracts import Breach

    store = desk.store
    grouped: dict[str, list[str]] = {}
    for context, key in places:
        grouped.setdefault(context, []).append(key)

    def work() -> list[Change]:
        return [editing.delete(store, context, keys, force=force) for context, keys in grouped.items()]

    def done(changes: list[Change]) -> None:
        desk.say("; ".join(dict.fromkeys(said(change) for change in changes if not change.empty)))
        then()

    def otherwise(error: Exception) -> bool:
        if force or not isinstance(error, Breach) or error.code != "pointed-at":
            return False
        reason = error.forbids.partition("; ")[0]

        def go(yes: bool | None) -> None:
            if yes:
                delete(desk, places, then, force=True)

        desk.push_screen(ConfirmScreen(f"{reason}. Delete all the same?", "delete all the same"), go)
        return True

    desk.bridge.write.ask(work, done, otherwise=otherwise)


def said(change: Change) -> str:
    """What a change did, in words, with what is to be known of it."""
    return " ".join(part for part in (change.label, *change.hints) if part)


# -- as workflows ----------------------------------------------------------------------------------


def dry_run(store: Store, wanted: Filter) -> DryRun:
    """How many records a deletion would take, and the first of them. Raises UsageError for all of them."""
    from dataclasses import replace

    from store import workflows
    from store.knowledge import criteria

    if not wanted.names_something:
        raise UsageError("Say which records: without any criterion this would delete every one there is.")
    contexts = [wanted.context] if wanted.context is not None else store.library.contexts()
    found = DryRun([], [], [], [])
    for context in contexts:
        here = replace(wanted, context=context)
        number = store.library.count(here)
        if number:
            found.counts.append((context, number))
            found.examples.extend(store.library.rows(here, limit=EXAMPLES - len(found.examples)))
            foreseen = workflows.preview(store, context, "delete", options=criteria.to_options(wanted))
            if foreseen.rejected:
                found.staying.append((context, foreseen.rejected))
                room = EXAMPLES - len(found.reasons)
                found.reasons.extend(one.reason for one in foreseen.rejects[:room])
    return found


def delete_by(store: Store, wanted: Filter, contexts: Sequence[str]) -> list[Workflow]:
    """Submit a deletion for each context, and start it in a process of its own."""
    from store import workflows
    from store.knowledge import criteria

    made = []
    options: dict[str, Any] = criteria.to_options(wanted)
    for context in contexts:
        title = "Delete by criteria"
        flow = workflows.submit(store, context, "delete", title=title, options=options)
        workflows.start(store, flow.id)
        made.append(flow)
    return made


def embed(desk: ChartkeepApp, context: str, then: Then) -> None:
    """Make the vectors that are missing in a context; workflow status shows how far it is."""
    from store.vectors import collection
    from store.vectors.values import Counts

    store = desk.store

    def work() -> Counts:
        with store.jobs.run("embed", f"Embed {context}") as job:
            return collection.embed_missing(store, context, on_progress=job.at)

    def done(counts: Counts) -> None:
        desk.say(f"{counts.embedded:,} vectors made, {counts.unchanged:,} were there.")
        then()

    desk.say(f"Making the vectors of {context}…")
    desk.bridge.work.ask(work, done)
