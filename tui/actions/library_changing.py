"""What the library's keys change: new records, edits, deletions, versions brought back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from store.errors import UsageError
from store.knowledge.kinds import BY_NAME, kind_of
from store.knowledge.model import Filter, Row
from tui import library_json
from tui import library_reading as reading
from tui import library_writing as writing
from tui.actions.library import in_library, meant

if TYPE_CHECKING:
    from store.workflows.model import Workflow
    from tui.library_reading import Shown
    from tui.library_writing import DryRun
    from tui.screens.library import LibraryScreen
    from tui.screens.report import Line


@in_library("library.new")
def new(library: LibraryScreen, _times: int) -> None:
    """A draft of the collection's kind; where it has several, ask which."""
    from tui.library_reading import BY_TAB
    from tui.screens.picker import Choice, Picker

    def begin(kind: str | None) -> None:
        if kind:
            _edit(library, library_json.draft(kind), kind, None)

    kinds = [kind for kind in BY_TAB[library.query_now.tab].kinds if kind in library_json.submittable()]
    if len(kinds) == 1:
        begin(kinds[0])
        return
    choices = [Choice(name, BY_NAME[name].title) for name in library_json.submittable()]
    library.app.push_screen(Picker("New record of which kind?", choices), begin)


@in_library("library.edit")
def edit(library: LibraryScreen, _times: int) -> None:
    """The record as it is now, whatever the screen shows."""
    row, desk = meant(library), library.desk
    if row is None:
        return
    if kind_of(row.kind).own:
        desk.say("Only chartkeep writes records of this kind.", error=True)
        return
    store, place = desk.store, (row.context, row.key)

    def begin(found: Shown | None) -> None:
        if found is None or found.row.deleted:
            key = desk.keymap.first("library.restore")
            desk.say(f"This record is deleted; {key} brings it back.")
        elif library.is_current:
            _edit(library, library_json.pretty(found.record), found.row.kind, found.row)

    desk.bridge.read.ask(lambda: reading.shown(store, place), begin, name="library.edit")


def _edit(
    library: LibraryScreen, text: str, kind: str, old: Row | None, said: str = "", *, dialog: bool = False
) -> None:
    """Have a text edited: in the person's editor where there is one, else, or where it was refused, here."""
    from tui import editor
    from tui.screens.library_edit import RecordDialog

    desk = library.desk
    key = old.key if old is not None else ""
    known = kind if kind in BY_NAME else None
    if not dialog and editor.configured(desk.config.settings.editor):
        edited = editor.hand_over(desk, text, suffix=".json")
        if edited is None:
            desk.say("Nothing was changed in the editor.")
        elif library_json.problems(edited, known, key):
            _edit(library, edited, kind, old, dialog=True)
        else:
            _keep(library, kind, old, edited)
        return
    title = f"Edit {key}" if old is not None else f"New {kind_of(kind).title if known else kind}"
    library.app.push_screen(
        RecordDialog(title, text, known, key, said), lambda done: _keep(library, kind, old, done)
    )


def _keep(library: LibraryScreen, kind: str, old: Row | None, text: str | None) -> None:
    if text is None:
        return
    context = old.context if old is not None else library.context_for_new()

    def refused(said: str) -> None:
        if old is None:
            _edit(library, text, kind, None, said, dialog=True)
            return
        store, place = library.desk.store, (old.context, old.key)
        library.desk.bridge.read.ask(lambda: reading.shown(store, place), partial(again, said, old))

    def again(said: str, old: Row, found: Shown | None) -> None:
        """Keep what was typed; where somebody was faster it may be put in the place of theirs."""
        newer = found is not None and found.row.ver != old.ver and not found.row.deleted
        more = " ctrl+s again puts this in the place of theirs." if newer else ""
        row = found.row if found is not None else old
        _edit(library, text, kind, row, said + more, dialog=True)

    writing.keep(
        library.desk,
        context,
        library_json.compact(text),
        old=old,
        then=library.go_to,
        refused=refused,
    )


@in_library("library.restore")
def restore(library: LibraryScreen, _times: int) -> None:
    """Of a deleted record its last version; else the history is shown, to choose one."""
    row = meant(library)
    if row is None:
        return
    if not row.deleted:
        from tui.screens.library_history import HistoryScreen

        library.app.push_screen(HistoryScreen(row))
        return
    writing.restore(library.desk, row, None, library.ask_list)


