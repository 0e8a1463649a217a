"""Charts and contexts brought back as they were, from the journal's own past or from a backup.

It is a new transaction on top of the present state: what was there then is put as it was, what was not
there then is deleted. So nothing is lost by it, and `undo` takes it back.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from store import clock, durable, records
from store.charts import names, parts
from store.charts.removing import collect
from store.charts.work import count, quote
from store.errors import NotFound
from store.layout import Layout
from store.model import Change, Edit, Plan
from store.past import JournalHistory
from store.reading import Past
from store.session import new_session
from store.upkeep.backup import manifest as manifests

if TYPE_CHECKING:
    from datetime import datetime

    from store.charts import View
    from store.state import State
    from store.store import Store
    from store.upkeep.backup import Backup, Repository

COMMAND = "restore"


@contextmanager
def past_of(store: Store, context: str, at: datetime) -> Iterator[Past]:
    """A context as its own journal has it of an instant. Raises NotFound where it was not there yet."""
    store.sync(context)
    with store.snapshot() as snap:
        past = Past(store, snap, context, at)
        if not past.keys():
            raise NotFound(
                f"“{context}” held nothing at {clock.stamp(at)[:19]} UTC, by its own journal. A later time may do, or "
                "another context."
            )
        yield past


@contextmanager
def past_in(
    store: Store, repository: Repository, backup: Backup, context: str, at: datetime | None = None
) -> Iterator[Past]:
    """A context as a backup has it, at its end or as of an instant before. Raises NotFound, Damaged."""
    with opened_in(store, repository, backup, context, "charts") as held:
        held.sync(context)
        if context in held.damage:
            raise held.damage[context]
        with held.snapshot() as snap:
            yield Past(held, snap, context, at or _END)


@contextmanager
def opened_in(
    store: Store, repository: Repository, backup: Backup, context: str, family: str
) -> Iterator[Store]:
    """A store with one journal of a backup, for a while. Raises NotFound where the backup does not hold it."""
    from store.store import Store as Opened

    files = repository.files(backup)
    own = {
        path: file
        for path, file in files.items()
        if file.journal is not None and (file.journal.context, file.journal.family) == (context, family)
    }
    if not own:
        there = [file.journal for file in files.values() if file.journal is not None]
        known = sorted({journal.context for journal in there if journal.family == family})
        what = "context" if family == "charts" else f"{family} of"
        raise NotFound(
            f"The backup {backup.id} holds no {what} “{context}”; it holds {', '.join(known) or 'none'}."
        )
    folder = Path(tempfile.mkdtemp(prefix="chartkeep-restore-"))
    try:
        layout = Layout(folder, folder)
        for path in own:
            target = manifests.target(layout, path)
            durable.make_dirs(target.parent)
            durable.write_file(target, repository.read(backup, path), sync=False)
        with Opened(layout, new_session("restore")) as held, store.jobs.run("restore", "Read the backup"):
            yield held
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_END = clock.parse("9999-01-01")


def restore_context(store: Store, context: str, past: Past, when: str) -> Change:
    """Put all of a context as it was. `when` says in words as of when, for the history."""
    if context not in store.contexts.names():
        store.contexts.ensure(context)
    return store.run(context, lambda view: _whole(_state(view), past, when))


def restore_charts(store: Store, context: str, chart_ids: Sequence[str], past: Past, when: str) -> Change:
    """Put charts, with all below them, as they were. Raises NotFound for one that was not there then."""
    if context not in store.contexts.names():
        store.contexts.ensure(context)
    return store.run(context, lambda view: plan_charts(_state(view), past, chart_ids, when))


def planned(store: Store, context: str, past: Past, when: str, chart_ids: Sequence[str] = ()) -> Plan:
    """What `restore_context`, or with ids `restore_charts`, would write now."""
    with store.state(context) as state:
        return plan_charts(state, past, chart_ids, when) if chart_ids else _whole(state, past, when)


def find_charts(past: Past, words: Sequence[str]) -> list[str]:
    """Ids of the charts there were that `words` name: by id, its beginning or end, or by title.

    Raises NotFound, also where one word fits several charts.
    """
    ids = dict.fromkeys(past.chart_ids())
    found = []
    for word in words:
        fits = [one for one in ids if one == word]
        fits = fits or [one for one in ids if len(word) >= 3 and (one.startswith(word) or one.endswith(word))]
        fits = fits or [one for one in ids if parts.read(past, one).title.casefold() == word.casefold()]
        fits = fits or [one for one in ids if word.casefold() in parts.read(past, one).title.casefold()]
        if len(fits) != 1:
            many = f"fits {len(fits)} charts there were then" if fits else "is no chart there was then"
            raise NotFound(f"“{word}” {many}. Name one by its id; `chartkeep show ID --at TIME` shows it.")
        found.append(fits[0])
    return list(dict.fromkeys(found))


def plan_charts(state: State, past: Past, chart_ids: Sequence[str], when: str) -> Plan:
    """The edits that make charts, and all below them, what they were."""
    known = set(past.chart_ids())
    for chart_id in chart_ids:
        if chart_id not in known:
            raise NotFound(f"There was no chart {chart_id} in “{state.context}” then ({when}).")
    wanted = _keys_below(past, chart_ids)
    now = _keys_below(state, [one for one in chart_ids if state.keys_of(one)])
    # What has come below since, but was elsewhere then, goes back there rather than away.
    wanted += [key for key in now if key not in set(wanted) and past.get(key) is not None]
    edits = _puts(state, past, wanted)
    edits += [Edit("delete", key) for key in now if past.get(key) is None]
    coming = {edit.key for edit in edits if edit.op == "put"}
    going = {edit.key for edit in edits if edit.op == "delete"}
    edits = [edit for edit in edits if not _dangles(edit, state, coming, going)]
    first = parts.read(past, chart_ids[0]).title
    what = quote(first) if len(chart_ids) == 1 else count(len(chart_ids), "chart")
    return Plan(COMMAND, f"Restore {what} as of {when}", edits, chart_ids[0])


def _whole(state: State, past: Past, when: str) -> Plan:
    keys = past.keys()
    there = set(keys)
    edits = _puts(state, past, keys)
    edits += [Edit("delete", key) for key in JournalHistory(state).live_keys() if key not in there]
    return Plan(COMMAND, f"Restore the context as of {when}", edits)


def _puts(state: State, past: Past, keys: Sequence[str]) -> list[Edit]:
    edits = []
    for key in keys:
        then, now = past.get(key), state.get(key)
        if then is None or then.record is None:
            continue
        if now is None or now.record is None or not records.same(then.record, now.record):
            edits.append(Edit("put", key, then.record))
    return edits


def _keys_below(view: View, chart_ids: Sequence[str]) -> list[str]:
    if not chart_ids:
        return []
    found = collect(view, chart_ids)
    return [*found.entities, *found.relations]


def _dangles(edit: Edit, state: State, coming: set[str], going: set[str]) -> bool:
    """True for a relation to something that is not there any more and does not come back."""
    if edit.op == "delete" or not edit.key.startswith("r:"):
        return False
    start, _, end = records.relation_ends(edit.key)
    return any(
        key in going or (key not in coming and state.get(key) is None)
        for key in (names.entity_key(start), names.entity_key(end))
    )


def _state(view: View) -> State:
    from store.state import State

    assert isinstance(view, State), "what commands plan on"
    return view