@in_library("library.delete")
def delete(library: LibraryScreen, _times: int) -> None:
    """The selected records, else the one meant, after asking."""
    from tui.screens.confirm import ConfirmScreen

    places = list(library.records.selected)
    what = f"{len(places):,} selected records" if len(places) != 1 else "the selected record"
    if not places:
        row = meant(library)
        if row is None:
            return
        if row.deleted:
            library.desk.say("This record is deleted already.")
            return
        places, what = [(row.context, row.key)], f"“{row.title}”"

    def done() -> None:
        library.records.unselect(places)
        library.trail.clear()
        library.ask_list()

    def go(yes: bool | None) -> None:
        if yes:
            writing.delete(library.desk, places, done)

    question = f"Delete {what}? Every version stays in the history; R brings a deleted record back."
    library.app.push_screen(ConfirmScreen(question, "delete"), go)


@in_library("library.delete_by")
def delete_by(library: LibraryScreen, _times: int) -> None:
    """Ask for criteria, show what they mean, and delete as a workflow once that was confirmed."""
    from tui import library_filter

    query, desk = library.query_now, library.desk
    if query.tab == "deleted":
        desk.say("These are deleted already.")
        return
    store = desk.store
    where = f"{query.tab if query.tab != 'all' else 'all kinds'} in {query.context or 'all contexts'}"

    def hint(text: str) -> str:
        problem = query._replace(text=text).typed.problem
        return f"! {problem}" if problem else library_filter.SHORT_GRAMMAR

    def look(text: str) -> None:
        typed = query._replace(text=text.strip()).typed
        if typed.problem:
            raise UsageError(f"{typed.problem}. Nothing is deleted by half of what was said.")
        if not text.strip():
            raise UsageError("Say which: a criterion such as tag:x, <0.5 or words.")
        desk.say("Looking which records those are…")
        desk.bridge.work.ask(
            lambda: writing.dry_run(store, typed.filter),
            partial(_confirm, library, text.strip(), typed.filter),
            name="dry run",
        )

    library.ask(f"Delete {where}", look, value=query.text, hint=hint, allow_empty=True)


def _confirm(library: LibraryScreen, text: str, wanted: Filter, found: DryRun) -> None:
    from tui.screens.report import ReportScreen

    desk = library.desk
    if not found.total:
        desk.say(f"No record is meant by “{text}”; nothing to delete.")
        return
    if not found.going:
        desk.say(f"All that “{text}” means stay, since others point there: {found.reasons[0]}.", error=True)
        return

    def started(made: list[Workflow]) -> None:
        key = desk.keymap.first("pane.workflows")
        desk.say(
            f"Deleting {found.going:,} records as {made[0].id}; {key} in the charts shows how far it is."
        )

    def go(yes: bool | None) -> None:
        if yes:
            store, contexts = desk.store, [context for context, _ in found.counts]
            desk.bridge.work.ask(lambda: writing.delete_by(store, wanted, contexts), started)

    count = "1 record" if found.going == 1 else f"{found.going:,} records"
    library.app.push_screen(ReportScreen(f"Delete {count}?", report(text, found), f"delete {count}"), go)


def report(text: str, found: DryRun) -> Sequence[Line]:
    """The dry run in lines: how many, where, and the first ten of them."""
    lines: list[Line] = [
        (f"{found.total:,} records are meant by: {text}", "bold"),
        ("Nothing was deleted yet. The deletion runs as a workflow, which can be rolled back.", "muted"),
        ("", ""),
    ]
    if found.staying:
        number = sum(count for _, count in found.staying)
        lines.append((f"~ {number:,} of them stay, since others point there:", "soon"))
        lines += [*((f"  {reason}", "soon") for reason in found.reasons), ("", "")]
    if len(found.counts) > 1:
        lines += [(f"  {number:>12,}  {context}", "") for context, number in found.counts]
        lines.append(("", ""))
    examples = "All of them:" if found.total <= len(found.examples) else f"The first {len(found.examples)}:"
    lines.append((examples, "muted"))
    for row in found.examples:
        score = f"  {row.quality:.2f}" if row.quality is not None else ""
        lines.append((f"  {row.title}  ({row.key}){score}", ""))
    return lines
